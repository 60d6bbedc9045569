"""The page's source while it changes: losses, saved files, what is slow, and what is opened meanwhile."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from backlit.errors import BacklitError
from backlit.page.panels import PANELS
from backlit.page.panels.build import BuildPanel
from backlit.page.panels.source import ColumnsPanel, SourcePanel
from backlit.page.session import Session
from backlit.page.source import Source
from backlit.page.sources import source_of

KINDS = (SourcePanel, ColumnsPanel, BuildPanel)


@pytest.mark.parametrize("given", ["xor", "gates", "valley", "recurrent", "memory", "iris-from-scratch"])
def test_a_saved_file_has_the_rows_of_its_network_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.chdir(tmp_path)
    session = Session(source_of(given), KINDS)
    saved = session.panels["build"].saved("toml")
    assert saved is not None
    name, _, content = saved
    Path(name).write_bytes(content)
    assert content.decode().startswith(f"# Opens again by: backlit page {name}\n")
    again = source_of(name)
    for which in ("training", "validation"):
        for one, other in zip(again.rows(which), session.source.rows(which), strict=True):  # type: ignore[arg-type]
            assert np.array_equal(one, other)
    assert (again.design, again.title) == (session.source.design, session.source.title)


def test_a_loss_of_numbers_takes_classes_as_a_target_for_each() -> None:
    session = Session(source_of("iris"), PANELS)
    codes = session.source.Y
    first = session.training.network.parameters.copy()
    for loss, low in (("mse", 0.0), ("hinge", -1.0), ("huber", 0.0)):
        session.do("build.change", {"name": "loss", "text": loss})
        assert vars(session.panels["build"])["refused"] is None
        assert np.array_equal(session.source.Y, np.where(np.arange(3) == codes[:, None], 1.0, low))
        assert session.training.validation is not None
        assert session.training.validation[1].shape == (30, 3)
        assert np.array_equal(session.training.network.parameters, first)
    session.do("build.change", {"name": "loss", "text": "mse"})
    session.do("bar.advance", {"epochs": 30})
    with session.view() as view:
        score = view.score
    answers = session.training.network.predict(session.source.X).argmax(axis=1)
    assert score.metric == "accuracy"
    assert score.value == pytest.approx((answers == codes).mean())
    html = session.draw(("predictions",))[1]["predictions"].html
    assert f"{(answers == codes).sum()} of 90 rows right" in html
    session.do("build.change", {"name": "loss", "text": "cross_entropy"})
    assert np.array_equal(session.source.Y, codes)


# ------------------------------------------------------------------------------------------------------- what is slow


def test_reading_and_encoding_do_not_hold_the_training_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """While another column is encoded, another thread can take the session's lock."""
    session = Session(source_of("iris"), KINDS)
    held: list[bool] = []

    def other(column: str, task: Any) -> Source:
        def tries() -> None:
            held.append(session.lock.acquire(timeout=5.0))
            if held[-1]:
                session.lock.release()

        thread = threading.Thread(target=tries)
        thread.start()
        thread.join()
        return source_of("iris", column)

    session.source = msgspec.structs.replace(session.source, retarget=other)
    session.do("source.predict", {"column": "petal width (cm)"})
    assert held == [True]
    assert session.source.target == "petal width (cm)"


def test_what_was_opened_meanwhile_stays() -> None:
    session = Session(source_of("iris"), KINDS)

    def other(column: str, task: Any) -> Source:
        session.take(source_of("xor"))
        return source_of("iris", column)

    session.source = msgspec.structs.replace(session.source, retarget=other)
    with pytest.raises(BacklitError, match="something else was opened meanwhile"):
        session.do("source.predict", {"column": "petal width (cm)"})
    assert session.source.given == ("xor",)


# ----------------------------------------------------------------------------------------------------------- snapshots


@pytest.mark.parametrize("given", ["iris", "digits"])
def test_the_panels_of_the_source_stay_small(given: str) -> None:
    session = Session(source_of(given), PANELS)
    parts: dict[str, Any] = session.draw(("source", "columns", "predictions"))[1]
    assert sum(len(part.html.encode()) for part in parts.values()) < 50_000
