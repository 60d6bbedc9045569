"""The command line: one file per command, each imported when its command is called. The only package that prints.

`main` is the interface: it runs a command and gives its exit code. `COMMANDS` names the commands; each is a function of
the same name in a module of the same name, and its parameters are the options.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from backlit.cli.preparing import announced_compilation
from backlit.cli.streams import OutputError, reliable_streams
from backlit.cli.typed_command import as_typed
from backlit.errors import BacklitError, PlacedError

if TYPE_CHECKING:
    from cyclopts import App

COMMANDS = {
    "train": "Train a network on a table, and write a model file.",
    "predict": "Predict the rows of a table with a model.",
    "evaluate": "Measure a model on a table whose targets are known.",
    "report": "Write a model's report, a page for a browser, as `train` does.",
    "diagnose": "Say what is wrong with a training, and try what may help.",
    "page": "Open a page that trains live on your own data, and look inside.",
    "demo": "Run a classic worked example; without a name, list them.",
    "explain": "Work one training step out, with every number of the chain rule.",
    "check": "Check numbers worked out by hand: the first wrong one, and the mistake.",
    "worksheet": "Make sheets to work out by hand, for a class, with keys.",
    "warm": "Compile beforehand what networks need, so that no command waits for it.",
}
"""Each command's name, which is also the name of its module and function, and its line in `backlit --help`."""

WRONG_CALL, INTERRUPTED = 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and give the exit code: 0, 2 for a wrong call, 130 for Ctrl-C.

    It is 1 where `train` wrote the model, but not its report or its log, and where `check` found a mistake.

    An error that the user can mend is one line on standard error, with the place in the file below it where there is
    one; never a traceback.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    with reliable_streams(), announced_compilation(), as_typed(given):
        return _run(given)


def _run(given: list[str]) -> int:
    from cyclopts import CycloptsError

    try:
        code = _app()(given, exit_on_error=False, print_error=False, result_action="return_value")
        sys.stdout.flush()
    except CycloptsError as error:
        from backlit.cli.wording import of_call

        said = " ".join(of_call(error, COMMANDS).split())
        return _fail(f"{said} See: backlit {_command_of(given)}--help")
    except BacklitError as error:
        from backlit.cli.wording import of_own_op, of_setting

        words = str(error) if isinstance(error, PlacedError) else of_setting(_one_line(error), given)
        return _fail(of_own_op(words))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except MemoryError as error:
        return _fail(f"there is not enough memory for that: {_one_line(error) or 'no more is left'}.")
    except OutputError as error:
        enough = isinstance(error.__cause__, BrokenPipeError)  # the reader of the pipe: `backlit predict ... | head`
        return 0 if enough else _fail(_one_line(error))
    return code if isinstance(code, int) else 0


def _app() -> App:
    from cyclopts import App

    from backlit import __version__

    app = App(
        name="backlit",
        help="Neural networks trained by backpropagation that show their work.",
        version=__version__,
        help_format="plaintext",  # Markdown would cost 40 ms of imports
        help_epilogue="Start with: backlit train iris",
        suppress_keyboard_interrupt=False,  # it would exit without a word
    )
    for place, (name, line) in enumerate(COMMANDS.items()):
        app.command(f"backlit.cli.{name}:{name}", name=name, help=line, sort_key=place)
    return app


def _fail(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return WRONG_CALL


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _command_of(given: Sequence[str]) -> str:
    return f"{given[0]} " if given and given[0] in COMMANDS else ""
