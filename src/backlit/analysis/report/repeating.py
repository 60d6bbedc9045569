"""How to repeat a report: the command or the call, versions, seed."""

from __future__ import annotations

import contextlib
import platform
from importlib.metadata import PackageNotFoundError, version

from backlit.analysis.report.records import Repeat
from backlit.model import FitReport

PACKAGES = ("backlit", "numpy", "numba", "scikit-learn")


def repeat_of(report: FitReport | None, command: str, *, private: bool) -> Repeat:
    """Say how to repeat the training of `report` and its report; `command` is what was typed or called."""
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):  # Numba may be missing: all runs plain then
            versions[package] = version(package)
    digest = report.table_digest if report else None
    return Repeat(command, versions, report.recipe.seed if report else None, "" if private else digest or "")
