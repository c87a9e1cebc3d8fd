"""A model that learns from features: one layer, held by a penalty a sample; it says which features it needs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from factories import write_features

from catscan.cli import main
from catscan.common.contracts.features import FeaturesSource
from catscan.common.contracts.sidecar import ReadAs
from catscan.networks.model import read_model

LITE0, LITE1 = (FeaturesSource(f"efficientnet-lite{number}", f"{number}" * 64, "fp32") for number in (0, 1))
READ_AS = ReadAs("picture", {"size": [224, 224]})
ON_FEATURES = {
    "network": "auto",
    "features": ["efficientnet-lite0", "efficientnet-lite1"],
    "learning_rate": 0.01,
    "epochs": 20,
}


def features_of(ids: list[str], seed: int, slices: int) -> np.ndarray:
    """Noise whose first twenty columns are larger for the samples of odd numbers, which are those that are "up"."""
    array = np.random.default_rng(seed).uniform(0, 0.5, (len(ids), slices, 1280)).astype(np.float32)
    array[[int(name) % 2 == 1 for name in ids], :, :20] += 1
    return array


@pytest.fixture
def with_features(make_competition: Callable[..., object]) -> Callable[..., object]:
    """Make a competition of 40 samples whose shards are the features of two networks."""

    def make(slices: int = 1, sources: tuple[FeaturesSource, ...] = (LITE0, LITE1), **others: object) -> object:
        competition = make_competition(40, **others)
        halves = [[f"{number:03}" for number in rows] for rows in (range(20), range(20, 40))]
        paths = []
        for seed, source in enumerate(sources):
            for shard, ids in enumerate(halves, start=1):
                paths.append(competition.folder / "features" / source.network / f"train-{shard}-of-2.npy")
                write_features(paths[-1], features_of(ids, seed, slices), ids, source=source, settings=READ_AS)
        return replace(competition, arrays=paths)

    return make


@pytest.mark.parametrize("slices", [1, 3], ids=["pictures", "scans"])
def test_one_layer_learns_from_features_and_the_model_names_their_sources(with_features, tmp_path, capsys, slices):
    competition = with_features(slices)

    assert main(competition.command(ON_FEATURES, tmp_path / "out")) == 0
    assert f"linear on features of {slices} x 2560: 20 epochs" in capsys.readouterr().err
    table = pd.read_csv(tmp_path / "out" / "out-of-fold.csv", dtype={"sample_id": str})
    up = table["sample_id"].astype(int) % 2 == 1
    assert ((table["up"] > 0.5) == up).all()
    model = read_model(tmp_path / "out")
    assert (model.sample_shape, model.features) == ((slices, 2560), (LITE0, LITE1))
    assert (model.kind, model.reader) == (READ_AS.kind, READ_AS.reader)


def test_one_layer_learns_an_amount_from_features_of_scans(with_features, tmp_path):
    competition = with_features(3, labels=[str(100 + 50 * (n % 2)) for n in range(40)], classes=("age",))
    settings = {**ON_FEATURES, "task": "regression", "metric": "mae"}

    assert main(competition.command(settings, tmp_path / "out")) == 0
    table = pd.read_csv(tmp_path / "out" / "out-of-fold.csv", dtype={"sample_id": str})
    old = table["sample_id"].astype(int) % 2 == 1
    assert table["age"][old].min() > table["age"][~old].max()
    assert table["age"].between(100, 200).all()
    assert read_model(tmp_path / "out").scale == (125.0, 25.0)


def test_a_training_on_features_ends_in_the_same_bytes_again(with_features, tmp_path):
    competition = with_features()
    for name in ("one", "two"):
        assert main(competition.command(ON_FEATURES, tmp_path / name)) == 0

    for name in ("weights.npz", "out-of-fold.csv", "model.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.parametrize(
    ("settings", "weight_decay"), [({}, 200 / 20), ({"weight_decay": 0.5}, 0.5)], ids=["its own", "the config's"]
)
def test_weight_decay_follows_the_number_of_samples_unless_the_config_says_it(
    with_features, tmp_path, settings, weight_decay
):
    """Half of the 40 samples are held out."""
    assert main(with_features().command({**ON_FEATURES, **settings, "epochs": 1}, tmp_path / "out")) == 0

    model = json.loads((tmp_path / "out" / "model.json").read_text())
    assert model["training"]["recipe"]["weight_decay"] == weight_decay


@pytest.mark.parametrize("flips", [True, False], ids=["with flips", "without"])
def test_held_out_samples_are_predicted_as_catscan_predict_does(with_features, tmp_path, flips):
    competition, out = with_features(), tmp_path / "out"
    assert main(competition.command({**ON_FEATURES, "epochs": 1, "flips": flips}, out)) == 0
    command = ["predict", "--model", str(out), "--arrays", *map(str, competition.arrays)]
    assert main([*command, "--out", str(tmp_path / "same.csv")]) == 0

    held_out, same = (
        pd.read_csv(path, dtype={"sample_id": str}).set_index("sample_id")["up"]
        for path in (out / "out-of-fold.csv", tmp_path / "same.csv")
    )
    assert (held_out - same.loc[held_out.index]).abs().max() < 1e-6


@pytest.mark.parametrize(
    ("sources", "found"),
    [
        ((replace(LITE0, weights_sha256="f" * 64), LITE1), "features of efficientnet-lite0 ffffffff fp32"),
        ((replace(LITE0, precision="bf16"), LITE1), "features of efficientnet-lite0 00000000 bf16"),
        ((LITE1, LITE0), "features of efficientnet-lite1 11111111 fp32"),
        ((LITE0,), "features of efficientnet-lite0 00000000 fp32, the model"),
    ],
    ids=["other weights", "other precision", "other order", "one network of two"],
)
def test_features_that_the_model_did_not_learn_from_are_refused(with_features, tmp_path, capsys, sources, found):
    assert main(with_features().command({**ON_FEATURES, "epochs": 1}, tmp_path / "out")) == 0
    others = with_features(sources=sources).arrays
    command = ["predict", "--model", str(tmp_path / "out"), "--arrays", *map(str, others)]

    assert main([*command, "--out", str(tmp_path / "p.csv")]) == 2
    told = capsys.readouterr().err
    assert "The shards do not fit the model." in told
    assert f"where  {others[0]}\n" in told
    assert found in told
    assert "trained on features of efficientnet-lite0 00000000 fp32, efficientnet-lite1 11111111 fp32" in told
    assert not (tmp_path / "p.csv").exists()


def test_grey_levels_are_refused_by_a_model_of_features(with_features, competition, tmp_path, capsys):
    """`competition` is the same one: its shards of grey levels lie beside those of features."""
    assert main(with_features().command({**ON_FEATURES, "epochs": 1}, tmp_path / "out")) == 0
    arrays = list(map(str, competition.arrays))

    assert main(["predict", "--model", str(tmp_path / "out"), "--arrays", *arrays, "--out", str(tmp_path / "p")]) == 2
    assert "found  samples of (16, 16, 1), the model was trained on features of" in capsys.readouterr().err
