"""The peers: each library that does the work is a file, which only its own process imports."""

from __future__ import annotations

from importlib import import_module

from bench.peers.base import Peer

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


def load(name: str) -> type[Peer]:
    """Import a peer by its name."""
    module, attribute = PEERS[name]
    cls: type[Peer] = getattr(import_module(f"bench.peers.{module}"), attribute)
    return cls
