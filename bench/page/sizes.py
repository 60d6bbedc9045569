"""How large what the page sends is, packed as it is sent: the page, and each view's first snapshot, the largest."""

from __future__ import annotations

from collections.abc import Iterator

from backlit.page.routes import static_files
from bench.page.client import VIEWS
from bench.page.host import hosted, session_of

MOST, MOST_STATIC = 50_000, 100_000
"""The most bytes of a snapshot, and of all static files."""

NETWORKS = (
    "iris", "digits", "64-64-32-10 x 1500 / 32", "10-" + "-".join(["16"] * 12) + "-3 x 500 / 16",
    "20-512-512-3 x 500 / 16", "300-8-2 x 500 / 16", "convolution", "digits-convolution", "recurrent",
)  # fmt: skip


def table(networks: tuple[str, ...] = NETWORKS) -> Iterator[str]:
    """Give the lines of a table (Markdown)."""
    static = sum(len(content) for _, content in static_files().values())
    yield f"Static files: {static / 1000:.1f} kB{'' if static <= MOST_STATIC else ', too much'}.\n"
    yield f"| network | page, kB | {', kB | '.join(VIEWS)}, kB |"
    yield f"|---|---:|{'---:|' * len(VIEWS)}"
    for name in networks:
        session = session_of(name)
        with hosted(session) as client:
            page = client.get().length
            session.do("bar.advance", {"epochs": 1})
            lengths = [page, *(_first(client.events(view)) for view in VIEWS)]
        cells = (f"{length / 1000:.1f}{'' if length <= MOST else ' (!)'}" for length in lengths)
        yield f"| {name} | {' | '.join(cells)} |"


def _first(events: Iterator[tuple[int, bytes]]) -> int:
    return next(length for length, text in events if b"event: parts" in text)
