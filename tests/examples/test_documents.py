"""docs/network-file.md and docs/examples.md: their tables are made from the schema and from runs of the examples.

Run this file to write the tables anew: python tests/examples/test_documents.py
"""

import functools
import re
from pathlib import Path

import msgspec
import pytest

from backlit.diagnose.finding_tests import GROUPS, finding_tests
from backlit.engine import TrainingSettings
from backlit.errors import BacklitError
from backlit.examples import file_tables, parse_network_file, run_example
from backlit.examples.quantity_parsing import QUANTITIES
from backlit.examples.running import NAMES
from backlit.ops.registry import REGISTRIES
from backlit.show.demo.tables import verdict

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"(<!-- (?P<kind>[a-z]+): (?P<name>[\w-]+) -->\n)(?P<body>(?:(?!<!--).)*)(<!-- end -->)", re.DOTALL)
TABLES = {
    "file": file_tables.FileTable,
    "network": file_tables.NetworkTable,
    "initial": file_tables.InitialTable,
    "data": file_tables.DataTable,
    "split": file_tables.SplitTable,
    "drawn": file_tables.DrawnTable,
    "training": TrainingSettings,
    "published": file_tables.PublishedTable,
    "computed": file_tables.ComputedTable,
    "worksheet": file_tables.WorksheetTable,
    "runs": file_tables.RunTable,
    "valley": file_tables.ValleyTable,
    "parts": file_tables.PartTable,
    "trouble": file_tables.TroubleTable,
    "comparison": file_tables.ComparisonTable,
    "trouble-parts": file_tables.TroublePartTable,
}


def default_of(field):
    """Say a key's default as TOML writes it."""
    if field.default is msgspec.NODEFAULT and field.default_factory is msgspec.NODEFAULT:
        return "must be given"
    return toml(field.default if field.default is not msgspec.NODEFAULT else None)


def toml(value):
    if value is None or value in ("", ()):
        return "none"
    return f"`{str(value).lower()}`" if isinstance(value, bool) else f"`{value!r}`".replace("'", '"')


def keys(name):
    """Give the table of a TOML table's keys."""
    cls = TABLES[name]
    rows = ["| key | meaning | default |", "|---|---|---|"]
    described = msgspec.inspect.type_info(cls).fields
    for field, info in zip(msgspec.structs.fields(cls), described, strict=True):
        if cls is not TrainingSettings or field.name in file_tables.TRAINING:
            meaning = description(info.type).replace("|", "&#124;")
            rows.append(f"| `{field.encode_name}` | {meaning} | {default_of(field)} |")
    return "\n".join(rows)


def description(found):
    """Give the description in a type's annotations, which msgspec keeps with the type or with an alternative of it."""
    return found.extra_json_schema["description"]


def names(kind):
    """List the ops of a kind."""
    return ", ".join(f"`{name}`" for name in REGISTRIES[kind])


def labels(_):
    return "\n".join(f"- `{key}`: {meaning}" for key, meaning in file_tables.LABELS.items())


def quantities(_):
    rows = ["| quantity | what it is |", "|---|---|"]
    return "\n".join([*rows, *(f"| `{example}` | {meaning} |" for example, meaning in QUANTITIES.items())])


def codes(_):
    """List the codes of the findings with their names, by cause."""
    listed = {group: [test for test in finding_tests() if test.code[2] == group] for group in GROUPS}
    return "\n".join(
        f"- {GROUPS[group]}: {', '.join(f'`{test.code}` {test.name}' for test in tests)}"
        for group, tests in listed.items()
    )


@functools.cache
def runs(name):
    """Give the runs of an example, which two tables show."""
    return run_example(name).runs


def figures(name):
    """Give the figures that an example's source prints beside ours."""
    return beside_ours("published", [figure for setup in runs(name) for figure in setup.figures])


def computed(name):
    """Give the figures of an example that no source prints beside ours: by run, and by what gives them."""
    parts = []
    for setup in runs(name):
        for origin in dict.fromkeys(figure.origin for figure in setup.computed):
            heading = f"From {origin}" + (f' (run "{setup.name}")' if setup.name else "")
            listed = [figure for figure in setup.computed if figure.origin == origin]
            parts += [f"{heading}:", beside_ours("computed", listed)]
    return "\n\n".join(parts)


def beside_ours(given, figures):
    rows = [f"| after | quantity | {given} | ours | |", "|---|---|---|---|---|"]
    for figure in figures:
        name = f"`{figure.quantity}`" + (f" = {figure.label}" if figure.label else "")
        said = f"{verdict(figure)}: {figure.note}" if figure.note else verdict(figure)
        rows.append(f"| {figure.after:,} | {name} | {getattr(figure, given)} | {figure.ours:.10g} | {said} |")
    return "\n".join(rows)


MAKERS = {
    "keys": keys, "names": names, "labels": labels, "quantities": quantities, "codes": codes, "figures": figures,
    "computed": computed,
}  # fmt: skip


def written_anew(text):
    return BLOCK.sub(lambda match: match[1] + MAKERS[match["kind"]](match["name"]) + "\n" + match[5], text)


@pytest.mark.parametrize("document", ["network-file.md", "examples.md"])
def test_tables_are_up_to_date(document):
    text = (DOCS / document).read_text(encoding="utf-8")
    assert BLOCK.search(text)
    assert written_anew(text) == text, "run python tests/examples/test_documents.py"


def test_every_table_of_the_format_is_documented():
    text = (DOCS / "network-file.md").read_text(encoding="utf-8")
    found = {match["name"] for match in BLOCK.finditer(text)}
    assert set(TABLES) <= found
    assert set(REGISTRIES) - {"layer"} <= found
    assert {"labels", "quantities", "codes"} <= {match["kind"] for match in BLOCK.finditer(text)}


def test_the_files_shown_are_valid():
    shown = re.findall(r"```toml\n(.*?)```", (DOCS / "network-file.md").read_text(encoding="utf-8"), re.DOTALL)
    whole = [text for text in shown if "[[network.layers]]" in text and not text.startswith("# wrong")]
    assert whole
    for text in whole:
        assert parse_network_file(text).build().parameters.size


def test_the_errors_shown_are_those_given():
    text = (DOCS / "network-file.md").read_text(encoding="utf-8")
    given, said = re.search(r"```toml\n(# wrong.*?)```.*?```text\n(.*?)\n```", text, re.DOTALL).groups()
    with pytest.raises(BacklitError) as caught:
        parse_network_file(given, "my-network.toml")
    assert str(caught.value) == said


def test_every_example_has_its_command():
    text = (DOCS / "examples.md").read_text(encoding="utf-8")
    assert re.findall(r"^backlit demo (\S+)$", text, re.MULTILINE) == list(NAMES)


if __name__ == "__main__":
    for path in (DOCS / "network-file.md", DOCS / "examples.md"):
        path.write_text(written_anew(path.read_text(encoding="utf-8")), encoding="utf-8")
