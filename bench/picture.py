"""Draw the pictures of the documents, each by the name of its file.

    python -m bench.picture docs/pictures/two-layer.svg docs/pictures/valley.svg docs/pictures/boundary.svg
    python -m bench.picture docs/pictures/signals.svg docs/pictures/convolution.svg docs/pictures/recurrent.svg

`two-layer`, `convolution` and `recurrent` are the forward and backward pass of these examples, as the HTML page shows
them; `valley` the error over weight and bias of one neuron, with two paths of descent; `boundary` what a network that
was trained on iris predicts over two columns; `signals` the gradient norms of ten sigmoid layers, the network of
docs/pictures.md.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_iris
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import scale

import backlit as bl
from backlit.examples import example_file, read_network_file
from backlit.explain import Drawing
from backlit.model import Settings, fit_table
from backlit.show.network.svg import LIGHT, NETWORK_STYLE, network_svg


def two_layer() -> str:
    """Give the two drawings of an example whose weights have names of their own."""
    setup = read_network_file(example_file("two-layer")).setups[0]
    network, names = setup.build(), setup.names
    weights = [(array, *index) for array in ("1.W", "2.W") for index in np.ndindex(network[array].shape)]
    labels = {names.parameter(*weight): names.own_label(*weight) for weight in weights}
    return both_ways(bl.explain(network, *setup.rows(), optimizer=bl.SGD(0.5), labels=labels).step.drawing())


def example(name: str) -> str:
    """Give the two drawings of another example."""
    setup = read_network_file(example_file(name)).setups[0]
    return both_ways(bl.explain(setup.build(), *setup.rows(), optimizer=bl.SGD(0.5)).step.drawing())


def both_ways(drawing: Drawing) -> str:
    """Give a drawing forward and backward, one below the other, as one SVG."""
    height, width, parts = 0, 0, []
    for backward in (False, True):
        svg = network_svg(drawing, backward=backward, standalone=False)
        found = re.search(r'width="(\d+)" height="(\d+)"', svg)
        assert found is not None
        wide, tall = map(int, found.groups())
        parts.append(svg.replace("<svg ", f'<svg y="{height}" ', 1))
        width, height = max(width, wide), height + tall
    size = f'width="{width}" height="{height}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {width} {height}">\n'
        f"<style>{NETWORK_STYLE}</style>\n"
        f'<g class="network"><rect class="paper" {size} fill="{LIGHT["paper"]}"/></g>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def valley() -> str:
    """Give the valley of one neuron with the paths of batch and of stochastic descent."""

    def training(batch_size: Any, rate: float) -> bl.Training:
        neuron = bl.Network([bl.Dense(1, weights=[[-1.0]], biases=[4.0])], inputs=1, loss="half_squared_error")
        X, Y = [[0.0], [1.0], [2.0], [3.0]], [1.0, 2.0, 2.0, 4.0]
        return bl.Training(neuron, X, Y, optimizer=bl.SGD(rate=rate), batch_size=batch_size, epochs=30, seed=0)

    paths = {"all rows at once": training("full", 0.3), "one row at a time": training(1, 0.08)}
    return bl.valley(paths, each="step").to_svg() + "\n"


def boundary() -> str:
    """Give the decision boundary of a small network that was trained on iris."""
    model, _ = fit_table("iris", settings=Settings(layers=(8,)))
    return bl.boundary(model, "iris", columns=("petal length (cm)", "petal width (cm)")).to_svg() + "\n"


def signals() -> str:
    """Give the gradient norms of ten sigmoid layers over the epochs."""
    X, Y = load_iris(return_X_y=True)
    X, _, Y, _ = train_test_split(scale(X), Y, test_size=0.25, random_state=0, stratify=Y)
    layers = [*(bl.Dense(10, "sigmoid") for _ in range(9)), bl.Dense(3, "softmax")]
    network = bl.Network(layers, inputs=4, loss="cross_entropy", seed=1)
    training = bl.Training(network, X, Y, optimizer=bl.SGD(0.1), epochs=60).run()
    return str(training.signals.plot().to_svg()) + "\n"


PICTURES = {
    "two-layer": two_layer, "valley": valley, "boundary": boundary, "signals": signals,
    "convolution": lambda: example("convolution"), "recurrent": lambda: example("recurrent"),
}  # fmt: skip

if __name__ == "__main__":
    for name in sys.argv[1:]:
        Path(name).write_text(PICTURES[Path(name).stem](), encoding="utf-8")
