"""The results of the benchmark as a table, and as a list of what was missed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bench.check.scores import Line

SMALL = ["2-2-2 sigmoid", "3-4-3 relu, softmax"]
"""The networks of the small setting."""


def markdown(lines: Sequence[Line]) -> str:
    """Give the table."""
    one = [line for line in lines if line.kind == "planted" and line.digits > 3]
    few = [line for line in lines if line.kind == "planted" and line.digits == 3]
    two = [line for line in lines if line.kind == "two" and line.counted]
    right = [line for line in lines if line.kind == "right"]
    rows = ["| sheets | | counted | share |", "|---|---|---:|---:|"]
    for words, of in (("one mistake, 4 to 9 digits", one), ("one mistake, 3 digits", few)):
        counted = [line for line in of if line.counted]
        if counted:
            rows += [
                _row(f"{words}", "the first wrong number is found", counted, lambda line: line.located),
                _row("", "its mistake is named, alone or as one of two", counted, lambda line: line.named),
                _row("", "it is named alone", counted, lambda line: line.named_alone),
                _row("", "another one is named", counted, lambda line: line.misnamed),
            ]
    if right:
        rows.append(_row("no mistake", "a number is called wrong", right, lambda line: line.wrong > 0))
    if two:
        rows.append(
            _row("two mistakes that show at two numbers", "both places are found", two, lambda line: line.located)
        )
    return "\n".join([*rows, "", _aside(one + few, right)])


def _row(sheets: str, what: str, lines: Sequence[Line], says: Callable[[Line], bool]) -> str:
    share = sum(map(says, lines)) / len(lines)
    return f"| {sheets} | {what} | {len(lines):,} | {100 * share:.1f} % |"


def _aside(planted: Sequence[Line], right: Sequence[Line]) -> str:
    """Say what was left out, and how long a sheet takes."""
    hidden = sum(not line.shows for line in planted)
    same = sum(line.shows and not line.counted for line in planted)
    shown = [line for line in planted if line.shows]
    other = sum(line.misnamed for line in shown)
    seconds = sorted(line.seconds for line in planted)
    accused = sum(line.wrong for line in right), sum(line.numbers for line in right)
    parts = [
        f"Of {len(planted):,} sheets with one mistake {hidden:,} were left out because it moves no number of the sheet "
        f"by more than rounding, and {same:,} because another mistake at the same place gives the same numbers to the "
        f"digits of the sheet. Of all {len(shown):,} that it moves, {other:,} got another name alone "
        f"({100 * other / len(shown):.1f} %)." if shown else "",
        f"A sheet with a mistake took a processor {seconds[len(seconds) // 2]:.2g} s, the slowest {seconds[-1]:.2g} s."
        if seconds else "",
        f"Of {accused[1]:,} numbers on right sheets {accused[0]:,} were called wrong." if right else "",
    ]  # fmt: skip
    return " ".join(filter(None, parts))


def missed(lines: Sequence[Line]) -> str:
    """List the sheets on which something was missed."""
    bad = [line for line in lines if line.counted and (line.wrong if line.kind == "right" else not (
        line.located and (line.named or line.kind == "two")))]  # fmt: skip
    return "\n".join(
        f"{line.kind} {line.network} {line.seed} {line.digits} {line.style}: {line.planted} ({line.scope}); shows "
        f"first at {line.first or '-'}, found {line.found or '-'} as {', '.join(line.codes) or '-'}"
        for line in bad
    )
