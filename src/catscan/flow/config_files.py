"""Config files as a person writes them: what cannot be read is told with its file and line.

Snakemake reads the same files, but says of a broken one neither, and lets the later of two equal keys win in silence.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from catscan.common.errors import CatscanError, did_you_mean
from catscan.raw.walk import is_ordinary

Config = dict[str, Any]

LARGEST = 1 << 22  # bytes of a config file, and characters of what it says with its aliases written out


def check(paths: Iterable[Path]) -> None:
    """Refuse the first config file that cannot be read.

    Raises
    ------
    CatscanError
        As `read` does.
    """
    for path in paths:
        read(path)


def read(path: Path) -> Config:
    """The mapping that a config file holds, as YAML or JSON.

    Raises
    ------
    CatscanError
        When the file is missing, unreadable or too large, is no UTF-8, no YAML, empty or no mapping, has a key twice,
        or says more by its aliases than can be held.
    """
    text = _text_of(path)
    try:
        value = json.loads(text)  # JSON may be indented by tabs, which YAML may not
    except (ValueError, RecursionError):
        value = _parsed(text, path)
    if not isinstance(value, dict):
        raise CatscanError(
            "A config file holds keys and their values.",
            where=str(path),
            found="nothing" if value is None else f"a {_kind_of(value)}: {str(value)[:60]}",
            do="config/README.md shows how one is written.",
        )
    return value


def _text_of(path: Path) -> str:
    try:
        if path.exists() and not (path.is_file() and is_ordinary(path)):
            raise CatscanError(
                "A config file is no file.",
                where=str(path),
                found="a folder" if path.is_dir() else "a pipe, a device, or what the kernel makes up",
                do="Give the path of a YAML file.",
            )
        if path.exists() and path.stat().st_size > LARGEST:
            raise CatscanError(
                "A config file is too large.",
                where=str(path),
                found=f"{path.stat().st_size:,} bytes, of which {LARGEST:,} are read",
                do="Check that it is one.",
            )
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        beside = path.parent.glob("*.y*ml") if path.parent.is_dir() else ()
        raise CatscanError(
            "A config file is missing.",
            where=str(path),
            do=did_you_mean(path.name, [one.name for one in beside]) or "Check its path.",
        ) from error
    except UnicodeDecodeError as error:
        before, byte = error.object[: error.start], error.object[error.start]
        raise CatscanError(
            "A config file is not UTF-8.",
            where=f"{path}, line {len(before.splitlines()) or 1}",
            found=_encoding_of(error.object) or f"the byte 0x{byte:02X}",
            do="Save it as UTF-8.",
        ) from error
    except OSError as error:
        raise CatscanError(
            "A config file cannot be read.",
            where=str(path),
            found=error.strerror or str(error),
            do="Check its rights.",
        ) from error


def _encoding_of(data: bytes) -> str:
    """What the first bytes tell, "" when nothing."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "UTF-16"
    return "a binary file" if b"\0" in data[:1000] else ""


def _parsed(text: str, path: Path) -> Any:
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        twice = next(_doubled(node), None) if node else None
        if node and _length(node, {}) > LARGEST:
            raise CatscanError(
                "A config file says too much by its aliases.",
                where=str(path),
                found=f"more than {LARGEST:,} characters when they are written out",
                do="Write out what is meant: a list must not hold itself, nor lists of lists of it.",
            )
        if twice is None:
            return yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        raise _broken(error, text, path) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # a control character, the date 2026-02-30, [[[[...
        raise CatscanError(
            "A config file is no YAML.",
            where=str(path),
            found=str(error).splitlines()[0].strip(),
            do="Put quotes around a text that looks like a date." if type(error) is ValueError else "",
        ) from error
    first, again = twice
    raise CatscanError(
        f"A config file has a key twice: {again.value!r}.",
        where=f"{path}, line {again.start_mark.line + 1}",
        found=f"the same key in line {first.start_mark.line + 1}",
        do="Keep one of them, or put what stands below both together.",
    )


def _doubled(node: yaml.Node) -> Iterator[tuple[yaml.Node, yaml.Node]]:
    """The pairs of equal keys of one mapping, at any depth."""
    waiting, seen = [node], set()
    while waiting:
        one = waiting.pop(0)
        if id(one) in seen:  # an alias
            continue
        seen.add(id(one))
        if isinstance(one, yaml.SequenceNode):
            waiting += one.value
        elif isinstance(one, yaml.MappingNode):
            known: dict[str, yaml.Node] = {}
            for key, value in one.value:
                waiting.append(value)
                if isinstance(key, yaml.ScalarNode):
                    if key.value in known:
                        yield known[key.value], key
                    known[key.value] = key


def _length(node: yaml.Node, known: dict[int, float]) -> float:
    """The characters that a node stands for, its aliases written out; infinitely many where it holds itself."""
    if id(node) not in known:
        known[id(node)] = math.inf  # as long as it is not known
        inner = [part for pair in node.value for part in pair] if isinstance(node, yaml.MappingNode) else node.value
        own = len(inner) + 1
        known[id(node)] = own if isinstance(inner, str) else own + sum(_length(one, known) for one in inner)
    return known[id(node)]


def _broken(error: yaml.MarkedYAMLError, text: str, path: Path) -> CatscanError:
    """The block for a mistake of YAML's grammar."""
    mark = error.problem_mark or error.context_mark
    lines = text.rstrip().splitlines()
    number = min(mark.line, len(lines) - 1) if mark else 0
    # The end of the file only tells that something is still open: where it was opened is what a person looks for.
    if mark and mark.index >= len(text.rstrip()) and error.context_mark:
        number = min(error.context_mark.line, number)
    line = lines[number]
    tab = "\t" in line[: len(line) - len(line.lstrip())]
    return CatscanError(
        "A config file is no YAML.",
        where=f"{path}, line {number + 1}",
        found=f"{line.strip()[:80]}\n({', '.join(filter(None, (error.context, error.problem)))})",
        do="Indent by spaces, not by tabs."
        if tab
        else "Look there and one line above: a bracket or a quote not closed, a colon without a space after it,\n"
        'a text that needs quotes, as the pattern "{label}/{id}.jpg" does, or keys of one block not in one column.',
    )


def _kind_of(value: Any) -> str:
    if isinstance(value, list):
        return "list"
    return "text" if isinstance(value, str) else "single value"
