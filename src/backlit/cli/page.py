"""`backlit page`: a page in the browser that trains live and lets one look inside."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from backlit.cli.options import Whole, unwrapped
from backlit.cli.plugins import run_plugins
from backlit.errors import BacklitError


@unwrapped
def page(
    source: str | None = None,
    *,
    target: str | None = None,
    task: Literal["classes", "numbers"] | None = None,
    data: str | None = None,
    run: str | None = None,
    settings: Annotated[tuple[str, ...], Parameter(name="--set", negative="")] = (),
    lesson: str | None = None,
    step: Whole = 1,
    plugin: Annotated[list[Path] | None, Parameter(negative="")] = None,
    port: Whole = 0,
    browser: Annotated[bool, Parameter(negative="--no-browser")] = True,
    host: str = "127.0.0.1",
    certificate: Path | None = None,
    key: Path | None = None,
    i_know: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Open a page in the browser that trains live and lets one look inside; nothing leaves this machine.

    Parameters
    ----------
    source
        What is trained on: a CSV or Parquet file, a bundled data set (iris, wine, breast_cancer, digits, diabetes), a
        folder with a folder of small pictures for each class, or an .npz file with arrays X and y; a classic example
        (`backlit demo` lists them), or a network file (.toml); or a model file (.safetensors) together with --data,
        whose training goes on from its weights. Without any, iris.
    target
        The column of the table to predict; the last one where it is left out. Bundled data sets and models know
        theirs.
    task
        Learn the target as classes or as numbers, instead of choosing by its values.
    data
        The table for a model file, or for the layers of a network file, which then needs no rows of its own: anything
        that SOURCE may be of tables. For a model that is a network alone, a network file or a classic example.
    run
        Which run of a network file that has several; the first where it is left out.
    settings
        A setting as NAME=VALUE, again for each: `--set layers=8:tanh,3:softmax --set optimizer.rate=0.01`. Names are
        the keys of a network file. What is looked at has names, too: `--set view=descent --set trained=100`. The
        page's button "Copy the command" gives them.
    lesson
        A lesson to begin; its data are taken.
    step
        The step that the lesson begins with.
    plugin
        A Python file to run first, such as one that registers an activation. Only files named here are run.
    port
        The port of this machine that the page is served on; by default a free one.
    browser
        Whether to open the page in the browser; its address is printed either way.
    host
        The name or address of this machine that other machines open, to show the page to them. It needs the three
        options below.
    certificate
        The certificate of that name, a PEM file.
    key
        The certificate's key, a PEM file.
    i_know
        Say that others may see the page.
    """
    from backlit.cli.without_pandas import without_pandas

    run_plugins(plugin or ())
    without_pandas()
    from backlit.page.lesson_files import lesson_named
    from backlit.page.panels import PANELS
    from backlit.page.running import run as serve_and_train
    from backlit.page.serving import Place, open_browser
    from backlit.page.session import Session
    from backlit.page.settings_text import named_values
    from backlit.page.sources import source_of

    def opened(address: str) -> None:
        print(address, flush=True)
        if browser:
            open_browser(address)

    example = lesson_named(lesson).example if lesson else "iris"
    if lesson and not settings and source not in (None, example):
        raise BacklitError(f"--lesson {lesson} takes the data {example}; leave {source} out.")
    session = Session(source_of(source or example, target, data=data, run=run, task=task), PANELS)
    session.options = tuple(word for file in plugin or () for word in ("--plugin", str(file)))
    facts = dict(named_values(settings))
    if not lesson and (step != 1 or ("lesson.step" in facts and "lesson" not in facts)):
        raise BacklitError("a step is given without a lesson; name it, such as --lesson xor --step 3.")
    if lesson and facts:  # as a copied command has them, whose data may be others by then
        facts |= {"lesson": lesson, "lesson.step": str(step)}
    elif lesson:
        session.do("lesson.begin", {"name": lesson, "step": step})
    if facts:
        session.do("address.restore", {"settings": facts})
    with _once_ended():
        serve_and_train(session, Place(host, port, certificate, key, i_know=i_know), opened=opened)
        print(f"The page has ended. {last_words(session.saved)}", flush=True)


def last_words(saved: Sequence[str]) -> str:
    """Say where the files are that the page's buttons saved.

    >>> last_words(["iris.toml", "iris.safetensors", "iris.toml"])
    'Saved where the browser keeps downloads: iris.toml, iris.safetensors. The rest is gone.'
    """
    if not saved:
        return "Nothing was saved by its buttons; what was trained is gone."
    return f"Saved where the browser keeps downloads: {', '.join(dict.fromkeys(saved))}. The rest is gone."


@contextmanager
def _once_ended() -> Iterator[None]:
    """Let the server alone take Ctrl-C: another one, while the page ends, cuts nothing off.

    It stays so until the process has ended, but for an error.
    """
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    except BaseException:
        signal.signal(signal.SIGINT, before)
        raise
