"""Reads the weights in a file of PyTorch's first format without PyTorch, and without trusting the pickles in it.

Such a file is five pickles (a magic number, the protocol, sizes, the tensors by name, the keys of their storages), then
of each storage, in the order of the keys, the number of its values (int64) and the values, all little-endian
(`torch.serialization._legacy_load`). The tensors' pickle calls two functions and names two types; the unpickler here
knows these and refuses all else, so that no code of a file is ever run.
"""

from __future__ import annotations

import collections
import io
import pickle
import struct
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001
TYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}
HEADERS = 3  # magic number, protocol, sizes
Storage = tuple[np.dtype[Any], str, int]  # type, key, number of values
Tensor = tuple[Storage, int, tuple[int, ...], tuple[int, ...]]  # offset in it, shape, strides; all in values


class _Refused(pickle.UnpicklingError):
    pass


class _Unpickler(pickle.Unpickler):
    """Knows what a file of weights needs, and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _tensor
        if module == "torch" and name in TYPES:
            return TYPES[name]
        raise _Refused(f"it calls {module}.{name}")

    def persistent_load(self, saved: Any) -> Storage:
        what, dtype, key, _device, size, view = saved
        if what != "storage" or view is not None or not isinstance(dtype, np.dtype):
            raise _Refused("it holds more than tensors")
        return dtype, str(key), int(size)


def _tensor(storage: Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any) -> Tensor:
    """Where a tensor lies."""
    return storage, offset, tuple(shape), tuple(strides)


def read_tensors(data: bytes) -> dict[str, NDArray[Any]]:
    """The tensors by name, float32 or int64, each C-contiguous.

    Parameters
    ----------
    data
        The whole file.

    Raises
    ------
    ValueError
        When it is no such file, is cut off, or holds anything but tensors of these two types.
    """
    file = io.BytesIO(data)
    try:
        magic, protocol, _sizes = (_Unpickler(file).load() for _ in range(HEADERS))
        if (magic, protocol) != (MAGIC, PROTOCOL):
            raise ValueError("it is no file of PyTorch's first format")
        tensors: dict[str, Tensor] = _Unpickler(file).load()
        sizes = {storage[1]: storage for storage, *_ in tensors.values()}
        storages = {key: _values(file, sizes, key) for key in _Unpickler(file).load()}
        return {name: _array(tensor, storages) for name, tensor in tensors.items()}
    except ValueError:
        raise
    except Exception as error:  # a pickle that is damaged raises almost anything
        raise ValueError(f"it cannot be read: {error}") from error


def _values(file: BinaryIO, sizes: dict[str, Storage], key: str) -> NDArray[Any]:
    """The values of a storage, whose type and number its tensors say."""
    if key not in sizes:
        raise ValueError(f"the storage {key!r} belongs to no tensor")
    dtype, _, size = sizes[key]
    (said,) = struct.unpack("<q", file.read(8))
    data = file.read(size * dtype.itemsize)
    if said != size or len(data) != size * dtype.itemsize:
        raise ValueError(f"the storage {key!r} has not the {size} values of its tensors")
    return np.frombuffer(data, dtype)


def _array(tensor: Tensor, storages: dict[str, NDArray[Any]]) -> NDArray[Any]:
    """The values of a tensor, which may lie in its storage in any order of its axes."""
    (_, key, _), offset, shape, strides = tensor
    values = storages[key]
    last = offset + sum(stride * (length - 1) for stride, length in zip(strides, shape, strict=True))
    if min((offset, *strides, *shape)) < 0 or 0 in shape or last >= len(values):
        raise ValueError("a tensor does not lie within its storage")
    in_bytes = [stride * values.itemsize for stride in strides]
    lying = np.lib.stride_tricks.as_strided(values[offset:], shape, in_bytes, writeable=False)
    return np.array(lying, order="C")  # `ascontiguousarray` would make a scalar a vector
