"""The main job, small: both generated competitions from nothing to two submissions and the report."""

import csv
import json
import re

import nibabel as nib
import numpy as np
import pytest
from recomputed import values_of

from catscan.common.contracts.explanation import Explanation
from catscan.common.files import read_json

COMPETITIONS = {"dogs-vs-cats": 12, "ct-scans": 4}


@pytest.mark.parametrize(("competition", "rows"), COMPETITIONS.items())
def test_every_test_id_has_one_row_with_a_probability(finished, competition: str, rows: int) -> None:
    folder = finished[0].home / "results" / competition
    sample = next(folder.glob("raw/*sample_submission.csv"))
    with sample.open() as wanted, (folder / "submission.csv").open() as written:
        wanted_rows, written_rows = list(csv.DictReader(wanted)), list(csv.DictReader(written))

    assert len(written_rows) == rows
    assert [row["id"] for row in written_rows] == [row["id"] for row in wanted_rows]
    assert list(written_rows[0]) == list(wanted_rows[0])
    value = list(written_rows[0])[1]
    assert all(0 < float(row[value]) < 1 for row in written_rows)


@pytest.mark.parametrize("competition", COMPETITIONS)
def test_the_check_tells_validity_and_the_true_score(finished, competition: str) -> None:
    check = read_json(finished[0].home / "results" / competition / "submission.json")

    assert check["valid"] is True
    assert check["rows"] == COMPETITIONS[competition]
    assert 0 < check["true_score"] < 5


def test_the_box_shows_score_baseline_truth_submission_and_report(finished) -> None:
    box = finished[1][finished[1].index("┌") :]

    for competition, rows in COMPETITIONS.items():
        metrics = read_json(finished[0].home / "results" / competition / "evaluation" / "metrics.json")
        spread = {"dogs-vs-cats": f"± {metrics['loss']['sd']:.4f} over 2 folds", "ct-scans": "of one fold"}
        assert f"log loss {metrics['loss']['value']:.4f} {spread[competition]}" in box
        assert f"prior alone    log loss {metrics['loss']['prior']:.4f}" in box
        assert f"results/{competition}/submission.csv  (valid: {rows} rows)" in box
    assert "results/report.html" in box


def test_the_report_is_one_page_that_fetches_nothing(finished) -> None:
    text = (finished[0].home / "results" / "report.html").read_text()

    addresses = re.findall(r"(?:src|href)=\"?([^\" >]+)", text)

    assert all(address.startswith(("data:image/png;base64,", "data:image/webp;base64,", "#")) for address in addresses)
    assert text.count('<svg class="drawing"') == 8 + 3  # three of a scan
    assert text.count('class="thumb"') > 20
    assert not re.search(r"url\((?!#)|@import|https?:(?!//www.w3.org/2000/svg)|<script src", text)


def test_the_heat_maps_of_scans_lie_beside_as_nifti_over_the_field_of_the_scan(finished) -> None:
    folder = finished[0].home / "results" / "ct-scans"
    told = Explanation.read(folder / "explanation.json")
    images = [nib.load(folder / "explanation" / f"{one.sample_id}.nii") for one in told.samples]
    fields = [np.abs(np.diag(image.affine)[:3]) * image.shape for image in images]  # mm along x, y, z

    assert len(images) == len(list((folder / "explanation").iterdir()))
    assert all(
        np.array_equal(np.asarray(image.dataobj).T, one.heat.array())
        for image, one in zip(images, told.samples, strict=True)
    )
    np.testing.assert_allclose(
        [field[::-1] for field in fields],
        [np.multiply(one.voxels.spacing_mm, one.pixels.shape[:3]) for one in told.samples],
        rtol=1e-4,
    )


@pytest.mark.parametrize("competition", COMPETITIONS)
def test_the_explorers_chain_ends_in_the_very_number_of_the_submission(finished, competition: str) -> None:
    folder = finished[0].home / "results" / competition
    told = Explanation.read(folder / "explanation.json")
    with (folder / "submission.csv").open() as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    of_test = [sample for sample in told.samples if sample.split == "test"]
    (column,) = {cell.column for sample in of_test for cell in sample.cells}
    ends = {sample.sample_id: sample.chain[-1].values[-1] for sample in of_test}

    assert {sample.sample_id: sample.cells[0].text for sample in of_test} == {name: rows[name][column] for name in ends}
    assert {name: f"{value:.9g}" for name, value in ends.items()} == {name: rows[name][column] for name in ends}
    for sample in told.samples:
        of_float32 = 1e-6 * max(10, np.abs(sample.logits).max())  # where one logit is -48, no other has more decimals
        np.testing.assert_allclose(values_of(told, sample)[-1], sample.logits, rtol=0, atol=of_float32)


def test_bad_pictures_stand_in_the_sidecar_and_in_the_report(finished) -> None:
    folder = finished[0].home / "results"
    bad = [row for path in sorted(folder.glob("dogs-vs-cats/arrays/[!.]*.json")) for row in read_json(path)["bad"]]
    report = (folder / "report.html").read_text()

    assert len(bad) == 2
    assert all(row["sample_id"] in report for row in bad)


def test_the_truth_lies_outside_of_all_that_a_model_reads(finished) -> None:
    for competition in COMPETITIONS:
        folder = finished[0].home / "results" / competition
        assert (folder / "truth" / "solution.csv").is_file()
        assert not [path for path in (folder / "raw").rglob("*") if "solution" in path.name]
        manifest = json.dumps(read_json(folder / "raw" / "manifest.json"))
        assert "solution" not in manifest


def test_nothing_half_written_is_left(finished) -> None:
    assert not list((finished[0].home / "results").rglob("*.partial"))


def test_no_noise_of_tensorflow_reaches_the_terminal(finished) -> None:
    for word in ("oneDNN", "cpu_feature_guard", "absl::InitializeLog", "deprecat", "Scipy not supported", "WARNING:"):
        assert word not in finished[1]


def test_a_second_call_says_that_nothing_is_to_be_done(project) -> None:
    done = project.snakemake()

    assert "Nothing to be done" in done.stdout + done.stderr


def test_one_stage_is_run_again_by_name(project) -> None:
    (project.home / "results" / "ct-scans" / "index.csv").unlink()
    done = project.snakemake("index")

    assert (project.home / "results" / "ct-scans" / "index.csv").is_file()
    assert "train_fold" not in done.stdout + done.stderr


@pytest.mark.slow
def test_results_go_where_directory_says(project, tmp_path) -> None:
    elsewhere = tmp_path / "else where"
    project.snakemake("--directory", str(elsewhere), "results/dogs-vs-cats/index.csv")

    assert (elsewhere / "results" / "dogs-vs-cats" / "index.csv").is_file()
