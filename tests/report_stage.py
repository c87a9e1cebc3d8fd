"""The report of a small competition, as the workflow would make it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from factories import EXPLANATION, MODEL, check_of, metrics_of, summary_of, write_evaluation, write_shard

from catscan.cli import main
from catscan.common.contracts.explanation import Explanation
from catscan.common.contracts.sidecar import Bad
from catscan.common.contracts.summary import Duplicates
from catscan.common.settings import canonical

METRICS = metrics_of(remarks=("a remark on the scores",))
CHECK = check_of(warnings=("a warning of the submission",))
INDEX = summary_of(
    ["cat", "dog"],
    counts={"cat": 6, "dog": 4},
    n_train=10,
    n_test=7,
    folds=2,
    remarks=("<script>alert(1)</script>",),
    duplicates=Duplicates(groups=(("a", "b"),)),
)


def page(folder: Path, *, bad: int = 0, title: str = "Dogs", explanation: Explanation = EXPLANATION) -> str:
    """The page of one competition, `dogs`, whose folder is ``folder / "results" / "dogs"``."""
    competition = folder / "results" / "dogs"
    INDEX.write(competition / "index.json")
    write_evaluation(competition, METRICS)
    CHECK.write(competition / "submission.json")
    explanation.write(competition / "explanation.json")
    for name, scores in METRICS.models.items():
        for fold in scores.folds:
            MODEL.write(competition / "models" / name / f"fold-{fold.fold}" / "model.json")
    (competition / "submission.csv").write_text("id,label\n" + "".join(f"{i},0.5\n" for i in range(7)))
    rows = tuple(Bad(f"cat.{i}", f"reason {i}") for i in range(bad))
    for split in ("train", "test"):
        path, told = competition / "arrays" / f"{split}-1-of-1.npy", rows if split == "train" else ()
        write_shard(path, np.empty((0, 2, 2, 3), np.uint8), [], bad=told)
    return again(folder, title)


def again(folder: Path, title: str = "Dogs") -> str:
    """The page made anew from what lies in ``folder``."""
    arguments = ["--results", str(folder / "results"), "--out", str(folder / "report.html")]
    assert main(["report", "--settings", canonical({"titles": [["dogs", title]]}), *arguments]) == 0
    return (folder / "report.html").read_text()
