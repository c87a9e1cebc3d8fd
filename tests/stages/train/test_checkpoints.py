from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from catscan.common.errors import CatscanError
from catscan.stages.train.checkpoints import Checkpoints

IDENTITY = {"settings": {"learning_rate": 0.1, "epochs": 3}, "data": "1a", "code": "2b"}
ARRAYS = {"stem/W": np.arange(6, dtype=np.float32).reshape(2, 3), "best/stem/W": np.ones(2, np.float32)}


def saved(folder: Path, steps: list[int]) -> Checkpoints:
    checkpoints = Checkpoints(folder, IDENTITY)
    for step in steps:
        checkpoints.save(step, ARRAYS, {"progress": {"step": step}})
    return checkpoints


def test_newest_gives_back_what_was_saved(tmp_path):
    checkpoint, remark = saved(tmp_path, [1, 5]).newest()

    assert remark == ""
    assert checkpoint.manifest["progress"] == {"step": 5}
    assert checkpoint.arrays.keys() == ARRAYS.keys()
    np.testing.assert_array_equal(checkpoint.arrays["stem/W"], ARRAYS["stem/W"])


def test_only_two_are_kept(tmp_path):
    saved(tmp_path, [1, 2, 3, 4])

    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-000000003.npz", "step-000000004.npz"]


FLAGS = b"PK\x01\x02\x2d\x03\x2d\x00"  # what stands before them in the file's own list of its arrays
DAMAGE = {
    "cut off": lambda data: data[:-40],
    "empty": lambda _: b"",
    "garbage": lambda data: b"\xff\x00" * (len(data) // 2),
    "as if encrypted": lambda data: data.replace(FLAGS + b"\x00", FLAGS + b"\x01"),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_damaged_one_is_passed_over_for_the_one_before(tmp_path, damage):
    checkpoints = saved(tmp_path, [1, 2])
    newest = tmp_path / "step-000000002.npz"
    newest.write_bytes(damage(newest.read_bytes()))

    assert checkpoints.newest()[0].manifest["step"] == 1


def test_other_settings_are_refused_and_the_differing_keys_named(tmp_path):
    saved(tmp_path, [1])
    changed = {**IDENTITY, "settings": {"learning_rate": 0.2, "epochs": 3, "seed": 1}}

    with pytest.raises(CatscanError, match="with other settings") as refusal:
        Checkpoints(tmp_path, changed).newest()

    assert refusal.value.found.splitlines() == [
        "learning_rate: 0.1 in the checkpoint, 0.2 now",
        "seed: None in the checkpoint, 1 now",
    ]


def test_other_code_or_data_start_afresh_and_say_so(tmp_path):
    saved(tmp_path, [1])

    checkpoint, remark = Checkpoints(tmp_path, {**IDENTITY, "data": "9z"}).newest()

    assert checkpoint is None
    assert "of other data: training starts again" in remark


def test_empty_folder_has_none(tmp_path):
    assert Checkpoints(tmp_path / "new", IDENTITY).newest() == (None, "")


def test_leftovers_of_a_killed_save_are_swept(tmp_path):
    (tmp_path / ".step-000000001.npz.abc.partial").write_bytes(b"half")

    Checkpoints(tmp_path, IDENTITY)

    assert list(tmp_path.iterdir()) == []
