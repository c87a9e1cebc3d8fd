"""Weights in PyTorch's first format: read as they were written; nothing of a file is run, nothing beyond it is read."""

from __future__ import annotations

import collections
import os
import pickle
import struct
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from catscan.networks.pretrained.torch_file import MAGIC, PROTOCOL, read_tensors

TYPES = {"float32": "FloatStorage", "int64": "LongStorage"}


@dataclass(frozen=True)
class Lying:
    """A tensor as the file has it: values of one storage, and how it lies among them."""

    values: NDArray[Any]
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int = 0


def whole(array: Any) -> Lying:
    """An array that is all of its storage."""
    values = np.asarray(array)
    return Lying(values.ravel(), values.shape, tuple(step // values.itemsize for step in values.strides))


@pytest.fixture(autouse=True)
def _modules_of_torch(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What `pickle` asks for when it writes the names of PyTorch's functions and types."""
    torch, utils = ModuleType("torch"), ModuleType("torch._utils")
    for name in ["FloatStorage", "LongStorage", "HalfStorage"]:
        setattr(torch, name, type(name, (), {"__module__": "torch"}))

    def _rebuild_tensor_v2() -> None: ...

    _rebuild_tensor_v2.__module__, _rebuild_tensor_v2.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "torch", torch)
        patch.setitem(sys.modules, "torch._utils", utils)
        yield


class _Storage:
    def __init__(self, *told: Any) -> None:
        self.told = told


class _Tensor:
    def __init__(self, *told: Any) -> None:
        self.told = told

    def __reduce__(self) -> tuple[Any, ...]:
        return sys.modules["torch._utils"]._rebuild_tensor_v2, self.told


class _Pickler(pickle._Pickler):
    """PyTorch's: a storage is named, not written. The one in Python, for its `persistent_id`."""

    def persistent_id(self, thing: Any) -> Any:
        return thing.told if isinstance(thing, _Storage) else None


def pickled(thing: Any, path: Path) -> bytes:
    with path.open("wb") as file:
        _Pickler(file, protocol=2).dump(thing)
    return path.read_bytes()


def parts_of(tensors: dict[str, Lying], folder: Path, kind: str = "") -> list[bytes]:
    """The parts of a file as `torch.save` of old writes it: five pickles, then count and values of each storage."""
    sys_torch = sys.modules["torch"]
    named = collections.OrderedDict()
    for number, (name, one) in enumerate(tensors.items()):
        dtype = getattr(sys_torch, kind or TYPES[one.values.dtype.name])
        storage = _Storage("storage", dtype, str(number), "cpu", len(one.values), None)
        named[name] = _Tensor(storage, one.offset, one.shape, one.strides, False, collections.OrderedDict())
    heads = [MAGIC, PROTOCOL, {"little_endian": True}, named, [str(number) for number in range(len(tensors))]]
    parts = [pickled(head, folder / "pickle") for head in heads]
    for one in tensors.values():
        parts += [struct.pack("<q", len(one.values)), one.values.tobytes()]
    return parts


def file_of(tensors: dict[str, Lying], folder: Path, kind: str = "") -> bytes:
    return b"".join(parts_of(tensors, folder, kind))


FOUR = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


def test_tensors_are_read_by_name_in_any_order_of_their_axes(tmp_path: Path) -> None:
    turned = Lying(FOUR.ravel(), (4, 3, 2), (1, 4, 12))
    part = Lying(FOUR.ravel(), (2, 2), (12, 1), offset=5)
    found = read_tensors(
        file_of({"a.weight": whole(FOUR), "turned": turned, "part": part, "n": whole(np.int64(7))}, tmp_path)
    )

    assert list(found) == ["a.weight", "turned", "part", "n"]
    np.testing.assert_array_equal(found["a.weight"], FOUR)
    np.testing.assert_array_equal(found["turned"], FOUR.transpose(2, 1, 0))
    assert found["turned"].flags.c_contiguous
    assert found["part"].tolist() == [[5, 6], [17, 18]]
    assert (found["n"].shape, found["n"].dtype, int(found["n"])) == ((), np.int64, 7)


@given(
    shape=st.lists(st.integers(1, 4), max_size=4),
    axes=st.randoms(use_true_random=False),
    before=st.integers(0, 3),
    after=st.integers(0, 3),
)
def test_any_order_of_axes_and_any_place_in_the_storage_is_read(
    tmp_path_factory: pytest.TempPathFactory, shape: Sequence[int], axes: Any, before: int, after: int
) -> None:
    order = list(range(len(shape)))
    axes.shuffle(order)
    n = int(np.prod(shape, dtype=int))
    values = np.arange(before + n + after, dtype=np.float32)
    wanted = values[before : before + n].reshape(shape).transpose(order)
    lying = Lying(values, wanted.shape, tuple(step // 4 for step in wanted.strides), before)

    np.testing.assert_array_equal(read_tensors(file_of({"a": lying}, tmp_path_factory.getbasetemp()))["a"], wanted)


def test_a_file_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    data = file_of({"a": whole(FOUR), "n": whole(np.int64(7))}, tmp_path)
    taken = []
    for length in range(len(data)):
        try:
            read_tensors(data[:length])
        except ValueError:
            continue
        taken.append(length)

    assert taken == []


@given(place=st.integers(0, 10_000), byte=st.integers(0, 255))
def test_a_damaged_byte_ends_in_tensors_or_a_refusal(
    tmp_path_factory: pytest.TempPathFactory, place: int, byte: int
) -> None:
    data = bytearray(file_of({"a": whole(FOUR), "n": whole(np.int64(7))}, tmp_path_factory.getbasetemp()))
    data[place % len(data)] = byte
    try:
        found = read_tensors(bytes(data))
    except ValueError:
        return

    assert all(one.dtype in (np.float32, np.int64) for one in found.values())


class _Calls:
    def __init__(self, function: Any, *arguments: Any) -> None:
        self.reduced = function, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self.reduced


@pytest.mark.parametrize("place", range(5), ids=["magic", "protocol", "sizes", "tensors", "keys"])
@pytest.mark.parametrize(
    ("function", "told"),
    [(os.system, r"posix\.system"), (eval, r"__builtin__\.eval"), (getattr, r"__builtin__\.getattr")],
    ids=["os.system", "eval", "getattr"],
)
def test_a_pickle_that_calls_a_function_is_refused_and_nothing_is_run(
    tmp_path: Path, function: Any, told: str, place: int
) -> None:
    mark = tmp_path / "was here"
    calls = {
        os.system: (f"touch '{mark}'",),
        eval: (f"open({str(mark)!r}, 'w')",),
        getattr: (mark, "touch"),
    }[function]
    parts = parts_of({"a": whole(FOUR)}, tmp_path)
    parts[place] = pickle.dumps(_Calls(function, *calls), protocol=2)

    with pytest.raises(ValueError, match=f"it cannot be read: it calls {told}"):
        read_tensors(b"".join(parts))
    assert not mark.exists()


@pytest.mark.parametrize(
    ("shape", "strides", "offset"),
    [
        ((2, 3, 4), (12, 4, 1), 1),
        ((2, 3, 4), (13, 4, 1), 0),
        ((25,), (1,), 0),
        ((2,), (-1,), 1),
        ((2,), (1,), -1),
        ((0,), (1,), 0),
        ((-1, -1), (1, 1), 0),
        ((2, 2), (1,), 0),
        ((2**62, 4), (2**62, 1), 0),
    ],
    ids=["offset", "stride", "length", "stride below 0", "offset below 0", "empty", "shape below 0", "ranks", "huge"],
)
def test_a_tensor_beyond_its_storage_is_refused(
    tmp_path: Path, shape: tuple[int, ...], strides: tuple[int, ...], offset: int
) -> None:
    with pytest.raises(ValueError, match=r"does not lie within its storage|shorter|longer"):
        read_tensors(file_of({"a": Lying(FOUR.ravel(), shape, strides, offset)}, tmp_path))


@pytest.mark.parametrize(
    ("place", "part", "told"),
    [
        (0, pickle.dumps(MAGIC + 1, 2), "no file of PyTorch's first format"),
        (1, pickle.dumps(1002, 2), "no file of PyTorch's first format"),
        (4, pickle.dumps(["0", "1"], 2), "the storage '1' belongs to no tensor"),
        (4, pickle.dumps([], 2), "it cannot be read"),
        (5, struct.pack("<q", 23), "the storage '0' has not the 24 values"),
        (5, struct.pack("<q", -1), "the storage '0' has not the 24 values"),
    ],
    ids=["magic", "protocol", "a storage too many", "no storage", "fewer values", "a count below 0"],
)
def test_a_part_that_does_not_fit_the_others_is_refused(tmp_path: Path, place: int, part: bytes, told: str) -> None:
    parts = parts_of({"a": whole(FOUR)}, tmp_path)
    parts[place] = part

    with pytest.raises(ValueError, match=told):
        read_tensors(b"".join(parts))


def test_values_of_another_type_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"it calls torch\.HalfStorage"):
        read_tensors(file_of({"a": whole(FOUR)}, tmp_path, kind="HalfStorage"))


@pytest.mark.parametrize("data", [b"", b"PK\3\4" + bytes(100), b"no pickle"], ids=["empty", "zip", "text"])
def test_what_is_no_such_file_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="it"):
        read_tensors(data)
