"""A preset in the workflow: told once before the jobs, which are those of its models written out."""

import json

import pytest

from catscan.flow.presets import PRESETS

CATS = """
run: [my-cats]
competitions:
  my-cats:
    source: {{kind: sample, sample: pictures, train: 60, test: 20}}
    data: {{train: "train/{{label}}.{{id}}.jpg", test: "test/{{id}}.jpg", classes: [cat, dog], positive: dog}}
    index: {{folds: 3, shards: 2}}
    pretrained: {allowed}
    {models}
"""


@pytest.mark.parametrize("allowed", ["true", "false"], ids=["pretrained", "from scratch"])
def test_a_preset_is_told_once_and_plans_what_its_models_do(fresh, allowed: str) -> None:
    told = json.dumps(PRESETS["standard"].models(pretrained=allowed == "true"))
    fresh.overlays = []
    fresh.overlay(CATS.format(allowed=allowed, models="preset: standard"))
    short = said(fresh.plan())
    fresh.overlays = []
    fresh.overlay(CATS.format(allowed=allowed, models=f"models: {told}"))
    written = said(fresh.plan())

    assert short.count("my-cats: preset standard: ") == 1
    assert "preset standard" not in written
    assert table(short) == table(written)


def said(done) -> str:
    """All that was printed; what Snakemake says of a dry run goes to its standard output."""
    return done.stdout + done.stderr


def table(text: str) -> str:
    """The table of the jobs."""
    return text.split("Job stats:")[1].split("total", maxsplit=1)[0]


def test_a_preset_over_the_models_of_the_default_run_is_one_block(fresh) -> None:
    fresh.overlay("competitions: {dogs-vs-cats: {preset: quick}}\n")
    done = fresh.snakemake("--dry-run", check=False)

    assert done.returncode == 2
    assert "catscan: A preset stands for `models`, and this competition has both." in said(done)
    assert "where  config key competitions.dogs-vs-cats.preset" in said(done)
    assert "Traceback" not in said(done)
