"""Mistakes in the error and in its slope with respect to the outputs."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping

from backlit.check.catalogue import mistake
from backlit.check.matching import activation_name, changed, text_formula, turned, with_keys
from backlit.check.roles import Role
from backlit.check.site import Changed, Site, mapped
from backlit.explain.algebra.tree import Apply, Literal, Node, call, neg, over, plus, refs, times
from backlit.explain.record.quantities import Key
from backlit.explain.record.recording import is_elementwise
from backlit.explain.stages.own_formula import is_own

ERROR, SLOPE = ("two-layer", "E(o1)"), ("two-layer", "dE/dout(o1)")
ENTROPY, ENTROPY_SLOPE = ("softmax", "E"), ("softmax", "dE/dout(o2)")
ERRORS: tuple[Role, ...] = ("output error", "row error", "error")
SQUARES = {"half_squared_error", "mse"}
ENTROPIES = {"cross_entropy", "binary_cross_entropy"}

# ---------------------------------------------------------------------------------------------------- the squared error


@mistake("half-left-out", roles=("output error",), title="the factor ½ is left out of the error", example=ERROR,
         why="This network's error is ½ (t - out)², with the ½ that cancels the 2 of its slope.")  # fmt: skip
def half_left_out(site: Site) -> Iterator[Changed]:
    """E(o1) = (t(o1) - out(o1))²."""
    if _loss(site) == "half_squared_error":
        yield from changed(site, _filled(site, r"(t - a)^2"))


@mistake("half-put-in", roles=("output error",), title="a factor ½ is put into the error", example=("leaky", "E(o1)"),
         why="This network's error is (t - out)², without a ½; its slope has the factor 2 therefore.")  # fmt: skip
def half_put_in(site: Site) -> Iterator[Changed]:
    """E(o1) = ½ (t(o1) - out(o1))²."""
    if _loss(site) == "mse":
        yield from changed(site, _filled(site, r"\frac{1}{2} (t - a)^2"))


@mistake("square-left-out", roles=("output error",), title="the square is left out of the error", example=ERROR,
         why="The error is the square of t - out, which is never negative and counts large gaps more.")  # fmt: skip
def square_left_out(site: Site) -> Iterator[Changed]:
    """E(o1) = ½ (t(o1) - out(o1))."""
    if _loss(site) in SQUARES:
        yield from changed(site, mapped(site.node, _base_of_square))


@mistake("two-kept-in-slope", roles=("output slope",), title="the 2 is kept in the error's slope", example=SLOPE,
         why="The slope of ½ (t - out)² is -(t - out): the 2 that comes down cancels the ½.")  # fmt: skip
def two_kept_in_slope(site: Site) -> Iterator[Changed]:
    """dE/dout(o1) = -2 (t(o1) - out(o1))."""
    if _loss(site) == "half_squared_error":
        yield from changed(site, _slope(site, r"-2\,(t - a)"))


@mistake("half-kept-in-slope", roles=("output slope",), title="the ½ is kept in the error's slope",
         example=("one-output", "dE/dout(y5)"),
         why="The slope of ½ (t - out)² is -(t - out): the 2 that comes down cancels the ½.")  # fmt: skip
def half_kept_in_slope(site: Site) -> Iterator[Changed]:
    """dE/dout(o1) = -½ (t(o1) - out(o1))."""
    if _loss(site) == "half_squared_error":
        yield from changed(site, _slope(site, r"-\frac{1}{2} (t - a)"))


@mistake("two-left-out-of-slope", roles=("output slope",), title="the 2 is left out of the error's slope",
         example=("leaky", "dE/dout(o1)"),
         why="The slope of (t - out)² is -2 (t - out): this error has no ½ that cancels the 2.")  # fmt: skip
def two_left_out_of_slope(site: Site) -> Iterator[Changed]:
    """dE/dout(o1) = -(t(o1) - out(o1)) of an error without ½."""
    if _loss(site) == "mse":
        yield from changed(site, _slope(site, r"-(t - a)"))


# ------------------------------------------------------------------------------------------------------------ any error


@mistake("error-sign", roles=("output slope", "net slope"), example=SLOPE,
         title="the error's slope has the wrong sign, such as t - out for out - t",
         why="E falls where out comes nearer to t: where out is below t the slope is negative, so it is out - t, "
             "not t - out.")  # fmt: skip
def error_sign(site: Site) -> Iterator[Changed]:
    """dE/dout(o1) = t(o1) - out(o1); of a joined loss, dE/dnet(o1) too."""
    if site.role == "output slope" or _is_short(site):
        yield from changed(site, turned(site.node))


@mistake("error-for-slope", roles=("output slope",), title="the error itself is taken for its slope", example=SLOPE,
         why="dE/dout says how much E changes with out; it is the slope of E, not E.")  # fmt: skip
def error_for_slope(site: Site) -> Iterator[Changed]:
    """dE/dout(o1) = E(o1)."""
    of = site.error.per_output
    if of is not None:
        error = of.ref(site.place.row, site.place.unit)
        yield from changed(site, error)
        divided = site.error.mean.scaled(error, site.place.row)
        if divided != error:
            yield from changed(site, divided, "(with the mean's division)")


@mistake("log-base", roles=(*ERRORS, "output"), title="a logarithm to another base is taken", example=ENTROPY,
         why="The logarithm is the natural one, ln, to the base e, of which the slope is 1 / x.")  # fmt: skip
def log_base(site: Site) -> Iterator[Changed]:
    """E = -log10 out(o2)."""
    for head in ("log10", "log2"):
        yield from changed(site, mapped(site.node, functools.partial(_based, head)), f"({head} for ln)")


@mistake("entropy-minus", roles=ERRORS, title="the minus before the logarithm is left out", example=ENTROPY,
         why="The logarithm of a probability is negative: with the minus before it the error is positive.")  # fmt: skip
def entropy_minus(site: Site) -> Iterator[Changed]:
    """E = log out(o2)."""
    if _loss(site) in ENTROPIES and isinstance(site.node, Apply) and site.node.head == "neg":
        yield from changed(site, site.node.args[0])


# --------------------------------------------------------------------------------------------- another error's formulas


@mistake("squared-error-taken", roles=(*ERRORS, "output slope", "net slope"), example=ENTROPY_SLOPE,
         title="the formula of the squared error is taken in place of this loss's",
         why="Each error has its own slope: out - t is that of the squared error, and by it dE/dnet is (out - t) "
             "times the activation's slope.")  # fmt: skip
def squared_error_taken(site: Site) -> Iterator[Changed]:
    """dE/dout = out - t of a cross-entropy; so dE/dnet = (out - t) dout/dnet."""
    if _loss(site) not in SQUARES:
        yield from _other_error(site, r"\frac{1}{2} (t - a)^2", r"-(t - a)", "(with its ½)")
        yield from _other_error(site, r"(t - a)^2", r"-2\,(t - a)", "(without ½)")


@mistake("binary-entropy-taken", roles=(*ERRORS, "output slope", "net slope"), example=("softmax", "dE/dout(o1)"),
         title="the formula of the binary cross-entropy is taken in place of this loss's",
         why="The term (1 - t) log(1 - out) belongs to outputs that each answer yes or no by themselves; each "
             "error has its own slope.")  # fmt: skip
def binary_entropy_taken(site: Site) -> Iterator[Changed]:
    """dE/dout = (1 - t) / (1 - out) - t / out."""
    if _loss(site) == "binary_cross_entropy" or activation_name(site.error.last) not in {"sigmoid", "softmax"}:
        return
    if _loss(site) == "half_squared_error" and site.role not in ERRORS and site.key not in site.sheet:
        return  # then dE/dnet would be dE/dout: the activation's slope is left out, which has a name
    yield from _other_error(site, r"-(t \log a + (1 - t) \log(1 - a))", r"\frac{1 - t}{1 - a} - \frac{t}{a}")


@mistake("second-term-left-out", roles=(*ERRORS, "output slope", "net slope"), example=("yes or no", "E(o2)"),
         title="the term with 1 - t is left out of the binary cross-entropy",
         why="Where t is 0 the error is -log(1 - out), which the term with t does not have.")  # fmt: skip
def second_term_left_out(site: Site) -> Iterator[Changed]:
    """E = -t log out, and dE/dout = -t / out."""
    if _loss(site) == "binary_cross_entropy":
        yield from _other_error(site, r"-t \log a", r"-\frac{t}{a}")


@mistake("absolute-error-taken", roles=("output error", "output slope"), example=ERROR,
         title="the absolute error is taken in place of this loss",
         why="This network's error is not |t - out|, the slope of which is 1 or -1.")  # fmt: skip
def absolute_error_taken(site: Site) -> Iterator[Changed]:
    """E(o1) = |t - out|, and dE/dout = 1 or -1."""
    out, target = (key.quantity.value(key.place) for key in _out_and_target(site))
    if _loss(site) == "mse" and site.role == "output error" and out <= target:
        return  # this is t - out, the square left out
    if _loss(site) in {*SQUARES, "huber", "log_cosh"}:
        yield from _other_error(site, r"\left|t - a\right|", r"\operatorname{sign}(a - t)")


# ---------------------------------------------------------------------------------------------------- the cross-entropy


@mistake("divided-twice", roles=("output slope", "net slope"), example=ENTROPY_SLOPE,
         title="the cross-entropy's slope is divided by out twice",
         why="dE/dout is -t / out; dE/dnet, which is out - t, has that division and the activation's slope in it "
             "already.")  # fmt: skip
def divided_twice(site: Site) -> Iterator[Changed]:
    """dE/dout = -t / out², and dE/dnet = (out - t) / out."""
    if _loss(site) not in ENTROPIES:
        return
    if not (site.role == "output slope" or _is_short(site)):
        return
    out = site.error.last.written.ref(site.place.row, site.place.unit)
    softmax = activation_name(site.error.last) == "softmax"
    below = out if _loss(site) == "cross_entropy" else times(out, plus(Literal("1"), neg(out)))
    if site.role == "output slope" or (_is_short(site) and softmax):
        yield from changed(site, over(site.node, below))


@mistake("slope-again", roles=("net slope",), title="out - t is multiplied by out (1 - out) once more",
         example=("softmax", "dE/dnet(o1)"),
         why="With softmax and cross-entropy dE/dnet is out - t: the activation's slope is in it already.")  # fmt: skip
def slope_again(site: Site) -> Iterator[Changed]:
    """dE/dnet = (out - t) out (1 - out)."""
    if _is_short(site) and activation_name(site.error.last) == "softmax":
        out = site.error.last.written.ref(site.place.row, site.place.unit)
        yield from changed(site, times(site.node, out, plus(Literal("1"), neg(out))))


@mistake("class-off-by-one", roles=(*ERRORS, "output slope", "net slope"), example=ENTROPY,
         title="the class beside the right one is taken as the target",
         why="The target is 1 at the row's own class; classes are counted from 0 in the data.")  # fmt: skip
def class_off_by_one(site: Site) -> Iterator[Changed]:
    """E = -log out(o1) where the class is that of o2."""
    targets, count = site.error.targets, len(site.error.units)
    if _loss(site) != "cross_entropy" or count < 2:
        return
    keys = [ref.key for ref in refs(site.node) if ref.key is not None and ref.key.quantity is targets]
    for step in (1, count - 1)[: 2 if count > 2 else 1]:
        new = {key: Key(targets, key.place._replace(unit=(key.place.unit + step) % count)) for key in keys}
        yield from changed(site, with_keys(site, new), "(the one before)" if step == 1 else "(the one behind)")


# -------------------------------------------------------------------------------------------------------------- helpers


def _loss(site: Site) -> str:
    """Give the name of the loss; nothing of one that is not the package's."""
    return "" if is_own(site.error.loss) else str(site.error.loss.name)


def _is_short(site: Site) -> bool:
    """Tell whether the formula is that of dE/dnet where loss and activation are joined."""
    ways = site.graph.formulas(site.key)
    return site.role == "net slope" and len(ways) == 2 and site.node == ways[0]


def _known(site: Site, unit: int | None = None) -> Mapping[str, Node]:
    at = site.place if unit is None else site.place._replace(unit=unit)
    return {"a": site.error.last.written.ref(at.row, at.unit), "t": site.error.targets.ref(at.row, at.unit)}


def _out_and_target(site: Site) -> tuple[Key, Key]:
    at = site.place
    return site.error.last.written.key(at), site.error.targets.key(at)


def _filled(site: Site, text: str, unit: int | None = None) -> Node:
    return text_formula(text, _known(site, unit))


def _slope(site: Site, text: str, unit: int | None = None) -> Node:
    """Give a slope of the error with the factor of the row, such as 1 / n."""
    return site.error.mean.scaled(_filled(site, text, unit), site.place.row)


def _other_error(site: Site, value: str, slope: str, detail: str = "") -> Iterator[Changed]:
    """Give the formula with another error's: of an output, of a row, or in the slopes."""
    if site.role == "output error":
        yield from changed(site, _filled(site, value), detail)
    elif site.role == "output slope":
        yield from changed(site, _slope(site, slope), detail)
    elif site.role == "net slope":
        ways = site.graph.formulas(site.key)
        if len(ways) == 2 and site.node == ways[1]:
            slopes = site.of_role("output slope")
            yield from changed(
                site, with_keys(site, {key: _slope(site, slope, key.place.unit) for key in slopes}), detail
            )
    elif _is_of_row(site):
        units = range(len(site.error.units))
        yield from changed(site, plus(*(_filled(site, value, unit) for unit in units)), detail)


def _is_of_row(site: Site) -> bool:
    """Tell whether it is the error of a row of a loss that is no sum over outputs."""
    if is_elementwise(site.error.loss):
        return False
    return any(site.role_of(key) in {"output", "target"} for key in site.operands)


def _base_of_square(node: Node) -> Node | None:
    squared = isinstance(node, Apply) and node.head == "^" and node.args[1] == Literal("2")
    return node.args[0] if squared and isinstance(node, Apply) else None


def _based(head: str, node: Node) -> Node | None:
    """Give a natural logarithm to another base."""
    if isinstance(node, Apply) and node.head in {"log", "ln"}:
        return call(head, *(mapped(arg, functools.partial(_based, head)) for arg in node.args))
    return None
