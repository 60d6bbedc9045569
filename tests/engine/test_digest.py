"""The digest of what a kernel depends on: every kind of edit changes it, and nothing else does."""

from __future__ import annotations

import enum
import functools
import math
import os
import struct
import subprocess
import sys
import time
import types
from collections import namedtuple
from typing import Any

import numpy as np
import pytest

from backlit.engine.code_cache.digest import Dependencies, dependencies_of
from backlit.engine.code_cache.disk_cache import cache_folder
from backlit.engine.compiled import compile as compiler
from backlit.engine.network import Network
from backlit.engine.training import Training
from backlit.ops.base import Activation
from backlit.ops.layers.dense import Dense
from backlit.ops.registry import REGISTRIES, register

NAN = struct.unpack("<d", b"\x01\0\0\0\0\0\xf8\x7f")[0]
LONG = np.arange(2000.0)
Pair = namedtuple("Pair", "a b")


class Level(enum.Enum):
    LOW = 0.1
    HIGH = 0.2


def edited(array: Any, place: int, value: float) -> Any:
    copy = array.copy()
    copy[place] = value
    return copy


VALUES = {
    "an element of a large array": (LONG, edited(LONG, 1000, -1.0)),
    "a ninth digit of a small array": (np.array([0.123456789]), np.array([0.123456788])),
    "the type of an array": (np.zeros(2), np.zeros(4, "float32")),
    "the type of an array of the same bytes": (np.zeros(2), np.zeros(2, "int64")),
    "the byte order of an array": (np.ones(2), np.ones(2).view(">f8")),
    "the shape of an array": (np.zeros((2, 3)), np.zeros((3, 2))),
    "the order of an array": (np.ones((2, 3)), np.ones((3, 2)).T),
    "a scalar of NumPy": (np.float64(0.1), np.nextafter(0.1, 1.0)),
    "the type of a scalar of NumPy": (np.float32(0.5), np.float64(0.5)),
    "a float and a scalar of NumPy": (0.5, np.float64(0.5)),
    "the last bit of a float": (0.1, math.nextafter(0.1, 1.0)),
    "the sign of zero": (0.0, -0.0),
    "the payload of NaN": (math.nan, NAN),
    "the sign of NaN in an array": (np.array([np.nan]), np.array([-np.nan])),
    "an imaginary part": (1j, complex(-0.0, 1.0)),
    "an integer": (2**70, 2**70 + 1),
    "an integer and a float": (1, 1.0),
    "an integer and a truth value": (1, True),
    "a text": ("ab", "ac"),
    "a text and bytes": ("ab", b"ab"),
    "the cut of two texts": (("ab", "c"), ("a", "bc")),
    "the depth of a tuple": ((1, (2, 3)), (1, 2, 3)),
    "a tuple and a list": ((1, 2), [1, 2]),
    "an element of a nested tuple": ((1.0, ("a", 2.0)), (1.0, ("a", math.nextafter(2.0, 3.0)))),
    "an array in a list": ([LONG], [edited(LONG, 7, 0.0)]),
    "a value of a dictionary": ({"a": 1, "b": 2}, {"a": 1, "b": 3}),
    "a key of a dictionary": ({"a": 1}, {"b": 1}),
    "a set": (frozenset({"a", "b"}), frozenset({"a", "c"})),
    "a member of an enumeration": (Level.LOW, Level.HIGH),
    "a field of a named tuple": (Pair(1, 2), Pair(1, 3)),
    "an argument of a partial function": (functools.partial(max, 1.0), functools.partial(max, 2.0)),
    "a function of the standard library": (math.exp, math.log),
    "a function of NumPy": (np.exp, np.log),
    "a module of a library": (np, math),
    "nothing and zero": (None, 0),
}  # fmt: skip


def digest(text: str, name: str = "f", **given: Any) -> Dependencies:
    """Digest a function of a text that is run as a module's."""
    namespace: dict[str, Any] = {"__name__": __name__, **given}
    exec(text, namespace)
    return Dependencies(namespace[name])


@pytest.mark.parametrize("what", VALUES)
@pytest.mark.parametrize(
    "text",
    ["def f(z): return z * K", "def outer(K):\n    def f(z): return z * K\n    return f\nf = outer(K)",
     "def f(z, k=K): return z * k", "def f(z, *, k=K): return z * k"],
    ids=["global", "closure", "default", "keyword"],
)  # fmt: skip
def test_every_edit_of_a_value_changes_the_digest(what, text):
    before, after = (digest(text, K=value) for value in VALUES[what])
    assert before.lasting
    assert after.lasting
    assert before.digest != after.digest
    assert before.digest == digest(text, K=VALUES[what][0]).digest


CODE = {
    "a constant": ("def f(z): return 1.0 * z", "def f(z): return 2.0 * z"),
    "a constant's last bit": ("def f(z): return 0.1 * z", f"def f(z): return {math.nextafter(0.1, 1)!r} * z"),
    "a constant's sign": ("def f(z): return z * -0.0", "def f(z): return z * 0.0"),
    "an operator": ("def f(z): return z + z", "def f(z): return z - z"),
    "a constant in a comprehension": (
        "def f(z): return [k + 1.0 for k in z]", "def f(z): return [k + 2.0 for k in z]"),
    "a helper": ("def g(z): return 1.0\ndef f(z): return g(z)", "def g(z): return 2.0\ndef f(z): return g(z)"),
    "a helper's helper": (
        "def h(z): return 1.0\ndef g(z): return h(z)\ndef f(z): return g(z)",
        "def h(z): return 2.0\ndef g(z): return h(z)\ndef f(z): return g(z)"),
    "a static method of a class": (
        "class A:\n    @staticmethod\n    def g(z): return 1.0\ndef f(z): return A.g(z)",
        "class A:\n    @staticmethod\n    def g(z): return 2.0\ndef f(z): return A.g(z)"),
    "a constant of a base class": (
        "class B:\n    K = 1.0\nclass A(B): pass\ndef f(z): return A.K * z",
        "class B:\n    K = 2.0\nclass A(B): pass\ndef f(z): return A.K * z"),
    "a value of an enumeration": (
        "import enum\nclass A(enum.Enum):\n    K = 1\ndef f(z): return A.K.value * z",
        "import enum\nclass A(enum.Enum):\n    K = 2\ndef f(z): return A.K.value * z"),
    "the function in a partial function": (
        "import functools\ndef g(k, z): return 1.0\nh = functools.partial(g, 1.0)\ndef f(z): return h(z)",
        "import functools\ndef g(k, z): return 2.0\nh = functools.partial(g, 1.0)\ndef f(z): return h(z)"),
    "a function that Numba compiled": (
        "from numba import njit\n@njit\ndef g(z): return 1.0\ndef f(z): return g(z)",
        "from numba import njit\n@njit\ndef g(z): return 2.0\ndef f(z): return g(z)"),
    "its options": (
        "from numba import njit\n@njit\ndef g(z): return 1.0\ndef f(z): return g(z)",
        "from numba import njit\n@njit(fastmath=True)\ndef g(z): return 1.0\ndef f(z): return g(z)"),
    "its declared types": (
        "from numba import njit\n@njit('f8(f8)')\ndef g(z): return z\ndef f(z): return g(z)",
        "from numba import njit\n@njit('f4(f4)')\ndef g(z): return z\ndef f(z): return g(z)"),
    "a global of a function that Numba compiled": (
        "from numba import njit\nK = 1.0\n@njit\ndef g(z): return K * z\ndef f(z): return g(z)",
        "from numba import njit\nK = 2.0\n@njit\ndef g(z): return K * z\ndef f(z): return g(z)"),
    "the tuned loops": (
        "def g(A): A[0] = 1.0\ndef f(A): A[:] = 1.0\nf.compiled = g",
        "def g(A): A[0] = 2.0\ndef f(A): A[:] = 1.0\nf.compiled = g"),
    "the order of sums": ("def f(A): pass", "def f(A): pass\nf.any_order = True"),
}  # fmt: skip


@pytest.mark.parametrize("what", CODE)
def test_every_edit_of_code_changes_the_digest(what):
    before, after = map(digest, CODE[what])
    assert before.lasting
    assert before.digest != after.digest
    assert before.digest == digest(CODE[what][0]).digest


@pytest.fixture
def package(monkeypatch):
    """Give a package with a module in it."""
    outer, inner = types.ModuleType("somebodys"), types.ModuleType("somebodys.inner")
    outer.inner = inner
    for module in (outer, inner):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return outer, inner


@pytest.mark.parametrize("depth", [0, 1], ids=["module", "package"])
@pytest.mark.parametrize("kind", ["function", "compiled", "constant", "class"])
def test_what_is_reached_behind_a_module_counts(kind, depth, package):
    found = set()
    texts = {
        "function": "def helper(z): return {} * z",
        "compiled": "from numba import njit\n@njit\ndef helper(z): return {} * z",
        "constant": "helper = {}",
        "class": "class helper:\n    K = {}",
    }
    call = {"function": "(z)", "compiled": "(z)", "constant": "", "class": ".K"}[kind]
    for value in ("1.0", "2.0", "1.0"):
        exec(texts[kind].format(value), package[depth].__dict__)
        path = ["outer.helper", "outer.inner.helper"][depth]
        known = digest(f"def f(z): return {path}{call}", outer=package[0])
        assert known.lasting
        found.add(known.digest)
    assert len(found) == 2


ITSELF: list[Any] = []
ITSELF.append(ITSELF)

UNKNOWN = {
    "an object": object(),
    "a strided array": np.zeros(10)[::2],
    "an array whose address Numba writes into the code": np.zeros(125_001),
    "an array of objects": np.array([None]),
    "a subclass of an array": np.zeros(2).view(np.recarray),
    "a list within itself": ITSELF,
    "a generator": np.random.default_rng(0),
    "a wrapped function": functools.cache(lambda z: z),
    "a function of the user's in C": np.frompyfunc(lambda z: z, 1, 1),
}


@pytest.mark.parametrize("what", UNKNOWN)
def test_what_cannot_be_digested_is_never_put_on_disk(what):
    assert not digest("def f(z): return K", K=UNKNOWN[what]).lasting


def test_an_overload_is_not_seen_and_so_not_put_on_disk():
    text = "from numba import njit\ndef g(z): return z\n@njit\ndef h(z): return g(z)\ndef f(z): return h(z)"
    assert not digest(text).lasting


@pytest.mark.parametrize(
    "code",
    ["M = 'a', 'b', 'c'\ndef f(z): return z in {'u', 'v', 'w', 'x'} or z in M",
     "M = frozenset('abcdefgh')\ndef f(z): return z in M",
     "from numba import njit\n@njit(fastmath={'contract', 'nnan', 'ninf'})\ndef g(z): return z\ndef f(z): return g(z)"],
)  # fmt: skip
def test_the_digest_is_the_same_in_every_process(code, tmp_path):
    (tmp_path / "plugin.py").write_text(code)
    told = "import plugin; from backlit.engine.code_cache.digest import Dependencies as D; print(D(plugin.f).digest)"
    lines = set()
    for seed in "123":
        given = os.environ | {"PYTHONHASHSEED": seed}
        lines.add(subprocess.run([sys.executable, "-c", told], cwd=tmp_path, env=given, capture_output=True, text=True,
                                 check=True).stdout)  # fmt: skip
    assert len(lines) == 1


def test_comments_and_lines_do_not_change_the_digest():
    assert digest("def f(z): return z").digest == digest("\n\ndef f(z):\n    # twice\n    return z").digest


# -------------------------------------------------------------------------------------------------------- in a notebook

CELL = """
K = {k}
ARRAY = np.array([{k}])

def helper(z):
    return {helper} * z

@register("of_a_notebook")
class OfANotebook(Activation, frozen=True):
    @staticmethod
    def value(z):
        return {maths}

    @staticmethod
    def slope(z):
        return 1.0 + 0.0 * z
"""


@pytest.fixture
def notebook():
    yield {"__name__": __name__, "np": np, "Activation": Activation, "register": register}
    REGISTRIES["activation"].pop("of_a_notebook", None)


def output(value: float = 1.0) -> float:
    """Run a network that hands its input to the op."""
    network = Network(["of_a_notebook"], 1, "mse", seed=0)
    X = np.array([[value]])
    training = Training(network, X, np.zeros((1, 1)), epochs=1)
    assert training.compiled
    result = float(network.predict(X)[0, 0])
    assert training.run().history[0].loss == pytest.approx(result * result)
    return result


@pytest.mark.parametrize("edit", ["k", "helper", "maths"])
def test_an_op_that_is_defined_again_has_another_kernel(edit, notebook):
    values = {"k": 2.0, "helper": 3.0, "maths": "helper(z) * K"}
    exec(CELL.format(**values), notebook)
    assert output() == 6.0
    kept = len(compiler.KEPT)
    exec(CELL.format(**values), notebook)
    assert output() == 6.0
    assert len(compiler.KEPT) <= kept + 4  # a new class, with the old code: found in the cache
    exec(CELL.format(**(values | {edit: {"k": 5.0, "helper": 7.0, "maths": "z * 11.0"}[edit]})), notebook)
    assert output() == {"k": 15.0, "helper": 14.0, "maths": 11.0}[edit]


def test_what_was_changed_counts_without_defining_the_op_again(notebook):
    exec(CELL.format(k=2.0, helper=3.0, maths="helper(z) * K * ARRAY[0]"), notebook)
    assert output() == 12.0
    notebook["K"] = 4.0
    assert output() == 24.0
    notebook["ARRAY"][0] = 1.0
    assert output() == 12.0
    exec("def helper(z): return 5.0 * z", notebook)
    assert output() == 20.0
    exec("def other(z): return 6.0 * z\nhelper.__code__ = other.__code__", notebook)  # as IPython's autoreload does
    assert output() == 24.0
    notebook["OfANotebook"].value = staticmethod(eval("lambda z: z + 1.0", notebook))
    assert output() == 2.0


def test_a_function_that_numba_compiled_before_takes_the_new_value_of_its_global(notebook):
    exec("from numba import njit\n@njit\ndef inner(z): return K * z\n@njit\ndef outer(z): return inner(z)", notebook)
    exec(CELL.format(k=2.0, helper=3.0, maths="outer(z)"), notebook)
    assert notebook["outer"](1.0) == 2.0
    now = time.time()  # so that no kernel lies on disk, and Numba has to compile the functions again
    for value in (now, now + 1.0):
        notebook["K"] = value
        assert output() == value
    assert notebook["outer"](1.0) == now + 1.0


def test_an_op_with_an_array_too_large_for_the_code_trains_and_is_not_put_on_disk(notebook):
    def on_disk() -> set[str]:
        return {path.name for path in cache_folder().glob("activation_of_a_notebook_forward*")}

    before = on_disk()
    exec(CELL.format(k=2.0, helper=3.0, maths="z * LARGE[1000]"), notebook)
    for value in (2.0, 3.0):
        notebook["LARGE"] = np.full(200_000, value)
        assert output() == value
    assert on_disk() == before


def test_nothing_is_digested_anew_where_nothing_changed():
    assert dependencies_of(Dense.forward) is dependencies_of(Dense.forward)


# ------------------------------------------------------------------------------------------------------------- on disk

PLUGIN = """
import numpy as np
import helpers
from numba import njit
from backlit.engine import Network, Training
from backlit.ops.base import Activation
from backlit.ops.registry import register

TABLE = np.full(2000, 0.5)

@njit
def third(z):
    return z / 3.0

@register("plugged")
class Plugged(Activation, frozen=True):
    @staticmethod
    def value(z):
        return third(z) * TABLE[1234] + helpers.shift(z) * helpers.SCALE

    @staticmethod
    def slope(z):
        return TABLE[1234] / 3.0 + 0.0 * z

network = Network(["plugged"], 1, "mse", seed=1)
X = np.ones((4, 1))
training = Training(network, X, X, epochs=1).run()
assert training.compiled
print(network.predict(X)[0, 0])
"""

HELPERS = """
from numba import njit

SCALE = 2.0

@njit
def shift(z):
    return z + 1.0
"""

PLUGIN_EDITS = {
    "plugin.py": [("TABLE = np.full(2000, 0.5)", "TABLE = np.full(2000, 0.5)\nTABLE[1234] = 3.5", 1.0),
                  ("z / 3.0\n\n@reg", "z / 6.0\n\n@reg", -1 / 12)],
    "helpers.py": [("SCALE = 2.0", "SCALE = 2.000000001", 2e-9), ("z + 1.0", "z + 1.5", 1.0)],
}  # fmt: skip


def test_an_edited_plug_in_never_finds_its_old_kernel(thinned_cache, tmp_path):
    """One element of a large array, a function compiled by the user, a constant and a function behind a module."""
    texts = {"plugin.py": PLUGIN, "helpers.py": HELPERS}
    cache = thinned_cache()
    environment = os.environ | {"BACKLIT_CACHE_DIR": str(cache), "PYTHONDONTWRITEBYTECODE": "1"}

    def result() -> float:
        for name, text in texts.items():
            (tmp_path / name).write_text(text)
        done = subprocess.run([sys.executable, "plugin.py"], cwd=tmp_path, env=environment, capture_output=True,
                              text=True, check=False)  # fmt: skip
        assert done.returncode == 0, done.stderr
        return float(done.stdout.split()[0])

    def kernels() -> set[str]:
        return {path.name for path in cache.rglob("activation_plugged_*")}

    first = result()
    assert first == pytest.approx(0.5 / 3 + 4.0)
    files = kernels()
    assert len(files) == 2
    assert result() == first
    assert kernels() == files  # a second process finds what the first compiled
    for file, edits in PLUGIN_EDITS.items():
        for old, new, change in edits:
            kept = texts[file]
            assert old in kept
            texts[file] = kept.replace(old, new)
            assert result() == pytest.approx(first + change, abs=1e-11), new
            texts[file] = kept
    assert result() == first
