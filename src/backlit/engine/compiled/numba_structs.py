"""The machine's groups of vectors and numbers as compiled code sees them: by where they lie, not by what they hold.

Numba hands a named tuple over field by field, and writes some thousand instructions for those of the machine, which
LLVM then has to read. A group is two addresses, of integers and of floats, and a field is read where it is asked for.

Only the compiler's generated modules import this one, so that Backlit works without Numba.
"""

from __future__ import annotations

import itertools
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import AttributeTemplate
from numba.extending import infer_getattr, intrinsic, lower_getattr_generic, models, register_model

from backlit.engine.compiled.entry_points import fields_of, type_of
from backlit.kernels.types import Array

PARTS = [("integers", types.CPointer(types.int64)), ("floats", types.CPointer(types.float64))]


class Group(types.Type):
    """Numba's type of a group declared in `layout`, for networks of one type of number.

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


@register_model(Group)
class _Model(models.StructModel):
    def __init__(self, manager: Any, group: Any) -> None:
        super().__init__(manager, group, PARTS)


@infer_getattr
class _Fields(AttributeTemplate):
    key = Group

    def generic_resolve(self, group: Any, name: str) -> Any:  # type: ignore[override]
        return group.fields[name][0] if name in group.fields else None


@lower_getattr_generic(Group)  # type: ignore[untyped-decorator]
def _read(context: Any, builder: Any, group: Any, value: Any, name: str) -> Any:
    what, part, place = group.fields[name]
    parts = cgutils.create_struct_proxy(group)(context, builder, value)
    number = builder.load(builder.gep(getattr(parts, part), [ir.IntType(32)(place)]))
    return builder.inttoptr(number, context.get_value_type(what)) if isinstance(what, types.CPointer) else number


@intrinsic
def group(typingctx: Any, integers: Any, floats: Any, kind: Any) -> Any:
    """Give the group of a kind whose fields lie at two addresses."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        parts = cgutils.create_struct_proxy(kind.instance_type)(context, builder)
        parts.integers, parts.floats, _ = args
        return parts._getvalue()

    return kind.instance_type(integers, floats, kind), codegen
