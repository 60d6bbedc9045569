"""Writes the catalogue of mistakes into docs/mistakes.md.

python -m backlit.sources.catalogue_page docs/mistakes.md
"""

from __future__ import annotations

import functools
import sys
from pathlib import Path

from backlit.check.catalogue_page import with_catalogue
from backlit.check.examples import TINY
from backlit.check.graph import StepGraph
from backlit.sources.explaining import explain


@functools.cache
def example_graph(name: str) -> StepGraph:
    """Give the step of a tiny network of the catalogue, or of a classic example such as "two-layer"."""
    return StepGraph([TINY[name]() if name in TINY else explain(name).step])


if __name__ == "__main__":
    page = Path(sys.argv[1])
    page.write_text(with_catalogue(page.read_text(encoding="utf-8"), example_graph), encoding="utf-8")
