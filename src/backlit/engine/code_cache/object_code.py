"""Turns LLVM's language into object code, and loads object code into memory."""

from __future__ import annotations

import functools
import re
from typing import Any

import msgspec

_running: list[Any] = []
"""LLVM's engines, which own the machine code in memory."""


class CompilerWarning(UserWarning):
    """Backlit's way to compile failed with the Numba or LLVM that is installed; Numba's ordinary way is taken."""


class Code(msgspec.Struct, frozen=True):
    """A function as machine code: the object file, its symbol in there, and what it takes from outside."""

    object_file: bytes
    symbol: str
    outside: tuple[str, ...]


@functools.cache
def processor() -> tuple[str, str]:
    """Give the processor's name and features, as LLVM writes them."""
    import llvmlite.binding as llvm  # noqa: PLC0415

    try:
        features = llvm.get_host_cpu_features().flatten()
    except RuntimeError:  # where LLVM cannot tell
        features = ""
    return llvm.get_host_cpu_name(), features


@functools.cache
def translator() -> Any:
    """Give LLVM's translator for this processor, set as Numba sets it."""
    import llvmlite.binding as llvm  # noqa: PLC0415

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    name, features = processor()
    target = llvm.Target.from_default_triple()
    reloc = "static" if target.name.startswith("x86") else "default"  # what LLVM's linker can do in memory
    return target.create_target_machine(
        cpu=name, features=features, opt=3, reloc=reloc, codemodel="jitdefault", jit=True
    )


def link(code: Code) -> int:
    """Bring an object file into memory and give the address of its function."""
    import llvmlite.binding as llvm  # noqa: PLC0415

    _unresolved(code)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), translator())
    engine.add_object_file(llvm.ObjectFileRef.from_data(code.object_file))
    engine.finalize_object()
    _running.append(engine)
    return int(engine.get_function_address(code.symbol))


def _unresolved(code: Code) -> bool:
    """Make known to the linker what code takes from outside; tell whether any of it is missing even so."""
    import llvmlite.binding as llvm  # noqa: PLC0415

    if any(llvm.address_of_symbol(name) is None for name in code.outside):
        from backlit.kernels.numba_private import target_context  # noqa: PLC0415

        # Numba's own functions become known to the linker, and its allocator is initialised, which a kernel may call.
        target_context().refresh()
        return any(llvm.address_of_symbol(name) is None for name in code.outside)
    return False


def linkable(code: Code) -> bool:
    """Tell whether code from a file can be linked; the linker ends the process at what is no object file."""
    import llvmlite.binding as llvm  # noqa: PLC0415

    if not code.object_file.startswith(_object_head()):
        return False
    parsed = llvm.ObjectFileRef.from_data(code.object_file)._as_parameter_  # a null pointer where LLVM cannot read it
    return bool(parsed) and not _unresolved(code)


@functools.cache
def _object_head() -> bytes:
    """Give how object files for this processor begin: in ELF up to the processor, in Mach-O up to the kind of file."""
    import llvmlite.binding as llvm  # noqa: PLC0415

    empty = bytes(translator().emit_object(llvm.parse_assembly("")))
    return empty[: 20 if empty.startswith(b"\x7fELF") else 16 if empty.startswith(b"\xcf\xfa\xed\xfe") else 2]


APART = re.compile(r"(?<== )\{ noinline \}")
"""The attribute by which Numba keeps a call from being inlined: that of a kernel by its wrapper for C."""


def code_of(text: str, symbol: str, optimized: bool = False) -> Code:
    """Translate a module in LLVM's language, one function of which is called from outside.

    All others become internal: those that were inlined go, and so do the paths on which one of them might have raised,
    unless the module is `optimized` already; and no two object files offer the linker the same function.
    """
    import llvmlite.binding as llvm  # noqa: PLC0415

    module = llvm.parse_assembly(text if optimized else APART.sub("{ alwaysinline }", text))
    for function in module.functions:
        if not function.is_declaration and function.name != symbol:
            function.linkage = "internal"
    if not optimized:
        _optimize(module)
    outside = [value.name for value in (*module.functions, *module.global_variables) if value.is_declaration]
    called = tuple(name for name in outside if not name.startswith("llvm."))
    return Code(bytes(translator().emit_object(module)), symbol, called)


def _optimize(module: Any) -> None:
    """Run LLVM's passes as Numba sets them: first on each function, before it is inlined, then on the whole."""
    import llvmlite.binding as llvm  # noqa: PLC0415

    options = llvm.create_pipeline_tuning_options(speed_level=3)
    options.loop_vectorization, options.slp_vectorization = True, False
    builder = llvm.create_pass_builder(translator(), options)
    alone = builder.getFunctionPassManager()
    for function in module.functions:
        if not function.is_declaration:
            alone.run(function, builder)
    together = builder.getModulePassManager()
    together.add_refprune_pass()
    for add in (together.add_ipsccp_pass, together.add_simplify_cfg_pass,
                together.add_global_dead_code_eliminate_pass, together.add_strip_dead_prototype_pass):  # fmt: skip
        add()
    together.run(module, builder)
