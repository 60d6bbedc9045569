"""`backlit page`: a page in the browser that trains live and lets one look inside."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from backlit.cli.options import Whole, unwrapped


@unwrapped
def page(
    data: str = "iris",
    *,
    target: str | None = None,
    settings: Annotated[tuple[str, ...], Parameter(name="--set", negative="")] = (),
    port: Whole = 0,
    browser: Annotated[bool, Parameter(negative="--no-browser")] = True,
) -> None:
    """Open a page in the browser that trains live and lets one look inside; nothing leaves this machine.

    Parameters
    ----------
    data
        A CSV or Parquet file, a bundled data set, a classic example, a network file (.toml) or a model file.
    target
        The column to predict. Bundled data sets know theirs.
    settings
        A setting as NAME=VALUE, again for each: `--set layers=8:tanh,3:softmax --set optimizer.rate=0.01`. Names are
        the keys of a network file.
    port
        The port of this machine that the page is served on; by default a free one.
    browser
        Whether to open the page in the browser; its address is printed either way.
    """
    from backlit.page.panels import PANELS
    from backlit.page.serving import serve
    from backlit.page.session import Session
    from backlit.page.settings_text import named_values
    from backlit.page.sources import source_of

    source = source_of(data, target)
    session = Session(source, PANELS)
    if settings:
        session.do("build.restore", {"settings": dict(named_values(settings))})
    serve(session, port=port, opened=lambda address: print(address, flush=True))
