"""`backlit warm`: compile beforehand what networks need, into the cache."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from backlit.cli.options import unwrapped
from backlit.cli.plugins import run_plugins
from backlit.cli.preparing import silent_compilation
from backlit.errors import BacklitError, counted

if TYPE_CHECKING:
    from backlit.engine import Warmed

PLAIN_SECONDS = 5.0


@unwrapped
def warm(
    *,
    dtype: Annotated[Literal["float32", "float64"] | None, Parameter(negative="")] = None,
    plugin: Annotated[list[Path] | None, Parameter(negative="")] = None,
    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"], negative="")] = False,
) -> None:
    """Compile beforehand what networks need, so that later commands do not wait for the compiler.

    Every layer, activation, loss and optimizer is compiled into the cache, whose folder is printed. It takes one to
    three minutes where the cache is empty, and no time where everything is there. Useful for an image of a container
    or of a classroom's computers: docs/installing.md says how to copy the cache.

    Parameters
    ----------
    dtype
        Only for this type of number; by default for both. `train` uses float32 unless told otherwise, worked
        examples and networks made in Python use float64.
    plugin
        A Python file to run first, which registers ops of your own: they are compiled too.
    quiet
        Show no progress.
    """
    from backlit.engine import cache_contents
    from backlit.engine import warm as parts_of

    run_plugins(plugin or ())
    dtypes = ("float32", "float64") if dtype is None else (dtype,)
    with warnings.catch_warnings(action="ignore"):  # where the cache cannot be used, an error says so
        before, began = cache_contents(), time.perf_counter()
    if not quiet:
        print(
            f"Compiling all layers, activations, losses and optimizers for {' and '.join(dtypes)}:",
            end=" ",
            file=sys.stderr,
        )
        print("one to three minutes where the cache is empty.", file=sys.stderr)
    with silent_compilation():
        left_out = [part for part in _shown(parts_of(dtypes), quiet=quiet) if part.left_out]
    after, seconds = cache_contents(), time.perf_counter() - began
    new = after.functions - before.functions
    if after.not_kept:
        raise BacklitError(
            f"{counted(after.not_kept, 'compiled function')} could not be written to {after.folder}: the disk is full, "
            "or the folder is not yours. Make room, or set BACKLIT_CACHE_DIR to a folder of your own."
        )
    for part in left_out:
        print(f"Left out: {part.what}: {part.left_out}")
    made = f"Compiled {counted(new, 'function')} in {seconds:.0f} s."
    print(made if new > 0 else "Nothing to compile: everything is there.")
    print(f"The cache holds {after.functions} functions, {after.size / 1e6:.1f} MB, in\n  {after.folder}")


def _shown(parts: Iterable[Warmed], *, quiet: bool) -> Iterable[Warmed]:
    """Give the parts, and show on standard error which ones are done."""
    if quiet:
        return parts
    return _live(parts) if sys.stderr.isatty() else _plain(parts)


def _plain(parts: Iterable[Warmed]) -> Iterable[Warmed]:
    """Print a line every five seconds."""
    shown = time.monotonic()
    for part in parts:
        if time.monotonic() - shown > PLAIN_SECONDS:
            print(f"{part.number} of {part.parts}: {part.what}", file=sys.stderr)
            shown = time.monotonic()
        yield part


def _live(parts: Iterable[Warmed]) -> Iterable[Warmed]:
    """Show one line that is redrawn, and removed at the end."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = TextColumn("{task.description}"), BarColumn(24), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("compiling", total=None)
        for part in parts:
            bar.update(task, description=f"compiled {part.what}", completed=part.number, total=part.parts)
            yield part
