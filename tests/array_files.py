"""The bytes of `.npy` and `.npz` files, sound and otherwise."""

from __future__ import annotations

import io
import struct
import zipfile

import numpy as np


def npy(values: np.ndarray) -> bytes:
    """The bytes of an `.npy` file."""
    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()


def headed(header: str, values: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    """An `.npy` file with any header."""
    return b"\x93NUMPY" + version + struct.pack("<H", len(header)) + header.encode() + values


def described(descr: str = "'|u1'", shape: str = "(2, 2)", fortran: str = "False") -> str:
    """A header in NumPy's words."""
    return f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}\n"


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """The bytes of a zip."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()
