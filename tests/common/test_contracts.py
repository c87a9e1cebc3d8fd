"""Every file between the stages: what is written is what is read, and one that does not fit is one block."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from factories import (
    EXPLANATION,
    FEATURES_SIDECAR,
    FINDINGS,
    GALLERIES,
    MANIFEST,
    MODEL,
    SIDECAR,
    check_of,
    metrics_of,
    summary_of,
)

from catscan.common import contracts
from catscan.common.documents import Document
from catscan.common.errors import CatscanError

DOCUMENTS: dict[str, Document] = {
    "manifest.json": MANIFEST,
    "index.json": summary_of(),
    "train-1-of-2.json": SIDECAR,
    "train-1-of-2 of features.json": FEATURES_SIDECAR,
    "model.json": MODEL,
    "metrics.json": metrics_of(),
    "galleries.json": GALLERIES,
    "findings.json": FINDINGS,
    "submission.json": check_of(),
    "explanation.json": EXPLANATION,
}
ANYTHING = ("network",)  # a text or a list of layers, which `find` checks
KEYS = [
    (name, field.name)
    for name, document in DOCUMENTS.items()
    for field in fields(document)  # type: ignore[arg-type]
    if field.name not in ANYTHING
]
VERSION = re.compile(r'"version": \d+')
EDITS: dict[str, Callable[[str], str]] = {
    "no JSON": lambda text: text[:-3],
    "a list": lambda text: f"[{text}]",
    "another version": lambda text: VERSION.sub('"version": 99', text),
    "no version": lambda text: VERSION.sub('"of_old": 1', text),
    "an unknown key": lambda text: VERSION.sub(r'\g<0>, "unheard_of": 1', text),
}


def block_of(document: Document, path: Path, text: str) -> CatscanError:
    path.write_text(text)
    with pytest.raises(CatscanError) as caught:
        document.read(path)
    return caught.value


def descendants(form: type) -> set[type]:
    """The subclasses of a class, and theirs."""
    return {one for child in form.__subclasses__() for one in (child, *descendants(child))}


def test_every_form_of_a_file_between_the_stages_is_tried() -> None:
    for module in pkgutil.iter_modules(contracts.__path__, f"{contracts.__name__}."):
        importlib.import_module(module.name)
    forms = {form for form in descendants(Document) if form.__module__.startswith("catscan.")}

    assert forms == {type(document) for document in DOCUMENTS.values()}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_what_is_written_is_what_is_read(tmp_path: Path, name: str) -> None:
    DOCUMENTS[name].write(tmp_path / name)

    assert type(DOCUMENTS[name]).read(tmp_path / name) == DOCUMENTS[name]


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_file_that_does_not_fit_is_one_block(tmp_path: Path, name: str, edit: str) -> None:
    DOCUMENTS[name].write(tmp_path / name)
    text = (tmp_path / name).read_text()

    told = block_of(DOCUMENTS[name], tmp_path / name, EDITS[edit](text))
    assert EDITS[edit](text) != text
    assert told.where.startswith(str(tmp_path / name))
    assert told.found
    assert "run again" in told.do


@pytest.mark.parametrize("value", [None, [[]]], ids=["missing", "of another type"])
@pytest.mark.parametrize(("name", "key"), KEYS)
def test_every_key_is_named_when_it_is_wrong(tmp_path: Path, name: str, key: str, value: Any) -> None:
    DOCUMENTS[name].write(tmp_path / name)
    values = json.loads((tmp_path / name).read_text())
    if value is None:
        del values[key]
    else:
        values[key] = value

    told = block_of(DOCUMENTS[name], tmp_path / name, json.dumps(values))
    assert told.where.startswith(f"{tmp_path / name}, key {key}")
    assert told.found
    assert "Undo what was edited" in told.do


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"positive": "owl"}, "positive is 'owl', which is none of the classes"),
        ({"prior": (1.0,)}, "counts and prior are not of the classes"),
        ({"counts": {"cat": 1}}, "counts and prior are not of the classes"),
    ],
)
def test_an_index_whose_classes_do_not_fit_is_one_block(tmp_path: Path, changes: dict[str, Any], found: str) -> None:
    with pytest.raises(ValueError, match=found):
        replace(summary_of(), **changes)

    summary_of().write(tmp_path / "index.json")
    values = json.loads((tmp_path / "index.json").read_text()) | changes
    assert block_of(summary_of(), tmp_path / "index.json", json.dumps(values)).found == found


def test_a_sidecar_whose_row_is_bad_too_is_one_block(tmp_path: Path) -> None:
    SIDECAR.write(tmp_path / "train-1-of-2.json")
    values = json.loads((tmp_path / "train-1-of-2.json").read_text())
    values["bad"][0]["sample_id"] = "2"

    told = block_of(SIDECAR, tmp_path / "train-1-of-2.json", json.dumps(values))
    assert told.found == "'2' stands in `ids` and in `bad`"


def test_a_sidecar_that_names_a_row_twice_is_one_block(tmp_path: Path) -> None:
    SIDECAR.write(tmp_path / "train-1-of-2.json")
    values = json.loads((tmp_path / "train-1-of-2.json").read_text()) | {"ids": ["1", "1"]}

    assert block_of(SIDECAR, tmp_path / "train-1-of-2.json", json.dumps(values)).found == "an id stands in `ids` twice"
