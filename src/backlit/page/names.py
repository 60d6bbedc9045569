"""The names of a design's units and weights, as worked examples have them."""

from __future__ import annotations

from backlit.engine import Network
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
