"""The kinds of data, one row each: all that differs between them is said here or in a module that the row names.

A row names its modules as text, so that none is imported before it is needed, and so that the code of one kind does
not count for the stages of another: this table counts for none (`flow` adds the modules of the kind at hand).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from importlib import import_module
from typing import Any

from catscan.common.errors import CatscanError, did_you_mean
from catscan.common.settings import from_dict
from catscan.kinds.samples import Finder, Reader, Settings
from catscan.raw.files import RawFiles


@dataclass(frozen=True)
class Kind:
    """One kind of data.

    Attributes
    ----------
    name
        `data.kind`.
    sample
        What one sample is, for config/README.md.
    samples
        What its samples are called, in the plural.
    block
        The block of `preprocess` that its settings stand in.
    settings
        Their class, a `samples.Settings`: module below `catscan.kinds`, colon, name; so are those that follow.
    finder
        Its `samples.Finder`.
    reader
        Its `samples.Reader`, made of the raw files and the settings.
    thumbnails
        A function of the raw files: the reader of the 64 x 64 gray thumbnails by which near-duplicates are known; ""
        where none are looked for.
    named
        What of it can be predicted by name: "file", "folder".
    by_area
        Whether its samples are resized by area unless their settings name another way.
    picture_files
        Whether its samples are picture files, as photographs come and as a browser opens them.
    """

    name: str
    sample: str
    samples: str
    block: str
    settings: str
    finder: str
    reader: str
    thumbnails: str = ""
    named: tuple[str, ...] = ("file",)
    by_area: bool = False
    picture_files: bool = False

    @property
    def code_of_finding(self) -> tuple[str, ...]:
        """The modules that the index stage needs for this kind alone."""
        return _modules(self.finder, self.thumbnails)

    @property
    def code_of_reading(self) -> tuple[str, ...]:
        """The modules that the preprocess stage needs for this kind alone."""
        return _modules(self.settings, self.reader)

    @property
    def settings_class(self) -> type:
        """The class of its settings, whose fields are the keys of its block."""
        return _named(self.settings)

    def settings_of(self, block: dict[str, Any]) -> Settings:
        """The settings of a block of the config.

        Raises
        ------
        CatscanError
            For a key that the kind does not have, or a value that it cannot use.
        """
        made: Settings = from_dict(self.settings_class, block, where=f"preprocess.{self.block}")
        return made

    def block_seen_at(self, block: dict[str, Any], side: int) -> dict[str, Any]:
        """A block of the config for the same samples, ``side`` pixels high and wide; raises as `settings_of` does."""
        seen: Any = self.settings_of(block).seen_at(side)
        return dict(json.loads(json.dumps(asdict(seen))))  # lists, where a dataclass has tuples

    def open_reader(self, block: dict[str, Any], raw: RawFiles) -> Reader:
        """The reader of the samples in ``raw``; raises as `settings_of` does."""
        reader: Reader = _named(self.reader)(raw, self.settings_of(block))
        return reader

    def open_thumbnails(self, raw: RawFiles) -> Reader:
        """The reader of their thumbnails."""
        reader: Reader = _named(self.thumbnails)(raw)
        return reader

    def open_finder(self, text: str, *, key: str) -> Finder:
        """What finds the samples of ``text``, which stands in the config as ``key``.

        Raises
        ------
        CatscanError
            When the text cannot say where samples of this kind lie.
        """
        finder: Finder = _named(self.finder)(text, key=key)
        return finder


KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            name="picture",
            sample="a picture file (JPEG, PNG, GIF, BMP, WebP, TIFF, or DICOM of one picture)",
            samples="pictures",
            block="picture",
            settings="pictures.settings:FileSettings",
            by_area=True,
            finder="find:FileFinder",
            reader="pictures.reader:PictureReader",
            thumbnails="pictures.reader:thumbnails",
            picture_files=True,
        ),
        Kind(
            name="dicom_series",
            sample="a folder of DICOM slices",
            samples="DICOM series",
            block="scan",
            settings="scans.settings:ScanSettings",
            finder="find:FolderFinder",
            reader="scans.reader:ScanReader",
            named=("file", "folder"),
        ),
        Kind(
            name="nifti",
            sample="a NIfTI file",
            samples="NIfTI files",
            block="scan",
            settings="scans.settings:NiftiSettings",
            finder="find:FileFinder",
            reader="scans.nifti:NiftiReader",
        ),
        Kind(
            name="csv_pixels",
            sample="a row of pixel values in a CSV, or a record in a JSON list",
            samples="rows of a table of pixels",
            block="picture",
            settings="pictures.settings:TableSettings",
            by_area=True,
            finder="pictures.rows:RowFinder",
            reader="pictures.pixels:PixelsReader",
            named=(),
        ),
        Kind(
            name="arrays",
            sample="an array of numbers in a file (.npy, .npz), or a row of one array of all samples. In a pattern an "
            ".npz is a folder of its arrays. A pattern without {id} finds arrays of samples: their ids are what its "
            "{fields} match, and the number of the row from 0 (train.0); their labels are in the array called labels "
            "where this one is called images",
            samples="files of arrays",
            block="array",
            settings="arrays.settings:ArraySettings",
            by_area=True,
            finder="arrays.finder:ArrayFinder",
            reader="arrays.reader:ArrayReader",
        ),
    )
}
COMMONEST = "picture"  # where the config does not say the kind


def kind_named(name: str) -> Kind:
    """The kind of data called ``name``.

    Raises
    ------
    CatscanError
        When there is none, with the nearest.
    """
    if name not in KINDS:
        raise CatscanError(
            "Unknown kind of data.", where="data.kind", found=repr(name), do=did_you_mean(name, list(KINDS))
        )
    return KINDS[name]


def _named(text: str) -> Any:
    module, _, name = text.partition(":")
    return getattr(import_module(f"catscan.kinds.{module}"), name)


def _modules(*texts: str) -> tuple[str, ...]:
    return tuple(f"kinds.{text.partition(':')[0]}" for text in texts if text)
