"""The tasks: what is told about a sample."""

from __future__ import annotations

from typing import Annotated

from catscan.common.keys import one_of

ONE_CLASS = ("binary", "multiclass", "ordinal")  # a sample is of one class; of a multilabel task, of any number
TASKS = ("binary", "multiclass", "multilabel", "ordinal")
Task = Annotated[str, one_of(*TASKS)]
