"""Model out: the training of a model on a table, and networks and tabular models as files.

`fit_table`, or `TableTraining` epoch by epoch, reads a table by `backlit.data`, chooses a network by validation, trains
it and reports its scores on test rows. The result is a `TabularModel`, which predicts rows of other tables; `save` and
`load` keep it, or a network alone, in one file.

>>> from backlit.model import fit_table
>>> model, report = fit_table("iris")
>>> report.stopped[:5]
'after'
"""

from typing import TYPE_CHECKING

from backlit.lazy import lazily

if TYPE_CHECKING:
    from backlit.model.file import load, save
    from backlit.model.fitting import TableTraining, fit_table
    from backlit.model.recipe import Settings
    from backlit.model.reports import Evaluation, FitReport, Progress
    from backlit.model.tabular import TabularModel

_PLACES = {
    "Evaluation": "reports",
    "FitReport": "reports",
    "Progress": "reports",
    "Settings": "recipe",
    "TableTraining": "fitting",
    "TabularModel": "tabular",
    "fit_table": "fitting",
    "load": "file",
    "save": "file",
}

__all__ = [
    "Evaluation",
    "FitReport",
    "Progress",
    "Settings",
    "TableTraining",
    "TabularModel",
    "fit_table",
    "load",
    "save",
]

__getattr__ = lazily(__name__, _PLACES)
