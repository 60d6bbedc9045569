"""The matrix product: a tile of the result is summed in vector registers, large matrices are taken in blocks."""
