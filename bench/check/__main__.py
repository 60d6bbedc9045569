"""Check planted and right sheets, and count what is found: python -m bench.check; --help tells the rest."""

from __future__ import annotations

import collections
import sys
import time
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np
from cyclopts import App, Parameter

from bench.check.networks import NETWORKS, graph_of
from bench.check.scores import Line, alike, checked, first_shown, found_in
from backlit.check.graph import operands
from bench.check.sheets import STYLES, Planted, Working, chosen, plants, workable

app = App(name="bench.check", help=__doc__)


def planted_lines(networks: list[str], seeds: range, digits: tuple[int, ...], codes: list[str] | None) -> list[Line]:
    lines = []
    for name in networks:
        for seed in seeds:
            graph = graph_of(name, seed)
            keys = workable(graph)
            rng = np.random.default_rng([seed, len(name)])
            for places in digits:
                for planted in plants(graph, rng, places, codes):
                    line = one_line(name, seed, graph, keys, planted, places, rng)
                    if line is not None:
                        lines.append(line)
    return lines


def one_line(name, seed, graph, keys, planted: Planted, digits, rng) -> Line:
    given = chosen(rng, keys)
    if planted.slip:
        site = next(iter(planted.changed))
        copied = operands(planted.changed[site]) if planted.code == "number-copied" else ()
        given = sorted({*given, site, *copied}, key=graph.order)
        work = Working(graph, {}, "at the end", digits, planted.changed)
    else:
        work = Working(graph, planted.changed, "at the end" if rng.random() < 0.5 else "each line", digits)
    if not work.finite:
        return None
    sheet = work.sheet(given)
    first = first_shown(graph, sheet, planted)
    begun = time.perf_counter()
    found = checked(graph, sheet)
    seconds = time.perf_counter() - begun
    place, named = found_in(found)
    scope = planted.variants[0].mistake.scope
    return Line(
        name,
        seed,
        digits,
        work.style,
        planted.code,
        scope,
        first is not None,
        "" if first is None else graph.name(first),
        place,
        named,
        len(given),
        seconds,
        len(found.wrong),
        alike(graph, work, planted, digits),
    )


@app.default
def main(
    *,
    seeds: int = 1,
    digits: list[int] | None = None,
    codes: list[str] | None = None,
    networks: list[str] | None = None,
    output: Annotated[Path | None, Parameter(alias="-o")] = None,
) -> None:
    lines = planted_lines(networks or list(NETWORKS), range(seeds), tuple(digits or (4, 6)), codes)
    if output:
        output.write_bytes(b"\n".join(map(msgspec.json.encode, lines)))
    shows = [line for line in lines if line.shows and not line.alike]
    print(
        len(lines),
        "sheets,",
        len(shows),
        "show; first found",
        np.mean([l.first == l.found for l in shows]),
        "named",
        np.mean([l.named for l in shows]),
        "misnamed",
        np.mean([l.misnamed for l in shows]),
        "seconds",
        np.mean([l.seconds for l in lines]),
        max(l.seconds for l in lines),
    )
    by = collections.defaultdict(list)
    for line in shows:
        by[line.planted].append(line)
    for code, of in sorted(by.items(), key=lambda p: np.mean([l.named for l in p[1]])):
        confusions = collections.Counter(c for l in of if not l.named for c in l.codes[:6])
        print(
            f"{code:32} {len(of):4} first {np.mean([l.first == l.found for l in of]):.2f} named {np.mean([l.named for l in of]):.2f} "
            f"misnamed {np.mean([l.misnamed for l in of]):.2f} none {np.mean([not l.codes for l in of]):.2f}",
            dict(confusions.most_common(4)),
        )


if __name__ == "__main__":
    sys.setrecursionlimit(10_000)
    app()
