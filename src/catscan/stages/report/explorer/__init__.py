"""The explorer of the page: one script and one style, each put together of small files of its own, outside of nothing.

The script's files share one scope, in the order of `SCRIPTS`; nothing of it is seen from outside.
"""

from pathlib import Path

SCRIPTS = ("numbers", "computing", "drawing", "planes", "windows", "words", "curves", "own", "explorer")


def _text(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


SCRIPT = '"use strict";\n(() => {\n' + "\n".join(_text(f"{name}.js") for name in SCRIPTS) + "})();\n"
STYLE = _text("explorer.css")
