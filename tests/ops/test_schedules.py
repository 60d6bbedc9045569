"""Schedules by hand, against PyTorch's schedulers and against scikit-learn's policies."""

import json
import math

import numpy as np
import oracles
import pytest

from backlit.errors import BacklitError
from backlit.ops.registry import schedules
from backlit.ops.schedules import (
    AdaptiveRate,
    ConstantRate,
    CosineAnnealing,
    ExponentialDecay,
    InverseScaling,
    OneCycle,
    ReduceOnPlateau,
    StepDecay,
    Warmup,
)

COS = [0.5 * (1 + math.cos(math.pi * k / 4)) for k in range(5)]

BY_HAND = [
    (ConstantRate(), 2, [1.0] * 6),
    (StepDecay(every=2, factor=0.5), 1, [1, 1, 0.5, 0.5, 0.25, 0.25]),
    (StepDecay(every=1, factor=0.5), 2, [1, 1, 0.5, 0.5, 0.25, 0.25]),
    (StepDecay(every=1, factor=2.0), 2, [1, 1, 2, 2, 4, 4]),
    (ExponentialDecay(0.5), 1, [1, 0.5, 0.25, 0.125]),
    (ExponentialDecay(0.5), 2, [1, 1, 0.5, 0.5]),
    (InverseScaling(power=1.0), 1, [1, 1 / 2, 1 / 3, 1 / 4]),
    (InverseScaling(power=0.5, per_epoch=8.0), 2, [1, 1, 1 / 3, 1 / 3]),
    (InverseScaling(power=0.0), 1, [1, 1, 1]),
    (CosineAnnealing(), 2, COS[:4]),
    (CosineAnnealing(floor=0.5), 1, [0.5 + 0.5 * c for c in COS[:4]]),
    (CosineAnnealing(period=4), 1, COS[:4] + COS[:4]),
    (CosineAnnealing(period=2), 2, COS[:4] + COS[:4]),
    (
        CosineAnnealing(period=2, multiplier=2),
        1,
        [1, 0.5, *COS[:4], *(0.5 * (1 + math.cos(math.pi * k / 8)) for k in range(8)), 1],
    ),
    (Warmup(epochs=4), 1, [0.25, 0.5, 0.75, 1, 1, 1]),
    (Warmup(epochs=0.5), 4, [0.5, 1, 1, 1]),
    (Warmup(epochs=0.01), 4, [1, 1, 1]),
    (Warmup(epochs=2, then=StepDecay(every=1, factor=0.5)), 1, [0.5, 1, 1, 0.5, 0.25]),
    (Warmup(epochs=2, then=Warmup(epochs=2)), 1, [0.25, 0.5, 0.5, 1]),
    (OneCycle(peak=0.5, start_divisor=2.0, end_divisor=5.0, linear=True), 1, [0.5, 0.75, 1, 0.7, 0.4, 0.1]),
    (ReduceOnPlateau(), 3, [1.0] * 4),
    (AdaptiveRate(), 3, [1.0] * 4),
]


@pytest.mark.parametrize(("schedule", "steps_per_epoch", "expected"), BY_HAND, ids=lambda v: getattr(v, "name", None))
def test_by_hand(schedule, steps_per_epoch, expected):
    steps = np.arange(len(expected))
    scale = schedule.scale(steps, steps_per_epoch, len(expected))
    assert scale.dtype == np.float64
    np.testing.assert_allclose(scale, expected, rtol=1e-14, atol=1e-15)
    later = schedule.scale(steps[2:], steps_per_epoch, len(expected))
    np.testing.assert_array_equal(later, scale[2:])


@pytest.mark.parametrize("name", list(schedules))
def test_every_schedule_scales_and_is_described(name):
    schedule = schedules[name]()
    assert name in {case[0].name for case in BY_HAND}
    assert schedule.formula
    for word in ("Source:", ">>> "):
        assert word in type(schedule).__doc__
    for steps, per_epoch, total in (
        (np.arange(50), 10, 50),
        (np.arange(3), 1, 3),
        (np.array([7]), 1, 1),
        (np.arange(0), 1, 1),
    ):
        scale = schedule.scale(steps, per_epoch, total)
        assert scale.shape == steps.shape
        assert ((scale >= 0) & (scale <= 1)).all()


@pytest.mark.parametrize("period", [3.0, 2.5, 1.0])
@pytest.mark.parametrize("multiplier", [1.0, 2.0, 1.5])
def test_a_restart_is_at_the_top(period, multiplier):
    """Each period starts at 1, exactly, however many went before."""
    start, length = 0.0, period * 20
    for _ in range(9):
        if start == round(start):
            assert CosineAnnealing(period, multiplier).scale([start], 20, 10_000)[0] == 1.0
        start, length = start + length, length * multiplier


# -------------------------------------------------------------------------------------------------------------- PyTorch


def torch_rates(make, steps):
    torch = oracles.torch()
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = make(torch.optim.lr_scheduler, optimizer)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


@pytest.mark.parametrize(
    ("schedule", "make"),
    [
        (StepDecay(every=3, factor=0.5), lambda s, o: s.StepLR(o, 3, 0.5)),
        (ExponentialDecay(0.9), lambda s, o: s.ExponentialLR(o, 0.9)),
        (CosineAnnealing(floor=0.1), lambda s, o: s.CosineAnnealingLR(o, 20, 0.1)),
        (CosineAnnealing(period=7, floor=0.1), lambda s, o: s.CosineAnnealingWarmRestarts(o, 7, 1, 0.1)),
        (CosineAnnealing(period=2, multiplier=2), lambda s, o: s.CosineAnnealingWarmRestarts(o, 2, 2)),
        (Warmup(epochs=5), lambda s, o: s.LinearLR(o, 1 / 5, 1.0, 4)),
        (OneCycle(), lambda s, o: s.OneCycleLR(o, 1.0, 20, cycle_momentum=False)),
        (OneCycle(0.5, 10.0, 100.0, linear=True), lambda s, o: s.OneCycleLR(
            o, 1.0, 20, pct_start=0.5, anneal_strategy="linear", div_factor=10.0, final_div_factor=100.0,
            cycle_momentum=False)),
    ],
    ids=lambda v: getattr(v, "name", ""),
)  # fmt: skip
def test_pytorch_has_the_same_rates(schedule, make):
    np.testing.assert_allclose(schedule.scale(np.arange(20), 1, 20), torch_rates(make, 20), rtol=1e-12, atol=1e-14)


def losses(seed, epochs=60):
    """Give a noisy, falling, then flat course of losses."""
    rng = np.random.default_rng(seed)
    return np.exp(-0.2 * np.minimum(np.arange(epochs), 15)) + rng.choice([0.0, 0.0, 0.01, -0.002], epochs)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("relative", [True, False])
def test_pytorch_sees_the_same_plateaus(seed, relative):
    torch = oracles.torch()
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    twin = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer,
        factor=0.5,
        patience=2,
        threshold=0.01,
        threshold_mode="rel" if relative else "abs",
        min_lr=1e-3,
        eps=0.0,
    )
    schedule, state = ReduceOnPlateau(factor=0.5, patience=2, threshold=0.01, relative=relative, floor=1e-3), {}
    seen = set()
    for loss in losses(seed):
        twin.step(loss)
        assert schedule.observe(state, loss) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-14)
        seen.add(state.get("scale"))
    assert len(seen) > 2


# --------------------------------------------------------------------------------------------------------- scikit-learn


class Peer:
    """scikit-learn's own optimizer, with its estimator's count of epochs without improvement around it."""

    def __init__(self, rate, policy, power_t=0.5):
        from sklearn.neural_network._stochastic_optimizers import SGDOptimizer

        self.optimizer = SGDOptimizer([np.zeros(1)], rate, policy, power_t=power_t)
        self.best, self.waited, self.stopped = np.inf, 0, False

    def epoch(self, loss, tol, patience):
        self.waited = self.waited + 1 if loss > self.best - tol else 0
        self.best = min(self.best, loss)
        if self.waited > patience:
            self.stopped = self.optimizer.trigger_stopping("", False)
            self.waited = 0
        return self.optimizer.learning_rate


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("tolerance", [0.0, 0.003])
def test_scikit_learn_adapts_at_the_same_epochs(seed, tolerance):
    peer = Peer(0.1, "adaptive")
    schedule, state = AdaptiveRate(patience=1, tolerance=tolerance, stop=1e-6 / 0.1), {}
    for loss in losses(seed, epochs=200):
        rate = peer.epoch(loss, tolerance, 1)
        assert 0.1 * schedule.observe(state, loss) == pytest.approx(rate, rel=1e-13)
        assert bool(state.get("stop")) == peer.stopped
        if peer.stopped:
            break
    assert peer.stopped


def test_many_small_decreases_are_a_plateau_to_scikit_learn():
    peer, schedule, state = Peer(0.1, "adaptive"), AdaptiveRate(patience=3, tolerance=0.003), {}
    course = [1.0 - 0.002 * k for k in range(10)]
    scales = [schedule.observe(state, loss) for loss in course]
    assert [0.1 * scale for scale in scales] == pytest.approx([peer.epoch(loss, 0.003, 3) for loss in course])
    assert scales[-1] < 1.0
    patient, state = ReduceOnPlateau(patience=3, threshold=0.003, relative=False), {}
    assert [patient.observe(state, loss) for loss in course] == [1.0] * 10


def test_scikit_learn_scales_inversely_the_same():
    peer = Peer(0.1, "invscaling", power_t=0.3)
    rows, batches, expected = 150, 4, []
    for epoch in range(5):
        expected += [peer.optimizer.learning_rate] * batches
        peer.optimizer.iteration_ends((epoch + 1) * rows)
    scale = InverseScaling(0.3, per_epoch=rows).scale(np.arange(5 * batches), batches, 5 * batches)
    np.testing.assert_allclose(0.1 * scale, expected, rtol=1e-14)


# --------------------------------------------------------------------------------------------------- plateaus by hand


def test_a_plateau_is_more_than_patience_epochs_long():
    schedule, state = ReduceOnPlateau(factor=0.1, patience=2, threshold=0.0, floor=0.05), {}
    course = [5.0, 4.0, 4.0, 4.0, 4.0, 3.0, 3.0, 3.0, 3.0, 3.0]
    expected = [1.0, 1.0, 1.0, 1.0, 0.1, 0.1, 0.1, 0.1, 0.05, 0.05]
    assert [schedule.observe(state, loss) for loss in course] == pytest.approx(expected)


def test_losses_below_zero_improve_downwards():
    schedule, state = ReduceOnPlateau(factor=0.5, patience=0, threshold=0.1), {}
    assert [schedule.observe(state, loss) for loss in (-1.0, -1.05, -1.2)] == [1.0, 0.5, 0.5]


def test_a_loss_that_is_not_a_number_is_no_improvement():
    schedule, state = ReduceOnPlateau(factor=0.5, patience=0), {}
    assert [schedule.observe(state, loss) for loss in (1.0, math.nan)] == [1.0, 0.5]


@pytest.mark.parametrize(
    "schedule", [ReduceOnPlateau(patience=2), AdaptiveRate(patience=2), Warmup(2, ReduceOnPlateau(patience=2))]
)
def test_the_state_is_plain_data_to_resume_from(schedule):
    course = losses(1)
    state, resumed = {}, {}
    for k, loss in enumerate(course):
        expected = schedule.observe(state, loss)
        assert schedule.observe(resumed, loss) == expected
        if k % 7 == 0:
            resumed = json.loads(json.dumps(resumed))
    assert expected < 1.0
    assert schedule.needs_loss


# ------------------------------------------------------------------------------------------------- settings and words


@pytest.mark.parametrize("name", list(schedules))
def test_a_schedule_is_plain_data_and_back(name):
    schedule = schedules[name]()
    assert schedules.from_dict(json.loads(json.dumps(schedule.to_dict()))) == schedule


def test_nested_schedules_are_plain_data_and_back():
    schedule = Warmup(2.0, then=Warmup(1.0, then=CosineAnnealing(period=3, floor=0.1)))
    data = schedule.to_dict()
    assert data["then"]["then"] == {"op": "cosine", "period": 3.0, "multiplier": 1.0, "floor": 0.1}
    assert schedules.from_dict(json.loads(json.dumps(data))) == schedule
    with pytest.raises(BacklitError, match="no setting 'flor'; did you mean 'floor'"):
        schedules.from_dict({"op": "warmup", "then": {"op": "cosine", "flor": 0.1}})


@pytest.mark.parametrize("needs", [False, True])
def test_warm_up_wants_to_see_the_loss_where_what_follows_does(needs):
    assert Warmup(then="plateau" if needs else "cosine").needs_loss is needs


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("step", {"every": 0}, "every is 0; expected"),
        ("step", {"factor": 0.0}, r"factor is 0\.0; expected"),
        ("exponential", {"factor": -1.0}, r"factor is -1\.0; expected"),
        ("inverse_scaling", {"power": -0.5}, r"power is -0\.5; expected"),
        ("inverse_scaling", {"per_epoch": 0}, "per_epoch is 0; expected"),
        ("cosine", {"period": -1.0}, r"period is -1\.0; expected"),
        ("cosine", {"multiplier": 0.5}, r"multiplier is 0\.5; expected"),
        ("cosine", {"floor": 1.5}, r"floor is 1\.5; expected"),
        ("warmup", {"epochs": 0.0}, r"epochs is 0\.0; expected"),
        ("warmup", {"then": "cosin"}, "unknown schedule 'cosin'; did you mean 'cosine'"),
        ("one_cycle", {"peak": 1.0}, r"peak is 1\.0; expected"),
        ("one_cycle", {"start_divisor": 0.5}, r"start_divisor is 0\.5; expected"),
        ("plateau", {"factor": 1.0}, r"factor is 1\.0; expected"),
        ("plateau", {"patience": -1}, "patience is -1; expected"),
        ("adaptive", {"tolerance": math.nan}, "tolerance is nan; expected"),
    ],
)
def test_settings_out_of_bounds_are_refused(name, settings, message):
    with pytest.raises(BacklitError, match=message):
        schedules[name](**settings)
