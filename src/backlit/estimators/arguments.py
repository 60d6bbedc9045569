"""Arguments that an estimator does not take: scikit-learn's names are meant by those of other libraries."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping

from backlit.errors import ArgumentError
from backlit.ops.synonyms import hint, normal
from backlit.ops.word_table import THEIRS

SCIKIT_LEARN: Mapping[str, str] = {
    "rate": "learning_rate_init", "optimizer": "solver", "epochs": "max_iter", "seed": "random_state", "l2": "alpha",
    "patience": "n_iter_no_change", "tolerance": "tol", "threads": "n_jobs", "schedule": "learning_rate",
    "validation": "validation_fraction", "beta1": "beta_1", "beta2": "beta_2", "metrics": "scoring",
}  # fmt: skip
"""Scikit-learn's names of our words."""
HIDDEN = "hidden_layer_sizes"


def refuse_unknown(cls: type, given: Iterable[str]) -> None:
    """Refuse arguments that the constructor of an estimator does not have.

    Errors: an ArgumentError, which is a TypeError, that names the one that is meant.
    """
    parameters = inspect.signature(cls.__init__).parameters  # type: ignore[misc]
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return
    for name in given:
        if name not in parameters:
            raise ArgumentError(f"{cls.__name__} has no argument {name!r}; {_advice(name, list(parameters)[1:])}")


def _advice(name: str, known: list[str]) -> str:
    if name == "layers" and HIDDEN in known:
        return f"did you mean 'hidden_layers', a list of layers, or {HIDDEN!r}?"
    words = {normal(word) for key in ("layers", "units") for word in (key, *THEIRS[key].split())}
    if normal(name) in words and HIDDEN in known:
        return f"did you mean {HIDDEN!r}?"
    ours = {word: theirs for word, theirs in SCIKIT_LEARN.items() if theirs in known}
    advice = hint(name, [*known, *ours], "python")
    if advice.startswith("known:"):
        return f"known: {', '.join(known)}."
    for word, theirs in ours.items():
        advice = advice.replace(f"'{word}'", f"'{theirs}'")
    return advice
