"""What a training warns of belongs to the record of its run, whatever other threads do with warnings meanwhile."""

from __future__ import annotations

import threading
import warnings

import pytest

from backlit.errors import BacklitWarning, collecting, warn
from backlit.examples import run_example

UNREACHABLE = """[network]
inputs = 1
[[network.layers]]
units = 1
activation = "sigmoid"
[data]
inputs = [[0], [1]]
targets = [300, 1]
[training]
epochs = 2
"""


def test_a_run_keeps_what_its_training_warns_of(tmp_path):
    (tmp_path / "mine.toml").write_text(UNREACHABLE)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (run,) = run_example(str(tmp_path / "mine.toml"), compiled=False).runs
    assert [text.startswith("the targets run from 1 to 300") for text in run.warnings] == [True]


def test_warnings_are_collected_in_their_own_thread_only():
    mine, others, shown = [], [], []

    def other():
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            warn("shown")
            shown.extend(str(each.message) for each in caught)
        with collecting(others):
            warn("theirs")

    with collecting(mine):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        warn("mine")
        with pytest.warns(UserWarning, match="of another kind"):
            warn("of another kind", UserWarning)
    with pytest.warns(BacklitWarning, match="after it"):
        warn("after it")
    assert (mine, others, shown) == (["mine"], ["theirs"], ["shown"])
