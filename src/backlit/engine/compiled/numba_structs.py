"""Numba's types of the machine's structs: two addresses, of integers and of floats.

A field is loaded where it is used. Numba passes a named tuple field by field, in some thousand instructions for those
of the machine, which LLVM then has to read.

Only the compiler's generated modules import this one, so that Backlit works without Numba.
"""

from __future__ import annotations

import itertools
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import infer_getattr, intrinsic, lower_getattr_generic, models, register_model

from backlit.engine.compiled.entry_points import fields_of, type_of
from backlit.kernels.numba_private import AttributeTemplate, cgutils
from backlit.kernels.types import Array

PARTS = [("integers", types.CPointer(types.int64)), ("floats", types.CPointer(types.float64))]


class StructType(types.Type):
    """Numba's type of a struct that `program/structs.py` declares, for networks of one type of number.

    `fields` has for each field its type, the part it lies in, and its place there.
    """

    def __init__(self, kind: Any, dtype: str) -> None:
        self.fields: dict[str, tuple[Any, str, int]] = {}
        places = {part: itertools.count() for part, _ in PARTS}
        for name, hint in fields_of(kind):
            part = "floats" if hint is float else "integers"
            number = types.float64 if hint is float else types.int64
            what = types.CPointer(getattr(types, type_of(name, dtype))) if hint == Array else number
            self.fields[name] = what, part, next(places[part])
        super().__init__(f"{kind.__name__}_{dtype}")


@register_model(StructType)
class _Model(models.StructModel):
    def __init__(self, manager: Any, struct: Any) -> None:
        super().__init__(manager, struct, PARTS)


@infer_getattr
class _Fields(AttributeTemplate):
    key = StructType

    def generic_resolve(self, struct: Any, name: str) -> Any:  # type: ignore[override]
        return struct.fields[name][0] if name in struct.fields else None


@lower_getattr_generic(StructType)  # type: ignore[untyped-decorator]
def _read(context: Any, builder: Any, struct: Any, value: Any, name: str) -> Any:
    what, part, place = struct.fields[name]
    parts = cgutils.create_struct_proxy(struct)(context, builder, value)
    number = builder.load(builder.gep(getattr(parts, part), [ir.IntType(32)(place)]))
    return builder.inttoptr(number, context.get_value_type(what)) if isinstance(what, types.CPointer) else number


@intrinsic
def struct_at(typingctx: Any, integers: Any, floats: Any, kind: Any) -> Any:
    """Give the struct of a kind whose fields lie at two addresses."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        parts = cgutils.create_struct_proxy(kind.instance_type)(context, builder)
        parts.integers, parts.floats, _ = args
        return parts._getvalue()

    return kind.instance_type(integers, floats, kind), codegen
