"""What a person types for an option, as values: lists with commas, column names, files to write."""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_origin

from cyclopts import Group, Parameter

from backlit.cli.wording import fitting
from backlit.engine import describe_setting
from backlit.errors import BacklitError

if TYPE_CHECKING:
    from backlit.data import Table
    from backlit.model import TabularModel


INDENT = "    "
"""Of the words of an option, below its name."""


def _whole(kind: Any, tokens: Sequence[Any]) -> Any:
    """Whole numbers only: by itself, cyclopts rounds 1.5 to 2."""
    try:
        numbers = tuple(int(token.value) for token in tokens)
    except ValueError:
        given = " ".join(token.value for token in tokens)
        raise ValueError(f'"{given}" is not a whole number{fitting(given, whole=True)}.') from None
    return numbers if get_origin(kind) is tuple else numbers[0]


Command = TypeVar("Command", bound=Callable[..., Any])


def unwrapped(command: Command) -> Command:
    """Join the lines of each option's words in a command's docstring: `--help` breaks them to the terminal's width."""
    lines: list[str] = []
    for line in inspect.cleandoc(command.__doc__ or "").splitlines():
        if lines and line.startswith(INDENT) and lines[-1].startswith(INDENT):
            lines[-1] += f" {line.strip()}"
        else:
            lines.append(line)
    command.__doc__ = "\n".join(lines)
    return command


Whole = Annotated[int, Parameter(converter=_whole)]


def _real(_: Any, tokens: Sequence[Any]) -> float:
    """A number, with a point."""
    given = tokens[0].value
    try:
        return float(given)
    except ValueError:
        raise ValueError(f'"{given}" is not a number{fitting(given, whole=False)}.') from None


Real = Annotated[float, Parameter(converter=_real)]


def _whole_list(_: Any, tokens: Sequence[Any]) -> tuple[int, ...]:
    """Whole numbers, with commas or spaces between them."""
    given = ",".join(token.value for token in tokens)
    try:
        return tuple(int(part) for part in given.split(","))
    except ValueError:
        raise ValueError(f'"{given}" are not whole numbers with commas between them, such as 1,2.') from None


WholeList = Annotated[tuple[int, ...], Parameter(converter=_whole_list)]


def value(_: Any, tokens: Sequence[Any]) -> Any:
    """A whole number, a number, or the text as it is; the settings check what it may be."""
    text = tokens[0].value
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def described(name: str, group: Group, more: str = "") -> Parameter:
    """An option for the setting `name` of a training, in the setting's own words, with `more` behind them."""
    words = describe_setting(name)
    return Parameter(group=group, converter=value, help=f"{words[0].upper()}{words[1:]}{more}.")


def layer_sizes(text: str | None) -> tuple[int, ...] | None:
    """The units of hidden layers: "64,32"; "none" for no hidden layer.

    >>> layer_sizes("64,32"), layer_sizes("none"), layer_sizes(None)
    ((64, 32), (), None)
    """
    if text is None or text.strip() == "none":
        return None if text is None else ()
    try:
        return tuple(int(size) for size in text.split(","))
    except ValueError:
        raise BacklitError(
            f'--layers is "{text}"; expected whole numbers with commas between, such as 64,32, or none.'
        ) from None


def names(text: str | None) -> tuple[str, ...] | None:
    """Names with commas between them: "relu,tanh".

    >>> names("relu, tanh")
    ('relu', 'tanh')
    """
    return None if text is None else tuple(name.strip() for name in text.split(","))


def column_names(given: Sequence[str], table: Table) -> tuple[str, ...]:
    """The columns that an option names, with commas between them or one option each; each must exist.

    A value that is itself the name of a column is not cut at its commas.
    """
    found: list[str] = []
    for value in given:
        found += [value] if value in table.columns else [name.strip() for name in value.split(",")]
    for name in found:
        table.column(name)
    return tuple(dict.fromkeys(found))


def read_model(path: Path) -> TabularModel:
    """The model of a table in that file; a BacklitError where it holds a network alone."""
    from backlit.model import TabularModel, load

    model = load(path)
    if not isinstance(model, TabularModel):
        raise BacklitError(
            f'"{path}" holds a network alone: it does not say how the columns of a table become its {model.inputs} '
            "inputs. Use backlit.load in Python, or a model that `backlit train` wrote."
        )
    return model


def check_output(path: Path, suffixes: Sequence[str]) -> None:
    """Refuse, before any work, an output that cannot be written or whose name does not end in one of the suffixes.

    So nothing of another kind is overwritten.
    """
    if path.is_dir():
        raise BacklitError(f'"{path}" is a folder: give the name of a file to write.')
    if not path.parent.is_dir():
        raise BacklitError(f'the folder "{path.parent}" does not exist: make it first, or choose another place.')
    if path.suffix.lower() not in suffixes:
        raise BacklitError(f'the output "{path}" does not end in {" or ".join(suffixes)}: choose another name.')
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise BacklitError(f'cannot write in the folder "{path.parent}": {error.strerror}. Choose another.') from None


def form_of(form: str | None, output: Path | None, forms: Mapping[str, Sequence[str]]) -> str:
    """The form to write in: the one asked for, else the one that the ending of the output stands for, else the first.

    `forms` has each form's endings. Refused are a form and an ending of another, and an ending of none.
    """
    ending = output.suffix.lower() if output else ""
    stands_for = next((name for name, endings in forms.items() if ending in endings), None)
    if form is None and ending and stands_for is None:
        every = ", ".join(endings[0] for endings in forms.values())
        raise BacklitError(
            f'the output "{output}" ends in {ending}, which stands for no form: choose one of {every}, or name the '
            f"form with --format: {', '.join(forms)}."
        )
    if form is not None and stands_for not in {None, form}:
        raise BacklitError(
            f'--format is {form}, but the output "{output}" ends in {ending}: choose --format {stands_for}, or a name '
            f"that ends in {forms[form][0]}."
        )
    return form or stands_for or next(iter(forms))
