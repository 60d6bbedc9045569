"""The matrix product C = A B in machine code, compiled by Numba for the processor at hand.

The interface: `driver` has a compiled form of each function of `kernels.matmul`, which compiled code calls; `symbols`
has the cells that hold the address of the one product, which the engine compiles. Below them, `packing` copies blocks
of A and B into reading order, `microkernels` sums a tile of C in vector registers, and `simd` writes the vector
instructions.
"""
