"""`backlit.demo`: a classic worked example, or a network file, run and shown."""

from __future__ import annotations

import os
from importlib import import_module

import numpy as np

from backlit.analysis.boundary.records import Boundary
from backlit.analysis.valley.descent import descent_lesson
from backlit.analysis.valley.descent_records import DescentLesson
from backlit.engine import Network, Training
from backlit.errors import BacklitError
from backlit.examples import ExampleRun, NetworkFile, Setup, SetupRun, Trained, examples, train_example
from backlit.explain import Drawing
from backlit.show.demo.demo import Demo, DemoList
from backlit.show.demo.records import DemoRun, DemoSetup, TroubleLesson

LARGEST_DRAWN = 100
"""A network of more parameters has no drawing with numbers in a demo."""
POINTS = 51
"""Points of a boundary along each side."""


def demo(
    name: str | os.PathLike[str] | None = None, *, epochs: int | None = None, compiled: bool = True
) -> Demo | DemoList:
    """Run a classic worked example; without a name, list them.

    Shows the network, its weights, the curves of error and accuracy, predictions beside targets, the regions of the
    classes over two inputs, and published figures beside ours; of a network file with a valley, its lesson; of one with
    a trouble of training, the diagnosis and the cures side by side.

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
    given = {name: getattr(run, name) for name in ExampleRun.__struct_fields__}
    given["runs"] = tuple(
        _demo_setup(setup_run, setup, training)
        for setup_run, setup, training in zip(run.runs, file.setups, trained.trainings, strict=True)
    )
    parts = file.valley.parts if file.valley else ()
    return DemoRun(**given, lesson=_lesson(file, epochs), parts=parts, trouble=_trouble(trained, epochs))


def _trouble(trained: Trained, epochs: int | None) -> TroubleLesson | None:
    """Diagnose the runs of a file that have a trouble; None where the file has none."""
    if trained.file.trouble is None:
        return None
    troubles = import_module("backlit.sources.troubles")  # it loads the diagnosis, which other demos do without
    found: TroubleLesson = troubles.trouble_lesson(trained, trained.file.trouble, epochs)
    return found


def _demo_setup(run: SetupRun, setup: Setup, trained: Training) -> DemoSetup:
    """Add the boundary of a network of two inputs whose targets are classes; `trained` holds the trained network."""
    given = {name: getattr(run, name) for name in SetupRun.__struct_fields__}
    return DemoSetup(**given, boundary=_boundary(run, setup, trained), drawing=_drawing(setup, trained.network))


def _drawing(setup: Setup, network: Network) -> Drawing | None:
    """Draw the network at its first weights with the first row; None where it is a chain of dense layers or large."""
    if all(len(shape) == 1 for shape in network.graph.rows.values()) or network.parameters.size > LARGEST_DRAWN:
        return None
    pictures = import_module("backlit.sources.trained_pictures")  # it loads what explains a step
    found: Drawing = pictures.first_row_drawing(setup, setup.build())
    return found


def _boundary(run: SetupRun, setup: Setup, trained: Training) -> Boundary | None:
    """Give what a trained network says over its two inputs; None where it has others, or where it exploded."""
    if len(run.inputs) != 2 or run.training_accuracy is None:
        return None
    boundary = import_module(
        "backlit.analysis.boundary.boundary"
    ).boundary  # it loads Arrow, which other demos do without
    units = setup.names.units[0] or None
    try:
        found: Boundary = boundary(trained, kind="classes", points=POINTS, inputs=run.inputs, units=units)
    except BacklitError:  # predictions that are not finite: the run's errors and warnings say so
        return None
    return found


def _lesson(file: NetworkFile, epochs: int | None) -> DescentLesson | None:
    """Follow the file's runs down the valley, from their first weights."""
    if file.valley is None:
        return None
    overrides = {} if epochs is None else {"epochs": epochs}
    trainings = {setup.name: setup.training(setup.build(), compiled=False, **overrides) for setup in file.setups}
    return descent_lesson(trainings, _own_names(file.setups[0]), file.valley.x_range, file.valley.y_range)


def _own_names(setup: Setup) -> dict[str, str]:
    """Give the file's names of weights, or those that its units make, by their places in the arrays: 1.W[0,0]."""
    network, names = setup.build(), setup.names
    return {
        f"{array}[{','.join(map(str, index))}]": names.own_label(array, *index) or names.parameter(array, *index)
        for array in network for index in np.ndindex(network[array].shape)
    }  # fmt: skip
