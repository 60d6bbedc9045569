"""The curves: loss and metrics over the epochs, of the training and the validation rows."""

from __future__ import annotations

from typing import ClassVar

from backlit.page.session import Panel, Part
from backlit.page.view import View
from backlit.show.charts.svg import figure_svg
from backlit.show.curves.figures import curve_figures


class CurvesPanel(Panel):
    """The curves of the training."""

    name: ClassVar[str] = "curves"

    def draw(self, view: View) -> Part:
        """Draw the curves."""
        if not view.curve.numbers:
            return Part("<p>The curve begins with the first epoch.</p>")
        return Part("".join(figure_svg(figure, standalone=False, titled=True) for figure in curve_figures(view.curve)))
