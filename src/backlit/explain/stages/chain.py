"""The stages of a network, one for each op."""

from __future__ import annotations

from collections.abc import Sequence

from backlit.explain.context import Context
from backlit.explain.record.quantities import Quantity
from backlit.explain.record.recording import is_elementwise
from backlit.explain.stages.activation import ActivationStage, IdentityStage
from backlit.explain.stages.base import STAGES, Stage
from backlit.ops.activations.piecewise import Identity
from backlit.ops.base import Activation, Layer


def stages_of(context: Context, inputs: Quantity) -> list[Stage]:
    """Give the stages of the whole chain; a dense layer without an activation has a stage for out = net too."""
    stages: list[Stage] = []
    ops = context.recording.network.ops
    read = inputs
    for k, op in enumerate(ops):
        layer = f"layer {context.layer(k)}"
        stages.append(stage_of(op)(context, k, op, read, f"{layer}: {layer_title(op)}"))
        if stages[-1].writes_net and not takes_net(ops[k + 1 : k + 2]):
            stages.append(IdentityStage(context, k, Identity(), stages[-1].written, f"{layer}: no activation"))
        read = stages[-1].written
    return stages


def stage_of(op: Layer) -> type[Stage]:
    """Give the class that explains an op: the registered one; else, by its formulas, that of element-wise ops."""
    return STAGES.get(type(op)) or (ActivationStage if is_elementwise(op) else Stage)


def takes_net(following: Sequence[Layer]) -> bool:
    """Tell whether the next op, if there is one, works on the weighted sum itself."""
    return any(isinstance(op, Activation) or stage_of(op).takes_net for op in following)


def layer_title(op: Layer) -> str:
    """Give an op's name for a heading."""
    return op.name.replace("_", " ")
