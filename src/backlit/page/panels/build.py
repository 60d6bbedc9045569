"""The panel build: the network and its training by controls, whose choices come from the registries."""

from __future__ import annotations

import re
import shlex
import tempfile
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import tomli_w

from backlit.engine import TrainingSettings
from backlit.errors import BacklitError
from backlit.model import TabularModel, save
from backlit.ops import registry
from backlit.page.commands import command
from backlit.page.design import Design
from backlit.page.session import Panel, Part, Session
from backlit.page.settings_text import changed, refuse_too_large, restored, settings_of, without_given
from backlit.page.view import View
from backlit.show.live.build import Control, build_html

SHOWN = ("batch_size", "epochs", "l1", "l2")
"""Settings of the training that are not folded away."""


class BuildPanel(Panel):
    """What is built: each change begins anew at the first weights."""

    name: ClassVar[str] = "build"

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.refused: tuple[str, str, str] | None = None
        """The setting that did not fit, what was typed, and why."""

    def forget(self) -> None:
        """Forget what did not fit: another design is there."""
        self.refused = None

    def draw(self, view: View) -> Part:
        """Draw the controls."""
        settings = settings_of(view.design, view.source.design)
        words = ["backlit", "page", *view.source.words, *self.session.options]
        for name, text in settings.items():
            words += ["--set", f"{name}={text}"]
        html = build_html(_groups(view.design), len(view.design.network["layers"]), self.refused, shlex.join(words))
        beyond = view.source.beyond_the_command
        return Part(html + (f'<p class="note">{escape(beyond)}</p>' if beyond else ""), numbers=settings)

    def facts(self) -> Mapping[str, Any]:
        """Give the settings that differ from the source's own."""
        return settings_of(self.session.design, self.session.source.design)

    def saved(self, kind: str) -> tuple[str, str, bytes] | None:
        """Give the network file of the design, or the model with its weights of now."""
        session = self.session
        name = re.sub(r"[^A-Za-z0-9-]+", "-", session.source.title).strip("-").lower() or "network"
        if kind == "toml":
            tables = session.source.tables(session.design)
            text = f"# Opens again by: {session.source.opened_by(f'{name}.toml')}\n\n{tomli_w.dumps(tables)}"
            return f"{name}.toml", "application/toml", text.encode()
        if kind != "model":
            return None
        with session.turn():
            network, table = session.training.network.copy(), session.source.table
        model = network if table is None else TabularModel(network, table.encoder)
        with tempfile.TemporaryDirectory() as folder:
            content = save(model, Path(folder) / "page.safetensors").read_bytes()
        return f"{name}.safetensors", "application/octet-stream", content

    @command
    def change(self, name: str, text: str) -> None:
        """Change one setting; what does not fit is shown beside its control, and the old design stays."""
        try:
            self._build(changed(self.session.design, name, text))
        except BacklitError as error:
            self.refused = (name, text, str(error))

    @command
    def restore(self, settings: dict[str, str]) -> None:
        """Build the source's own design with these settings changed."""
        self._build(restored(self.session.source.design, settings))

    @command
    def layer(self, do: str, at: int) -> None:
        """Add a hidden layer behind a place, remove one, or move it up or down."""
        layers = list(self.session.design.network["layers"])
        if not 0 <= at < len(layers):
            raise BacklitError(f"there is no layer {at + 1} among {len(layers)}.")
        if do == "add":
            layers.insert(at, {"units": 8, "activation": "tanh"})
        elif do == "remove" and at < len(layers) - 1:
            del layers[at]
        elif do == "up" and 0 < at < len(layers) - 1:
            layers[at - 1 : at + 1] = [layers[at], layers[at - 1]]
        else:
            raise BacklitError(f"layer {at + 1} of {len(layers)} cannot {do!r}; the last one gives the prediction.")
        layers = [without_given(one) for one in layers]
        self._build(Design({**self.session.design.network, "layers": layers}, self.session.design.training))

    def _build(self, design: Design) -> None:
        refuse_too_large(design)
        self.session.build(design)


def _groups(design: Design) -> list[tuple[str, list[Control], bool]]:
    """Give the controls in groups, each with a title and whether it is folded away."""
    network, training = design.network, design.training
    groups: list[tuple[str, list[Control], bool]] = []
    for at, layer in enumerate(network["layers"]):
        given = dict(layer)
        place = f"layers.{at}"
        controls = []
        if "units" in given:
            controls.append(Control(f"{place}.units", "units", str(given["units"])))
        if "op" not in given or "activation" in given:
            activation = given.get("activation", "identity")
            controls.append(_choice(f"{place}.activation", "activation", activation, tuple(registry.activations)))
        groups.append((f"Layer {at + 1}" + (f" ({given['op']})" if "op" in given else ""), controls, False))
    rules = TrainingSettings(**{key: value for key, value in design.setup().rules_alone().items()
                                if key in TrainingSettings.__struct_fields__})  # fmt: skip
    loss = [_choice("loss", "loss", network.get("loss", "half_squared_error"), tuple(registry.losses))]
    loss.append(Control("seed", "seed", str(network.get("seed", 0))))
    groups.append(("Loss and first weights", loss, False))
    for kind in (registry.optimizers, registry.schedules):
        op = getattr(rules, kind.kind)
        controls = [_choice(kind.kind, kind.kind, op.name, tuple(kind))]
        controls += [_field(f"{kind.kind}.{name}", name, getattr(op, name)) for name in op.__struct_fields__]
        groups.append((kind.kind.capitalize(), controls, False))
    fields = [name for name in TrainingSettings.__struct_fields__ if name not in ("optimizer", "schedule", "seed")]
    for title, folded in (("Training", False), ("More", True)):
        controls = [_field(name, name, training.get(name, getattr(rules, name)))
                    for name in fields if (name not in SHOWN) is folded]  # fmt: skip
        groups.append((title, controls, folded))
    return groups


def _choice(name: str, label: str, value: Any, choices: tuple[str, ...]) -> Control:
    if isinstance(value, str):
        return Control(name, label, value, choices)
    if isinstance(value, dict) and set(value) == {"op"}:
        return Control(name, label, value["op"], choices)
    return Control(name, label, msgspec.json.encode(value).decode())


def _field(name: str, label: str, value: Any) -> Control:
    if isinstance(value, bool):
        return Control(name, label, str(value).lower(), ("true", "false"))
    if hasattr(value, "to_dict"):
        value = value.to_dict()
    text = "" if value is None else value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return Control(name, label, text)
