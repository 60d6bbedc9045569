"""Imports run one way, no two files import each other, and no package grows beyond its budget of lines."""

from __future__ import annotations

import ast
import functools
import graphlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import backlit

SOURCES = Path(backlit.__file__).parent

BELOW = {"errors", "lazy"}
"""What every package may import."""

MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "lazy": set(),
    "kernels": set(),
    "ops": {"kernels"},
    "engine.program": {"ops", "kernels"},
    "engine.machine": {"engine.program", "ops", "kernels"},
    "engine.code_cache": {"engine.machine", "kernels"},
    "engine.compiled": {"engine.code_cache", "engine.machine", "engine.program", "ops", "kernels"},
    "engine.parallel": {"engine.compiled", "engine.machine", "engine.program", "kernels"},
    "engine": {
        "engine.parallel",
        "engine.compiled",
        "engine.code_cache",
        "engine.machine",
        "engine.program",
        "ops",
        "kernels",
    },
    "data": set(),
    "model": {"engine", "data", "ops", "kernels"},
    "examples": {"engine", "data", "ops", "kernels"},
    "explain": {"engine", "ops", "kernels"},
    "check": {"explain", "model", "data", "engine", "ops", "kernels"},
    "diagnose": {"explain", "model", "examples", "data", "engine", "ops", "kernels"},
    "analysis": {"diagnose", "explain", "model", "data", "engine", "ops", "kernels"},
    "show": {"check", "diagnose", "analysis", "explain", "engine", "examples", "model", "data"},
    "estimators": {"engine", "data", "model", "ops", "kernels", "show"},
    "sources": {"check", "diagnose", "show", "analysis", "explain", "examples", "model", "data", "engine", "ops"},
    "page": {
        "check",
        "sources",
        "show",
        "diagnose",
        "analysis",
        "explain",
        "examples",
        "model",
        "data",
        "engine",
        "ops",
        "kernels",
    },
    "cli": {
        "check",
        "page",
        "sources",
        "diagnose",
        "show",
        "analysis",
        "explain",
        "engine",
        "ops",
        "estimators",
        "examples",
        "model",
        "data",
        "__init__",
    },
    "__main__": {"cli", "__init__"},
    "__init__": {"check", "ops", "engine", "model", "diagnose", "analysis", "estimators", "show", "sources"},
}
"""What each package may import beside itself and what is below all."""

BUDGETS = {
    "kernels/gemm": 1_025,
    "engine/program": 1_050,
    "engine/machine": 1_350,
    "engine/code_cache": 800,
    "engine/compiled": 1_500,
    "engine/parallel": 300,
    "analysis/boundary": 1_100,
    "analysis/valley": 1_150,
    "analysis/report": 2_550,
    "show/charts": 1_700,
    "show/check": 1_600,
    "show/report": 1_700,
    "show/demo": 2_000,
    "show/diagnose": 600,
    "sources": 2_400,
}
"""The most lines of a package."""

LONGEST_FILE = 400

DRAWING = {"contourpy", "jinja2", "matplotlib", "sklearn", "backlit.analysis", "backlit.show.charts"}
SERVING = {"starlette", "uvicorn", "h11", "anyio", "tomli_w", "backlit.page"}
"""Not loaded by a training, `backlit --help` and `backlit predict`."""

SLOW = {"contourpy", "latex2mathml", "matplotlib", "numba", "pandas", "scipy", "sklearn"}
"""Not loaded before the page's first picture, of which each would take some tenths of a second."""

UNUSED = {"backlit.check", "backlit.show.check"}
"""Not loaded before the page is asked to check numbers."""

ENGINE = ("engine.program", "engine.machine", "engine.code_cache", "engine.compiled", "engine.parallel")


def files(sources: Path = SOURCES) -> dict[str, Path]:
    """Give every module's file by the module's name below the package, `engine.program` for a package itself."""
    found = {}
    for path in sorted(sources.rglob("*.py")):
        parts = path.relative_to(sources).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)] = path
    return found


def package_of(module: str) -> str:
    """Give the package of MAY_IMPORT that a module belongs to."""
    parts = module.split(".")
    if ".".join(parts[:2]) in ENGINE:
        return ".".join(parts[:2])
    return parts[0]


def named(node: ast.AST, package: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Give the modules that a statement names, or the names that it takes from one; `package` is where it stands."""
    if isinstance(node, ast.Import):
        yield from (tuple(alias.name.split(".")) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        above = package[: len(package) - node.level + 1] if node.level else ()
        base = (*above, *(node.module.split(".") if node.module else ()))
        yield from ((*base, alias.name) for alias in node.names)
    elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == "import_module":
        yield from (
            tuple(a.value.split(".")) for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)
        )


@functools.cache
def statements(text: str, package: tuple[str, ...]) -> tuple[tuple[tuple[str, ...], int], ...]:
    """Give what a file's statements name, each with its line: read once for all tests."""
    nodes = ast.walk(ast.parse(text))
    return tuple((name, getattr(node, "lineno", 0)) for node in nodes for name in named(node, package))


def imports(sources: Path = SOURCES) -> Iterator[tuple[str, str, int]]:
    """Give every import among our modules: the importing one, the imported one, the line. Late ones count too."""
    modules = files(sources)
    for module, path in modules.items():
        inside = ("backlit", *path.relative_to(sources).parts[:-1])
        for name, line in statements(path.read_text(encoding="utf-8"), inside):
            if name[0] != "backlit":
                continue
            parts = name[1:]
            while parts and ".".join(parts) not in modules:
                parts = parts[:-1]
            yield module, ".".join(parts) or "__init__", line


def upward(sources: Path = SOURCES) -> list[str]:
    """Name the imports that the plan does not allow."""
    wrong = []
    for module, imported, line in imports(sources):
        here, there = package_of(module), package_of(imported)
        if there not in {here, *BELOW, *MAY_IMPORT.get(here, set())} and (module, imported) != (module, "__init__"):
            wrong.append(f"{module}:{line} imports {imported}")
    return wrong


def past_the_interface(sources: Path = SOURCES) -> list[str]:
    """Name the imports of the engine's modules from outside: the engine's interface is its `__init__`."""
    return [
        f"{module}:{line} imports {imported}"
        for module, imported, line in imports(sources)
        if imported.startswith("engine.") and not module.startswith("engine") and imported != "engine.gradcheck"
    ]


def cycle(sources: Path = SOURCES) -> list[str]:
    """Give a cycle of imports among files, or nothing."""
    graph: dict[str, set[str]] = {}
    for module, imported, _ in imports(sources):
        if imported not in {"__init__", module}:
            graph.setdefault(module, set()).add(imported)
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def test_every_package_is_in_the_plan():
    assert {package_of(module) for module in files()} <= set(MAY_IMPORT), "say in this test what it may import"


def test_imports_run_one_way():
    assert upward() == []


def test_the_plan_itself_runs_one_way():
    tuple(graphlib.TopologicalSorter(MAY_IMPORT).static_order())


def test_the_engine_is_imported_from_its_interface():
    assert past_the_interface() == []


def test_no_files_import_each_other():
    assert cycle() == []


@pytest.mark.parametrize("package", BUDGETS)
def test_a_package_keeps_to_its_budget(package):
    lines = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in (SOURCES / package).rglob("*.py"))
    assert lines <= BUDGETS[package]


def test_charts_know_no_records():
    known = {imported for module, imported, _ in imports() if module.startswith("show.charts")}
    other = {name for name in known if not name.startswith("show.charts")}
    assert other <= {"errors", "kernels.types", "show.text_width", "show.notebook"}


def test_showing_checked_work_knows_records_of_it_alone():
    shown = (imported for module, imported, _ in imports() if module.startswith("show.check."))
    assert {name for name in shown if name.startswith("check")} == {"check.records", "check.marking"}


def test_drawing_is_imported_when_something_is_drawn(tmp_path):
    def python(code: str) -> str:
        ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
        return ran.stdout

    python("""
import backlit
from backlit.model import Settings, fit_table
model, _ = fit_table("iris", settings=Settings(layers=(2,), epochs=2))
backlit.save(model, "iris.safetensors")
""")
    shown = python(f"""
import sys
from contextlib import suppress
import backlit as bl
from backlit import cli
network = bl.Network([bl.Dense(2)], 4, "mse")
bl.Training(network, [[0.0] * 4], [[1.0] * 2], epochs=2, compiled=False).run()
for words in (["--help"], ["train", "--help"], ["predict", "iris.safetensors", "iris"]):
    sys.argv = ["backlit", *words]
    with suppress(SystemExit):
        cli.main()
print("loaded:", sorted({DRAWING | SERVING!r} & set(sys.modules)))
""")
    assert "setosa" in shown
    assert shown.endswith("loaded: []\n")


@pytest.mark.parametrize("source", ["xor", "iris"])
def test_the_first_picture_of_the_page_waits_for_nothing_that_it_does_not_need(source):
    """What a view's own thread loads, meanwhile or a moment later, the picture doesn't wait for."""
    ran = subprocess.run([sys.executable, "-c", f"""
import sys
import threading
waited_for = set()
def note(event, args):
    if event == "import" and threading.current_thread() is threading.main_thread():
        waited_for.add(args[0])
sys.addaudithook(note)
from backlit.cli.without_pandas import without_pandas
without_pandas()
from backlit.page.panels import PANELS
from backlit.page.routes import page_html
from backlit.page.running import run
from backlit.page.session import Session
from backlit.page.sources import source_of
print(page_html(Session(source_of({source!r}), PANELS), []).count('class="panel'))
print("loaded:", sorted({SLOW | UNUSED!r} & waited_for & set(sys.modules)))
"""], capture_output=True, text=True, check=True)  # fmt: skip
    assert ran.stdout == "18\nloaded: []\n"


def test_no_file_is_longer_than_its_budget():
    lengths = {module: len(path.read_text(encoding="utf-8").splitlines()) for module, path in files().items()}
    assert {module: length for module, length in lengths.items() if length > LONGEST_FILE} == {}


def test_every_package_says_what_it_is_for():
    for path in SOURCES.rglob("__init__.py"):
        assert len(ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "") > 40, path


@pytest.fixture
def two_packages(tmp_path: Path) -> Path:
    for package in ("ops", "engine", "engine/machine"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
    (tmp_path / "engine" / "machine" / "passes.py").touch()
    (tmp_path / "engine" / "network.py").touch()
    return tmp_path


@pytest.mark.parametrize(
    "line",
    [
        "import backlit.engine.machine",
        "from backlit.engine import machine",
        "from backlit.engine.machine.passes import load",
        "from backlit.engine import Network",
        "from ..engine import machine",
        "from .. import engine",
        "def late():\n    from backlit.engine import machine",
        "import typing\nif typing.TYPE_CHECKING:\n    from backlit.engine import machine",
        "import importlib\nimportlib.import_module('backlit.engine.machine')",
    ],
)
def test_an_import_upwards_is_seen(line, two_packages):
    (two_packages / "ops" / "upward.py").write_text(line)
    assert len(upward(two_packages)) == 1
    (two_packages / "ops" / "upward.py").write_text(line.replace("engine", "ops"))
    assert upward(two_packages) == []


def test_an_import_past_the_interface_is_seen(two_packages):
    (two_packages / "model").mkdir()
    (two_packages / "model" / "file.py").write_text("from backlit.engine.network import Network")
    assert len(past_the_interface(two_packages)) == 1
    (two_packages / "model" / "file.py").write_text("from backlit.engine import Network")
    assert past_the_interface(two_packages) == []


@pytest.mark.parametrize("late", ["", "def late():\n    ", "import typing\nif typing.TYPE_CHECKING:\n    "])
def test_a_cycle_is_seen(late, two_packages):
    (two_packages / "engine" / "network.py").write_text("from backlit.engine.machine import passes")
    assert cycle(two_packages) == []
    (two_packages / "engine" / "machine" / "passes.py").write_text(f"{late}from backlit.engine import network")
    assert len(cycle(two_packages)) == 3


def test_the_inside_of_numba_is_named_in_one_file():
    inside = {("numba", part) for part in ("core", "np", "cpython")}
    taken = {
        module
        for module, path in files().items()
        for name, _ in statements(path.read_text(encoding="utf-8"), ())
        if name[:2] in inside
    }
    assert taken == {"kernels.numba_private"}
