"""`backlit.demo`: a classic worked example, or a network file, run and shown."""

from __future__ import annotations

import os

import numpy as np

from backlit.analysis.descent import descent_lesson
from backlit.analysis.descent_records import DescentLesson
from backlit.engine import Network
from backlit.errors import BacklitError
from backlit.examples import ExampleRun, NetworkFile, Setup, SetupRun, Trained, examples, train_example
from backlit.show.demo import Demo, DemoList
from backlit.show.demo_records import DemoRun, DemoSetup


def demo(
    name: str | os.PathLike[str] | None = None, *, epochs: int | None = None, compiled: bool = True
) -> Demo | DemoList:
    """Run a classic worked example; without a name, list them.

    Shows the network, its weights, the error falling, predictions beside targets, and published figures beside ours.

    Args:
        name: an example, or the path of a network file (.toml) of your own.
        epochs: how many passes over the rows, instead of the example's own number.
        compiled: False runs the same maths as plain NumPy Python.

    Errors: a BacklitError for an unknown example or a file that does not fit.

    >>> import backlit as bl
    >>> [example.name for example in bl.demo()][:3]
    ['two-layer', 'one-output', 'linear']
    >>> print(bl.demo("linear", compiled=False))
    Two inputs, two hidden units, one output, all linear
    ...
    """
    if name is None:
        return DemoList(examples())
    if not isinstance(name, (str, os.PathLike)):
        raise BacklitError(
            f'demo was given {type(name).__name__}; expected an example\'s name, such as "xor", or the path of a '
            "network file. Of a Network, explain(network, X, Y) shows a step, and Training(network, X, Y) trains it."
        )
    return Demo(_demo_run(train_example(os.fspath(name), epochs=epochs, compiled=compiled), epochs))


def _demo_run(trained: Trained, epochs: int | None) -> DemoRun:
    """Add to a run what its pictures need."""
    run, file = trained.run, trained.file
    setups = tuple(_demo_setup(*one) for one in zip(run.runs, file.setups, trained.networks, strict=True))
    lesson = None if file.valley is None else _lesson(file, epochs)
    given = {name: getattr(run, name) for name in ExampleRun.__struct_fields__}
    return DemoRun(**(given | {"runs": setups}), lesson=lesson, parts=file.valley.parts if file.valley else ())


def _demo_setup(run: SetupRun, setup: Setup, network: Network) -> DemoSetup:
    """Add the boundary of a network of two inputs whose targets are classes."""
    given = {name: getattr(run, name) for name in SetupRun.__struct_fields__}
    return DemoSetup(**given)


def _lesson(file: NetworkFile, epochs: int | None) -> DescentLesson:
    """Follow the file's runs down the valley, from their first weights."""
    table, overrides = file.valley, {} if epochs is None else {"epochs": epochs}
    trainings = {setup.name: setup.training(setup.build(), compiled=False, **overrides) for setup in file.setups}
    return descent_lesson(trainings, _weight_names(file.setups[0]), table.x_range, table.y_range)


def _weight_names(setup: Setup) -> tuple[str, str]:
    """Name the two trained weights as the file does, or as the textbooks."""
    network = setup.build()
    x, y = (
        setup.names.own_label(array, *index) or setup.names.parameter(array, *index)
        for array in network if array not in network.frozen
        for index in np.ndindex(network[array].shape)
    )  # fmt: skip
    return x, y
