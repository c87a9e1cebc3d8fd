"""What axe-core, the checker of accessibility by Deque, finds in a page."""

from __future__ import annotations

from importlib.resources import files

from browser import Page


def complaints(page: Page) -> list[str]:
    """Its rules that the page breaks seriously, each with the first elements that do."""
    page.evaluate((files("axe_core_python") / "axe.min.js").read_text(encoding="utf-8") + ";0")
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']}).then((told) => told.violations)")
    return [
        f"{one['id']}: {one['help']}: {[node['html'][:120] for node in one['nodes'][:3]]}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
