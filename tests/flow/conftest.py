"""The default config, as it stands and with a change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from catscan.flow import config
from catscan.flow.schema import ROOT, SCHEMA

Config = dict[str, Any]


@pytest.fixture
def default() -> Config:
    """As it is written."""
    loaded: Config = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
    return loaded


@pytest.fixture
def load(default: Config) -> Callable[..., Config]:
    """``load(change)``: loaded, with ``change`` made to its dogs-vs-cats."""

    def loaded(change: Callable[[Config], object] = lambda _: None) -> Config:
        changed = yaml.safe_load(yaml.safe_dump(default))
        change(changed["competitions"]["dogs-vs-cats"])
        return config.load(changed, SCHEMA)

    return loaded
