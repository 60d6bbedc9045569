"""What is called after a training on a table, by packages that `model` does not import."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

look_at: list[Callable[[Any], tuple[Any, ...]]] = []
"""What looks at a `TableTraining` that has run for what may be wrong, and gives `Notice`s.

`backlit` fills it when it is imported, with a function that imports `diagnose` when it is first called.
"""
