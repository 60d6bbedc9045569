"""The arrows between the rooms only go down, and a room that the plan does not know is not let in."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import backlit

SOURCES = Path(backlit.__file__).parent

# What each room may import beside itself. Every room may import `errors`.
ARROWS: dict[str, set[str]] = {
    "errors": set(),
    "ops": set(),
    "data": set(),
    "engine": {"ops"},
    "model": {"engine", "data", "ops"},
    "examples": {"engine", "data", "ops"},
    "estimators": {"engine", "data", "model", "ops", "show"},  # show for `explain`, when it is called
    "explain": {"engine", "ops"},
    "diagnose": {"engine", "ops"},
    "show": {"explain", "diagnose"},
    "cli": {"show", "explain", "diagnose", "engine", "ops", "estimators", "examples", "model", "data", "__init__"},
    "__main__": {"cli", "__init__"},
    "__init__": {"ops", "engine", "data", "model", "estimators", "explain", "diagnose", "show", "examples"},
}


def room_of(path: Path, sources: Path = SOURCES) -> str:
    """Give the room a file lies in: the folder, or the module, right below the package."""
    first = path.relative_to(sources).parts[0]
    return first.removesuffix(".py")


def modules_named(node: ast.AST, package: tuple[str, ...]) -> Iterator[str]:
    """Give the full names of the modules that a statement imports; `package` is where it stands."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        above = package[: len(package) - node.level + 1] if node.level else ()
        base = ".".join([*above, *([node.module] if node.module else [])])
        # `from backlit import ops` names the room only in what it imports.
        yield from ([f"{base}.{alias.name}" for alias in node.names] if base == "backlit" else [base])
    elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == "import_module":
        yield from (a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str))


def arrows(sources: Path = SOURCES) -> Iterator[tuple[str, str, str]]:
    """Give every import of a room of ours: where it stands, its room, and the room it imports."""
    for path in sorted(sources.rglob("*.py")):
        package = ("backlit", *path.relative_to(sources).parts[:-1])
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for name in modules_named(node, package):
                parts = name.split(".")
                if parts[0] == "backlit" and parts[1:] != ["__version__"]:  # which is known to all
                    known = len(parts) > 1 and any(
                        (sources / parts[1]).with_suffix(end).exists() for end in ("", ".py")
                    )
                    target = parts[1] if known else "__init__"
                    yield f"{path.relative_to(sources)}:{getattr(node, 'lineno', 0)}", room_of(path, sources), target


def wrong_arrows(sources: Path = SOURCES) -> list[str]:
    return [
        f"{where}: {source} imports {target}"
        for where, source, target in arrows(sources)
        if target not in {source, "errors", *ARROWS.get(source, set())}
    ]


def test_every_room_is_known():
    rooms = {room_of(path) for path in SOURCES.rglob("*.py")}
    assert rooms <= set(ARROWS), "a new room needs its arrows: say in this test what it may import"


def test_the_arrows_only_go_down():
    assert wrong_arrows() == []


def test_the_plan_has_no_circles():
    order: list[str] = []
    while len(order) < len(ARROWS):
        free = [room for room in ARROWS if room not in order and ARROWS[room] <= set(order)]
        assert free, f"{set(ARROWS) - set(order)} import each other in a circle"
        order += free


@pytest.mark.parametrize(
    "line",
    [
        "import backlit.engine.machine.epochs",
        "from backlit.engine import machine",
        "from backlit.engine.program.structs import Row",
        "from backlit import engine",
        "from ..engine import machine",
        "from .. import engine",
        "def late():\n    from backlit.engine import machine",
        "import importlib\nimportlib.import_module('backlit.engine.machine.epochs')",
    ],
)
def test_an_arrow_that_goes_up_is_seen(line, tmp_path):
    for room in ("ops", "engine"):
        (tmp_path / room).mkdir()
        (tmp_path / room / "__init__.py").touch()
    (tmp_path / "ops" / "upward.py").write_text(line)
    assert len(wrong_arrows(tmp_path)) == 1
    (tmp_path / "ops" / "upward.py").write_text(line.replace("engine", "ops"))
    assert wrong_arrows(tmp_path) == []
