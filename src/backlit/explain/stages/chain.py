"""The stages of a network, one for each op."""

from __future__ import annotations

from backlit.engine import equations_of
from backlit.explain.context import Context
from backlit.explain.record.quantities import Readable
from backlit.explain.record.recording import is_elementwise
from backlit.explain.stages.activation import ActivationStage, IdentityStage
from backlit.explain.stages.base import STAGES, Stage
from backlit.explain.stages.by_equations import EquationStage
from backlit.ops.activations.piecewise import Identity
from backlit.ops.base import Activation, Layer

BEFORE = " before its activation"
"""Behind the name of a buffer: as the op writes it, where a stage out = net follows."""


def stages_of(context: Context, inputs: dict[str, Readable]) -> list[Stage]:
    """Give the stages of the ops in their order; one that writes net without an activation has one for out = net too.

    `inputs` are the numbers of each input of the network.
    """
    stages: list[Stage] = []
    graph = context.recording.network.graph
    written = dict(inputs)
    for k, node in enumerate(graph.nodes):
        layer = f"layer {context.layer(k)}"
        title = f"{layer}: {layer_title(node.op)}"
        stage = stage_of(context, k)(context, k, node.op, [written[name] for name in node.reads], title)
        stages.append(stage)
        if stage.writes_net and not _net_is_taken(context, k):
            stage.gives += BEFORE
            stages.append(IdentityStage(context, k, Identity(), [stage.written], f"{layer}: no activation"))
            stages[-1].takes = (stage.gives,)
        written[node.writes] = stages[-1].written
    return stages


def stage_of(context: Context, k: int) -> type[Stage]:
    """Give the class that explains op k: the registered one; else, by its formulas, one for all."""
    network = context.recording.network
    return stage_of_op(network.ops[k], equations=equations_of(network.graph)[k] is not None)


def stage_of_op(op: Layer, *, equations: bool = False) -> type[Stage]:
    """Give the class that explains an op, which has equations or not."""
    if type(op) in STAGES:
        return STAGES[type(op)]
    return EquationStage if equations else ActivationStage if is_elementwise(op) else Stage


def _net_is_taken(context: Context, k: int) -> bool:
    """Tell whether all that read what op k writes work on the weighted sum itself."""
    graph = context.recording.network.graph
    readers = [reader for reader, _ in graph.readers(graph.nodes[k].writes)]
    return bool(readers) and all(_takes_net(context, reader) for reader in readers)


def _takes_net(context: Context, k: int) -> bool:
    op, equations = context.recording.network.ops[k], equations_of(context.recording.network.graph)[k]
    if isinstance(op, Activation) or stage_of_op(op).takes_net:
        return True
    return bool(equations and equations.same_numbers) and _net_is_taken(context, k)


def layer_title(op: Layer) -> str:
    """Give an op's name for a heading."""
    return op.name.replace("_", " ")
