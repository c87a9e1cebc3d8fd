"""The header of an array: what is read, and what is refused before a value is touched."""

from __future__ import annotations

import pickle
import tracemalloc

import numpy as np
import pytest
from array_files import described, headed, npy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as strategies

from catscan.common.errors import BadSample
from catscan.kinds.arrays.stored import stored_array


class Memory:
    """Bytes in memory as a span."""

    def __init__(self, data: bytes) -> None:
        self.data, self.size = data, len(data)

    def read(self, start: int, count: int) -> bytes:
        assert start + count <= self.size
        return self.data[start : start + count]


SLOWLY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # on a busy machine
NUMBERS = st.one_of(
    strategies.boolean_dtypes(),
    strategies.integer_dtypes(endianness="?"),
    strategies.unsigned_integer_dtypes(endianness="?"),
    strategies.floating_dtypes(endianness="?"),
)


@SLOWLY
@given(strategies.arrays(NUMBERS, strategies.array_shapes(max_dims=5, max_side=4)), st.booleans())
def test_numbers_of_any_type_order_of_bytes_and_layout_come_back(values: np.ndarray, fortran: bool) -> None:
    stored = stored_array(Memory(npy(np.asfortranarray(values) if fortran else values)))

    np.testing.assert_array_equal(stored.whole(), values)
    if not stored.is_fortran:
        np.testing.assert_array_equal(stored.row(len(values) - 1), values[-1])


class Bomb:
    """What a pickle would call, were it ever loaded."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return pytest.fail, ("a pickle was loaded",)


def objects() -> bytes:
    values = np.empty(1, object)
    values[0] = Bomb()
    return npy(values)


HOSTILE = {
    "empty": (b"", "is no array in NumPy's format"),
    "something else": (b"GIF89a" * 9, "is no array in NumPy's format"),
    "pickle": (pickle.dumps(Bomb()), "is no array in NumPy's format"),
    "magic alone": (b"\x93NUMPY", "of a version"),
    "version 9": (headed(described(), b"1234", version=b"\x09\x00"), "of a version"),
    "header cut off": (npy(np.zeros(4))[:30], "is cut off in its header"),
    "endless header": (headed(" " * 20_000), "has a header of 20,000 bytes"),
    "nested header": (headed("(" * 9_000), "has a header that is none"),
    "code for a header": (headed("__import__('os').getcwd()"), "has a header that is none"),
    "other keys": (headed("{'shape': (1,)}"), "has a header that is none"),
    "values cut off": (npy(np.zeros((2, 3), np.uint8))[:-1], r"its shape \(2, 3\) takes 6 bytes, and 5 are there"),
    "values left over": (npy(np.zeros(3, np.uint8)) + b"1", "takes 3 bytes, and 4 are there"),
    "objects": (objects(), "holds Python objects, which are never loaded"),
    "records": (npy(np.zeros(2, [("a", "<i4"), ("b", "<f4")])), "is an array of records"),
    "records in a word": (headed(described("'<i4,<f4'")), "which are no numbers"),
    "objects in a word": (headed(described("'<i4,O'")), "holds Python objects"),
    "text": (npy(np.array(["cat"])), "holds values of the type <U3, which are no numbers"),
    "dates": (npy(np.zeros(2, "M8[s]")), "which are no numbers"),
    "complex": (npy(np.zeros(2, complex)), "holds values of the type complex128"),
    "unknown type": (headed(described("'<q9'"), b"1234"), "is of an unknown type '<q9'"),
    "negative shape": (headed(described(shape="(-2, -2)"), b"1234"), r"has a shape that is none: \(-2, -2\)"),
    "shape of fractions": (headed(described(shape="(2.0, 2)"), b"1234"), "has a shape that is none"),
    "shape of truths": (headed(described(shape="(True, 4)"), b"1234"), "has a shape that is none"),
    "shape that is a number": (headed(described(shape="4"), b"1234"), "has a shape that is none"),
    "huge shape": (headed(described(shape=f"({1 << 62}, {1 << 62})"), b"1234"), "bytes, and 4 are there"),
    "many axes": (headed(described(shape=str((1,) * 6)), b"1"), "has 6 axes, more than 5"),
    "nothing in it": (npy(np.zeros((0, 4))), r"is empty: its shape is \(0, 4\)"),
}


@pytest.mark.parametrize(("data", "reason"), HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_array_of_numbers_is_refused_with_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(BadSample, match=reason):
        stored_array(Memory(data))


@SLOWLY
@given(st.binary(max_size=200))
def test_no_bytes_are_taken_for_an_array_or_end_in_another_error(data: bytes) -> None:
    with pytest.raises(BadSample):
        stored_array(Memory(b"\x93NUMPY\x01\x00" + data))


def test_a_lying_shape_takes_no_memory() -> None:
    data = headed(described("'<f8'", f"({1 << 40},)"), b"12345678")
    tracemalloc.start()
    with pytest.raises(BadSample):
        stored_array(Memory(data))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 1 << 20


def test_a_row_beyond_the_last_is_told() -> None:
    stored = stored_array(Memory(npy(np.zeros((2, 3)))))

    with pytest.raises(BadSample, match=r"has the shape \(2, 3\), no row 2"):
        stored.row(2)
