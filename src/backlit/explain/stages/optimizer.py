"""How the new parameters come about from the gradient: penalties, limits, the optimizer's slots and its formula."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from backlit.errors import BacklitError
from backlit.explain.algebra.decimals import as_written, decimal_value
from backlit.explain.algebra.parsing import Statement, statements
from backlit.explain.algebra.tree import OWN, Literal, Node, Ref, call, neg, over, plus, square, times
from backlit.explain.context import Context, constant, fill, setting_ref, symbol_of
from backlit.explain.quantity_names import Name, latex_text
from backlit.explain.record.quantities import Place, Quantity
from backlit.explain.stages.base import ParameterQuantity
from backlit.explain.stages.own_formula import agrees, is_own, tree
from backlit.kernels.types import Array
from backlit.ops.base import arguments
from backlit.ops.whole_arrays import prepared_scalars

DECAY = statements(r"w \leftarrow w (1 - \eta \lambda)")[0]


class Update:
    """The update of one parameter array.

    Attributes:
        quantities: for each element in this order: its gradient with penalties and limits, the optimizer's slots before
            the step, after it, and the new value.
        new: the new value, which comes last.
        unscaled: its gradient before the whole gradient is scaled to a norm.
    """

    def __init__(
        self, context: Context, parameter: ParameterQuantity, gradient: Quantity, norm: Quantity | None
    ) -> None:
        self.context, self.parameter = context, parameter
        self.recording = context.recording
        self.full = parameter.full
        self.decays = self.recording.decays(self.full)
        self.norm = norm
        self.gradient = gradient
        self.quantities: list[Quantity] = []
        self._limits()
        self.slots = self._slots()
        self._rule()

    def _make(
        self, kind: str, name: Callable[[Name], Name], array: Array,
        expression: Callable[[Place], Node] | None, note: Callable[[Place], str] | None = None,
    ) -> Quantity:  # fmt: skip
        """Make a quantity that every element of the parameter has, named after the element."""
        parameter = self.parameter
        return Quantity(
            "update", kind, parameter.layer, units=parameter.units, sources=parameter.sources,
            source_name=parameter.source_name,
            name=lambda at: name(parameter.name(at)), values=lambda _: array, expression=expression, note=note,
        )  # fmt: skip

    def _add(self, quantity: Quantity) -> Quantity:
        self.quantities.append(quantity)
        return quantity

    # ----------------------------------------------------------------------------------------------- penalties, limits

    def _limits(self) -> None:
        """Make the gradient as the machine's penalties and limits leave it, one after another."""
        s, gradients = self.recording.settings, self.recording.gradients
        if gradients.penalised is not None and self.decays:
            self._stage("g", gradients.penalised, self._penalised(self.gradient))
        if gradients.limited is not None:
            self._stage("g limited", gradients.limited, self._limited(self.gradient, s.clip_value))
        self.unscaled = self.gradient
        if gradients.scaled is not None:
            self._stage("g scaled", gradients.scaled, self._scaled(self.gradient, s.clip_norm))

    def _stage(self, kind: str, vector: Array, expression: Callable[[Place], Node]) -> None:
        array = self.parameter.pick(self.recording.parameter(vector, self.full))
        word, _, rest = kind.partition(" ")
        below = rf"_{{\text{{{rest}}}}}" if rest else ""
        self.gradient = self._add(self._make(
            kind, lambda name: Name(f"{kind}({name.text})", rf"{word}{below}\left({name.symbol}\right)"), array,
            expression, self._unscaled if rest == "scaled" else None,
        ))  # fmt: skip

    def _penalised(self, before: Quantity) -> Callable[[Place], Node]:
        s = self.recording.settings

        def expression(at: Place) -> Node:
            w = self.parameter.ref(0, at.unit, at.source)
            terms: list[Node] = [before.ref(0, at.unit, at.source)]
            terms += [times(constant("l2", r"\lambda_2", s.l2), w)] if s.l2 else []
            terms += [times(constant("l1", r"\lambda_1", s.l1), call("sign", w))] if s.l1 else []
            return plus(*terms)

        return expression

    def _limited(self, before: Quantity, limit: float) -> Callable[[Place], Node]:
        bound = constant("clip", r"c", limit)
        return lambda at: call("min", call("max", before.ref(0, at.unit, at.source), neg(bound)), bound)

    def _scaled(self, before: Quantity, limit: float) -> Callable[[Place], Node]:
        norm, bound = self.norm, constant("clip_norm", r"c", limit)

        def expression(at: Place) -> Node:
            g = before.ref(0, at.unit, at.source)
            if norm is None or not norm.value(Place(0, 0, 0)) > limit:  # NaN changes nothing either
                return g
            return times(g, over(bound, norm.ref(0, 0)))

        return expression

    def _unscaled(self, _: Place) -> str:
        limit, norm = self.recording.settings.clip_norm, self.recording.gradients.norm
        if np.isnan(norm):
            return "‖g‖ is no number, so nothing is scaled: as it is"
        return "" if norm > limit else f"‖g‖ is within {limit:g}: as it is"

    # -------------------------------------------------------------------------------------------------------- the rule

    def _slots(self) -> dict[str, Quantity]:
        """Make the optimizer's slots before the step."""
        optimizer = self.recording.optimizer
        made = {}
        for slot in optimizer.slots:
            symbol = symbol_of(optimizer, slot)
            array = self.parameter.pick(self.recording.slot(slot, self.full, after=False))
            quantity = self._make(slot, _slot_name(slot, symbol), array, None, lambda _: "before this step")
            made[symbol] = self._add(quantity)
        return made

    def _statements(self) -> list[Statement]:
        """Give the optimizer's statements, decoupled decay before them where it applies."""
        optimizer = self.recording.optimizer
        given = [statement for statement in statements(optimizer.formula_used()) if statement != DECAY]
        return [DECAY, *given] if optimizer.weight_decay and self.decays else given

    def _rule(self) -> None:
        """Make the slots after the step and the new value, in the order in which the formula computes them.

        Names that a formula gives only to a part of itself, such as m̂, are written out where they are used.
        """
        given = self._readable()
        if given is None:
            self._own_rule()
            return
        last = max(k for k, statement in enumerate(given) if statement.target == "w")
        new: dict[str, Callable[[Place], Node]] = {}
        assigned = {statement.target for statement in given}
        keeps_gradient = [symbol for symbol in self.slots if symbol not in assigned]
        for k, (target, value) in enumerate(given):
            expression = self._expression(value, dict(new))
            slot = keeps_gradient[0] if target == "g" and keeps_gradient else target
            if slot in self.slots:
                new[target] = _as_ref(self._add(self._new_slot(slot, expression)))
            elif k == last:
                self.new = self._new_value(expression)
                new[target] = _as_ref(self.new)
            else:
                new[target] = expression
        self._add(self.new)

    def _readable(self) -> list[Statement] | None:
        """Give the statements; None of a rule of one's own without a text that gives every slot and the new value."""
        try:
            given = self._statements()
        except BacklitError:
            given = []
        targets = {statement.target for statement in given}
        kept = set(self.slots) - targets  # one may keep the gradient
        if is_own(self.recording.optimizer) and ("w" not in targets or len(kept) > ("g" in targets)):
            return None
        return given

    def _own_rule(self) -> None:
        """Make the slots after the step and the new value as functions of the rule by its name."""
        for symbol in self.slots:
            self._add(self._new_slot(symbol, self._own(symbol)))
        self.new = self._add(self._new_value(self._own("")))

    def _own(self, symbol: str) -> Callable[[Place], Node]:
        """Give the rule, or the slot of that symbol after it, as a function of what its `update` takes."""
        optimizer, recording = self.recording.optimizer, self.recording
        slot = next((name for name in optimizer.slots if symbol_of(optimizer, name) == symbol), "")
        decayed = optimizer.weight_decay and self.decays
        takes = arguments(type(optimizer).update)  # type: ignore[attr-defined]

        def known(name: str, at: Place) -> Node:
            w = self.parameter.ref(0, at.unit, at.source)
            if name == "w":
                return self._expression(DECAY.value, {})(at) if decayed else w
            if name == "g":
                return self.gradient.ref(0, at.unit, at.source)
            if name in optimizer.slots:
                return self.slots[symbol_of(optimizer, name)].ref(0, at.unit, at.source)
            if name in optimizer.__struct_fields__:
                return setting_ref(optimizer, name, recording.rates[-1] if name == "rate" else None)
            prepared = prepared_scalars(optimizer, recording.rates[-1], recording.number)
            value = float(prepared.get(name, recording.number))
            return constant(name, rf"\text{{{latex_text(name)}}}", value)

        def expression(at: Place) -> Node:
            operands = [known(name, at) for name in takes]
            return call(f"{OWN}{optimizer.name}{f'.{slot}' if slot else ''}", *operands)

        return expression

    def _true(self, expression: Callable[[Place], Node], symbol: str, array: Array) -> Callable[[Place], Node]:
        """Give an expression of a rule of one's own where it gives the engine's numbers, else the rule by its name."""
        if not is_own(self.recording.optimizer):
            return expression
        own = self._own(symbol)

        def chosen(at: Place) -> Node:
            node = tree(lambda _: expression(at), "")
            value = float(array[at.source, at.unit] if self.parameter.sources else array[at.unit])
            return node if node is not None and agrees(node, value) else own(at)

        return chosen

    def _expression(self, value: Node, new: dict[str, Callable[[Place], Node]]) -> Callable[[Place], Node]:
        optimizer, recording = self.recording.optimizer, self.recording

        def expression(at: Place) -> Node:
            known: dict[str, Node] = {symbol: slot.ref(0, at.unit, at.source) for symbol, slot in self.slots.items()}
            known["w"] = self.parameter.ref(0, at.unit, at.source)
            known["g"] = self.gradient.ref(0, at.unit, at.source)
            known["t"] = constant("t", "t", float(recording.number))
            if hasattr(optimizer, "rate"):
                known[symbol_of(optimizer, "rate")] = setting_ref(optimizer, "rate", recording.rates[-1])
            known |= {symbol: make(at) for symbol, make in new.items()}
            return fill(value, optimizer, known)

        return expression

    def _new_slot(self, symbol: str, expression: Callable[[Place], Node]) -> Quantity:
        slot = next(
            name for name in self.recording.optimizer.slots if symbol_of(self.recording.optimizer, name) == symbol
        )
        array = self.parameter.pick(self.recording.slot(slot, self.full, after=True))
        base = _slot_name(slot, symbol)
        expression = self._true(expression, symbol, array)
        return self._make(f"{slot}+", lambda name: base(name).new(), array, expression)

    def _new_value(self, expression: Callable[[Place], Node]) -> Quantity:
        array = self.parameter.pick(self.recording.parameter(self.recording.after, self.full))
        note = None
        limited = self.recording.settings.max_norm and self.decays and self.parameter.sources
        expression = expression if limited else self._true(expression, "", array)
        if getattr(self.recording.optimizer, "epsilon", None) == 0.0:
            expression, note = self._without_quotient(expression)
        if limited:
            expression, note = self._within_norm(expression, array)
        return self._make(f"{self.parameter.kind}+", Name.new, array, expression, note)

    def _without_quotient(self, rule: Callable[[Place], Node]) -> tuple[Any, Any]:
        """Leave a weight as it is where ε = 0 and its slopes so far make the quotient 0 / 0."""
        decayed = self.recording.optimizer.weight_decay and self.decays

        def has_none(at: Place) -> bool:
            return decimal_value(rule(at)).is_nan()

        def expression(at: Place) -> Node:
            if not has_none(at):
                return rule(at)
            return self._expression(DECAY.value, {})(at) if decayed else self.parameter.ref(0, at.unit, at.source)

        says = "0 / 0 where ε is 0 and all slopes so far are 0: no step"
        return expression, lambda at: says if has_none(at) else ""

    def _within_norm(self, expression: Callable[[Place], Node], after: Array) -> tuple[Any, Any]:
        """Write the limit of a unit's incoming weights into the new value's formula, where it acts."""
        limit = self.recording.settings.max_norm
        reached = np.isclose(np.sqrt((after**2).sum(axis=0)), limit, rtol=1e-12, atol=0.0)
        bound = constant("max_norm", r"c_{\text{max}}", limit)

        def column_of(unit: int) -> list[Node]:
            return [expression(Place(0, i, unit)) for i in range(len(self.parameter.sources))]

        @functools.cache
        def acts(unit: int) -> bool:
            """Tell whether the limit changes the unit's weights; a norm may be that of the limit without it."""
            return bool(reached[unit]) and sum(decimal_value(w) ** 2 for w in column_of(unit)) > as_written(limit) ** 2

        def limited(at: Place) -> Node:
            if not acts(at.unit):
                return expression(at)
            column = column_of(at.unit)
            norm = call("sqrt", plus(*(square(w) for w in column)))
            return times(column[at.source], over(bound, norm))

        return limited, lambda at: f"the incoming weights are scaled down to norm {limit:g}" if acts(at.unit) else ""


def _slot_name(slot: str, symbol: str) -> Callable[[Name], Name]:
    symbol = rf"\text{{{latex_text(slot)}}}" if symbol == slot and len(slot) > 1 else symbol
    return lambda name: Name(f"{slot}({name.text})", rf"{symbol}\left({name.symbol}\right)")


def _as_ref(quantity: Quantity) -> Callable[[Place], Ref]:
    return lambda at: quantity.ref(0, at.unit, at.source)


def norm_quantity(context: Context, gradients: Callable[[], list[Quantity]]) -> Quantity:
    """Make the Euclidean norm of the whole gradient, which `gradients` gives array by array."""
    value = np.array([context.recording.gradients.norm])

    def expression(_: Place) -> Node:
        refs = [g.ref(0, j, i) for g in gradients() for i in range(len(g.sources) or 1) for j in range(len(g.units))]
        return call("sqrt", plus(*(square(ref) for ref in refs))) if refs else Literal("0")

    return Quantity(
        "update", "norm", None, name=lambda _: Name("‖g‖", r"\lVert g \rVert"), values=lambda _: value,
        expression=expression,
    )  # fmt: skip
