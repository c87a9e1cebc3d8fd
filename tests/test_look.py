"""One sample through reading, preprocessing and networks, as a picture."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from factories import MODEL, metrics_of, summary_of, write_shard
from small_competition import write_network

from catscan import look
from catscan.cli import main
from catscan.common.contracts.sidecar import ReadAs

INDEX = (
    "sample_id,split,label,group,fold,shard,archive,path\ncat.1,train,cat,cat.1,0,1,,cat.1.png\n7,test,,7,,1,,7.png\n"
)
READ_AS = ReadAs("picture", MODEL.reader)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A competition of one training and one test sample, the first of them predicted."""
    folder = tmp_path / "dogs"
    (folder / "raw").mkdir(parents=True)
    (folder / "index.csv").write_text(INDEX)
    summary_of().write(folder / "index.json")
    cv2.imwrite(str(folder / "raw" / "cat.1.png"), np.full((40, 30, 3), 90, np.uint8))
    (folder / "raw" / "7.png").write_bytes(b"no picture")
    for split in ("train", "test"):
        write_shard(folder / "arrays" / f"{split}-1-of-1.npy", np.empty((0, 16, 16, 3), np.uint8), [], settings=READ_AS)
    (folder / "models" / "resnet" / "fold-0").mkdir(parents=True)
    (folder / "models" / "resnet" / "fold-0" / "out-of-fold.csv").write_text("sample_id,cat,dog\ncat.1,0.2,0.8\n")
    return tmp_path


def test_a_sample_is_drawn_and_told(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = results / "seen.png"
    assert main(["look", "cat.1", "--results", str(results), "--out", str(out)]) == 0

    assert "resnet, fold 0: cat 0.2000, dog 0.8000" in capsys.readouterr().out
    assert cv2.imread(str(out)).shape[2] == 3


@pytest.mark.slow  # TensorFlow is imported
def test_where_the_network_that_never_saw_it_looks_is_drawn(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = results / "dogs"
    model = replace(MODEL, network=[{"convolution": {"feature_maps": 3, "window": 3}}], sample_shape=(16, 16, 3))
    write_network(folder / "models" / "resnet" / "fold-0", model, seed=1)
    metrics_of().write(folder / "evaluation" / "metrics.json")
    pixels = np.full((1, 16, 16, 3), 90, np.uint8)
    write_shard(folder / "arrays" / "train-1-of-1.npy", pixels, ["cat.1"], settings=READ_AS)
    heats = []
    draw = look.draw
    monkeypatch.setattr(
        look, "draw", lambda readings, heat, *more, **named: heats.append(heat) or draw(readings, heat, *more, **named)
    )
    assert main(["look", "cat.1", "--results", str(results), "--out", str(results / "seen.png")]) == 0
    (heat,) = heats

    assert (heat.network, heat.label, heat.levels.shape) == ("resnet, fold 0", "dog", (16, 16))
    assert heat.levels.max() in (0, 255)
    assert "dog 0.8000" in capsys.readouterr().out


def test_a_heat_map_lies_in_orange_over_the_picture() -> None:
    strongest, plane = look.heated(np.full((4, 6, 1), 100, np.uint8), np.array([[0, 0], [0, 255]], np.uint8))

    assert (strongest, plane.shape) == (0, (4, 6, 3))
    assert plane[0, 0].tolist() == [100, 100, 100]
    assert plane[3, 5].tolist() == [221, 139, 22]


def test_of_a_scan_the_slice_where_the_heat_is_strongest_is_drawn() -> None:
    scan = np.repeat(np.arange(0, 160, 20, dtype=np.uint8), 4 * 4).reshape(8, 4, 4, 1)
    heat = np.zeros((4, 2, 2), np.uint8)
    heat[2, 0, 0] = 255
    strongest, plane = look.heated(scan, heat)

    assert strongest in (4, 5)
    assert plane[3, 3].tolist() == [20 * strongest] * 3


def test_a_misspelt_id_is_answered_by_the_nearest(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["look", "cat.11", "--results", str(results)]) == 2
    assert 'Did you mean "cat.1"?' in capsys.readouterr().err


def test_a_sample_that_cannot_be_read_is_one_block(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["look", "7", "--results", str(results)]) == 2
    assert "The sample cannot be read." in capsys.readouterr().err


def test_an_id_of_two_competitions_asks_which(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (results / "more").mkdir()
    (results / "more" / "index.csv").write_text(INDEX)
    assert main(["look", "cat.1", "--results", str(results)]) == 2
    assert "--competition dogs" in capsys.readouterr().err


def test_a_scan_is_four_of_its_slices() -> None:
    scan = np.repeat(np.arange(21, dtype=np.uint8), 2 * 3).reshape(21, 2, 3, 1)

    assert look.flat(scan)[::2, ::3].tolist() == [[3, 8], [12, 17]]
