"""The room's door: every public name is there, and opening it loads nothing heavy."""

import subprocess
import sys

import pytest

import backlit.data


@pytest.mark.parametrize("name", backlit.data.__all__)
def test_public_names(name):
    assert getattr(backlit.data, name).__doc__


def test_the_homes_are_the_public_names():
    assert sorted(backlit.data.__all__) == sorted(backlit.data._PLACES)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = backlit.data.nothing


def test_opening_the_room_loads_nothing_heavy():
    code = (
        "import sys, backlit.data; from backlit.data import BUNDLED;"
        "print([name for name in ('pyarrow', 'sklearn', 'pandas', 'narwhals', 'msgspec', 'numpy')"
        " if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
