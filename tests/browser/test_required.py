"""Where a browser is required, as in continuous integration, tests without one fail; elsewhere they are skipped."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(("required", "code", "said"), [("", 0, "1 skipped"), ("required", 1, "1 error")])
def test_without_a_browser_tests_are_skipped_or_fail(required: str, code: int, said: str, tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(Path(__file__).with_name("conftest.py").read_text())
    (tmp_path / "test_page.py").write_text("def test_a_page(browser):\n    pass\n")
    environment = os.environ | {"BACKLIT_BROWSER": required, "PATH": str(tmp_path)}
    command = [sys.executable, "-m", "pytest", "-q", "-rsE", "-p", "no:cacheprovider", "-c", os.devnull, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    assert said in done.stdout
    assert "is installed" in done.stdout
