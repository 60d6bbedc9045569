"""Mistakes with several rows and several outputs: the mean, its divisor, and what is added up."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from backlit.check.catalogue import mistake
from backlit.check.patterns import differing, is_any, is_setting, without_terms
from backlit.check.roles import Role
from backlit.check.site import Changed, Site, mapped, without
from backlit.explain.algebra.tree import Apply, Literal, Node, Ref, over, times
from backlit.explain.context import constant
from backlit.explain.record.quantities import Key

AT_SLOPES: tuple[Role, ...] = ("output slope", "net slope", "backward")
STARTS: tuple[Role, ...] = ("error", "output slope", "net slope")
COUNTS = ("n", "S", "k")
"""The names of the divisors of a mean: the rows, the sum of their weights, the outputs."""


def _is_divisor(node: Node) -> bool:
    """Tell whether a node is n, k or n k, or the sum of the rows' weights in their place."""
    if isinstance(node, Apply) and node.head == "*":
        return all(map(_is_divisor, node.args))
    return isinstance(node, Ref) and node.key is None and node.name in COUNTS


def _with_divisor(site: Site, change: Callable[[list[Node]], list[Node]]) -> Node:
    """Give a formula with the divisor of the mean changed: `change` takes its factors and gives others."""

    def inside(node: Node) -> Node | None:
        if isinstance(node, Apply) and node.head == "*":
            place = next((k for k, part in enumerate(node.args) if _is_share(part)), None)
            if place is not None:
                share = inside(node.args[place])
                if share == Literal("1"):
                    return without(node, "*", place)
                return Apply("*", (*node.args[:place], share or node.args[place], *node.args[place + 1 :]))
        if not _is_share(node):
            return None
        assert isinstance(node, Apply)
        lower = node.args[1]
        parts = change(list(lower.args) if isinstance(lower, Apply) else [lower])
        return over(node.args[0], times(*parts)) if parts else node.args[0]

    return mapped(site.node, inside)


def _is_share(node: Node) -> bool:
    return isinstance(node, Apply) and node.head == "/" and _is_divisor(node.args[1])


@mistake(
    "mean-forgotten", roles=("error", *AT_SLOPES), title="the division by n is forgotten",
    why="E is the mean over the rows, so every row's error and every row's slope counts with 1/n.",
    example=("batch-of-two", "dE/dout(o1)[1]"),
)  # fmt: skip
def mean_forgotten(site: Site) -> Iterator[Changed]:
    """Leave the division out."""
    yield from differing(site, _with_divisor(site, lambda parts: []))


@mistake(
    "mean-over-rows-and-outputs", roles=("error", *AT_SLOPES),
    title="the sum is divided by rows times outputs, not by the rows alone",
    why="The loss adds up the outputs of a row and averages over the rows: it divides by n, not by n times outputs.",
    example=("batch-of-two", "dE/dout(o1)[1]"),
)  # fmt: skip
def mean_over_both(site: Site) -> Iterator[Changed]:
    """Divide by the number of outputs too."""
    k = _outputs(site)
    if k is not None and site.error.loss.reduction == "mean":
        yield from differing(site, _with_divisor(site, lambda parts: [*parts, k]))


@mistake(
    "mean-over-outputs", roles=("error", *AT_SLOPES),
    title="the sum is divided by the number of outputs, not by that of the rows",
    why="The loss is the mean over the rows; the errors of a row's outputs are added up.",
    example=("batch-of-three", "dE/dout(o1)[1]"),
)  # fmt: skip
def mean_over_outputs(site: Site) -> Iterator[Changed]:
    """Divide by the number of outputs alone."""
    k = _outputs(site)
    if k is not None:
        yield from differing(site, _with_divisor(site, lambda parts: [k]))


@mistake(
    "mean-over-rows-alone", roles=("error", *AT_SLOPES),
    title="the sum is divided by the rows alone, not by rows times outputs",
    why="This loss is the mean over all numbers, of every row and every output: it divides by n times the outputs.",
    example=("mean-of-all", "dE/dout(o1)[1]"),
)  # fmt: skip
def mean_over_rows(site: Site) -> Iterator[Changed]:
    """Divide by the number of rows alone."""
    if site.error.loss.reduction == "mean_all":
        k = is_setting("k")
        yield from differing(site, _with_divisor(site, lambda parts: [part for part in parts if not k(part)]))


def _outputs(site: Site) -> Ref | None:
    """Give the number of outputs for use in a formula; None where there is one."""
    count = len(site.error.units)
    return constant("k", "k", float(count)) if count > 1 else None


@mistake(
    "mean-of-outputs-for-a-sum", roles=("row error", *STARTS),
    title="the mean over the outputs is taken in place of their sum",
    why="The error of a row is the sum of its outputs' errors: it is not divided by how many there are.",
    example=("batch-of-two", "E[1]"),
)  # fmt: skip
def mean_of_outputs(site: Site) -> Iterator[Changed]:
    """Divide by the outputs what adds them up; the error of several rows, and their slopes, have entries above."""
    k = _outputs(site)
    if k is None or site.error.loss.reduction == "mean_all":
        return
    rows = site.step.recording.rows
    if site.role == "row error" or (rows == 1 and (site.role == "error" or _begins(site))):
        yield Changed(over(site.node, k))


@mistake(
    "mean-of-rows-for-a-sum", roles=STARTS, title="the mean over the rows is taken in place of their sum",
    why="This loss adds the rows' errors up, so that no row's error or slope is divided by n.",
    example=("sum-of-rows", "E"),
)  # fmt: skip
def mean_of_rows(site: Site) -> Iterator[Changed]:
    """Divide by the rows where the loss adds them up."""
    n = _rows(site)
    if n is not None and site.error.loss.reduction == "sum" and (site.role == "error" or _begins(site)):
        yield Changed(over(site.node, n))


def _begins(site: Site) -> bool:
    """Tell whether a formula is the first of the backward pass: the outputs' slopes, or the joined loss's form."""
    if site.role == "output slope":
        return True
    short = site.step.contents.backward.groups[1].quantities if site.error.joined else ()
    return site.quantity in short and not site.of_role("output slope")


def _rows(site: Site) -> Ref | None:
    """Give the number of rows for use in a formula; None where there is one."""
    rows = site.step.recording.rows
    return constant("n", "n", float(rows)) if rows > 1 else None


@mistake(
    "mean-twice", roles=("gradient",), title="the rows' slopes are averaged though each has its 1/n already",
    why="1/n stands in the slope of every row, so that the rows' parts are added up, not averaged again.",
    example=("batch-of-two", "dE/dw(i1,o1)"),
)  # fmt: skip
def mean_twice(site: Site) -> Iterator[Changed]:
    """Divide the sum over the rows by n, of a loss that is a mean."""
    n = _rows(site)
    if n is not None and site.error.loss.reduction != "sum":
        yield Changed(over(site.node, n))


@mistake(
    "rows-averaged", roles=("gradient",), title="the rows' slopes are averaged where the loss adds them up",
    why="E is the sum over the rows, and so is its slope: nothing is divided by n.",
    example=("sum-of-rows", "dE/dw(i1,o1)"),
)  # fmt: skip
def rows_averaged(site: Site) -> Iterator[Changed]:
    """Divide the sum over the rows by n, of a loss that is a sum."""
    n = _rows(site)
    if n is not None and site.error.loss.reduction == "sum":
        yield Changed(over(site.node, n))


@mistake(
    "rows-not-added", roles=("gradient",), title="the slope of one row alone is taken",
    why="Every row of the batch has its part in the slope of a weight; the parts are added up.",
    example=("batch-of-two", "dE/dw(i1,o1)"),
)  # fmt: skip
def rows_not_added(site: Site) -> Iterator[Changed]:
    """Take one row's part."""
    rows = site.of_role("row gradient")
    if len(rows) > 1:
        for key in rows[::-1]:
            yield Changed(site.ref(key), f"that of row {key.quantity.rows[key.place.row]}")


@mistake(
    "error-of-one-output", roles=("row error", "error"), title="the error of one output alone is taken",
    why="Every output has its error; E adds them up.", example=("batch-of-two", "E[1]"),
)  # fmt: skip
def error_of_one_output(site: Site) -> Iterator[Changed]:
    """Take one output's error."""
    errors = site.of_role("output error")
    if len(errors) > 1:
        for key in errors:
            others = [other for other in errors if other != key]
            yield Changed(without_terms(site.node, is_any(others)), f"that of {key.quantity.units[key.place.unit]}")


@mistake(
    "error-of-one-row", roles=("error",), title="the error of one row alone is taken",
    why="E is that of all rows of the batch, not of the last one.", example=("batch-of-two", "E"),
)  # fmt: skip
def error_of_one_row(site: Site) -> Iterator[Changed]:
    """Take one row's error."""
    errors = site.of_role("row error")
    if len(errors) > 1:
        for key in errors[::-1]:
            yield Changed(site.ref(key), f"that of row {key.quantity.rows[key.place.row]}")


@mistake(
    "row-weight-left-out", roles=("error", *AT_SLOPES), title="the row's weight is left out",
    why="A row of weight s counts s times, in the error and in every slope that comes from it.",
    example=("weighted-rows", "dE/dout(o1)[2]"),
)  # fmt: skip
def row_weight_left_out(site: Site) -> Iterator[Changed]:
    """Leave the weights of the rows out."""

    def change(node: Node) -> Node | None:
        return Literal("1") if isinstance(node, Ref) and node.key is None and node.name.startswith("s[") else None

    yield from differing(site, mapped(site.node, change))


@mistake(
    "shared-bias-by-one-unit", roles=("gradient", "row gradient"),
    title="the slope of a shared bias is that of one unit alone",
    why="A bias that several units share acts on E through each of them: its slope is the sum of their dE/dnet.",
    example=("shared-bias", "dE/db(layer 1)"),
)  # fmt: skip
def shared_bias_by_one_unit(site: Site) -> Iterator[Changed]:
    """Take one unit's slope alone."""
    for key in _slopes_of_shared_bias(site):
        yield Changed(site.ref(key), f"that of {key.quantity.units[key.place.unit]}")


@mistake(
    "shared-bias-averaged", roles=("gradient", "row gradient"),
    title="the units' slopes for a shared bias are averaged",
    why="A bias that several units share acts on E through each of them: the slopes are added up.",
    example=("shared-bias", "dE/db(layer 1)"),
)  # fmt: skip
def shared_bias_averaged(site: Site) -> Iterator[Changed]:
    """Divide the sum over the units by their number."""
    keys = _slopes_of_shared_bias(site)
    if keys:
        yield Changed(over(site.node, Literal(str(len(keys)))))


def _slopes_of_shared_bias(site: Site) -> list[Key]:
    """Give the units' slopes in the formula of the slope of a bias that they share; none of other numbers."""
    parameter = site.parameter
    if parameter is None or getattr(parameter.stage.op, "bias", None) != "shared" or parameter.sources:
        return []
    keys = site.of_role("net slope")
    return keys if len(keys) > 1 else []
