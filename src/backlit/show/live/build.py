"""The controls of a network and its training: groups of settings that can be folded, layers that can be moved."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import msgspec

from backlit.show.live.choices import options_html


class Control(msgspec.Struct, frozen=True):
    """A setting: its name, its label, its value as text, and its choices, values and words, where there are only some.

    Choices that have a name in `listed` are written once for all controls of that name; a browser fills the lists.
    `says` is its description. `step` is "count" for whole numbers and "number" for others: the arrow keys change it,
    from `least` on. `words` are values beside numbers; each becomes a button where `buttons` gives it words.
    `usual` is the value that it has where the field is left empty.
    """

    name: str
    label: str
    value: str
    choices: tuple[tuple[str, str], ...] = ()
    says: str = ""
    step: str = ""
    least: float | None = None
    words: tuple[str, ...] = ()
    buttons: tuple[tuple[str, str], ...] = ()
    usual: str = ""
    wide: bool = False
    listed: str = ""


class Moves(msgspec.Struct, frozen=True):
    """What can be done with a layer: the list that it is in, its number from 0, and the ways."""

    place: str
    at: int
    ways: tuple[str, ...]


class Adding(msgspec.Struct, frozen=True):
    """Where a layer can be added: the list, the places and their words, and what is chosen."""

    place: str
    places: tuple[tuple[str, str], ...]
    kind: str
    at: str
    error: str = ""


class Group(msgspec.Struct, frozen=True):
    """Settings under a title; `more` are those that are folded away within, `inside` are groups within."""

    key: str
    title: str
    controls: tuple[Control, ...] = ()
    more: tuple[Control, ...] = ()
    inside: tuple[Group, ...] = ()
    adding: tuple[Adding, ...] = ()
    moves: Moves | None = None
    folded: bool = False
    stub: bool = False
    """Whether only the title is drawn: what is within is asked for when it is unfolded."""
    shown: bool = False
    """Whether it is unfolded now, whatever a person had folded: it was just added."""


class Refused(msgspec.Struct, frozen=True):
    """What did not fit: the control, what was typed, why, what it stays at; `about` is the control that `why` names."""

    name: str
    typed: str
    why: str
    stays: str = ""
    about: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The controls that are marked."""
        return (self.name, self.about)


class Saving(msgspec.Struct, frozen=True):
    """The names of the files to save, and how each is used: words, command."""

    network: str
    model: str
    network_uses: tuple[tuple[str, str], ...] = ()
    model_uses: tuple[tuple[str, str], ...] = ()


class BuildPage(msgspec.Struct, frozen=True):
    """All that is drawn: `kinds` are those of layers, in groups with a name.

    `going_on` says whether a change of the training goes on with the weights of now.

    `said` is what was done beside what was asked, or what the command does not restore.
    """

    groups: tuple[Group, ...]
    kinds: tuple[tuple[str, tuple[str, ...]], ...]
    saving: Saving
    refused: Refused | None = None
    going_on: bool = False
    said: str = ""


def build_html(page: BuildPage) -> str:
    """Give the controls in their groups, with what did not fit beside its control."""
    refused = page.refused
    known = {control.name for group in page.groups for control in _controls(group)}
    lost = escape(refused.why) if refused and not known & {*refused.names} else ""
    parts = [
        '<h2>Network and training</h2><p class="note">A change begins anew, at the first weights of the seed.</p>',
        '<p class="going"><input type="checkbox" id="build-going-on"'
        f'{" checked" if page.going_on else ""}> <label for="build-going-on">Go on with the weights of now where only '
        "the training changes</label></p>",
        f'<p class="note" id="build-said" role="status">{escape(page.said)}</p>' if page.said else "",
        f'<p data-errors role="alert">{lost}</p>',
        *(_group_html(group, refused) for group in page.groups),
        _saving_html(page.saving),
        *(f'<template id="build-list-{escape(name)}">{options_html(choices, "")}</template>'
          for name, choices in _lists(page.groups).items()),
        f'<template id="build-list-kinds">{_kinds_html(page.kinds)}</template>',
    ]  # fmt: skip
    return "".join(parts)


def _kinds_html(kinds: Sequence[tuple[str, tuple[str, ...]]]) -> str:
    return "".join(
        f'<optgroup label="{escape(label)}">{options_html([(name, name) for name in names], "")}</optgroup>'
        for label, names in kinds
    )


def _lists(groups: Sequence[Group]) -> dict[str, tuple[tuple[str, str], ...]]:
    """Give the choices that are written once, by their name."""
    controls = [control for group in groups for control in _controls(group)]
    return {control.listed: control.choices for control in controls if control.listed}


def _controls(group: Group) -> list[Control]:
    """Give all controls of a group, those of groups within too."""
    return [*group.controls, *group.more, *(control for inner in group.inside for control in _controls(inner))]


def _addings(group: Group) -> list[Adding]:
    return [*group.adding, *(adding for inner in group.inside for adding in _addings(inner))]


def _group_html(group: Group, refused: Refused | None) -> str:
    title = escape(group.title)
    own = f"build-group-{escape(group.key)}"
    wrong = refused is not None and bool({*refused.names} & {one.name for one in _controls(group)})
    wrong = wrong or any(adding.error for adding in _addings(group))
    forced = " data-open" if group.shown or wrong else ""
    parts = [_control_html(control, refused) for control in group.controls]
    if group.more:
        inner = refused is not None and bool({*refused.names} & {one.name for one in group.more})
        parts.append(
            f'<details id="{own}-more" class="more"{" open data-open" if inner else ""}>'
            f'<summary id="{own}-more-title">More<span class="unseen"> of {title}</span></summary>'
            f"{''.join(_control_html(control, refused) for control in group.more)}</details>"
        )
    parts += [_group_html(inner, refused) for inner in group.inside]
    if group.moves:
        parts.append(_moves_html(group.moves, title))
    parts += [_adding_html(adding) for adding in group.adding]
    if group.stub and not forced:
        return (
            f'<details id="{own}" class="group" data-unfold="{escape(group.key)}"><summary id="{own}-title">{title}'
            "</summary></details>"
        )
    opened = " open" if forced else "" if group.folded else " open data-unfolded"
    return (
        f'<details id="{own}" class="group"{opened}{forced}><summary id="{own}-title">{title}</summary>'
        f'<div role="group" aria-label="{title}">{"".join(parts)}</div></details>'
    )


WAYS = {"up": ("Up", "Move up"), "down": ("Down", "Move down"), "remove": ("Remove", "Remove")}


def _moves_html(moves: Moves, title: str) -> str:
    """Give the buttons that move a layer, or remove it."""
    if not moves.ways:
        return ""
    dots = "" if moves.place == "layers" else f"{moves.place}-"
    buttons = []
    for way in moves.ways:
        words, said = WAYS[way]
        to, other = moves.at + {"up": -1, "down": 1}.get(way, 0), {"up": "down", "down": "up"}.get(way, way)
        then = f"build-{way}-{dots}{to} build-{other}-{dots}{to}"
        buttons.append(
            f'<button type="button" id="build-{way}-{escape(dots)}{moves.at}" data-layer="{way}" '
            f'data-at="{moves.at}" data-place="{escape(moves.place)}" data-then="{escape(then)}" '
            f'aria-label="{said}: {title}">{words}</button>'
        )
    return f'<p class="moves">{"".join(buttons)}</p>'


def _adding_html(adding: Adding) -> str:
    """Give the lists and the button that add a layer."""
    own = f"build-add-{escape(adding.place)}"
    kinds = options_html([(adding.kind, adding.kind)], adding.kind)
    error = f'<p class="error" role="alert" id="{own}-error">{escape(adding.error)}</p>' if adding.error else ""
    marks = f' aria-invalid="true" aria-describedby="{own}-error"' if adding.error else ""
    what = "" if adding.place == "layers" else '<span class="what">Add a layer</span>'
    return (
        f'<div class="adding">{what}'
        f'<select id="{own}-kind" aria-label="Kind of the layer to add" data-list="kinds" data-remember{marks}>'
        f"{kinds}</select>"
        f'<select id="{own}-at" aria-label="Where to add it" data-remember>{options_html(adding.places, adding.at)}'
        f'</select><button type="button" id="{own}" data-layer="add" data-place="{escape(adding.place)}">Add</button>'
        f"{error}</div>"
    )


def _control_html(control: Control, refused: Refused | None) -> str:
    name, value = escape(control.name), control.value
    own = f"build-{name}"
    typed = refused is not None and refused.name == control.name
    wrong = refused is not None and control.name in refused.names
    if refused is not None and typed:
        value = refused.typed
    title = escape(f"{control.name}: {control.says}" if control.says else control.name)
    marks = f'id="{own}" data-setting="{name}" title="{title}"'
    if refused is not None and wrong:
        marks += f' aria-invalid="true" aria-describedby="{own}-error"'
    if control.choices:
        offered = control.choices
        if value not in {one for one, _ in offered}:
            offered = ((value, value), *offered)
        if control.listed:
            marks += f' data-list="{escape(control.listed)}"'
            offered = tuple(one for one in offered if one[0] == value)
        field = f"<select {marks}>{options_html(offered, value)}</select>"
    else:
        field = _input_html(control, value, marks)
    for word, words in control.buttons:
        pressed = "true" if control.value == word else "false"
        field += (
            f'<button type="button" id="{own}-{escape(word)}" data-setting="{name}" data-text="{escape(word)}" '
            f'aria-pressed="{pressed}">{escape(words)}</button>'
        )
    error = ""
    if refused is not None and wrong:
        stays = f" It stays at {refused.stays}." if typed and refused.stays else ""
        error = f'<p class="error" id="{own}-error">{escape(refused.why + stays)}</p>'
    kind = "setting wide" if control.wide or control.buttons else "setting"
    return f'<div class="{kind}"><label for="{own}">{escape(control.label)}</label>{field}{error}</div>'


def _input_html(control: Control, value: str, marks: str) -> str:
    more = ""
    if control.step:
        least = "" if control.least is None else f' data-least="{control.least:g}"'
        more = f' data-step="{control.step}"{least} inputmode="{"numeric" if control.step == "count" else "decimal"}"'
    if control.usual:
        more += f' placeholder="{escape(control.usual)}"'
    if control.words:
        own = f"build-{escape(control.name)}-words"
        more += f' list="{own}"'
        listed = "".join(f'<option value="{escape(word)}"></option>' for word in control.words)
        return f'<input {marks} value="{escape(value)}"{more} autocomplete="off" spellcheck="false">' + (
            f'<datalist id="{own}">{listed}</datalist>'
        )
    return f'<input {marks} value="{escape(value)}"{more} autocomplete="off" spellcheck="false">'


def _saving_html(saving: Saving) -> str:
    """Give what saves, each with how it is used."""
    return (
        f'<div class="saving"><a class="button" id="build-save" href="/save/build/toml" '
        f'download="{escape(saving.network)}">'
        f"Save the network file</a>{_uses_html(saving.network_uses)}"
        f'<a class="button" id="build-model" href="/save/build/model" download="{escape(saving.model)}">Save the model'
        f"</a>{_uses_html(saving.model_uses)}</div>"
    )


def _uses_html(uses: Sequence[tuple[str, str]]) -> str:
    if not uses:
        return ""
    listed = "".join(f"<li>{escape(words)} <code>{_unbroken(command)}</code></li>" for words, command in uses)
    return f'<ul class="uses note">{listed}</ul>'


def _unbroken(command: str) -> str:
    """Give a command whose lines end between its words, as far as a word has room."""
    return " ".join(f"<span>{escape(word)}</span>" for word in command.split(" "))
