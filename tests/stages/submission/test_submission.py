"""The submission stage by its command line."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from factories import MODEL_SCORES, SUBMISSION, metrics_of, summary_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from catscan.cli import main
from catscan.common.contracts.summary import Summary
from catscan.raw.row_ids import fill_in
from catscan.raw.sample_submission import Layout
from catscan.scores.calibration import clipped
from catscan.scores.expected import expected_score
from catscan.scores.predictions import read_all, write_predictions
from catscan.scores.told import CalibratedBlend
from catscan.stages.submission.fill import fill_sheet
from catscan.stages.submission.sheet import form_of
from catscan.stages.submission.sheet_check import check_sheet

PREDICTED = {"007": (0.8, 0.2), "08": (0.4, 0.6), "9": (0.1, 0.9)}


class Stage:
    """Runs the submission stage on files of its own."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capsys, self.said = folder, capsys, ""
        (folder / "raw").mkdir()
        self.task(classes=["cat", "dog"])
        self.sample("id,label", "9,0.5", "007,0.5", "08,0.5")
        self.predict("main", 0, PREDICTED)
        self.metrics()

    def metrics(self, **changes: Any) -> None:
        metrics_of(**{"models": {"main": MODEL_SCORES}} | changes).write(self.folder / "metrics.json")

    def task(self, task: str = "binary", labels: tuple[str, ...] = ("cat", "dog"), **summary: Any) -> None:
        shown = summary_of(task=task, **summary)
        shown.write(self.folder / "index.json")
        rows = [f"t{n},train,{label},t{n}" for n, label in enumerate(labels)]
        (self.folder / "index.csv").write_text("\n".join(["sample_id,split,label,group", *rows]) + "\n")
        even = np.full((len(labels), len(shown.classes)), 1 / len(shown.classes), np.float32)
        self.held_out([f"t{n}" for n in range(len(labels))], even)

    def held_out(self, ids: list[str], probabilities: NDArray[np.float32]) -> None:
        classes = Summary.read(self.folder / "index.json").classes
        write_predictions(self.folder / "out-of-fold.csv", ids, probabilities, classes)

    def sample(self, *lines: str) -> None:
        self.table("sample_submission.csv", *lines)

    def table(self, name: str, *lines: str) -> None:
        (self.folder / "raw" / name).write_text("\n".join(lines) + "\n")

    def predict(self, model: str, fold: int, rows: dict[str, tuple[float, ...]]) -> None:
        classes = Summary.read(self.folder / "index.json").classes
        table = pd.DataFrame(rows.values(), columns=list(classes))
        table.insert(0, "sample_id", list(rows))
        path = self.folder / "predictions" / model / f"fold-{fold}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        table.to_csv(path, index=False)

    def run(self, *arguments: str, **settings: Any) -> int:
        paths = {
            "--raw": "raw", "--index": "index.csv", "--summary": "index.json", "--metrics": "metrics.json",
            "--out-of-fold": "out-of-fold.csv", "--out": "submission.csv", "--check": "submission.json",
        }  # fmt: skip
        files = [text for option, name in paths.items() for text in (option, str(self.folder / name))]
        predictions = sorted(map(str, (self.folder / "predictions").rglob("*.csv")))
        code = main(
            [
                "submission",
                "--settings",
                json.dumps(SUBMISSION | settings),
                *files,
                "--predictions",
                *predictions,
                "--models",
                *(Path(path).parent.name for path in predictions),
                *arguments,
            ]
        )
        self.said = self.capsys.readouterr().err
        return code

    @property
    def lines(self) -> list[str]:
        return (self.folder / "submission.csv").read_text().splitlines()

    @property
    def check(self) -> dict[str, Any]:
        return json.loads((self.folder / "submission.json").read_text())


@pytest.fixture
def resamples() -> int:
    """Of how many the expected score is told: few, where no test is about it."""
    return 10


@pytest.fixture
def stage(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, resamples: int) -> Stage:
    monkeypatch.setitem(expected_score.__kwdefaults__, "resamples", resamples)
    return Stage(tmp_path, capsys)


class TestSheet:
    def test_keeps_ids_columns_and_order_of_the_sample_submission(self, stage: Stage) -> None:
        assert stage.run() == 0

        assert stage.lines == ["id,label", "9,0.9", "007,0.2", "08,0.6"]

    def test_value_is_the_probability_of_the_positive_class(self, stage: Stage) -> None:
        stage.task(classes=["cat", "dog"], positive="cat")

        stage.run()

        assert stage.lines[1:] == ["9,0.1", "007,0.8", "08,0.4"]

    def test_is_calibrated_and_clipped_by_the_metrics(self, stage: Stage) -> None:
        stage.metrics(temperature=2.0, clip=0.3)

        stage.run()

        assert stage.lines[1:] == ["9,0.7", "007,0.333333333", "08,0.550510257"]  # odds 9, 1/4, 3/2, their roots

    def test_same_input_gives_the_same_bytes(self, stage: Stage) -> None:
        stage.run()
        first = [(stage.folder / name).read_bytes() for name in ("submission.csv", "submission.json")]
        stage.run()

        assert [(stage.folder / name).read_bytes() for name in ("submission.csv", "submission.json")] == first

    def test_check_says_what_was_written(self, stage: Stage) -> None:
        stage.run()

        assert stage.check == {
            "version": 2,
            "rows": 3,
            "columns": ["id", "label"],
            "valid": True,
            "missing": [],
            "warnings": [],
            "metric": "log_loss",
            "expected_score": pytest.approx(np.log(2)),  # of two samples, both given evens
            "expected_interval": pytest.approx([np.log(2), np.log(2)]),
            "true_score": None,
            "spread": None,
            "temperature": 1.0,
            "clip": 0.0,
            "models": {"main": 1},
            "sha256": hashlib.sha256((stage.folder / "submission.csv").read_bytes()).hexdigest(),
        }
        assert stage.said.splitlines() == [
            "valid: 3 rows, columns id, label",
            "expected score: log loss 0.6931 (95 %: 0.6931 to 0.6931)",
        ]


class TestWithoutASample:
    """A competition that has no sample submission: the sheet is made from the test samples."""

    @pytest.mark.parametrize(
        ("settings", "lines"),
        [
            pytest.param({}, ["id,label", "007,0.2", "08,0.6", "9,0.9"], id="binary"),
            pytest.param({"value": "label"}, ["id,label", "007,cat", "08,dog", "9,dog"], id="label"),
            pytest.param(
                {"id_column": "name", "columns": ["p1"]}, ["name,p1", "007,0.2", "08,0.6", "9,0.9"], id="named"
            ),
            pytest.param(
                {"row_id": "{id}_{class}"},
                ["id,label", "007_cat,0.8", "007_dog,0.2", "08_cat,0.4", "08_dog,0.6", "9_cat,0.1", "9_dog,0.9"],
                id="long",
            ),
        ],
    )
    def test_each_test_sample_has_its_row(self, stage: Stage, settings: dict[str, Any], lines: list[str]) -> None:
        (stage.folder / "raw" / "sample_submission.csv").unlink()

        assert stage.run(sample="", **settings) == 0
        assert stage.lines == lines

    def test_each_class_has_its_column(self, stage: Stage) -> None:
        stage.task("multiclass", classes=["cat", "dog", "fox"])
        stage.predict("main", 0, {"1": (0.2, 0.3, 0.5)})
        stage.metrics(odds=(1, 1, 1))

        assert stage.run(sample="") == 0
        assert stage.lines == ["id,cat,dog,fox", "1,0.2,0.3,0.5"]

    def test_samples_of_one_row_have_it_once(self, stage: Stage) -> None:
        stage.table("test.csv", "image_id,patient", "007,p1", "08,p1", "9,p2")

        assert stage.run(sample="", row_id="{patient}", rows={"csv": "test.csv"}) == 0
        assert stage.lines == ["id,label", "p1,0.4", "p2,0.9"]

    def test_it_is_told(self, stage: Stage) -> None:
        stage.run(sample="")

        assert stage.check["warnings"] == [
            "there was no sample submission to go by: one row a test sample, columns id, label, as the config says"
        ]


class TestMissing:
    def test_row_without_a_prediction_gets_the_prior_and_a_warning(self, stage: Stage) -> None:
        stage.task(classes=["cat", "dog"], prior=[0.741, 0.259])
        stage.sample("id,label", "9,0.5", "12,0.5", "007,0.5", "13,0.5")

        assert stage.run() == 0

        assert stage.lines == ["id,label", "9,0.9", "12,0.259", "007,0.2", "13,0.259"]
        assert stage.check["missing"] == ["12", "13"]
        assert stage.check["warnings"] == [
            "1 row predicted that the sample submission does not ask for, left out: 08",
            "2 rows without a prediction, filled by the prior: 12, 13",
        ]
        assert "warning: 2 rows without a prediction, filled by the prior: 12, 13" in stage.said

    def test_prior_that_fills_a_row_is_clipped_too(self, stage: Stage) -> None:
        stage.task(classes=["cat", "dog"], prior=[1.0, 0.0])
        stage.sample("id,label", "12,0.5")
        stage.metrics(clip=0.05)

        stage.run()

        assert stage.lines[1:] == ["12,0.05"]

    def test_prediction_that_is_not_asked_for_is_told(self, stage: Stage) -> None:
        stage.sample("id,label", "9,0.5")

        assert stage.run() == 0
        assert "2 rows predicted that the sample submission does not ask for, left out: 007, 08" in stage.said

    def test_no_prediction_at_all_gives_the_prior_everywhere(self, stage: Stage) -> None:
        stage.predict("main", 0, {})

        assert stage.run() == 0
        assert stage.lines[1:] == ["9,0.5", "007,0.5", "08,0.5"]
        assert (stage.check["expected_score"], stage.check["expected_interval"]) == (None, None)

    def test_missing_label_is_the_commonest_class(self, stage: Stage) -> None:
        stage.task(classes=["cat", "dog"], prior=[0.741, 0.259])
        stage.sample("id,label", "12,cat")

        stage.run(value="label", metric="accuracy")

        assert stage.lines[1:] == ["12,cat"]

    def test_missing_row_of_a_long_sheet_gets_the_share_of_its_class(self, stage: Stage) -> None:
        stage.task("multilabel", classes=["C1", "C2"], prior=[0.02, 0.5])
        stage.predict("main", 0, {"a": (0.7, 0.1)})
        stage.sample("row_id,fractured", "a_C2,0.5", "b_C1,0.5", "a_C1,0.5", "b_C2,0.5")

        stage.run(row_id="{id}_{class}")

        assert stage.lines == ["row_id,fractured", "a_C2,0.1", "b_C1,0.02", "a_C1,0.7", "b_C2,0.5"]


class TestForms:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [("label", ["9,dog", "007,cat", "08,dog"]), ("index", ["9,1", "007,0", "08,1"])],
    )
    def test_one_answer_a_row(self, stage: Stage, value: str, expected: list[str]) -> None:
        stage.run(value=value, metric="accuracy")

        assert stage.lines[1:] == expected

    def test_values_of_another_form_are_warned_of(self, stage: Stage) -> None:
        stage.sample("id,label", "9,1", "08,0")

        assert stage.run(value="label", metric="accuracy") == 0
        assert "values that ours never has: 0, 1; see submission.value" in stage.said

    def test_one_column_a_class(self, stage: Stage) -> None:
        stage.sample("id,dog,cat", "08,0.5,0.5")

        stage.run()

        assert stage.lines == ["id,dog,cat", "08,0.6,0.4"]

    def test_list_of_classes_leaves_none_empty_where_no_label_is(self, stage: Stage) -> None:
        stage.task("multilabel", labels=("rust", "scab rust"), classes=["rust", "scab"])
        stage.predict("main", 0, {"a.jpg": (0.7, 0.6), "b.jpg": (0.1, 0.3)})
        stage.sample("image,labels", "a.jpg,healthy", "b.jpg,healthy")

        stage.run(value="list", metric="micro_f1")

        assert stage.lines[1:] == ["a.jpg,rust scab", "b.jpg,scab"]

    def test_list_may_be_empty_where_some_labels_are(self, stage: Stage) -> None:
        stage.task("multilabel", labels=("rust", ""), classes=["rust", "scab"])
        stage.predict("main", 0, {"a.jpg": (0.1, 0.3)})
        stage.sample("image,labels", "a.jpg,rust")

        stage.run(value="list", metric="micro_f1")

        assert stage.lines[1:] == ["a.jpg,"]

    def test_template_takes_fields_from_a_table(self, stage: Stage) -> None:
        stage.table("test.csv", "image_id,patient,side", "007,p1,L", "08,p1,R", "9,p2,L")
        stage.sample("prediction_id,cancer", "p1-R,0", "p1-L,0", "p2-L,0")

        stage.run(row_id="{patient}-{side}", rows={"csv": "test.csv", "id_column": "image_id"})

        assert stage.lines[1:] == ["p1-R,0.6", "p1-L,0.2", "p2-L,0.9"]

    @pytest.mark.parametrize(("aggregate", "expected"), [("mean", "0.4"), ("max", "0.6"), ("noisy_or", "0.68")])
    def test_samples_with_one_row_id_become_one_row(self, stage: Stage, aggregate: str, expected: str) -> None:
        stage.table("test.csv", "image_id,patient", "007,p1", "08,p1", "9,p2")
        stage.sample("patient,cancer", "p1,0", "p2,0")

        stage.run(row_id="{patient}", rows={"csv": "test.csv"}, aggregate=aggregate)

        assert stage.lines[1:] == [f"p1,{expected}", "p2,0.9"]
        assert stage.check["warnings"] == [
            "the expected score is of single samples; the competition scores rows, each made of several"
        ]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    form=st.sampled_from(
        [
            ("binary", "probability", "{id}", 1), ("binary", "label", "{id}", 1), ("binary", "probability", "{id}", 2),
            ("multiclass", "probability", "{id}", 3), ("multiclass", "one_hot", "{id}", 3),
            ("multiclass", "index", "{id}", 1), ("ordinal", "label", "{id}", 1),
            ("multilabel", "probability", "{id}", 3), ("multilabel", "list", "{id}", 1),
            ("multilabel", "one_hot", "{id}", 3), ("multilabel", "probability", "{id}_{class}", 1),
        ]
    ),
    ids=st.lists(st.text("0123456789aé ,\"-", min_size=1), min_size=1, max_size=8, unique=True),
    drawn=st.randoms(use_true_random=False),
    clip=st.sampled_from([0.0, 0.05]),
)  # fmt: skip
def test_whatever_is_predicted_the_sheet_passes_its_own_check(
    tmp_path: Path, form: tuple[str, str, str, int], ids: list[str], drawn: Any, clip: float
) -> None:
    task, value, row_id, n_columns = form
    classes = ["a", "b"] if task == "binary" else ["a", "b", "c"]
    row_ids = [
        fill_in(row_id, {"id": name, "class": one}) for name in ids for one in classes if row_id != "{id}"
    ] or ids
    columns = classes if n_columns > 1 else ["value"]
    sample = pd.DataFrame({"id": drawn.sample(row_ids, len(row_ids)), **dict.fromkeys(columns, "0")})
    layout = Layout(value=value, row_id=row_id)
    known = form_of(sample, layout, id_column="id", task=task, classes=classes, positive="b")
    raw = np.array([[drawn.choice([0.0, 1e-9, 0.5, drawn.random(), 1.0]) for _ in classes] for _ in ids]) + 1e-12
    probabilities = clipped(
        raw.clip(0, 1) if task == "multilabel" else raw / raw.sum(axis=1, keepdims=True), clip, task
    )
    predicted = drawn.sample(range(len(ids)), drawn.randint(0, len(ids)))

    filled = fill_sheet(
        sample, known, [ids[row] for row in predicted], probabilities[predicted],
        prior=np.full(len(classes), 1 / len(classes)), fields={}, aggregate="mean", at_least_one=True,
    )  # fmt: skip
    filled.table.to_csv(tmp_path / "submission.csv", index=False, lineterminator="\n")

    check_sheet(tmp_path / "submission.csv", sample, known)
    assert len(filled.missing) == len(row_ids) - len(predicted) * (len(row_ids) // len(ids))


class TestTrueScore:
    def truth(self, stage: Stage, *lines: str) -> str:
        (stage.folder / "solution.csv").write_text("\n".join(lines) + "\n")
        return str(stage.folder / "solution.csv")

    def test_is_the_metric_over_the_rows_of_the_truth(self, stage: Stage) -> None:
        truth = self.truth(stage, "id,label", "007,0", "08,1", "9,1")

        stage.run("--truth", truth)

        assert stage.check["true_score"] == pytest.approx(-np.log([0.8, 0.6, 0.9]).mean())
        assert "true score: log loss 0.2798" in stage.said

    def test_rows_that_kaggle_ignores_do_not_count(self, stage: Stage) -> None:
        truth = self.truth(stage, "id,label,Usage", "007,1,Ignored", "08,1,Public", "9,1,Private")

        stage.run("--truth", truth)

        assert stage.check["true_score"] == pytest.approx(-np.log([0.6, 0.9]).mean())

    def test_truth_may_name_the_class(self, stage: Stage) -> None:
        truth = self.truth(stage, "id,label", "007,cat", "08,dog", "9,dog")

        stage.run("--truth", truth)

        assert stage.check["true_score"] == pytest.approx(-np.log([0.8, 0.6, 0.9]).mean())

    def test_of_labels_is_their_accuracy(self, stage: Stage) -> None:
        truth = self.truth(stage, "id,label", "007,cat", "08,cat", "9,dog")

        stage.run("--truth", truth, value="label", metric="accuracy")

        assert stage.check["true_score"] == pytest.approx(2 / 3)

    def test_of_a_long_sheet_weighs_the_classes(self, stage: Stage) -> None:
        stage.task("multilabel", classes=["all", "C1"])
        stage.predict("main", 0, {"a": (0.7, 0.1)})
        stage.sample("row_id,fractured", "a_C1,0.5", "a_all,0.5")
        truth = self.truth(stage, "row_id,fractured", "a_all,1", "a_C1,0")

        stage.run("--truth", truth, row_id="{id}_{class}", metric="weighted_log_loss", metric_weights=[7, 1])

        assert stage.check["true_score"] == pytest.approx(-(7 * np.log(0.7) + np.log(0.9)) / 8)

    def test_of_double_positives_is_what_the_odds_are_told_for(self, stage: Stage) -> None:
        stage.task("multilabel", classes=["all", "C1"])
        stage.metrics(odds=(2, 1))
        stage.predict("main", 0, {"a": (0.6, 0.1)})
        stage.sample("row_id,fractured", "a_C1,0.5", "a_all,0.5")
        truth = self.truth(stage, "row_id,fractured", "a_all,1", "a_C1,0")
        weights: dict[str, Any] = {"metric_weights": [7, 1], "metric_positive_weight": 2}

        stage.run("--truth", truth, row_id="{id}_{class}", metric="weighted_log_loss", **weights)

        assert stage.lines == ["row_id,fractured", "a_C1,0.1", "a_all,0.75"]  # odds of 0.6 are 1.5, twice that is 3
        assert stage.check["true_score"] == pytest.approx(-(14 * np.log(0.75) + np.log(0.9)) / 15)

    def test_not_defined_is_none(self, stage: Stage) -> None:
        truth = self.truth(stage, "id,label", "007,1", "08,1", "9,1")

        stage.run("--truth", truth, metric="auc")

        assert stage.check["true_score"] is None

    def test_absent_truth_is_no_mistake(self, stage: Stage) -> None:
        assert stage.run("--truth", str(stage.folder / "no-truth.csv")) == 0

    def test_truth_of_other_ids_is_refused(self, stage: Stage) -> None:
        truth = self.truth(stage, "id,label", "7,0")

        assert stage.run("--truth", truth) == 2
        assert "The truth has none of the submission's ids." in stage.said


class TestExpectedScore:
    @pytest.fixture
    def resamples(self) -> int:
        """As many as anywhere outside of the tests."""
        return expected_score.__kwdefaults__["resamples"]

    def skilled(self, stage: Stage, n: int = 40) -> None:
        """Out-of-fold predictions of which most are right."""
        labels = ("cat", "dog") * (n // 2)
        stage.task(classes=["cat", "dog"], labels=labels)
        dog = np.where(np.arange(n) % 10 < 8, 0.9, 0.2)
        right = np.array([label == "dog" for label in labels])
        dog = np.where(right, dog, 1 - dog).astype(np.float32)
        stage.held_out([f"t{row}" for row in range(n)], np.stack([1 - dog, dog], axis=1))

    def test_of_one_network_it_is_the_out_of_fold_score_with_the_luck_of_a_small_test_set(self, stage: Stage) -> None:
        self.skilled(stage)

        stage.run()

        low, high = stage.check["expected_interval"]
        assert stage.check["expected_score"] == pytest.approx(-0.8 * np.log(0.9) - 0.2 * np.log(0.2), abs=1e-6)
        assert low == pytest.approx(-np.log(0.9), abs=1e-6)  # three test samples, of which all may be right
        assert high > -np.log(0.9) / 3 - 2 * np.log(0.2) / 3 - 1e-6  # or one

    def test_folds_that_disagree_are_better_together(self, stage: Stage) -> None:
        self.skilled(stage)
        stage.run()
        alone = stage.check["expected_score"]
        stage.predict("main", 1, {"007": (0.5, 0.5), "08": (0.8, 0.2), "9": (0.4, 0.6)})

        stage.run()

        assert stage.check["expected_score"] < alone

    def test_the_expected_score_of_labels_is_of_their_metric(self, stage: Stage) -> None:
        self.skilled(stage)

        stage.run(metric="accuracy", value="label")

        assert stage.check["expected_score"] == 0.8
        assert "expected score: accuracy 0.8000 (95 %:" in stage.said

    def test_out_of_fold_predictions_of_other_samples_are_refused(self, stage: Stage) -> None:
        stage.held_out(["t0", "t7"], np.full((2, 2), 0.5, np.float32))

        assert stage.run() == 2
        assert "of samples that the index does not have" in stage.said
        assert "t7" in stage.said


class TestPredictions:
    def test_folds_are_blended_by_their_logits_then_models(self, stage: Stage) -> None:
        stage.predict("main", 0, {"a": (0.5, 0.5)})
        stage.predict("main", 1, {"a": (0.1, 0.9)})
        stage.predict("other", 0, {"a": (0.1, 0.9)})
        paths = sorted((stage.folder / "predictions").rglob("*.csv"))

        predictions = read_all(paths, ["main", "main", "other"], ["cat", "dog"], "binary")
        weights = {"main": 0.75, "other": 0.25}
        models = {name: replace(MODEL_SCORES, weight=weight) for name, weight in weights.items()}
        told = CalibratedBlend.of(metrics_of(models=models), summary_of()).tell(predictions.by_model)

        logit = 0.75 * np.log(9) / 2 + 0.25 * np.log(9)  # main: 0 and ln 9; other: ln 9
        assert told[0, 1] == pytest.approx(1 / (1 + np.exp(-logit)))
        assert {name: len(folds) for name, folds in predictions.by_model.items()} == {"main": 2, "other": 1}

    def test_a_foreign_member_is_blended_like_a_model(self, stage: Stage) -> None:
        stage.metrics(models={"main": replace(MODEL_SCORES, weight=0.5), "own": replace(MODEL_SCORES, weight=0.5)})
        index = stage.folder / "index.csv"
        index.write_text(index.read_text() + "".join(f"{name},test,,{name}\n" for name in PREDICTED))
        stage.table("own.csv", "id,label", "9,0.5", "08,0.5", "007,0.8")
        assert stage.run("--foreign", str(stage.folder / "raw" / "own.csv"), blend=["own"]) == 0

        # The root of the product of the odds: 9 and 1; 1/4 and 4; 3/2 and 1.
        assert [float(line.split(",")[1]) for line in stage.lines[1:]] == pytest.approx(
            [0.75, 0.5, 1.5**0.5 / (1 + 1.5**0.5)]
        )
        assert stage.check["models"] == {"main": 1, "own": 1}

    def test_a_model_that_was_not_evaluated_is_refused(self, stage: Stage) -> None:
        stage.predict("other", 0, PREDICTED)

        assert stage.run() == 2
        assert "main, other; evaluated: main" in stage.said

    def test_files_for_other_samples_are_refused(self, stage: Stage) -> None:
        stage.predict("main", 1, {"08": (0.4, 0.6)})

        assert stage.run() == 2
        assert "The predictions are not for the same samples." in stage.said
        assert "3 and 1 samples" in stage.said

    @pytest.mark.parametrize("wrong", [float("nan"), 1.5, -0.1])
    def test_value_that_is_no_probability_is_refused_with_its_line(self, stage: Stage, wrong: float) -> None:
        stage.predict("main", 0, PREDICTED | {"08": (0.4, wrong)})

        assert stage.run() == 2
        assert "1 row of predictions with a value that is not a probability." in stage.said
        assert "fold-0.csv, line 3" in stage.said

    def test_file_without_a_class_is_refused(self, stage: Stage) -> None:
        stage.task(classes=["cat", "wolf"])

        assert stage.run() == 2
        assert "'wolf'" in stage.said

    def test_metric_of_another_task_is_refused_before_anything_is_written(self, stage: Stage) -> None:
        assert stage.run(metric="pf2") == 2
        assert 'Did you mean "pf1"?' in stage.said
        assert not (stage.folder / "submission.csv").exists()


def test_row_of_the_table_of_rows_that_is_missing_is_refused(stage: Stage) -> None:
    stage.table("test.csv", "image_id,patient", "007,p1", "08,p1")
    stage.sample("patient,cancer", "p1,0")

    assert stage.run(row_id="{patient}", rows={"csv": "test.csv"}) == 2
    assert "The test sample '9' has no row in the table of rows." in stage.said
