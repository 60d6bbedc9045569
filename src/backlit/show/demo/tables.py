"""The parts of a demo as tables of text, which the terminal and a notebook show alike: one function for each part."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from backlit.errors import counted
from backlit.examples import ComputedFigure, Figure, SetupRun

MOST_PARAMETERS = 24
MOST_LINES = 9
"""Longer lists are cut, with a note."""
MOST_UNITS = 8
"""A layer of more units is not drawn."""
DIGITS = 7
"""Of the numbers of a lesson."""
NEVER = "never predicted: "
FOLDED = 3
"""Layers that come so often in a row are written once."""


class DemoTable(msgspec.Struct, frozen=True):
    """A table of a demo: the first `names` columns hold names, the others numbers; notes are below it."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    names: int = 1
    notes: tuple[str, ...] = ()


def facts(setup: SetupRun) -> list[tuple[str, str]]:
    """Give the network, the error and the settings of the training, each in a line."""
    sizes = [_inputs(setup), *folded([layer.summary for layer in setup.layers])]
    fixed = sum(not parameter.trained for parameter in setup.parameters)
    parameters = counted(len(setup.parameters), "parameter") + (f", {fixed} of them not trained" if fixed else "")
    settings = ", ".join(f"{name} {value:g}" for name, value in setup.optimizer.items() if name != "op" and value)
    batch = "all" if setup.batch_size == setup.rows else str(setup.batch_size)
    updates = f"{batch} in each update" if setup.rows > 1 else "one update per epoch"
    found = [
        ("Network", f"{' -> '.join(sizes)}; {parameters}"),
        ("Error", f"{setup.loss['op']}, {_reduction(setup)}"),
        ("Training", f"{setup.optimizer['op']} ({settings}); {counted(setup.rows, 'row')}, {updates}"),
    ]
    held_out = ((setup.validation_rows, "validation"), (setup.test_rows if setup.validation_rows else 0, "testing"))
    said = " and ".join(f"{counted(count, 'row')} for {what}" for count, what in held_out if count)
    return [*found, ("Held out", said)] if said else found


def _inputs(setup: SetupRun) -> str:
    """Count the inputs; of a picture or a sequence give its shape."""
    if len(setup.shape) > 1:
        return f"{' × '.join(map(str, setup.shape))} inputs"
    return counted(len(setup.inputs), "input")


def kept(setup: SetupRun) -> str:
    """Say which epoch's weights the network was given at the end, where these are not the last ones."""
    if setup.kept is None:
        return ""
    ended = f"{after(setup.epochs)} ({setup.stopped})"
    return (
        f"The training ended {ended}; the weights are those of epoch {setup.kept.epoch:,}, where the error was lowest."
    )


def folded(layers: Sequence[str]) -> list[str]:
    """Write layers that come three times or more, alone or in groups, once.

    >>> folded(["8 relu", "8 relu", "1 identity"]), folded(["8 relu"] * 5), folded(["8", "tanh"] * 3)
    (['8 relu', '8 relu', '1 identity'], ['5 x (8 relu)'], ['3 x (8 -> tanh)'])
    """
    found, k = list[str](), 0
    while k < len(layers):
        groups = ((size, _times(layers, k, size)) for size in (1, 2, 3))
        size, times = max(
            groups, key=lambda group: group[0] * group[1] if group[1] >= FOLDED else 0
        )  # the first of equals
        if times >= FOLDED:
            found.append(f"{times} x ({' -> '.join(layers[k : k + size])})")
            k += size * times
        else:
            found.append(layers[k])
            k += 1
    return found


def _times(layers: Sequence[str], start: int, size: int) -> int:
    """Count how often the group of so many layers that begins at a place comes in a row."""
    group, times = layers[start : start + size], 1
    while layers[start + times * size : start + (times + 1) * size] == group:
        times += 1
    return times


def _reduction(setup: SetupRun) -> str:
    words = {"sum": "summed over the rows", "mean": "mean over the rows", "mean_all": "mean over rows and outputs"}
    return (
        words[setup.loss["reduction"]] if setup.rows > 1 or setup.loss["reduction"] == "mean_all" else "of the one row"
    )


def drawn_units(setup: SetupRun) -> list[Sequence[str]]:
    """Give the names of the units column by column, or nothing where a layer is too large to be drawn."""
    columns: list[Sequence[str]] = [setup.inputs, *(layer.units for layer in setup.layers if layer.units)]
    return columns if max(map(len, columns)) <= MOST_UNITS else []


def parameters(setup: SetupRun) -> DemoTable | None:
    """List weights and biases before and after; None where they are too many."""
    if len(setup.parameters) > MOST_PARAMETERS:
        return None
    labelled = any(parameter.label for parameter in setup.parameters)
    rows = []
    for parameter in setup.parameters:
        end = number(parameter.after) if parameter.trained else "not trained"
        rows.append((parameter.name, *([parameter.label] if labelled else []), number(parameter.before), end))
    head = ("name", *(["label"] if labelled else []), "at the start", after(setup.end.epoch))
    return DemoTable("Weights and biases", head, tuple(rows))


def errors(setup: SetupRun) -> DemoTable:
    """List the errors, and accuracies where there are any, after 0, 1, 10, 100 ... epochs."""
    last = setup.errors[-1].epoch
    chosen = {0, last, *(10**k for k in range(len(str(last))))}  # all recorded
    listed = [at for at in setup.errors if at.epoch in chosen]
    columns = [("E", [number(at.error) for at in listed])]
    if setup.validation_rows:
        found = [at.validation_error for at in listed]
        columns.append(("E, validation", [number(error) for error in found if error is not None]))
    for said, shares_at in (
        ("accuracy", [at.accuracy for at in listed]),
        ("of validation rows", [at.validation_accuracy for at in listed]),
        ("of test rows", [at.test_accuracy for at in listed]),
    ):
        shares = [f"{share:.4f}" for share in shares_at if share is not None]
        columns += [(said, shares)] if len(shares) == len(listed) else []
    rows = tuple((f"{at.epoch:,}", *(values[k] for _, values in columns)) for k, at in enumerate(listed))
    title = "The error E and the accuracy" if setup.training_accuracy is not None else "The error E"
    return DemoTable(title, ("after epoch", *(head for head, _ in columns)), rows)


def evenly(points: Sequence[tuple[float, float]], count: int) -> list[float]:
    """Give the values at `count` evenly spaced epochs, each of the nearest recorded one."""
    end = points[-1][0]
    return [min(points, key=lambda point: abs(point[0] - end * k / (count - 1)))[1] for k in range(count)]


def predictions(setup: SetupRun) -> DemoTable:
    """List the outputs beside the targets; of a single neuron, its weighted sum too."""
    outputs = setup.outputs or next(layer.units for layer in reversed(setup.layers) if layer.units)
    alone = sum(bool(layer.units) for layer in setup.layers) == 1
    shown = setup.predictions[: max(1, MOST_LINES // len(outputs))]
    rows = []
    for row in shown:
        for k, output in enumerate(outputs):
            inputs = " ".join(f"{value:.4g}" for value in row.inputs) if k == 0 else ""
            target = f"{row.targets[k]:.4g}" + (f"  {output}" if len(outputs) > 1 else "")
            sums = [f"{round(row.sums[k], 4) + 0.0:.4f}"] if alone else []  # + 0.0: no minus before a zero
            rows.append((inputs, target, number(row.before[k]), number(row.after[k]), *sums))
    head = ("inputs", "target", "at the start", after(setup.end.epoch), *(["net"] if alone else []))
    notes = (f"the first {len(shown)} of {setup.rows} rows",) if len(shown) < setup.rows else ()
    return DemoTable("Predictions", head, tuple(rows), notes=notes)


def accuracies(setup: SetupRun) -> list[str]:
    """Give the accuracies where the rows are not all listed."""
    if setup.training_accuracy is None or setup.rows <= MOST_LINES:
        return []
    lines = [f"Training accuracy  {setup.training_accuracy:.9f} of {setup.rows} rows"]
    if setup.test_accuracy is not None:
        lines.append(f"Test accuracy      {setup.test_accuracy:.9f} of {setup.test_rows} rows")
    return lines


def class_counts(setup: SetupRun) -> DemoTable | None:
    """Give the counts per class behind the accuracy of the test rows; None where there are none."""
    if not accuracies(setup) or not setup.test_classes:
        return None
    rows = tuple((c.name, str(c.rows), str(c.predicted), str(c.right)) for c in setup.test_classes)
    never = [c.name for c in setup.test_classes if c.rows and not c.predicted]
    notes = (f"{NEVER}{', '.join(never)}",) if never else ()
    return DemoTable("Test rows by class", ("class", "rows", "predicted", "correct"), rows, notes=notes)


def figures(setup: SetupRun) -> list[DemoTable]:
    """Set the figures of the source beside ours, and then, by what gives them, those that no source prints."""
    tables = []
    if setup.figures:
        lines = [(figure, figure.published) for figure in setup.figures]
        tables.append(_beside_ours("Published figures", "published", lines))
    for origin in dict.fromkeys(figure.origin for figure in setup.computed):
        others = [(figure, figure.computed) for figure in setup.computed if figure.origin == origin]
        tables.append(_beside_ours(f"From {origin}", "computed", others))
    return tables


def _beside_ours(title: str, given: str, figures: Sequence[tuple[Figure | ComputedFigure, str]]) -> DemoTable:
    rows, notes = [], list[str]()
    for figure, value in figures:
        mark = verdict(figure)
        if figure.note and figure.equal is not None:
            if figure.note not in notes:
                notes.append(figure.note)
            mark += f" ({notes.index(figure.note) + 1})"
        quantity = f"{figure.quantity} = {figure.label}" if figure.label else figure.quantity
        ours = "not reached" if figure.ours is None else like(value, figure.ours)
        rows.append((f"{figure.after:,}", quantity, value, ours, mark))
    head = ("after", "quantity", given, "ours", "")
    return DemoTable(title, head, tuple(rows), 2, tuple(f"({k}) {note}" for k, note in enumerate(notes, 1)))


def verdict(figure: Figure | ComputedFigure) -> str:
    """Say whether a figure is ours: a figure of two digits cannot say more than that it is equal to two digits."""
    if figure.equal is None:
        return ""
    return f"{counted(figure.digits, 'digit')} equal" if figure.equal else "differs"


def race(runs: Sequence[SetupRun]) -> DemoTable:
    """Compare runs by their updates, times and errors."""
    rows = []
    for run in runs:
        updates = -(-run.rows // run.batch_size)
        times = time_text(run.seconds_per_epoch)
        rows.append((run.name, str(run.batch_size), str(updates), times, f"{run.errors[-1].error:.6f}"))
    return DemoTable("", ("run", "rows per update", "updates per epoch", "time per epoch", "E at the end"), tuple(rows))


def after(epochs: int) -> str:
    """Say after how many epochs."""
    return f"after {counted(epochs, 'epoch')}"


def number(value: float) -> str:
    """Write a number with nine decimals, a small one with nine digits; below 1e-12, which is rounding error, 0."""
    return f"{value:.9f}" if abs(value) >= 1e-3 else f"{value:.8e}" if abs(value) > 1e-12 else "0"


def plain(value: float | None) -> str:
    """Write a number with seven digits, and rounding errors around 0 as 0.

    >>> plain(-0.48312499), plain(4.0), plain(3e-17), plain(None)
    ('-0.483125', '4', '0', 'not finite')
    """
    if value is None:
        return "not finite"
    return "0" if abs(value) < 1e-12 else f"{value:.{DIGITS}g}"


def error_text(error: float | None) -> str:
    """Write an error with four digits, a large one as a whole number.

    >>> error_text(0.08750001), error_text(6765217.8), error_text(None)
    ('0.0875', '6,765,218', 'not finite')
    """
    if error is None:
        return "not finite"
    return f"{error:,.0f}" if 1e4 <= error < 1e12 else f"{error:.4g}"


def like(published: str, ours: float) -> str:
    """Write our number with one digit more than the published one has; with two where a 5 would not tell the rounding.

    >>> like("0.67", 0.6650736), like("0.56", 0.5523079), like("-0.17", -0.1650736), like("0.8", 0.75)
    ('0.6651', '0.552', '-0.1651', '0.75')
    """
    mantissa, _, exponent = published.partition("e")
    digits, form = len(mantissa.partition(".")[2]) + 1, "e" if exponent else "f"
    text = f"{ours:.{digits}{form}}"
    halfway = text.partition("e")[0].endswith("5") and float(text) != ours
    return f"{ours:.{digits + 1}{form}}" if halfway else text


def time_text(seconds: float) -> str:
    """Write a time in s, ms or µs."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} µs"
