"""Pages that load nothing, made by jinja2, which escapes all that is not markup of ours."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any


@functools.cache
def template(name: str) -> Any:
    """Give a template of `show/templates`, a `jinja2.Template`."""
    import jinja2  # noqa: PLC0415  (late: most of what is shown is no page)

    environment = jinja2.Environment(
        autoescape=True, loader=jinja2.PackageLoader("backlit.show"), trim_blocks=True, lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )  # fmt: skip
    return environment.get_template(name)


def page(title: str, parts: str, style: str) -> str:
    """Give a page of parts that are HTML already, with a style for them beside the page's own."""
    from markupsafe import Markup  # noqa: PLC0415  (comes with jinja2)

    made: str = template("picture.html").render(title=title, parts=Markup(parts), style=Markup(style))
    return made


def table_html(
    head: Sequence[str], rows: Sequence[Sequence[str]], numbers: int, *, label: str, caption: str = ""
) -> str:
    """Give a table of texts; the columns from `numbers` on stand to the right, and the first names its row.

    `label` is read out by screen readers.

    >>> '<th scope="row">&lt;b&gt;</th><td class="number">1</td>' in table_html(("a", "b"), [("<b>", "1")], 1, label="")
    True
    """
    made: str = template("table.html").render(head=head, rows=rows, numbers=numbers, label=label, caption=caption)
    return made
