"""A network file's run as a problem: its network, its rows, its training."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from backlit.engine import TrainingSettings
from backlit.errors import BacklitError, counted
from backlit.examples import NetworkFile, Setup, example_file, read_network_file
from backlit.examples.file_tables import ComputedTable, PublishedTable
from backlit.sources.problem import Problem, chosen_rows, numbered_rows


def network_file_problem(source: str, run: str | None, row: Any, given: Mapping[str, Any]) -> Problem:
    """Give the problem of an example's name or a network file's path.

    `run` names one of several runs, `row` the rows that make a batch of their own; `given` are arguments of `Training`
    that differ from the file's.
    """
    file = read_network_file(Path(source) if source.endswith(".toml") else example_file(source))
    setup = file.setups[0] if run is None else _run(file, source, run)
    X, Y = setup.rows()
    rules = {**setup.rules(), **given}
    shown = {"inputs": setup.names.inputs, "units": setup.names.units, "labels": own_labels(setup),
             "figures": _figures(setup), "choosable": len(X) > 1}  # fmt: skip
    facts = _run_facts(file, setup)
    if setup.data is not None and setup.data.split is not None:
        facts.append(("row numbers", f"count the training rows of {setup.data.set}, in the order of the split"))
    if row is None:
        return Problem(setup.build(), X, Y, rules, rules.get("epochs"), shown | {"facts": facts})
    chosen = chosen_rows(row, len(X), source)
    if not chosen:
        raise BacklitError(f"row is empty; {source} has rows 1 to {len(X)}.")
    settings = {name: value for name, value in rules.items() if name in TrainingSettings.__struct_fields__}
    batch = TrainingSettings(**settings).batch_rows(len(X))
    if rules.get("sample_weight") is not None:
        rules["sample_weight"] = np.asarray(rules["sample_weight"])[chosen]
    facts += _row_facts(chosen, len(X), batch)
    shown |= {"rows": [str(place + 1) for place in chosen], "facts": facts}
    few = f"the file trains on {counted(batch, 'row')} at a time, and row names {len(chosen):,} for one"
    return Problem(
        setup.build(), X[chosen], Y[chosen], rules | {"batch_size": "full"}, rules.get("epochs"), shown,
        one_step=f"{few}: leave row out to see the file's own steps, or steps out." if len(chosen) > batch else "",
        one_batch="row chooses the rows of one step, and epoch shows the steps on all rows: leave one of them out.",
    )  # fmt: skip


def _run(file: NetworkFile, source: str, run: str) -> Setup:
    if len(file.setups) == 1 and not file.setups[0].name:
        raise BacklitError(f"run is {run!r}; {source} has one run, without a name: leave run out.")
    return file.setup(run)


def _run_facts(file: NetworkFile, setup: Setup) -> list[tuple[str, str]]:
    """Say which of several runs is shown, and how to choose another."""
    if len(file.setups) == 1:
        return []
    names = [other.name for other in file.setups]
    which = "the first" if setup is file.setups[0] else f"number {names.index(setup.name) + 1}"
    quoted = [f'"{name}"' if re.search(r"\W", name) else name for name in names]  # as a command line takes them
    return [("run", f"{setup.name}, {which} of {len(names)}; choose with --run (in Python, run=): {', '.join(quoted)}")]


def _row_facts(chosen: list[int], count: int, batch: int) -> list[tuple[str, str]]:
    """Say that rows were chosen, where the training would not take these together."""
    if chosen == list(range(count)) and batch == count:
        return []
    return [("chosen", f"{numbered_rows(chosen)} of {count:,} as one batch, as if the training had no other rows")]


def _figures(setup: Setup) -> dict[str, str]:
    """Give the quantities of the file's figures before the first update, by what the source calls them."""
    figures: tuple[PublishedTable | ComputedTable, ...] = (*setup.published, *setup.computed)
    return {
        figure.label: figure.quantity for figure in reversed(figures) if figure.label and not figure.after
    }  # the first of a name counts


def own_labels(setup: Setup) -> dict[str, str]:
    """Give the file's own names of weights and biases by their usual names, without those that are given twice."""
    if not any((*setup.names.weights, *setup.names.recurrent, *setup.names.biases)):
        return {}
    network = setup.build()
    labels = {
        setup.names.parameter(array, *index): setup.names.own_label(array, *index)
        for array in network for index in np.ndindex(network[array].shape)
    }  # fmt: skip
    count = Counter(labels.values())
    return {name: label for name, label in labels.items() if label and count[label] == 1}
