"""The stages of a network, one for each op."""

from __future__ import annotations

from backlit.explain.context import Context
from backlit.explain.record.quantities import Quantity
from backlit.explain.record.recording import is_elementwise
from backlit.explain.stages.activation import ActivationStage, IdentityStage, SoftmaxStage
from backlit.explain.stages.base import Stage
from backlit.explain.stages.dense import DenseStage
from backlit.explain.stages.dropout import DropoutStage
from backlit.explain.stages.normalization import BatchNormStage, LayerNormStage
from backlit.ops.activations.piecewise import Identity
from backlit.ops.activations.softmax import Softmax
from backlit.ops.base import Activation, Layer
from backlit.ops.layers.dense import Dense
from backlit.ops.layers.dropout import Dropout
from backlit.ops.layers.normalization import BatchNorm, LayerNorm

STAGES: dict[type[Layer], type[Stage]] = {
    Dense: DenseStage, Dropout: DropoutStage, BatchNorm: BatchNormStage, LayerNorm: LayerNormStage,
    Softmax: SoftmaxStage,
}  # fmt: skip


def stages_of(context: Context, inputs: Quantity) -> list[Stage]:
    """Give the stages of the whole chain; a dense layer without an activation has a stage for out = net too."""
    stages: list[Stage] = []
    ops = context.recording.network.ops
    read = inputs
    for k, op in enumerate(ops):
        kind = STAGES.get(type(op)) or (ActivationStage if is_elementwise(op) else Stage)
        stages.append(kind(context, k, op, read, f"layer {context.layer(k)}: {layer_title(op)}"))
        follows = ops[k + 1] if k + 1 < len(ops) else None
        if isinstance(op, Dense) and not isinstance(follows, (Activation, BatchNorm, LayerNorm)):
            stages.append(
                IdentityStage(context, k, Identity(), stages[-1].written, f"layer {context.layer(k)}: no activation")
            )
        read = stages[-1].written
    return stages


def layer_title(op: Layer) -> str:
    """Give an op's name for a heading."""
    return op.name.replace("_", " ")
