"""Records of a diagnosis: what was found, by which numbers, and what was tried against it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from backlit.engine import Summary, TrainingCurve


class Change(msgspec.Struct, frozen=True):
    """A change of what a training is made of, which `changes.changed` applies to a `Plan`.

    `name` says what changes and `value` to what, as in `changes.CHANGES`. `words` say it to a person: "rate 0.001
    instead of 10"; `option` for the command line ("--rate 0.001", or "" where it has no such option), `python` in code.
    """

    name: str
    value: Any
    words: str
    option: str = ""
    python: str = ""


class Remedy(msgspec.Struct, frozen=True):
    """What may cure a finding: one change, or several that belong together."""

    words: str
    changes: tuple[Change, ...]


class Finding(Summary, msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong, where, and by which number.

    `code` and `name` say what ("BL303", "vanishing gradient"); `place` where: the layer, the epoch, the column.
    `measure` says what `measured` is a number of ("gradient norm of layer 1 / that of layer 10, epoch 1"); `threshold`
    is the number that it passed, and `healthy` what a training without the trouble has. `why` is a sentence of maths.
    `remedies` are in the order in which they are worth trying. `follows` is the code of a finding before this one that
    brings it about by itself, so that it may go with that one; empty for a cause of its own. `signal` and `layer` name
    the signal to look at. The `details` are more lines of evidence.
    """

    code: str
    name: str
    place: str
    measure: str
    measured: float | None
    threshold: float | None
    healthy: str
    why: str
    remedies: tuple[Remedy, ...] = ()
    signal: str | None = None
    layer: str | None = None
    epoch: int | None = None
    details: tuple[str, ...] = ()
    follows: str = ""


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """A training's validation rows beside those of simple and of standard models.

    The first numbers are *unexplained shares*: the mean over the rows of Σ (t - p)² over the outputs,
    divided by that of the baseline, which gives every row the mean target of the training rows. Of classes, t is 1 for
    the right class and p is the probability, so this is the Brier score over the baseline's; of numbers, it is 1 - R²
    with the training rows' mean. 0 is perfect, 1 is no better than the baseline.

    `gap` is (training - reference) / (1 - reference): how much of the way from the reference up to the baseline is
    lost. `errors` is the mean of the rows' paired differences in standard errors. `rows` counts the rows; `held_out`
    says whether they are validation rows, or the training rows where there are none.

    Where that leaves open whether the training is worse, it is made again on `splits` other splits of the rows, with a
    reference beside each; `splits_gap` and `splits_errors` are the same of these, taken together.

    `constant` says that all targets are the same number or class, so that the baseline is exact and there is nothing to
    compare: all shares are None.
    """

    training: float | None
    training_rows: float | None
    reference: float | None
    reference_what: str
    linear: float | None
    gap: float | None
    errors: float | None
    rows: int
    held_out: bool
    splits: int = 0
    splits_gap: float | None = None
    splits_errors: float | None = None
    constant: bool = False


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How a training ended: its losses, the unexplained share of the validation rows, and a metric of these rows.

    The losses are those of the epoch whose weights are kept: the best one, or the last.

    `signal` is the last number of the signal that the finding names. `balanced` says that the rows are weighted so that
    all classes count alike.
    """

    epochs: int
    loss: float | None
    validation_loss: float | None
    unexplained: float | None
    metric: str
    score: float | None
    signal: float | None
    stopped: str
    curve: TrainingCurve | None = None
    balanced: bool = False


class Tried(Summary, msgspec.Struct, frozen=True, kw_only=True):
    """A remedy that was really trained, from the same seed, beside the training that it changes.

    `before` is the training with what had helped until then. `closed` is the part of the gap to the reference that this
    remedy closed; None where there is no gap. `helped` says that the validation rows gained by more than chance; only
    then the change is kept.
    """

    code: str
    remedy: Remedy
    before: Outcome
    after: Outcome | None
    closed: float | None
    errors: float | None
    helped: bool
    verdict: str
    seconds: float


class Diagnosis(Summary, msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with a training.

    `harmed` says whether anything is: it diverged, or it is worse than the reference by more than chance, or the rows
    themselves are wrong. `findings` come in the order of cause; `remarks` are oddities that did no harm. `tried` are
    the remedies that were trained; `kept` the changes that helped. `untried` are the codes of findings whose remedies
    the validation rows cannot judge. `unsaid` says what could not be told, and why.
    """

    what: str
    stopped: str
    harmed: bool
    compared: Compared
    findings: tuple[Finding, ...]
    remarks: tuple[Finding, ...] = ()
    tried: tuple[Tried, ...] = ()
    kept: tuple[Change, ...] = ()
    untried: tuple[str, ...] = ()
    unsaid: tuple[str, ...] = ()
    seconds: float = 0.0
    facts: Mapping[str, Any] = {}
