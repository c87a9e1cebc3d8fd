"""Scores of some of the samples: by each column of the labels or of the index that parts them into a few kinds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from catscan.common.contracts.findings import Part
from catscan.common.contracts.metrics import Estimate
from catscan.raw.files import RawFiles
from catscan.raw.packed import unpacked
from catscan.raw.places import read_raw_table
from catscan.scores.answers import ANSWERS
from catscan.scores.rates import Z
from catscan.scores.tasks import REGRESSION
from catscan.stages.evaluate.held_out import HeldOut

if TYPE_CHECKING:
    import pandas as pd

MOST_KINDS = 12
FEWEST = 10  # samples of a kind; the loss of fewer says nothing
OF_INDEX = ("group", "archive")


def of_labels(raw: Path, csv: str, id_column: str) -> pd.DataFrame:
    """The labels' table, by sample id; the first row of an id that stands there twice."""
    with closing(RawFiles(unpacked(raw))) as files:
        table = read_raw_table(files, files.all(), csv)
    table = table.set_index(id_column or table.columns[0])
    return table[~table.index.duplicated()]


def columns_of(table: pd.DataFrame, held_out: HeldOut, labels: list[str]) -> dict[str, list[str]]:
    """The columns of ``table``, by sample id, that part the held-out samples into a few kinds other than the labels."""
    if not len(table.index.intersection(held_out.sample_ids)) * 2 > len(held_out.sample_ids):
        return {}
    rows = table.reindex(held_out.sample_ids).fillna("")
    found = {str(name): rows[name].astype(str).tolist() for name in rows}
    return {
        name: cells
        for name, cells in found.items()
        if 2 <= len(set(cells)) <= MOST_KINDS
        and len(set(zip(cells, labels, strict=True))) > max(len(set(cells)), len(set(labels)))
    }


def parts(held_out: HeldOut, columns: Mapping[str, list[str]], task: str) -> Iterator[Part]:
    """The loss of each kind of samples."""
    losses = ANSWERS[task].losses(held_out.calibrated, held_out.targets)
    overall = losses.mean()
    for column, cells in columns.items():
        kinds = np.array(cells)
        for value in sorted(set(cells)):
            of_kind = losses[kinds == value]
            if len(of_kind) < FEWEST:
                continue
            middle, reach = of_kind.mean(), Z * of_kind.std(ddof=1) / np.sqrt(len(of_kind))
            ends = max(middle - reach, 0.0), middle + reach
            apart = not ends[0] <= overall <= ends[1]
            shown = np.sqrt([middle, *ends]) if task == REGRESSION else np.array([middle, *ends])
            value_, low, high = shown.tolist()
            yield Part(column, value, len(of_kind), Estimate(value_, (low, high)), apart)
