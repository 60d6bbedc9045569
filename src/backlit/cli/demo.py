"""`backlit demo`: the classic worked examples."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from backlit.cli.options import Whole
from backlit.cli.plugins import run_plugins
from backlit.cli.streams import print_document


def demo(
    name: str | None = None,
    *,
    epochs: Whole | None = None,
    plain: Annotated[bool, Parameter(negative="")] = False,
    plugin: Annotated[list[Path] | None, Parameter(negative="")] = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Run a classic worked example; without a name, list them.

    Shows the network, its weights, the error falling, predictions beside targets, and published figures beside ours.

    Parameters
    ----------
    name
        An example, or the path of a network file (.toml) of your own.
    epochs
        How many passes over the rows, instead of the example's own number.
    plain
        Run the maths as plain NumPy Python instead of compiled: the same numbers, slower.
    plugin
        A Python file to run first, for a network file with ops of your own.
    json
        Give everything as JSON.
    """
    from rich.console import Console

    from backlit.examples import examples, run_example
    from backlit.show.demo_text import WIDTH, demo_parts, list_parts

    run_plugins(plugin or ())
    found = examples() if name is None else run_example(name, epochs=epochs, compiled=not plain)
    if json:
        print_document(msgspec.json.encode(found))
        return
    console = Console(highlight=False)
    console.width = min(console.width, WIDTH)
    for part in list_parts(found) if isinstance(found, tuple) else demo_parts(found, console.width):
        console.print(part)
