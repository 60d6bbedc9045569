"""`backlit page`: a page in the browser that trains live and lets one look inside."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from backlit.cli.options import Whole, unwrapped


@unwrapped
def page(
    data: str | None = None,
    *,
    target: str | None = None,
    settings: Annotated[tuple[str, ...], Parameter(name="--set", negative="")] = (),
    lesson: str | None = None,
    step: Whole = 1,
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
    data
        A CSV or Parquet file, a bundled data set, a classic example, or a network file (.toml); iris by default.
    target
        The column to predict. Bundled data sets know theirs.
    settings
        A setting as NAME=VALUE, again for each: `--set layers=8:tanh,3:softmax --set optimizer.rate=0.01`. Names are
        the keys of a network file. What is looked at has names, too: `--set view=descent --set trained=100`. The
        page's button "Copy the command" gives them.
    lesson
        A lesson to begin; its data are taken.
    step
        The step that the lesson begins with.
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
    from backlit.page.lesson_files import lesson_named
    from backlit.page.panels import PANELS
    from backlit.page.running import run
    from backlit.page.serving import Place, open_browser
    from backlit.page.session import Session
    from backlit.page.settings_text import named_values
    from backlit.page.sources import source_of

    def opened(address: str) -> None:
        print(address, flush=True)
        if browser:
            open_browser(address)

    example = lesson_named(lesson).example if lesson else "iris"
    session = Session(source_of(data or example, target), PANELS)
    facts = dict(named_values(settings))
    if lesson and facts:
        facts |= {"lesson": lesson, "lesson.step": str(step)}
    elif lesson:
        session.do("lesson.begin", {"name": lesson, "step": step})
    if facts:
        session.do("address.restore", {"settings": facts})
    run(session, Place(host, port, certificate, key, i_know=i_know), opened=opened)
    print("The page has ended. What was saved by its buttons is where the browser keeps downloads; the rest is gone.")
