"""The arithmetic of the inner loops of ops, plain and compiled. It knows neither ops nor the engine.

The interface for ops is `functions` (`erf` and `flat`, which NumPy lacks), `matmul` (the products of a dense layer, as
NumPy computes them) and `types` (`Array`). The engine compiles faster forms in their place: `vector_math` (exp, log,
tanh, erf and their kin, written so that loops over them vectorise) and `gemm` (the matrix product in machine code).
`numba_private` has the names that Backlit takes from inside Numba.
"""
