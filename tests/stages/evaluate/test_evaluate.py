"""The evaluation says what the out-of-fold predictions are worth, and says it plainly."""

import base64
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from evaluate_stage import CLASSES, N, competition, run
from factories import summary_of

from catscan.common.contracts.galleries import Picture
from catscan.common.contracts.metrics import Metrics
from catscan.common.contracts.summary import Summary
from catscan.common.errors import CatscanError
from catscan.common.tables import read_table
from catscan.scores import metrics
from catscan.stages import evaluate
from catscan.stages.evaluate import figures, of_amounts, of_classes, tiles
from catscan.stages.evaluate.of_classes import confusion


def told_of(folder: Path) -> Metrics:
    """What metrics.json would say, without the figures."""
    summary, index = Summary.read(folder / "index.json"), read_table(folder / "index.csv").set_index("sample_id")
    paths = sorted((folder / "models" / "resnet").glob("*/out-of-fold.csv"))
    files = [("resnet", path) for path in paths]
    held_out = evaluate.gather(files, index[index["split"] == "train"], CLASSES, "binary", "log_loss")
    return evaluate.evaluate(held_out, "log_loss", metrics.Problem("binary", positive=1), summary)


def test_skilled_networks_beat_the_prior_within_their_interval(tmp_path: Path) -> None:
    told = told_of(competition(tmp_path, skill=2.0))
    loss = told.loss

    assert loss.beats_prior is True
    assert loss.prior == pytest.approx(np.log(2))
    assert loss.interval[0] < loss.value < loss.interval[1] < loss.prior
    assert told.scores["accuracy"].value > 0.9
    assert told.remarks == ()
    assert [fold.n for fold in told.folds] == [40, 40, 40]


def test_networks_without_skill_are_told_so(tmp_path: Path) -> None:
    told = told_of(competition(tmp_path, skill=0.0))

    assert not told.loss.beats_prior or told.loss.value > 0.68
    # The temperature takes back what is not known: never much worse than the prior, where the networks alone were.
    assert told.loss.value < told.loss.uncalibrated


def test_few_samples_are_told_so(tmp_path: Path) -> None:
    told = told_of(competition(tmp_path, skill=1.0, n=6))

    assert "6 labelled samples cannot teach a network" in told.remarks[0]


def test_one_trained_fold_is_scored_and_told(tmp_path: Path) -> None:
    told = told_of(competition(tmp_path, skill=2.0, folds=1))

    assert told.n == 40
    assert told.loss.beats_prior
    assert "Only 1 of 3 folds were trained" in told.remarks[0]


@pytest.mark.slow
def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    competition(tmp_path, skill=1.0, n=30)
    run(tmp_path)
    first = {path.name: path.read_bytes() for path in (tmp_path / "evaluation").iterdir()}
    run(tmp_path)

    assert {path.name: path.read_bytes() for path in (tmp_path / "evaluation").iterdir()} == first
    assert len(first) == 9


class TestForeignMembers:
    """A competitor's own out-of-fold predictions in the blend."""

    @staticmethod
    def written(folder: Path, *, skill: float) -> dict[str, Path]:
        """Predictions of a model that knows other things than the networks: one column, of the dog."""
        labels = np.arange(N) % 2
        dog = 1 / (1 + np.exp(-(skill * (2 * labels - 1) + np.random.default_rng(9).normal(0, 1, N))))
        path = folder / "own.csv"
        pd.DataFrame({"id": [f"s{i}" for i in range(N)], "label": dog}).to_csv(path, index=False)
        return {"own": path}

    def test_its_weight_and_its_gain_are_told_like_those_of_a_model(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        competition(tmp_path, skill=1.0)
        alone = run(tmp_path)
        told = run(tmp_path, self.written(tmp_path, skill=1.0))

        own = told.models["own"]
        assert own.foreign
        assert own.gain is not None
        assert own.gain.interval[0] > 0
        assert 0.2 < own.weight < 0.8
        assert told.loss.value < alone.loss.value
        assert list(told.trained) == ["resnet"]
        assert "own (foreign): log loss " in capsys.readouterr().err

    def test_ids_that_are_not_the_indexs_are_one_block(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        competition(tmp_path, skill=1.0)
        files = self.written(tmp_path, skill=1.0)
        files["own"].write_text(files["own"].read_text().replace("s7,", "x7,"))
        with pytest.raises(AssertionError):
            run(tmp_path, files)

        said = capsys.readouterr().err
        assert "The sample ids of a foreign member are not those of the index." in said
        assert "1 id missing: s7" in said
        assert "1 id unknown: x7" in said


def test_models_trained_on_different_folds_are_refused(tmp_path: Path) -> None:
    competition(tmp_path, skill=1.0)
    index = pd.read_csv(tmp_path / "index.csv", dtype=str, keep_default_na=False).set_index("sample_id")
    other = tmp_path / "models" / "tutorial" / "fold-0" / "out-of-fold.csv"
    other.parent.mkdir(parents=True)
    other.write_text("sample_id,cat,dog\ns0,0.5,0.5\n")
    paths = sorted((tmp_path / "models" / "resnet").glob("*/out-of-fold.csv"))
    files = [*(("resnet", path) for path in paths), ("tutorial", other)]

    with pytest.raises(CatscanError, match=r"not evaluated on the same samples[\s\S]*resnet: 120, tutorial: 1"):
        evaluate.gather(files, index, CLASSES, "binary", "log_loss")


def test_a_sample_in_two_files_of_one_model_is_refused_with_both(tmp_path: Path) -> None:
    index = pd.DataFrame({"label": ["cat"], "fold": ["0"], "group": ["s0"]}, ["s0"])
    paths = [tmp_path / "one.csv", tmp_path / "two.csv"]
    for path in paths:
        path.write_text("sample_id,cat,dog\ns0,0.5,0.5\n")

    with pytest.raises(CatscanError, match=r"two folds of one model[\s\S]*one.csv and .*two.csv[\s\S]*'s0'"):
        evaluate.gather([("resnet", path) for path in paths], index, CLASSES, "binary", "log_loss")


def test_an_empty_cell_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "any-name.csv"
    path.write_text("sample_id,cat,dog\ns0,0.5,0.5\ns1,,0.5\n")
    index = pd.DataFrame({"label": ["cat", "dog"], "fold": ["0"] * 2, "group": ["s0", "s1"]}, ["s0", "s1"])

    with pytest.raises(CatscanError, match=r"not a probability[\s\S]*any-name.csv, line 3[\s\S]*an empty cell, 0.5"):
        evaluate.gather([("resnet", path)], index, CLASSES, "binary", "log_loss")


def test_confusion_counts_rows_true_columns_decided() -> None:
    targets = np.eye(3)[[0, 0, 1, 2]]
    given = np.eye(3)[[0, 1, 1, 2]] * 0.8 + 0.05
    held_out = evaluate.HeldOut(list("abcd"), np.zeros(4, np.int64), list("abcd"), targets, {}, given, given)

    assert confusion(held_out, "multiclass").tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 1]]


class TestFigures:
    def test_a_scan_is_shown_as_slices_from_one_end_to_the_other(self) -> None:
        scan = np.repeat(np.arange(21, dtype=np.uint8), 4 * 3).reshape(21, 4, 3, 1)
        strip = tiles.strip(scan)

        assert strip.shape == (4, 3 * tiles.SLICES_SHOWN)
        assert strip[0, ::3].tolist() == [3, 7, 10, 14, 18]

    @pytest.mark.parametrize("channels", [1, 3], ids=["gray", "rgb"])
    def test_a_picture_is_shown_as_it_is(self, channels: int) -> None:
        picture = np.arange(2 * 3 * channels, dtype=np.uint8).reshape(2, 3, channels)

        assert tiles.strip(picture).ravel().tolist() == picture.ravel().tolist()

    def test_no_slice_of_a_scan_falls_between_those_of_its_sheet(self) -> None:
        scan = np.zeros((130, 2, 3), np.uint8)
        scan[77] = 200  # a nodule in one slice alone
        sheet = tiles.sheet(scan)

        assert sheet.shape == (6 * 2, 8 * 3)  # 44 slabs of three slices, the last of one
        assert (sheet == 200).sum() == 2 * 3
        assert np.argwhere(sheet == 200)[0].tolist() == [3 * 2, 1 * 3]  # the 25th slab

    @pytest.mark.parametrize(
        ("n_classes", "task"), [(2, "binary"), (3, "multiclass"), (30, "multiclass"), (3, "multilabel")]
    )
    def test_every_figure_is_drawn_for_any_number_of_classes(self, n_classes: int, task: str, tmp_path: Path) -> None:
        draw = np.random.default_rng(1)
        targets = np.eye(n_classes)[draw.integers(0, n_classes, 50)]
        given = draw.dirichlet(np.ones(n_classes), 50)
        names = [f"class {k}, $x" for k in range(n_classes)]
        ids = [str(n) for n in range(50)]
        held_out = evaluate.HeldOut(ids, np.zeros(50, np.int64), ids, targets, {}, given, given)
        for name, figure in of_classes.draw(held_out, names, task=task):
            figures.save(figure, tmp_path / name)

        names = ["answers.svg", "calibration.svg", "curves.svg"]
        assert sorted(path.name for path in tmp_path.iterdir()) == names
        left_out = "told apart worst" in (tmp_path / "curves.svg").read_text()
        assert left_out == (n_classes > figures.CURVES_SHOWN)

    def test_every_figure_of_amounts_is_drawn(self, tmp_path: Path) -> None:
        held_out, samples = self.amounts()
        for name, figure in of_amounts.draw(held_out, ["age"]):
            figures.save(figure, tmp_path / name)
        shown = of_amounts.galleries(held_out, lambda position: samples[position], ["age"], scans=False)
        off = np.abs(held_out.calibrated - held_out.targets)[:, 0]

        names = ["answers.svg", "calibration.svg", "curves.svg"]
        assert sorted(path.name for path in tmp_path.iterdir()) == names
        assert shown.most_wrong[0].sample_id == f"s{off.argmax()}"
        assert shown.samples[0].tiles[0].sample_id == f"s{held_out.targets.argmin()}"

    @staticmethod
    def amounts() -> tuple[evaluate.HeldOut, np.ndarray]:
        draw = np.random.default_rng(1)
        true = draw.normal(50, 20, 40)[:, None]
        ids, told = [f"s{n}" for n in range(40)], true + draw.normal(0, 9, true.shape)
        held_out = evaluate.HeldOut(ids, np.zeros(40, np.int64), ids, true, {}, told, told)
        return held_out, draw.integers(0, 255, (40, 6, 5, 3), dtype=np.uint8)

    def test_a_spike_does_not_press_all_else_to_the_ground(self) -> None:
        top, said = figures.limit(np.array([0.7, 0.5, 7.4, 0.4, np.nan]))

        assert 0.7 < top < 0.8
        assert said == " (1 value up to 7.40 cut off)"

    def test_each_model_has_a_panel_with_a_line_a_fold(self) -> None:
        history = pd.DataFrame({"epoch": [1, 2], "train_loss": [0.7, 0.5], "log_loss": [0.7, 0.6]})
        of_folds = dict.fromkeys(range(5), history)
        panels = figures.learning_curves({"one": of_folds, "two": of_folds}, "log_loss").axes

        assert [panel.get_title() for panel in panels] == ["one", "two"]
        assert [len(panel.lines) for panel in panels] == [10, 10]
        assert [text.get_text() for text in panels[0].get_legend().texts][-2:] == ["fold 4", "training"]


class TestGalleries:
    def test_the_most_wrong_are_ranked_before_the_clip_makes_them_equal(self) -> None:
        targets = np.eye(2)[[0, 0, 0]]
        blend = np.array([[3e-3, 1 - 3e-3], [1e-3, 1 - 1e-3], [2e-3, 1 - 2e-3]])
        clipped = np.clip(blend, 0.01, 0.99)
        held_out = evaluate.HeldOut(list("abc"), np.zeros(3, np.int64), list("abc"), targets, {}, blend, clipped)
        shown = of_classes.galleries(held_out, lambda _: np.zeros((2, 2, 3), np.uint8), ["cat", "dog"], scans=False)

        assert [tile.sample_id for tile in shown.most_wrong] == ["b", "c", "a"]
        assert [tile.told for tile in shown.most_wrong] == ["cat: 0.001", "cat: 0.002", "cat: 0.003"]
        assert [(row.name, row.n) for row in shown.samples] == [("cat", 3), ("dog", 0)]

    def test_ids_are_whole_however_long(self) -> None:
        name = "Bengin.Bengin case (101) " * 9

        assert tiles.tile(np.zeros((2, 2, 1), np.uint8), name, "").sample_id == name

    @pytest.mark.parametrize(("side", "kind"), [(64, "png"), (400, "webp")])
    def test_a_small_picture_keeps_every_level_and_a_large_one_is_made_smaller(self, side: int, kind: str) -> None:
        levels = np.random.default_rng(1).integers(0, 255, (side, side, 3), dtype=np.uint8)
        shown = Picture.of(levels)
        told, _, data = shown.address.partition(",")
        read = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]

        assert told == f"data:image/{kind};base64"
        assert read.shape[:2] == (shown.height, shown.width) == (min(side, 320),) * 2
        assert kind == "webp" or (read == levels).all()

    def test_a_scan_shows_five_slices_and_all_of_them_enlarged(self) -> None:
        shown = tiles.tile(np.zeros((10, 6, 7, 1), np.uint8), "a", "")

        assert (shown.picture.height, shown.picture.width) == (6, 5 * 7)
        assert shown.slices is not None
        assert (shown.slices.height, shown.slices.width) == (2 * 6, 8 * 7)


def test_classes_of_one_sample_each_are_scored(tmp_path: Path) -> None:
    classes = [f"c{n}" for n in range(6)]
    given = np.full((6, 6), 1 / 6)
    held_out = evaluate.HeldOut(classes, np.arange(6) % 3, classes, np.eye(6), {"main": given}, given, given)
    summary = summary_of(classes, task="multiclass", counts=dict.fromkeys(classes, 1), n_train=6)
    evaluate.evaluate(held_out, "log_loss", metrics.Problem("multiclass"), summary).write(tmp_path / "metrics.json")

    assert Metrics.read(tmp_path / "metrics.json").loss.value == pytest.approx(np.log(6))


def test_the_score_is_of_the_odds_that_the_submission_tells(tmp_path: Path) -> None:
    draw = np.random.default_rng(1)
    targets = (draw.random((80, 2)) < (0.5, 0.2)).astype(float)
    ids = [f"{n:03}" for n in range(80)]
    path = tmp_path / "resnet" / "fold-0" / "out-of-fold.csv"
    path.parent.mkdir(parents=True)
    given = pd.DataFrame(0.2 + 0.5 * targets + 0.1 * draw.random((80, 2)), columns=["all", "C1"])
    given.insert(0, "sample_id", ids)
    given.to_csv(path, index=False)
    labels = [" ".join(np.array(["all", "C1"])[row == 1]) for row in targets]
    index = pd.DataFrame({"label": labels, "fold": ["0"] * 80, "group": ids}, ids)
    problem = metrics.Problem("multilabel", weights=(7, 1), positive_weight=2)

    held_out = evaluate.gather([("resnet", path)], index, ["all", "C1"], "multilabel", "weighted_log_loss")
    told = evaluate.evaluate(held_out, "weighted_log_loss", problem, summary_of(["all", "C1"], n_train=80, folds=1))

    submitted = metrics.with_odds(held_out.calibrated, np.array(told.odds))
    assert min(told.odds) > 1
    assert told.score == metrics.score("weighted_log_loss", submitted, targets, problem)


def test_multilabel_targets_are_taken_from_the_names(tmp_path: Path) -> None:
    path = tmp_path / "resnet" / "fold-0" / "out-of-fold.csv"
    path.parent.mkdir(parents=True)
    path.write_text("sample_id,rust,scab\na,0.9,0.8\nb,0.1,0.7\nc,0.2,0.1\nd,0.9,0.2\n")
    index = pd.DataFrame(
        {"label": ["rust scab", "scab", "", "rust"], "fold": ["0"] * 4, "group": list("abcd")}, list("abcd")
    )
    held_out = evaluate.gather([("resnet", path)], index, ["rust", "scab"], "multilabel", "log_loss")

    assert held_out.targets.tolist() == [[1, 1], [0, 1], [0, 0], [1, 0]]
    assert metrics.score("accuracy", held_out.blend, held_out.targets, metrics.Problem("multilabel")) == 1.0
