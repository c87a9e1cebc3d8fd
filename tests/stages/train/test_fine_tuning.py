"""A network that begins with the weights of a pretrained one, all of which are trained on."""

from __future__ import annotations

import numpy as np
import pytest

from catscan.cli import main
from catscan.common.contracts.model import Model
from catscan.networks.model import read_weights
from catscan.networks.pretrained.weights import pretrained_weights
from catscan.networks.registry import FINE_TUNED

NAME = "efficientnet-lite0"


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["lean", "tflearn-fit"])
def test_a_fine_tuned_network_begins_with_the_weights_of_the_pretrained_one(make_competition, tmp_path, engine):
    competition = make_competition(n=24, shape=(32, 32, 3))
    settings = {"network": NAME, "epochs": 1, "engine": engine, "learning_rate": 1e-12}

    assert main(competition.command(settings, tmp_path / "out")) == 0
    found, wanted = read_weights(tmp_path / "out"), pretrained_weights(NAME)
    assert {"output/W", "output/b"} <= set(found)
    assert {name for name in wanted if not np.allclose(found[name], wanted[name], atol=1e-5)} == set()


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 2, 4])
def test_all_of_it_learns_from_pictures_of_any_channels_and_is_told_as_pretrained(make_competition, tmp_path, channels):
    competition = make_competition(n=24, shape=(32, 32, channels))

    assert main(competition.command({"network": NAME, "epochs": 1}, tmp_path / "out")) == 0
    found, began = read_weights(tmp_path / "out"), pretrained_weights(NAME)
    assert [name for name in began if np.array_equal(found[name], began[name])] == []
    model = Model.read(tmp_path / "out" / "model.json")
    assert model.origin == "pretrained: efficientnet-lite0, all of it trained on"
    assert not model.is_from_scratch


def test_the_networks_that_can_be_fine_tuned_start_from_weights_of_their_own_names():
    assert {name: network.starts_from for name, network in FINE_TUNED.items()} == {name: name for name in FINE_TUNED}
