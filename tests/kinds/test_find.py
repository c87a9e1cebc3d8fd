from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from catscan.common.errors import CatscanError
from catscan.kinds.find import find_samples
from catscan.raw.files import RawFiles
from catscan.raw.patterns import Pattern


def found_in(raw: Path, pattern: str, *, folders: bool = False) -> tuple[dict[str, tuple[str, str]], list[str]]:
    """Sample id to (archive, path), and the remarks."""
    remarks: list[str] = []
    files = RawFiles(raw)
    found = find_samples(files.all(), Pattern(pattern, key="data.train", folders=folders), remarks)
    files.close()
    return {one.sample.sample_id: (one.sample.archive, one.sample.path) for one in found}, remarks


def put(raw: Path, *paths: str) -> None:
    for path in paths:
        (raw / path).parent.mkdir(parents=True, exist_ok=True)
        (raw / path).write_bytes(b"x")


def pack(raw: Path, name: str, *members: str) -> None:
    (raw / name).parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(raw / name, "w") as archive:
        for member in members:
            archive.writestr(member, b"x")


class TestScans:
    @pytest.mark.parametrize(
        ("pattern", "path"),
        [
            ("stage1/{id}/*.dcm", "stage1/p1"),
            ("stage1/{id}/**", "stage1/p1"),
            ("stage1/{id}/deep/*.dcm", "stage1/p1/deep"),
            ("stage1/{id}/**/*.dcm", "stage1/p1"),
            ("**/{id}/deep/*", "stage1/p1/deep"),
        ],
    )
    def test_sample_is_the_folder_that_the_fields_name(self, tmp_path: Path, pattern: str, path: str) -> None:
        put(tmp_path, "stage1/p1/deep/1.dcm", "stage1/p1/deep/2.dcm", "stage1/p1/1.dcm")

        assert found_in(tmp_path, pattern, folders=True)[0] == {"p1": ("", path)}

    def test_sample_is_the_file_when_the_fields_reach_into_its_name(self, tmp_path: Path) -> None:
        put(tmp_path, "scans/p1.dcm", "scans/p2.dcm")

        found, _ = found_in(tmp_path, "scans/{id}.dcm", folders=True)

        assert found == {"p1": ("", "scans/p1.dcm"), "p2": ("", "scans/p2.dcm")}

    def test_folder_inside_a_zip(self, tmp_path: Path) -> None:
        pack(tmp_path, "stage1.zip", "stage1/p1/1.dcm", "stage1/p1/2.dcm")

        assert found_in(tmp_path, "stage1/{id}/*.dcm", folders=True)[0] == {"p1": ("stage1.zip", "stage1/p1")}

    def test_one_zip_a_patient_is_the_root_of_that_zip(self, tmp_path: Path) -> None:
        pack(tmp_path, "stage1/p1.zip", "1.dcm", "2.dcm")
        pack(tmp_path, "stage1/p2.zip", "1.dcm", "2.dcm")

        found, _ = found_in(tmp_path, "stage1/{id}/*.dcm", folders=True)

        assert found == {"p1": ("stage1/p1.zip", ""), "p2": ("stage1/p2.zip", "")}

    def test_two_series_of_one_patient_are_refused(self, tmp_path: Path) -> None:
        put(tmp_path, "train/p1/FLAIR/1.dcm", "train/p1/T1w/1.dcm")

        with pytest.raises(CatscanError, match="1 id with more than one sample") as refused:
            found_in(tmp_path, "train/{id}/{channel:FLAIR|T1w}/*.dcm", folders=True)

        assert "train/p1/FLAIR, train/p1/T1w" in refused.value.found
        assert "{channel:FLAIR}" in refused.value.do


class TestFindSamples:
    @pytest.mark.parametrize("pattern", ["train/{id}.nii.gz", "train/{id}/{id}_ct.nii.gz", "train/{id}/*.nii.gz"])
    def test_volume_is_a_file_whatever_its_folder(self, tmp_path: Path, pattern: str) -> None:
        put(tmp_path, "train/p1.nii.gz", "train/p1/p1_ct.nii.gz")

        found, _ = found_in(tmp_path, pattern)

        assert list(found) == ["p1"]
        assert found["p1"][1].endswith(".nii.gz")

    def test_ids_come_in_natural_order_with_their_zeros(self, tmp_path: Path) -> None:
        put(tmp_path, "test/10.jpg", "test/9.jpg", "test/007.jpg")

        assert list(found_in(tmp_path, "test/{id}.jpg")[0]) == ["007", "9", "10"]

    def test_label_in_the_name_is_part_of_the_id(self, tmp_path: Path) -> None:
        put(tmp_path, "train/cat.0.jpg", "train/dog.0.jpg")

        assert list(found_in(tmp_path, "train/{label}.{id}.jpg")[0]) == ["cat.0", "dog.0"]

    def test_zip_without_its_folder_is_seen_below_its_name(self, tmp_path: Path) -> None:
        pack(tmp_path, "train.zip", "1.jpg")

        assert found_in(tmp_path, "train/{id}.jpg")[0] == {"1": ("train.zip", "1.jpg")}

    def test_zip_in_a_folder_is_seen_in_that_folder(self, tmp_path: Path) -> None:
        pack(tmp_path, "jpeg/all.zip", "train/1.jpg")

        assert found_in(tmp_path, "jpeg/train/{id}.jpg")[0] == {"1": ("jpeg/all.zip", "train/1.jpg")}

    def test_zip_beside_its_unpacked_folder_counts_once(self, tmp_path: Path) -> None:
        pack(tmp_path, "train.zip", "train/1.jpg", "train/2.jpg")
        put(tmp_path, "train/1.jpg", "train/2.jpg")

        found, remarks = found_in(tmp_path, "train/{id}.jpg")

        assert found == {"1": ("", "train/1.jpg"), "2": ("", "train/2.jpg")}
        assert remarks == [
            "train.zip is left out: 2 of its 2 files that match lie in the unpacked folder too, such as train/1.jpg."
        ]

    def test_half_unpacked_folder_gives_way_to_its_zip(self, tmp_path: Path) -> None:
        pack(tmp_path, "train.zip", "train/1.jpg", "train/2.jpg")
        put(tmp_path, "train/1.jpg")

        found, remarks = found_in(tmp_path, "train/{id}.jpg")

        assert found == {"1": ("train.zip", "train/1.jpg"), "2": ("train.zip", "train/2.jpg")}
        assert remarks[0].startswith("The unpacked folder is left out: 1 of its 1 files")

    def test_train_in_two_zips_without_overlap_is_one(self, tmp_path: Path) -> None:
        pack(tmp_path, "part1.zip", "train/1.jpg")
        pack(tmp_path, "part2.zip", "train/2.jpg")

        assert found_in(tmp_path, "train/{id}.jpg") == (
            {"1": ("part1.zip", "train/1.jpg"), "2": ("part2.zip", "train/2.jpg")},
            [],
        )

    def test_one_id_in_two_files_is_refused_with_both(self, tmp_path: Path) -> None:
        put(tmp_path, "train/1.jpg", "train/1.png", "train/2.jpg")

        with pytest.raises(CatscanError, match="1 id with more than one sample") as refused:
            found_in(tmp_path, "train/{id}.{suffix:jpg|png}")

        assert "'1' is train/1.jpg, train/1.png" in refused.value.found

    def test_nothing_found_shows_what_there_is(self, tmp_path: Path) -> None:
        put(tmp_path, "train/train/cat.0.jpg", "test/1.jpg")

        with pytest.raises(CatscanError, match=r"No file matches the pattern 'train/\{label\}.\{id\}.jpg'") as refused:
            found_in(tmp_path, "train/{label}.{id}.jpg")

        assert "config key data.train" in refused.value.where
        assert refused.value.found == "2 files, such as test/1.jpg, train/train/cat.0.jpg"
