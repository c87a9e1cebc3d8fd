"""The Python packages that predicting needs, as they are installed here, in one zip that Python can start from."""

from __future__ import annotations

import platform
import re
import sys
import zipfile
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

from catscan.common.errors import CatscanError
from catscan.common.files import whole
from catscan.common.fingerprint import PACKAGE, SOURCES

FOLDER = "catscan-packages"
# What the stages from index to submission import, and what of it is found at run time (the decoders of pydicom); the
# packages that these need come with them.
ROOTS = (
    *("numpy", "pandas", "scipy", "llvmlite", "tqdm", "opencv-python-headless", "simplejpeg", "pillow"),
    *("pydicom", "pylibjpeg", "pylibjpeg-libjpeg", "pylibjpeg-openjpeg", "pylibjpeg-rle", "pyjpegls", "nibabel"),
    "tflearn",
)
TENSORFLOW = ("tensorflow-cpu", "tensorflow")  # of which one is installed
NOT_TO_RUN = re.compile(r"\.(pyc|pyi|h|hpp|a)$|^tensorflow/include/")
QUICK = 1  # of zlib's levels: a third of the time of the usual one, a tenth larger
FIXED = (1980, 1, 1, 0, 0, 0)  # the date of every member, so that equal packages give equal bytes


def check_machine() -> None:
    """Refuse a machine whose packages do not run at Kaggle.

    Raises
    ------
    CatscanError
        On another system than Linux, or another processor than x86-64.
    """
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        raise CatscanError(
            "The packages of this machine do not run at Kaggle, so no notebook can be made of them.",
            where="this machine",
            found=f"{platform.system()} on {platform.machine()}; Kaggle's is Linux on x86_64",
            do="Copy results/ to such a machine, and make the notebook there.",
        )


def write_packages(path: Path, weights: Iterable[str]) -> None:
    """Write the packages, catscan itself among them, into a zip.

    Parameters
    ----------
    weights
        The distributions that bring the weights of pretrained networks.
    """
    members = {f"{FOLDER}/{name}": file for name, file in _files([*ROOTS, _tensorflow(), *weights])}
    ours = (file for file in SOURCES.rglob("*") if file.is_file() and file.suffix != ".pyc")
    members |= {f"{FOLDER}/{PACKAGE}/{file.relative_to(SOURCES).as_posix()}": file for file in ours}
    write_zip(path, members)


def write_zip(path: Path, members: dict[str, Path]) -> None:
    """Write files into a zip by their names in it, whole or not at all."""
    with whole(path) as partial, zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=QUICK) as archive:
        for name in sorted(members):
            member = zipfile.ZipInfo(name, date_time=FIXED)
            member.compress_type, member.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            member.file_size = members[name].stat().st_size
            with members[name].open("rb") as file, archive.open(member, "w") as written:
                while block := file.read(1 << 20):
                    written.write(block)


def needed(roots: Iterable[str]) -> dict[str, Distribution]:
    """By their names, the installed distributions that ``roots`` are and need, without what they need for extras.

    Raises
    ------
    CatscanError
        When one is not installed.
    """
    found, todo = dict[str, Distribution](), list(roots)
    while todo:
        name = re.sub(r"[-_.]+", "-", todo.pop()).lower()
        if name in found:
            continue
        try:
            found[name] = distribution(name)
        except PackageNotFoundError as error:
            raise CatscanError(
                f"The package {name} is not installed.", do="Run catscan by ./run, whose environment holds all."
            ) from error
        requirements = map(Requirement, found[name].requires or ())
        todo += [one.name for one in requirements if one.marker is None or one.marker.evaluate({"extra": ""})]
    return found


def _files(roots: Iterable[str]) -> Iterator[tuple[str, Path]]:
    """Each file to run from: its name below the folder of packages, and where it is."""
    for one in needed(roots).values():
        for file in one.files or ():
            name = file.as_posix()
            if not name.startswith("..") and not NOT_TO_RUN.search(name):
                yield name, Path(str(file.locate()))


def _tensorflow() -> str:
    for name in TENSORFLOW:
        try:
            distribution(name)
        except PackageNotFoundError:
            continue
        return name
    return TENSORFLOW[0]
