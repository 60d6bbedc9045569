"""The curves of the page: what they show comes from the training, stays short, and stays to compare."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest

from backlit.page.design import Design, difference
from backlit.page.panels import curves as curves_module
from backlit.page.panels.curves import CurvesPanel
from backlit.page.session import Part, Session
from backlit.page.sources import source_of
from backlit.show.live.curves import WIDTH

IRIS = source_of("iris")


def began(**training: Any) -> tuple[Session, CurvesPanel]:
    session = Session(IRIS, (CurvesPanel,))
    session.build(Design(session.design.network, {**session.design.training, **training}))
    panel = session.panels["curves"]
    assert isinstance(panel, CurvesPanel)
    return session, panel


def trained(session: Session, epochs: int) -> None:
    session.play(len(session.training.history) + epochs)
    while session.playing:
        session.train(1.0)


def drawn(session: Session) -> Part:
    return session.draw(("curves",))[1]["curves"]


def settled(session: Session) -> Part:
    """Draw until all that is to be measured has been."""
    for _ in range(200):
        version = session.version
        part = drawn(session)
        if session.version == version:
            return part
    pytest.fail("the curves ask for one snapshot after another")


def test_before_the_first_epoch_the_metric_and_the_baseline_stand() -> None:
    session, _ = began()
    part = drawn(session)
    assert part.numbers["loss"]["points"] == []
    assert len(part.numbers["metric"]["points"]) == 1
    assert f"baseline {math.log(3.0):.4g}" in part.html
    assert "always the shares of the training rows’ classes" in part.html


def test_the_points_are_the_historys_and_evaluates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curves_module, "WHILE_PAUSED", 5.0)  # in few snapshots
    session, _ = began(epochs=30)
    trained(session, 30)
    part = settled(session)
    history = session.training.history
    losses = [[k + 1, pytest.approx(epoch.loss, rel=1e-5), pytest.approx(epoch.validation_loss, rel=1e-5)]
              for k, epoch in enumerate(history)]  # fmt: skip
    assert part.numbers["loss"]["points"] == losses
    assert "best epoch 30" in part.html or f"best epoch {history.lowest().number}" in part.html
    source, points = session.source, part.numbers["metric"]["points"]
    network = session.training.network.copy()
    moments = {round(kept.step / 6, 4): kept for kept in session.kept.all()}
    assert (points[0][0], points[-1][0]) == (0, 30)
    assert len(points) > 90
    for epoch, trained_share, validated in points[::7]:
        network.parameters[:] = moments[round(epoch, 4)].parameters
        assert trained_share == pytest.approx(network.evaluate(source.X, source.Y).accuracy, rel=1e-5)
        assert validated == pytest.approx(network.evaluate(*source.validation).accuracy, rel=1e-5)


def test_long_trainings_have_short_curves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curves_module, "WHILE_PAUSED", math.inf)
    session, panel = began(epochs=3_000)
    for _ in range(6):
        trained(session, 500)
        part = drawn(session)
    numbers = part.numbers
    assert 150 < len(numbers["loss"]["points"]) <= 220
    assert curves_module.FINE // 2 < len(numbers["metric"]["points"]) <= curves_module.MOST_MEASURED
    assert numbers["metric"]["points"][-1][0] == 3_000
    assert len(panel.measured) <= curves_module.MOST_MEASURED
    apart = [two - one for (one, *_), (two, *_) in zip(numbers["metric"]["points"], numbers["metric"]["points"][1:],
                                                       strict=False)]  # fmt: skip
    assert max(apart) <= 2 * 3_000 / curves_module.FINE
    assert len(part.html) < 25_000


def test_each_moment_is_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    session, panel = began(epochs=2_000)
    counted: list[int] = []
    own = curves_module.Run.score
    monkeypatch.setattr(
        curves_module.Run, "score", lambda run, moment, view: (counted.append(moment.step), own(run, moment, view))[1]
    )
    for _ in range(5):
        trained(session, 60)
        settled(session)
    assert len(counted) == len(set(counted)) > 20
    assert set(counted) <= set(panel.measured)


def test_earlier_runs_stay_where_settings_changed_and_two_at_most() -> None:
    session, panel = began(epochs=40)
    trained(session, 5)
    first = session.training.history["loss"].tolist()
    drawn(session)
    trained(session, 5)  # after the last snapshot: the whole curve stays all the same
    session.reset()
    drawn(session)
    assert panel.earlier == []
    trained(session, 10)
    drawn(session)
    for rate in (0.1, 0.2, 0.3):
        training = {**session.design.training, "optimizer": {"op": "sgd", "rate": rate}}
        session.build(Design(session.design.network, training))
        drawn(session)
        trained(session, 3)
        part = drawn(session)
    assert [earlier.words for earlier in panel.earlier] == ["rate 0.1", "rate 0.2"]
    assert [earlier.curve.epochs for earlier in panel.earlier] == [3, 3]
    assert "before: rate 0.2" in part.html
    assert len(first) == 5
    session.take(IRIS)
    fresh = session.panels["curves"]
    assert isinstance(fresh, CurvesPanel)
    assert fresh.earlier == []


def test_the_whole_curve_of_a_run_before_stays() -> None:
    session, panel = began(epochs=40)
    trained(session, 5)
    drawn(session)
    trained(session, 7)
    session.build(Design(session.design.network, {**session.design.training, "seed": 9}))
    (earlier,) = panel.earlier
    assert (earlier.words, earlier.curve.epochs) == ("seed 0", 12)


def test_the_replayed_moment_is_marked_and_adds_no_point() -> None:
    session, _ = began(epochs=30)
    trained(session, 30)
    before = settled(session).numbers
    assert "replayed" not in drawn(session).html
    session.replayed = session.kept.all()[10].step
    part = drawn(session)
    assert "replayed" in part.html
    assert part.numbers["metric"]["points"] == before["metric"]["points"]


def test_undone_updates_leave_no_points() -> None:
    session, panel = began()
    session.training.advance(updates=9, seconds=math.inf)
    session.keep()
    drawn(session)
    points = panel.measured
    points[10_000] = points[9]
    drawn(session)
    assert sorted(points) == [0, 9]


def test_letters_are_legible_at_300_pixels() -> None:
    session, _ = began(epochs=30)
    trained(session, 30)
    html = drawn(session).html
    sizes = [float(size) for size in re.findall(r'font-size="([\d.]+)"', html)]
    assert sizes
    assert min(sizes) * 300 / WIDTH >= 11.0


def test_each_chart_has_words_a_table_and_a_slider() -> None:
    session, _ = began(epochs=30)
    trained(session, 30)
    html = drawn(session).html
    for key in ("loss", "metric"):
        assert f'id="curves-{key}" data-curve="{key}" tabindex="0" role="slider"' in html
        assert f'aria-describedby="curves-{key}-words"' in html
        assert f'<details id="curves-{key}-numbers">' in html
    assert "Training loss goes from" in html
    assert "Training accuracy: " in html or "training accuracy: " in html


def test_differences_are_said_in_few_words() -> None:
    layers = [{"units": 4, "activation": "tanh"}, {"units": 1}]
    one = Design({"inputs": 2, "layers": layers, "loss": "mse"}, {"optimizer": {"op": "sgd", "rate": 0.1}, "epochs": 5})
    wider = {**one.network, "layers": [{"units": 9, "activation": "tanh"}, {"units": 1}]}
    for changed, words in (
        (Design(wider, one.training), "units 4-1"),
        (Design(one.network, {**one.training, "optimizer": {"op": "adam", "rate": 0.01}}), "optimizer sgd, rate 0.1"),
        (Design(one.network, {**one.training, "batch_size": 3}), "no batch_size"),
        (Design({**one.network, "layers": [{"units": 9}, {"units": 1}]}, {"epochs": 6}),
         "units 4-1, activation tanh-identity, …"),
    ):  # fmt: skip
        assert difference(one, changed) == words


def test_a_design_that_changes_while_a_moment_is_measured_has_its_own_points(monkeypatch: pytest.MonkeyPatch) -> None:
    session, _ = began(epochs=30)
    trained(session, 20)
    measure, times = curves_module.live_score, iter(range(100))

    def changing(*given: Any) -> Any:
        if next(times) == 1:
            session.build(session.design)
        return measure(*given)

    monkeypatch.setattr(curves_module, "live_score", changing)
    assert [point[0] for point in drawn(session).numbers["metric"]["points"]] == [0]
    assert [point[0] for point in settled(session).numbers["metric"]["points"]] == [0]
