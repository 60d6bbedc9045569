"""`backlit check`: a learner's numbers, or those of a class, checked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from backlit.cli.options import Whole, WholeList, form_of, unwrapped
from backlit.cli.plugins import run_plugins
from backlit.cli.streams import print_document
from backlit.errors import BacklitError

Format = Literal["text", "md", "html", "csv", "json"]
FORMS = {"text": (".txt", ".text"), "md": (".md", ".markdown"), "html": (".html", ".htm"), "csv": (".csv",),
         "json": (".json",)}  # fmt: skip
"""Each form with the endings of its files; csv is of a class alone."""
WIDEST = 120
MISTAKES = 1
"""The exit code where a number is wrong."""


@unwrapped
def check(
    sheet: Path,
    *,
    network: str | None = None,
    run: str | None = None,
    row: Annotated[WholeList, Parameter(negative="", consume_multiple=True)] = (),
    steps: Whole | None = None,
    epoch: Whole | None = None,
    delta: str | None = None,
    velocity: str | None = None,
    hint: Whole | None = None,
    form: Annotated[Format | None, Parameter(name="--format")] = None,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    json: Annotated[bool, Parameter(negative="")] = False,
    plugin: Annotated[list[Path] | None, Parameter(negative="")] = None,
) -> int:
    """Check numbers of a step that were worked out by hand or by a program: the first wrong one, and the mistake.

    Each number is compared with what follows from the sheet's own earlier ones. The exit code is 0 where none is wrong,
    1 where some are, 2 where the sheet cannot be read.

    Parameters
    ----------
    sheet
        A network file (.toml) with a table [claimed], a CSV file of name and number, a JSON file, arrays of gradients
        (.npz), or the folder of a class, with a sheet for each student and in key/ their network files.
    network
        A classic example's name or a network file that the numbers are of, where the sheet is none itself.
    run
        Which run of a network file that has several.
    row
        Rows that make one batch, as if there were no others, counted from 1: "--row 1,2".
    steps
        The step of the training that the numbers are of; by default the first. A number may name its own: "step 2: E".
    epoch
        The numbers are of the steps of that epoch, counted from 1.
    delta
        What δ is on the sheet: "--delta dE/dnet" or "--delta=-dE/dnet", of a batch without the 1/n of the mean
        "--delta 'n dE/dnet'"; without it, that is taken under which more of the numbers follow.
    velocity
        How the velocity is worked out: "--velocity 'μv + g'", "mu v + eta g" or "mu v - eta g"; without it, as δ is.
    hint
        1 gives the place of the first wrong number alone, 2 the kind of mistake too, 3 its formula too.
    form
        text, md (Markdown), html (one page to open offline) or json; of a class csv too, for a spreadsheet. By default
        the one that the output's ending stands for, else text.
    output
        The file to write to, instead of the terminal: OUT.html, OUT.md, OUT.json or OUT.txt; of a class OUT.csv too.
    json
        Print JSON, as --format json does.
    plugin
        A Python file to run first, for a network with ops of your own.
    """
    if json and form not in {None, "json"}:
        raise BacklitError(f"--json and --format {form} are both given; expected one of them.")
    chosen = form_of("json" if json else form, output, FORMS)
    run_plugins(plugin or ())
    given: dict[str, Any] = {"run": run, "row": row or None, "steps": steps, "epoch": epoch, "delta": delta,
                             "velocity": velocity}  # fmt: skip
    settings = {name: value for name, value in given.items() if value is not None}
    if sheet.is_dir():
        if hint is not None:
            raise BacklitError("--hint is for a learner's own sheet; of a class's folder leave it out.")
        shown = _of_class(sheet, network, settings)
    else:
        shown = _of_sheet(sheet, network, settings, hint)
    _show(shown, chosen, output)
    return 0 if shown.all_right else MISTAKES


def _of_sheet(path: Path, network: str | None, settings: dict[str, Any], hint: int | None) -> Any:
    from backlit.show.check.checked import Checked
    from backlit.sources.checking import checked_work
    from backlit.sources.class_folders import with_key
    from backlit.sources.sheet_files import read_sheet

    given = read_sheet(path)
    source: Any = network if network is not None else path if given.file is not None else None
    if source is None:
        source, given = with_key(given, path)
    if source is None:
        raise BacklitError(
            f"{path} does not say which network its numbers are of; name it: --network two-layer (an example) or "
            "--network FILE.toml."
        )
    return Checked(checked_work(source, None, None, given, **settings), hint=hint)


def _of_class(folder: Path, network: str | None, settings: dict[str, Any]) -> Any:
    from backlit.show.check.marking import Marking
    from backlit.sources.class_folders import check_folder

    return Marking(check_folder(folder, network, **settings))


def _text_of(shown: Any, form: str) -> str:
    """Give what was found in a form.

    Errors: a BacklitError for CSV of a sheet.
    """
    if form == "csv" and not hasattr(shown, "to_csv"):
        raise BacklitError("csv is the form of a class's marks; of one sheet expected text, md, html or json.")
    forms = {"md": "to_markdown", "html": "to_html", "csv": "to_csv", "json": "to_json"}
    return str(shown.text().plain if form == "text" else getattr(shown, forms[form])())


def _show(shown: Any, form: str, output: Path | None) -> None:
    """Print what was found, or write it."""
    if output is None and form == "text":
        from rich.console import Console

        console = Console(highlight=False, soft_wrap=True)
        console.print(shown.text(min(console.width, WIDEST)))
        return
    text = _text_of(shown, form)
    if output is None:
        print_document(text)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BacklitError(f"cannot write {output}: {error.strerror}.") from None
    print(f"Checked work written to {output}.")
