"""The line that says that code is being compiled, before the wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backlit.engine import Compilation


def announcement(compilation: Compilation) -> str:
    """Say what is compiled.

    >>> from backlit.engine import Compilation
    >>> announcement(Compilation(10.0, kept=True))
    'Compiling the maths for this computer, once: about 10 s ...'
    >>> announcement(Compilation(10.0, kept=False))
    'Compiling the maths for this run: about 10 s (it cannot be kept for the next) ...'
    """
    seconds = f"about {compilation.seconds:.0f} s"
    if compilation.kept:
        return f"Compiling the maths for this computer, once: {seconds} ..."
    return f"Compiling the maths for this run: {seconds} (it cannot be kept for the next) ..."


def show_compiling(compilation: Compilation) -> None:
    """Show the line in an interactive session: on standard error, or in the notebook's cell."""
    from rich.console import Console  # noqa: PLC0415  (late: it is seldom needed)

    console = Console(stderr=True)
    if console.is_jupyter:
        from IPython.display import display  # noqa: PLC0415  (there in notebooks only)

        show: Any = display
        show({"text/plain": announcement(compilation)}, raw=True)
    else:
        console.print(announcement(compilation), highlight=False)
