"""Machine code from LLVM's assembly, made in the process that runs it: no compiler, no cache folder."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

_alive: list[Any] = []  # machine code lives as long as its engine


def compiled(assembly: str, name: str, arguments: Sequence[Any]) -> Callable[..., None]:
    """The function ``name`` of ``assembly``, optimised for this processor.

    Parameters
    ----------
    assembly
        A module in LLVM's assembly.
    name
        Its function, which returns nothing.
    arguments
        The ctypes type of each argument.

    Returns
    -------
    callable
        It runs without the interpreter's lock.

    Raises
    ------
    ImportError, OSError, RuntimeError
        Where LLVM is missing or makes no machine code.
    """
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=3
    )
    module = llvm.parse_assembly(assembly)
    module.verify()
    tuning = llvm.create_pipeline_tuning_options(speed_level=3)
    tuning.loop_vectorization = True
    passes = llvm.create_pass_builder(machine, tuning)
    passes.getModulePassManager().run(module, passes)
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    _alive.append(engine)
    return ctypes.CFUNCTYPE(None, *arguments)(engine.get_function_address(name))
