"""How an op's function finds its arguments: by their names.

A name of the signature stands for an array of the instruction's row, for one of the op's settings or for a scalar of
the machine; the plain and the compiled kernel of an op are both made from that.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate

from backlit.engine.program.structs import Row
from backlit.errors import BacklitError
from backlit.ops.base import INSIDE, MACHINE_SCALARS, Layer, Op

ARENAS = {"buffer": "A", "work": "A", "parameter": "P", "state": "S", "constant": "C"}
"""In which vector of the memory an array lies; its gradient lies in the vector of the same name with a `d`."""


class Binding:
    """How an op's function finds its arguments: for each name an array of the row, a setting, or a machine's scalar.

    `kinds` says what each array is, `axes` how many axes a row of it has where that is not one; `inside` is the
    activation that the op applies itself.
    """

    def __init__(
        self, op: Op, kinds: Mapping[str, str], names: tuple[str, ...], axes: Mapping[str, int] | None = None
    ) -> None:
        self.op = op
        self.kinds = kinds
        self.arrays = tuple(name for name in names if self.kind(name))
        self.axes = tuple((axes or {}).get(name if name in kinds else name[1:], 1) for name in self.arrays)
        *columns, behind = accumulate((2 + axes for axes in self.axes), initial=int(Row.ARRAYS))
        self._columns = dict(zip(self.arrays, columns, strict=True))
        if behind > Row.WIDTH:
            raise BacklitError(
                f"{op.kind} {op.name!r}: its functions work on {len(self.arrays)} arrays ({', '.join(self.arrays)}); "
                f"expected at most {(Row.WIDTH - Row.ARRAYS) // 3} matrices. Join some of them."
            )
        self.settings = tuple(op.numbers())
        self.inside = op.inside() if isinstance(op, Layer) else None

    def kind(self, name: str) -> str | None:
        """Give the kind of array a name stands for, or None."""
        return self.kinds.get(name) or (self.kinds.get(name[1:]) if name[0] == "d" else None)

    def vector_of(self, name: str) -> str:
        """Give the flat vector an array lies in: P, dP, A, dA or S."""
        if name in self.kinds:
            return ARENAS[self.kinds[name]]
        return "d" + ARENAS[self.kinds[name[1:]]]

    def column(self, name: str) -> int:
        """Give the column of the instruction that holds an array's offset."""
        return self._columns[name]

    def sizes(self, name: str) -> range:
        """Give the columns of the instruction that hold the sizes of a row of an array, one for each axis."""
        first = self.column(name) + 2
        return range(first, first + self.axes[self.arrays.index(name)])

    def require(self, name: str, function: str) -> None:
        """Refuse an argument that nothing supplies."""
        known = {*self.arrays, *self.settings, *MACHINE_SCALARS, *(INSIDE if self.inside else ())}
        if name not in known:
            raise BacklitError(
                f"{self.op.kind} {self.op.name!r}: {function} asks for {name!r}, which is none of its arrays "
                f"({', '.join(self.kinds)}, or these with a leading d), its numeric settings "
                f"({', '.join(self.settings) or 'none'}) or the machine's scalars ({', '.join(MACHINE_SCALARS)})."
            )
