"""Why the results of a competition were made anew, by the records that lie beside them."""

from __future__ import annotations

from pathlib import Path

from catscan.common.provenance import changes_of

# By the stage one of its files, the first of each job, as patterns below the competition's folder.
RESULTS = {
    "download": "raw/manifest.json",
    "index": "index.csv",
    "preprocess": "arrays*/*.npy",
    "features": "features*/*/*.npy",
    "train": "models/*/fold-*/weights.npz",
    "predict": "predictions/*/fold-*.csv",
    "evaluate": "evaluation/metrics.json",
    "submission": "submission.csv",
    "explain": "explanation.json",
}
OF_A_MODEL = ("train", "predict")


def changes_told(folder: Path) -> list[tuple[str, str]]:
    """In the order of the flow what had changed when a stage's results were made anew: (stage, sentence).

    What only followed an earlier stage is not told again.
    """
    rows = [
        (f"{stage} {_model(path, folder)}" if stage in OF_A_MODEL else stage, sentence)
        for stage, pattern in RESULTS.items()
        for path in sorted(folder.glob(pattern))
        for sentence in changes_of(path)
    ]
    return list(dict.fromkeys(rows))


def _model(path: Path, folder: Path) -> str:
    return path.relative_to(folder).parts[1]
