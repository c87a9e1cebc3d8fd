from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from catscan.common.errors import CatscanError
from catscan.networks.registry import describe, find

PICTURE, SCAN, OF_FEATURES = (50, 50, 1), (20, 50, 50, 1), (1, 1280)


def test_auto_is_the_residual_network_of_the_samples_rank():
    assert (describe("auto", PICTURE), describe("auto", SCAN)) == ("resnet-2d", "resnet-3d")


def test_auto_is_one_layer_for_features():
    assert describe("auto", OF_FEATURES) == "linear"


def test_a_list_of_layers_is_refused_for_features():
    with pytest.raises(CatscanError, match="A list of layers is for pictures and scans, not for features") as refusal:
        find([{"fully_connected": {"units": 8}}], OF_FEATURES, None)

    assert refusal.value.where == "network"
    assert "leave out `features`" in refusal.value.do


@pytest.mark.parametrize(
    ("name", "shape", "what"),
    [("resnet-2d", OF_FEATURES, "pictures"), ("resnet-3d", OF_FEATURES, "scans"), ("linear", PICTURE, "features")],
)
def test_a_network_of_another_family_is_refused_by_what_it_is_for(name: str, shape: tuple[int, ...], what: str):
    with pytest.raises(CatscanError, match=f"The network {name!r} is for {what}") as refusal:
        find(name, shape, None)

    assert (
        refusal.value.found == f"{'features' if shape == OF_FEATURES else 'samples'} of {' x '.join(map(str, shape))}"
    )


def test_the_penalty_of_the_layer_on_features_is_shared_by_the_samples():
    network = find("linear", OF_FEATURES, 2)

    assert [network.recipe_for(samples).weight_decay for samples in (100, 8000)] == [2.0, 0.025]
    assert find("auto", PICTURE, 2).recipe_for(100) == find("auto", PICTURE, 2).recipe


def test_the_layer_on_features_of_few_samples_learns_for_more_epochs():
    """At least 600 updates, of batches of 64."""
    network = find("linear", OF_FEATURES, 2)

    assert [network.recipe_for(samples).epochs for samples in (40, 120, 1000, 8000)] == [600, 300, 38, 20]


def test_misspelt_name_is_answered_with_the_near_one():
    with pytest.raises(CatscanError, match="no network 'resnt-2d'") as refusal:
        find("resnt-2d", PICTURE, None)

    assert refusal.value.do == 'Did you mean "resnet-2d"?'


def test_network_of_the_other_rank_is_refused():
    with pytest.raises(CatscanError, match="is for scans") as refusal:
        find("tutorial-3d", PICTURE, None)

    assert "tutorial-2d" in refusal.value.do


def test_missing_python_file_is_refused():
    with pytest.raises(CatscanError, match="not there"):
        find("mine.py", PICTURE, None)


@pytest.mark.parametrize(
    ("text", "what", "found"),
    [
        ("x = 1\n", "no function `network`", "defines x"),
        ("", "no function `network`", "defines nothing"),
        ("class Net:\n    def network(self): ...\n", "no function `network`", "defines Net"),
        ("x = 1\ndef network(pixels, classes)\n", "not Python", "line 2: expected ':'"),
        ("x = '\0'\n", "not Python", "null bytes"),
    ],
    ids=["another name", "empty", "method", "syntax", "binary"],
)
def test_wrong_python_file_is_refused_before_it_is_run(tmp_path: Path, text: str, what: str, found: str):
    path = tmp_path / "mine.py"
    path.write_text(text)

    with pytest.raises(CatscanError, match=what) as refusal:
        find(str(path), PICTURE, None)

    assert refusal.value.where == "network"
    assert str(path) in refusal.value.found
    assert found in refusal.value.found


@pytest.mark.parametrize(
    "text",
    [
        "raise SystemExit\ndef network(pixels, classes): ...\n",
        "from nets import small as network\n",
        "from nets import *\n",
        "if True:\n    network = print\n",
    ],
    ids=["function", "import", "star", "assignment"],
)
def test_python_file_is_only_parsed_by_the_check(tmp_path: Path, text: str):
    (tmp_path / "mine.py").write_text(text)

    find(str(tmp_path / "mine.py"), PICTURE, None)


def test_a_file_of_ones_own_may_lack_the_batch_normalisation_that_muon_needs(tmp_path: Path):
    (tmp_path / "mine.py").write_text("def network(pixels, classes): ...\n")
    optimizers = [find(str(tmp_path / "mine.py"), samples, 2).recipe.optimizer for samples in (PICTURE, SCAN)]

    assert optimizers == ["nesterov", "adam"]
    assert find("auto", PICTURE, 2).recipe.optimizer == "muon"


def test_python_file_whose_network_is_no_function_is_refused_when_it_is_run(tmp_path: Path):
    (tmp_path / "mine.py").write_text("network = 1\n")

    with pytest.raises(CatscanError, match="no function `network`"):
        find(str(tmp_path / "mine.py"), PICTURE, 2).build()


def test_checking_a_network_imports_no_tensorflow():
    code = (
        "import sys; from catscan.networks.registry import find;"
        "import catscan.stages.train, catscan.stages.predict;"
        "find('auto', (8, 8, 1), None); sys.exit('tensorflow' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
