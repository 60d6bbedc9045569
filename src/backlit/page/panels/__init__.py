"""The parts of the page. `PANELS` has their classes in the order in which they stand on the page."""

from __future__ import annotations

from backlit.page.panels.address import AddressPanel
from backlit.page.panels.bar import BarPanel
from backlit.page.panels.boundary import BoundaryPanel
from backlit.page.panels.build import BuildPanel
from backlit.page.panels.check import CheckedPanel, CheckPanel
from backlit.page.panels.curves import CurvesPanel
from backlit.page.panels.descent import DescentPanel
from backlit.page.panels.findings import FindingsPanel
from backlit.page.panels.health import HealthPanel
from backlit.page.panels.lesson import LessonPanel
from backlit.page.panels.network import NetworkPanel
from backlit.page.panels.predictions import PredictionsPanel
from backlit.page.panels.source import ColumnsPanel, SourcePanel
from backlit.page.panels.step import StepPanel
from backlit.page.panels.unit import UnitPanel
from backlit.page.panels.weight import WeightPanel
from backlit.page.session import Panel

PANELS: tuple[type[Panel], ...] = (
    SourcePanel, BarPanel, LessonPanel, NetworkPanel, UnitPanel, WeightPanel, StepPanel, CheckPanel, CheckedPanel,
    PredictionsPanel, ColumnsPanel, DescentPanel, FindingsPanel, HealthPanel, CurvesPanel, BoundaryPanel, BuildPanel,
    AddressPanel,
)  # fmt: skip

__all__ = ["PANELS"]
