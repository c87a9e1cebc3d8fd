"""catscan's rules in a workflow from elsewhere, which uses them as a module."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import forked_snakemake
import pytest

OUTER = """
configfile: "own.yaml"

module catscan:
    snakefile: {snakefile!r}
    config: config["catscan"]

use rule * from catscan as catscan_*

rule counts:
    default_target: True
    input: rules.catscan_index_samples.output.index.format(competition="cats")
    output: "counts.txt"
    shell: "cut -d, -f2 {{input}} | sort | uniq -c > {{output}}"
"""
OWN = """
unit: theirs
catscan:
  run: [cats]
  competitions:
    cats:
      source: {kind: sample, sample: pictures, train: 32, test: 4}
      data: {train: "train/{label}.{id}.jpg", test: "test/{id}.jpg", classes: [cat, dog], positive: dog}
      index: {folds: 2, shards: 1}
"""


OURS = {
    *("preprocess_shard", "train_fold", "predict_test", "evaluate_folds", "write_submission", "explain_network"),
    *("render_report", "all"),
}


@pytest.mark.slow  # plans twice, and runs two stages
def test_a_workflow_elsewhere_uses_the_rules_under_names_of_its_own(fresh, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "Snakefile").write_text(OUTER.format(snakefile=str(fresh.home / "Snakefile")))
    (elsewhere / "own.yaml").write_text(OWN)
    fresh.store = tmp_path / "store"

    def snakemake(*words: str) -> str:
        words = ("--cores", "2", *words)
        done = forked_snakemake.run([*words], elsewhere, fresh.environment, module="snakemake")
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    said = snakemake()
    assert (elsewhere / "counts.txt").read_text().split() == ["1", "split", "4", "test", "32", "train"]
    assert "1 of 3 steps" in said  # in Snakemake's own words
    assert fresh.rules_in(subprocess.CompletedProcess([], 0, snakemake("-n", "catscan_all"), "")) == {
        f"catscan_{rule}" for rule in OURS
    }

    took = times_in(elsewhere)
    shutil.rmtree(elsewhere / "results")
    snakemake("catscan_index")
    assert times_in(elsewhere) == took  # both jobs came back from the store
    assert (elsewhere / "results/cats/truth/solution.csv").is_file()  # and what lies beside the outputs


def times_in(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.glob("results/cats/benchmarks/*.tsv")}
