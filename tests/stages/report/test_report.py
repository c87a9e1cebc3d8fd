"""The report is one page that says plainly how good the submission is."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from factories import EXPLANATION, write_shard
from report_stage import CHECK, INDEX, METRICS, again, page

from catscan.cli import main
from catscan.common.arrays import Shards
from catscan.common.contracts.metrics import Metrics
from catscan.common.contracts.sidecar import Bad
from catscan.common.contracts.summary import Duplicates
from catscan.common.provenance import place_of
from catscan.common.settings import canonical
from catscan.stages.report import duplicates_line
from catscan.stages.report.confusion import confusion_table, most_confused
from catscan.stages.report.geometry import geometry_table, scan_figures
from catscan.stages.report.inlined import inlined
from catscan.stages.report.scores import calibration_line, folds_table, verdict


@pytest.mark.parametrize(
    "text",
    [
        "Out-of-fold log loss 0.2000 (95 % interval of its mean 0.1000 to 0.3000) against 0.6931 for",
        "To expect of the test set: log loss 0.2000 (95 %: 0.1500 to 0.2800).",
        "log loss, 95\N{NO-BREAK SPACE}%: 0.1500\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}0.2800",
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

    assert "<td>own</td><td>foreign</td>" in again(tmp_path)


def test_competitions_that_ran_earlier_come_last_and_those_that_lack_something_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page(tmp_path)
    results = tmp_path / "results"
    for name in ("aardvarks", "half"):
        shutil.copytree(results / "dogs", results / name)
    (results / "half" / "submission.json").unlink()
    text = again(tmp_path)

    assert 0 < text.index(">Dogs<") < text.index(">aardvarks<")
    assert ">half<" not in text
    assert "half, which ran earlier, is left out: A file is missing. (" in capsys.readouterr().err


def test_what_had_changed_when_results_were_made_anew_is_told_by_stage_and_model(tmp_path: Path) -> None:
    unchanged = page(tmp_path)
    folder = tmp_path / "results" / "dogs"
    for fold in (0, 1):
        weights = folder / "models" / "resnet" / f"fold-{fold}" / "weights.npz"
        weights.parent.mkdir(parents=True, exist_ok=True)
        weights.touch()
        place_of(weights).write_text('{"changes": ["learning_rate: 0.02 -> <b>"]}')
    place_of(folder / "submission.csv").write_text('{"changes": []}')

    assert "Changes since the results before" not in unchanged
    assert again(tmp_path).count("<td>train resnet</td><td>learning_rate: 0.02 -&gt; &lt;b&gt;</td>") == 1


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
    text = again(tmp_path)

    assert "6 samples could not be read" in text
    assert re.findall(r"reason (\w+ \d)", text) == ["train 1", "train 2", "train 3", "test 1", "test 2", "test 3"]


def test_what_comes_from_the_data_cannot_become_part_of_the_page(tmp_path: Path) -> None:
    text = page(tmp_path, title="<img src=x onerror=alert(1)>")

    assert text.count("<script") == text.count("</script>") == 2  # the explorer's data, and the scripts
    assert "<img src=x" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert r"\u003c/script>\u003cb>1\u003c/b>" in text


def test_the_page_names_the_pretrained_networks_that_the_opened_one_learnt_from(tmp_path: Path) -> None:
    text = page(tmp_path, explanation=replace(EXPLANATION, extractors=("efficientnet-lite0",)))

    assert "It has learnt from what efficientnet-lite0 says of the samples;" in text


def test_networks_that_do_not_beat_the_prior_are_told_first() -> None:
    told = replace(METRICS, loss=replace(METRICS.loss, value=0.7, beats_prior=False))

    assert verdict(told, CHECK).startswith("The networks do not beat the constant prior")


def test_scans_are_tabled_by_their_short_values() -> None:
    table = geometry_table({"a": {"step_mm": 2.5, "long": "x" * 99}, "b": {"step_mm": 1.25, "long": ""}})

    assert table["columns"] == ["scan", "step, mm"]
    assert table["rows"] == [["a", "2.5"], ["b", "1.25"]]


def test_a_value_that_no_scan_has_is_no_column_and_one_that_some_have_is() -> None:
    table = geometry_table({"a": {"step_mm": 2.5, "tilt": None}, "b": {"step_mm": 1.25, "tilt": None, "phase": "2"}})

    assert table["columns"] == ["scan", "step, mm", "phase"]
    assert table["rows"] == [["a", "2.5", ""], ["b", "1.25", "2"]]


def test_what_all_scans_share_is_one_line_and_what_no_person_reads_is_left_out() -> None:
    told = {"modality": "CT", "even": True, "series_uid": "2.25.1", "affine": [[1.0]]}
    table = geometry_table({"a": told | {"n_slices": 30}, "b": told | {"n_slices": 31}})

    assert table["alike"] == "modality CT; even steps yes"
    assert table["columns"] == ["scan", "slices"]


def test_pictures_have_no_table_of_geometry() -> None:
    assert geometry_table({}) == {}


def test_volumes_that_do_not_say_how_large_a_voxel_is_have_no_views(tmp_path: Path) -> None:
    write_shard(tmp_path / "train.npy", np.zeros((1, 4, 4, 4, 1), np.uint8), ["a"])

    assert list(scan_figures(Shards([tmp_path / "train.npy"]), {})) == []


def test_scores_stand_under_their_names_whatever_the_order_of_the_file(tmp_path: Path) -> None:
    METRICS.write(tmp_path / "metrics.json")  # its keys are sorted: accuracy before log_loss
    table = folds_table(Metrics.read(tmp_path / "metrics.json"))

    assert table["columns"][3:] == ["log loss", "accuracy", "AUC"]
    assert table["rows"] == [["resnet", "0", "10", "0.2000", "0.9000", "–"]]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (0.3, 0.2, "Calibration lowers the log loss of the held-out samples from 0.3000 to 0.2000"),
        (0.2, 0.25, "Calibration raises the log loss of the held-out samples from 0.2000 to 0.2500"),
        (0.2, 0.200001, "Calibration leaves the log loss of the held-out samples at 0.2000"),
        (0.2, 0.2, "No calibration"),
    ],
)
def test_what_calibration_did_is_told(before: float, after: float, said: str) -> None:
    loss = replace(METRICS.loss, uncalibrated=before, value=after)

    assert calibration_line(replace(METRICS, loss=loss)).startswith(said)


def test_the_most_confused_pairs_come_first_with_their_share_of_the_class() -> None:
    pairs = most_confused({"a": [5, 1, 0], "b": [2, 6, 0], "c": [0, 3, 0]}, ["a", "b", "c"])

    assert pairs == [["c", "b", "3", "100.0 %"], ["b", "a", "2", "25.0 %"], ["a", "b", "1", "16.7 %"]]


def test_a_table_of_many_classes_is_left_to_its_pairs() -> None:
    names = [str(k) for k in range(21)]

    assert confusion_table(dict.fromkeys(names, [1] * 21), names) == {}
    assert confusion_table({"0": [3, 1], "1": [0, 0]}, names[:2])["rows"] == [
        ("0", [("3", "0.75"), ("1", "0.25")]),
        ("1", [("0", "0.00"), ("0", "0.00")]),
    ]


def test_a_figure_takes_the_pages_colours_and_leaves_its_names_and_style_behind() -> None:
    svg = (
        '<?xml version="1.0"?><svg width="72pt" height="36pt" viewBox="0 0 72 36"><metadata>x</metadata>'
        '<style type="text/css">*{}</style><g id="axes_1"><path style="stroke: #000000; stroke-width: 0.8"/>'
        '<path style="stroke: #000000; stroke-width: 2"/><path style="stroke: #e4e6ea"/></g></svg>'
    )

    assert inlined(svg, 'a "b" <c>') == (
        '<svg class="drawing" role="img" aria-label="a &quot;b&quot; &lt;c&gt;" viewBox="0 0 72 36" '
        'style="max-width: 96px"><g><path style="stroke: currentColor; stroke-width: 0.8"/>'
        '<path style="stroke: #000000; stroke-width: 2"/><path style="stroke: var(--line)"/></g></svg>'
    )


@pytest.mark.parametrize(
    "damage", [b"\xff\xfe", b"", b"<svg>", b"<svg width='3pt'"], ids=["bytes", "empty", "bare", "cut"]
)
def test_a_damaged_figure_is_one_block(damage: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page(tmp_path)
    (tmp_path / "results" / "dogs" / "evaluation" / "curves.svg").write_bytes(damage)
    arguments = ["--results", str(tmp_path / "results"), "--out", str(tmp_path / "report.html")]

    assert main(["report", "--settings", canonical({"titles": [["dogs", "Dogs"]]}), *arguments]) == 2
    told = capsys.readouterr().err
    assert "A figure is damaged" in told
    assert "curves.svg" in told


@pytest.mark.parametrize("name", ["evaluation/curves.svg", "models/resnet/fold-0/history.csv"])
def test_what_is_missing_is_one_block_and_no_page_that_shows_less(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page(tmp_path)
    (tmp_path / "results" / "dogs" / name).unlink()
    arguments = ["--results", str(tmp_path / "results"), "--out", str(tmp_path / "report.html")]

    assert main(["report", "--settings", canonical({"titles": [["dogs", "Dogs"]]}), *arguments]) == 2
    assert str(tmp_path / "results" / "dogs" / name) in capsys.readouterr().err


def test_duplicates_are_counted_by_kind() -> None:
    found = Duplicates(groups=(("a", "b", "1"),), across=(("a", "1"), ("b", "1")), contradictory=(("a", "b"),))

    assert duplicates_line(found) == (
        "Near-duplicates: 1 group, 1 test sample with a twin in training, 1 pair with different labels"
    )
