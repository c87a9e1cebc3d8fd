"""Have Snakemake remember what it finds anew each time, which is most of what a plan of many shards costs.

A model's five trainings see the same shards, and each asks which rule makes each of them; which parameters a function
has is asked for each job that calls it; a job's command is put together three times to be printed once. None of it
changes within a plan.
"""

from __future__ import annotations

from functools import wraps
from typing import Any
from weakref import WeakKeyDictionary


def use() -> None:
    """Have it ask once, in this process."""
    from snakemake import common, rules
    from snakemake.jobs import Job
    from snakemake.output_index import OutputIndex

    if hasattr(OutputIndex.match_producers, "__wrapped__"):
        return  # the workflow is read again for some jobs
    find, parameters_of, command_of = OutputIndex.match_producers, common.get_function_params, Job.shellcmd.fget

    @wraps(find)
    def makers(self: Any, file: str) -> Any:
        known = vars(self).setdefault("known_makers", {})  # an index is made anew when the rules change
        if file not in known:
            known[file] = find(self, file)
        return known[file]

    functions: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()

    def parameters(function: Any) -> Any:
        if function not in functions:
            functions[function] = parameters_of(function)
        return functions[function]

    def command(self: Any) -> Any:
        resources, text = vars(self).get("known_command", (None, None))
        if resources is None or resources is not self.resources:  # another attempt has other resources
            text = command_of(self)
            self.known_command = self.resources, text
        return text

    OutputIndex.match_producers = makers
    common.get_function_params = rules.get_function_params = parameters
    Job.shellcmd = property(command)
