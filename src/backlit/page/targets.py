"""The targets of classes as a loss takes them: class numbers, or a number of 0 or 1 for each class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from backlit.kernels.types import Array
from backlit.ops.registry import losses
from backlit.page.design import Design
from backlit.page.sources import Source


def targets_for(source: Source, design: Design) -> Source:
    """Give the source with its classes' targets as the design's loss takes them; itself where they are so already.

    A loss that compares numbers, such as the squared error, has a target of 0 or 1 for each output where there are as
    many outputs as classes.
    """
    count = len(source.classes)
    if not count or source.Y.ndim > 2:
        return source
    wanted = _wanted(design, count)
    if wanted == _columns(source.Y):
        return source
    validation: Any = source.validation
    if validation is not None:
        validation = (validation[0], _as_columns(validation[1], wanted, count), *validation[2:])
    return msgspec.structs.replace(source, Y=_as_columns(source.Y, wanted, count), validation=validation)


def _wanted(design: Design, count: int) -> int:
    """Give how many numbers a target has: one for each class, or the class's own."""
    loss: Any = design.network.get("loss", "half_squared_error")
    name = loss.get("op") if isinstance(loss, Mapping) else loss
    layers = design.network.get("layers")
    last = layers[-1] if isinstance(layers, (list, tuple)) and layers else {}
    units = last.get("units") if isinstance(last, Mapping) else None
    numbers = isinstance(name, str) and name in losses and not getattr(losses[name], "class_targets", False)
    return count if numbers and units == count and count > 1 else 1


def _columns(Y: Array) -> int:
    return Y.shape[1] if Y.ndim > 1 else 1


def _as_columns(Y: Array, wanted: int, count: int) -> Array:
    numbers = Y.argmax(axis=1) if _columns(Y) > 1 else Y.ravel()
    return np.eye(count)[numbers.astype(int)] if wanted > 1 else numbers.astype(float)
