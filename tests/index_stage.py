"""The index stage by its command line, on a raw folder of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from catscan.cli import main

SETTINGS: dict[str, Any] = {
    "kind": "picture",
    "task": "binary",
    "train": "train/{label}.{id}.jpg",
    "test": "test/{id}.jpg",
    "labels": {},
    "classes": [],
    "positive": "",
    "group_column": "",
    "test_ids": "sample_submission",
    "sample": "sample_submission.csv",
    "id_column": "",
    "folds": 2,
    "seed": 1,
    "shards": 2,
    "near_duplicates": False,
}
MIXED = {"kind": "dicom_series", "train": "stage1/{id}/*.dcm", "test": "", "labels": {"csv": "labels.csv"}}


class Stage:
    """Runs the index stage on a raw folder of its own."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.raw, self.folder, self.capsys = folder / "raw", folder, capsys
        self.raw.mkdir()
        self.said = ""

    def files(self, *paths: str, content: bytes = b"x") -> None:
        for path in paths:
            (self.raw / path).parent.mkdir(parents=True, exist_ok=True)
            (self.raw / path).write_bytes(content)

    def table(self, name: str, *lines: str) -> None:
        (self.raw / name).write_text("\n".join(lines) + "\n")

    def run(self, *more: str, **settings: Any) -> int:
        compared = ("columns", "value", "row_id", "rows", "solution", "foreign")
        layout = {key: settings.pop(key) for key in compared if key in settings}
        arguments = ["--settings", json.dumps(SETTINGS | settings), "--layout", json.dumps(layout)]
        arguments += ["--raw", str(self.raw), *more]
        code = main(
            [
                "index",
                *arguments,
                "--index",
                str(self.folder / "index.csv"),
                "--summary",
                str(self.folder / "index.json"),
            ]
        )
        self.said = self.capsys.readouterr().err
        return code

    @property
    def index(self) -> pd.DataFrame:
        return pd.read_csv(self.folder / "index.csv", dtype=str, keep_default_na=False)

    @property
    def summary(self) -> dict[str, Any]:
        return json.loads((self.folder / "index.json").read_text())

    def ids(self, split: str) -> list[str]:
        return self.index.loc[self.index["split"] == split, "sample_id"].tolist()
