"""The panel build: the network and its training by controls, whose choices come from the registries."""

from __future__ import annotations

import re
import shlex
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

import msgspec
import tomli_w

from backlit.engine import graph_of
from backlit.errors import BacklitError, counted
from backlit.examples.file_checks import decimal_comma
from backlit.examples.file_errors import MisfitError
from backlit.examples.file_layers import chain_of
from backlit.examples.file_shapes import network_inputs
from backlit.examples.file_tables import NetworkTable
from backlit.examples.strict import decode
from backlit.model import TabularModel, save
from backlit.page.build_controls import Chosen, groups_of, kinds, shown_name, text_of
from backlit.page.commands import command
from backlit.page.design import Design
from backlit.page.layer_edits import (
    candidates,
    inserted,
    layers_at,
    removed,
    swapped,
    with_dropout,
    with_first_weights,
)
from backlit.page.session import Panel, Part, Session
from backlit.page.settings_text import changed, restored, settings_of, value_of
from backlit.page.view import View
from backlit.show.live.build import BuildPage, Refused, Saving, build_html


class BuildPanel(Panel):
    """What is built: each change begins anew at the first weights, unless one asks to go on."""

    name: ClassVar[str] = "build"

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.refused: tuple[str, str, BacklitError] | None = None
        """The setting that did not fit, what was typed, and why."""
        self.chosen = Chosen()
        self.going_on, self.said = False, ""

    def forget(self) -> None:
        """Forget what did not fit: another design is there."""
        self.refused, self.said = None, ""
        self.chosen = msgspec.structs.replace(self.chosen, shown="", error="")

    def draw(self, view: View) -> Part:
        """Draw the controls."""
        groups = groups_of(view.design, self.chosen)
        page = BuildPage(groups, kinds(), self._saving(), self._refused(groups), self.going_on, self.said)
        return Part(build_html(page))

    def facts(self) -> Mapping[str, str]:
        """Give the settings that differ from the source's own."""
        return settings_of(self.session.design, self.session.source.design)

    def recall(self, facts: Mapping[str, str]) -> None:
        """Build the source's own design with these settings changed, where it is not there already, from its start."""
        if self.builds(facts):
            first = self.session.source.design
            self.session.build(with_names(restored(first, facts), first))

    def builds(self, facts: Mapping[str, str]) -> bool:
        """Whether these settings make another design than the one that is there.

        Errors: a BacklitError for one that does not fit.
        """
        first = self.session.source.design
        return with_names(restored(first, facts), first) != self.session.design

    def _refused(self, groups: Any) -> Refused | None:
        if self.refused is None:
            return None
        name, typed, error = self.refused
        path = tuple(getattr(error, "path", ()))
        about = shown_name(path, groups) if path and name not in ("dropout", "network.inputs", "first_weights") else ""
        values = {one.name: one.value for one in _controls(groups)}
        stays = values.get(name, "")
        own = about == name and path
        why = (_WHERE_OWN if own else _WHERE).sub("", str(error)) + decimal_comma(typed)
        return Refused(name, typed, why, stays if len(stays) <= MOST_SAID else "", about)

    # ------------------------------------------------------------------------------------------------------- the files

    @property
    def _file(self) -> str:
        """The name of the files to save, without an ending."""
        source = self.session.source
        given = Path(source.given[0]).stem if source.given else source.title
        words = re.sub(r"[^A-Za-z0-9-]+", "-", given).strip("-").lower()
        return words[:MOST_SAID].strip("-") or "network"

    def _saving(self) -> Saving:
        source = self.session.source
        network, model = f"{self._file}.toml", f"{self._file}.safetensors"
        options = self.session.options
        networks = [("Open it here again:", source.opened_by(network, options))]
        if source.table is not None:
            table = shlex.join([source.data_word, *source.words[len(source.given) :]])
            own = "".join(f" {word}" for word in map(shlex.quote, options))
            networks.append(
                ("Train its layers, as the options say:", f"backlit train {table} --network {network}{own}")
            )
            models = [("Predict rows:", f"backlit predict {model} ROWS.csv{own}")]
        else:
            networks.append(("Its numbers:", shlex.join(["backlit", "demo", network, *options])))
            models = []
        models.append(("In Python:", f'bl.load("{model}").predict(X)'))
        return Saving(network, model, tuple(networks), tuple(models))

    def saved(self, kind: str) -> tuple[str, str, bytes] | None:
        """Give the network file of the design, with the rows of its source's file, or the model with its weights."""
        session = self.session
        if kind == "toml":
            tables = session.source.tables(session.design)
            by = session.source.opened_by(f"{self._file}.toml", session.options)
            if not by.isprintable():  # a column's name with a line break would end the comment
                by = "backlit page FILE.toml --data TABLE --target COLUMN"
            return (
                f"{self._file}.toml",
                "application/toml",
                f"# Opens again by: {by}\n\n{tomli_w.dumps(tables)}".encode(),
            )
        if kind != "model":
            return None
        with session.turn():
            network, table = session.training.network.copy(), session.source.table
            if session.replayed is not None:  # the weights that one looks at
                moment = session.kept.at(session.replayed)
                network.parameters[:], network.state[:] = moment.parameters, moment.statistics
        model = network if table is None else TabularModel(network, table.encoder)
        with tempfile.TemporaryDirectory() as folder:
            content = save(model, Path(folder) / "page.safetensors").read_bytes()
        return f"{self._file}.safetensors", "application/octet-stream", content

    # ---------------------------------------------------------------------------------------------------- the commands

    @command
    def change(self, name: str, text: str) -> None:
        """Change one setting; what does not fit is shown beside its control, and the old design stays."""
        self.chosen = msgspec.structs.replace(self.chosen, error="")
        own = {one.name: one.value for one in _controls(groups_of(self.session.design, self.chosen))}
        if own.get(name) == text.strip():
            self.refused = None
            return
        try:
            designs = self._designs(name, text)
        except BacklitError as error:
            self.refused = (name, text, error)
            return
        refused: BacklitError | None = None
        for design in designs:
            try:
                self._build(design)
            except BacklitError as error:
                refused = error
                continue
            if refused is not None:
                self.said = "A layer flatten was put first: the layers behind it read one axis."
            return
        assert refused is not None
        self.refused = (name, text, refused)

    @command
    def go_on(self, on: bool) -> None:
        """Choose whether a change of the training goes on with the weights of now."""
        self.going_on = on

    @command
    def unfold(self, key: str) -> None:
        """Draw the settings of one of many layers."""
        self.chosen = msgspec.structs.replace(self.chosen, unfolded=(*self.chosen.unfolded, key)[-MOST_UNFOLDED:])

    @command
    def restore(self, settings: dict[str, str]) -> None:
        """Build the source's own design with these settings changed."""
        self._build(restored(self.session.source.design, settings))

    @command
    def layer(
        self, do: Literal["add", "remove", "up", "down"], at: int, place: str = "layers", kind: str = "dense"
    ) -> None:  # fmt: skip
        """Add a layer of a kind before a place, remove one, or move it up or down; `place` names a list of layers."""
        network = self.session.design.network
        own = layers_at(network, place)
        count, outer = len(own), place == "layers"
        if do == "add":
            self._add(kind, at, place)
            return
        if not 0 <= at < count:
            raise BacklitError(f"there is no layer {at + 1} among {count}.")
        last = count - 1 if outer else count  # the output stays where it is
        moved = at - 1 if do == "up" else at
        if at == last or (do == "up" and at == 0) or (do == "down" and at + 1 >= last):
            says = "the last one gives the prediction" if outer else "there is none to change places with"
            raise BacklitError(f"layer {at + 1} of {count} cannot {WORDS[do]}; {says}.")
        made = removed(network, place, at) if do == "remove" else swapped(network, place, moved)
        self._build(Design(made, self.session.design.training))

    def _add(self, kind: str, at: int, place: str) -> None:
        """Add a layer, or say beside the control why it does not fit there."""
        network = self.session.design.network
        count = len(layers_at(network, place)) - (place == "layers")
        if not 0 <= at <= count:
            raise BacklitError(f"a layer is added before place {at + 1}; expected one of the places 1 to {count + 1}.")
        self.chosen, self.refused = Chosen(kind, place, at), None
        first: BacklitError | None = None
        for tables in candidates(kind, self._width(at) if place == "layers" else None):
            try:
                self._build(Design(inserted(network, place, at, tables), self.session.design.training))
            except BacklitError as error:
                first = first or error
                continue
            self.chosen = Chosen(kind, place, at + len(tables), shown=f"{place}.{at}", unfolded=(f"{place}.{at}",))
            if len(tables) > 1:
                self.said = f"A layer flatten was added behind {kind}: what comes next reads one axis."
            return
        self.chosen = Chosen(kind, place, at, error=str(first))

    def _width(self, at: int) -> int | None:
        """Give the width of what the layer at a place reads, along its last axis; None where that is not known."""
        network = self.session.design.network
        try:
            table = decode({**network}, NetworkTable)
            inputs = network_inputs(table.inputs)
            if at == 0:
                return inputs if isinstance(inputs, int) else inputs[-1] if isinstance(inputs, tuple) else None
            graph = graph_of(chain_of(table)[:at], inputs)
        except BacklitError:
            return None
        return graph.rows[graph.output][-1]

    def _designs(self, name: str, text: str) -> list[Design]:
        """Give the design with what a control says, and what to try where that does not fit."""
        design = self.session.design
        if name == "first_weights":
            return [Design(with_first_weights(design.network, text.strip()), design.training)]
        if name == "dropout":
            return [Design(with_dropout(design.network, value_of(text)), design.training)]
        if name != "network.inputs":
            return [changed(design, name, text)]
        own = self.session.source.design.network["inputs"]
        if text.strip() in ("", str(len(own)) if isinstance(own, (list, tuple)) else text_of(own)):
            return [Design({**design.network, "inputs": own}, design.training)]
        made = changed(design, name, text)
        return [made, Design(inserted(made.network, "layers", 0, [{"op": "flatten"}]), made.training)]

    def _build(self, design: Design) -> None:
        session = self.session
        design = with_names(design, session.source.design)
        if design == session.design:
            self.refused = None
            return
        if design.training.get("epochs") == 0:
            raise MisfitError("epochs is 0; expected at least 1: there is nothing to train.", ("training", "epochs"))
        before = session.training
        updates, begun = before.step, bool(before.step % session.batches)
        going_on = self.going_on and design.network == session.design.network and updates > 0
        session.build(design, going_on=going_on)
        if going_on:
            whole, epochs = session.training.step > 0, len(before.history)
            ended = " The epoch that had begun was trained to its end first." if begun and whole else ""
            self.said = (
                f"It goes on with the weights after {counted(epochs, 'epoch')}"
                f"{'' if whole else ', and counts epochs from 0'}.{ended} The copied command does not restore that "
                "state: it begins at the first weights."
            )  # fmt: skip


def _output(layers: Any) -> Mapping[str, Any]:
    last = layers[-1] if isinstance(layers, list) and layers else None
    return last if isinstance(last, Mapping) else {}


def with_names(design: Design, first: Design) -> Design:
    """Give the design with the first one's names of the outputs, where there are as many of them as then."""
    own, then = (_output(one.network.get("layers")) for one in (design, first))
    if "labels" not in then or "labels" in own or own.get("units") != then.get("units"):
        return design
    named = {**own, "labels": then["labels"]}
    return Design({**design.network, "layers": [*design.network["layers"][:-1], named]}, design.training)


_WHERE_OWN = re.compile(r"^(?:(?:network|training)(?:, \w+)*: )?(?:layer \S+: )?(?:\w+ '\w+': )?")
_WHERE = re.compile(r"^(?:network|training)(?:, \w+)*: ")
"""Words that say in which table something does not fit: beside its control they say nothing."""


MOST_UNFOLDED = 4
"""Of many layers the settings of so many are drawn, since a snapshot is small."""

MOST_SAID = 40
"""A value of more characters is not repeated; nor is a file's name longer."""

WORDS = {"remove": "be removed", "up": "move up", "down": "move down"}


def _controls(groups: Any) -> list[Any]:
    return [one for group in groups for one in (*group.controls, *group.more, *_controls(group.inside))]


def _without_none(table: Mapping[str, Any]) -> dict[str, Any]:
    """Give a table without keys that are not given: TOML has no word for them."""
    return {key: _without_none(value) if isinstance(value, Mapping) else value
            for key, value in table.items() if value is not None}  # fmt: skip
