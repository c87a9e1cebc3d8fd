"""The page as a reader meets it, on a large screen, on a phone, in the dark, on paper, by keyboard."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from accessible import complaints
from browser import CHROMIUM, Page
from evaluate_stage import competition, run
from factories import EXPLANATION, FINDINGS
from report_stage import INDEX, again
from report_stage import page as page_of

from catscan.common.contracts.explanation import Block, Link

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM and "CATSCAN_BROWSER" not in os.environ, reason="there is no Chromium here"),
]


@pytest.fixture(scope="session")
def report(made_once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """A report with the figures and galleries of a real evaluation."""

    def make(folder: Path) -> None:
        page_of(folder, bad=3)
        results = folder / "results"
        evaluated = folder / "evaluated"
        evaluated.mkdir()
        run(competition(evaluated, skill=1.5))
        for path in (evaluated / "evaluation").iterdir():
            path.replace(results / "dogs" / "evaluation" / path.name)
        for fold in (1, 2):
            (results / "dogs" / "models" / "resnet" / f"fold-{fold}").mkdir(parents=True)
            for name in ("model.json", "history.csv"):
                text = (results / "dogs" / "models" / "resnet" / "fold-0" / name).read_text()
                (results / "dogs" / "models" / "resnet" / f"fold-{fold}" / name).write_text(text)
        again(folder)

    return made_once("page", make) / "report.html"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 1400])
def test_nothing_is_scrolled_sideways_and_axe_finds_nothing_serious(report: Path, width: int, dark: bool) -> None:
    with Page(report, width=width, dark=dark) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")

        assert complaints(page) == []
        assert page.said == []


def test_on_paper_the_figures_stay_and_nothing_is_wider_than_the_paper(report: Path) -> None:
    hidden = (
        "[...document.querySelectorAll('.contents, .explorer, .here')].every((one) => !one.getClientRects().length)"
    )
    with Page(report, dark=True) as page:
        page.on_paper()

        assert page.evaluate("document.documentElement.scrollWidth") <= 718
        assert page.evaluate(hidden)
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert page.evaluate("[...document.querySelectorAll('.drawing, .tile img')].every((one) => one.clientWidth)")
        assert page.pdf().startswith(b"%PDF")
        assert page.said == []


def test_with_scripts_off_the_figures_remain_and_the_explorer_says_what_it_needs(report: Path, tmp_path: Path) -> None:
    page_of(tmp_path, explanation=EXPLANATION)
    with Page(tmp_path / "report.html", scripts=False) as page:
        assert page.text(".explorer").endswith("it needs scripts, which are off.")
    with Page(report, scripts=False) as page:
        assert page.evaluate("document.querySelectorAll('.drawing').length") >= 3
        assert page.evaluate("[...document.querySelectorAll('.drawing, .tile img')].every((one) => one.clientWidth)")
        assert page.evaluate("document.documentElement.scrollWidth") <= 1400


HOSTILE = "\"><i class=planted>'&amp;\N{RIGHT-TO-LEFT OVERRIDE}\N{HEBREW LETTER ALEF}</script>"


def test_ids_and_labels_of_html_quotes_and_text_from_right_to_left_are_shown_as_text(tmp_path: Path) -> None:
    classes = (f"cat{HOSTILE}", f"dog{HOSTILE}")
    sample = replace(EXPLANATION.samples[0], sample_id=HOSTILE, label=classes[0], split="train", why="right")
    page_of(tmp_path, explanation=replace(EXPLANATION, classes=classes, samples=(sample,)), title=HOSTILE)
    results = tmp_path / "results" / "dogs"
    counts = dict(zip(classes, (6, 4), strict=True))
    replace(INDEX, classes=classes, counts=counts, positive=classes[1]).write(results / "index.json")
    confusion = dict.fromkeys(classes, (3, 2))
    replace(FINDINGS, confusion=confusion).write(results / "evaluation" / "findings.json")
    (results / "submission.csv").write_text('id,label\n"' + HOSTILE.replace('"', '""') + '",0.5\n')
    again(tmp_path, HOSTILE)
    with Page(tmp_path / "report.html") as page:
        page.evaluate("document.querySelector('.explorer').scrollIntoView()")
        page.wait_for("document.querySelector('.ex-value')")

        assert page.evaluate("document.querySelectorAll('.planted').length") == 0
        assert page.evaluate("document.querySelector('.ex-samples .id').textContent") == HOSTILE
        assert page.evaluate("document.querySelector('.ex-samples span').textContent") == f"{classes[0]}: right"
        assert page.evaluate("document.querySelector('#dogs-data ~ .scroll td').textContent") == classes[0]
        assert page.evaluate("document.querySelector('.confusion tbody th').textContent") == classes[0]
        assert page.evaluate("document.querySelector('#dogs-submission ~ .scroll td').textContent") == HOSTILE
        assert page.evaluate("document.querySelector('#dogs').firstChild.textContent").strip() == HOSTILE
        assert page.evaluate("getComputedStyle(document.querySelector('.ex-samples .id')).unicodeBidi") == "isolate"
        assert page.said == []


def test_what_counts_most_in_a_picture_that_a_pretrained_network_looked_at_is_told_in_words(tmp_path: Path) -> None:
    covered = Block.of(np.array([[0, -1], [0, 2.5]]))
    chain = (Link("logits of this network", (1.0, 0.0)), Link("their softmax", (0.75, 0.25)), Link("told", (0.6, 0.4)))
    sample = replace(EXPLANATION.samples[0], features=Block.of(np.ones((1, 4))), covered=covered, chain=chain)
    layers = (replace(EXPLANATION.layers[0], shape=(1, 4), reach=()), EXPLANATION.layers[1])
    on_features = replace(EXPLANATION, sample_shape=(1, 4), layers=layers, samples=(sample,), extractors=("lite",))
    page_of(tmp_path, explanation=on_features)
    with Page(tmp_path / "report.html") as page:
        page.evaluate("document.querySelector('.explorer').scrollIntoView()")
        page.wait_for("document.querySelector('.ex-value')")

        assert page.text(".ex-said") == (
            "This network gives cat 0.75. The submission, which all networks make, gives cat 0.6. What counts most for "
            "cat lies in row 2, column 2: covered, it takes 2.500 from the logit of cat."
        )
        assert page.said == []


@pytest.mark.parametrize("width", [390, 1400])
def test_the_contents_stay_in_sight_and_follow_the_reader(report: Path, width: int) -> None:
    with Page(report, width=width) as page:
        page.evaluate("document.querySelector('#dogs-evaluation').scrollIntoView()")
        page.wait_for("document.querySelector('.contents [aria-current]')?.hash === '#dogs-evaluation'")
        top, bottom = page.evaluate(
            "(() => { const b = document.querySelector('.contents [aria-current]').getBoundingClientRect();"
            "return [b.top, b.bottom]; })()"
        )

        assert 0 <= top < bottom <= 1000


def test_every_heading_has_an_address_and_every_link_of_the_contents_leads_to_one(report: Path) -> None:
    with Page(report) as page:
        assert page.evaluate("[...document.querySelectorAll('main h1, main h2, main h3')].every((one) => one.id)")
        assert page.evaluate(
            "[...document.querySelectorAll('.contents a')].every((one) => document.getElementById(one.hash.slice(1)))"
        )


def test_a_sample_enlarges_by_keyboard_the_arrow_keys_turn_and_escape_closes(report: Path) -> None:
    with Page(report) as page:
        tiles = page.texts("#dogs-wrong ~ .gallery .tile code")
        page.evaluate("document.querySelector('#dogs-wrong ~ .gallery .enlarge').focus()")
        page.press("Enter")
        page.wait_for("document.querySelector('dialog').open")
        first = page.text("dialog p")
        page.press("ArrowRight")
        second = page.text("dialog p")
        page.press("Escape")

        assert first.startswith(f"{tiles[0]} (")
        assert second.startswith(f"{tiles[1]} (")
        page.wait_for("!document.querySelector('dialog').open")
        assert page.evaluate("document.activeElement.className") == "enlarge"


def test_whatever_scrolls_can_be_reached_by_keyboard(report: Path) -> None:
    scrolls = (
        "[...document.querySelectorAll('main *')].filter((one) => "
        "/auto|scroll/.test(getComputedStyle(one).overflow) && one.tabIndex < 0).length"
    )
    with Page(report, width=390) as page:
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")

        assert page.evaluate(scrolls) == 0


def test_words_in_figures_can_be_read_on_a_phone(report: Path) -> None:
    smallest = (
        "Math.min(...[...document.querySelectorAll('#dogs-evaluation ~ .figures .drawing text')]"
        ".map((one) => one.getBoundingClientRect().height))"
    )
    with Page(report, width=390) as page:
        assert page.evaluate(smallest) >= 8  # pixels, of a line


def test_the_numbers_of_the_page_are_those_of_the_csv_file(report: Path) -> None:
    import pandas as pd

    evaluation = report.parent / "results" / "dogs" / "evaluation"
    dog = pd.read_csv(evaluation / "out-of-fold.csv").set_index("sample_id")["dog"]
    true = np.array([int(name[1:]) % 2 for name in dog.index])
    loss = -np.log(np.where(true == 1, dog, 1 - dog)).mean()
    table = [[int(((true == is_) & ((dog > 0.5) == told)).sum()) for told in (0, 1)] for is_ in (0, 1)]
    with Page(report) as page:
        cells = [int(one) for one in page.texts(".confusion td") if one]
        model = page.texts("#dogs-training + .scroll tbody tr:first-child td")

        assert cells == [*table[0], *table[1]]
        assert float(model[4]) == pytest.approx(loss, abs=0.0001)
