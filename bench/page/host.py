"""A page that runs in this process, so that its training can be looked at from outside the stream."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from backlit.page.design import Design
from backlit.page.panels import PANELS
from backlit.page.running import run
from backlit.page.serving import Place
from backlit.page.session import Session
from backlit.page.sources import Source, source_of
from bench.page.client import SEEN, VIEWS, Client

MANY = 10_000_000
"""The most epochs that the page takes."""


def session_of(name: str, **network: Any) -> Session:
    """Give a session of a source, at full speed, for as many epochs as the page takes.

    `name` is that of a bundled data set or an example, or sizes such as "784-128-10" with the number of rows and of a
    batch: "784-128-10 x 100000 / 32". `network` are tables of the design that replace the source's own.
    """
    source = _generated(name) if "-" in name and name[0].isdigit() else source_of(name)
    design = Design({**source.design.network, **network}, {**source.design.training, "epochs": MANY})
    session = Session(source, PANELS)
    session.build(design)
    session.speed = float("inf")
    return session


def _generated(name: str) -> Source:
    """Make a source of random rows and classes, for a network of these sizes."""
    sizes, _, rest = name.partition(" x ")
    inputs, *hidden, classes = map(int, sizes.split("-"))
    rows, batch = map(int, rest.split(" / "))
    rng = np.random.default_rng(0)
    layers = [{"units": units, "activation": "relu"} for units in hidden]
    layers.append({"units": classes, "activation": "softmax"})
    design = Design(
        {"inputs": inputs, "layers": layers, "loss": "cross_entropy", "seed": 0},
        {"optimizer": {"op": "adam", "rate": 0.001}, "batch_size": batch, "epochs": MANY, "seed": 0},
    )
    X, Y = rng.normal(size=(rows + 1000, inputs)), rng.integers(0, classes, size=(rows + 1000, 1)).astype(float)
    return Source(
        title=name, given=(name,), X=X[:rows], Y=Y[:rows], validation=(X[rows:], Y[rows:]), design=design,
    )  # fmt: skip


@contextmanager
def hosted(session: Session) -> Iterator[Client]:
    """Serve a session in a thread; the thread ends with the process."""
    opened, found = threading.Event(), [""]

    def tell(address: str) -> None:
        found[0] = address
        opened.set()

    threading.Thread(target=run, args=(session, Place()), kwargs={"opened": tell}, daemon=True).start()
    if not opened.wait(60.0):
        raise TimeoutError("the page was not served within 60 s")
    client = Client(found[0])
    yield client
    with session.turn():
        session.playing = False


@contextmanager
def reading(client: Client, view: str) -> Iterator[subprocess.Popen[str]]:
    """Read the stream of a view in a process of its own, which takes nothing of this one's time."""
    panels = ",".join((*SEEN, *VIEWS[view]))
    command = [sys.executable, "-m", "bench.page.client", client.host, client.cookie, panels]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as reader:
        try:
            yield reader
        finally:
            reader.terminate()
