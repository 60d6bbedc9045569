"""`backlit diagnose`: what is wrong with a training, by which numbers, and whether a remedy helps."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from backlit.cli.options import check_output, unwrapped
from backlit.cli.plugins import run_plugins
from backlit.cli.preparing import silent_compilation
from backlit.cli.progress import show_progress
from backlit.cli.streams import print_document
from backlit.cli.table_options import OUTPUT, USUAL, TableOptions
from backlit.cli.table_printing import console
from backlit.cli.typed_command import typed_command
from backlit.errors import BacklitError

if TYPE_CHECKING:
    from rich.console import Console

    from backlit.diagnose import Diagnosis
    from backlit.sources.diagnosing import Case

FORMS = [".html", ".txt", ".json"]
OWN = {"--fix", "--output", "-o", "--json", "--quiet", "-q"}
"""Options that `train` does not have, or has for another file."""


class _Stopped(BaseException):
    """Ctrl-C: a training would take a KeyboardInterrupt as its own end, and the command would go on."""


@unwrapped
def diagnose(
    data: str,
    *,
    options: Annotated[TableOptions, Parameter(name="*")] = USUAL,
    fix: Annotated[bool, Parameter(group=OUTPUT, negative="")] = False,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"], group=OUTPUT)] = None,
    plugin: Annotated[list[Path] | None, Parameter(group=OUTPUT, negative="")] = None,
    json: Annotated[bool, Parameter(group=OUTPUT, negative="")] = False,
    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"], group=OUTPUT, negative="")] = False,
) -> None:
    """Say what is wrong with a training, or that nothing is: what, where, by which number, and what to try.

    A network is trained on a part of the rows as `train` does it, with the same options, and compared on another part
    with networks of standard settings. The exit code is 0, whether anything is found or not; --json gives the findings.

    Parameters
    ----------
    data
        A CSV or Parquet file, a bundled data set, a network file (.toml), or a classic example's name.
    fix
        Train again with each remedy, one by one, from the same seed, and say which helped.
    output
        The file to write to, instead of the terminal: OUT.html (a page with pictures that opens offline), OUT.txt or
        OUT.json.
    plugin
        A Python file to run first, for ops of your own.
    json
        Give everything as JSON.
    quiet
        Show no progress.
    """
    from backlit.show.diagnose.words import line
    from backlit.sources.diagnosing import diagnosed

    run_plugins(plugin or ())
    if output is not None:
        check_output(output, FORMS)
        if Path(data).exists() and output.exists() and output.samefile(data):
            raise BacklitError(f'"{output}" is the input too and is not overwritten: choose another name.')
    quiet = quiet or json
    with _ended_by_ctrl_c(), silent_compilation(quiet):
        case = _case(data, options, quiet)
        with _telling(quiet) as tell:
            found = diagnosed(case, fix=fix, compare=True, tell=tell)
    if output is not None:
        found.save(output)
    if json:
        print_document(found.to_json())
        return
    to = console()
    if output is None:
        _show(to, found.record)
    else:
        to.print(f"{line(found.record)}.\nDiagnosis written to {output}.", soft_wrap=True)
    _show_next(to, found.record, of_table=case.table is not None, fix=fix)


def _case(data: str, options: TableOptions, quiet: bool) -> Case:
    """Train what is diagnosed."""
    from backlit.sources.diagnosing import is_network_file, trained_case

    if is_network_file(data):
        if options != USUAL:
            raise BacklitError(
                f"{data} is a network file, which says itself how it is trained; the options of a table do not go with "
                "it: --fix, --output, --plugin, --json and --quiet do."
            )
        return trained_case(data)
    from backlit.data import read_table

    table = read_table(data)
    settings = options.settings(table)
    return trained_case(table, options.target, settings, run=lambda training: show_progress(training, quiet=quiet))


def _show(to: Console, found: Diagnosis) -> None:
    from backlit.show.diagnose.forms import printed

    for part in printed(found, to.width):
        to.print(part)


def _show_next(to: Console, found: Diagnosis, *, of_table: bool, fix: bool) -> None:
    """Print the commands that go on from a diagnosis."""
    from backlit.model.commands import retyped
    from backlit.show.diagnose.words import kept_options, options_of

    remedies = {finding.code: finding.remedies[0] for finding in found.findings if finding.remedies}
    for code in found.untried:
        if of_table and (options := options_of(remedies[code])):
            to.print(f"To train with the remedy of {code}:")
            to.print(f"  {retyped(typed_command(), 'train', options, without=OWN)}", soft_wrap=True)
    if fix and of_table and (helped := kept_options(found.kept)):
        to.print("Train with what helped:")
        to.print(f"  {retyped(typed_command(), 'train', helped, without=OWN)}", soft_wrap=True)
    elif not fix and remedies.keys() - set(found.untried):
        to.print("Next, to train with each remedy, and to see which helps:")
        to.print(f"  {retyped(typed_command(), 'diagnose', '--fix', without=OWN)}", soft_wrap=True)


@contextmanager
def _telling(quiet: bool) -> Iterator[Callable[[str], None]]:
    """Give what shows the words for what is done next: in a line of a terminal, else in lines of their own."""
    if quiet:
        yield lambda _: None
    elif sys.stderr.isatty():
        from rich.console import Console

        with Console(stderr=True, highlight=False).status("diagnosing") as status:
            yield status.update
    else:
        yield lambda what: print(what, file=sys.stderr)


@contextmanager
def _ended_by_ctrl_c() -> Iterator[None]:
    """Let Ctrl-C end the command at once, not only the training that is under way."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise _Stopped

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    except _Stopped:
        raise KeyboardInterrupt from None
    finally:
        signal.signal(signal.SIGINT, before)
