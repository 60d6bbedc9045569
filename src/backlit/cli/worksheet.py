"""`backlit worksheet`: a class's sheets to work out by hand, each with its own numbers, and keys."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from backlit.cli.options import Whole, unwrapped

Gaps = Literal["final", "lines", "all"]
Kind = Literal["convolution", "recurrent"]
Form = Literal["html", "md", "latex"]


@unwrapped
def worksheet(
    *,
    network: str | None = None,
    level: Whole | None = None,
    kind: Kind | None = None,
    students: Path | None = None,
    count: Whole | None = None,
    seed: Whole = 0,
    gaps: Gaps = "lines",
    digits: Whole | None = None,
    form: Annotated[tuple[Form, ...], Parameter(name="--format", negative="", consume_multiple=True)] = ("html",),
    output: Annotated[Path, Parameter(name=["--output", "-o"])] = Path("worksheets"),
) -> None:
    """Make sheets of one training step to work out by hand: a sheet per student with own numbers, and a key.

    The folder has NAME.csv to be filled in and handed back, sheets/ and all-sheets.html to print, and key/ with all
    results and the network files. `backlit check FOLDER` marks what is handed back.

    Parameters
    ----------
    network
        An example's name or a network file (.toml), whose weights, biases and inputs are drawn anew for each sheet;
        targets, and pictures and sequences of whole numbers, stay. Of many rows the first are taken.
    level
        1 one neuron, 2 one hidden layer, 3 softmax and cross-entropy, 4 momentum, 5 a batch of two rows, 6 a small
        convolution or two time steps; 2 where no network is given.
    kind
        The network of level 6; by default an even seed has a convolution, an odd one a recurrent unit.
    students
        A file with a column of names, as a spreadsheet saves it (CSV), or a name per line.
    count
        Instead, so many sheets without names; 1 by default.
    seed
        The same seed gives the same sheets: a student's numbers depend on it and on the name.
    gaps
        final: only the outputs, the error and the new weights are blank; lines: each line's result; all: the formulas
        too.
    digits
        Places behind the point to work with; by default so many that all mistakes can be told apart, 4 or 5.
    form
        html (to print), md (Markdown), latex; several with spaces between them.
    output
        The folder to write to.
    """
    from backlit.sources import worksheet as make

    given: dict[str, Any] = {"level": level, "kind": kind, "students": students, "count": count, "digits": digits}
    sheets = make(network, seed=seed, gaps=gaps, **{name: value for name, value in given.items() if value is not None})
    folder = sheets.save(output, formats=form)
    for line in sheets.written(folder, form):
        print(line)
