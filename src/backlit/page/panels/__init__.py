"""The parts of the page. `PANELS` has their classes in the order in which they stand on the page."""

from __future__ import annotations

from backlit.page.panels.bar import BarPanel
from backlit.page.panels.curves import CurvesPanel
from backlit.page.panels.descent import DescentPanel
from backlit.page.panels.findings import FindingsPanel
from backlit.page.panels.health import HealthPanel
from backlit.page.panels.lesson import LessonPanel
from backlit.page.session import Panel

PANELS: tuple[type[Panel], ...] = (BarPanel, LessonPanel, CurvesPanel, DescentPanel, FindingsPanel, HealthPanel)

__all__ = ["PANELS"]
