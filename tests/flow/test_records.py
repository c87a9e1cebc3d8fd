"""What each output was made from, kept beside it."""

import asyncio
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from snakemake.io import IOFile
from snakemake.persistence import RECORD_FORMAT_VERSION, MetadataRecord
from snakemake.persistence.file import FilePersistence

from catscan.flow import records
from catscan.flow.records import BLOCK, BLOCKS, VOUCHED, BesideOutputs, place_of, tell_of, trace, words_of


@dataclass(eq=False)
class Job:
    """All that Snakemake asks of a job when it looks for its records and compares inputs."""

    input: list[str]
    output: list[str] = field(default_factory=list)
    resources: dict[str, str] = field(default_factory=dict)


RECORD = {"rule": "train_fold", "params": ["'stage'"], "record_format_version": RECORD_FORMAT_VERSION}


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BesideOutputs:
    """A store in a folder where `weights` was made from `array`."""
    monkeypatch.chdir(tmp_path)
    Path("array").write_text("pixels")
    Path("weights").write_text("numbers")
    store = BesideOutputs(path=tmp_path / ".snakemake")
    store._write_record("weights", MetadataRecord(**RECORD, input=["array"]))
    return store


def inputs_differ(store: BesideOutputs) -> bool:
    return store._input_changed(Job([IOFile("array")]), IOFile("weights"))


def test_a_record_lies_beside_its_output_and_goes_with_a_copy(store: BesideOutputs) -> None:
    shutil.copytree(".", "elsewhere", copy_function=shutil.copy, ignore=shutil.ignore_patterns(".snakemake"))

    assert store._read_record("elsewhere/weights").params == ["'stage'"]
    assert not list(Path(".snakemake/metadata").iterdir())


@pytest.mark.parametrize(
    "change",
    [
        lambda: Path("weights").write_text("other numbers"),
        lambda: Path("weights").write_text("NUMBERS"),
        lambda: place_of("weights").write_text('{"output": {"bytes": 7'),
        lambda: place_of("weights").write_text('{"output": 7, "inputs": {}, "record": {}}'),
        lambda: place_of("weights").write_text(
            place_of("weights").read_text().replace(f'version": {RECORD_FORMAT_VERSION}', 'version": 1')
        ),
    ],
    ids=["another size", "the same size", "half a record", "no record", "another Snakemake's"],
)
def test_a_record_does_not_vouch_for(store: BesideOutputs, change) -> None:
    change()
    os.utime("weights", (1, 1))  # another time than that of the record, however coarse the disk's clock is

    assert store._read_record("weights") is None


@pytest.mark.parametrize(
    ("outputs", "kept"),
    [(["weights", "history"], True), (["history"], False), ([], True)],
    ids=["one of two", "none of one", "a target"],
)
def test_a_job_lacks_its_record_when_none_of_its_outputs_has_one(
    store: BesideOutputs, outputs: list[str], kept: bool
) -> None:
    assert store.has_metadata(Job([], [IOFile(output) for output in outputs])) is kept


def test_a_touched_file_is_still_the_one_of_its_record(store: BesideOutputs) -> None:
    os.utime("weights", (1, 1))

    assert store._read_record("weights").rule == "train_fold"


@pytest.mark.parametrize(("content", "differ"), [("pixels", False), ("PIXELS", True)])
def test_an_input_of_another_content_counts_whatever_its_time(store: BesideOutputs, content: str, differ: bool) -> None:
    Path("array").write_text(content)
    os.utime("array", (1, 1))

    assert inputs_differ(store) is differ


@pytest.mark.parametrize(("content", "same"), [("pixels", True), ("PIXELS", False)])
def test_a_newer_input_of_any_size_is_the_same_where_the_record_vouches_for_it(
    store: BesideOutputs, content: str, same: bool
) -> None:
    Path("array").write_text(content)
    os.utime("array", (1, 1))
    checksums = store.input_checksums(Job([IOFile("array")], [IOFile("weights")]), IOFile("array"))

    assert checksums == ({VOUCHED} if same else set())
    assert asyncio.run(records._is_same_checksum(IOFile("array"), VOUCHED, 0))


def test_what_an_earlier_version_recorded_counts_until_the_output_is_made_anew(store: BesideOutputs) -> None:
    place_of("weights").unlink()
    FilePersistence._write_record(store, "weights", MetadataRecord(**RECORD | {"params": ["'old'"]}))
    store._clear_cache()
    before = store._read_record("weights").params
    store._write_record("weights", MetadataRecord(**RECORD))
    place_of("weights").unlink()
    store._clear_cache()

    assert before == ["'old'"]
    assert store._read_record("weights") is None


def test_wiping_a_record_wipes_the_one_beside_the_output(store: BesideOutputs) -> None:
    assert store._delete_record("weights") is True
    assert store._read_record("weights") is None
    assert store._delete_record("weights") is False


def test_an_output_that_a_failed_job_did_not_make_gets_no_record(store: BesideOutputs) -> None:
    store._write_record("history", MetadataRecord(**RECORD))

    assert not place_of("history").exists()


def test_a_change_in_the_middle_of_a_large_file_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "array"
    path.write_bytes(bytes(4 * BLOCK * BLOCKS))
    before = trace(str(path))
    with path.open("r+b") as file:
        file.seek(2 * BLOCK * BLOCKS)
        file.write(b"x" * 4 * BLOCK)  # the blocks that are read lie that far apart

    assert trace(str(path)).digest != before.digest


@pytest.mark.usefixtures("store")
def test_results_without_a_record_are_told_with_what_can_be_done(capsys: pytest.CaptureFixture[str]) -> None:
    tell_of({"weights": "train_fold", "index.csv": "index_samples", "index.json": "index_samples"})

    assert capsys.readouterr().err.splitlines() == [
        "catscan: Results are taken as they are, though nothing says from which settings they were made.",
        "  where  index.csv, index.json",
        "  found  no record beside them (.NAME.stage.json, hidden)",
        "  do     Add `--forcerun index_samples` to the command to make them anew;",
        "         add `--touch --forcerun index_samples` to vouch for them and for all made from them.",
        "catscan: Results are taken as they are, though nothing says from which settings they were made.",
        "  where  weights",
        "  found  the record beside them (.NAME.stage.json) is of other files: they were edited or brought here",
        "  do     Add `--forcerun train_fold` to the command to make them anew;",
        "         add `--touch --forcerun train_fold` to vouch for them and for all made from them.",
    ]


def test_nothing_is_told_where_every_result_has_its_record(capsys: pytest.CaptureFixture[str]) -> None:
    tell_of({})

    assert capsys.readouterr().err == ""


COMMAND = "catscan index --out {output:q} 2>&1 | tee -i {log:q}"


@pytest.mark.parametrize(
    ("command", "same"),
    [
        ("catscan  index \\\n    --out {output:q} \\\n    2>&1 |\ttee -i {log:q}\n", True),
        (COMMAND.replace("--out", "--to"), False),
        (COMMAND.replace("2>&1", "2 >&1"), False),
        (COMMAND.replace("{log:q}", "'{log:q}'"), False),
        (COMMAND.replace(" 2>&1", "\n2>&1"), False),
        (COMMAND.replace("{output:q}", "a\\  b"), False),
        (COMMAND + " # {log:q}", False),
    ],
    ids=["laid out anew", "word", "glued", "quotes", "line", "protected blank", "comment"],
)
def test_a_command_is_the_same_by_its_words(command: str, same: bool) -> None:
    assert (words_of(command) == words_of(COMMAND)) is same


@pytest.mark.parametrize(("one", "other"), [("a  'b  c'", "a 'b c'"), ("a\\ b", "a\\  b"), ("a '\nb  c'", "a '\nb c'")])
def test_blanks_within_quotes_are_part_of_a_word(one: str, other: str) -> None:
    assert words_of(one) != words_of(other)
