"""What the record beside a result says of what had changed."""

from pathlib import Path

import pytest

from catscan.common.provenance import changes_of, place_of


@pytest.mark.parametrize(
    ("record", "told"),
    [
        ('{"changes": ["epochs: 1 -> 2"]}', ("epochs: 1 -> 2",)),
        ('{"output": {}}', ()),
        ('{"changes": 7}', ()),
        ("[]", ()),
        ("{", ()),
    ],
    ids=["changes", "of an earlier version", "no list", "no record", "half a record"],
)
def test_changes_are_told_as_far_as_they_were_kept(tmp_path: Path, record: str, told: tuple[str, ...]) -> None:
    place_of(tmp_path / "weights.npz").write_text(record)

    assert changes_of(tmp_path / "weights.npz") == told


def test_a_result_without_a_record_tells_of_no_change(tmp_path: Path) -> None:
    assert changes_of(tmp_path / "weights.npz") == ()
