from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from catscan.common.errors import CatscanError
from catscan.raw.files import RawFile, RawFiles
from catscan.raw.places import find_file, place_in_own_folder, place_of, read_raw_table


@pytest.fixture
def raw(tmp_path: Path) -> RawFiles:
    (tmp_path / "labels.csv").write_text("id,label\n007,1\n")
    (tmp_path / "tables").mkdir()
    with zipfile.ZipFile(tmp_path / "tables" / "train.csv.zip", "w") as archive:
        archive.writestr("train.csv", "id,species,margin1\n1,Acer,0.1\n")
    with zipfile.ZipFile(tmp_path / "tables.zip", "w") as archive:
        archive.writestr("test.csv", "id\n1\n")
        archive.writestr("labels.csv", "id,label\n008,1\n")
    return RawFiles(tmp_path)


@pytest.mark.parametrize(
    ("file", "unpacked", "in_own_folder"),
    [
        (RawFile("", "train/1.jpg", 0), "train/1.jpg", "train/1.jpg"),
        (RawFile("train.zip", "train/1.jpg", 0), "train/1.jpg", "train/train/1.jpg"),
        (RawFile("train.zip", "1.jpg", 0), "1.jpg", "train/1.jpg"),
        (RawFile("jpeg/all.zip", "train/1.jpg", 0), "jpeg/train/1.jpg", "jpeg/all/train/1.jpg"),
        (RawFile("train.zip", "./train/1.jpg", 0), "train/1.jpg", "train/train/1.jpg"),
    ],
)
def test_a_file_stands_where_its_zip_would_unpack_it(file: RawFile, unpacked: str, in_own_folder: str) -> None:
    assert (place_of(file), place_in_own_folder(file)) == (unpacked, in_own_folder)


class TestFindFile:
    @pytest.mark.parametrize(
        ("name", "archive"),
        [
            pytest.param("tables/train.csv", "tables/train.csv.zip", id="zip-in-a-folder"),
            pytest.param("tables/test.csv", "tables.zip", id="zip-named-as-a-folder"),
            pytest.param("test.csv", "tables.zip", id="zip-at-the-top"),
            pytest.param("labels.csv", "", id="plain-file-goes-first"),
        ],
    )
    def test_finds_plain_files_and_members(self, raw: RawFiles, name: str, archive: str) -> None:
        assert find_file(raw.all(), name).archive == archive

    def test_finds_the_one_file_of_a_name_in_any_folder(self, tmp_path: Path) -> None:
        (tmp_path / "data" / "processed").mkdir(parents=True)
        (tmp_path / "data" / "processed" / "train.csv").write_text("id\n1\n")

        assert find_file(RawFiles(tmp_path).all(), "train.csv").path == "data/processed/train.csv"

    def test_takes_none_of_several_in_folders(self, tmp_path: Path) -> None:
        for folder in ("a", "b"):
            (tmp_path / folder).mkdir()
            (tmp_path / folder / "train.csv").write_text("id\n1\n")

        with pytest.raises(CatscanError, match=r"no file 'train\.csv'"):
            find_file(RawFiles(tmp_path).all(), "train.csv")

    def test_missing_file_is_refused_with_the_nearest(self, raw: RawFiles) -> None:
        with pytest.raises(CatscanError, match=r"no file 'label\.csv'") as refused:
            find_file(raw.all(), "label.csv")

        assert refused.value.do == 'Did you mean "labels.csv"?'
        assert refused.value.found == "4 files, 4 of them .csv"


class TestReadRawTable:
    def test_reads_strings_from_a_member(self, raw: RawFiles) -> None:
        table = read_raw_table(raw, raw.all(), "tables/train.csv")

        assert table.to_dict("records") == [{"id": "1", "species": "Acer", "margin1": "0.1"}]

    def test_may_read_some_columns_alone(self, raw: RawFiles) -> None:
        table = read_raw_table(raw, raw.all(), "tables/train.csv", columns=["species"], only=True)

        assert list(table.columns) == ["species"]

    def test_missing_column_is_refused_with_the_name_of_the_table(self, raw: RawFiles) -> None:
        with pytest.raises(CatscanError, match="lacks the column 'specie'") as refused:
            read_raw_table(raw, raw.all(), "tables/train.csv", columns=["specie"])

        assert refused.value.where == "tables/train.csv"
