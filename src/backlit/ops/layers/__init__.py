"""The layers that are more than an activation, a file each.

Interface: the classes are registered, and found in `ops.registry.layers`.
"""

from backlit.ops.layers import (  # noqa: F401
    branches,
    convolution,
    dense,
    dropout,
    embedding,
    gru,
    lstm,
    normalization,
    pooling,
    recurrent,
    reshaping,
    select,
    spatial_dropout,
)
