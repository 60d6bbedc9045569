"""The registries of all ops by name, and how one is registered."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any, TypeVar

import msgspec

from backlit.errors import BacklitError
from backlit.ops.base import Layer, Op, arguments
from backlit.ops.synonyms import hint
from backlit.ops.update_checks import refuse_other_results
from backlit.ops.value_checks import checked, types_of

T = TypeVar("T", bound=type[Op])


class Registry(MutableMapping[str, type[Op]]):
    """The ops of one kind by name, in the order of their registration."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._classes: dict[str, type[Op]] = {}

    def __getitem__(self, name: str) -> type[Op]:
        try:
            return self._classes[name]
        except (KeyError, TypeError):
            raise UnknownOpError(f"unknown {self.kind} {name!r}; {hint(str(name), self._classes)}") from None

    def __setitem__(self, name: str, cls: type[Op]) -> None:
        self._classes[name] = cls

    def __delitem__(self, name: str) -> None:
        del self._classes[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._classes)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self._classes

    def __len__(self) -> int:
        return len(self._classes)

    def make(self, given: str | Op | type[Op]) -> Any:
        """Give the op that `given` names: an op itself, its class, or a name with the default settings."""
        if isinstance(given, type) and issubclass(given, Op):
            given = given()
        if isinstance(given, Op):
            if given.kind != self.kind:
                raise BacklitError(f"{given!r} is a {given.kind}, where a {self.kind} is expected.")
            return given
        return self[given]()

    def from_dict(self, data: Mapping[str, Any]) -> Any:
        """Give the op that `to_dict` described, checking names and types of all settings."""
        settings = dict(data)
        cls = self[settings.pop("op", "")]
        for key in settings:
            if key not in cls.__struct_fields__:
                raise BacklitError(
                    f"{self.kind} {cls.name!r} has no setting {key!r}; {hint(key, cls.__struct_fields__)}"
                )
        inner = {key: _inner(kind, settings.pop(key)) for key, kind in cls.nested.items()
                 if isinstance(settings.get(key), (Mapping, list) if kind == "layer" else Mapping)}  # fmt: skip
        for name in _required(cls):
            if name not in data:
                raise BacklitError(f"{self.kind} {cls.name!r}: the setting {name!r} is missing.")
        owner, types = f"{self.kind} {cls.name!r}: ", types_of(cls)
        return cls(**inner, **{key: checked(key, value, types[key], owner) for key, value in settings.items()})


def _inner(kind: str, data: Any) -> Any:
    """Give the op that stands in another one's settings; in a layer's, several in lists too, activations among them."""
    if kind == "layer" and isinstance(data, (list, tuple)):
        return tuple(_inner(kind, item) for item in data)
    if kind == "layer":
        return layer_from_dict(data) if isinstance(data, Mapping) else make_layer(data)
    return REGISTRIES[kind].from_dict(data)


@functools.cache  # msgspec evaluates the annotations each time
def _required(cls: type[Op]) -> tuple[str, ...]:
    """Give the settings that have no default value."""
    return tuple(field.name for field in msgspec.structs.fields(cls) if field.required)


class UnknownOpError(BacklitError, KeyError):
    """A name that no registered op has."""

    __str__ = BacklitError.__str__


layers = Registry("layer")


activations = Registry("activation")


losses = Registry("loss")


optimizers = Registry("optimizer")


schedules = Registry("schedule")


initializers = Registry("initializer")


REGISTRIES = {r.kind: r for r in (layers, activations, losses, optimizers, schedules, initializers)}


def make_layer(given: Any) -> Any:
    """Give the layer or activation that `given` is or names."""
    if isinstance(given, Layer):
        return given
    if isinstance(given, str) and given in activations:
        return activations.make(given)
    if isinstance(given, (str, type)):
        return layers.make(given)
    raise BacklitError(f"a layer is {given!r}; expected a layer such as Dense(16, 'relu'), or a name.")


def layer_from_dict(data: Mapping[str, Any]) -> Any:
    """Give the layer or activation that `to_dict` described."""
    return (activations if data.get("op") in activations else layers).from_dict(data)


def _check_maths(cls: type[Op], name: str) -> None:
    """Refuse maths that the engine cannot call: plain methods, a value without slope, settings that are no fields."""
    for method in ("value", "slope", "forward", "backward", "update", "scalars"):
        if inspect.isfunction(cls.__dict__.get(method)):
            raise BacklitError(f"{cls.kind} {name!r}: {method} must be a @staticmethod.")
    for method in ("value", "slope") if cls.kind in {"activation", "loss"} else ():
        function = getattr(cls, method, None)
        if function is None:
            if hasattr(cls, "slope" if method == "value" else "value"):
                raise BacklitError(f"{cls.kind} {name!r}: it has no {method}; value and slope are given together.")
            return
        operands = 2 if cls.kind == "loss" else 1
        for setting in arguments(function)[operands:]:
            if setting not in cls.__struct_fields__:
                raise BacklitError(
                    f"{cls.kind} {name!r}: {method} asks for {setting!r}, which is none of its fields: "
                    f"{', '.join(cls.__struct_fields__) or 'it has none'}. Add `{setting}: float = ...` to the class."
                )


def _refuse_taken(cls: type[Op], name: str) -> None:
    """Refuse a name that another class has, since a user who means that class would get this one without a warning.

    A class of the same module and name is the same definition run again, by a reload or in a notebook's cell, and takes
    the place of the older one. Layers and activations share their names, for a chain may name either.
    """
    kinds = ("activation", "layer") if cls.kind in {"activation", "layer"} else (cls.kind,)
    for kind in kinds:
        holder = REGISTRIES[kind].get(name)
        if holder and (holder.__module__, holder.__qualname__) != (cls.__module__, cls.__qualname__):
            raise BacklitError(
                f"the name {name!r} is taken by the {kind} {holder.__module__}.{holder.__qualname__}; register "
                f'{cls.__qualname__} under a name of its own, such as @register("my_{name}").'
            )


def register(name: str) -> Callable[[T], T]:
    """Register the decorated class under `name` in the registry of its kind.

    The same definition may be registered again, as a notebook's cell does that is run twice.

    Errors: a BacklitError where the class is no op, its maths could not be called, or another class has the name.
    """

    def add(cls: T) -> T:
        if getattr(cls, "kind", None) not in REGISTRIES:
            raise BacklitError(f"{cls.__name__} is no op: derive it from Activation, Layer, Loss or Optimizer.")
        _check_maths(cls, name)
        if cls.kind == "optimizer":
            refuse_other_results(cls, name)
        _refuse_taken(cls, name)
        cls.name = name
        REGISTRIES[cls.kind][name] = cls
        return cls

    return add
