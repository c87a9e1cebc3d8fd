"""The workflow with its results in S3: from two fresh folders in turn, and as a run on the disk."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from local_s3 import S3, serving

from .conftest import ROOT, Project, copy_of_the_project

pytestmark = pytest.mark.cloud

TINY = Path(__file__).parent / "tiny.yaml"
BUCKET, PREFIX = "catscan", "run/"
PROFILE = ("--profile", str(ROOT / "profiles" / "s3"), "--default-storage-prefix", f"s3://{BUCKET}/{PREFIX}")
SUBMISSION = "results/dogs-vs-cats/submission.csv"


@dataclass
class Made:
    """What a run from a first folder has put into S3, and how often it asked for something, by method."""

    s3: S3
    asked: Counter[str]

    @property
    def there(self) -> dict[str, bytes]:
        return self.s3.objects(BUCKET, PREFIX)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    with serving() as s3:
        run(in_s3(copy_of_the_project(tmp_path_factory.mktemp("one") / "cat scan")), s3)
        yield Made(s3, Counter(method for method, _ in s3.requests))


def in_s3(project: Project) -> Project:
    project.overlays, project.options = [TINY], PROFILE
    return project


def run(project: Project, s3: S3, *arguments: str) -> str:
    """What a run prints; its requests alone are counted then."""
    s3.requests.clear()
    done = subprocess.run(
        project.command(*arguments),
        cwd=project.home,
        env=project.environment | s3.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def test_the_submission_equals_that_of_a_run_on_the_disk(made: Made, fresh: Project) -> None:
    fresh.overlays = [TINY]
    subprocess.run(fresh.command("submission"), cwd=fresh.home, env=fresh.environment, check=True, capture_output=True)

    there = made.there
    assert there[SUBMISSION] == (fresh.home / SUBMISSION).read_bytes()
    for weights in ("models/resnet/fold-0/weights.npz", "models/head/fold-0/weights.npz"):
        name = f"results/dogs-vs-cats/{weights}"
        assert there[name] == (fresh.home / name).read_bytes()


def test_the_true_score_and_the_report_are_there(made: Made) -> None:
    there = made.there

    assert re.search(rb'"true_score": 0\.\d+', there["results/dogs-vs-cats/submission.json"])
    assert b"dogs-vs-cats" in there["results/report.html"]


def test_few_requests_are_made(made: Made) -> None:
    files = len(made.there) - 1  # the last are the records

    # Of a file: is it there now, of what time is it, here it is. Snakemake's own plugin asks 25 times.
    assert made.asked.total() <= 4 * files
    assert made.asked["PUT"] <= files + 10  # the bucket, and once a minute the records


def test_a_second_fresh_folder_has_nothing_to_do_and_asks_four_times(made: Made, fresh: Project) -> None:
    said = run(in_s3(fresh), made.s3)

    assert "Nothing to be done" in said
    assert "no record" not in said
    assert len(made.s3.requests) == 4  # is there the bucket, what is in it, are there records, which


def test_a_fresh_folder_with_other_settings_runs_what_they_change(made: Made, fresh: Project) -> None:
    project = in_s3(fresh)
    project.overlay("competitions: {dogs-vs-cats: {models: {resnet: {epochs: 3}}}}\n")

    plan = subprocess.CompletedProcess([], 0, run(project, made.s3, "--dry-run"), "")
    assert project.rules_in(plan) == {
        *("train_fold", "predict_test", "evaluate_folds", "write_submission", "explain_network", "render_report")
    }


def test_a_server_that_does_not_answer_is_told_in_a_block(fresh: Project) -> None:
    project = in_s3(fresh)
    nobody = {"SNAKEMAKE_STORAGE_S3_ENDPOINT_URL": "http://127.0.0.1:9"}
    done = subprocess.run(
        project.command("--dry-run"),
        cwd=project.home,
        env=project.environment | nobody,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert "S3 does not give the bucket." in done.stdout + done.stderr
