from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from catscan.common.errors import CatscanError
from catscan.networks.registry import check_network, describe, find

PICTURE, SCAN = (50, 50, 1), (20, 50, 50, 1)


def test_auto_is_the_residual_network_of_the_samples_rank():
    assert (describe("auto", PICTURE), describe("auto", SCAN)) == ("resnet-2d", "resnet-3d")


def test_misspelt_name_is_answered_with_the_near_one():
    with pytest.raises(CatscanError, match="no network 'resnt-2d'") as refusal:
        check_network("resnt-2d", PICTURE)

    assert refusal.value.do == 'Did you mean "resnet-2d"?'


def test_network_of_the_other_rank_is_refused():
    with pytest.raises(CatscanError, match="is for scans") as refusal:
        check_network("tutorial-3d", PICTURE)

    assert "tutorial-2d" in refusal.value.do


def test_missing_python_file_is_refused():
    with pytest.raises(CatscanError, match="not there"):
        check_network("mine.py", PICTURE)


def test_python_file_without_the_function_is_refused(tmp_path: Path):
    (tmp_path / "mine.py").write_text("x = 1\n")

    with pytest.raises(CatscanError, match="no function `network`"):
        find(str(tmp_path / "mine.py"), PICTURE, 2).build()


def test_checking_a_network_imports_no_tensorflow():
    code = (
        "import sys; from catscan.networks.registry import check_network;"
        "import catscan.stages.train, catscan.stages.predict;"
        "check_network('auto', (8, 8, 1)); sys.exit('tensorflow' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
