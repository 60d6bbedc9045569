"""The controls of a network and its training."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple


class Control(NamedTuple):
    """A setting: its name, its label, its value as text, and the choices where there are only some."""

    name: str
    label: str
    value: str
    choices: tuple[str, ...] = ()


def build_html(
    groups: Sequence[tuple[str, Sequence[Control], bool]], layers: int, refused: tuple[str, str, str] | None
) -> str:
    """Give the controls in their groups; `refused` is the setting that did not fit, what was typed, and why."""
    parts = ["<h2>Network and training</h2><p>Each change begins anew, at the first weights of the seed.</p>"]
    for at, (title, controls, folded) in enumerate(groups):
        inside = "".join(_control_html(control, refused) for control in controls)
        if folded:
            opened = " open" if refused and refused[0] in {control.name for control in controls} else ""
            parts.append(f'<details id="build-more"{opened}><summary>{escape(title)}</summary>{inside}</details>')
        else:
            buttons = _buttons(at, layers) if at < layers else ""
            parts.append(f"<fieldset><legend>{escape(title)}</legend>{inside}{buttons}</fieldset>")
    known = {control.name for _, controls, _ in groups for control in controls}
    lost = escape(refused[2]) if refused and refused[0] not in known else ""
    parts.append(f'<p data-errors role="alert">{lost}</p>')
    parts.append(
        '<p><a id="build-save" href="/save/build/toml" download>Save the network file</a> '
        '<a id="build-model" href="/save/build/model" download>Save the model</a></p>'
    )
    return "".join(parts)


def _buttons(at: int, layers: int) -> str:
    buttons = [("add", "Add a layer before it")]
    if at < layers - 1:
        buttons += [("remove", "Remove")] + ([("up", "Move up")] if at else [])
    return "".join(
        f'<button type="button" id="build-{do}-{at}" data-do="build.layer" '
        f'data-given=\'{{"do":"{do}","at":{at}}}\' aria-label="{label}: layer {at + 1}">{label}</button>'
        for do, label in buttons
    )


def _control_html(control: Control, refused: tuple[str, str, str] | None) -> str:
    name, label, value, choices = control
    wrong = refused is not None and refused[0] == name
    if refused is not None and wrong:
        value = refused[1]
    marks = f'id="build-{escape(name)}" data-setting="{escape(name)}"'
    if wrong:
        marks += f' aria-invalid="true" aria-describedby="build-{escape(name)}-error"'
    if choices:
        offered = choices if value in choices else (value, *choices)
        options = "".join(
            f"<option{' selected' if one == value else ''}>{escape(one)}</option>" for one in offered
        )  # fmt: skip
        field = f"<select {marks}>{options}</select>"
    else:
        field = f'<input {marks} value="{escape(value)}" autocomplete="off" spellcheck="false">'
    error = f'<p class="error" id="build-{escape(name)}-error">{escape(refused[2])}</p>' if refused and wrong else ""
    return f'<label for="build-{escape(name)}">{escape(label.replace("_", " "))}</label>{field}{error}'
