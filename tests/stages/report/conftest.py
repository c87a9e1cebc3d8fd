"""Reports with an explorer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from explored import Made, write_report

from catscan.common.contracts.explanation import Explanation


@pytest.fixture(scope="session")
def report_of(made_once: Callable[[str, Callable[[Path], object]], Path]) -> Made:
    """A report with an opened network, and what the explain stage told of it."""

    def made(name: str) -> tuple[Path, Explanation]:
        folder = made_once(f"report of {name}", lambda folder: write_report(folder, name))
        return folder / "report.html", Explanation.read(folder / "results" / "dogs" / "explanation.json")

    return made
