"""`snakemake --report`: what it shows has a caption, and stands under its competition."""

from __future__ import annotations

from pathlib import Path

import forked_snakemake
import pytest

FIGURES = [f"evaluation/{name}.svg" for name in ("learning-curves", "calibration", "answers", "curves")]


@pytest.mark.slow  # a plan, and the page
def test_figures_submission_and_page_have_captions_and_categories(fresh, tmp_path: Path) -> None:
    """Files that stand in for results suffice: the page shows what lies there."""
    for name in [*(f"dogs-vs-cats/{one}" for one in [*FIGURES, "submission.csv"]), "report.html"]:
        path = fresh.home / "results" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('<svg xmlns="http://www.w3.org/2000/svg"/>' if name.endswith("svg") else "id,label\n")
    fresh.overlay("run: [dogs-vs-cats]\n")
    page = tmp_path / "snakemake.html"
    words = fresh.arguments("--report", str(page))
    done = forked_snakemake.run(words, fresh.home, fresh.environment, module="snakemake")
    assert done.returncode == 0, done.stdout + done.stderr

    text = page.read_text()
    folder = "results/dogs-vs-cats"
    assert f'"submission": ["{folder}/submission.csv"]' in text
    assert all(f'"{folder}/{name}"' in text for name in FIGURES)
    assert '"all competitions": {"Other": ["results/report.html"]' in text
    assert "The file to hand in for dogs-vs-cats, checked row by row" in text
    assert "dogs-vs-cats, by predictions of networks that never saw the samples" in text
    assert "one page for all competitions: scores, what to do next" in text
