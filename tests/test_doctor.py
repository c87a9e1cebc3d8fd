"""What `catscan doctor` finds, on this machine and at a stand-in for Kaggle."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kaggle_server import SLUG, TOKEN, USER, Answer, KaggleServer, attach, serve

from catscan import doctor
from catscan.common.errors import CatscanError

REDUX = Path(__file__).resolve().parents[1] / "config" / "kaggle" / "dogs-vs-cats-redux.yaml"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KaggleServer]:
    (tmp_path / "offered").mkdir()
    (tmp_path / "offered" / "train.zip").write_bytes(bytes(20_000_000))
    with serve(tmp_path / "offered", home=tmp_path / "home") as server:
        server.pauses = attach(server, monkeypatch)
        yield server


@pytest.fixture(autouse=True)
def tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """The slow questions are answered at once; two tests below ask them."""
    monkeypatch.setattr(doctor, "_tensorflow", lambda _: doctor.Finding("TensorFlow", "ok", "2.21.0"))
    monkeypatch.setattr(doctor, "_repeatability", lambda: doctor.Finding("same bytes", "ok", ""))


def examine(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[str, str]:
    """The table, and the names of what is missing."""
    parser = argparse.ArgumentParser()
    doctor.register(parser)
    missing = ""
    try:
        doctor.run(parser.parse_args(words))
    except CatscanError as error:
        missing = error.where
    return capsys.readouterr().out, missing


def row(table: str, name: str) -> str:
    """The line of one finding, and of its next step."""
    lines = table.splitlines()
    at = next(number for number, line in enumerate(lines) if name in line)
    following = lines[at + 1] if at + 1 < len(lines) and "->" in lines[at + 1] else ""
    return f"{lines[at]} {following}"


class TestMachine:
    def test_a_machine_that_runs_these_tests_is_fit(self, capsys: pytest.CaptureFixture[str]) -> None:
        table, missing = examine(capsys)

        assert missing == ""
        assert row(table, "Python").startswith("ok")
        assert row(table, "disk").startswith("ok")

    def test_too_little_disk_is_missing(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 9, 1_000_000_000))
        table, missing = examine(capsys)

        assert missing == "disk"
        assert "1.0 GB free" in row(table, "disk")
        assert "larger disk" in row(table, "disk")

    def test_without_credentials_it_says_that_samples_need_none(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        for name in ("KAGGLE_API_TOKEN", "KAGGLE_USERNAME", "KAGGLE_KEY", "KAGGLE_CONFIG_DIR", "XDG_CONFIG_HOME"):
            monkeypatch.delenv(name, raising=False)
        table, missing = examine(capsys)

        assert missing == ""
        assert row(table, "Kaggle log-in").startswith("note     Kaggle log-in  no credentials")

    def test_it_does_not_import_tensorflow_or_kaggle(self) -> None:
        code = (
            "import sys; from catscan import doctor; doctor._tensorflow = lambda _: doctor.Finding('T', 'ok', '');"
            "doctor._repeatability = lambda: doctor.Finding('S', 'ok', '');"
            "import argparse; doctor.run(argparse.Namespace(configfile=None));"
            "assert not {'tensorflow', 'kaggle', 'kagglesdk', 'requests'} & set(sys.modules)"
        )

        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


class TestTensorFlow:
    @pytest.mark.parametrize(
        ("devices", "answer", "expected", "do"),
        [
            (0, "2.21.0 0 0", ("ok", "2.21.0 for the CPU; GPUs: 0 here, 0 usable"), ""),
            (2, "2.21.0 1 2", ("ok", "2.21.0 for CUDA; GPUs: 2 here, 2 usable"), ""),
            (1, "2.21.0 0 0", ("note", "2.21.0 for the CPU; GPUs: 1 here, 0 usable"), "GPU packages"),
            (1, "2.21.0 1 0", ("note", "2.21.0 for CUDA; GPUs: 1 here, 0 usable"), "driver"),
            (0, "2.21.0 1 0", ("note", "2.21.0 for CUDA; GPUs: 0 here, 0 usable"), "the CPU computes"),
        ],
    )
    def test_build_and_devices(
        self, monkeypatch: pytest.MonkeyPatch, devices: int, answer: str, expected: tuple[str, str], do: str
    ) -> None:
        monkeypatch.undo()
        finding = doctor._tensorflow(devices, (sys.executable, "-c", f"print('noise'); print('{answer}')"))

        assert (finding.state, finding.text) == expected
        assert do in finding.do

    def test_one_that_cannot_be_imported_is_missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.undo()
        finding = doctor._tensorflow(0, (sys.executable, "-c", "import no_such_module"))

        assert finding.state == "missing"
        assert finding.text == "ModuleNotFoundError: No module named 'no_such_module'"

    @pytest.mark.slow
    def test_the_one_that_is_installed_answers(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.undo()

        assert doctor._tensorflow(0).state == "ok"


class TestRepeatability:
    @pytest.mark.parametrize(
        ("changing", "state", "text", "do"),
        [
            (
                {"fp32": [], "bf16": []},
                "ok",
                "21 convolutions at risk, 50 calls each, in fp32 and bf16: no byte changed",
                "",
            ),
            (
                {"fp32": [], "bf16": ["a window of 5 x 5"]},
                "note",
                "in bf16, other bytes from call to call: a window of 5 x 5",
                "Nothing: `train.precision: auto` takes fp32 for a network with such a convolution.",
            ),
            (
                {"fp32": ["a window of 3 x 3"]},
                "note",
                "in fp32, other bytes from call to call: a window of 3 x 3",
                "Two trainings with the same seed may differ on this processor; please report this line.",
            ),
        ],
        ids=["all well", "bf16", "fp32"],
    )
    def test_what_changes_is_told_with_what_follows(
        self, monkeypatch: pytest.MonkeyPatch, changing: dict[str, list[str]], state: str, text: str, do: str
    ) -> None:
        monkeypatch.undo()
        survey = json.dumps({"convolutions": 21, "calls": 50, "changing": changing})
        finding = doctor._repeatability((sys.executable, "-c", f"print('noise'); print({survey!r})"))

        assert (finding.state, finding.text, finding.do) == (state, text, do)

    def test_one_that_cannot_be_tried_is_a_note(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.undo()
        finding = doctor._repeatability((sys.executable, "-c", "import no_such_module"))

        assert finding.state == "note"
        assert finding.text == "could not be tried: ModuleNotFoundError: No module named 'no_such_module'"

    def test_without_tensorflow_nothing_is_tried(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(doctor, "_tensorflow", lambda _: doctor.Finding("TensorFlow", "missing", "no module"))
        table, missing = examine(capsys)

        assert missing == "TensorFlow"
        assert "same bytes" not in table

    @pytest.mark.slow
    def test_this_processor_passes_in_fp32_and_what_it_fails_at_in_bf16_is_told(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.undo()

        found = doctor._repeatability()

        assert found.state in ("ok", "note")
        assert (found.state == "note") == found.text.startswith("in bf16, other bytes from call to call")


class TestCompetition:
    def test_all_is_well(self, server: KaggleServer, capsys: pytest.CaptureFixture[str]) -> None:
        table, missing = examine(capsys, "--configfile", str(REDUX))

        assert missing == ""
        assert f"accepted as {USER}" in row(table, ": log-in")
        assert "accepted" in row(table, ": rules")
        assert "1, 0.02 GB to fetch; about 0.1 GB with all results" in row(table, ": files")
        assert TOKEN not in table
        assert not any(call.startswith("GET") for call in server.calls)  # not a byte is fetched

    def test_rules_not_accepted(self, server: KaggleServer, capsys: pytest.CaptureFixture[str]) -> None:
        server.about["userHasEntered"] = False
        table, missing = examine(capsys, "--configfile", str(REDUX))

        assert missing.endswith(": rules")
        assert f"/competitions/{SLUG}/rules" in row(table, ": rules")

    def test_credentials_that_are_not_accepted(self, server: KaggleServer, capsys: pytest.CaptureFixture[str]) -> None:
        server.script["GetCompetition"] = [Answer(401, "Unauthenticated")]
        table, missing = examine(capsys, "--configfile", str(REDUX))

        assert missing.endswith(": Kaggle")
        assert "Kaggle does not accept your credentials." in row(table, ": Kaggle")
        assert "kaggle auth login" in row(table, ": Kaggle")
        assert TOKEN not in table

    @pytest.mark.usefixtures("server")
    def test_a_disk_too_small_for_the_files(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 9, 50_000_000))
        table, missing = examine(capsys, "--configfile", str(REDUX))

        assert missing.endswith(": files")
        assert "source.files" in row(table, ": files")

    def test_a_notebook_competition_is_noted(self, server: KaggleServer, capsys: pytest.CaptureFixture[str]) -> None:
        server.about["isKernelsSubmissionsOnly"] = True
        table, _ = examine(capsys, "--configfile", str(REDUX))

        assert "submission.kind: notebook" in row(table, ": submit")


def test_the_cores_are_told_where_a_process_does_not_know_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delattr("os.sched_getaffinity")
    monkeypatch.setattr("os.cpu_count", lambda: 6)
    table, missing = examine(capsys)

    assert "6" in row(table, "cores")
    assert missing == ""


class TestSampleSubmission:
    @pytest.fixture
    def examined(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[str, str]]:
        """Examines a folder that holds files of the given names."""

        def examine_folder(*names: str, more: str = "") -> tuple[str, str]:
            folder = tmp_path / "source"
            folder.mkdir()
            for name in names:
                (folder / name).write_bytes(b"")
            cats = f"source: {{kind: directory, path: {folder}}}, data: {{test_ids: files}}{more}"
            (tmp_path / "mine.yaml").write_text(f"run: [dogs-vs-cats]\ncompetitions: {{dogs-vs-cats: {{{cats}}}}}")
            return examine(capsys, "--configfile", str(tmp_path / "mine.yaml"))

        return examine_folder

    def test_that_is_missing_in_a_folder_is_told(self, examined: Callable[..., tuple[str, str]]) -> None:
        table, missing = examined("sample.csv")

        assert missing == "dogs-vs-cats: sample submission"
        assert "no file 'sample_submission.csv'" in row(table, missing)
        assert 'Did you mean "sample.csv"?' in row(table, missing)
        assert 'set `submission.sample: ""`' in table

    def test_that_is_there_is_well(self, examined: Callable[..., tuple[str, str]]) -> None:
        assert examined("sample_submission.csv")[1] == ""

    def test_is_not_looked_for_where_there_shall_be_none(self, examined: Callable[..., tuple[str, str]]) -> None:
        assert examined("a.jpg", more=', submission: {sample: ""}')[1] == ""

    def test_may_be_in_an_archive_that_is_not_open_yet(self, examined: Callable[..., tuple[str, str]]) -> None:
        assert examined("all.7z")[1] == ""

    def test_that_is_not_among_the_files_to_fetch_is_told(
        self, server: KaggleServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (server.folder / "train.csv").write_bytes(b"x")
        text = REDUX.read_text().replace(f"competition: {SLUG}", f"competition: {SLUG}, files: [train.csv]")
        (tmp_path / "mine.yaml").write_text(text)
        table, missing = examine(capsys, "--configfile", str(tmp_path / "mine.yaml"))

        assert missing.endswith(": sample submission")
        assert "sample_submission.csv" in row(table, ": sample submission")


class TestConfig:
    @pytest.mark.parametrize(
        ("text", "what"),
        [
            ("run: [dogs]", "`run` names a competition that is not described: 'dogs'."),
            ("- a list", "A config file holds keys and their values."),
            ("run: [", "A config file is no YAML."),
            (
                "run: [dogs-vs-cats]\ncompetitions: {dogs-vs-cats: {source: {kind: directory, path: /nowhere}}}",
                "The folder with the competition's files is missing.",
            ),
        ],
        ids=["unknown", "list", "no YAML", "no folder"],
    )
    def test_mistakes_are_told(self, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, what: str) -> None:
        (tmp_path / "mine.yaml").write_text(text)
        table, missing = examine(capsys, "--configfile", str(tmp_path / "mine.yaml"))

        assert missing == "config"
        assert what in row(table, "config")

    def test_a_missing_file_is_told(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        table, _ = examine(capsys, "--configfile", str(tmp_path / "mine.yaml"))

        assert "A config file is missing." in row(table, "config")

    def test_an_overlay_is_merged_key_by_key(self, tmp_path: Path) -> None:
        (tmp_path / "mine.yaml").write_text("competitions: {dogs-vs-cats: {index: {folds: 7}}}")
        loaded: dict[str, Any] = doctor.merged(tmp_path / "mine.yaml")

        assert loaded["competitions"]["dogs-vs-cats"]["index"] == {"folds": 7, "shards": 2}
        assert loaded["run"] == ["dogs-vs-cats", "ct-scans"]

    def test_the_default_config_needs_no_network(
        self, server: KaggleServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "mine.yaml").write_text("{}")
        table, missing = examine(capsys, "--configfile", str(tmp_path / "mine.yaml"))

        assert missing == ""
        assert "source sample: series" in row(table, "ct-scans  ")
        assert server.calls == []
