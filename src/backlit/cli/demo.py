"""`backlit demo`: the classic worked examples."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
from cyclopts import Parameter
from rich import box
from rich.console import Console
from rich.table import Table

from backlit.cli.options import Whole
from backlit.cli.plugins import run_plugins
from backlit.cli.streams import print_document
from backlit.show.text_charts import bars, network_drawing, plot

if TYPE_CHECKING:
    from backlit.examples import Example, ExampleRun, SetupRun

WIDTH = 80
MOST_PARAMETERS = 24
MOST_LINES = 9
"""Longer lists are cut, with a note."""
MOST_UNITS = 8
"""A layer of more units is not drawn."""


def demo(
    name: str | None = None,
    *,
    epochs: Annotated[Whole | None, Parameter(name=["--epochs", "--steps"])] = None,
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
    from backlit.examples import examples, run_example

    run_plugins(plugin or ())
    found = examples() if name is None else run_example(name, epochs=epochs, compiled=not plain)
    if json:
        print_document(msgspec.json.encode(found))
        return
    console = Console(highlight=False)
    console.width = min(console.width, WIDTH)
    if isinstance(found, tuple):
        _list(console, found)
    else:
        _show(console, found)


def _list(console: Console, found: Sequence[Example]) -> None:
    longest = max(len(example.name) for example in found)
    for example in found:
        console.print(f"[bold]{example.name:{longest}}[/bold]  {example.teaches}")
    console.print("\nRun one with its name, such as: backlit demo two-layer")


def _show(console: Console, run: ExampleRun) -> None:
    _head(console, run.title or run.name)
    for paragraph in (run.about, f"Source: {run.source}." if run.source else ""):
        _paragraphs(console, paragraph)
    for setup in run.runs:
        if setup.name:
            console.rule(setup.name, style="dim")
            _paragraphs(console, setup.about)
        _setup(console, setup, brief=run.race)
    if run.race:
        _race(console, run.runs)


def _setup(console: Console, setup: SetupRun, *, brief: bool) -> None:
    _network(console, setup)
    if not brief:
        _drawing(console, setup)
        _parameters(console, setup)
    _errors(console, setup)
    if not brief:
        _predictions(console, setup)
    _scores(console, setup)
    _figures(console, setup)


# ------------------------------------------------------------------------------------------------------------- sections


def _network(console: Console, setup: SetupRun) -> None:
    """Print the network, the error and the settings of the training."""
    sizes = [_count(len(setup.inputs), "input"), *(layer.summary for layer in setup.layers)]
    fixed = sum(not parameter.trained for parameter in setup.parameters)
    parameters = _count(len(setup.parameters), "parameter") + (f", {fixed} of them not trained" if fixed else "")
    console.print(f"Network   {' -> '.join(sizes)}; {parameters}")
    console.print(f"Error     {setup.loss['op']}, {_reduction(setup)}")
    settings = ", ".join(f"{name} {value:g}" for name, value in setup.optimizer.items() if name != "op" and value)
    batch = "all" if setup.batch_size == setup.rows else str(setup.batch_size)
    updates = f"{batch} in each update" if setup.rows > 1 else "one update per epoch"
    console.print(f"Training  {setup.optimizer['op']} ({settings}); {_count(setup.rows, 'row')}, {updates}\n")


def _drawing(console: Console, setup: SetupRun) -> None:
    """Draw the network where it is small."""
    columns = [setup.inputs, *(layer.units for layer in setup.layers if layer.units)]
    if max(map(len, columns)) <= MOST_UNITS:
        drawing = network_drawing(columns)
        if max(map(len, drawing)) < console.width - 2:
            console.print("\n".join("  " + line for line in drawing) + "\n", markup=False)


def _reduction(setup: SetupRun) -> str:
    words = {"sum": "summed over the rows", "mean": "mean over the rows", "mean_all": "mean over rows and outputs"}
    return (
        words[setup.loss["reduction"]] if setup.rows > 1 or setup.loss["reduction"] == "mean_all" else "of the one row"
    )


def _parameters(console: Console, setup: SetupRun) -> None:
    """List weights and biases before and after."""
    if len(setup.parameters) > MOST_PARAMETERS:
        console.print("Weights and biases  too many to list here; --json gives them all\n")
        return
    labelled = any(parameter.label for parameter in setup.parameters)
    table = _table("Weights and biases", "name", *(["label"] if labelled else []), "at the start", _after(setup.epochs))
    for parameter in setup.parameters:
        end = _number(parameter.after) if parameter.trained else "not trained"
        table.add_row(parameter.name, *([parameter.label] if labelled else []), _number(parameter.before), end)
    console.print(table)
    console.print()


def _errors(console: Console, setup: SetupRun) -> None:
    """List the error after 0, 1, 10, 100 ... epochs, and draw it."""
    last = setup.errors[-1].epoch
    chosen = {0, last, *(10**k for k in range(len(str(last))))}  # all recorded
    table = _table("The error E", "after epoch", "E")
    for at in setup.errors:
        if at.epoch in chosen:
            table.add_row(f"{at.epoch:,}", _number(at.error))
    console.print(table)
    even = _evenly([(float(at.epoch), at.error) for at in setup.errors], 60)
    if last > 1 and min(even) > 0:
        console.print(f"  {bars(even)}\n  E from epoch 0 to {last:,}; the height is its logarithm\n")
    else:
        console.print()


def _evenly(points: Sequence[tuple[float, float]], count: int) -> list[float]:
    """Give the values at `count` evenly spaced epochs, each of the nearest recorded one."""
    end = points[-1][0]
    return [min(points, key=lambda point: abs(point[0] - end * k / (count - 1)))[1] for k in range(count)]


def _predictions(console: Console, setup: SetupRun) -> None:
    """Print the outputs beside the targets; of a single neuron, its weighted sum too."""
    outputs = next(layer.units for layer in reversed(setup.layers) if layer.units)
    alone = sum(bool(layer.units) for layer in setup.layers) == 1
    table = _table("Predictions", "inputs", "target", "at the start", _after(setup.epochs), *(["net"] if alone else []))
    shown = setup.predictions[: max(1, MOST_LINES // len(outputs))]
    for row in shown:
        for k, output in enumerate(outputs):
            inputs = " ".join(f"{value:.4g}" for value in row.inputs) if k == 0 else ""
            target = f"{row.targets[k]:.4g}" + (f"  {output}" if len(outputs) > 1 else "")
            sums = [f"{round(row.sums[k], 4) + 0.0:.4f}"] if alone else []  # + 0.0: no minus before a zero
            table.add_row(inputs, target, _number(row.before[k]), _number(row.after[k]), *sums)
    console.print(table)
    if len(shown) < setup.rows:
        console.print(f"  the first {len(shown)} of {setup.rows} rows")
    console.print()


def _scores(console: Console, setup: SetupRun) -> None:
    """Print the accuracies, and the counts per class behind that of the test rows."""
    if setup.training_accuracy is None or setup.rows <= MOST_LINES:  # the rows are all listed
        return
    console.print(f"Training accuracy  {setup.training_accuracy:.9f} of {setup.rows} rows")
    if setup.test_accuracy is not None:
        console.print(f"Test accuracy      {setup.test_accuracy:.9f} of {setup.test_rows} rows")
    console.print()
    if not setup.test_classes:
        return
    table = _table("Test rows by class", "class", "rows", "predicted", "rightly")
    for count in setup.test_classes:
        table.add_row(count.name, str(count.rows), str(count.predicted), str(count.right))
    console.print(table)
    never = [count.name for count in setup.test_classes if count.rows and not count.predicted]
    if never:
        console.print(f"  never predicted: {', '.join(never)}", style="bold")
    console.print()


def _figures(console: Console, setup: SetupRun) -> None:
    """Print the published figures beside ours."""
    if not setup.figures:
        return
    table = _table("Published figures", "after", "quantity", "published", "ours", "", names=2)
    notes: list[str] = []
    for figure in setup.figures:
        mark = ""
        if figure.equal is not None:
            mark = "equal" if figure.equal else "differs"
        if figure.note and figure.equal is False:
            if figure.note not in notes:
                notes.append(figure.note)
            mark += f" ({notes.index(figure.note) + 1})"
        quantity = f"{figure.quantity} = {figure.label}" if figure.label else figure.quantity
        ours = "not reached" if figure.ours is None else _like(figure.published, figure.ours)
        table.add_row(f"{figure.after:,}", quantity, figure.published, ours, mark)
    console.print(table)
    for number, note in enumerate(notes, 1):
        console.print(
            textwrap.fill(f"({number}) {note}", console.width - 4, initial_indent="  ", subsequent_indent="      ")
        )
    console.print()


def _race(console: Console, runs: Sequence[SetupRun]) -> None:
    """Compare runs by epoch and by time."""
    console.rule("side by side", style="dim")
    table = _table("", "run", "rows per update", "updates per epoch", "time per epoch", "E at the end")
    for run in runs:
        updates = -(-run.rows // run.batch_size)
        table.add_row(
            run.name, str(run.batch_size), str(updates), _time(run.seconds_per_epoch), f"{run.errors[-1].error:.6f}"
        )
    console.print(table)
    if any(at.error <= 0 for run in runs for at in run.errors):
        return  # the drawing is logarithmic
    legend = ", ".join(f"{run.name[0]} {run.name}" for run in runs)
    epochs = {run.name: [(float(at.epoch), at.error) for at in run.errors] for run in runs}
    seconds = {run.name: [(at.seconds, at.error) for at in run.errors] for run in runs}
    shortest = min(curve[-1][0] for curve in seconds.values())
    _curves(console, f"E after each epoch, from 0 to {runs[0].epochs}: {legend}", plot(epochs))
    _curves(console, f"E over time, from 0 to {_time(shortest)}: {legend}", plot(seconds, right=shortest))


def _curves(console: Console, title: str, lines: Sequence[str]) -> None:
    console.print(f"\n{title}\n")
    console.print("\n".join(f"  {line}" for line in lines), markup=False)


# --------------------------------------------------------------------------------------------------------------- pieces


def _head(console: Console, text: str) -> None:
    console.print(text, style="bold", markup=False)
    console.print()


def _paragraphs(console: Console, text: str) -> None:
    for paragraph in text.strip().split("\n\n"):
        if paragraph:
            console.print(textwrap.fill(" ".join(paragraph.split()), console.width), markup=False)
            console.print()


def _table(title: str, *headings: str, names: int = 1) -> Table:
    """Make a table without rows: the first `names` columns hold names, the others numbers."""
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, show_edge=False)
    for k, heading in enumerate(headings):
        table.add_column(heading, justify="left" if k < names else "right")
    return table


def _after(epochs: int) -> str:
    return f"after {_count(epochs, 'epoch')}"


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _number(value: float) -> str:
    """Write a number with nine decimals, a small one with nine digits; below 1e-12, which is rounding error, 0."""
    return f"{value:.9f}" if abs(value) >= 1e-3 else f"{value:.8e}" if abs(value) > 1e-12 else "0"


def _like(published: str, ours: float) -> str:
    """Write our number with one digit more than the published one has."""
    mantissa, _, exponent = published.partition("e")
    digits = len(mantissa.partition(".")[2]) + 1
    return f"{ours:.{digits}e}" if exponent else f"{ours:.{digits}f}"


def _time(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} µs"
