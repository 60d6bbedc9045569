"""`backlit.demo`: a classic worked example, or a network file, run and shown."""

from __future__ import annotations

import os

from backlit.errors import BacklitError
from backlit.examples import examples, run_example
from backlit.show.demo import Demo, DemoList


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
    return Demo(run_example(os.fspath(name), epochs=epochs, compiled=compiled))
