"""The page itself: its template, styles and scripts, files of their own beside this one; no outside address in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from catscan import __version__
from catscan.common.contracts.galleries import Tile
from catscan.common.errors import CatscanError
from catscan.stages.report import explorer
from catscan.stages.report.inlined import inlined

COMMAND = "CATSCAN_COMMAND"  # the variable that holds the command of the run
FOLDER = Path(__file__).parent
TEMPLATE = "page.html"
STYLE, SCRIPT = ((FOLDER / f"page.{ending}").read_text(encoding="utf-8") for ending in ("css", "js"))
# All that stands in every page.
WHOLE = (FOLDER / TEMPLATE).read_text(encoding="utf-8") + STYLE + SCRIPT + explorer.STYLE + explorer.SCRIPT


def rendered(competitions: list[dict[str, Any]], command: str = "") -> str:
    """The HTML text of what was gathered of each competition, and the command that was given; every value is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    def figure(gathered: dict[str, Any], name: str) -> str:
        path, caption = gathered["figures"] / name, gathered["captions"][name]
        drawing = Markup(_drawing(path, caption))
        return Markup("<figure>{}<figcaption>{}</figcaption></figure>").format(drawing, caption)

    def tile(shown: Tile) -> str:
        image = Markup('<img class="{}" alt="" width="{}" height="{}" src="{}">')
        pictures = [("thumb", shown.picture), *([("sheet", shown.slices)] if shown.slices else [])]
        images = Markup("").join(image.format(kind, one.width, one.height, one.address) for kind, one in pictures)
        return Markup(
            '<figure class="tile">{}<figcaption><code>{}</code> <span>{}</span></figcaption></figure>'
        ).format(images, shown.sample_id, shown.told)

    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["drawing"] = Markup  # of our own making: `inlined.drawn`
    environment.globals.update(figure=figure, tile=tile)
    environment.globals["styles"] = Markup(STYLE + explorer.STYLE)
    environment.globals["scripts"] = Markup(SCRIPT + explorer.SCRIPT)
    return environment.get_template(TEMPLATE).render(competitions=competitions, version=__version__, command=command)


def _drawing(path: Path, caption: str) -> str:
    if not path.is_file():
        raise CatscanError("A figure is missing.", where=str(path), do="Run again: it is drawn anew.")
    try:
        return inlined(path.read_text(encoding="utf-8"), caption)
    except (ValueError, IndexError) as error:
        raise CatscanError(
            "A figure is damaged: it is no SVG as Matplotlib writes it.",
            where=str(path),
            do="Delete it and run again: it is drawn anew.",
        ) from error
