"""A model file as a problem: its network at its final weights, rows of a table, the training that made it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backlit.data import cell_notes
from backlit.data.messages import listed, quoted
from backlit.engine import Network
from backlit.errors import BacklitError, counted
from backlit.model import FitReport, TabularModel, load
from backlit.model.recipe import optimizer
from backlit.ops.registry import optimizers
from backlit.sources.problem import Problem, chosen_rows, numbered_rows


def model_file_problem(source: str, X: Any, Y: Any, data: Any, row: Any, given: Mapping[str, Any]) -> Problem:
    """Give the problem of a model file with rows of a table, or of a bare network's file with rows X and Y."""
    model = load(source)
    if isinstance(model, TabularModel):
        if X is not None or Y is not None:
            raise BacklitError(f"{source} holds the model of a table: give the rows with data and row, not X and Y.")
        return model_problem(model, source, data, row, given)
    if data is not None or row is not None:
        raise BacklitError(
            f"{source} holds a network without the columns of a table: give its rows in Python, "
            "backlit.explain(file, X, Y)."
        )
    return network_problem(model, source, X, Y, given)


def network_problem(network: Network, source: str, X: Any, Y: Any, given: Mapping[str, Any]) -> Problem:
    """Give the problem of a bare network's file."""
    if X is None or Y is None:
        raise BacklitError(
            f"{source} holds a network without the columns of a table: give its rows in Python, "
            "backlit.explain(file, X, Y)."
        )
    facts = []
    if "optimizer" not in given:
        facts = [("training", "the file does not say how the network was trained: sgd, unless an optimizer is given")]
    rules = {"optimizer": "sgd", "batch_size": "full", **given}
    return Problem(network, X, Y, rules, rules.get("epochs"), {"facts": facts})


def model_problem(model: TabularModel, source: str, data: Any, row: Any, given: Mapping[str, Any]) -> Problem:
    """Give the problem of a table's model: the first step of its own training, begun anew at its final weights."""
    if data is None:
        raise BacklitError(
            f"{source} holds the model of a table: give the rows to explain it on with data and row "
            "(--data FILE --row N)."
        )
    table, target = model.read(data if not hasattr(data, "__fspath__") else str(data)), model.target
    if target not in table.columns:
        raise BacklitError(
            f"{table.name} has no column {quoted(target)}, the target, which the error needs. "
            f"Its columns: {listed(table.columns)}."
        )
    chosen = chosen_rows(1 if row is None else row, table.n_rows, table.name)
    rows = table.take(chosen)
    missing = [chosen[k] + 1 for k, present in enumerate(rows.present(target)) if not present]
    if missing:
        raise BacklitError(f"row {missing[0]} of {table.name} has no {quoted(target)}, the target: choose another row.")
    network = model.network
    shown: dict[str, Any] = {
        "inputs": model.encoder.feature_names, "rows": [str(place + 1) for place in chosen],
        "notes": _notes(model, rows), "choosable": True,
    }  # fmt: skip
    if model.encoder.classes is not None:
        shown["outputs"] = [str(name) for name in model.encoder.classes]
    rules, facts = _training(model.report, given)
    shown["facts"] = [("data", _rows_words(chosen, table.name)), *facts]
    X, Y = model.encoder.encode(rows, network.dtype).X, model.encoder.encode_target(rows, network.dtype)
    return Problem(
        network, X, Y, {**rules, "batch_size": "full", **given}, given.get("epochs"), shown,
        one_batch="the rows of data that row names make one step, and have no epoch of several: use steps.",
    )  # fmt: skip


def _training(report: FitReport | None, given: Mapping[str, Any]) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Give the arguments of the model's own training, and what is to be said about them."""
    if report is None:
        said = "the model does not say how it was trained" + ("" if "optimizer" in given else ": sgd, no penalties")
        return {"optimizer": "sgd"}, [("training", said)]
    recipe = report.recipe
    rules = {
        "optimizer": optimizer(recipe.optimizer, recipe.rate, recipe.decay), "schedule": recipe.schedule,
        "l2": recipe.l2, "seed": recipe.seed, "epochs": recipe.epochs,
    }  # fmt: skip
    own = "optimizer, schedule and penalties of the model's own training"
    changed = [name for name in ("optimizer", "schedule", "l1", "l2") if name in given]
    facts = [("training", own + (f", but for {' and '.join(changed)}" if changed else ""))]
    facts.append(
        ("start", f"the weights that training ended with{_afresh(given.get('optimizer', rules['optimizer']))}")
    )
    facts.append(("batch", f"these rows alone; that training took {_rows_at_a_time(recipe.batch_size)}"))
    return rules, facts


def _afresh(given: Any) -> str:
    chosen = optimizers.make(given)
    return f"; {chosen.name} begins anew, for the file does not keep what it had averaged" if chosen.slots else ""


def _rows_at_a_time(batch_size: int | str) -> str:
    if isinstance(batch_size, str):  # "full"
        return "all of its rows at once"
    return f"{counted(batch_size, 'row')} at a time"


def _rows_words(chosen: list[int], name: str) -> str:
    return f"{numbered_rows(chosen)} of {name}"


def _notes(model: TabularModel, rows: Any) -> list[list[str]]:
    """Give for each row the cells behind its inputs, and behind each of its targets."""
    outputs = model.network.output_size
    return [[*notes[:-1], *notes[-1:] * outputs] for notes in cell_notes(model.encoder, rows)]
