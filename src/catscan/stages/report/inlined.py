"""Figures (SVG files of the evaluation, Matplotlib's drawings) as parts of the page, in the page's own colours."""

from __future__ import annotations

import io
import re
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# What Matplotlib writes beside the drawing, and names that another drawing has too.
BESIDE = re.compile(r"<metadata>.*?</metadata>|<style.*?</style>|(?<=<g) id=\"[^\"]*\"", re.DOTALL)
# Black lines, but for the outline of white letters on a picture.
BLACK = re.compile(r"#000000(?!; stroke-width: 2)")
COLORS = {"#e4e6ea": "var(--line)", "#595959": "var(--soft)"}
POINTS_TO_PIXELS = 96 / 72


def inlined(svg: str, label: str) -> str:
    """An SVG document as an element of the page; ``label`` is what a screen reader says of it."""
    drawing = BESIDE.sub("", svg[svg.index("<svg") :])
    for color, name in COLORS.items():
        drawing = drawing.replace(color, name)
    width = float(re.findall(r'width="([\d.]+)pt"', drawing)[0]) * POINTS_TO_PIXELS
    (box,) = re.findall(r'viewBox="([^"]+)"', drawing)
    _, _, inside = drawing.partition(">")
    said = f'role="img" aria-label="{escape(label)}"'
    opening = f'<svg class="drawing" {said} viewBox="{box}" style="max-width: {width:.0f}px">'
    return opening + BLACK.sub("currentColor", inside)


def drawn(figure: Figure, label: str) -> str:
    """A drawing of Matplotlib as an element of the page."""
    import matplotlib as mpl

    file = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "catscan"}):
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return inlined(file.getvalue(), label)
