from __future__ import annotations

from dataclasses import replace

import pytest

from catscan.common.errors import CatscanError
from catscan.common.settings import from_dict
from catscan.networks.registry import RESNET_2D, Augment
from catscan.stages.train.settings import Settings, resolve


def test_what_the_config_leaves_out_is_the_networks_own():
    assert resolve(Settings(task="binary"), RESNET_2D) == RESNET_2D


def test_what_the_config_says_comes_first():
    settings = from_dict(Settings, {"task": "binary", "epochs": 3, "weight_decay": 0.0, "augment": {"flip": False}})

    expected = replace(RESNET_2D, epochs=3, weight_decay=0.0, augment=replace(RESNET_2D.augment, flip=False))

    assert resolve(settings, RESNET_2D) == expected
    assert expected.augment == Augment(False, *list(vars(RESNET_2D.augment).values())[1:])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epochs": 0}, "`epochs` must be a whole number of at least 1"),
        ({"learning_rate": 0}, "`learning_rate` must be a number above 0"),
        ({"label_smoothing": 1.0}, "`label_smoothing` must be a number of at least 0 and below 1"),
        ({"optimizer": "adm"}, r"Unknown `optimizer`[\s\S]*'adm'[\s\S]*\"adam\"\?"),
        ({"augment": {"flips": True}}, "`augment` has no key 'flips'"),
        ({"augment": {"shift": 0.7}}, "`shift` must be a number from 0 to 0.5"),
        ({"threads": 0}, "`threads` must be a whole number from 1 to 1,024"),
        ({"epochs": True}, "`epochs` must be a whole number"),
    ],
)
def test_wrong_value_is_refused_by_its_key(values, message):
    with pytest.raises(CatscanError, match=message):
        from_dict(Settings, {"task": "binary", **values})
