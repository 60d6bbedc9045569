"""`diagnose` takes any training that is legal: it raises nothing, warns of nothing and changes nothing.

What it says holds: numbers are finite, remedies apply, and the same training gives the same diagnosis.
"""

from __future__ import annotations

import itertools
import os
import re
from typing import Any, get_type_hints

import msgspec
import numpy as np
import pytest
from any_training import drawn_training

from backlit.cli.table_options import TableOptions
from backlit.diagnose import Diagnosis, Finding, diagnose
from backlit.diagnose.changes import changed
from backlit.diagnose.plan import Plan
from backlit.engine import Training
from backlit.show.diagnose import forms

OPTIONS = {f"--{name.replace('_', '-')}" for name in get_type_hints(TableOptions)}
"""Those of `backlit train`."""

STEADY = 16
SEEDS = int(os.environ.get("BACKLIT_NETWORKS", STEADY))
"""How many trainings are drawn: `BACKLIT_NETWORKS=500 pytest -n 2 tests/diagnose/test_any_training.py` takes some
twenty minutes."""

MOST_ROWS = 60 if SEEDS == STEADY else 300


def _bits(training: Training) -> list[Any]:
    """Give all that a training is and holds."""
    network, columns = training.network, training.history.columns()
    return [network.parameters.tobytes(), network.state.tobytes(), training.step, training.stopped,
            training.X.tobytes(), training.Y.tobytes(), repr(training.settings),
            *itertools.chain.from_iterable((name, np.asarray(values).tobytes()) for name, values in columns.items()),
            repr(training.state), len(training.signals)]  # fmt: skip


def _same(diagnosis: Diagnosis) -> bytes:
    """Give a diagnosis as JSON, without the seconds."""
    found = msgspec.to_builtins(diagnosis) | {"seconds": 0.0}
    found["tried"] = [tried | {"seconds": 0.0} for tried in found["tried"]]
    return msgspec.json.encode(found)


def _check(finding: Finding, training: Training) -> None:
    words = [finding.place, finding.measure, finding.healthy, finding.why, *finding.details]
    words += [remedy.words for remedy in finding.remedies]
    assert all(words)
    assert not re.search(r"\b(nan|inf|None)\b|  | [,;:.]|: [;,]", " | ".join(words)), words
    for number in (finding.measured, finding.threshold):
        assert number is None or np.isfinite(number)
    plan = Plan.of(training)
    told = [remedy.words for remedy in finding.remedies]
    assert len(set(told)) == len(told)
    for remedy in finding.remedies:
        options = [word for change in remedy.changes for word in change.option.split() if word.startswith("--")]
        assert set(options) <= OPTIONS, options
        assert changed(plan, remedy.changes).changes == remedy.changes


@pytest.mark.parametrize("seed", range(SEEDS))
def test_any_training_is_diagnosed(seed: int) -> None:
    training, fix = drawn_training(seed, most_rows=MOST_ROWS), seed % 4 == 0
    before = _bits(training)
    with np.errstate(all="warn"):
        diagnosis = diagnose(training, fix=fix)
    assert _bits(training) == before
    for finding in (*diagnosis.findings, *diagnosis.remarks):
        _check(finding, training)
    assert forms.text_of(diagnosis)
    assert "<" in forms.html_of(diagnosis)
    text = msgspec.json.encode(diagnosis)
    assert msgspec.json.encode(msgspec.json.decode(text, type=Diagnosis)) == text
    if not training.settings.time_limit:
        assert _same(diagnose(training, fix=fix)) == _same(diagnosis)
