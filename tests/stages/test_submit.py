"""Uploading a submission: the official client, unmodified, against a stand-in server on this machine."""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from factories import check_of
from kaggle_server import SIGNATURE, SLUG, TOKEN, USER, Answer, KaggleServer, attach, serve

from catscan.common.errors import CatscanError, TryAgain
from catscan.raw.manifest import Manifest
from catscan.stages import submit

SHEET = b"id,label\n1,0.9\n2,0.1\n"
pytestmark = pytest.mark.usefixtures("server")


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KaggleServer]:
    (tmp_path / "offered").mkdir()
    with serve(tmp_path / "offered", home=tmp_path / "home") as server:
        server.pauses = attach(server, monkeypatch)
        yield server


class Results:
    """The files that the stage reads, and the stage."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.record = folder, folder / "submitted.json"
        (folder / "raw").mkdir(parents=True)
        Manifest(()).write(folder / "raw" / "manifest.json")
        (folder / "submission.csv").write_bytes(SHEET)
        self.checked(SHEET)

    def checked(self, sheet: bytes) -> None:
        check_of(sha256=hashlib.sha256(sheet).hexdigest(), expected_score=0.0391).write(self.folder / "submission.json")

    def submit(self, **settings: Any) -> dict[str, Any]:
        """Run the stage; give its record."""
        text = json.dumps({"competition": SLUG, "kind": "file", "config": "c0", **settings})
        words = ["--settings", text, "--raw", str(self.folder / "raw"), "--out", str(self.record)]
        words += ["--submission", str(self.folder / "submission.csv"), "--check", str(self.folder / "submission.json")]
        parser = argparse.ArgumentParser()
        submit.register(parser)
        submit.run(parser.parse_args(words))
        return dict(json.loads(self.record.read_text()))

    def refusal(self, error: type[CatscanError] = CatscanError, **settings: Any) -> str:
        """The block that the stage ends with; it leaves no record."""
        with pytest.raises(error) as caught:
            self.submit(**settings)
        assert not self.record.exists()
        return str(caught.value)


@pytest.fixture
def results(tmp_path: Path) -> Results:
    return Results(tmp_path / "results")


class TestUploading:
    def test_the_bytes_arrive_and_the_score_is_shown_beside_the_expected_one(
        self, server: KaggleServer, results: Results, capfd: pytest.CaptureFixture[str]
    ) -> None:
        results.submit()
        told = capfd.readouterr()

        assert list(server.uploads.values()) == [SHEET]
        assert f"submission 1000 of {SLUG}: public score 0.04217, expected 0.03910 (log_loss)" in told.err
        assert "3 more today" in told.err
        assert TOKEN not in told.out + told.err
        assert SIGNATURE not in told.out + told.err

    def test_the_record_tells_what_the_score_belongs_to(self, results: Results) -> None:
        manifest = results.folder / "raw" / "manifest.json"

        assert results.submit() == {
            "competition": SLUG,
            "user": USER,
            "ref": 1000,
            "date": "",
            "submission_sha256": hashlib.sha256(SHEET).hexdigest(),
            "config_sha256": "c0",
            "data_sha256": hashlib.sha256(manifest.read_bytes()).hexdigest(),
            "metric": "log_loss",
            "expected_score": 0.0391,
            "public_score": 0.04217,
            "private_score": None,
        }

    def test_it_is_asked_for_until_it_is_scored(self, server: KaggleServer, results: Results) -> None:
        server.verdicts = ["PENDING", "PENDING", "PENDING", "COMPLETE"]
        results.submit()

        assert server.pauses == [2, 3, 5]

    def test_the_description_tells_the_expected_score(self, server: KaggleServer, results: Results) -> None:
        results.submit()

        digest = hashlib.sha256(SHEET).hexdigest()[:16]
        assert server.submissions[0]["description"] == f"catscan sha256:{digest}, expected log_loss 0.03910"

    def test_an_upload_that_is_cut_is_tried_again(self, server: KaggleServer, results: Results) -> None:
        server.script["PUT"] = [Answer(503, "Service unavailable")]
        results.submit()

        assert list(server.uploads.values()) == [SHEET]
        assert len(server.submissions) == 1


class TestTwice:
    def test_an_identical_file_is_not_uploaded_again(
        self, server: KaggleServer, results: Results, capfd: pytest.CaptureFixture[str]
    ) -> None:
        first = results.submit()
        results.record.unlink()
        second = results.submit()

        assert second == first
        assert len(server.submissions) == len(server.uploads) == 1
        assert "uploaded before, as submission 1000: it is not uploaded again" in capfd.readouterr().err

    def test_another_file_is(self, results: Results) -> None:
        results.submit()
        other = SHEET.replace(b"0.9", b"0.8")
        (results.folder / "submission.csv").write_bytes(other)
        results.checked(other)

        assert results.submit()["ref"] == 1001

    def test_a_try_is_not_used_up_twice_when_its_answer_is_lost(self, server: KaggleServer, results: Results) -> None:
        server.script["CreateSubmission"] = [Answer(502, "Bad gateway")]
        text = results.refusal(TryAgain)

        assert text.startswith("Kaggle has a problem of its own.")
        assert server.calls.count("CreateSubmission") == 1


class TestRefusals:
    def test_a_rejected_file_is_told_with_the_reason(self, server: KaggleServer, results: Results) -> None:
        server.verdicts, server.reason = ["PENDING", "ERROR"], "Submission must have 12500 rows"

        assert results.refusal() == (
            "Kaggle could not score the submission.\n"
            f"  where  submission 1000 of {SLUG}\n"
            "  found  Submission must have 12500 rows\n"
            f"  do     Compare the file with the competition's page https://www.kaggle.com/competitions/{SLUG}."
        )

    def test_no_score_within_ten_minutes_is_asked_for_later(self, server: KaggleServer, results: Results) -> None:
        server.verdicts = ["PENDING"]
        text = results.refusal(TryAgain)

        assert text.startswith("Kaggle has not scored the submission yet.")
        assert 500 < sum(server.pauses) <= 700

    def test_limits_used_up_today(self, server: KaggleServer, results: Results) -> None:
        server.limits = {"numToday": 5, "numTotal": 9, "numAllowedNow": 0, "limitedByTotal": False}
        text = results.refusal(TryAgain)

        assert text.startswith("No submissions are left today.")
        assert server.uploads == {}

    def test_limits_used_up_for_good(self, server: KaggleServer, results: Results) -> None:
        server.limits = {"numToday": 0, "numTotal": 90, "numAllowedNow": 0, "limitedByTotal": True}

        assert results.refusal().startswith("No submissions are left in this competition.")

    def test_the_first_try_of_all_has_no_limits_yet(self, server: KaggleServer, results: Results) -> None:
        server.limits = {"numToday": 0, "numTotal": 0, "numAllowedNow": 0, "limitedByTotal": False}

        assert results.submit()["ref"] == 1000

    def test_a_file_that_was_edited_after_its_check(self, server: KaggleServer, results: Results) -> None:
        (results.folder / "submission.csv").write_bytes(SHEET + b"3,0.5\n")
        text = results.refusal()

        assert text.startswith("The submission is not the one that was checked.")
        assert server.calls == []

    def test_notebook_competitions_are_explained_before_anything_is_asked(
        self, server: KaggleServer, results: Results
    ) -> None:
        assert results.refusal(kind="notebook").startswith("This competition takes notebooks, not files")
        assert server.calls == []

    def test_notebook_competitions_are_found_out_by_kaggle_too(self, server: KaggleServer, results: Results) -> None:
        server.about["isKernelsSubmissionsOnly"] = True

        assert results.refusal().startswith("This competition takes notebooks, not files")
        assert server.uploads == {}

    def test_a_closed_competition(self, server: KaggleServer, results: Results) -> None:
        server.about["submissionsDisabled"] = True

        assert "takes no submissions any more" in results.refusal()

    def test_rules_not_accepted(self, server: KaggleServer, results: Results) -> None:
        server.about["userHasEntered"] = False

        assert f"https://www.kaggle.com/competitions/{SLUG}/rules" in results.refusal()
        assert server.uploads == {}

    def test_a_source_without_a_competition(self, server: KaggleServer, results: Results) -> None:
        assert results.refusal(competition="").startswith("The competition's name is missing.")
        assert server.calls == []
