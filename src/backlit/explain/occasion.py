"""Which step of its training an explained step is, in words: its epoch and batch, its rows, its rate."""

from __future__ import annotations

from collections.abc import Sequence

from backlit.errors import counted
from backlit.explain.algebra.numerals import short_text
from backlit.explain.record.recording import Recording

NAMED_ROWS = 12
"""Of more rows, the first so many are named."""


def occasion_facts(recording: Recording, rows: Sequence[str], epochs: int | None) -> list[tuple[str, str]]:
    """Give the facts about which step it is, in pairs such as ("step", "2: batch 2 of 4 of epoch 1").

    `rows` are the names of the batch's rows; `epochs` is how many the training has, None where it is not given.
    """
    batch, settings = recording.batch, recording.given
    several = batch.batches > 1
    facts = [("rows", rows_words(recording, rows))]
    if several:
        facts.append(("step", f"{recording.number}: batch {batch.batch} of {batch.batches} of epoch {batch.epoch}"))
    elif recording.number > 1:
        facts.append(("step", str(recording.number)))
    if epochs is not None and batch.epoch > epochs:
        ends = f"the training has {counted(epochs, 'epoch')}; this is epoch {batch.epoch}, if it went on"
        facts.append(("beyond", ends))
    if settings.penalty_per_batch and (settings.l1 or settings.l2):
        total = recording.weight
        what = "the weight of the batch's rows" if recording.weights.size else "the rows of the batch"
        given = [(name, getattr(settings, name)) for name in ("l1", "l2") if getattr(settings, name)]
        words = " and ".join(_share(name, value, total) for name, value in given)
        facts.append(("penalty per batch", f"{words}; divided by {what}" if total else f"{words}: {what} is 0"))
    if settings.rates or settings.schedule.name != "constant":
        facts.append(("rate of this step", short_text(recording.rates[-1])))
    return facts


def _share(name: str, value: float, total: float) -> str:
    """Say what a penalty is in a batch of that weight."""
    if not total:
        return f"{name} 0"
    return f"{name} {short_text(value)} / {short_text(total)} = {short_text(float(f'{value / total:.15g}'))}"


def rows_words(recording: Recording, rows: Sequence[str]) -> str:
    """Say how many rows the step has, and which where the training has more."""
    if recording.batch.batches == 1:
        return f"{recording.rows:,}"
    return f"{recording.rows:,} of {recording.of:,}: {named_rows(rows)}"


def named_rows(rows: Sequence[str]) -> str:
    """Name rows, of many the first ones.

    >>> named_rows(["3"]), named_rows(["1", "4"])
    ('row 3', 'rows 1, 4')
    """
    more = f" and {len(rows) - NAMED_ROWS:,} more" if len(rows) > NAMED_ROWS else ""
    return f"row{'' if len(rows) == 1 else 's'} {', '.join(rows[:NAMED_ROWS])}{more}"
