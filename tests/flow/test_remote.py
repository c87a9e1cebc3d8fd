"""Results that lie in Snakemake's default storage."""

import json
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest

from catscan.flow.remote import RECORDS, Records, as_written, holds, tell
from catscan.flow.schema import ROOT


@dataclass
class Object:
    """An object of a bucket that is a folder, as Snakemake's plugins show one."""

    place: Path
    copy: Path
    asked: list[str]

    def local_path(self) -> Path:
        return self.copy

    def exists(self) -> bool:
        self.asked.append("exists")
        return self.place.is_file()

    def retrieve_object(self) -> None:
        self.asked.append("retrieve")
        shutil.copy(self.place, self.copy)

    def store_object(self) -> None:
        self.asked.append("store")
        self.place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(self.copy, self.place)


@dataclass
class Machine:
    """A folder with a Snakemake, of which the results go to the bucket."""

    folder: Path
    bucket: Path
    asked: list[str] = field(default_factory=list)

    def records(self, *, interval: float = 60) -> Records:
        def of(query: str) -> Object:
            return Object(self.bucket / query.removeprefix("s3://bucket/"), self.folder / "copy.json", self.asked)

        settings = SimpleNamespace(default_storage_provider="s3", default_storage_prefix="s3://bucket/run")
        registry = SimpleNamespace(default_storage_provider=SimpleNamespace(object=of))
        return Records(SimpleNamespace(storage_settings=settings, storage_registry=registry), interval=interval)


@pytest.fixture
def here(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "here", tmp_path / "bucket")


def test_what_one_machine_has_recorded_another_reads(here: Machine, tmp_path: Path) -> None:
    records = here.records()
    records.keep("s3://bucket/run/results/a", {"params": ["1"]})
    records.send()

    assert Machine(tmp_path / "there", here.bucket).records().by_address == {
        "s3://bucket/run/results/a": {"params": ["1"]}
    }
    assert not (here.folder / "copy.json").exists()


def test_they_are_one_object_that_is_asked_for_once_and_sent_when_something_is_new(here: Machine) -> None:
    records = here.records()
    for name in "abc":
        records.keep(name, {"params": [name]})
    records.send()
    records.send()

    assert here.asked == ["exists", "store"]


def test_while_jobs_end_they_are_sent_after_a_while(here: Machine) -> None:
    here.records(interval=0).keep("a", {"params": ["1"]})  # and the run is killed

    assert json.loads((here.bucket / "run" / RECORDS).read_text()) == {"a": {"params": ["1"]}}


def test_one_that_is_forgotten_is_not_there_any_more(here: Machine) -> None:
    records = here.records()
    records.keep("a", {})
    records.keep("a", None)
    records.keep("never there", None)

    assert records.by_address == {}


def test_an_output_in_the_storage_is_told_as_the_rule_has_it() -> None:
    settings = SimpleNamespace(default_storage_provider="s3", default_storage_prefix="s3://bucket/run/")
    place = SimpleNamespace(flags={"storage_object": SimpleNamespace(query="s3://bucket/run/results/{a}.csv")})

    assert as_written(SimpleNamespace(storage_settings=settings), [place]) == ["results/{a}.csv"]


def test_an_output_on_the_disk_is_as_it_is() -> None:
    workflow = SimpleNamespace(storage_settings=SimpleNamespace(default_storage_provider=None))

    assert as_written(workflow, "results/{a}.csv") == ["results/{a}.csv"]
    assert not holds("results/1.csv")


def test_a_run_ends_with_the_place_of_its_results(capsys: pytest.CaptureFixture[str]) -> None:
    settings = SimpleNamespace(default_storage_provider="s3", default_storage_prefix="s3://bucket/run")
    tell(SimpleNamespace(storage_settings=settings))

    assert capsys.readouterr().err == "The results lie in s3://bucket/run/results/\n"


def test_no_rule_makes_files_of_anothers_output_in_a_way_that_a_storage_refuses() -> None:
    rules = (ROOT / "workflow" / "rules").glob("*.smk")

    assert [path.name for path in rules if re.search(r"(?<!\w)expand\(\s*rules\.", path.read_text())] == []
