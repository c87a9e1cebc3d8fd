"""The stage as the workflow calls it: a process with a command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from training_process import checkpoint_in, slow_steps, wait_until

from catscan.cli import main
from catscan.networks.model import read_model
from catscan.stages.train import engine

SMALL = {
    "network": [{"convolution": {"feature_maps": 8, "window": 3, "batch_norm": True}}, {"global_pooling": {}}],
    "epochs": 2,
    "batch_size": 6,
    "optimizer": "nesterov",
    "learning_rate": 0.02,
}
OUTPUTS = ["epochs.npz", "history.csv", "model.json", "out-of-fold.csv", "weights.npz"]


def catscan(command: list[str], **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "catscan", *command], capture_output=True, text=True, check=False, timeout=300, **options
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in OUTPUTS}


@pytest.fixture
def _slow_steps(tmp_path, monkeypatch) -> None:
    """Make each update of the processes of this test take a tenth of a second at least, and be saved."""
    monkeypatch.setenv("PYTHONPATH", str(slow_steps(tmp_path / "slow", 0.1)), prepend=os.pathsep)


AT_EXIT = """
import atexit, gc, os, sys, threading

def tell():
    with open(os.environ["TOLD"], "w") as told:
        print(os.environ["TF_ENABLE_ONEDNN_OPTS"], *[t.name for t in threading.enumerate() if not t.daemon], file=told)
        print(*[name for name in sys.modules if name.startswith("keras")], file=told)
        print(gc.isenabled(), gc.get_freeze_count(), file=told)

atexit.register(tell)
"""


@pytest.fixture
def told_at_exit(tmp_path, monkeypatch) -> Callable[[], tuple[str, list[str], list[str]]]:
    """How a process of this test ended: TensorFlow's switch of oneDNN, the threads left, the modules of Keras.

    What TensorFlow is made of was not looked through for garbage, all that came after it was.
    """
    (tmp_path / "sitecustomize.py").write_text(AT_EXIT)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("TOLD", str(tmp_path / "told.txt"))
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)

    def told() -> tuple[str, list[str], list[str]]:
        lines = (tmp_path / "told.txt").read_text().splitlines()
        (switch, *threads), keras, (collecting, kept_for_good) = map(str.split, lines)
        assert collecting == "True"
        assert int(kept_for_good) > 100_000
        return switch, threads, keras

    return told


def test_training_writes_its_files_and_only_its_own_lines(competition, tmp_path, told_at_exit):
    """No line is TensorFlow's; it computes by oneDNN and without Keras."""
    done = catscan(competition.command(SMALL, tmp_path / "out"))

    assert told_at_exit() == ("1", ["MainThread"], [])
    lines = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (0, "")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(["events", *OUTPUTS])
    assert lines[0] == "20 samples to learn from (down 10, up 10), 20 in the held-out fold 0"
    assert lines[1].split() == ["layer", "window", "stride", "out", "sees", "weights", "FLOPs"]
    assert [line.split(":")[0] for line in lines[-2:]] == ["epoch 1 of 2", "epoch 2 of 2"]
    assert len(lines) == 11

    table = pd.read_csv(tmp_path / "out" / "out-of-fold.csv", dtype={"sample_id": str})
    assert list(table) == ["sample_id", "down", "up"]
    assert list(table["sample_id"][:4]) == ["000", "001", "004", "005"]
    np.testing.assert_allclose(table["down"] + table["up"], 1, atol=1e-6)
    model = json.loads((tmp_path / "out" / "model.json").read_text())
    assert (model["kind"], model["reader"]) == ("picture", {"channels": "gray", "size": [16, 16]})
    assert (model["threads"], model["classes"]) == (2, ["down", "up"])


@pytest.mark.parametrize("flips", [True, False], ids=["with flips", "without"])
def test_held_out_samples_are_predicted_as_catscan_predict_does(competition, tmp_path, flips):
    out, arrays = tmp_path / "out", [str(path) for path in competition.arrays]
    assert main(competition.command({**SMALL, "flips": flips}, out)) == 0
    assert main(["predict", "--model", str(out), "--out", str(tmp_path / "same.csv"), "--arrays", *arrays]) == 0
    replace(read_model(out), flips=not flips).write(out / "model.json")
    assert main(["predict", "--model", str(out), "--out", str(tmp_path / "other.csv"), "--arrays", *arrays]) == 0

    held_out, same, other = (
        pd.read_csv(path, dtype={"sample_id": str}).set_index("sample_id")["up"]
        for path in (out / "out-of-fold.csv", tmp_path / "same.csv", tmp_path / "other.csv")
    )
    assert (held_out - same.loc[held_out.index]).abs().max() < 1e-6
    assert (held_out - other.loc[held_out.index]).abs().max() > 1e-4


@pytest.mark.slow
def test_number_of_cores_does_not_change_a_byte(competition, tmp_path):
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        pytest.skip("this machine has one core")
    settings = {"epochs": 1, "batch_size": 10}  # the default network: its convolutions are split over the threads
    for name, allowed in (("all", cores), ("one", cores[:1])):
        done = catscan(
            competition.command(settings, tmp_path / name),
            preexec_fn=lambda allowed=allowed: os.sched_setaffinity(0, allowed),
        )
        assert done.returncode == 0, done.stderr

    assert contents(tmp_path / "all") == contents(tmp_path / "one")


@pytest.fixture
def asked_to_stop(monkeypatch) -> Callable[[list[str]], int]:
    """``asked_to_stop(command)``: the exit code of a training that SIGTERM reaches in its first update."""
    update = engine._Loop._update

    def update_and_ask_to_stop(self, batch):
        os.kill(os.getpid(), signal.SIGTERM)
        return update(self, batch)

    def code(command: list[str]) -> int:
        with monkeypatch.context() as patch:
            patch.setattr(engine._Loop, "_update", update_and_ask_to_stop)
            return main(command)

    return code


def test_sigterm_saves_and_the_same_command_goes_on_to_the_same_bytes(competition, tmp_path, asked_to_stop, capsys):
    command = competition.command({**SMALL, "epochs": 4}, tmp_path / "stopped")

    assert asked_to_stop(command) == 75
    assert "Run the same command to continue from there." in capsys.readouterr().err
    assert main(command) == 0
    assert "going on after step" in capsys.readouterr().err
    assert main(competition.command({**SMALL, "epochs": 4}, tmp_path / "whole")) == 0
    assert contents(tmp_path / "stopped") == contents(tmp_path / "whole")
    assert not (tmp_path / "stopped" / "checkpoint").exists()


def test_changed_settings_are_refused_while_a_checkpoint_is_there(competition, tmp_path, asked_to_stop, capsys):
    assert asked_to_stop(competition.command(SMALL, tmp_path / "out")) == 75

    assert main(competition.command({**SMALL, "learning_rate": 0.03}, tmp_path / "out")) == 2
    assert "found  learning_rate: 0.02 in the checkpoint, 0.03 now" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.usefixtures("_slow_steps")
def test_twenty_kills_at_random_moments_end_in_the_same_bytes(competition, tmp_path):
    command = competition.command({**SMALL, "epochs": 10}, tmp_path / "killed")
    draw = np.random.default_rng(0)
    for _ in range(20):
        process = subprocess.Popen([sys.executable, "-m", "catscan", *command], stderr=subprocess.DEVNULL)
        wait_until(checkpoint_in(tmp_path / "killed"), process)
        time.sleep(draw.uniform(0, 6))  # of which the imports take half
        process.kill()
        process.wait()
        if process.returncode == 0:
            break

    assert catscan(command).returncode == 0
    assert catscan(competition.command({**SMALL, "epochs": 10}, tmp_path / "whole")).returncode == 0
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


def test_shard_that_ends_too_soon_is_refused(competition, tmp_path, capsys):
    path = competition.arrays[1]
    path.write_bytes(path.read_bytes()[:-2000])

    assert main(competition.command(SMALL, tmp_path / "out")) == 2
    assert "A shard cannot be read." in capsys.readouterr().err


def test_error_in_the_data_amid_the_training_ends_it_with_a_traceback_and_no_thread_left(
    competition, tmp_path, monkeypatch, told_at_exit
):
    """TFLearn's own fit waits for ever; here the process must end by itself, or the time-out fails the test.

    What the environment says of oneDNN counts.
    """
    (tmp_path / "sitecustomize.py").write_text(
        AT_EXIT + "from catscan.common.arrays import Shards\n"
        "from catscan.stages.train import engine\n"
        "engine.RESIDENT_BYTES = 0\n"
        "take, calls = Shards.take, []\n"
        "def failing(self, rows):\n"
        "    calls.append(rows)\n"
        "    if len(calls) == 3:\n        raise RuntimeError('the data are gone')\n"
        "    return take(self, rows)\n"
        "Shards.take = failing\n"
    )
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")

    done = catscan(competition.command(SMALL, tmp_path / "out"))

    assert (done.returncode, done.stdout) == (1, "")
    assert told_at_exit() == ("0", ["MainThread"], [])
    assert "Traceback (most recent call last)" in done.stderr
    assert "RuntimeError: the data are gone" in done.stderr


def test_a_network_learns_amounts_of_scans_and_answers_in_their_unit(make_competition, tmp_path):
    """The history follows rmse and mae; what is out of fold lies where the amounts do, not at their standardised 0."""
    ages = [str(1000 + 10 * (n % 2)) for n in range(16)]
    competition = make_competition(16, (4, 8, 8, 1), labels=ages, classes=("age",))
    settings = {**SMALL, "task": "regression", "metric": "rmse"}

    assert main(competition.command(settings, tmp_path / "out")) == 0
    table, history = (pd.read_csv(tmp_path / "out" / name) for name in ("out-of-fold.csv", "history.csv"))
    assert list(table.columns) == ["sample_id", "age"]
    assert table["age"].between(900, 1110).all()
    assert list(history.columns) == ["epoch", "learning_rate", "train_loss", "rmse", "mae"]
    model = read_model(tmp_path / "out")
    assert (model.scale, model.training["recipe"]["label_smoothing"]) == ((1005.0, 5.0), 0.0)


def test_unknown_setting_is_refused_before_anything_is_read(competition, tmp_path, capsys):
    assert main(competition.command({"epoch": 3}, tmp_path / "out")) == 2
    assert 'Did you mean "epochs"?' in capsys.readouterr().err


def test_tflearns_own_fit_trains_too_and_warns(competition, tmp_path, capfd):
    """With the seed's first weights, order and dropout: the same bytes again, others with another seed."""
    settings = {"engine": "tflearn-fit", "network": "tutorial-2d", "epochs": 2, "batch_size": 6}

    assert main(competition.command(settings, tmp_path / "out")) == 0

    out, err = capfd.readouterr()
    assert out == ""
    assert "note: engine tflearn-fit cannot be resumed" in err
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == OUTPUTS
    assert len(pd.read_csv(tmp_path / "out" / "history.csv")) == 2
    for name, seed in (("again", 1), ("other", 2)):
        assert main(competition.command({**settings, "seed": seed}, tmp_path / name)) == 0
    assert contents(tmp_path / "again") == contents(tmp_path / "out")
    assert contents(tmp_path / "other") != contents(tmp_path / "out")


DEAD = """
import tflearn

def network(pixels, classes):
    silent = tflearn.fully_connected(pixels, 4, activation="relu", weights_init="zeros")
    return tflearn.fully_connected(silent, classes, weights_init="zeros")
"""


@pytest.mark.parametrize("engine", ["lean", "tflearn-fit"])
def test_network_that_never_leaves_its_start_is_told(competition, tmp_path, capsys, engine):
    """Its units are 0 for every sample, so that nothing reaches their weights."""
    (tmp_path / "dead.py").write_text(DEAD)
    settings = {**SMALL, "network": str(tmp_path / "dead.py"), "engine": engine}

    assert main(competition.command(settings, tmp_path / "out")) == 0

    told = capsys.readouterr().err.splitlines()[-1]
    assert told.startswith("note: the network never did better than the constant prior (held-out log loss 0.69")
    assert "0.6931 by the shares of the classes alone" in told


def test_nothing_is_told_of_a_network_that_learns(competition, tmp_path, capsys):
    assert main(competition.command({**SMALL, "epochs": 10}, tmp_path / "out")) == 0

    assert "constant prior" not in capsys.readouterr().err


@pytest.mark.parametrize("engine", ["lean", "tflearn-fit"])
def test_last_update_that_diverges_is_told_and_nothing_is_written(competition, tmp_path, capsys, engine):
    """One update an epoch, one epoch: no loss is computed after it."""
    settings = SMALL | {"learning_rate": 1e30, "epochs": 1, "batch_size": 64, "engine": engine}

    assert main(competition.command(settings, tmp_path / "out")) == 3
    told = capsys.readouterr().err
    assert "The training diverged at its end." in told
    assert "do     Lower `learning_rate`." in told
    assert not [name for name in OUTPUTS if (tmp_path / "out" / name).exists()]
