"""`backlit explain`: one training step with every number of the chain rule."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from backlit.cli.options import Whole
from backlit.cli.streams import print_document

if TYPE_CHECKING:
    from backlit.examples import Setup

Format = Literal["text", "md", "latex", "html", "json"]
RULES = ("optimizer", "l1", "l2", "decay_biases", "clip_value", "clip_norm", "max_norm", "seed")
"""The keys of a network file's [training] that affect a single step."""
WIDEST = 120


def explain(
    source: str,
    *,
    data: Path | None = None,
    row: Annotated[tuple[Whole, ...], Parameter(negative="", consume_multiple=True)] = (),
    run: str | None = None,
    optimizer: str | None = None,
    rate: float | None = None,
    form: Annotated[Format, Parameter(name="--format")] = "text",
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    digits: Whole = 9,
    steps: Whole = 1,
    only: Annotated[tuple[str, ...], Parameter(negative="", consume_multiple=True)] = (),
    compare: Annotated[bool, Parameter(negative="")] = False,
    check: Annotated[bool, Parameter(negative="")] = False,
    names: Annotated[bool | None, Parameter(negative="--no-names")] = None,
) -> None:
    """Work one training step out: forward pass, error, backward pass and update, with every number.

    Parameters
    ----------
    source
        A classic example's name, a network file (.toml), or a model file together with --data.
    data
        The table whose rows a model file is explained on.
    row
        Which rows, counted from 1; all rows of a network file where none is given, the first of a table.
    run
        Which run of a network file that has several.
    optimizer
        The optimizer's name, instead of the file's own.
    rate
        The learning rate, instead of the file's own.
    form
        text, md (Markdown with formulas for GitHub and Jupyter), latex, html (one page to open offline) or json.
    output
        The file to write to, instead of the terminal.
    digits
        Places behind the point; a tie is rounded to the even digit (0.0625 at 3 is 0.062). Digits that float64 does not
        have are left out.
    steps
        Run so many steps and explain the last.
    only
        A phase (forward, error, backward, update), a layer ("layer 2"), a unit (h1), a weight ("w(i1,h1)") or another
        number with all it depends on; several of these by giving it again.
    compare
        End with the error and the weights before and after the step.
    check
        Put the slope by finite differences beside each gradient; at a kink, those of both sides.
    names
        Put the weights' names beside their values where the network is drawn, or leave them out; where neither is
        asked for, names that the network file gives are shown, such as w5.
    """
    from backlit.show.worked_example import explain as work_out

    network, X, Y, settings = _problem(source, data, row, run)
    settings |= _optimizer(settings.get("optimizer", "sgd"), optimizer, rate)
    scales = settings.pop("scales", None)
    if scales and hasattr(settings["optimizer"], "rate"):
        settings["rates"] = scales(steps) * settings["optimizer"].rate
    example = work_out(
        network, X, Y, **settings, digits=digits, steps=steps, only=only, compare=compare, check=check,
    )  # fmt: skip
    if output is None and form == "text":
        from rich.console import Console

        console = Console(highlight=False, soft_wrap=True)
        console.print(example.text(min(console.width, WIDEST), names=names))
        return
    forms = {"md": example.to_markdown, "latex": example.to_latex, "json": example.to_json}
    forms |= {"html": partial(example.to_html, names=names), "text": lambda: example.text(names=names).plain}
    text = forms[form]()
    if output is None:
        print_document(text)
    else:
        _write(output, text)


def _problem(
    source: str, data: Path | None, row: tuple[int, ...], run: str | None
) -> tuple[Any, Any, Any, dict[str, Any]]:
    """Give the network, the rows and the settings that the source and the options name."""
    if source.endswith((".safetensors", ".backlit")):
        return _model(source, data, row)
    from backlit.errors import BacklitError
    from backlit.examples import example_file, read_network_file

    if data is not None:
        raise BacklitError(f"--data goes with a model file; {source} has rows of its own.")
    file = read_network_file(source if source.endswith(".toml") else example_file(source))
    setup = file.setups[0] if run is None else file.setup(run)
    X, Y = setup.rows()
    chosen = _rows(row or tuple(range(1, len(X) + 1)), len(X), source)
    settings: dict[str, Any] = {"inputs": setup.names.inputs, "units": setup.names.units, "labels": _labels(setup)}
    settings |= _rules(setup) | {"rows": [str(k + 1) for k in chosen]}
    return setup.build(), X[chosen], Y[chosen], settings


def _rules(setup: Setup) -> dict[str, Any]:
    """Give the settings of a network file's [training] that affect a single step."""
    from backlit.errors import BacklitError

    rules = setup.rules()
    if rules.get("penalty_per_batch"):
        raise BacklitError("explain does not support penalty_per_batch: take it out of [training].")
    scheduled = getattr(rules.get("schedule"), "name", "constant") != "constant"
    scales = {"scales": partial(_scales, setup)} if scheduled else {}
    return {"optimizer": "adam"} | scales | {name: rules[name] for name in RULES if name in rules}


def _scales(setup: Setup, steps: int) -> Any:
    """Give the factors (steps,) by which the file's schedule multiplies the learning rate in the first steps."""
    import numpy as np

    from backlit.errors import BacklitError

    training = setup.training(setup.build(), compiled=False)
    batches = -(-len(training.X) // training.batch_size)
    if training.schedule.needs_loss and steps > batches:
        raise BacklitError(
            f"the schedule {training.schedule.name!r} needs the errors of whole epochs, which explain does not run: "
            f"expected --steps of at most {batches}, those of the first epoch; or take the schedule out of [training]."
        )
    return training.schedule.scale(np.arange(steps), batches, training.epochs * batches)


def _labels(setup: Setup) -> dict[str, str]:
    """Give the file's own names of weights and biases by their usual names, without those that are given twice."""
    import numpy as np

    network = setup.build()
    labels = {
        setup.names.parameter(array, *index): setup.names.own_label(array, *index)
        for array in network for index in np.ndindex(network[array].shape)
    }  # fmt: skip
    count = Counter(labels.values())
    return {name: label for name, label in labels.items() if label and count[label] == 1}


def _model(source: str, data: Path | None, row: tuple[int, ...]) -> tuple[Any, Any, Any, dict[str, Any]]:
    """Give a model file's network with rows of a table, encoded as in its training."""
    from backlit.errors import BacklitError
    from backlit.model import TabularModel, load

    model = load(source)
    if data is None:
        raise BacklitError(f"{source} is a model file: give the rows to explain it on with --data FILE and --row N.")
    if not isinstance(model, TabularModel):
        raise BacklitError(f"{source} holds a network without the columns of a table: use backlit.explain in Python.")
    table = model.read(str(data)).drop_missing(model.target)
    chosen = _rows(row or (1,), table.n_rows, str(data))
    rows = table.take(chosen)
    X, Y = model.encoder.encode(rows).X, model.encoder.encode_target(rows)
    names: dict[str, Any] = {"inputs": model.encoder.feature_names, "rows": [str(k + 1) for k in chosen]}
    if model.encoder.classes is not None:
        names["outputs"] = [str(name) for name in model.encoder.classes]
    return model.network, X, Y, names


def _rows(row: tuple[int, ...], count: int, source: str) -> list[int]:
    from backlit.errors import BacklitError

    for number in row:
        if not 1 <= number <= count:
            raise BacklitError(f"--row is {number}; {source} has rows 1 to {count}.")
    return [number - 1 for number in row]


def _optimizer(given: Any, name: str | None, rate: float | None) -> dict[str, Any]:
    """Give the optimizer: that of the options, or the file's, with the rate of the options."""
    import msgspec

    from backlit.ops.registry import optimizers

    chosen = optimizers.make(given if name is None else name)
    return {"optimizer": chosen if rate is None else msgspec.structs.replace(chosen, rate=rate)}


def _write(path: Path, text: str) -> None:
    from backlit.errors import BacklitError

    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BacklitError(f"cannot write {path}: {error.strerror}.") from None
