"""Every printed line is true: what stands after an equals sign is what stands before it, within the digits shown."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import numpy as np
from cases import RULES
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from line_judge import Judge, latex_differs

import backlit as bl
from backlit.ops.registry import activations, losses, optimizers

STEADY = 30
NETWORKS = int(os.environ.get("BACKLIT_NETWORKS", STEADY))
"""How many random networks to judge: the same 30 by default, so that the suite stays steady;
`BACKLIT_NETWORKS=500 pytest tests/explain/test_lines_are_true.py` takes some minutes, on others each time."""

HIDDEN = [name for name in activations if activations[name].formula]
SIZES = (
    0.0,
    1.0,
    -1.0,
    0.5,
    3.0,
    -3.0,
    18.0,
    -18.0,
    40.0,
    -40.0,
    800.0,
    -800.0,
    1e10,
    -1e10,
    1e150,
    1e-8,
    1e-20,
    -1e-150,
)
"""Numbers at which something ends: kinks, saturation, limits inside losses, the range of float64."""


@st.composite
def numbers(draw: Any, shape: tuple[int, ...]) -> Any:
    """Draw an array: ordinary numbers of few or many digits, now and then with hard ones among them."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    array = rng.normal(size=shape)
    kind = draw(st.sampled_from(["short", "short", "long", "whole", "hard"]))
    if kind == "short":
        return array.round(draw(st.integers(1, 3)))
    if kind == "whole":
        return rng.integers(-2, 3, shape).astype(float)
    if kind == "hard":
        flat = array.round(2).reshape(-1)
        for k in rng.choice(flat.size, draw(st.integers(1, 2))) if flat.size else ():
            flat[k] = draw(st.sampled_from(SIZES))
        return flat.reshape(shape)
    return array


@st.composite
def layers(draw: Any) -> list[Any]:
    chain: list[Any] = []
    for _ in range(draw(st.integers(0, 2))):
        activation = draw(st.sampled_from(HIDDEN))
        units = draw(st.integers(2 if activation == "softmax" else 1, 3))  # one unit's softmax is refused
        chain.append(bl.Dense(units, activation, bias=draw(st.booleans())))
        for extra in draw(st.sampled_from([(), (), (), ("dropout",), ("batch",), ("layer",), ("layer", "batch"),
                                           ("layer", "layer"), ("batch", "dropout", "batch")])):  # fmt: skip
            chain.append({"dropout": bl.Dropout(0.3), "batch": bl.BatchNorm(), "layer": bl.LayerNorm()}[extra])
    return chain


def made_loss(draw: Any, name: str) -> Any:
    given: dict[str, Any] = {"reduction": draw(st.sampled_from(["sum", "mean", "mean_all"]))}
    fields = losses[name].__struct_fields__
    if "ceiling" in fields:
        given["ceiling"] = draw(st.sampled_from([0.0, 0.0, 0.0, 0.25, 36.0]))
    if "label_smoothing" in fields:
        given["label_smoothing"] = draw(st.sampled_from([0.0, 0.0, 0.2]))
    if "deviance" in fields:
        given["deviance"] = draw(st.booleans())
    return losses[name](**given)


@st.composite
def endings(draw: Any, rows: int) -> tuple[Any, Any, Any]:
    """Draw the last layer, the loss and targets: any activation whose outputs the loss takes, and some beyond."""
    name = draw(st.sampled_from(list(losses)))
    loss = made_loss(draw, name)
    fitting = [act for act, cls in activations.items()
               if cls.outputs and cls.outputs[0] >= loss.outputs[0] and cls.outputs[1] <= loss.outputs[1]]  # fmt: skip
    activation = draw(st.sampled_from(fitting))
    units = draw(st.integers(2 if loss.class_targets or activation == "softmax" else 1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    if loss.class_targets and draw(st.booleans()):
        T: Any = rng.integers(0, units, rows)
    elif loss.class_targets or np.isfinite(loss.targets).all():
        T = (
            rng.integers(0, 2, (rows, units)).astype(float)
            if draw(st.booleans())
            else rng.random((rows, units)).round(2)
        )
    elif loss.targets[0] == 0.0:
        T = rng.integers(0, 4, (rows, units))
    else:
        T = draw(numbers((rows, units)))
    freeze = draw(st.sampled_from([(), (), (), ("b",), ("W",), ("W", "b")]))
    return bl.Dense(units, activation, freeze=freeze), loss, T


@st.composite
def cases(draw: Any) -> SimpleNamespace:
    rows = draw(st.integers(1, 3))
    chain = draw(layers())
    ending, loss, T = draw(endings(rows))
    network = bl.Network([*chain, ending], draw(st.integers(1, 3)), loss, seed=draw(st.integers(0, 2**32)))
    for name in network.layout:
        network[name] = draw(numbers(network[name].shape))
    rule = draw(st.sampled_from(RULES))
    given: dict[str, Any] = {"rate": draw(st.sampled_from([0.1, 0.001, 0.5]))}
    if rule != "rprop" and draw(st.booleans()):
        given["weight_decay"] = 0.125
    if "epsilon_hat" in optimizers[rule].__struct_fields__:
        given["epsilon_hat"] = draw(st.booleans())
    on = st.sampled_from([0.0, 0.0, 0.01, 0.3])
    steps = draw(st.sampled_from([1, 1, 2, 4]))
    keys = {"l1": draw(on), "l2": draw(on), "clip_value": draw(on), "clip_norm": draw(on),
            "max_norm": draw(st.sampled_from([0.0, 0.0, 1.0])), "penalty_per_batch": draw(st.booleans()),
            "batch_size": draw(st.integers(1, rows)), "shuffle": draw(st.booleans())}  # fmt: skip
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    rates = {"rates": tuple((given["rate"] * rng.random(steps)).tolist())} if draw(st.booleans()) else {}
    weights = draw(st.sampled_from([
        None, None, rng.random(rows).round(2) + 0.5, np.arange(rows) + 1.0, np.eye(1, rows, rows - 1)[0],
    ]))  # fmt: skip
    return SimpleNamespace(
        network=network, X=draw(numbers((rows, network.inputs))), T=T,
        settings={"optimizer": optimizers[rule](**given), "steps": steps, "sample_weight": weights,
                  "decay_biases": draw(st.booleans()), "seed": draw(st.integers(0, 99)), **keys, **rates},
    )  # fmt: skip


def worked(case: SimpleNamespace, digits: int) -> Any:
    try:
        return bl.explain(case.network, case.X, case.T, digits=digits, **case.settings)
    except bl.BacklitError as error:
        if "not a finite number" in str(error):  # the steps before diverge
            return bl.explain(case.network, case.X, case.T, digits=digits, **{**case.settings, "steps": 1, "rates": ()})
        raise


@settings(
    max_examples=NETWORKS,
    deadline=None,
    derandomize=NETWORKS == STEADY,
    database=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
@given(case=cases(), digits=st.sampled_from([*range(13), 9, 9, 15, 17]))
def test_every_line_of_random_networks_is_true(case: SimpleNamespace, digits: int) -> None:
    example = worked(case, digits)
    records, judge = list(example), Judge(str(example), digits)
    values = {record.name: record.value for record in records}
    assert len(values) == len(example), "every number has a name of its own"
    worked_ones = [record for record in records if record.formula]
    assert [(line.name, line.value) for line in judge.lines] == [(record.name, record.shown) for record in worked_ones]
    assert not judge.wrong_lines()
    assert not judge.wrong_formulas(values)
    assert not [
        why for record in worked_ones[:40] if (why := latex_differs(record.substituted, record.plain_substituted))
    ]
