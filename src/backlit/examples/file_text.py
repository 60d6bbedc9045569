"""The text of a network file, and the tables that it writes."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from backlit.errors import BacklitError
from backlit.examples.file_errors import at_place
from backlit.examples.toml_slips import slip


def text_of(path: Path) -> str:
    """Give the text of a network file."""
    try:
        data = path.read_bytes()
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
        found = "is text in UTF-16, as an old Windows program saves it" if wide else "is not text in UTF-8"
        raise BacklitError(f"{path} {found}; expected a network file in TOML. Save it as UTF-8.") from None
    except OSError as error:
        there = f" There is {path}.txt: rename it." if Path(f"{path}.txt").is_file() else ""
        raise BacklitError(f"cannot read {path}: {error.strerror}.{there}") from None
    return text.replace("\r\n", "\n")


@contextmanager
def not_too_deep(name: str) -> Iterator[None]:
    """Say that lists and tables stand in each other too many times, where reading them overflows the stack."""
    try:
        yield
    except RecursionError:
        raise BacklitError(
            f"{name}: lists and tables stand in each other too many times to be read; expected blocks in blocks at "
            "most 50 times. Blocks that follow each other stand in one list."
        ) from None


def parsed(text: str, name: str) -> dict[str, Any]:
    """Give the tables that a text in TOML writes, or refuse it at its place; `name` begins the message."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = slip(text, error)
        raise at_place(name, text, found.line, found.column, found.says) from None
    except ValueError:  # of Python, for a decimal number
        raise BacklitError(f"{name}: a whole number has more than 4,300 digits; expected at most some 300.") from None
