"""Every registered op can be reached as `backlit.<ClassName>`, and every public name is there."""

import pickle
from collections import Counter

import pytest

import backlit
from backlit.ops.registry import REGISTRIES

CLASSES = [
    cls for registry in REGISTRIES.values() for cls in registry.values() if cls.__module__.startswith("backlit.")
]


def test_no_two_ops_share_a_class_name():
    assert [name for name, count in Counter(cls.__name__ for cls in CLASSES).items() if count > 1] == []


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_ops_are_public_names(cls):
    assert getattr(backlit, cls.__name__) is cls
    assert cls.__name__ in dir(backlit)


@pytest.mark.parametrize("name", backlit.__all__)
def test_public_names_exist(name):
    assert getattr(backlit, name) is not None


def test_an_unknown_name_is_refused():
    with pytest.raises(AttributeError, match="'Dens'"):
        _ = backlit.Dens


def test_the_package_is_pickled_by_its_name():
    """So a function of a script or notebook that mentions it can go to another process."""
    cloudpickle = pytest.importorskip("cloudpickle")
    assert pickle.loads(pickle.dumps(backlit)) is backlit
    program = {"bl": backlit}
    exec("def outputs(rows):\n    return bl.Network([bl.Dense(1)], inputs=1).predict(rows)", program)
    twin = pickle.loads(cloudpickle.dumps(program["outputs"]))
    assert twin([[2.0]]) == program["outputs"]([[2.0]])
