"""The controls of a design: its layers and the steps of its training, with choices and settings from the registries."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from backlit.engine import TrainingSettings, describe_setting
from backlit.examples.file_layers import op_class
from backlit.examples.file_tables import TRAINING, NetworkTable
from backlit.ops.base import Op
from backlit.ops.registry import REGISTRIES, Registry, activations, layers
from backlit.ops.value_checks import types_of
from backlit.page.design import Design
from backlit.page.layer_edits import INNER, dropout, first_weights
from backlit.page.op_fields import Field, field_of, fields_of, label_of
from backlit.show.live.build import Adding, Control, Group, Moves

MANY = 5
"""Of more layers each is folded away."""

MAIN = ("units", "activation", "filters", "size", "p", "returns", "count", "what", "join")
"""Settings of a layer that are not folded away, beside those that have to be given."""

PENALTIES = ("l1", "l2")
PACE = ("batch_size", "epochs")

LISTED = "given numbers"
"""What is shown for weights that a file gives one by one."""

OWN_SCHEME = "as the activation wants"


def text_of(value: Any) -> str:
    """Give a value as the text that `value_of` reads.

    >>> text_of(0.5), text_of(2.0), text_of(1e8), text_of(True), text_of("7"), text_of(None), text_of((3, 5))
    ('0.5', '2', '1e8', 'true', '"7"', '', '[3,5]')
    """
    if value is None:
        return ""
    if isinstance(value, float):
        text = repr(value).removesuffix(".0")
        digits = text.rstrip("0")
        return text if "." in text or len(text) < len(digits) + 6 else f"{digits}e{len(text) - len(digits)}"
    if isinstance(value, str):
        try:
            msgspec.json.decode(value)
        except msgspec.DecodeError:
            return value
    return msgspec.json.encode(value).decode()


class Chosen(msgspec.Struct, frozen=True):
    """What is chosen for the next layer: its kind and its place; where one was just put, and why one was refused."""

    kind: str = "dense"
    place: str = "layers"
    at: int | None = None
    shown: str = ""
    error: str = ""
    unfolded: tuple[str, ...] = ()
    """Of many layers, those whose settings are drawn."""


def kinds() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Give the kinds of layers that can be added, in groups."""
    return (("Layers", tuple(layers)), ("Activations", tuple(activations)))


def groups_of(design: Design, chosen: Chosen) -> tuple[Group, ...]:
    """Give all controls of a design in their groups."""
    network = design.network
    tables = network["layers"]
    made = [_layer(table, "layers", k, len(tables), chosen, folded=len(tables) > MANY)
            for k, table in enumerate(tables)]  # fmt: skip
    kept = made if len(tables) <= MANY else [Group("all-layers", f"{len(tables)} layers", inside=tuple(made))]
    return (*kept, _adding_group(tables, chosen), *_training_groups(design))


def _adding_group(tables: Sequence[Any], chosen: Chosen) -> Group:
    return Group("add", "Add a layer", adding=(_adding("layers", tables, chosen),))


# ---------------------------------------------------------------------------------------------------------- the layers


def _layer(
    table: Mapping[str, Any], place: str, at: int, of: int, chosen: Chosen, *, folded: bool = False
) -> Group:  # fmt: skip
    """Give the controls of a layer; of a block, those of its layers too."""
    cls, name = op_class(table), f"{place}.{at}"
    controls: list[Control] = []
    more: list[Control] = []
    inside: list[Group] = []
    for field in fields_of(cls):
        if field.nested == "layer":
            if field.key in INNER:
                inside += _block(table.get(field.key), f"{name}.{field.key}", field, chosen)
            continue
        main = field.required or field.key in MAIN
        (controls if main else more).extend(_settings(name, table, field))
    last = place == "layers" and at == of - 1
    ways = tuple(way for way, fits in (
        ("up", at > 0 and not last), ("down", at < of - (2 if place == "layers" else 1)),
        ("remove", not last and of > 1),
    ) if fits)  # fmt: skip
    title = f"{'Output' if last else f'Layer {at + 1}'}: {_summary(table)}"
    return Group(
        name, title, tuple(controls), tuple(more), tuple(inside), moves=Moves(place, at, ways), folded=folded,
        shown=chosen.shown == name, stub=folded and name not in chosen.unfolded,
    )  # fmt: skip


def _summary(table: Mapping[str, Any]) -> str:
    """Give a layer in a few words: its kind, its size, its activation."""
    words = [str(table.get("op", "dense"))]
    words += [str(table[key]) for key in ("units", "filters", "count") if key in table]
    activation = table.get("activation")
    if activation:
        words.append(str(activation["op"] if isinstance(activation, Mapping) else activation))
    if words[0].endswith("dropout"):
        words.append(f"{table.get('p', 0.5):g}")
    return " ".join(words)


def _block(given: Any, place: str, field: Field, chosen: Chosen) -> list[Group]:
    """Give the groups of the layers within a block."""
    if isinstance(given, Mapping):
        return [Group(place, f"{label_of(field.key)}: {_summary(given)}", *_inner_layer(given, place, chosen))]
    given = given or []
    if field.key == "branches":
        return [_chain(branch, f"{place}.{k}", f"branch {k + 1}", chosen) for k, branch in enumerate(given)]
    return [_chain(given, place, label_of(field.key), chosen)]


def _inner_layer(given: Mapping[str, Any], place: str, chosen: Chosen) -> tuple[Any, ...]:
    """Give the controls of a layer that stands alone in a block."""
    whole = _layer(given, place, 0, 1, chosen)
    renamed = [tuple(msgspec.structs.replace(one, name=one.name.replace(f"{place}.0", place, 1)) for one in part)
               for part in (whole.controls, whole.more)]  # fmt: skip
    return (*renamed, whole.inside)


def _chain(given: Sequence[Any], place: str, title: str, chosen: Chosen) -> Group:
    inside = tuple(_layer(table, place, k, len(given), chosen) for k, table in enumerate(given)
                   if isinstance(table, Mapping))  # fmt: skip
    return Group(place, title, inside=inside, adding=(_adding(place, given, chosen),), folded=True,
                 shown=chosen.place == place and bool(chosen.error or chosen.shown))  # fmt: skip


def _adding(place: str, tables: Sequence[Any], chosen: Chosen) -> Adding:
    places = [(str(k), f"before layer {k + 1}") for k in range(len(tables))]
    if place == "layers":
        places[-1] = (str(len(tables) - 1), "before the output")
    else:
        places.append((str(len(tables)), "at the end"))
    here = chosen.place == place
    at = chosen.at if here and chosen.at is not None and chosen.at < len(places) else len(places) - 1
    return Adding(place, tuple(places), chosen.kind, str(at), chosen.error if here else "")


def _settings(prefix: str, table: Mapping[str, Any], field: Field) -> list[Control]:
    """Give the control of a setting of an op, and those of the op that it names."""
    name = f"{prefix}.{field.key}"
    given = table.get(field.key, field.usual)
    if field.nested in REGISTRIES:
        return _op(name, field, REGISTRIES[field.nested], given)
    return [_control(name, field, given)]


def _control(name: str, field: Field, given: Any) -> Control:
    usual = text_of(field.usual)
    value = text_of(given)
    if field.choices and not value:
        value = usual if usual in {one for one, _ in field.choices} else ""
    if field.choices and given in ((), []):
        value = ""
    says = _brief(field.says) + (f"; {usual} where it is not given" if usual and not field.choices else "")
    return Control(
        name, field.label, value, field.choices, says, field.step, field.least, field.words,
        usual=usual or ("" if field.required else "none"),
    )  # fmt: skip


def _brief(says: str) -> str:
    """Give the first sentence of a description."""
    first = says.partition(". ")[0].rstrip(".")
    return first if len(first) <= MOST_SAID else f"{first[: MOST_SAID - 1]}…"


MOST_SAID = 160


def _op(name: str, field: Field, registry: Registry, given: Any) -> list[Control]:
    """Give the choice of an op, and the settings of the one that is chosen."""
    named = registry.kind == "loss"
    choices, listed = tuple((one, one.replace("_", " ") if named else one) for one in registry), registry.kind
    if registry.kind == "initializer":
        own_words = field.key == "weights"
        choices = (("", OWN_SCHEME if own_words else "as usual"), *choices)
        listed = "weights" if own_words else "others"
    if isinstance(given, Op):
        given = given.to_dict()
    own = given if isinstance(given, Mapping) else {"op": given}
    op = own.get("op")
    if not isinstance(op, str) or op not in registry:
        value = LISTED if isinstance(op, (list, tuple)) else text_of(op)
        return [Control(name, field.label, value, choices, _brief(field.says), wide=True, listed=listed)]
    wide = registry.kind != "activation"
    found = [Control(name, field.label, str(op), choices, _brief(field.says), wide=wide, listed=listed)]
    for setting in fields_of(registry[op]):
        found += _settings(name, own, setting)
    return found


# -------------------------------------------------------------------------------------------------------- the training


@functools.cache
def training_fields() -> Mapping[str, Field]:
    """Give the settings of a training as fields, by their keys."""
    kinds = types_of(TrainingSettings)
    usual = TrainingSettings()
    return {key: field_of(key, kinds[key], describe_setting(key), getattr(usual, key)) for key in TRAINING}


SHOWN_AS: Mapping[str, Any] = {"keep_best": False}
"""What the page takes where the design does not say: its last weights are what one looks at."""


def _training_groups(design: Design) -> tuple[Group, ...]:
    network, training = design.network, design.training
    fields = training_fields()

    def control(key: str) -> Control:
        return _control(key, fields[key], training.get(key, SHOWN_AS.get(key, fields[key].usual)))

    loss = _op("loss", Field("loss", "loss", "the error that training makes small"), REGISTRIES["loss"],
               network.get("loss", "half_squared_error"))  # fmt: skip
    steps = {
        kind: _op(kind, Field(kind, kind, describe_setting(kind)), REGISTRIES[kind],
                  training.get(kind, fields[kind].usual))
        for kind in ("optimizer", "schedule")
    }  # fmt: skip
    batch = msgspec.structs.replace(control("batch_size"), words=(), buttons=(("full", "all rows"),))
    rest = [key for key in TRAINING if key not in {*PENALTIES, *PACE, "optimizer", "schedule", "seed"}]
    return (
        Group("loss", "Loss", tuple(loss)),
        Group("first", "First weights", tuple(_first_weights(network)), tuple(_more_of_network(network, training))),
        Group("optimizer", "Optimizer", (*steps["optimizer"][:2],), (*steps["optimizer"][2:],)),
        Group("schedule", "Rate over time", tuple(steps["schedule"])),
        Group("pace", "Batches and epochs", (batch, control("epochs"))),
        Group("penalties", "Penalties and dropout", (*map(control, PENALTIES), _dropout(network))),
        Group("more", "More of the training", tuple(map(control, rest)), folded=True),
    )


def _first_weights(network: Mapping[str, Any]) -> list[Control]:
    seed = Control("seed", "seed", text_of(network.get("seed", 0)), says="seed of the first weights and of the order "
                   "of the rows; the same seed gives the same bits", step="count", least=0)  # fmt: skip
    choices = (("", OWN_SCHEME), *((one, one) for one in REGISTRIES["initializer"]))
    says = "the weights of all layers: the scheme by which they are drawn"
    scheme = Control("first_weights", "drawn by", first_weights(network), choices, says, wide=True, listed="weights")
    return [scheme, seed]


def _dropout(network: Mapping[str, Any]) -> Control:
    return Control("dropout", "dropout", dropout(network), says="a layer of dropout behind each hidden layer, which "
                   "drops this share of its outputs while it trains; 0 is none", step="number", least=0)  # fmt: skip


def _more_of_network(network: Mapping[str, Any], training: Mapping[str, Any]) -> list[Control]:
    """Give the settings of the network that are seldom changed."""
    kinds = types_of(NetworkTable)
    inputs = network["inputs"]
    names = isinstance(inputs, (list, tuple)) and bool(inputs) and isinstance(inputs[0], str)
    shape = "×".join(map(str, inputs)) if isinstance(inputs, (list, tuple)) and not names else text_of(inputs)
    found = [
        Control("network.inputs", "shape of a row", str(len(inputs)) if names else shape,
                says="a number, or rows × columns × channels of a picture, time steps × numbers of a sequence"),
        _control("dtype", field_of("dtype", kinds["dtype"], "type of all numbers", "float64"), network.get("dtype")),
    ]  # fmt: skip
    if network.get("seed", 0) != training.get("seed", 0):
        found += [
            Control(f"{one}.seed", f"seed of the {words}", text_of(table.get("seed", 0)), step="count", least=0)
            for one, words, table in (("network", "weights", network), ("training", "order", training))
        ]
    return found


def control_name(path: Sequence[str | int]) -> str:
    """Give the name of the setting at a path of the tables, as an error has it.

    >>> control_name(("network", "layers", 1, "units")), control_name(("training", "optimizer", "rate"))
    ('layers.1.units', 'optimizer.rate')
    """
    steps = [str(step) for step in path]
    if steps[:1] == ["training"] or steps[:2] in (["network", "layers"], ["network", "loss"], ["network", "dtype"]):
        steps = steps[1:]
    return ".".join(steps)


def shown_name(path: Sequence[str | int], groups: Sequence[Group]) -> str:
    """Give the name of the control for a path, or the nearest above it; "" where there is none."""
    names: set[str] = set()
    todo = list(groups)
    while todo:
        group = todo.pop()
        names |= {control.name for control in (*group.controls, *group.more)}
        todo += group.inside
    steps = control_name(path).split(".")
    tries = (".".join(steps[:n]) for n in range(len(steps), 0, -1))
    return next((name for name in tries if name in names), "")
