"""BL103: a column gives the target away: it is the target, a code of it, or the target with a little noise.

An honest input that predicts well is told from a leak by three signs. Given the target, a leak is noise, which no other
input has to do with; of honest inputs, those of the same row go together. The noise is small. And the other inputs tell
something of the target too: where they do not, the table is one that a single column decides.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from backlit.diagnose.case import Case
from backlit.diagnose.changes import leave_out_inputs
from backlit.diagnose.finding_tests import finding
from backlit.diagnose.records import Finding, Remedy
from backlit.diagnose.samples import MOST_COLUMNS, class_numbers, few_possible_rows, named, nearest, related, worth
from backlit.kernels.types import Array

EXACT, NOISY = 1e-6, 0.12
"""Up to the first part of a column's variance that the target leaves open it is a copy; up to the second, it may be the
target with noise: of 0.35 standard deviations."""

FEWEST_ROWS, FEWEST_COLUMNS = 40, 3
"""Fewer rows or columns can agree by chance."""

TIGHTER = 0.5
"""The target leaves at most this part as much of a leak open as of any honest column."""

MOST = 0.34
"""Where more than this part of the columns go with the target as closely, this is what the table is like."""


class Suspect(NamedTuple):
    """A column that the target determines, but for a part `open_` of its variance; `target` is the target's column."""

    column: int
    target: int
    open_: float


@finding("BL103", "leak", by_itself=True)
def leak(case: Case) -> Finding | None:
    """Find columns that are the target, a code of it, or the target with a little noise."""
    sample = case.rows_sampled
    X, T = sample.X, sample.T
    if len(X) < FEWEST_ROWS or X.shape[1] < 2 or few_possible_rows(X) or not np.ptp(T, axis=0).any():
        return None
    columns = _determined(X, T, case.of_classes)
    suspects = [suspect for suspect in columns if suspect.open_ <= NOISY]
    if not suspects or _copies_all(T, suspects):
        return None
    exact = [suspect for suspect in suspects if suspect.open_ <= EXACT]
    if _few(exact, X, T.shape[1]) and _tells_all(X[:, _columns(exact)], T, case.of_classes):
        return _found(case, exact)
    noise = [suspect for suspect in suspects if not _has_to_do(X, T, suspect, case.of_classes)]
    honest = min((suspect.open_ for suspect in columns if suspect not in noise), default=1.0)
    noise = [suspect for suspect in noise if suspect.open_ <= TIGHTER * honest]
    others = np.setdiff1d(np.arange(X.shape[1]), _columns(noise))
    if X.shape[1] < FEWEST_COLUMNS or not _few(noise, X) or not _tell_something(X[:, others], T):
        return None
    return _found(case, noise)


def _columns(suspects: list[Suspect]) -> Array:
    """Give the columns of suspects, in order."""
    return np.array(sorted({suspect.column for suspect in suspects}), np.int64)


def _few(suspects: list[Suspect], X: Array, natural: int = 1) -> bool:
    """Tell whether there are suspects, and so few that the table is not simply like this.

    So many may be there in any case: of a target of classes a column for each.
    """
    return bool(0 < len(suspects) <= max(natural, MOST * X.shape[1]))


def _determined(X: Array, T: Array, of_classes: bool) -> list[Suspect]:
    """Give for each column that varies how far the target determines it: by the target that does so most."""
    varied = np.flatnonzero(X.std(axis=0) > 0.0)
    bounded = _bounded(X[:, varied])
    found: dict[int, Suspect] = {}
    for target, basis in enumerate(_bases(T, of_classes)):
        left = _left(basis, X[:, varied])
        # without the ends too, so that a single wild row makes no leak; a cut copy is no exact one
        cut = _left(basis, bounded)
        left = np.where((left <= EXACT) & (cut <= NOISY), left, np.maximum(left, cut))
        for column, open_ in zip(varied.tolist(), left.tolist(), strict=True):
            if column not in found or open_ < found[column].open_:
                found[column] = Suspect(column, target, open_)
    return list(found.values())


def _bases(T: Array, of_classes: bool) -> list[Array]:
    """Give functions of the target (n, functions), for all classes at once or for each column of targets."""
    if class_numbers(T, of_classes) is not None:
        full = T if T.shape[1] > 1 else np.concatenate([T, 1.0 - T], axis=1)
        return [full[:, full.any(axis=0)]]
    return [_functions(t) for t in T.T[:MOST_COLUMNS] if np.ptp(t) > 0.0]


def _functions(t: Array) -> Array:
    """Give an orthonormal basis (n, 11) of polynomials of a target and of its ranks, of degree 5."""
    t = t / np.abs(t).max()  # squares of huge numbers would overflow
    z = (t - t.mean()) / t.std()
    r = _ranks(t[:, None])[:, 0]
    powers = np.stack([np.ones(len(t)), *(z**k for k in range(1, 6)), *(r**k for k in range(1, 6))], axis=1)
    basis: Array = np.linalg.svd(powers / np.linalg.norm(powers, axis=0), full_matrices=False)[0]
    return basis


def _bounded(X: Array) -> Array:
    """Cut each column at its third lowest and its third highest value."""
    ordered = np.partition(X, (2, len(X) - 3), axis=0)
    return np.clip(X, ordered[2], ordered[-3])


def _ranks(X: Array) -> Array:
    """Give the ranks of each column, equal values with equal ranks, standardized."""
    places = np.stack([np.unique(column, return_inverse=True)[1] for column in X.T], axis=1)
    middles = np.empty(X.shape)
    for k in range(X.shape[1]):
        counts = np.bincount(places[:, k])
        middles[:, k] = (np.cumsum(counts) - (counts - 1) / 2)[places[:, k]]
    spread = middles.std(axis=0)
    ranks: Array = (middles - middles.mean(axis=0)) / np.where(spread > 0.0, spread, 1.0)
    return ranks


def _residual(basis: Array, X: Array) -> Array:
    """Give what is left of columns (n, m) when their least-squares fit by the basis is taken away."""
    Q = basis / np.linalg.norm(basis, axis=0)  # every basis here is orthogonal: no solver, a tenth of the time
    return np.asarray(X - Q @ (Q.T @ X))


def _left(basis: Array, X: Array) -> Array:
    """Give the part of each column's variance that the target leaves open, by degrees of freedom."""
    free = max(1, len(X) - basis.shape[1])
    spread = X.var(axis=0)
    left: Array = (_residual(basis, X) ** 2).sum(axis=0) / free / np.where(spread > 0.0, spread, np.nan)
    return np.where(spread > 0.0, left, 1.0)


def _copies_all(T: Array, suspects: list[Suspect]) -> bool:
    """Tell whether the network is to give its inputs back: each of several targets is among them."""
    given = {suspect.target for suspect in suspects}
    return T.shape[1] > 1 and len(given) > 1 and len(given) == np.count_nonzero(np.ptp(T, axis=0) > 0.0)


def _tells_all(columns: Array, T: Array, of_classes: bool) -> bool:
    """Tell whether columns that each are functions of the classes tell them apart; those of numbers do."""
    classes = class_numbers(T, of_classes)
    if classes is None:
        return True
    rows = np.unique(np.round(columns, 6), axis=0)
    return len(rows) >= len(np.unique(classes))


def _tell_something(X: Array, T: Array) -> bool:
    """Tell whether columns tell something of the targets, beyond chance."""
    if related(X, T) > 1.0:
        return True
    return worth(T, nearest(X, T, X, same=True), T.mean(axis=0)).errors > 3.0


def _has_to_do(X: Array, T: Array, suspect: Suspect, of_classes: bool) -> bool:
    """Tell whether, given the target, the column goes with some other one, as honest inputs of a row do."""
    basis = _bases(T, of_classes)[suspect.target]
    others = np.delete(np.arange(X.shape[1]), suspect.column)[:MOST_COLUMNS]
    left = _residual(basis, X[:, [suspect.column, *others]])
    spread = left.std(axis=0)
    left = left / np.where(spread > 1e-9, spread, np.inf)
    return related(left[:, 1:], left[:, :1]) > 1.0


def _found(case: Case, suspects: list[Suspect]) -> Finding:
    worst = min(suspects, key=lambda suspect: suspect.open_)
    places = _columns(suspects)
    names = case.columns_of(places.tolist())
    told = named(names, np.arange(len(names)))
    leave_out = leave_out_inputs(places.tolist(), names, of_table=case.table is not None)
    copy = worst.open_ <= EXACT
    return Finding(
        code="BL103", name="leak", place=told,
        measure="part of the column's variance that the target leaves open", measured=worst.open_,
        threshold=EXACT if copy else NOISY,
        healthy="above 0.12, or what is left of the column goes with other inputs",
        why="the column is the target in another form, so a network that reads it needs nothing else; where the target "
        "is not known yet, neither is the column" if copy else
        "given the target, the column is noise that no other input has to do with, as of a measurement of the target "
        "itself; a network that reads it needs nothing else, and where the target is not known, the column is not "
        "either. Is it known before the target is? Then it is no leak",
        remedies=(Remedy(f"train without {told}", (leave_out,)),),
    )  # fmt: skip
