"""What the tests of the commands share."""

import pytest

from backlit.cli import preparing


@pytest.fixture(autouse=True)
def warm(request, monkeypatch):
    """Whether a command compiles depends on the tests before it: only the tests of that line let it be printed."""
    if request.module.__name__.rpartition(".")[2] != "test_preparing":
        monkeypatch.setattr(preparing.Announcer, "__call__", lambda *_: None)
