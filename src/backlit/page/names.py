"""The names of a design's units and weights, as worked examples have them."""

from __future__ import annotations

import re
from itertools import chain, islice

import numpy as np

from backlit.engine import Network, element_name
from backlit.errors import BacklitError
from backlit.explain import Presentation
from backlit.explain.quantity_names import Names
from backlit.page.design import Design
from backlit.sources.network_files import own_labels


def presented(design: Design, network: Network) -> Presentation:
    """Give the names of a design's own inputs, units and weights; none where they do not fit the network."""
    try:
        setup = design.setup()
        names = Names(network, setup.names.inputs, None, setup.names.units, own_labels(setup))
    except BacklitError:  # names that do not fit this network
        return Presentation()
    return Presentation(inputs=setup.names.inputs, units=setup.names.units, labels=names.labels)


def names_of(design: Design, network: Network) -> Names:
    """Give the names that `backlit.explain` would give a network of a design: the design's own, or the usual ones."""
    shown = presented(design, network)
    return Names(network, shown.inputs, None, shown.units, shown.labels)


MOST_WEIGHTS = 20_000
"""Of more weights the first ones alone get their own names: looking all of them up takes a while."""

_WEIGHT = re.compile(r"(\w+)\((?:(\S+),)?([^\s,]+)\)")


def weight_labels(design: Design, network: Network) -> dict[str, str]:
    """Give the own names of weights by their usual ones, w(i1,h1): those of the design's units and labels."""
    own, usual = names_of(design, network), Names(network)
    units = {
        name: mine
        for buffer, column in usual.of_buffers.items()
        for name, mine in zip(column.names, own.of_buffers[buffer].names, strict=True)
    }
    every = chain.from_iterable(
        ((array, index) for index in np.ndindex(shape)) for array, (_, shape) in network.layout.items()
    )
    found = {}
    for array, index in islice(every, MOST_WEIGHTS):
        name = element_name(network, array, index)
        parts = _WEIGHT.fullmatch(name)
        if parts and parts[3] in units and (not parts[2] or parts[2] in units):
            mine = own.of(parts[1], units[parts[3]], units[parts[2]] if parts[2] else "").text
            if mine != name:
                found[name] = mine
    return found
