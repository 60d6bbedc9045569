"""A column of category numbers, passed on as it is, for an embedding to look up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from backlit.data.messages import quoted
from backlit.data.values import RowError, as_numbers, is_number
from backlit.errors import BacklitError


class CategoryNumber(msgspec.Struct, frozen=True, tag="category_number"):
    """A whole number from 0 to `count` - 1 stays what it is: an embedding has a row of weights for each."""

    name: str
    count: int

    @property
    def outputs(self) -> tuple[str, ...]:
        """The name of the one output."""
        return (self.name,)

    def write(self, column: pa.ChunkedArray, out: NDArray[Any]) -> Iterator[Any]:
        """Fill `out` (rows, 1). Errors: a RowError for what is no whole number from 0 to `count` - 1."""
        values = as_numbers(column, self.name)
        with np.errstate(invalid="ignore"):
            fits = (values >= 0) & (values < self.count) & (values == np.floor(values))
        wrong = np.flatnonzero(~fits)
        if wrong.size:
            given = values[wrong[0]]
            said = "no value" if np.isnan(given) else f"{given:g}"
            whole = given >= self.count and given == np.floor(given)
            advice = f" An embedding of more categories has count = {int(np.nanmax(values)) + 1}." if whole else ""
            raise RowError(
                int(wrong[0]),
                f"the column {quoted(self.name)} holds {said}; the embedding that reads it expects whole numbers from "
                f"0 to {self.count - 1}.{advice}",
            )
        out[:, 0] = values
        return iter(())


def plan_category_number(name: str, column: pa.ChunkedArray, count: int) -> tuple[CategoryNumber, str, str]:
    """Give the plan of a column that an embedding of `count` categories reads, its kind and what is said of it.

    Errors: a BacklitError where the column holds no numbers, or others than whole ones from 0 to count - 1.
    """
    if not is_number(column.type):
        raise BacklitError(
            f"an embedding reads the column {quoted(name)}, which holds {column.type}; expected whole numbers from 0. "
            "Number its categories first, or leave the embedding out: of text, each category becomes a column."
        )
    plan = CategoryNumber(name, count)
    plan.write(column, np.empty((len(column), 1)))
    return plan, "category number", f"passed on as it is, a whole number from 0 to {count - 1}, for the embedding"
