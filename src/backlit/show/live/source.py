"""What the live page trains on: the choice of it in the header, and what is done to each column."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

import msgspec

from backlit.errors import counted
from backlit.show.live.choices import choice_html, options_html
from backlit.show.names import short
from backlit.show.pages import table_html

MOST_COLUMNS = 300
"""So many columns are listed; of more, the first ones."""

ACCEPTED = (".csv", ".tsv", ".tab", ".txt", ".dat", ".data", ".parquet", ".pq", ".toml", ".safetensors")
"""Endings of the files that can be opened."""


SIGN = re.compile(r"(?<= )-(?=\d)")
"""Of a number in a sentence."""

TASKS = (("classes", "classes"), ("numbers", "a number"))


class SourceFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is trained on.

    Attributes:
        title: its name. target: the column that is predicted, "" without a table. columns: all of the table's columns.
        training, validation, kept: how many rows train, validate, and are left for a test.
        own: the name of the data set or example, "" for another table. sets, examples: those that can be chosen.
            largest: the most bytes of a file. runs: the runs of a network file that has several. run: the one at hand.
        task: what is learned of a column that could be classes or numbers, else nothing.
    """

    title: str
    target: str
    columns: tuple[str, ...]
    training: int
    validation: int
    kept: int
    own: str
    sets: tuple[str, ...]
    examples: tuple[str, ...]
    largest: int
    runs: tuple[str, ...] = ()
    run: str = ""
    task: str = ""


def rows_words(facts: SourceFacts) -> str:
    """Say what the rows are for.

    >>> from msgspec.structs import replace
    >>> facts = SourceFacts(title="", target="", columns=(), training=90, validation=30, kept=30, own="", sets=(),
    ...                     examples=(), largest=0)
    >>> rows_words(facts)
    '90 rows train, 30 validate, 30 are kept for a test'
    >>> rows_words(replace(facts, validation=0, kept=0, training=1))
    '1 row trains'
    """
    words = [f"{counted(facts.training, 'row')} {'trains' if facts.training == 1 else 'train'}"]
    if facts.validation:
        words.append(f"{facts.validation:,} {'validates' if facts.validation == 1 else 'validate'}")
    if facts.kept:
        words.append(f"{facts.kept:,} {'is' if facts.kept == 1 else 'are'} kept for a test")
    return ", ".join(words)


def source_html(facts: SourceFacts, begins: str = "") -> str:
    """Give the controls that choose what is trained on; `begins` says at which weights, where they are a model's."""
    own = "" if facts.own else f'<option value="" selected>{escape(short(facts.title))}</option>'
    groups = (("Data sets", facts.sets), ("Classic examples", facts.examples))
    options = own + "".join(
        f'<optgroup label="{label}">{options_html([(name, name) for name in names], facts.own)}</optgroup>'
        for label, names in groups
    )
    data = ('<label class="pick" for="source-data">Data <select id="source-data" data-choose="source.choose" '
            f'data-key="name">{options}</select></label>')  # fmt: skip
    predict = ""
    if facts.target:
        columns = [(name, name) for name in facts.columns]
        predict = choice_html("predict", "source-target", "source.predict", "column", columns, facts.target)
    if facts.task:
        predict += choice_html("as", "source-task", "source.learn", "task", TASKS, facts.task)
    runs = ""
    if facts.runs:
        runs = choice_html("run", "source-run", "source.run", "name", [(name, name) for name in facts.runs], facts.run)
    return (
        f'{data}{runs}{predict}<label class="open" for="source-file">Open a file…<input id="source-file" type="file" '
        f'class="unseen" accept="{",".join(ACCEPTED)}" aria-describedby="source-kinds" '
        f'data-largest="{facts.largest}"></label>'
        f'<span id="source-kinds" class="unseen">A table (.csv, .parquet), a network file (.toml) or a model file '
        f"(.safetensors), up to {facts.largest // 1_000_000} MB; or drop it on the page.</span>"
        f'<span class="rows quiet">{rows_words(facts)}</span>{_note(begins)}'
        '<p id="source-reading" role="status"></p><p data-errors role="alert"></p>'
    )


def _note(words: str) -> str:
    return f'<span id="source-begins" class="rows quiet">{escape(words)}</span>' if words else ""


class ColumnRow(msgspec.Struct, frozen=True):
    """A column: its name, its kind, what is done to it, and how many inputs of the network it becomes."""

    name: str
    kind: str
    done: str
    inputs: int


def columns_html(
    facts: SourceFacts, predicted: str, columns: Sequence[ColumnRow], told: Sequence[str], *, of_table: bool,
    basis: str = "",
) -> str:  # fmt: skip
    """Say what is trained on and predicted, what is done to each column, and what the reader warned of.

    `basis` says which rows the numbers of the columns are of.
    """
    parts = [f"<h2>Columns</h2><p>{escape(short(facts.title, 80))}: {rows_words(facts)}. {escape(predicted)}</p>"]
    if basis:
        parts.append(f'<p class="note">{escape(basis)}</p>')
    if facts.kept:
        parts.append('<p class="note">The rows for the test are not shown, and nothing here is chosen by them: '
                     "<code>backlit train</code> and <code>backlit evaluate</code> measure on them.</p>")  # fmt: skip
    parts += [f'<p class="warning">{escape(one)}</p>' for one in told]
    shown = columns[:MOST_COLUMNS]
    if of_table:
        head: tuple[str, ...] = ("column", "kind", "what is done to it", "inputs")
        rows: list[tuple[str, ...]] = [
            (short(one.name), one.kind, SIGN.sub("−", one.done), str(one.inputs)) for one in shown
        ]
    else:
        head, rows = ("input", "values"), [(short(one.name), one.done) for one in shown]
    parts.append(table_html(head, rows, 3 if of_table else 2, label="The columns and what is done to them"))
    if len(columns) > len(shown):
        parts.append(f'<p class="note">These are the first {len(shown)} of {len(columns):,} columns.</p>')
    return "".join(parts)
