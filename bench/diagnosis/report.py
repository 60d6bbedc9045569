"""The tables of the results in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from bench.diagnosis.design import DOSES, NO_FAULT
from bench.diagnosis.faults import FAULTS
from bench.diagnosis.runs import Run
from bench.diagnosis.scores import (
    Results,
    Share,
    alarms_on_unhurt,
    causes,
    causes_of_found,
    closing,
    confusion,
    detection,
    median,
    named_rightly,
    share,
)
from bench.diagnosis.tools import TOOLS

LISTED = 40
"""So many failures of a kind are listed at the most."""

WAYS = {
    "tried": "the remedies that the diagnosis tried and kept",
    "random": "as many random changes, kept where the validation rows gain",
    "random_one": "one random change",
    "search": "the search of `backlit train`, on the same rows",
}

GOALS = (
    ("recall of faulty runs", "≥ 0.95", lambda r: detection(r, "Backlit").recall),
    ("alarms on healthy runs", "≤ 0.05", lambda r: detection(r, "Backlit").alarms),
    ("a right cause first", "≥ 0.80", lambda r: causes(r, "Backlit", 1)),
    ("a right cause among the first two", "≥ 0.92", lambda r: causes(r, "Backlit", 2)),
    ("the tried remedy closes 90 % of the gap", "≥ 0.80", lambda r: closing(r, "tried")[0]),
    ("random changes of equal cost close 90 %", "20 points less", lambda r: closing(r, "random")[0]),
)


def written(found: Share) -> str:
    """Write a share with its interval.

    >>> written(Share(8, 10))
    '0.800 (0.490 to 0.943; 8 of 10)'
    """
    low, high = found.interval
    return f"{found.value:.3f} ({low:.3f} to {high:.3f}; {found.found} of {found.of})" if found.of else "–"


def markdown(results: Results) -> str:
    """Give all tables."""
    sections = (_head, _goals, _detection, _faults, _confusion, _repairs, _cost, _failures)
    return "\n\n".join("\n".join(section(results)) for section in sections) + "\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'|'.join(['---'] + ['---:'] * (len(head) - 1))}|"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def harm(results: Results) -> Iterator[str]:
    """Give the harm of each planted fault in percent of the twins' gap, cell by cell; * marks what counts as faulty."""

    def row(name: str) -> tuple[str, ...]:
        truths = sorted((t for t in results.truths.values() if t.cell.fault == name), key=lambda t: t.truth.share)
        doses = (
            ", ".join(
                f"{100 * t.truth.share:.0f}{'*' * t.is_faulty} ({t.cell.table}, {t.cell.shape}, {t.cell.optimizer})"
                for t in truths
                if t.cell.dose == dose
            )
            for dose in DOSES
        )
        return name, *doses

    return _table(("planted", "weak", "middle", "strong"), (row(fault.name) for fault in FAULTS))


def _head(results: Results) -> Iterator[str]:
    planted = [t for t in results.truths.values() if t.cell.fault != NO_FAULT]
    yield (
        f"{len(results.runs):,} runs: {len(results.faulty):,} faulty and {len(results.healthy):,} healthy ones. Of "
        f"{len(planted)} cells with a planted fault {sum(t.is_faulty for t in planted)} count as faulty."
    )


def _goals(results: Results) -> Iterator[str]:
    yield from _table(
        ("goal", "wanted", "reached"), ((name, goal, written(found(results))) for name, goal, found in GOALS)
    )
    unhurt, hurt = alarms_on_unhurt(results, "Backlit")
    right = causes_of_found(results, "Backlit", 1)
    yield (
        f"\nOf the healthy runs, those that kept 95 % of their twin's score gave an alarm in {written(unhurt)}; those "
        f"that did not, which count as healthy since the harm differs much between the seeds, in {written(hurt)}. Of "
        f"the faulty runs that gave an alarm, a right cause stands first in {written(right)}."
    )


def _detection(results: Results) -> Iterator[str]:
    def row(tool: str) -> tuple[str, ...]:
        found = detection(results, tool)
        shares = (found.recall, found.alarms, found.precision, causes(results, tool, 1), causes(results, tool, 2))
        return tool, *map(written, shares)

    head = ("tool", "recall", "alarms on healthy", "precision", "right cause first", "among the first two")
    yield from _table(head, (row(tool) for tool in TOOLS if all(tool in run.verdicts for run in results.runs)))


def _faults(results: Results) -> Iterator[str]:
    def row(name: str) -> tuple[str, ...]:
        truths = [t for t in results.truths.values() if t.cell.fault == name]
        faulty = [run for run in results.faulty if run.cell.fault == name]
        healthy = [run for run in results.healthy if run.cell.fault == name]
        doses = " ".join(
            f"{sum(t.is_faulty for t in truths if t.cell.dose == d)}/{sum(t.cell.dose == d for t in truths)}"
            for d in range(3)
        )
        repairs = [repair for run, repair in results.repaired if run.cell.fault == name]
        return (
            name, doses, *map(_short, (
                share(bool(run.verdicts["Backlit"].codes) for run in faulty),
                share(bool(run.verdicts["Backlit"].codes) for run in healthy),
                share(named_rightly(run, "Backlit", 1) for run in faulty),
                share(named_rightly(run, "Backlit", 2) for run in faulty),
                share(repair.tried >= 0.9 for repair in repairs),
                share(repair.random >= 0.9 for repair in repairs),
            )),
        )  # fmt: skip

    head = ("planted", "harm by dose", "found", "alarms where harmless", "first", "first two", "repaired", "by chance")
    names = [fault.name for fault in FAULTS]
    yield from _table(head, (row(name) for name in names if any(t.fault == name for t in results.truths)))


def _short(found: Share) -> str:
    return f"{found.found}/{found.of}" if found.of else "–"


def _confusion(results: Results) -> Iterator[str]:
    yield "What was named first (`–`: no alarm; BL000: an alarm without a cause):"
    yield ""
    table = confusion(results)
    order = [*(fault.name for fault in FAULTS if fault.name in table), *(["healthy"] if "healthy" in table else [])]
    rows = (
        (name, str(sum(table[name].values())), ", ".join(f"{c} {n}" for c, n in table[name].most_common()))
        for name in order
    )
    yield from _table(("planted", "runs", "named first"), rows)


def _repairs(results: Results) -> Iterator[str]:
    yield f"Gap to the twin that is closed on the clean rows, of {len(results.repaired):,} faulty runs:"
    yield ""

    def row(way: str, words: str) -> tuple[str, ...]:
        most, mean = closing(results, way)
        return words, written(most), f"{mean:.2f}"

    rows = [row(way, words) for way, words in WAYS.items()]
    yield from _table(("way", "closes 90 %", "mean share closed"), [*rows, ("no change", "0", "0")])


def _cost(results: Results) -> Iterator[str]:
    trained = median([run.seconds for run in results.runs])
    told = median([run.verdicts["Backlit"].seconds for run in results.runs if "Backlit" in run.verdicts])
    fixed = median([repair.seconds for _, repair in results.repaired])
    yield (
        f"Medians: a training takes {1000 * trained:.0f} ms, its diagnosis {1000 * told:.0f} ms, "
        f"with remedies {1000 * fixed:.0f} ms."
    )


def _failures(results: Results) -> Iterator[str]:
    named = {
        "Missed": [run for run in results.faulty if not run.verdicts["Backlit"].codes],
        "False alarms": [run for run in results.healthy if run.verdicts["Backlit"].codes],
        "No right cause among the first two": [
            run for run in results.faulty if run.verdicts["Backlit"].codes and not named_rightly(run, "Backlit", 2)
        ],
        "Not repaired": [run for run, repair in results.repaired if repair.tried < 0.9],
    }
    for what, runs in named.items():
        yield f"**{what}** ({len(runs)})" + (":" if runs else "")
        yield ""
        yield from (_line(run, results) for run in runs[:LISTED])
        if len(runs) > LISTED:
            yield f"- and {len(runs) - LISTED} more"
        yield ""


def _line(run: Run, results: Results) -> str:
    truth = results.truths[run.cell].truth
    codes = " ".join(run.verdicts["Backlit"].codes) or "–"
    closed = (
        "" if run.repair is None else f"; closed {run.repair.tried:.2f} by {', '.join(run.repair.kept) or 'no change'}"
    )
    return (
        f"- `{run.cell.name}` seed {run.seed}: {codes}; twin {run.twin:.3f}, here {run.score:.3f}, "
        f"harm {100 * truth.share:.0f} %{closed}"
    )
