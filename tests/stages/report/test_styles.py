"""The stylesheets, linted: no linter of them comes by pip, so that the browser itself is asked what it knows."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from browser import CHROMIUM, Page

from catscan.stages import report

FOLDER = Path(report.__file__).parent
SHEETS = sorted(FOLDER.rglob("*.css"))
ELSEWHERE = "".join(
    path.read_text(encoding="utf-8") for ending in ("html", "js", "py") for path in sorted(FOLDER.rglob(f"*.{ending}"))
)


def rules_of(sheet: Path) -> list[tuple[str, list[tuple[str, str]]]]:
    """Each rule's selector, or at-rule, and its declarations."""
    text = re.sub(r"/\*.*?\*/", "", sheet.read_text(encoding="utf-8"), flags=re.DOTALL)
    return [
        (selector.strip(), [tuple(map(str.strip, one.split(":", 1))) for one in block.split(";") if one.strip()])  # type: ignore[misc]
        for selector, block in re.findall(r"([^{};]+)\{([^{}]*)\}", text)
    ]


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.name)
def test_every_brace_is_closed_and_every_declaration_has_a_value(sheet: Path) -> None:
    text = sheet.read_text(encoding="utf-8")
    broken = [one for _, declarations in rules_of(sheet) for one in declarations if len(one) != 2 or not all(one)]

    assert text.count("{") == text.count("}")
    assert broken == []


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.name)
def test_every_class_and_colour_of_the_sheet_is_used(sheet: Path) -> None:
    classes = {name for selector, _ in rules_of(sheet) for name in re.findall(r"\.([a-z][\w-]*)", selector)}
    styles = "".join(one.read_text(encoding="utf-8") for one in SHEETS)
    own = set(re.findall(r"(--[a-z]+):", sheet.read_text(encoding="utf-8")))

    assert sorted(name for name in classes if not re.search(rf"\b{name}\b", ELSEWHERE)) == []
    assert sorted(name for name in own if f"var({name})" not in styles + ELSEWHERE) == []


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.name)
def test_no_property_is_given_twice_in_a_rule(sheet: Path) -> None:
    twice = [
        (selector, name)
        for selector, declarations in rules_of(sheet)
        for name in {name for name, _ in declarations}
        if sum(other == name for other, _ in declarations) > 1
    ]

    assert twice == []


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM and "CATSCAN_BROWSER" not in os.environ, reason="there is no Chromium here")
def test_the_browser_knows_every_selector_and_every_declaration(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<!doctype html>", encoding="utf-8")
    rules = [rule for sheet in SHEETS for rule in rules_of(sheet)]
    declarations = {one for _, some in rules for one in some if not one[0].startswith("--")}
    selectors = {part for selector, _ in rules if not selector.startswith("@") for part in selector.split(",\n")}
    with Page(tmp_path / "page.html") as page:
        unknown = [
            f"{name}: {value}"
            for name, value in sorted(declarations)
            if not page.evaluate(f"CSS.supports({name!r}, {value.removesuffix('!important').strip()!r})")
        ]
        for selector in selectors:
            page.evaluate(f"document.querySelector({selector!r}); 0")  # one that it cannot read is an error

    assert unknown == []
