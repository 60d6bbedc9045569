"""The peers: each library that does the work is a file, which only its own process imports."""

from __future__ import annotations

from importlib import import_module

from bench.peers.base import CannotError, Peer

PEERS = {
    "backlit": ("backlit_peer", "Compiled"),
    "backlit plain": ("backlit_peer", "Plain"),
    "scikit-learn": ("sklearn_peer", "ScikitLearn"),
    "torch": ("torch_peer", "Eager"),
    "torch.compile": ("torch_peer", "Compiled"),
    "jax": ("jax_peer", "Jax"),
    "numpy loop": ("numpy_loop", "NumPyLoop"),
    "products (BLAS)": ("products", "Blas"),
    "products (own)": ("products", "Own"),
    "by hand": ("by_hand", "ByHand"),
}
"""By name: the module and the class. The last three are no peers but limits."""

OURS = ("backlit", "backlit plain")
PRODUCTS = ("products (BLAS)", "products (own)")
LIMITS = (*PRODUCTS, "by hand")
"""The step's matrix products alone, and the smallest network's step written out for it alone."""

THREADS = {"products (own)": (1,), "by hand": (1,)}
"""The numbers of threads to choose from, by peer; 1 and 2 for all others."""


LAYERED = {
    "torch": ("layers_torch", "Layered"),
    "torch.compile": ("layers_torch", "Compiled"),
    "jax": ("layers_jax", "Layered"),
}
"""The peers' code for networks of other layers than dense ones. Backlit's and the products' serve all."""

DENSE_ONLY = {
    "scikit-learn": "scikit-learn's MLP has dense layers only",
    "numpy loop": "the loop is of dense layers only",
    "by hand": "written for one row through 2-2-2",
    "backlit plain": "plain convolutions and recurrences would take minutes",
}


def load(name: str, *, layered: bool = False) -> type[Peer]:
    """Import a peer by its name. Errors: a CannotError where the network has layers that it does not know."""
    if layered and name in DENSE_ONLY:
        raise CannotError(DENSE_ONLY[name])
    module, attribute = LAYERED.get(name, PEERS[name]) if layered else PEERS[name]
    cls: type[Peer] = getattr(import_module(f"bench.peers.{module}"), attribute)
    return cls
