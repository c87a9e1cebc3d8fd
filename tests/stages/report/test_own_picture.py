"""A picture of the reader's own in the explorer: brought to size as preprocessing does, answered as predict does."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from browser import CHROMIUM, Page
from explored import Made, opened

from catscan.cli import main
from catscan.kinds.pictures.resize import fitted
from catscan.stages.report import explorer

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM and "CATSCAN_BROWSER" not in os.environ, reason="there is no Chromium here"),
]
ANSWER = ".ex-chain tr:last-child td"


def photograph(height: int, width: int, channels: int = 3) -> np.ndarray:
    """Smooth, with some noise: what JPEG was made for."""
    rng = np.random.default_rng(5)
    coarse = rng.uniform(0, 255, (6, 7, channels)).astype(np.float32)
    smooth = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC).reshape(height, width, channels)
    return np.clip(smooth + rng.normal(0, 4, smooth.shape), 0, 255).astype(np.uint8)


def write(path: Path, pixels: np.ndarray, *options: int) -> Path:
    assert cv2.imwrite(str(path), pixels[..., ::-1] if pixels.shape[2] == 3 else pixels, list(options))
    return path


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A page with the explorer's functions alone, to be called by name."""
    path = tmp_path_factory.mktemp("scripts") / "page.html"
    text = "\n".join((Path(explorer.__file__).with_name(f"{name}.js")).read_text() for name in explorer.SCRIPTS[:-1])
    path.write_text(f'<!doctype html><meta charset="utf-8"><script>{text}</script>', encoding="utf-8")
    with Page(path) as page:
        yield page


def in_page(page: Page, pixels: np.ndarray, size: tuple[int, int], fit: str, resize: str) -> np.ndarray:
    height, width, channels = pixels.shape
    data = base64.b64encode(pixels.tobytes()).decode()
    found = page.evaluate(
        f"[...fitted({{levels: decoded({{dtype: 'uint8', base64: '{data}'}}), height: {height}, width: {width}, "
        f"channels: {channels}}}, {{size: {list(size)}, fit: '{fit}', resize: '{resize}'}}).levels]"
    )
    return np.array(found, np.uint8).reshape(*size, channels)


@pytest.mark.parametrize("resize", ["area", "tutorial"])
@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((67, 90, 3), (16, 24)),
        ((20, 31, 3), (33, 64)),
        ((50, 20, 1), (25, 40)),
        ((48, 64, 3), (24, 32)),
        ((24, 24, 1), (24, 24)),
    ],
    ids=["smaller", "larger", "narrower and wider", "half", "the same"],
)
def test_a_picture_is_brought_to_size_to_the_byte(
    scripts: Page, shape: tuple[int, int, int], size: tuple[int, int], fit: str, resize: str
) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8)

    np.testing.assert_array_equal(
        in_page(scripts, pixels, size, fit, resize), fitted(pixels, size, fit=fit, resize=resize)
    )


def answers_of(page: Page) -> list[float]:
    page.wait_for("document.querySelector('.ex-samples button:nth-child(3)[aria-pressed=true]')", seconds=120)
    return [float(one) for one in page.texts(ANSWER)]


def predicted(folder: Path, picture: Path, capsys: pytest.CaptureFixture[str]) -> list[float]:
    """What `catscan predict` prints of the picture, by the network that the page opened."""
    out = folder / "answer.csv"
    model = folder / "results" / "dogs" / "models" / "resnet" / "fold-0"
    assert main(["predict", "--model", str(model), "--out", str(out), "--device", "cpu", str(picture)]) == 0
    capsys.readouterr()
    return [float(one) for one in out.read_text().splitlines()[1].rsplit(",", 2)[1:]]


FILES: dict[str, Any] = {
    "png": ("picture.png", (), 1e-3),
    "jpeg": ("picture.jpg", (cv2.IMWRITE_JPEG_QUALITY, 90), 0.02),
}


@pytest.mark.parametrize("name", ["pictures", "tutorial-2d", "resnet-2d"])
@pytest.mark.parametrize("file", FILES)
def test_a_chosen_file_is_answered_as_predict_does(
    report_of: Made,
    name: str,
    file: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (path, _), (called, options, tolerance) = report_of(name), FILES[file]
    picture = write(tmp_path / called, photograph(90, 121), *options)
    with opened(path) as page:
        page.evaluate("document.querySelector('.ex-own').open = true")
        page.choose(".ex-own input[type=file]", picture)
        answers = answers_of(page)

        assert page.said == []
        assert page.texts(".ex-samples .id")[2] == called
        assert abs(answers[0] - 0.5) > 0.02
        np.testing.assert_allclose(answers, predicted(path.parent, picture, capsys), atol=tolerance)


def test_what_is_drawn_on_a_sample_changes_its_answer_and_no_line_leaves_it(report_of: Made) -> None:
    path, told = report_of("pictures")
    with opened(path) as page:
        page.evaluate("document.querySelector('.ex-own').open = true")
        page.click(".ex-tools button:nth-child(3)")
        answers_of(page)
        before = page.texts(".ex-chain tr:nth-child(2) td")
        logits = [float(one) for one in before]
        page.drag(".ex-pad", (0.1, 0.1), (0.5, 0.6), (0.9, 0.2))
        page.wait_for(f"document.querySelector('.ex-chain tr:nth-child(2) td').innerText !== '{before[0]}'")
        drawn = [float(one) for one in page.texts(".ex-chain tr:nth-child(2) td")]

        np.testing.assert_allclose(logits, told.samples[0].logits, rtol=1e-4, atol=1e-4 * np.ptp(logits))
        assert np.abs(np.subtract(drawn, logits)).max() > 1e-3
        assert page.said == []


def test_a_picture_that_is_a_sample_has_the_heat_map_of_the_sample(report_of: Made) -> None:
    path, _ = report_of("resnet-2d")
    heat = "document.querySelector('.ex-view-heat canvas').toDataURL()"
    with opened(path) as page:
        of_sample = page.evaluate(heat)
        page.evaluate("document.querySelector('.ex-own').open = true")
        page.click(".ex-tools button:nth-child(3)")
        answers_of(page)

        assert page.evaluate(heat) == of_sample


def test_a_picture_that_is_a_sample_is_covered_as_the_sample_was(report_of: Made) -> None:
    path, told = report_of("pictures")
    sample = told.samples[0]
    assert sample.deletion
    gain = np.trapezoid(np.subtract(sample.deletion.at_random, sample.deletion.by_covered), sample.deletion.shares)
    with opened(path) as page:
        said = page.text(".ex-view-covered + figcaption")
        page.evaluate("document.querySelector('.ex-own').open = true")
        page.click(".ex-tools button:nth-child(3)")
        answers_of(page)
        page.click(".ex-cover")
        page.wait_for("document.querySelector('.ex-view-covered')", seconds=120)

        assert page.text(".ex-view-covered + figcaption") == said
        assert float(page.texts(".ex-gain")[-1]) == pytest.approx(gain, abs=0.05)  # of other orders at random
        assert page.said == []


def test_a_file_that_is_no_picture_is_named_on_a_phone_too(report_of: Made, tmp_path: Path) -> None:
    path, _ = report_of("pictures")
    (tmp_path / "notes.png").write_text("no picture")
    with opened(path, width=390) as page:
        page.evaluate("document.querySelector('.ex-own').open = true")
        page.choose(".ex-own input[type=file]", tmp_path / "notes.png")
        page.wait_for("document.querySelector('.ex-own .warn').innerText")

        assert re.match(r"notes\.png is no picture", page.text(".ex-own .warn"))
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
