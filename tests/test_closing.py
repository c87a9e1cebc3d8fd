"""The last words of a run."""

from pathlib import Path

import pytest

from catscan.closing import box, summary
from catscan.files import write_json

METRICS = {
    "metric": "log_loss",
    "expected_score": 0.2,
    "folds": [{}, {}, {}],
    "log_loss": {"value": 0.2, "sd": 0.01, "prior": 0.6931, "beats_prior": True},
}
CHECK = {"rows": 12500, "valid": True, "true_score": 0.21}


def test_the_box_names_score_baseline_truth_and_path(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_json(tmp_path / "dogs" / "evaluation" / "metrics.json", METRICS)
    write_json(tmp_path / "dogs" / "submission.json", CHECK)
    (tmp_path / "report.html").touch()
    box({"run": ["dogs", "not-run-yet"]}, tmp_path)
    lines = capsys.readouterr().err.splitlines()

    assert "log loss 0.2000 ± 0.0100 over 3 folds" in lines[2]
    assert "log loss 0.6931" in lines[3]
    assert "log loss 0.2100" in lines[4]
    assert "(valid: 12,500 rows)" in lines[5]
    assert len({len(line) for line in lines[:5]}) == 1


def test_a_run_of_single_stages_ends_without_a_box(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    box({"run": ["dogs"]}, tmp_path)

    assert capsys.readouterr().err == ""


def test_networks_no_better_than_the_prior_are_told_so(tmp_path: Path) -> None:
    worse = METRICS | {"log_loss": METRICS["log_loss"] | {"beats_prior": False}}

    assert "do not beat it" in dict(summary(worse, CHECK, tmp_path))["prior alone"]
