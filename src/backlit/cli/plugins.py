"""`--plugin FILE.py`: run the user's own Python file, which registers ops, before anything else."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable
from pathlib import Path

from backlit.errors import BacklitError


def run_plugins(files: Iterable[Path]) -> None:
    """Run the files as modules, in their order. Only files that the user names are run, none that a model file names.

    Errors: a BacklitError where a file is missing or fails, with the line of the failure.
    """
    for file in files:
        if not file.is_file():
            raise BacklitError(f'no plugin file "{file}": expected a Python file that registers ops.')
        name = f"backlit_plugin_{file.stem}"
        spec = importlib.util.spec_from_file_location(name, file)
        if spec is None or spec.loader is None:
            raise BacklitError(f'the plugin "{file}" is not a Python file: expected FILE.py.')
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except Exception as error:
            raise BacklitError(
                f'the plugin "{file}" fails: {type(error).__name__}: {error}{_line(error, file)}'
            ) from error


def _line(error: Exception, file: Path) -> str:
    """The line of the file at which the error arose, as the end of a message."""
    line, trace = 0, error.__traceback__
    while trace is not None:
        if Path(trace.tb_frame.f_code.co_filename).resolve() == file.resolve():
            line = trace.tb_lineno
        trace = trace.tb_next
    return f" (line {line})" if line else ""
