"""The default run at its full size: the networks learn the generated data clearly, and not perfectly."""

import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score


@pytest.mark.accuracy
def test_the_default_run_learns_both_competitions(fresh) -> None:
    fresh.overlays = []
    fresh.snakemake()
    pictures, series = (scored(fresh.home / "results" / name) for name in ("dogs-vs-cats", "ct-scans"))

    assert 0.85 <= ((pictures["given"] > 0.5) == pictures["true"]).mean() < 1
    assert roc_auc_score(series["true"], series["given"]) >= 0.93
    assert ((series["given"] > 0.5) == series["true"]).mean() < 1


def scored(folder) -> pd.DataFrame:
    """The submission beside the truth: columns given (probability) and true (0 or 1)."""
    given = pd.read_csv(folder / "submission.csv", dtype={"id": str}).set_index("id").iloc[:, 0]
    true = pd.read_csv(folder / "truth" / "solution.csv", dtype={"id": str}).set_index("id").iloc[:, 0]
    return pd.DataFrame({"given": given, "true": true.loc[given.index].astype(bool)})
