"""The parts of the page. `PANELS` has their classes in the order in which they stand on the page."""

from __future__ import annotations

from backlit.page.panels.bar import BarPanel
from backlit.page.panels.boundary import BoundaryPanel
from backlit.page.panels.curves import CurvesPanel
from backlit.page.panels.lesson import LessonPanel
from backlit.page.panels.predictions import PredictionsPanel
from backlit.page.panels.source import ColumnsPanel, SourcePanel
from backlit.page.session import Panel

PANELS: tuple[type[Panel], ...] = (
    SourcePanel, BarPanel, LessonPanel, PredictionsPanel, ColumnsPanel, CurvesPanel, BoundaryPanel,
)  # fmt: skip

__all__ = ["PANELS"]
