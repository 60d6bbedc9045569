"""Run the commands in a document and write what they print below them.

    python -m bench.session docs/main-job.md README.md

Every line that begins with `$ ` in a block fenced as ```console is typed into a shell, in one empty folder for the
whole document, and its standard output takes the place of the lines below it. (The progress of a training goes to
standard error.) What the ```python blocks of a document print takes the place of the ```text block behind each; they
run in one process, one after the other, where a document has such text.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PYTHON = re.compile(r"(```python\n(?P<code>.*?)```)(?P<text>\n\n```text\n.*?```)?", re.DOTALL)
WIDTH = "88"


def commands(block: str) -> list[str]:
    """The commands of a block, without their prompts."""
    return [line[2:] for line in block.splitlines() if line.startswith("$ ")]


def output(command: str, folder: str) -> str:
    """What a command prints on standard output; `backlit` is this Python's."""
    backlit = f'backlit() {{ "{sys.executable}" -m backlit "$@"; }}\n'
    path = os.pathsep.join(filter(None, [str(Path("src").resolve()), os.environ.get("PYTHONPATH")]))
    environment = os.environ | {"COLUMNS": WIDTH, "PYTHONPATH": path, "NO_COLOR": "1"}
    done = subprocess.run(
        ["bash", "-c", backlit + command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    return "".join(f"{line.rstrip()}\n" for line in (done.stdout + done.stderr * (done.returncode != 0)).splitlines())


def rewritten(text: str) -> str:
    """The document with every command's output as it is now."""
    with tempfile.TemporaryDirectory() as folder:

        def run(found: re.Match[str]) -> str:
            typed = "\n".join(f"$ {command}\n{output(command, folder)}" for command in commands(found[1]))
            return f"```console\n{typed}```"

        return BLOCK.sub(run, text)


def with_printed(text: str) -> str:
    """The document with what its Python code prints as it is now; without such text, the document as it is."""
    if "```\n\n```text\n" not in text:
        return text
    names: dict[str, object] = {"__name__": "session"}

    def run(found: re.Match[str]) -> str:
        shown = io.StringIO()
        with contextlib.redirect_stdout(shown):
            exec(compile(found["code"], "document", "exec"), names)
        printed = f"\n\n```text\n{shown.getvalue()}```" if shown.getvalue() else ""
        return found[1] + printed

    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        return PYTHON.sub(run, text)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        document = Path(name)
        document.write_text(with_printed(rewritten(document.read_text(encoding="utf-8"))), encoding="utf-8")
