"""Mistakes on the way back: in dE/dnet, in dE/dout of hidden units, in the slopes of weights and biases."""

from __future__ import annotations

from collections.abc import Iterator

from backlit.check.catalogue import mistake
from backlit.check.graph import operands
from backlit.check.matching import (
    LONGEST,
    MANY,
    ONE,
    Term,
    activation_of_units,
    changed,
    in_place_of,
    is_matrix,
    other_edges,
    products,
    slope_at,
    terms_of,
    transposed,
    with_keys,
)
from backlit.check.roles import Role
from backlit.check.site import Changed, Site
from backlit.explain.algebra.tree import Apply, Literal, Node, Ref, neg, plus, times
from backlit.explain.record.quantities import Key

NET, OUT = ("two-layer", "dE/dnet(h1)"), ("two-layer", "dE/dout(h1)")
WEIGHT, BIAS = ("two-layer", "dE/dw1"), ("two rows", "dE/db(h1)[1]")
BACK: tuple[Role, ...] = ("unit slope", "backward")
GRADIENT: tuple[Role, ...] = ("gradient", "row gradient")

# ----------------------------------------------------------------------------------------------- through the activation


@mistake("slope-left-out", roles=("net slope", *BACK, *GRADIENT), example=NET,
         title="the activation's slope is left out: dE/dout is taken for dE/dnet",
         why="E changes with net through out: dE/dnet is dE/dout times the activation's slope dout/dnet.")  # fmt: skip
def slope_left_out(site: Site) -> Iterator[Changed]:
    """dE/dnet(h1) = dE/dout(h1); or dE/dout in place of dE/dnet where this is used."""
    if site.role == "net slope":
        if site.activation is None or site.activation.op.name != "relu":
            slope = _slope_by_out(site.graph.formulas(site.key)[-1], site, site.key)
            by_chain = site.node == site.graph.formulas(site.key)[-1]
            if slope is not None and by_chain and slope.quantity.value(slope.place):
                yield from changed(site, site.ref(slope))
        return
    slopes = {key: _slope_of_out(site, key) for key in site.of_role("net slope")}
    yield from changed(site, with_keys(site, {key: slope for key, slope in slopes.items() if slope is not None}))


@mistake("slope-twice", roles=("net slope",), title="the activation's slope is multiplied in twice", example=NET,
         why="The activation is passed once on the way back, so its slope is a factor once.")  # fmt: skip
def slope_twice(site: Site) -> Iterator[Changed]:
    """dE/dnet(h1) = dE/dout(h1) dout/dnet(h1) dout/dnet(h1)."""
    node, by_chain = site.node, site.node == site.graph.formulas(site.key)[-1]
    if by_chain and isinstance(node, Apply) and node.head == "*" and len(node.args) == 2:
        yield from changed(site, times(*node.args, node.args[1]))


@mistake("softmax-diagonal", roles=("net slope",), example=("softmax", "dE/dnet(o1)"),
         title="the softmax is taken unit by unit: the other outputs' terms are left out",
         why="Each net of a softmax changes all outputs, so dE/dnet has a term for each of them.")  # fmt: skip
def softmax_diagonal(site: Site) -> Iterator[Changed]:
    """dE/dnet(o1) = dE/dout(o1) out(o1) (1 - out(o1))."""
    terms = products(site, "output slope", "unit slope")
    own = [term for term in terms if term.key.place.unit == site.place.unit]
    if len(own) == 1 and len(terms) > 1 and len(terms) == len(terms_of(site.node)):
        yield from changed(site, own[0].node)


@mistake("other-units-slope", roles=("net slope",), title="another unit's dout/dnet is taken", scope="here",
         example=NET,
         why="dE/dout of a unit is multiplied by the slope of this unit's own activation, at its own net.")  # fmt: skip
def other_units_slope(site: Site) -> Iterator[Changed]:
    """dE/dnet(h1) = dE/dout(h1) dout/dnet(o1)."""
    for own in site.of_role("local slope"):
        if own.quantity.sources:
            continue
        of_layer = list(site.others(own))[:MANY]
        behind = list(_local_slopes_behind(site))[:MANY]
        for other in (*of_layer, *behind):
            if other.quantity.value(other.place) == 1.0:
                continue  # then the slope is left out
            yield from in_place_of(site, own, other)


# -------------------------------------------------------------------------------------------------- through the weights


@mistake("updated-weights", roles=BACK, title="the weights on the way back are taken after their update", example=OUT,
         why="All slopes belong to one set of weights, those that gave the outputs; the new ones come into use in "
             "the next step.")  # fmt: skip
def updated_weights(site: Site) -> Iterator[Changed]:
    """dE/dout(h1) = dE/dnet(o1) w5+ + dE/dnet(o2) w7+."""
    new = {key: site.new_weight(key) for key in site.of_role("weight")}
    yield from changed(site, with_keys(site, {key: after for key, after in new.items() if after is not None}))


@mistake("one-share", roles=BACK, title="only the share through one unit is taken", example=OUT,
         why="A unit changes E through all units that it leads to: dE/dout is the sum of their shares.")  # fmt: skip
def one_share(site: Site) -> Iterator[Changed]:
    """dE/dout(h1) = dE/dnet(o1) w5."""
    terms = terms_of(site.node)
    if 1 < len(terms) <= MANY:
        for term in terms:
            names = [_of_any_row(site, key) for key in operands(term) if site.role_of(key) != "weight"]
            yield from changed(site, term, f"(that through {', '.join(names)})")


@mistake("weights-left-out", roles=BACK, title="the weights are left out on the way back", example=OUT,
         why="A unit's out goes into a net times the edge's weight, so each share is dE/dnet times "
             "that weight.")  # fmt: skip
def weights_left_out(site: Site) -> Iterator[Changed]:
    """dE/dout(h1) = dE/dnet(o1) + dE/dnet(o2)."""
    if products(site, "weight"):
        yield from changed(site, plus(*(_without_weight(site, term) for term in terms_of(site.node))))


@mistake("transposed-weights-back", roles=BACK, title="the matrix of the weights is transposed on the way back",
         example=OUT,
         why="On the way back each dE/dnet goes along the same edges as on the way there, from their end to their "
             "beginning: dE/dout(h) has the weights of the edges that leave h.")  # fmt: skip
def transposed_weights_back(site: Site) -> Iterator[Changed]:
    """dE/dout(h1) = dE/dnet(o1) w5 + dE/dnet(o2) w6."""
    yield from changed(site, with_keys(site, {key: transposed(key) for key in site.of_role("weight")}))


@mistake("other-edge-weight-back", roles=BACK, title="another edge's weight is taken on the way back", scope="here",
         example=OUT, why="Each share is dE/dnet times the weight of the edge between the two units.")  # fmt: skip
def other_edge_weight_back(site: Site) -> Iterator[Changed]:
    """dE/dout(h1) = dE/dnet(o1) w6 + dE/dnet(o2) w7."""
    yield from other_edges(site, products(site, "weight"))


@mistake("other-units-weights-back", roles=BACK, title="another unit's weights are taken on the way back", scope="here",
         example=OUT, why="dE/dout(h) has the weights of the edges that leave h.")  # fmt: skip
def other_units_weights_back(site: Site) -> Iterator[Changed]:
    """dE/dout(h1) = dE/dnet(o1) w6 + dE/dnet(o2) w8."""
    weights = [term.key for term in products(site, "weight") if is_matrix(term.key.quantity)]
    if len(weights) < 2 or len({(key.quantity, key.place.source) for key in weights}) != 1:
        return
    of, own = weights[0].quantity, weights[0].place.source
    for source in [source for source in range(len(of.sources)) if source != own][:MANY]:
        new = {key: Key(of, key.place._replace(source=source)) for key in weights}
        yield from changed(
            site, with_keys(site, new), f"(those of {of.source(weights[0].place._replace(source=source))})"
        )


@mistake("incoming-weights-back", roles=("unit slope",), example=OUT,
         title="the weights that lead to the unit are taken in place of those that leave it",
         why="The way back goes along the edges that leave the unit: dE/dout(h) has their weights.")  # fmt: skip
def incoming_weights_back(site: Site) -> Iterator[Changed]:
    """dE/dout(h1) = dE/dnet(o1) w1 + dE/dnet(o2) w2."""
    stage = activation_of_units(site)
    net = None if stage is None else stage.read.key(site.place._replace(source=0))
    if net is None or site.graph.formula(net) is None:
        return
    incoming = [term.key for term in products(Site(site.graph, net), "weight")]
    terms = products(site, "weight")
    if terms and len(terms) <= len(incoming):
        yield from changed(site, with_keys(site, {term.key: new for term, new in zip(terms, incoming, strict=False)}))


@mistake("output-error-for-hidden", roles=("unit slope", *GRADIENT), example=OUT,
         title="the output's error is taken for the hidden unit's",
         why="A hidden unit has no target: its error comes back from the outputs through their slopes and the "
             "weights.")  # fmt: skip
def output_error_for_hidden(site: Site) -> Iterator[Changed]:
    """dE/dout(h1) = dE/dout(o1); and dE/dnet(o1) in place of dE/dnet(h1) in dE/dw1."""
    outputs = site.step.contents.backward.groups[0].quantities[0]
    of_net = _nets_of_outputs(site)
    if site.role == "unit slope":
        if not any(site.role_of(key) == "net slope" for key in site.operands):
            return
        for unit in range(len(outputs.units))[:MANY]:
            yield from changed(site, outputs.ref(site.place.row, unit), f"(that of {outputs.units[unit]})")
        yield from _with_target(site)
        return
    hidden = [key for key in site.of_role("net slope") if key.quantity not in {of.quantity for of in of_net}]
    if len(hidden) == 1:
        for other in of_net[:MANY]:
            at = other.place._replace(row=hidden[0].place.row)
            yield from changed(site, with_keys(site, {hidden[0]: Key(other.quantity, at)}), f"(that of {_unit(other)})")


@mistake("other-units-error-back", roles=BACK, title="another unit's dE/dnet is taken on the way back", scope="here",
         example=OUT, why="Each weight is multiplied by dE/dnet of the unit that its edge leads to.")  # fmt: skip
def other_units_error_back(site: Site) -> Iterator[Changed]:
    """dE/dout(h1) = dE/dnet(o2) w5 + dE/dnet(o2) w7."""
    yield from _other_units_errors(site)


# --------------------------------------------------------------------------------------------------- weights and biases


@mistake("other-units-error", roles=GRADIENT, title="another unit's dE/dnet is taken", scope="here", example=WEIGHT,
         why="dE/dw is dE/dnet of the unit that the edge leads to, times what comes in along it.")  # fmt: skip
def other_units_error(site: Site) -> Iterator[Changed]:
    """dE/dw1 = dE/dnet(h2) i1."""
    if len(_shares(site)) == 1:
        yield from _other_units_errors(site)


@mistake("other-input", roles=GRADIENT, title="the input of another edge is taken", scope="here", example=WEIGHT,
         why="dE/dw has the number that comes in along the weight's own edge.")  # fmt: skip
def other_input(site: Site) -> Iterator[Changed]:
    """dE/dw1 = dE/dnet(h1) i2."""
    for term in _shares(site) if len(_shares(site)) == 1 else ():
        if isinstance(term.other, Ref) and term.other.key is not None:
            for other in list(site.others(term.other.key))[:MANY]:
                yield from in_place_of(site, term.other.key, other)


@mistake("gradient-transposed", roles=GRADIENT, title="the two ends of the edge are exchanged in dE/dw",
         example=("two-layer", "dE/dw2"),
         why="dE/dw(i,j) is dE/dnet(j) times what comes from i: the unit at the edge's end gives the slope, the one at "
             "its beginning the input.")  # fmt: skip
def gradient_transposed(site: Site) -> Iterator[Changed]:
    """dE/dw(i1,h2) = dE/dnet(h1) i2."""
    shares = _shares(site)
    if len(shares) != 1 or not isinstance(shares[0].other, Ref) or shares[0].other.key is None:
        return
    slope, given = shares[0].key, shares[0].other.key
    if len(slope.quantity.units) == len(given.quantity.units) and not given.quantity.sources:
        unit, source = slope.place.unit, given.place.unit
        new = {slope: Key(slope.quantity, slope.place._replace(unit=source)),
               given: Key(given.quantity, given.place._replace(unit=unit))}  # fmt: skip
        yield from changed(site, with_keys(site, new))


@mistake("input-left-out", roles=GRADIENT, title="the input is left out of dE/dw", example=WEIGHT,
         why="A change of the weight changes net by that much times the input: dE/dw is dE/dnet times the input, only "
             "of a bias dE/dnet itself.")  # fmt: skip
def input_left_out(site: Site) -> Iterator[Changed]:
    """dE/dw1 = dE/dnet(h1)."""
    shares = _shares(site)
    if shares and len(shares) == len(terms_of(site.node)):
        yield from changed(site, plus(*(site.ref(share.key) for share in shares)))


@mistake("weight-for-input", roles=GRADIENT, title="the weight is taken in place of its input", example=WEIGHT,
         why="dE/dw is dE/dnet times the number that the weight is multiplied with, not the weight.")  # fmt: skip
def weight_for_input(site: Site) -> Iterator[Changed]:
    """dE/dw1 = dE/dnet(h1) w1."""
    shares, weight = _shares(site), site.parameter
    if weight is not None and shares and len(shares) == len(terms_of(site.node)):
        own = weight.ref(0, site.place.unit, site.place.source)
        yield from changed(site, plus(*(times(site.ref(share.key), own) for share in shares)))


@mistake("one-place-only", roles=GRADIENT, title="only one place's part of dE/dw is taken",
         example=("recurrent", "dE/dw(i1,h1)"),
         why="A weight that is used at several places or moments changes E through each of them: its slope is "
             "the sum of their parts.")  # fmt: skip
def one_place_only(site: Site) -> Iterator[Changed]:
    """dE/dw(i1,h1) = dE/dnet(h1@t2) i1@t2."""
    terms, slopes = terms_of(site.node), site.of_role("net slope", "backward")
    if 1 < len(terms) <= MANY and len(slopes) == len(terms):
        for term, slope in zip(terms, slopes, strict=True):
            yield from changed(site, term, f"(that through {_of_any_row(site, slope)})")


@mistake("bias-slope-times-input", roles=GRADIENT, title="the bias's slope is multiplied by an input", example=BIAS,
         why="A bias has no input of its own: net changes by as much as it does, so dE/db is dE/dnet.")  # fmt: skip
def bias_slope_times_input(site: Site) -> Iterator[Changed]:
    """dE/db(h1) = dE/dnet(h1) i1."""
    bias, slopes = site.parameter, site.of_role("net slope")
    if bias is None or bias.sources or not slopes or [site.ref(key) for key in slopes] != list(terms_of(site.node)):
        return
    read, shared = bias.stage.read, getattr(bias.stage.op, "bias", None) == "shared"
    of_row = len({key.place.row for key in slopes}) == 1
    if (shared and of_row) or (len(slopes) == 1 and len(bias.stage.units) == len(bias.units)):
        for unit in range(len(read.units))[:MANY]:
            given = read.ref(site.operands[0].place.row, unit)
            yield from changed(site, times(site.node, given), f"(by input {unit + 1} of the unit)")


@mistake("bias-without-slope", roles=GRADIENT, title="the bias is given no slope", example=BIAS,
         why="net changes by as much as its bias does, so dE/db is dE/dnet.")  # fmt: skip
def bias_without_slope(site: Site) -> Iterator[Changed]:
    """dE/db(h1) = 0."""
    if site.parameter is not None and not site.parameter.sources:
        yield from changed(site, Literal("0"))


# -------------------------------------------------------------------------------------------------------------- helpers


def _shares(site: Site) -> list[Term]:
    """Give the products dE/dnet times input of a weight's slope."""
    return products(site, "net slope", "backward") if site.role in GRADIENT else []


def _slope_by_out(node: Node, site: Site, key: Key) -> Key | None:
    """Give dE/dout of the same unit in the formula of dE/dnet."""
    found = [one for one in operands(node) if site.role_of(one) in {"unit slope", "output slope"}]
    same = [one for one in found if one.place.unit == key.place.unit]
    return found[0] if len(found) == 1 else same[0] if len(same) == 1 else None


def _slope_of_out(site: Site, key: Key) -> Key | None:
    """Give dE/dout of the unit that a dE/dnet belongs to, unless a relu stands between: its slope is 1 or 0."""
    ways = site.graph.formulas(key)
    other = Site(site.graph, key) if ways else None
    if other is None or (other.activation is not None and other.activation.op.name == "relu"):
        return None
    slope = slope_at(other)
    return None if slope is not None and slope.node == ONE else _slope_by_out(ways[-1], site, key)


def _without_weight(site: Site, term: Node) -> Node:
    """Give a product without its weight."""
    if isinstance(term, Apply) and term.head == "*":
        left = [factor for factor in term.args if not _is_weight(site, factor)]
        return times(*left) if left else ONE
    return term


def _is_weight(site: Site, node: Node) -> bool:
    return isinstance(node, Ref) and node.key is not None and site.role_of(node.key) == "weight"


def _other_units_errors(site: Site) -> Iterator[Changed]:
    terms = products(site, "net slope")
    for term in terms if len(terms) <= LONGEST else ():
        for other in list(site.others(term.key))[:MANY]:
            yield from in_place_of(site, term.key, other)


def _nets_of_outputs(site: Site) -> list[Key]:
    """Give dE/dnet of the outputs, in the first row."""
    last = site.error.last
    for group in site.step.contents.backward.groups:
        for quantity in group.quantities:
            if quantity.kind.startswith("dE/dnet") and tuple(quantity.units) == tuple(last.units):
                return [Key(quantity, at) for at in quantity.places(0)]
    return []


def _with_target(site: Site) -> Iterator[Changed]:
    """Give the hidden unit's own output less a target of the outputs."""
    stage, targets = activation_of_units(site), site.error.targets
    if stage is None:
        return
    for unit in range(len(targets.units))[:MANY]:
        gap = plus(targets.ref(site.place.row, unit), neg(stage.written.ref(site.place.row, site.place.unit)))
        yield from changed(site, neg(gap), f"(as if the target of {targets.units[unit]} were its own)")


def _local_slopes_behind(site: Site) -> Iterator[Key]:
    """Give the slopes of the activations of the layers behind: of the units that this one leads to."""
    for key in site.operands:
        if site.role_of(key) == "unit slope":
            for behind in operands(site.graph.formula(key) or ONE):
                if site.role_of(behind) == "net slope":
                    ways = site.graph.formulas(behind)
                    yield from (one for one in operands(ways[-1]) if site.role_of(one) == "local slope"
                                and not one.quantity.sources)  # fmt: skip


def _unit(key: Key) -> str:
    return key.quantity.units[key.place.unit]


def _of_any_row(site: Site, key: Key) -> str:
    """Give a number's name without its row, so that a belief has one name in all rows."""
    name, rows = site.graph.name(key), key.quantity.rows
    return name.replace(f"[{rows[key.place.row]}]", "") if rows else name
