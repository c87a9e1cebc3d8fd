"""What the kernels are written with: arrays, loops, and a function that becomes machine code in this process.

No compiler and no cache folder are needed.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir

BYTE, SHORT, WORD, LONG = (ir.IntType(bits) for bits in (8, 16, 32, 64))
FLOAT, DOUBLE = ir.FloatType(), ir.DoubleType()

_alive: list[Any] = []  # machine code lives as long as its engine


class Array:
    """An array in the machine code, by its address."""

    def __init__(self, code: ir.IRBuilder, pointer: ir.Value) -> None:
        self._code, self._pointer = code, pointer

    def _place(self, index: ir.Value, offset: ir.Value | None, kind: ir.Type) -> ir.Value:
        place = index if offset is None else self._code.add(index, offset, flags=("nsw",))
        return self._code.bitcast(self._code.gep(self._pointer, [place]), kind.as_pointer())

    def at(self, index: ir.Value, offset: ir.Value | None = None, *, count: int = 1) -> ir.Value:
        """What is ``index`` (plus ``offset``) from its start: a value, or a vector of ``count`` of them."""
        one = self._pointer.type.pointee
        kind = one if count == 1 else ir.VectorType(one, count)
        return self._code.load(self._place(index, offset, kind), align=_size(one))

    def put(self, value: ir.Value, index: ir.Value, offset: ir.Value | None = None) -> None:
        """Store a value or a vector ``index`` (plus ``offset``) from its start."""
        self._code.store(value, self._place(index, offset, value.type), align=_size(self._pointer.type.pointee))


def _size(kind: ir.Type) -> int:
    """The size of a number, bytes."""
    return {FLOAT: 4, DOUBLE: 8}[kind] if kind in (FLOAT, DOUBLE) else kind.width // 8


@contextmanager
def loop(code: ir.IRBuilder, start: ir.Value, end: ir.Value, step: int = 1) -> Iterator[ir.Value]:
    """`for index in range(start, end, step)` around what is written inside the block."""
    before, head, body, after = code.block, *(code.append_basic_block(name) for name in ("head", "body", "after"))
    code.branch(head)
    code.position_at_end(head)
    index = code.phi(LONG)
    index.add_incoming(start, before)
    code.cbranch(code.icmp_signed("<", index, end), body, after)
    code.position_at_end(body)
    yield index
    index.add_incoming(code.add(index, LONG(step), flags=("nsw",)), code.block)
    code.branch(head)
    code.position_at_end(after)


def compiled(
    name: str, arguments: Mapping[str, ir.Type], write: Callable[[ir.IRBuilder, SimpleNamespace], None]
) -> Callable[..., None]:
    """A function in machine code, optimised for this processor.

    Parameters
    ----------
    name
        Its name.
    arguments
        The name and type of each argument: 64 bits, or a pointer to an array that overlaps no other.
    write
        Writes its body with the builder; the arguments are the attributes of what it is given, arrays as `Array`.

    Returns
    -------
    callable
        It takes addresses and numbers, as integers, returns nothing, and runs without the interpreter's lock.

    Raises
    ------
    OSError, RuntimeError
        Where LLVM makes no machine code.
    """
    module = ir.Module(name)
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), list(arguments.values())), name)
    code = ir.IRBuilder(function.append_basic_block("entry"))
    given = SimpleNamespace()
    for argument, value in zip(arguments, function.args, strict=True):
        if value.type.is_pointer:
            value.add_attribute("noalias")
        setattr(given, argument, Array(code, value) if value.type.is_pointer else value)
    write(code, given)
    code.ret_void()
    kinds = [ctypes.c_void_p if kind.is_pointer else ctypes.c_int64 for kind in arguments.values()]
    return ctypes.CFUNCTYPE(None, *kinds)(_address(str(module), name))


def _address(assembly: str, name: str) -> int:
    """Where the machine code of a function begins."""
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
    address: int = engine.get_function_address(name)
    return address
