"""docs/installing.md names what the code has: the variables it reads, options, files, and what the cache depends on."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import backlit
from backlit.cli import COMMANDS, main
from backlit.engine.code_cache import disk_cache

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "installing.md").read_text(encoding="utf-8")
VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+")
SOURCES = Path(backlit.__file__).parent


def variables(folder: Path) -> set[str]:
    """Give the names of environment variables in a folder's files: BACKLIT_*, and others in files that read any."""
    found = set()
    for path in folder.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        names = {
            node.value
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and VARIABLE.fullmatch(node.value)
        }
        reads = re.search(r"\b(environ|getenv)\b", text)
        found |= {
            name for name in names if (reads and name[:2] != "O_") or name.startswith("BACKLIT_")
        }  # os.O_NOFOLLOW
    return found


def test_every_variable_that_the_code_reads_stands_in_the_table():
    table = {name for line in PAGE.splitlines() for name in re.findall(r"^\| `([A-Z_]+)` \|", line)}
    assert variables(SOURCES) == table
    assert {"BACKLIT_CACHE_DIR", "BACKLIT_THREADS"} <= table


def test_every_variable_of_the_tests_and_the_benchmark_is_named():
    named = variables(ROOT / "tests") | variables(ROOT / "bench")
    own = {name for name in named if name.startswith(("BACKLIT_", "BENCH_"))} - {"BACKLIT_OTHER"}  # made up below
    assert own <= set(re.findall(r"`([A-Z_]+)(?:=\w+)?`", PAGE))


def test_a_variable_is_found_wherever_it_is_read(tmp_path):
    (tmp_path / "one.py").write_text('import os\nfor name in ("MY_OWN_THREADS",):\n    os.environ.get(name)\n')
    (tmp_path / "two.py").write_text('NAME = "BACKLIT_OTHER"\n')
    assert variables(tmp_path) == {"MY_OWN_THREADS", "BACKLIT_OTHER"}


def test_every_command_on_the_page_exists():
    commands = set(re.findall(r"\bbacklit ([a-z]+)\b(?!\.)", " ".join(re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL))))
    assert commands <= {*COMMANDS}
    assert "warm" in commands


@pytest.mark.parametrize("option", ["--dtype", "--plugin", "--quiet"])
def test_the_options_of_warm_are_on_the_page(option, capsys):
    assert main(["warm", "--help"]) == 0
    assert option in capsys.readouterr().out
    assert f"| `{option}" in PAGE


def test_the_digest_is_of_what_the_page_says(monkeypatch):
    """Each thing that the page names changes the folder's name."""
    assert "30 days" in PAGE
    assert disk_cache.KEPT_DAYS == 30
    plain = disk_cache.foundation.__wrapped__()
    changes = {
        "processor": lambda patch: patch.setattr(disk_cache, "processor", lambda: ("another", "+avx")),
        "Python": lambda patch: patch.setattr(disk_cache.sys, "version", "3.99.0 (another build)"),
        "NumPy": lambda patch: patch.setattr(disk_cache.np, "__version__", "99.0"),
        "llvmlite": lambda patch: patch.setattr(disk_cache.importlib.metadata, "version", lambda name: "99.0"),
    }
    for name, change in changes.items():
        assert name in PAGE
        with monkeypatch.context() as patch:
            change(patch)
            assert disk_cache.foundation.__wrapped__() != plain, name
    assert disk_cache.foundation.__wrapped__() == plain
