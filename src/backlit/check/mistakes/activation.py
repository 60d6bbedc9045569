"""Mistakes in a unit's output and in the slope of its activation."""

from __future__ import annotations

from collections.abc import Iterator

from backlit.check.catalogue import mistake
from backlit.check.matching import (
    HALF,
    ONE,
    Activated,
    SlopePart,
    activation_at,
    changed,
    slope_at,
    slope_of,
    text_formula,
    value_at,
    with_keys,
)
from backlit.check.site import ZERO, Changed, Site, mapped
from backlit.explain.algebra.tree import Apply, Literal, Node, call, over, power, times
from backlit.explain.record.quantities import Key
from backlit.explain.stages.own_formula import is_own
from backlit.ops.activations.softmax import Softmax

OUT, SLOPE = ("two-layer", "out(h1)"), ("two-layer", "dout/dnet(h1)")
SIGMOID, TANH = r"\frac{1}{1 + e^{-z}}", r"\tanh z"

# ----------------------------------------------------------------------------------------------------------- the output


@mistake("activation-left-out", roles=("output", "forward", "sum", "gradient", "row gradient"), example=OUT,
         title="the activation is left out: net is taken for out",
         why="A unit passes on out = f(net), not net itself: what comes after it is made with out.")  # fmt: skip
def activation_left_out(site: Site) -> Iterator[Changed]:
    """Out(h1) = net(h1); or net(h1) in place of out(h1) in the next layer's net and in dE/dw."""
    own = activation_at(site)
    if own is not None:
        yield from changed(site, site.ref(own.net))
        return
    if site.role in {"sum", "gradient", "row gradient"}:
        nets = {key: Site(site.graph, key).net() for key in site.of_role("output")}
        yield from changed(site, with_keys(site, {key: net for key, net in nets.items() if net is not None}))


@mistake("exponent-sign", roles=("output", "forward"), title="the sign of the exponent is wrong", example=OUT,
         why="A sigmoid has e^-net below its 1 and rises with net, a softmax has e^net: with the other sign the output "
             "falls where net grows.")  # fmt: skip
def exponent_sign(site: Site) -> Iterator[Changed]:
    """Out = 1 / (1 + e^net)."""
    own = activation_at(site)
    if own is not None and own.op.name in {"sigmoid", "silu", "softmax"}:
        yield from changed(site, mapped(site.node, _other_exponent))


@mistake("ten-for-e", roles=("output", "forward"), title="a power of 10 is taken in place of a power of e",
         example=OUT, why="The base is e = 2.71828...: the key of the calculator is e^x, not 10^x.")  # fmt: skip
def ten_for_e(site: Site) -> Iterator[Changed]:
    """Out = 1 / (1 + 10^-net)."""
    if activation_at(site) is not None:
        yield from changed(site, mapped(site.node, _power_of_ten))


@mistake("tan-for-tanh", roles=("output", "forward"), title="tan is taken in place of tanh",
         example=("tanh", "out(h1)"),
         why="The key of the calculator is tanh, the hyperbolic tangent: it is a function of numbers, "
             "not of angles.")  # fmt: skip
def tan_for_tanh(site: Site) -> Iterator[Changed]:
    """Out = tan(net), the calculator in radians or in degrees."""
    own = activation_at(site)
    if own is not None and own.op.name == "tanh":
        net = site.ref(own.net)
        yield from changed(site, _tan(net), "(in radians)")
        yield from changed(site, _tan(times(net, over(Literal(r"\pi"), Literal("180")))), "(in degrees)")


@mistake("bipolar-sigmoid", roles=("output", "forward", "local slope", "net slope"), example=("tanh", "out(h1)"),
         title="the bipolar sigmoid is taken in place of tanh",
         why="The bipolar sigmoid, 2 / (1 + e^-net) - 1, is tanh(net / 2): half as steep as tanh.")  # fmt: skip
def bipolar_sigmoid(site: Site) -> Iterator[Changed]:
    """Out = 2 / (1 + e^-net) - 1, and dout/dnet = (1 - out²) / 2."""
    own, slope = activation_at(site), slope_at(site)
    if own is not None and own.op.name == "tanh":
        yield from changed(site, text_formula(r"\frac{2}{1 + e^{-z}} - 1", {"z": site.ref(own.net)}))
    if slope is not None and slope.of.op.name == "tanh":
        yield from changed(site, slope.put(times(HALF, slope.node)))


@mistake("sigmoid-for-other", roles=("output", "forward"), title="the sigmoid is taken for another activation",
         example=("tanh", "out(h1)"), why="Each layer has the activation that the network gives it.")  # fmt: skip
def sigmoid_for_other(site: Site) -> Iterator[Changed]:
    """Out = 1 / (1 + e^-net) of a unit that has another activation."""
    own = activation_at(site)
    if own is not None and own.op.name not in {"sigmoid", "softmax"}:
        yield from changed(site, text_formula(SIGMOID, {"z": site.ref(own.net)}))


@mistake("tanh-for-other", roles=("output", "forward"), title="tanh is taken for another activation", example=OUT,
         why="Each layer has the activation that the network gives it.")  # fmt: skip
def tanh_for_other(site: Site) -> Iterator[Changed]:
    """Out = tanh(net) of a unit that has another activation."""
    own = activation_at(site)
    if own is not None and own.op.name != "tanh":
        yield from changed(site, text_formula(TANH, {"z": site.ref(own.net)}))


@mistake("step-for-other", roles=("output", "forward"), title="the output is cut to 0 or 1, as that of a step unit",
         example=OUT, why="Only a step unit gives 0 or 1; the other activations give numbers in between, "
                          "or beyond.")  # fmt: skip
def step_for_other(site: Site) -> Iterator[Changed]:
    """Out = 1 if net > 0, else 0."""
    own = activation_at(site)
    if own is not None and own.op.name not in {"relu", "leaky_relu", "identity"}:
        yield from changed(site, _is_positive(site.ref(own.net)))


@mistake("leaky-as-relu", roles=("output", "forward", "local slope", "net slope"), example=("leaky", "out(h2)"),
         title="the leaky relu is taken for a plain relu, without its slope α",
         why="A leaky relu passes α net on where net is negative, and has the slope α there.")  # fmt: skip
def leaky_as_relu(site: Site) -> Iterator[Changed]:
    """Out = max(net, 0), and dout/dnet = 0 where net is negative."""
    own, slope = activation_at(site), slope_at(site)
    if own is not None and own.op.name == "leaky_relu":
        yield from changed(site, call("max", site.ref(own.net), ZERO))
    if slope is not None and slope.of.op.name == "leaky_relu":
        yield from changed(site, slope.put(slope_of("relu", slope.of, site)))


# ---------------------------------------------------------------------------------------------------------- the softmax


@mistake("softmax-as-sigmoid", roles=("output",), title="the softmax is taken unit by unit, as a sigmoid",
         example=("softmax", "out(o1)"),
         why="A softmax compares all outputs: each e^net is divided by the sum of all of them.")  # fmt: skip
def softmax_as_sigmoid(site: Site) -> Iterator[Changed]:
    """Out(o1) = 1 / (1 + e^-net(o1))."""
    own = _softmax(site)
    if own is not None:
        yield from changed(site, text_formula(SIGMOID, {"z": site.ref(own.net)}))


@mistake("softmax-not-divided", roles=("output",), title="the softmax is not divided by the sum of all e^net",
         example=("softmax", "out(o1)"), why="The outputs of a softmax sum to 1: each e^net is divided by the sum "
                                             "of all of them.")  # fmt: skip
def softmax_not_divided(site: Site) -> Iterator[Changed]:
    """Out(o1) = e^net(o1)."""
    if _softmax(site) is not None and isinstance(site.node, Apply) and site.node.head == "/":
        yield from changed(site, site.node.args[0])


@mistake("softmax-without-exp", roles=("output",), title="the softmax is made of the nets themselves, without e^",
         example=("softmax", "out(o1)"), why="A softmax takes e^net of each output first, which is positive; "
                                             "only these are divided by their sum.")  # fmt: skip
def softmax_without_exp(site: Site) -> Iterator[Changed]:
    """Out(o1) = net(o1) / (net(o1) + net(o2))."""
    if _softmax(site) is not None:
        yield from changed(site, mapped(site.node, _exponent))


@mistake("softmax-delta", roles=("local slope",), example=("softmax", "dout(o2)/dnet(o1)"),
         title="the softmax's slope for another output is given the 1 of an output's own slope",
         why="Only the slope of an output by its own net has the 1: dout_k/dnet_j is out_k (1 - out_j) for k = j, "
             "else -out_k out_j.")  # fmt: skip
def softmax_delta(site: Site) -> Iterator[Changed]:
    """dout(o2)/dnet(o1) = out(o2) (1 - out(o1))."""
    stage = site.activation
    if stage is not None and isinstance(stage.op, Softmax) and site.quantity.sources:
        yield from changed(site, mapped(site.node, lambda node: ONE if node == ZERO else None))


# ------------------------------------------------------------------------------------------------------------ the slope


@mistake("slope-at-net", roles=("local slope", "net slope"),
         title="net is put into the slope's formula in place of out",
         example=SLOPE, why="This slope is written in out: out (1 - out) of the sigmoid, 1 - out² of tanh; "
                            "net is not what stands in it.")  # fmt: skip
def slope_at_net(site: Site) -> Iterator[Changed]:
    """dout/dnet = net (1 - net)."""
    slope = _written(site)
    if slope is not None and slope.of.op.in_place:
        yield from changed(site, slope.put(slope_of_net(slope, site)))


@mistake("slope-at-out", roles=("local slope", "net slope"), title="the activation's slope is taken at out, not at net",
         example=SLOPE, why="out is f(net) already: f'(net) is out (1 - out) of a sigmoid; with f applied to out "
                            "once more it is the slope at another place.")  # fmt: skip
def slope_at_out(site: Site) -> Iterator[Changed]:
    """dout/dnet = f(out) (1 - f(out))."""
    slope = _written(site)
    if slope is None or slope.of.op.name in {"relu", "leaky_relu", "identity"}:
        return
    if not slope.of.op.in_place:
        yield from changed(site, slope.put(_with(slope.node, slope.of.net, site.ref(slope.of.out))))
        return
    again = value_at(slope.of, site.ref(slope.of.out))
    yield from changed(site, slope.put(_with(slope.node, slope.of.out, again)))


@mistake("tanh-slope-as-sigmoid", roles=("local slope", "net slope"), example=("tanh", "dout/dnet(h1)"),
         title="tanh's slope is taken as out (1 - out)",
         why="out (1 - out) is the sigmoid's slope; that of tanh is 1 - out².")  # fmt: skip
def tanh_slope_as_sigmoid(site: Site) -> Iterator[Changed]:
    """dout/dnet = out (1 - out) of tanh."""
    slope = _written(site)
    if slope is not None and slope.of.op.name == "tanh":
        yield from changed(site, slope.put(slope_of("sigmoid", slope.of, site)))


@mistake("sigmoid-slope-as-tanh", roles=("local slope", "net slope"), example=SLOPE,
         title="the sigmoid's slope is taken as 1 - out²",
         why="1 - out² is the slope of tanh; that of the sigmoid is out (1 - out).")  # fmt: skip
def sigmoid_slope_as_tanh(site: Site) -> Iterator[Changed]:
    """dout/dnet = 1 - out² of a sigmoid."""
    slope = _written(site)
    if slope is not None and slope.of.op.name == "sigmoid":
        yield from changed(site, slope.put(slope_of("tanh", slope.of, site)))


@mistake("sigmoid-slope-for-other", roles=("local slope", "net slope"), example=("relu", "dout/dnet(h1)"),
         title="the sigmoid's slope, out (1 - out), is taken for another activation",
         why="Each activation has a slope of its own; out (1 - out) is that of the sigmoid only.")  # fmt: skip
def sigmoid_slope_for_other(site: Site) -> Iterator[Changed]:
    """dout/dnet = out (1 - out) of a relu."""
    slope = slope_at(site)
    if slope is not None and slope.of.op.name not in {"sigmoid", "tanh"}:
        yield from changed(site, slope.put(slope_of("sigmoid", slope.of, site)))


@mistake("tanh-slope-for-other", roles=("local slope", "net slope"), example=("relu", "dout/dnet(h1)"),
         title="the slope of tanh, 1 - out², is taken for another activation",
         why="Each activation has a slope of its own; 1 - out² is that of tanh only.")  # fmt: skip
def tanh_slope_for_other(site: Site) -> Iterator[Changed]:
    """dout/dnet = 1 - out² of a relu."""
    slope = slope_at(site)
    if slope is None or slope.of.op.name in {"sigmoid", "tanh"}:
        return
    yield from changed(site, slope.put(slope_of("tanh", slope.of, site)))


@mistake("relu-slope-for-other", roles=("local slope",), example=("tanh", "dout/dnet(h2)"),
         title="a relu's slope, 1 where net is positive and else 0, is taken for another activation",
         why="Each activation has a slope of its own; that of a relu is 1 where net is positive, else 0.")  # fmt: skip
def relu_slope_for_other(site: Site) -> Iterator[Changed]:
    """dout/dnet = [net > 0] of tanh.

    A slope of 1 that the sheet does not write down is one that is left out, which has an entry.
    """
    slope = slope_at(site)
    if slope is None or slope.of.op.name in {"relu", "leaky_relu", "identity"}:
        return
    if not site.sheet or site.key in site.sheet or site.number(slope.of.net) <= 0:
        yield from changed(site, slope.put(_is_positive(site.ref(slope.of.net))))


@mistake("relu-slope-one", roles=("local slope", "net slope"), example=("relu", "dout/dnet(h2)"),
         title="a relu's slope is taken as 1 where net is negative",
         why="Where net is negative a relu passes on 0, whatever net is: its slope there is 0.")  # fmt: skip
def relu_slope_one(site: Site) -> Iterator[Changed]:
    """dout/dnet = 1, and dE/dnet = dE/dout."""
    own = slope_at(site)
    if own is not None and own.of.op.name == "relu":
        yield from changed(site, own.put(ONE) if site.role == "local slope" else _without_slope(site))
    elif site.role == "net slope" and site.activation is not None and site.activation.op.name == "relu":
        yield from changed(site, _without_slope(site))


@mistake("relu-slope-turned", roles=("local slope", "net slope"), example=("relu", "dout/dnet(h1)"),
         title="a relu's slope is taken as 0 where net is positive, and as 1 where it is negative",
         why="Where net is positive a relu passes it on as it is: its slope there is 1; where net is negative it "
             "passes on 0, and its slope is 0.")  # fmt: skip
def relu_slope_turned(site: Site) -> Iterator[Changed]:
    """dout/dnet = 0 of a relu with a positive net, 1 with a negative one."""
    slope = slope_at(site)
    if slope is not None and slope.of.op.name == "relu":
        passed = slope.of.out.quantity.value(slope.of.out.place)
        yield from changed(site, slope.put(ZERO if passed else ONE))


@mistake("out-for-slope", roles=("local slope", "net slope"),
         title="out itself is taken for its slope dout/dnet", example=SLOPE,
         why="dout/dnet says how much out changes with net; that is not out itself.")  # fmt: skip
def out_for_slope(site: Site) -> Iterator[Changed]:
    """dout/dnet = out."""
    slope = slope_at(site)
    if slope is not None:
        yield from changed(site, slope.put(site.ref(slope.of.out)))


# -------------------------------------------------------------------------------------------------------------- helpers


def slope_of_net(slope: SlopePart, site: Site) -> Node:
    """Give a slope that is written in out with net in its place."""
    return _with(slope.node, slope.of.out, site.ref(slope.of.net))


def _with(node: Node, old: Key, new: Node) -> Node:
    return mapped(node, lambda part: new if getattr(part, "key", None) == old else None)


def _written(site: Site) -> SlopePart | None:
    """Give the slope of an activation whose formulas are the package's own."""
    slope = slope_at(site)
    return None if slope is None or is_own(slope.of.op) else slope


def _softmax(site: Site) -> Activated | None:
    own = activation_at(site)
    return own if own is not None and isinstance(own.op, Softmax) else None


def _without_slope(site: Site) -> Node:
    """Give dE/dnet as dE/dout."""
    slopes = site.of_role("unit slope", "output slope")
    return site.ref(slopes[0]) if len(slopes) == 1 else site.node


def _exponent(node: Node) -> Node | None:
    """Give the x of e^x."""
    if isinstance(node, Apply) and node.head == "^" and node.args[0] == Literal("e"):
        return node.args[1]
    return None


def _other_exponent(node: Node) -> Node | None:
    """Give e^-x for e^x, and the other way round."""
    inside = _exponent(node)
    if inside is None or not isinstance(node, Apply):
        return None
    turned = inside.args[0] if isinstance(inside, Apply) and inside.head == "neg" else Apply("neg", (inside,))
    return Apply("^", (node.args[0], turned))


def _power_of_ten(node: Node) -> Node | None:
    """Give 10^x for e^x."""
    inside = _exponent(node)
    return None if inside is None else power(Literal("10"), inside)


def _is_positive(x: Node) -> Node:
    """Give [x > 0], which is 1 or 0."""
    return Apply("[]", (Apply(">", (x, ZERO)),))


def _tan(x: Node) -> Node:
    return call("tan", x)
