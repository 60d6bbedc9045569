"""`backlit.diagnose`: what is wrong with a training, of a training that has run, or of one that is run for it."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from backlit.data import BUNDLED
from backlit.diagnose import diagnose as diagnosis_of
from backlit.diagnose.naming import TableNames
from backlit.diagnose.plan import Plan
from backlit.diagnose.repairing import repaired
from backlit.engine import Network, Training
from backlit.errors import BacklitError, collecting
from backlit.examples import NetworkFile, example_file, examples, read_network_file
from backlit.model import Progress, Settings, TableTraining
from backlit.show.diagnose.diagnosed import Diagnosed


class Case(NamedTuple):
    """A training that has run, the names of its inputs, and of a table's training the names in the table."""

    training: Training
    columns: Sequence[str] | None
    table: TableNames | None = None


def diagnose(
    source: Any, target: str | None = None, *, settings: Settings | None = None, fix: bool = False,
    compare: bool = True, columns: Sequence[str] | None = None,
) -> Diagnosed:  # fmt: skip
    """Say what is wrong with a training: what, where, by which number, and what to try; or that nothing is.

    The training is compared with references, networks that are trained on the same rows with standard settings. Where
    it is as good on the validation rows, nothing is wrong, and what is odd is only remarked. Where it is worse by more
    than chance, the findings say why, in the order of cause: the data, loss and output, first weights and activation,
    learning rate, capacity. Leaks, rows that stand on both sides of the split and shuffled labels are findings by
    themselves.

    Args:
        source: one of these:
            a `Training` that has run, best one with validation rows;
            a table, as `backlit.data.read_table` takes it: `fit_table`'s settings are chosen for it, and their network
            is trained on a part of the rows and validated on another; the test rows are left out, as there;
            the name of a classic example, or the path of a network file (.toml), whose first run is trained.
        target: the column to predict, of a table.
        settings: what is settled about the training on a table, as `fit_table` takes it.
        fix: train again with each remedy, one by one, from the same seed; `repaired` trains with those that helped.
        compare: False trains no references: the findings then say what is odd, not whether it does harm.
        columns: names of the inputs of a `Training`.

    Errors: a BacklitError for a source that is none of these, a training that has not run, one whose order of rows is a
    function of the caller's, and arguments that do not go with the source.

    >>> import backlit as bl
    >>> from backlit.model import Settings
    >>> diagnosis = bl.diagnose("iris", settings=Settings(layers=(16,), activation="relu", l2=0.01, rate=1e-6))
    >>> diagnosis.findings[0].code, diagnosis.record.compared.held_out
    ('BL401', True)
    """
    case = trained_case(source, target, settings, columns)
    return diagnosed(case, fix=fix, compare=compare)


def diagnosed(case: Case, *, fix: bool, compare: bool, tell: Callable[[str], None] = lambda _: None) -> Diagnosed:
    """Diagnose a training; `tell` is called with what is done next."""
    training = case.training
    record = diagnosis_of(training, fix=fix, compare=compare, columns=case.columns, table=case.table, tell=tell)
    return Diagnosed(record, partial(_repaired, training, record.kept))


def _repaired(training: Training, kept: Any) -> Any:
    return repaired(Plan.of(training), kept)


def trained_case(
    source: Any, target: str | None = None, settings: Settings | None = None, columns: Sequence[str] | None = None,
    run: Callable[[Iterator[Progress]], None] | None = None,
) -> Case:  # fmt: skip
    """Give a training that has run: the source itself, or one that is run, of a table by `run`."""
    if isinstance(source, Training):
        _refuse(source, "a training", target=target, settings=settings)
        return Case(source, columns)
    _refuse(source, "a source that is no training", columns=columns)
    if settings is not None and not isinstance(settings, Settings):
        raise BacklitError(
            f"settings is {type(settings).__name__}; expected backlit.model.Settings, as Settings(layers=(16,))."
        )
    if is_network_file(source):
        _refuse(source, "a network file", target=target, settings=settings)
        return _network_file_case(os.fspath(source))
    if isinstance(source, TableTraining):
        raise BacklitError("diagnose was given a TableTraining; give its table, its target and its settings instead.")
    if isinstance(source, Network) or hasattr(source, "fit"):
        raise BacklitError(_refusal(source))
    table = TableTraining(source, target, settings)
    with collecting([]):  # what it warns of is diagnosed
        deque(table.validated(), maxlen=0) if run is None else run(table.validated())
    return Case(table.training, table.encoder.feature_names, TableNames.of(table))


def is_network_file(source: Any) -> bool:
    """Tell whether a source is a network file's path, or a classic example's name."""
    if not isinstance(source, (str, os.PathLike)):
        return False
    name = os.fspath(source)
    if name in BUNDLED or name.endswith((".csv", ".parquet")):
        return False
    return name.endswith(".toml") or (not Path(name).exists() and name in {example.name for example in examples()})


def _network_file_case(source: str) -> Case:
    """Run the first run of a network file; its test rows, if it has any, validate."""
    file: NetworkFile = read_network_file(Path(source) if source.endswith(".toml") else example_file(source))
    setup = file.setups[0]
    held_out = setup.held_out()
    given: dict[str, Any] = {}
    if len(held_out[0]) and setup.rules().get("patience") is None:
        given = {"validation": held_out, "keep_best": False}  # which changes nothing of the training
    with collecting([]):  # what it warns of is diagnosed
        training = setup.training(setup.build(), **given).run()
    return Case(training, setup.names.inputs or None)


def _refuse(source: Any, what: str, **given: Any) -> None:
    """Refuse arguments that do not go with a source."""
    wrong = [name for name, value in given.items() if value is not None]
    if wrong:
        raise BacklitError(
            f"{' and '.join(wrong)} {'does' if len(wrong) == 1 else 'do'} not go with {what}: leave out."
        )


def _refusal(source: Any) -> str:
    """Say why a source cannot be diagnosed, and what to do instead."""
    name = type(source).__name__
    if isinstance(source, Network):
        return (
            "diagnose was given a Network, which does not say how it was trained; give the training: "
            "bl.diagnose(bl.Training(network, X, Y, validation=(X_val, Y_val)).run())."
        )
    return (
        f"diagnose was given {name}; an estimator does not keep its training. Diagnose a training on the same rows: "
        "bl.diagnose(bl.Training(network, X, Y, validation=(X_val, Y_val)).run()), or give the table."
    )
