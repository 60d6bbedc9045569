"""The matrix product C = A B in machine code, compiled by Numba for the processor at hand.

The interface: `driver` has a compiled form of each function of `kernels.matmul`, to be called from compiled code;
`symbols` has the cells through which all of them reach the one product that the engine has compiled. Below them,
`packing` copies blocks of A and B to where they are read in order, `microkernels` sums a tile of C in vector
registers, and `simd` writes the vector instructions.
"""
