"""The settings of an op as fields of a form: each with its words, its choices and its default, from the registry."""

from __future__ import annotations

import functools
import inspect
import itertools
import re
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import inspect as types

from backlit.errors import BacklitError
from backlit.ops.base import REDUCTIONS, Layer, Op
from backlit.ops.layers.joins import JOINING
from backlit.ops.value_checks import expected, types_of

LABELS: Mapping[str, str] = {
    "rate": "learning rate", "batch_size": "rows of a batch", "l1": "L1 penalty", "l2": "L2 penalty",
    "weights": "first weights", "recurrent_weights": "first weights back", "biases": "first biases",
    "bias": "has a bias", "freeze": "kept as they are", "tie": "shares weights as", "p": "share dropped",
    "size": "window", "stride": "step of the window", "dilation": "gaps in the window", "returns": "passes on",
    "lengths": "input of the lengths", "truncate": "steps back at most", "reduction": "errors of rows",
    "keep_best": "end with the best", "decay_biases": "penalties on biases", "penalty_per_batch": "penalties by batch",
    "clip_value": "limit of a slope", "clip_norm": "limit of the gradient", "max_norm": "limit of a unit",
    "time_limit": "time limit, s", "target": "stop at the loss", "tolerance": "least improvement",
    "shuffle": "shuffle the rows", "what": "columns", "join": "joined by", "max_evaluations": "most evaluations",
    "every": "every so many epochs", "std": "standard deviation", "count": "categories", "dtype": "numbers",
    "then": "behind it", "linear": "straight lines", "beta1": "beta 1", "beta2": "beta 2",
}  # fmt: skip
"""What a setting is called on the page, where its key does not say it."""

CHOICES: Mapping[str, tuple[str, ...]] = {"reduction": REDUCTIONS, "join": tuple(JOINING)}
"""Words that a setting takes, where its type is any text."""

YES_NO = (("true", "yes"), ("false", "no"))


class Field(msgspec.Struct, frozen=True):
    """A setting: its key, its label and what it says.

    `usual` is its value where none is given, `required` says that there is none. `choices` are values and their words,
    where it takes only these; `words` are values that it takes beside numbers. `step` is "count" for whole numbers,
    "number" for others, "" for anything else. `least` is the lowest number. `nested` is the kind of an op that it may
    be.
    """

    key: str
    label: str
    says: str
    usual: Any = None
    required: bool = False
    choices: tuple[tuple[str, str], ...] = ()
    words: tuple[str, ...] = ()
    step: str = ""
    least: float | None = None
    nested: str = ""


def label_of(key: str) -> str:
    """Give the words of a key.

    >>> label_of("rate"), label_of("label_smoothing")
    ('learning rate', 'label smoothing')
    """
    return LABELS.get(key) or key.replace("_", " ")


@functools.cache
def fields_of(cls: type[Op]) -> tuple[Field, ...]:
    """Give the settings of an op's class, in their order; its docstring's `Args` say what they mean."""
    said = arguments_said(inspect.getdoc(cls) or "")
    fields = msgspec.structs.fields(cls)
    own = types_of(cls)
    found = (
        field_of(
            field.name, own[field.name], said.get(field.name, ""),
            None if field.default is msgspec.NODEFAULT else field.default, required=field.required,
            choices=_freezing(cls) if field.name == "freeze" else (), nested=cls.nested.get(field.name, ""),
        )
        for field in fields
    )  # fmt: skip
    windows = "stride" in own
    return tuple(found if windows else (msgspec.structs.replace(one, label=one.key) if one.key == "size" else one
                                        for one in found))  # fmt: skip


def field_of(
    key: str, kind: Any, says: str, usual: Any, *, required: bool = False, choices: tuple[tuple[str, str], ...] = (),
    nested: str = "",
) -> Field:  # fmt: skip
    """Give the field of a setting of an annotated type."""
    words, step, least, only = _parts(types.type_info(kind))
    if key in CHOICES and step == "text":
        words, only = CHOICES[key], True
    given = choices or (tuple((word, dict(YES_NO).get(word, word)) for word in words) if only and words else ())
    return Field(
        key, label_of(key), says or ("" if nested or given else expected(kind)), usual, required, given,
        () if given else words, step if step in STEPS else "", least, nested,
    )  # fmt: skip


STEPS = ("count", "number")


def _parts(found: types.Type) -> tuple[tuple[str, ...], str, float | None, bool]:  # noqa: PLR0911 (one for a type)
    """Give the words that a type takes, what its other values are, the lowest, and whether there are only words."""
    if isinstance(found, types.Metadata):
        return _parts(found.type)
    if isinstance(found, types.UnionType):
        parts = [_parts(option) for option in found.types if not isinstance(option, types.NoneType)]
        steps = [step for _, step, _, _ in parts if step]
        least = next((least for _, step, least, _ in parts if step), None)
        listed = any(step == "list" for step in steps)
        words = tuple(word for inner, _, _, _ in parts for word in inner)
        return words, "" if listed or not steps else steps[0], least, all(only for _, _, _, only in parts)
    if isinstance(found, types.LiteralType):
        return tuple(map(str, found.values)), "", None, True
    if isinstance(found, types.BoolType):
        return ("true", "false"), "", None, True
    if isinstance(found, types.IntType):
        low = found.ge if found.ge is not None else None if found.gt is None else found.gt + 1
        return (), "count", low, False
    if isinstance(found, types.FloatType):
        return (), "number", found.ge if found.ge is not None else found.gt, False
    if isinstance(found, types.VarTupleType | types.ListType):
        return (), "list", None, False
    return (), "text" if isinstance(found, types.StrType) else "", None, False


def _freezing(cls: type[Op]) -> tuple[tuple[str, str], ...]:
    """Give which parameters of a layer may be kept as they are: none, some or all."""
    if not issubclass(cls, Layer):
        return ()
    try:
        layer, row = cls.sample()
        names = list(layer.ops()[0].shapes(row).parameters)
    except BacklitError:
        return ()
    groups = itertools.chain.from_iterable(itertools.combinations(names, n) for n in range(1, len(names) + 1))
    return (("", "none"), *((msgspec.json.encode(group).decode(), " and ".join(group)) for group in groups))


_ARGUMENT = re.compile(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", re.MULTILINE)


def arguments_said(doc: str) -> dict[str, str]:
    r"""Give what a docstring says of each argument.

    >>> arguments_said("Adds.\n\nArgs:\n    rate: how much.\n        And more.\n    p: a share.\n\nErrors: none.")
    {'rate': 'how much. And more.', 'p': 'a share.'}
    """
    _, _, rest = doc.partition("Args:\n")
    part = rest.split("\n\n")[0]
    return {name: " ".join(words.split()).replace("`", "") for name, words in _ARGUMENT.findall(part)}
