"""The interface of the package: every public name exists, and importing the package loads nothing heavy."""

import subprocess
import sys

import pytest

import backlit.data


@pytest.mark.parametrize("name", backlit.data.__all__)
def test_public_names(name):
    assert getattr(backlit.data, name).__doc__


def test_every_public_name_has_its_module():
    assert sorted(backlit.data.__all__) == sorted(backlit.data._PLACES)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = backlit.data.nothing


def test_importing_the_package_loads_nothing_heavy():
    code = (
        "import sys, backlit.data; from backlit.data import BUNDLED;"
        "print([name for name in ('pyarrow', 'sklearn', 'pandas', 'narwhals', 'msgspec', 'numpy')"
        " if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
