from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from factories import MODEL, write_shard

from catscan.cli import main
from catscan.common.contracts.model import Model
from catscan.networks.model import network_of, read_model, read_weights, write_model
from catscan.networks.outputs import output_of
from catscan.networks.predictor import Predictor
from catscan.networks.session import Compute

READER = {"size": [12, 12], "channels": "rgb", "fit": "stretch", "resize": "area"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network with its first weights: nothing learnt, but its probabilities differ from picture to picture."""
    return untrained(tmp_path_factory.mktemp("made") / "fold-0", (12, 12, 3), "multiclass", ("cat", "dog", "owl"))


@pytest.fixture
def model(made: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    return shutil.copytree(made, tmp_path / "models" / "m" / "fold-0")


def untrained(folder: Path, shape: tuple[int, ...], task: str, classes: tuple[str, ...]) -> Path:
    description = Model("auto", "", shape, classes, task, kind="picture", reader=READER, threads=2, flips=True)
    predictor = Predictor(
        network_of(description).build(),
        shape,
        len(classes),
        output=output_of(task),
        compute=Compute(threads=2),
    )
    with predictor.graph.as_default():
        from catscan.networks.compat import tf

        tf.set_random_seed(1)
        predictor.session.run(tf.global_variables_initializer())
        weights = predictor.session.run({variable.op.name: variable for variable in tf.global_variables()})
    predictor.close()
    write_model(folder, description, weights)
    return folder


def shard(path: Path, start: int, n: int, shape: tuple[int, ...] = (12, 12, 3)) -> Path:
    arrays = np.random.default_rng(start).integers(0, 256, (n, *shape)).astype(np.uint8)
    ids = [str(number) for number in range(start, start + n)]
    write_shard(path, arrays, ids)
    return path


def predicted(model: Path, arrays: list[Path], out: Path) -> pd.DataFrame:
    command = ["predict", "--model", str(model), "--out", str(out)]
    assert main([*command, "--arrays", *map(str, arrays)]) == 0
    return pd.read_csv(out, dtype={"sample_id": str})


def test_table_has_one_row_a_sample_and_one_column_a_class(model, tmp_path):
    shards = [shard(tmp_path / "test-1-of-2.npy", 1, 3), shard(tmp_path / "test-2-of-2.npy", 4, 2)]

    table = predicted(model, shards, tmp_path / "p.csv")

    assert list(table) == ["sample_id", "cat", "dog", "owl"]
    assert list(table["sample_id"]) == ["1", "2", "3", "4", "5"]
    np.testing.assert_allclose(table[["cat", "dog", "owl"]].sum(axis=1), 1, atol=1e-6)
    assert table["cat"].nunique() == 5


def test_flips_make_a_picture_and_its_mirror_image_alike(model, tmp_path):
    picture = np.load(shard(tmp_path / "test-1-of-1.npy", 1, 1))
    both = np.concatenate([picture, picture[:, :, ::-1]])
    write_shard(tmp_path / "both.npy", both, ["as it is", "mirrored"])

    with_flips = predicted(model, [tmp_path / "both.npy"], tmp_path / "p.csv")
    replace(read_model(model), flips=False).write(model / "model.json")
    without = predicted(model, [tmp_path / "both.npy"], tmp_path / "q.csv")

    assert with_flips["cat"][0] == pytest.approx(with_flips["cat"][1], abs=1e-6)
    assert abs(without["cat"][0] - without["cat"][1]) > 1e-4


def test_multilabel_probabilities_need_not_add_up(tmp_path):
    folder = untrained(tmp_path / "m", (12, 12, 3), "multilabel", ("a", "b"))

    table = predicted(folder, [shard(tmp_path / "test-1-of-1.npy", 1, 4)], tmp_path / "p.csv")

    assert (table[["a", "b"]].sum(axis=1) - 1).abs().max() > 1e-3


def test_empty_shard_gives_an_empty_table(model, tmp_path):
    table = predicted(model, [shard(tmp_path / "test-1-of-1.npy", 1, 0)], tmp_path / "p.csv")

    assert (list(table), len(table)) == (["sample_id", "cat", "dog", "owl"], 0)


def test_pictures_on_the_command_line_are_read_as_in_training(model, tmp_path, capsys):
    draw = np.random.default_rng(0)
    for name in ("one.png", "two.png"):
        cv2.imwrite(str(tmp_path / name), draw.integers(0, 256, (30, 40, 3)).astype(np.uint8))

    assert main(["predict", "--model", str(model), str(tmp_path / "one.png"), str(tmp_path / "two.png")]) == 0

    header, first, second = capsys.readouterr().out.splitlines()
    assert header.split() == ["sample_id", "cat", "dog", "owl"]
    assert [first.split()[0], second.split()[0]] == [str(tmp_path / "one.png"), str(tmp_path / "two.png")]
    assert sum(map(float, first.split()[1:])) == pytest.approx(1, abs=2e-4)


def test_what_is_odd_about_a_picture_is_told_beside_the_table(model, tmp_path, capsys):
    picture = np.random.default_rng(0).integers(0, 256, (30, 40, 3)).astype(np.uint8)
    (tmp_path / "one.jpg").write_bytes(cv2.imencode(".png", picture)[1].tobytes())

    assert main(["predict", "--model", str(model), str(tmp_path / "one.jpg")]) == 0

    told = capsys.readouterr()
    odd, of_one_network = told.err.splitlines()
    assert odd == f"{tmp_path / 'one.jpg'}: is a PNG named .jpg"
    assert of_one_network.startswith(f"{model} is one network, uncalibrated")
    assert len(told.out.splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Name either the samples to predict or the shards."),
        (["no-such.jpg"], "There is no such file or folder."),
        (["broken.jpg"], "This sample cannot be used."),
        (["device.jpg"], "This is neither a file nor a folder."),
        (["--arrays", "x.npy"], "`--out` is missing"),
    ],
    ids=["nothing", "missing", "broken", "device", "no out"],
)
def test_what_cannot_be_predicted_is_refused(model, tmp_path, capsys, arguments, message):
    (tmp_path / "broken.jpg").write_bytes(b"camera shy")
    (tmp_path / "device.jpg").symlink_to("/dev/null")
    arguments = [str(tmp_path / word) if word.endswith(".jpg") else word for word in arguments]

    assert main(["predict", "--model", str(model), *arguments]) == 2
    assert message in capsys.readouterr().err


def test_shards_of_another_shape_are_refused(model, tmp_path, capsys):
    path = shard(tmp_path / "test-1-of-1.npy", 1, 2, (10, 10, 3))

    assert main(["predict", "--model", str(model), "--out", str(tmp_path / "p.csv"), "--arrays", str(path)]) == 2
    assert "The shards do not fit the model." in capsys.readouterr().err


def test_pictures_by_name_are_written_where_out_says(model, tmp_path, capsys):
    named = [str(tmp_path / name) for name in ("one.png", "two.png", "one.png")]
    for seed, name in enumerate(named[:2]):
        cv2.imwrite(name, np.random.default_rng(seed).integers(0, 256, (30, 40, 3)).astype(np.uint8))

    assert main(["predict", "--model", str(model), "--out", str(tmp_path / "x.csv"), *named]) == 0

    table = pd.read_csv(tmp_path / "x.csv")
    assert list(table) == ["sample_id", "cat", "dog", "owl"]
    assert list(table["sample_id"]) == named
    assert table["cat"][0] == table["cat"][2] != table["cat"][1]
    assert capsys.readouterr().out == ""


def test_all_that_cannot_be_read_are_named_at_once(model, tmp_path, capsys):
    for name in ("one.jpg", "three.jpg"):
        (tmp_path / name).write_bytes(b"camera shy")
    cv2.imwrite(str(tmp_path / "two.png"), np.full((30, 40, 3), 99, np.uint8))

    assert (
        main(["predict", "--model", str(model), *(str(tmp_path / n) for n in ("one.jpg", "two.png", "three.jpg"))]) == 2
    )
    told = capsys.readouterr().err
    assert "2 of 3 samples cannot be used; nothing was predicted." in told
    assert f"where  {tmp_path / 'one.jpg'}, {tmp_path / 'three.jpg'}\n" in told


def test_out_that_is_a_folder_is_refused(model, tmp_path, capsys):
    cv2.imwrite(str(tmp_path / "one.png"), np.full((30, 40, 3), 99, np.uint8))

    assert main(["predict", "--model", str(model), "--out", str(tmp_path), str(tmp_path / "one.png")]) == 2
    assert "Name a file: this is a folder." in capsys.readouterr().err


def test_a_model_that_another_version_wrote_is_refused(model, tmp_path, capsys):
    description = model / "model.json"
    description.write_text(description.read_text().replace('"version": 4', '"version": 3'))
    cv2.imwrite(str(tmp_path / "one.png"), np.full((30, 40, 3), 99, np.uint8))

    assert main(["predict", "--model", str(model), str(tmp_path / "one.png")]) == 2
    assert "A file was written by another version of catscan." in capsys.readouterr().err


def test_a_folder_is_no_picture(model, tmp_path, capsys):
    assert main(["predict", "--model", str(model), str(tmp_path)]) == 2
    assert "This model reads pictures, and this is a folder." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("nifti", ".", "This model reads NIfTI files, and this is a folder."),
        ("csv_pixels", "a.csv", "This model reads rows of a table of pixels, and this is a file."),
    ],
)
def test_what_a_kind_cannot_be_named_by_is_refused(model, capsys, kind, name, message):
    (model / "a.csv").write_text("pixel0\n0\n")
    description = model / "model.json"
    description.write_text(description.read_text().replace('"kind": "picture"', f'"kind": "{kind}"'))

    assert main(["predict", "--model", str(model), str(model / name)]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("above", ["models/resnet", "."], ids=["one model's folds", "a competition"])
def test_a_folder_above_networks_is_refused_by_naming_one_and_all(model, tmp_path, capsys, above):
    competition = tmp_path / "results" / "cats"
    shutil.copytree(model, competition / "models" / "resnet" / "fold-0")
    (tmp_path / "a.jpg").write_bytes(b"camera shy")

    assert main(["predict", "--model", str(competition / above), str(tmp_path / "a.jpg")]) == 2
    told = capsys.readouterr().err
    assert f"Name one of them: {competition / 'models' / 'resnet' / 'fold-0'}\n" in told
    assert f"--model {competition / 'models'}\n" in told


def test_weights_of_another_network_are_refused(model, tmp_path, capsys):
    weights = read_weights(model)
    name = sorted(weights)[0]
    from catscan.networks.model import read_model

    write_model(model, read_model(model), {**weights, name: weights[name][..., :1]})
    path = shard(tmp_path / "test-1-of-1.npy", 1, 2)

    assert main(["predict", "--model", str(model), "--out", str(tmp_path / "p.csv"), "--arrays", str(path)]) == 2
    assert f"where  {name}" in capsys.readouterr().err


def test_weights_with_a_pickle_inside_are_refused(model, tmp_path, capsys):
    np.savez(model / "weights.npz", harmful=np.array([{"a": 1}], dtype=object))
    path = shard(tmp_path / "test-1-of-1.npy", 1, 2)

    assert main(["predict", "--model", str(model), "--out", str(tmp_path / "p.csv"), "--arrays", str(path)]) == 2
    assert "The weights are damaged." in capsys.readouterr().err


def test_changed_python_file_of_the_network_is_refused(tmp_path, capsys):
    source = tmp_path / "mine.py"
    source.write_text(
        "def network(pixels, classes):\n    import tflearn\n    return tflearn.fully_connected(pixels, classes)\n"
    )
    description = replace(MODEL, network=str(source), network_sha256="0" * 64, sample_shape=(12, 12, 3))
    write_model(tmp_path / "m", description, {})
    path = shard(tmp_path / "test-1-of-1.npy", 1, 2)

    assert (
        main(["predict", "--model", str(tmp_path / "m"), "--out", str(tmp_path / "p.csv"), "--arrays", str(path)]) == 2
    )
    assert "not the one that this model was trained with" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the peak from /proc")
def test_prediction_of_12500_pictures_stays_below_one_and_a_half_gigabytes(tmp_path):
    model = untrained(tmp_path / "m", (64, 64, 3), "binary", ("cat", "dog"))
    path = shard(tmp_path / "test-1-of-1.npy", 1, 12_500, (64, 64, 3))
    # Not ru_maxrss, which a child takes over from the process that started it.
    code = (
        "import re, sys; from catscan.cli import main; code = main(sys.argv[1:]);"
        "peak = int(re.search(r'VmHWM:\\s+(\\d+) kB', open('/proc/self/status').read())[1]);"
        "sys.exit(code or peak > 1_500_000)"
    )
    command = ["predict", "--model", str(model), "--out", str(tmp_path / "p.csv"), "--arrays", str(path)]

    assert subprocess.run([sys.executable, "-c", code, *command], check=False).returncode == 0
