"""Writing what is shown to a file, in the form that the file's ending names."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from backlit.errors import BacklitError


def saved(path: str | os.PathLike[str], forms: Mapping[str, Callable[[], str]], what: str, advice: str = "") -> Path:
    """Write one of several forms of a thing, and give the file's path: the same bytes on every system.

    Args:
        path: the file; an earlier one is replaced in one step.
        forms: what makes the text, by the ending of the file's name, in small letters: ".svg".
        what: what the thing is called: "a picture".
        advice: what to do where the ending is another one.

    Errors: a BacklitError for another ending, or where the file cannot be written.
    """
    from backlit.model.file import replacing  # noqa: PLC0415  (late: most pictures are looked at only)

    target = Path(path)
    make = forms.get(target.suffix.lower())
    if make is None:
        *some, last = forms
        raise BacklitError(
            f"cannot save {what} as {target.name!r}; expected a name that ends in {', '.join(some)} or {last}."
            + (f" {advice}" if advice else "")
        )
    text = make().rstrip("\n") + "\n"
    with replacing(target) as file:
        file.write(text.encode(errors="backslashreplace"))  # names of files may hold bytes that are no UTF-8
    return target
