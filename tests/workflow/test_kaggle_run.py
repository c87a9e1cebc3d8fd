"""A real competition's config, run against a stand-in for Kaggle that holds a miniature of it, up to the score."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kaggle_server import SIGNATURE, SLUG, TOKEN, KaggleServer, attach, serve

from catscan.stages.download.sample import generate

SMALL = """
competitions:
  dogs-vs-cats-redux:
    index: {folds: 2, shards: 2}
    preprocess: {picture: {size: [24, 24]}, tolerated_share: 0.1}
    models:
      resnet:
        network: [{convolution: {feature_maps: 4, window: 3}}, {pooling: {kind: max, window: 2}}]
        epochs: 1
    preset: none
    train: {threads: 1}
"""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KaggleServer]:
    (tmp_path / "truth").mkdir()
    offered = tmp_path / "offered"
    offered.mkdir()
    generate("pictures", offered, tmp_path / "truth", train=80, test=12, seed=1, threads=1)
    with serve(offered, home=tmp_path / "home") as server:
        attach(server, monkeypatch)
        yield server


@pytest.mark.slow
def test_download_train_submit_and_score(server: KaggleServer, fresh: Any) -> None:
    fresh.overlays = [fresh.home / "config" / "kaggle" / "dogs-vs-cats-redux.yaml"]
    fresh.overlay(SMALL)
    results = fresh.home / "results" / "dogs-vs-cats-redux"
    fresh.snakemake()

    rows = (results / "submission.csv").read_text().splitlines()
    assert rows[0] == "id,label"
    assert [row.split(",")[0] for row in rows[1:]] == [str(number) for number in range(1, 13)]
    assert server.uploads == {}  # nothing is uploaded unless asked for
    assert fresh.planned() == set()

    told = fresh.snakemake("submit")
    record = json.loads((results / "submitted.json").read_text())
    assert list(server.uploads.values()) == [(results / "submission.csv").read_bytes()]
    assert record["competition"] == SLUG
    assert record["public_score"] == 0.04217
    assert "public score 0.04217, expected" in told.stdout + told.stderr

    logs = "".join(path.read_text() for path in results.rglob("*.log")) + told.stdout + told.stderr
    assert TOKEN not in logs
    assert SIGNATURE not in logs
