"""The numbers of a lesson on a trouble of training: signals, diagnoses and answers of the runs of a network file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from backlit.diagnose import Diagnosis, diagnose
from backlit.diagnose.finding_tests import finding_tests
from backlit.engine import Network, Training, TrainingSignals
from backlit.errors import BacklitError
from backlit.examples import Setup, Trained
from backlit.examples.file_tables import ComparisonTable
from backlit.examples.measuring import baseline_error
from backlit.show.demo.records import Pairs, TroubleLesson, TroubleRun
from backlit.sources.trained_pictures import first_row_drawing, learned_filters, slope_through_time

PLACES = 161
"""Answers are computed at so many places of the input."""


def trouble_lesson(trained: Trained, table: ComparisonTable, epochs: int | None = None) -> TroubleLesson:
    """Give the numbers of a file's trouble; `epochs` were asked for instead of the file's own."""
    file = trained.file
    _check_codes(table.findings)
    found, first = [], file.setups[0].all_rows()
    alone = first.training[0].shape[1] == first.training[1].shape[1] == 1
    for setup, training in zip(file.setups, trained.trainings, strict=True):
        code = table.findings.get(setup.name, "")
        found.append(TroubleRun(
            setup.name, code, _diagnosis(training) if code else None, _signals(training),
            _answers(training, first.validation[0]) if alone else (), **_pictures(table, setup, training),
        ))  # fmt: skip
    rows = (_pairs(*first.training), _pairs(*first.validation)) if alone else ((), ())
    return TroubleLesson(table, tuple(found), baseline_error(file.setups[0]), *rows, epochs)


def _pictures(table: ComparisonTable, setup: Setup, training: Training) -> dict[str, Any]:
    """Give what the parts of a run draw of its network."""
    shown = {what for part in table.parts if not part.runs or setup.name in part.runs for what in part.shows}
    network, found = training.network, dict[str, Any]()
    if "filters" in shown:
        found["filters"] = learned_filters(network)
    if "maps" in shown:
        found["maps"] = first_row_drawing(setup, network)
    if "time" in shown:
        found["time"] = tuple(slope_through_time(setup, at, training.compiled) for at in (setup.build(), network))
    return found


def _check_codes(findings: Mapping[str, str]) -> None:
    """Refuse a code that no finding has."""
    known = [test.code for test in finding_tests()]
    for name, code in findings.items():
        if code not in known:
            raise BacklitError(
                f"trouble, findings, {name}: no finding has the code {code!r}; expected one of {', '.join(known)}."
            )


def _diagnosis(training: Training) -> Diagnosis | None:
    """Diagnose a run; a training without a single update has no diagnosis."""
    return diagnose(training) if training.step else None


def _signals(training: Training) -> TrainingSignals:
    """Give the signals of the layers that have weights from units to units, at all measured epochs that are kept."""
    record, network = training.signals.record(), training.network
    layers = {label: signals for label, signals in record.layers.items() if _has_matrix(network, label)}
    return msgspec.structs.replace(record, layers=layers)


def _has_matrix(network: Network, label: str) -> bool:
    return f"{label}.W" in network


def _answers(training: Training, validation: npt.NDArray[Any]) -> Pairs:
    """Give the network's answers over its one input, from the first to the last row's."""
    values = np.concatenate([training.X, validation])
    x = np.linspace(values.min(), values.max(), PLACES)[:, None]
    with np.errstate(all="ignore"):
        return _pairs(x, training.network.predict(x, compiled=training.compiled))


def _pairs(x: npt.NDArray[Any], y: npt.NDArray[Any]) -> Pairs:
    return tuple(zip(x[:, 0].tolist(), y[:, 0].tolist(), strict=True))
