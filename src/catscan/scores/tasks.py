"""The tasks: what is told about a sample."""

from __future__ import annotations

from typing import Annotated

from catscan.common.keys import one_of

ONE_CLASS = ("binary", "multiclass", "ordinal")  # a sample is of one class; of a multilabel task, of any number
OF_CLASSES = ("binary", "multiclass", "multilabel", "ordinal")
REGRESSION = "regression"  # an amount is told: its one column has the name of the target where others have classes
TASKS = (*OF_CLASSES, REGRESSION)  # the first is that of a config that names none
Task = Annotated[str, one_of(*TASKS)]
