"""`backlit demo`: the classic worked examples."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from backlit.cli.options import Whole, check_output, unwrapped
from backlit.cli.plugins import run_plugins
from backlit.cli.streams import print_document
from backlit.errors import BacklitError

if TYPE_CHECKING:
    from backlit.show.demo.demo import Demo, DemoList


@unwrapped
def demo(
    name: str | None = None,
    *,
    epochs: Whole | None = None,
    plain: Annotated[bool, Parameter(negative="")] = False,
    plugin: Annotated[list[Path] | None, Parameter(negative="")] = None,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Run a classic worked example; without a name, list them.

    Shows the network, its weights, the error and the accuracy over the epochs, predictions beside targets, the regions
    of the classes over two inputs, and published figures beside ours.

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
    output
        The file to write to, instead of the terminal: OUT.html (a page with pictures that opens offline), OUT.txt or
        OUT.json.
    json
        Give everything as JSON.
    """
    from backlit.show.demo import demo as shown
    from backlit.sources import demo as run_demo

    run_plugins(plugin or ())
    if output is not None:
        if name is None:
            raise BacklitError("--output writes one demo; name it too, such as: backlit demo xor -o xor.html")
        check_output(output, shown.FORMS)
    found = run_demo(name, epochs=epochs, compiled=not plain)
    if output is not None and isinstance(found, shown.Demo):
        found.save(output)
        if not json:
            print(f"Demo written to {output}.")
            return
    if json:
        print_document(found.to_json())
    else:
        _print(found)


def _print(found: Demo | DemoList) -> None:
    from rich.console import Console

    from backlit.show.demo.text import WIDTH, printed

    console = Console(highlight=False)
    console.width = min(console.width, WIDTH)
    for part in printed(found if isinstance(found, tuple) else found.run, console.width):
        console.print(part)
