"""A pretrained network that learns on, from the pictures to the submission and the report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TUNED = """
run: [dogs-vs-cats]
competitions:
  dogs-vs-cats:
    source: {train: 32, test: 4}
    index: {folds: 2, shards: 1}
    preprocess: {picture: {size: [32, 32]}, tolerated_share: 0.2}
    models:
      tuned: {network: efficientnet-lite0, epochs: 1, batch_size: 8}
    train: {threads: 1}
"""


@pytest.mark.slow
def test_a_fine_tuned_network_goes_all_the_way_and_is_told_as_pretrained(warm, tmp_path: Path) -> None:
    (tmp_path / "tuned.yaml").write_text(TUNED)
    printed = tmp_path / "printed.txt"
    words = ["--snakefile", str(ROOT / "Snakefile"), "--cores", "2", "--configfile", "tuned.yaml"]
    assert warm.run("catscan.flow.front", words, tmp_path, printed=printed).code == 0, printed.read_text()

    results = tmp_path / "results" / "dogs-vs-cats"
    assert json.loads((results / "submission.json").read_text())["valid"]
    assert "tuned pretrained: efficientnet-lite0" in printed.read_text()
    model = json.loads((results / "models" / "tuned" / "fold-0" / "model.json").read_text())
    assert model["starts_from"] == "efficientnet-lite0"
    assert model["training"]["epochs_done"] == 1
