"""Samples that are files of arrays, or rows of one array, with the labels beside them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from array_files import described, headed, npy, zipped

from catscan.common.errors import CatscanError
from catscan.kinds.arrays.finder import ArrayFinder
from catscan.kinds.samples import Search
from catscan.raw.files import RawFiles

IMAGES = np.zeros((3, 4, 4), np.uint8)
LABELS = np.array([[0], [1], [0]], np.uint8)
DATA = Path(os.environ.get("CATSCAN_DATA", "/nonexistent")) / "adrenal-mnist-3d"


@pytest.fixture
def search(tmp_path: Path) -> Any:
    """``search(id_column="", **{path: array})``: the raw folder of the test with these files, to be searched."""

    def made(files: dict[str, bytes], id_column: str = "") -> Search:
        for path, data in files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_bytes(data)
        raw = RawFiles(tmp_path)
        return Search(raw, raw.all(), id_column, [])

    return made


def medmnist(**more: np.ndarray) -> bytes:
    """A set in MedMNIST's layout."""
    arrays = {"train_images": IMAGES, "train_labels": LABELS, "val_images": IMAGES[:1], "val_labels": LABELS[1:2]}
    arrays |= {"test_images": IMAGES[:2], **more}
    return zipped({f"{name}.npy": npy(values) for name, values in arrays.items()})


def found_by(text: str, search: Search) -> list[tuple[str, str, str]]:
    found = ArrayFinder(text, key="data.train").find(search)
    return [(one.sample.sample_id, one.sample.archive, one.sample.path) for one in found]


class TestSamples:
    def test_rows_of_two_arrays_have_ids_that_say_where_they_are_from(self, search) -> None:
        found = found_by("set.npz/{set:train|val}_images", search({"set.npz": medmnist()}))

        assert found == [
            ("train.0", "", "set.npz/train_images#0"),
            ("train.1", "", "set.npz/train_images#1"),
            ("train.2", "", "set.npz/train_images#2"),
            ("val.0", "", "set.npz/val_images#0"),
        ]

    def test_rows_of_one_array_are_numbered_from_0(self, search) -> None:
        found = found_by("set.npz/test_images", search({"set.npz": medmnist()}))

        assert [sample_id for sample_id, *_ in found] == ["0", "1"]

    def test_the_label_in_a_name_is_that_of_all_its_rows(self, search) -> None:
        files = search({"cat.npy": npy(IMAGES[:1]), "dog.npy": npy(IMAGES[:2])})
        found = ArrayFinder("{label}.npy", key="data.train").find(files)

        assert [(one.sample.sample_id, one.fields["label"]) for one in found] == [
            ("cat.0", "cat"),
            ("dog.0", "dog"),
            ("dog.1", "dog"),
        ]

    def test_a_pattern_with_an_id_finds_a_file_a_sample(self, search) -> None:
        files = search({"train/b10.npy": b"", "train/b9.npz": b"", "train/notes.txt": b"", "train.zip": zipped({})})

        assert found_by("train/{id}.npy", files) == [("b10", "", "train/b10.npy")]
        assert found_by("train/{id}.*", files) == [("b9", "", "train/b9.npz"), ("b10", "", "train/b10.npy")]

    def test_a_pattern_may_look_into_an_npz_for_the_array_of_a_sample(self, search) -> None:
        files = search({f"train/{name}.npz": zipped({"image.npy": b"", "mask.npy": b""}) for name in "ab"})

        assert found_by("train/{id}.npz/image", files) == [
            ("a", "", "train/a.npz/image"),
            ("b", "", "train/b.npz/image"),
        ]

    def test_an_npz_in_a_zip_is_found_as_if_it_were_unpacked(self, search) -> None:
        files = search({"all.zip": zipped({"set.npz": medmnist()})})

        assert found_by("set.npz/test_images", files)[1] == ("1", "all.zip", "set.npz/test_images#1")


class TestLabels:
    def test_they_stand_in_the_array_called_labels(self, search) -> None:
        finder = ArrayFinder("set.npz/{set:train|val}_images", key="data.train")
        table = finder.label_table(search({"set.npz": medmnist()}), finder.own_labels, [])

        assert finder.own_labels == "set.npz/{set:train|val}_labels"
        assert table.to_dict("list") == {
            "id": ["train.0", "train.1", "train.2", "val.0"],
            "label": ["0", "1", "0", "1"],
        }
        assert table.index[-1] == "0 of set.npz/val_labels"

    def test_several_labels_a_sample_are_as_many_columns(self, search) -> None:
        flags = np.array([[0, 1, 1], [1, 0, 0], [0, 0, 0]], np.uint8)
        finder = ArrayFinder("set.npz/train_images", key="data.train")
        table = finder.label_table(search({"set.npz": medmnist(train_labels=flags)}), finder.own_labels, ["2"])

        assert table[["id", "0", "1", "2"]].to_numpy().tolist() == [
            ["0", "0", "1", "1"],
            ["1", "1", "0", "0"],
            ["2", "0", "0", "0"],
        ]

    def test_an_array_of_another_name_can_hold_them(self, search) -> None:
        files = search({"x_train.npy": npy(IMAGES), "y_train.npy": npy(LABELS[:, 0])})
        table = ArrayFinder("x_train.npy", key="data.train").label_table(files, "y_train.npy", [])

        assert table["label"].tolist() == ["0", "1", "0"]

    def test_a_table_can_hold_them(self, search) -> None:
        files = search({"images.npy": npy(IMAGES), "labels.csv": b"id,class\n0,cat\n"})

        assert ArrayFinder("images.npy", key="data.train").label_table(files, "labels.csv", []).shape == (1, 2)

    @pytest.mark.parametrize("text", ["{id}.npy", "{label}_images.npy", "x_train.npy", "images/x.npy"])
    def test_other_patterns_have_none_of_their_own(self, text: str) -> None:
        assert ArrayFinder(text, key="data.train").own_labels == ""


REFUSED: dict[str, tuple[bytes, list[str]]] = {
    "no zip": (b"PK", ["An array cannot be read.", "set.npz", "is no zip that can be read"]),
    "missing": (zipped({"a.npy": npy(IMAGES)}), ["No file matches the pattern", "such as set.npz/a"]),
    "pickled": (
        zipped({"train_images.npy": npy(np.array([{}]))}),
        ["An array cannot be read.", "set.npz/train_images", "holds Python objects, which are never loaded"],
    ),
    "lying": (
        zipped({"train_images.npy": headed(described(shape=f"({1 << 50}, 4, 4)"), b"1")}),
        ["An array cannot be read.", "set.npz/train_images", "bytes, and 1 are there"],
    ),
    "flat": (
        zipped({"train_images.npy": npy(LABELS)}),
        ["An array of samples has the axes samples, height, width", "the shape (3, 1)"],
    ),
    "fortran": (
        zipped({"train_images.npy": npy(np.asfortranarray(np.zeros((2, 3, 4))))}),
        ["An array of samples lies in Fortran's order", "set.npz/train_images", "numpy.ascontiguousarray"],
    ),
    "no labels": (zipped({"train_images.npy": npy(IMAGES)}), ["No file matches the pattern 'set.npz/train_labels'"]),
    "too few labels": (
        medmnist(train_labels=LABELS[:2]),
        ["An array of labels has not one row a sample.", "set.npz/train_labels", "2 labels, 3 samples"],
    ),
    "fractions": (
        medmnist(train_labels=LABELS / 2),
        ["Labels are whole numbers", "set.npz/train_labels", "float64 values of the shape (3, 1)"],
    ),
}


@pytest.mark.parametrize(("data", "parts"), REFUSED.values(), ids=REFUSED)
def test_a_set_that_cannot_be_read_is_refused_in_one_block(search, data: bytes, parts: list[str]) -> None:
    finder, files = ArrayFinder("set.npz/train_images", key="data.train"), search({"set.npz": data})

    with pytest.raises(CatscanError) as refused:
        finder.find(files)
        finder.label_table(files, finder.own_labels, [])

    assert [part for part in parts if part not in str(refused.value)] == []


def test_two_arrays_that_give_the_same_ids_are_refused(search) -> None:
    files = search({"a.npy": npy(IMAGES), "b.npy": npy(IMAGES)})

    with pytest.raises(CatscanError) as refused:
        found_by("*.npy", files)

    assert "config key data.train (*.npy)" in str(refused.value)
    assert "a.npy and b.npy" in str(refused.value)
    assert "Put {id} where a name is the id of one sample" in str(refused.value)


def test_a_column_that_the_labels_lack_is_refused(search) -> None:
    finder = ArrayFinder("set.npz/train_images", key="data.train")

    with pytest.raises(CatscanError, match="A table lacks the column 'patient'"):
        finder.label_table(search({"set.npz": medmnist()}), finder.own_labels, ["patient"])


@pytest.mark.skipif(not DATA.is_dir(), reason="CATSCAN_DATA has no adrenal-mnist-3d")
@pytest.mark.parametrize("edition", ["adrenalmnist3d", "adrenalmnist3d_64"])
def test_the_real_set_of_adrenal_glands_has_1286_labelled_samples_and_298_more(edition: str) -> None:
    raw = RawFiles(DATA)
    search = Search(raw, raw.all(), "", [])
    finder = ArrayFinder(f"{edition}.npz/{{set:train|val}}_images", key="data.train")
    labels = finder.label_table(search, finder.own_labels, [])

    assert len(finder.find(search)) == 1286
    assert labels["label"].value_counts().to_dict() == {"0": 1005, "1": 281}
    assert len(ArrayFinder(f"{edition}.npz/test_images", key="data.test").find(search)) == 298
