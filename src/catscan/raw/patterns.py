"""Patterns with named fields, by which a config says where samples lie.

`train/{label}.{id}.jpg`, `train/{label}/{id}.png`, `stage1/{id}/*.dcm`, `train/{id}/{channel:FLAIR|T1w}/*.dcm`:
`{name}` matches within one folder or file name, `{name:this|that}` one of the named texts, `*` anything within one
name, `**` any folders.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from catscan.common.errors import CatscanError

TOKEN = re.compile(r"\{(?P<name>[A-Za-z_]\w*)(?::(?P<texts>[^{}/]+))?\}|(?P<folders>\*\*/?)|(?P<any>\*)")


@dataclass(frozen=True)
class Match:
    """What one path gives: its fields, and the part of it that is the sample (a scan's folder, or the whole path)."""

    fields: dict[str, str]
    sample_path: str


class Pattern:
    """One compiled pattern.

    Parameters
    ----------
    text
        The pattern as the config has it.
    key
        The config key, for errors.
    folders
        Whether a sample is a folder of files (a DICOM series) unless its fields reach into the file name.
    of_samples
        Whether each match is one sample, whose id the pattern must give.

    Raises
    ------
    CatscanError
        When the pattern is empty, has a stray brace, leaves the raw folder, or lacks the field `id`.
    """

    def __init__(self, text: str, *, key: str, folders: bool = False, of_samples: bool = True) -> None:
        self.text, self.key = text, key
        left = TOKEN.sub("", text)
        if not text or "{" in left or "}" in left or text.startswith("/") or ".." in text.split("/"):
            raise CatscanError(
                "A pattern cannot be understood.",
                where=f"config key {key}",
                found=repr(text),
                do="Write it relative to the raw folder, with fields in braces, such as train/{label}.{id}.jpg.",
            )
        self.fields = list(dict.fromkeys(found["name"] for found in TOKEN.finditer(text) if found["name"]))
        if of_samples and "id" not in self.fields:
            raise CatscanError(
                "A pattern does not say what the id of a sample is.",
                where=f"config key {key}",
                found=repr(text),
                do="Put {id} where the id stands, such as test/{id}.jpg.",
            )
        head, tail = _sample_part(text) if folders else (text, "")
        seen: set[str] = set()
        self._regex = re.compile(f"({_regex(head, seen)}){_regex(tail, seen)}")
        self._around = re.compile(f"{_regex(head, set())}(?:/.*)?")

    def match(self, path: str) -> Match | None:
        """The fields of ``path`` (with "/" as separator), or None when it does not match as a whole."""
        found = self._regex.fullmatch(path)
        return Match(found.groupdict(), found.group(1)) if found else None

    def covers(self, path: str) -> bool:
        """Whether ``path`` is a sample or lies in one, also a file that the sample's folder holds beside its own."""
        return self._around.fullmatch(path) is not None


def _sample_part(text: str) -> tuple[str, str]:
    """Cut a pattern after its last segment that is not a bare wildcard: stage1/{id} and /*.dcm."""
    segments = text.split("/")
    last = max((n for n, part in enumerate(segments) if "{" in part or "*" not in part), default=0)
    head = "/".join(segments[: last + 1])
    return head, text[len(head) :]


def _regex(text: str, seen: set[str]) -> str:
    """The regular expression of a piece of a pattern; ``seen`` holds the fields of the pieces before it."""
    parts, end = [], 0
    for token in TOKEN.finditer(text):
        parts.append(re.escape(text[end : token.start()]))
        end = token.end()
        name = token["name"]
        if name and name in seen:  # the same text again: {id}/{id}_left.png
            parts.append(f"(?P={name})")
        elif name:
            seen.add(name)
            texts = "|".join(map(re.escape, token["texts"].split("|"))) if token["texts"] else "[^/]+?"
            parts.append(f"(?P<{name}>{texts})")
        elif token["folders"]:
            parts.append("(?:.*/)?" if token["folders"].endswith("/") else ".*")
        else:
            parts.append("[^/]*")
    return "".join(parts) + re.escape(text[end:])
