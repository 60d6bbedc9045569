"""`backlit explain`: one training step with every number of the chain rule."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from backlit.cli.options import Real, Whole, WholeList, form_of, unwrapped
from backlit.cli.plugins import run_plugins
from backlit.cli.streams import print_document

Format = Literal["text", "md", "latex", "html", "json"]
FORMS = {"text": (".txt", ".text"), "md": (".md", ".markdown"), "latex": (".tex",), "html": (".html", ".htm"),
         "json": (".json",)}  # fmt: skip
"""Each form with the endings of its files."""
WIDEST = 120


@unwrapped
def explain(
    source: str,
    *,
    data: Path | None = None,
    row: Annotated[WholeList, Parameter(negative="", consume_multiple=True)] = (),
    run: str | None = None,
    optimizer: str | None = None,
    rate: Real | None = None,
    form: Annotated[Format | None, Parameter(name="--format")] = None,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    digits: Whole = 9,
    steps: Whole | None = None,
    epoch: Whole | None = None,
    only: Annotated[tuple[str, ...], Parameter(negative="", consume_multiple=True)] = (),
    compare: Annotated[bool, Parameter(negative="")] = False,
    check: Annotated[bool, Parameter(negative="")] = False,
    names: Annotated[bool | None, Parameter(negative="--no-names")] = None,
    plugin: Annotated[list[Path] | None, Parameter(negative="")] = None,
) -> None:
    """Work one training step out: forward pass, error, backward pass and update, with every number.

    Parameters
    ----------
    source
        A classic example's name, a network file (.toml), or a model file together with --data.
    data
        The table whose rows a model file is explained on.
    row
        Rows that make one batch, as if there were no others, counted from 1: "--row 1,2", "--row 1 2". Without it, a
        network file's steps take the rows that its training takes; of a table, the first row is taken.
    run
        Which run of a network file that has several.
    optimizer
        The optimizer's name, instead of the file's own.
    rate
        The learning rate, instead of the file's own.
    form
        text, md (Markdown with formulas for GitHub and Jupyter), latex, html (one page to open offline) or json; by
        default the one that the output's ending stands for, else text.
    output
        The file to write to, instead of the terminal: OUT.html, OUT.md, OUT.tex, OUT.json or OUT.txt.
    digits
        Places behind the point; a tie is rounded to the even digit (0.0625 at 3 is 0.062). Given numbers of up to four
        digits stay as they are; a result below the last place, or below 0.001, has so many digits and an exponent
        (4.39e-4 at 3). Digits that float64 does not have are left out.
    steps
        Run so many steps of the training, each on its own batch, and explain the last; 1 where neither this nor --epoch
        is given.
    epoch
        Explain every step of that epoch in turn.
    only
        A phase (forward, error, backward, update), a layer ("layer 2", lstm), a unit, filter or moment (h1, f1@r1c2,
        "time 2"), a weight ("w(i1,h1)") or another number with all it depends on, without its place all of that name;
        several with commas between, or by giving it again.
    compare
        End with the error and the weights before and after the step.
    check
        Put the slope by finite differences beside each gradient; at a kink, those of both sides.
    names
        Put the weights' names beside their values where the network is drawn, or leave them out; where neither is
        asked for, names that the network file gives are shown, such as w5.
    plugin
        A Python file to run first, for a network with ops of your own.
    """
    from backlit.sources import explain as work_out

    chosen = form_of(form, output, FORMS)
    run_plugins(plugin or ())
    given: dict[str, Any] = {"data": data, "row": row or None, "run": run, "optimizer": optimizer, "rate": rate}
    example: Any = work_out(
        source, **{name: value for name, value in given.items() if value is not None}, steps=steps, epoch=epoch,
        digits=digits, only=only, compare=compare, check=check,
    )  # fmt: skip
    if output is None and chosen == "text":
        from rich.console import Console

        console = Console(highlight=False, soft_wrap=True)
        console.print(example.text(min(console.width, WIDEST), names=names))
        return
    forms = {"md": example.to_markdown, "latex": example.to_latex, "json": example.to_json}
    forms |= {"html": lambda: example.to_html(names=names), "text": lambda: example.text(names=names).plain}
    text = forms[chosen]()
    if output is None:
        print_document(text)
    else:
        _write(output, text)
        print(f"Worked example written to {output}.")


def _write(path: Path, text: str) -> None:
    from backlit.errors import BacklitError

    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BacklitError(f"cannot write {path}: {error.strerror}.") from None
