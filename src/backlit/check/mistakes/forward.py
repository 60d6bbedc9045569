"""Mistakes in a unit's weighted sum: the bias, the weights, the numbers that they are multiplied with."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from backlit.check.catalogue import mistake
from backlit.check.matching import (
    MANY,
    Term,
    biases,
    changed,
    in_place_of,
    is_matrix,
    is_net,
    other_edges,
    products,
    terms_of,
    transposed,
    with_keys,
)
from backlit.check.site import Changed, Site
from backlit.explain.algebra.tree import Literal, Node, Ref, neg, plus, times
from backlit.explain.record.quantities import Key, Place
from backlit.explain.stages.base import ParameterQuantity

BIAS = ("two-layer", "net(h1)")


@mistake("bias-left-out", roles=("sum", "forward"), title="the bias is left out of net", example=BIAS,
         why="A unit's net is the sum of its weighted inputs plus its bias, which counts even where all inputs "
             "are 0.")  # fmt: skip
def bias_left_out(site: Site) -> Iterator[Changed]:
    """Net = w1 i1 + w2 i2."""
    kept = [term for term in terms_of(site.node) if not _is_bias(site, term)]
    if kept and len(kept) < len(terms_of(site.node)):
        yield from changed(site, plus(*kept))


@mistake("bias-subtracted", roles=("sum", "forward"), title="the bias is subtracted", example=BIAS,
         why="The bias is added to the weighted inputs; it is a threshold that would be subtracted.")  # fmt: skip
def bias_subtracted(site: Site) -> Iterator[Changed]:
    """Net = w1 i1 + w2 i2 - b."""
    yield from changed(site, with_keys(site, {bias: neg(site.ref(bias)) for bias in _biases(site)}))


@mistake("bias-times-input", roles=("sum", "forward"), title="the bias is multiplied by an input", example=BIAS,
         why="A bias has no input of its own; it is as if it were a weight from a unit that is always 1.")  # fmt: skip
def bias_times_input(site: Site) -> Iterator[Changed]:
    """Net = w1 i1 + w2 i2 + b i1."""
    for place, term in enumerate(_weighted(site)[:MANY], 1):
        product = {bias: times(site.ref(bias), term.other) for bias in _biases(site)}
        yield from changed(site, with_keys(site, product), f"(by input {place} of the unit)")


@mistake("bias-per-input", roles=("sum", "forward"), title="the bias is added once for each input", example=BIAS,
         why="A unit has one bias, which is added to the whole sum once, not to each product.")  # fmt: skip
def bias_per_input(site: Site) -> Iterator[Changed]:
    """Net = w1 i1 + b + w2 i2 + b."""
    count = len(_weighted(site))
    if count > 1:
        often = {bias: times(Literal(str(count)), site.ref(bias)) for bias in _biases(site)}
        yield from changed(site, with_keys(site, often))


@mistake("other-bias", roles=("sum", "forward"), title="another unit's bias is added", scope="here",
         example=("two-layer", "net(o1)"),
         why="Each unit adds its own bias, of its own layer.")  # fmt: skip
def other_bias(site: Site) -> Iterator[Changed]:
    """Net(o1) = w5 out(h1) + w6 out(h2) + b1."""
    for bias in _biases(site):
        of_layer = list(site.others(bias))[:MANY]
        of_others = _biases_of_others(site, bias)
        for other in _once(site, [bias, *of_layer, *of_others])[1:]:
            if not other.quantity.value(other.place):
                continue  # then the bias is left out
            yield from in_place_of(site, bias, other)


@mistake("other-edge-weight", roles=("sum", "forward"), title="another edge's weight is taken", scope="here",
         example=("two-layer", "net(o1)"),
         why="Each input is multiplied by the weight of the edge from it to this unit.")  # fmt: skip
def other_edge_weight(site: Site) -> Iterator[Changed]:
    """Net(h1) = w1 i1 + w1 i2 + b."""
    yield from other_edges(site, _weighted(site), _with_kernel_flipped(site))


@mistake("inputs-exchanged", roles=("sum", "forward"), title="two inputs are exchanged", scope="here",
         example=BIAS,
         why="Each weight is multiplied by what comes in along its own edge.")  # fmt: skip
def inputs_exchanged(site: Site) -> Iterator[Changed]:
    """Net(o1) = w5 out(h2) + w6 out(h1) + b."""
    keyed = [term for term in _weighted(site)[:MANY] if isinstance(term.other, Ref) and term.other.key is not None]
    for one, other in itertools.combinations([term.other for term in keyed if isinstance(term.other, Ref)], 2):
        yield from changed(site, with_keys(site, {one.key: other, other.key: one}), f"{one.name} and {other.name}")


@mistake("transposed-weights", roles=("sum", "forward"), example=("two-layer", "net(o1)"),
         title="the matrix of the weights is transposed: its rows are taken for its columns",
         why="The first index of w(i,j) is where the edge comes from, the second where it goes to; read the other way, "
             "it is another edge's weight.")  # fmt: skip
def transposed_weights(site: Site) -> Iterator[Changed]:
    """Net(h1) = w(h1,h1) out(h1) + w(h1,h2) out(h2), with w(h1,h2) in place of w(h2,h1)."""
    yield from changed(site, with_keys(site, {term.key: transposed(term.key) for term in _weighted(site)}))


@mistake("other-units-weights", roles=("sum", "forward"), title="another unit's weights are taken", scope="here",
         example=BIAS, why="A unit's net is made with the weights of the edges that lead to it.")  # fmt: skip
def other_units_weights(site: Site) -> Iterator[Changed]:
    """Net(h1) = w3 i1 + w4 i2 + b."""
    weighted = [term for term in _weighted(site) if term.key.quantity.sources]
    units = {term.key.place.unit for term in weighted}
    if len(weighted) < 2 or len(units) != 1:
        return
    of, own = weighted[0].key.quantity, units.pop()
    for unit in [unit for unit in range(len(of.units)) if unit != own][:MANY]:
        new = {term.key: Key(term.key.quantity, term.key.place._replace(unit=unit)) for term in weighted}
        if all(unit < len(key.quantity.units) for key in new.values()):
            yield from changed(site, with_keys(site, new), f"(those of {of.units[unit]})")


@mistake("weights-shifted", roles=("sum", "forward"), title="the rows of the weights' matrix are shifted by one",
         example=("three inputs", "net(o1)"),
         why="Row i of the matrix has the weights of input i: counted from another number, every input gets its "
             "neighbour's weight.")  # fmt: skip
def weights_shifted(site: Site) -> Iterator[Changed]:
    """Net(o1) = w(i2,o1) i1 + w(i3,o1) i2 + w(i1,o1) i3 + b."""
    keys = [term.key for term in _weighted(site) if is_matrix(term.key.quantity)]
    if len(keys) < 3 or len({key.quantity for key in keys}) > 1:
        return  # that of two inputs is that these are exchanged
    for shifted, whose in ((keys[1:] + keys[:1], "behind"), (keys[-1:] + keys[:-1], "before")):
        yield from changed(site, with_keys(site, dict(zip(keys, shifted, strict=True))),
                           f"(each input has the weight of the one {whose} it)")  # fmt: skip


@mistake("kernel-flipped", roles=("sum",), title="the kernel is flipped", example=("convolution", "net(f1@r2c3)"),
         why="The layer lays the kernel on the picture as it is, first weight on first pixel; only the convolution of "
             "signal processing turns it round.")  # fmt: skip
def kernel_flipped(site: Site) -> Iterator[Changed]:
    """Net = w(r2c2) i(r1c1) + w(r2c1) i(r1c2) + ..."""
    yield from changed(site, _with_kernel_flipped(site))


@mistake("layer-skipped", roles=("sum", "gradient", "row gradient"), example=("two-layer", "net(o1)"),
         title="the network's inputs are taken in place of the hidden outputs",
         why="A weight of a later layer is multiplied by what its edge carries: the output of the unit before it, "
             "not an input of the network.")  # fmt: skip
def layer_skipped(site: Site) -> Iterator[Changed]:
    """Net(o1) = w5 i1 + w6 i2 + b, and dE/dw5 = dE/dnet(o1) i1."""
    inputs = site.step.contents.inputs
    places = {key: key.place for key in site.of_role("output")}
    if places and all(at.unit < len(inputs.units) for at in places.values()):
        new = {key: Key(inputs, Place(at.row, 0, at.unit)) for key, at in places.items()}
        yield from changed(site, with_keys(site, new))


# ------------------------------------------------------------------------------------------------------- what is in net


def _weighted(site: Site) -> list[Term]:
    return products(site, "weight") if is_net(site) else []


def _biases(site: Site) -> list[Key]:
    return biases(site) if is_net(site) else []


def _is_bias(site: Site, term: Node) -> bool:
    return any(term == site.ref(bias) for bias in _biases(site))


def _biases_of_others(site: Site, bias: Key) -> Iterator[Key]:
    """Give the biases of the other layers at the same place."""
    for parameter in site.step.contents.parameters:
        alike = parameter is not bias.quantity and _array(parameter) == _array(bias.quantity)
        if alike and not parameter.sources and bias.place.unit < len(parameter.units):
            yield Key(parameter, bias.place)


def _array(parameter: object) -> str:
    return parameter.array_name if isinstance(parameter, ParameterQuantity) else ""


def _once(site: Site, keys: list[Key]) -> list[Key]:
    """Give numbers of different names once each: units may share a bias."""
    return list({site.graph.name(key): key for key in reversed(keys)}.values())[::-1]


def _with_kernel_flipped(site: Site) -> Node:
    return with_keys(site, {term.key: _flipped(term.key) for term in _weighted(site)})


def _flipped(weight: Key) -> Key:
    """Give the weight at the opposite place of a kernel."""
    quantity = weight.quantity
    if not isinstance(quantity, ParameterQuantity) or quantity.array.ndim < 3:
        return weight
    index, shape = quantity.index(weight.place), quantity.array.shape
    places = len(shape) - 2
    at = quantity.place((*(shape[k] - 1 - index[k] for k in range(places)), *index[places:]))
    return weight if at is None else Key(quantity, at)
