"""The report is one page that says plainly how good the submission is."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from factories import EXPLANATION, MODEL, check_of, metrics_of, summary_of, write_shard

from catscan.cli import main
from catscan.common.arrays import Shards
from catscan.common.contracts.explanation import Explanation
from catscan.common.contracts.sidecar import Bad
from catscan.common.contracts.summary import Duplicates
from catscan.common.settings import canonical
from catscan.stages.report import duplicates_line, geometry_table, scan_figures, verdict

METRICS = metrics_of(remarks=("a remark on the scores",))
CHECK = check_of(warnings=("a warning of the submission",))
INDEX = summary_of(
    ["cat", "dog"],
    counts={"cat": 6, "dog": 4},
    n_train=10,
    n_test=7,
    folds=2,
    remarks=("<script>alert(1)</script>",),
    duplicates=Duplicates(groups=(("a", "b"),)),
)


def page(folder: Path, *, bad: int = 0, title: str = "Dogs", explanation: Explanation = EXPLANATION) -> str:
    competition = folder / "results" / "dogs"
    INDEX.write(competition / "index.json")
    METRICS.write(competition / "evaluation" / "metrics.json")
    CHECK.write(competition / "submission.json")
    explanation.write(competition / "explanation.json")
    for name, scores in METRICS.models.items():
        for fold in scores.folds:
            MODEL.write(competition / "models" / name / f"fold-{fold.fold}" / "model.json")
    (competition / "submission.csv").write_text("id,label\n" + "".join(f"{i},0.5\n" for i in range(7)))
    rows = tuple(Bad(f"cat.{i}", f"reason {i}") for i in range(bad))
    for split in ("train", "test"):
        path, told = competition / "arrays" / f"{split}-1-of-1.npy", rows if split == "train" else ()
        write_shard(path, np.empty((0, 2, 2, 3), np.uint8), [], bad=told)
    arguments = ["--results", str(folder / "results"), "--out", str(folder / "report.html")]
    assert main(["report", "--settings", canonical({"titles": [["dogs", title]]}), *arguments]) == 0
    return (folder / "report.html").read_text()


@pytest.mark.parametrize(
    "text",
    [
        "Out-of-fold log loss 0.2000 (95 % interval of its mean 0.1000 to 0.3000) against 0.6931 for",
        "To expect of the test set: log loss 0.2000 (95 %: 0.1500 to 0.2800).",
        "log loss, 95 %: 0.1500 to 0.2800",
        "The true score of the test set is 0.2500",
        "a remark on the scores",
        "a warning of the submission",
        "7 rows, checked row by row",
        "and 2 more rows",
        "Every sample could be read.",
        "Near-duplicates: 1 group<",
        "of one fold",
        "<td>resnet</td><td>from scratch</td>",
        "The network of fold 0 of resnet, opened.",
        "A remark on the network.",
        "<td>fully connected</td><td></td><td></td><td>2</td><td>all</td><td>10</td><td>18</td>",
    ],
)
def test_the_page_says(tmp_path: Path, text: str) -> None:
    assert text in page(tmp_path)


def test_a_foreign_member_is_labelled(tmp_path: Path) -> None:
    models = METRICS.models | {"own": replace(METRICS.models["resnet"], foreign=True)}
    page(tmp_path)
    competition = tmp_path / "results" / "dogs"
    replace(METRICS, models=models).write(competition / "evaluation" / "metrics.json")
    arguments = ["--results", str(tmp_path / "results"), "--out", str(tmp_path / "report.html")]
    assert main(["report", "--settings", canonical({"titles": [["dogs", "Dogs"]]}), *arguments]) == 0

    assert "<td>own</td><td>foreign</td>" in (tmp_path / "report.html").read_text()


def test_every_bad_sample_is_shown_with_its_reason_up_to_fifty(tmp_path: Path) -> None:
    text = page(tmp_path, bad=60)

    assert "60 samples could not be read" in text
    assert "reason 49" in text
    assert "reason 50" not in text
    assert "and 10 more in the sidecars" in text


def test_bad_samples_of_all_shards_are_shown(tmp_path: Path) -> None:
    page(tmp_path)
    competition = tmp_path / "results" / "dogs"
    replace(INDEX, shards=3).write(competition / "index.json")
    for split in ("train", "test"):
        for shard in (1, 2, 3):
            bad = (Bad(f"{split}.{shard}", f"reason {split} {shard}"),)
            write_shard(
                competition / "arrays" / f"{split}-{shard}-of-3.npy", np.empty((0, 2, 2, 3), np.uint8), [], bad=bad
            )
    arguments = ["--results", str(tmp_path / "results"), "--out", str(tmp_path / "report.html")]
    assert main(["report", "--settings", canonical({"titles": [["dogs", "Dogs"]]}), *arguments]) == 0
    text = (tmp_path / "report.html").read_text()

    assert "6 samples could not be read" in text
    assert re.findall(r"reason (\w+ \d)", text) == ["train 1", "train 2", "train 3", "test 1", "test 2", "test 3"]


def test_what_comes_from_the_data_cannot_become_part_of_the_page(tmp_path: Path) -> None:
    text = page(tmp_path, title="<img src=x onerror=alert(1)>")

    assert text.count("<script") == text.count("</script>") == 2  # the explorer's data, and the explorer
    assert "<img src=x" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert r"\u003c/script>\u003cb>1\u003c/b>" in text


def test_where_no_network_learnt_from_scratch_there_is_no_explorer_and_the_page_says_why(tmp_path: Path) -> None:
    why = ("All models learnt from features.",)
    nothing = replace(EXPLANATION, model="", layers=(), samples=(), remarks=why)
    text = page(tmp_path, explanation=nothing)

    assert "All models learnt from features." in text
    assert 'data-explained="' not in text


def test_networks_that_do_not_beat_the_prior_are_told_first() -> None:
    told = replace(METRICS, loss=replace(METRICS.loss, value=0.7, beats_prior=False))

    assert verdict(told, CHECK).startswith("The networks do not beat the constant prior")


def test_scans_are_tabled_by_their_short_values() -> None:
    table = geometry_table({"a": {"step_mm": 2.5, "long": "x" * 99}, "b": {"step_mm": 1.25, "long": ""}})

    assert table["columns"] == ["scan", "step_mm"]
    assert table["rows"] == [["a", "2.5"], ["b", "1.25"]]


def test_a_value_that_no_scan_has_is_no_column_and_one_that_some_have_is() -> None:
    table = geometry_table({"a": {"step_mm": 2.5, "tilt": None}, "b": {"step_mm": 1.25, "tilt": None, "phase": "2"}})

    assert table["columns"] == ["scan", "step_mm", "phase"]
    assert table["rows"] == [["a", "2.5", ""], ["b", "1.25", "2"]]


def test_pictures_have_no_table_of_geometry() -> None:
    assert geometry_table({}) == {}


def test_volumes_that_do_not_say_how_large_a_voxel_is_have_no_views(tmp_path: Path) -> None:
    write_shard(tmp_path / "train.npy", np.zeros((1, 4, 4, 4, 1), np.uint8), ["a"])

    assert list(scan_figures(Shards([tmp_path / "train.npy"]), {})) == []


def test_duplicates_are_counted_by_kind() -> None:
    found = Duplicates(groups=(("a", "b", "1"),), across=(("a", "1"), ("b", "1")), contradictory=(("a", "b"),))

    assert duplicates_line(found) == (
        "Near-duplicates: 1 group, 1 test sample with a twin in training, 1 pair with different labels"
    )
