"""The arithmetic that the inner loops of ops consist of, plain and compiled. Knows neither ops nor the engine.

The interface: `functions` (which NumPy lacks: `erf`, `flat`), `matmul` (the products of a dense layer, as NumPy
computes them) and `types` (`Array`). Ops call these. In compiled code the engine puts faster forms in their place:
`vector_math` (exp, log, tanh, erf and their kin, written so that loops over them vectorise) and `gemm` (the matrix
product in machine code).
"""
