"""Wrong layers, shapes and rows as people give them: each is refused in words that name the layer and what fits."""

from __future__ import annotations

import numpy as np
import pytest

import backlit as bl
from backlit.errors import BacklitError

PICTURES, SEQUENCES = (8, 8, 1), (5, 3)


def network(*layers, inputs=PICTURES):
    return bl.Network([*layers, bl.Dense(1)], inputs)


SETTINGS = {
    "a stride of 0": (lambda: bl.Conv2D(2, 3, stride=0), ["Conv2D", "stride", "0", "at least 1"]),
    "half a stride": (lambda: bl.Conv2D(2, 3, stride=0.5), ["Conv2D", "stride", "0.5"]),
    "no filters": (lambda: bl.Conv2D(0, 3), ["Conv2D", "filters", "0", "at least 1"]),
    "a window of nothing": (lambda: bl.Conv2D(2, 0), ["Conv2D", "size", "0", "at least 1"]),
    "a window of three axes": (lambda: bl.Conv2D(2, (3, 3, 3)), ["Conv2D", "size", "(3, 3, 3)", "pair"]),
    "a pair in one axis": (lambda: bl.Conv1D(2, (3, 3)), ["Conv1D", "size", "(3, 3)"]),
    "padding below 0": (lambda: bl.Conv2D(2, 3, padding=-1), ["Conv2D", "padding", "-1", "at least 0"]),
    "an unknown padding": (lambda: bl.Conv2D(2, 3, padding="SAME"), ["Conv2D", "padding", "SAME", "'same'"]),
    "padding as PyTorch has not": (lambda: bl.Conv2D(2, 3, padding="full"), ["Conv2D", "padding", "full"]),
    "a dilation of 0": (lambda: bl.Conv2D(2, 3, dilation=0), ["Conv2D", "dilation", "0"]),
    "groups that do not share the filters": (lambda: bl.Conv2D(3, 3, groups=2), ["Conv2D", "3 filters", "2 groups"]),
    "no groups": (lambda: bl.Conv2D(3, 3, groups=0), ["Conv2D", "groups", "0"]),
    "an activation's place": (lambda: bl.Conv2D(2, 3, 2), ["Conv2D", "activation", "2"]),
    "an unknown activation": (lambda: bl.Conv2D(2, 3, "rleu"), ["rleu", "relu"]),
    "biases for bias": (lambda: bl.Conv2D(2, 3, bias=[0.0, 1.0]), ["Conv2D", "bias", "biases="]),
    "an unknown array frozen": (lambda: bl.Conv2D(2, 3, freeze=("K",)), ["Conv2D", "'K'", "'W'"]),
    "in_channels of PyTorch": (lambda: bl.Conv2D(2, 3, in_channels=1), ["conv2d", "in_channels"]),
    "kernel_size of others": (lambda: bl.Conv2D(2, kernel_size=3), ["conv2d", "kernel_size", "size"]),
    "pooling by nothing": (lambda: bl.MaxPool(0), ["MaxPool", "size", "0"]),
    "pooling by a word": (lambda: bl.AveragePool("2"), ["AveragePool", "size", "'2'"]),
    "a pooling stride of 0": (lambda: bl.MaxPool(2, 0), ["MaxPool", "stride", "0"]),
    "upsampling by 0": (lambda: bl.Upsample(0), ["Upsample", "factor", "0"]),
    "upsampling by a half": (lambda: bl.Upsample(1.5), ["Upsample", "factor", "1.5"]),
    "no units": (lambda: bl.GRU(0), ["GRU", "units", "0", "at least 1"]),
    "half a unit": (lambda: bl.LSTM(2.5), ["LSTM", "units", "2.5"]),
    "batch_first of PyTorch": (lambda: bl.LSTM(2, batch_first=True), ["batch_first", "(n, steps, numbers)"]),
    "data_format of Keras": (lambda: bl.Conv2D(2, 3, data_format="x"), ["data_format", "channels come last"]),
    "recurrent_dropout of Keras": (lambda: bl.GRU(2, recurrent_dropout=0.2), ["recurrent_dropout", "bl.Dropout"]),
    "return_sequences of Keras": (lambda: bl.LSTM(2, return_sequences=True), ["lstm", "return_sequences", "returns"]),
    "another returns": (lambda: bl.GRU(2, returns="all"), ["GRU", "returns", "'all'", "'last'", "'sequence'"]),
    "truncated below 0": (lambda: bl.Recurrent(2, truncate=-1), ["Recurrent", "truncate", "-1"]),
    "lengths as numbers": (lambda: bl.GRU(2, lengths=[3, 4]), ["GRU", "lengths", "input"]),
    "softmax through time is a function of rows": (lambda: bl.Recurrent(2, "tnah"), ["tnah", "tanh"]),
    "no categories": (lambda: bl.Embedding(0, 2), ["Embedding", "count", "0"]),
    "no columns of an embedding": (lambda: bl.Embedding(3, 0), ["Embedding", "size", "0"]),
    "all channels dropped": (lambda: bl.SpatialDropout(1.0), ["spatial_dropout", "p", "1"]),
    "channels dropped below 0": (lambda: bl.SpatialDropout(-0.1), ["spatial_dropout", "p", "-0.1"]),
    "a residual of nothing": (lambda: bl.Residual([]), ["Residual", "no layers"]),
    "a residual of a number": (lambda: bl.Residual(3), ["Residual", "3", "list of layers"]),
    "a residual with an unknown layer": (lambda: bl.Residual(["dens"]), ["dens", "dense"]),
    "one branch": (lambda: bl.Parallel([[bl.Dense(2)]]), ["Parallel", "1 branch", "two"]),
    "branches that are layers": (lambda: bl.Parallel(bl.Dense(2)), ["Parallel", "list of lists"]),
    "an unknown join": (lambda: bl.Parallel([[], []], join="sum"), ["Parallel", "'sum'", "'add'"]),
    "both directions of a dense layer": (lambda: bl.Bidirectional(bl.Dense(2)), ["Bidirectional", "dense", "GRU"]),
    "both directions of a reverse one": (lambda: bl.Bidirectional(bl.GRU(2, reverse=True)), ["reverse"]),
    "a column below 0": (lambda: bl.Select([-1]), ["Select", "-1", "from 0"]),
    "no columns": (lambda: bl.Select([]), ["Select"]),
    "half a column": (lambda: bl.Select(0.5), ["Select", "0.5"]),
    "a shared bias misspelt": (lambda: bl.Dense(2, bias="share"), ["Dense", "'share'", "'shared'"]),
}
"""Settings that no layer can have: how they are given, and what the message says."""

SHAPES = {
    "a table for a picture": (
        lambda: network(bl.Conv2D(2, 3), inputs=64),
        ["layer 1", "Conv2D", "(64,)", "(28, 28, 1)"],
    ),
    "no channels": (lambda: network(bl.Conv2D(2, 3), inputs=(8, 8)), ["layer 1", "Conv2D", "(8, 8)", "(8, 8, 1)"]),
    "a picture for a sequence": (lambda: network(bl.Conv1D(2, 3)), ["layer 1", "Conv1D", "(8, 8, 1)", "Conv2D"]),
    "a filter larger than the picture": (lambda: network(bl.Conv2D(2, 9)), ["layer 1", "9", "8", "(8 - 9) / 1 + 1"]),
    "a filter too large by its dilation": (
        lambda: network(bl.Conv2D(2, 5, dilation=2)),
        ["layer 1", "9 rows", "8 rows"],
    ),
    "no windows after some layers": (
        lambda: network(bl.MaxPool(2), bl.MaxPool(2), bl.MaxPool(2), bl.MaxPool(2)),
        ["layer 4", "MaxPool", "1"],
    ),
    "groups that do not share the channels": (
        lambda: network(bl.Conv2D(2, 3, groups=2)),
        ["layer 1", "2 groups", "1 channel", "(8, 8, 1)"],
    ),
    "pooling a table": (lambda: network(bl.MaxPool(2), inputs=6), ["layer 1", "MaxPool", "(6,)"]),
    "pooling a sequence by a pair": (
        lambda: network(bl.MaxPool((2, 2)), inputs=SEQUENCES),
        ["layer 1", "MaxPool", "(5, 3)"],
    ),
    "the average of a table": (
        lambda: network(bl.GlobalAveragePool(), inputs=6),
        ["layer 1", "GlobalAveragePool", "(6,)"],
    ),
    "upsampling a table": (lambda: network(bl.Upsample(2), inputs=6), ["layer 1", "Upsample", "(6,)"]),
    "a table through time": (lambda: network(bl.GRU(2), inputs=6), ["layer 1", "GRU", "(6,)", "(50, 8)|(6, 1)"]),
    "a picture through time": (lambda: network(bl.LSTM(2)), ["layer 1", "LSTM", "(8, 8, 1)"]),
    "through time after the last state": (
        lambda: network(bl.LSTM(2), bl.LSTM(2), inputs=SEQUENCES),
        ["layer 2", "LSTM", "(2,)", "returns='sequence'"],
    ),
    "a residual that changes the width": (
        lambda: network(bl.Residual([bl.Dense(4)]), inputs=3),
        ["residual 1", "(4,)", "(3,)", "shortcut"],
    ),
    "a residual that shrinks the picture": (
        lambda: network(bl.Residual([bl.Conv2D(1, 3)])),
        ["residual 1", "(6, 6, 1)", "(8, 8, 1)", "shortcut"],
    ),
    "branches of other widths added": (
        lambda: network(bl.Parallel([[bl.Dense(2)], [bl.Dense(3)]], join="add"), inputs=3),
        ["parallel 1", "(2,)", "(3,)"],
    ),
    "branches of other sizes concatenated": (
        lambda: network(bl.Parallel([[bl.Conv2D(2, 3)], [bl.Conv2D(2, 5)]])),
        ["parallel 1", "(6, 6, 2)", "(4, 4, 2)"],
    ),
    "a fault inside branches": (
        lambda: network(bl.Parallel([[bl.Dense(2)], [bl.Dense(2), bl.GRU(2)]]), inputs=3),
        ["layer 1b.2", "GRU", "(2,)"],
    ),
    "a column that is not there": (
        lambda: network(bl.Select([3]), inputs=3),
        ["layer 1", "column 3", "(3,)", "0 to 2"],
    ),
    "an input that is not there": (lambda: network(bl.Select("tabel"), inputs={"table": 3}), ["'tabel'", "table"]),
    "an input selected too late": (lambda: network(bl.Dense(2), bl.Select("X"), inputs=3), ["layer 2", "'X'", "first"]),
    "lengths that are no input": (
        lambda: network(bl.GRU(2, lengths="sizes"), inputs=SEQUENCES),
        ["layer 1", "gru|GRU", "'sizes'", "inputs="],
    ),
    "lengths with several numbers": (
        lambda: network(bl.GRU(2, lengths="sizes"), inputs={"X": SEQUENCES, "sizes": 2}),
        ["layer 1", "GRU", "(2,)", "(1,)"],
    ),
    "ties of other widths": (
        lambda: network(bl.Dense(2, tie="a"), bl.Dense(2, tie="a"), inputs=3),
        ["tie", "'a'", "(3, 2)", "(2, 2)"],
    ),
    "ties of other layers": (lambda: network(bl.Dense(3, tie="a"), bl.LayerNorm(tie="a"), inputs=3), ["tie", "'a'"]),
    "ties with and without bias": (
        lambda: network(bl.Dense(3, tie="a"), bl.Dense(3, bias=False, tie="a"), inputs=3),
        ["tie", "'a'", "b"],
    ),
    "an axis of nothing": (lambda: network(inputs=(8, 0, 1)), ["(8, 0, 1)"]),
    "an axis below 0": (lambda: network(inputs=(8, -1, 1)), ["(8, -1, 1)"]),
    "half an axis": (lambda: network(inputs=(8, 2.5, 1)), ["(8, 2.5, 1)"]),
    "no axes": (lambda: network(inputs=()), ["()"]),
    "no inputs": (lambda: network(inputs={}), ["inputs"]),
    "an input's name with a dot": (lambda: network(inputs={"a.b": 3}), ["'a.b'"]),
    "weights of another shape": (
        lambda: network(bl.Conv2D(2, 3, weights=np.ones((2, 1, 3, 3)))),
        ["1", "W", "(2, 1, 3, 3)", "(3, 3, 1, 2)"],
    ),
    "recurrent weights of another shape": (
        lambda: network(bl.GRU(2, recurrent_weights=np.ones((2, 2))), inputs=SEQUENCES),
        ["1", "U", "(2, 2)", "(2, 6)"],
    ),
}
"""Layers that do not fit on what they read."""


def conv():
    return network(bl.Conv2D(2, 3), bl.Flatten())


def words():
    return network(bl.Embedding(4, 2), bl.GRU(2), inputs=(3,))


def ragged():
    return network(bl.GRU(2, lengths="sizes"), inputs={"moments": SEQUENCES, "sizes": (1,)})


def with_sizes(sizes):
    return {"moments": np.zeros((2, *SEQUENCES)), "sizes": np.asarray(sizes, float).reshape(-1, 1)}


ROWS = {
    "flat pictures of another size": (lambda: conv().predict(np.zeros((2, 63))), ["(2, 63)", "(n, 8, 8, 1)|(n, 64)"]),
    "one picture": (lambda: conv().predict(np.zeros((8, 8, 1))), ["(8, 8, 1)", "(n, 8, 8, 1)|[picture]|[row]"]),
    "channels first": (
        lambda: conv().predict(np.zeros((2, 1, 8, 8))),
        ["(2, 1, 8, 8)", "(n, 8, 8, 1)", "X.transpose(0, 2, 3, 1)"],
    ),
    "features first": (
        lambda: network(bl.GRU(2), inputs=SEQUENCES).predict(np.zeros((2, 3, 5))),
        ["(2, 3, 5)", "(n, 5, 3)", "X.transpose(0, 2, 1)"],
    ),
    "longer sequences": (
        lambda: network(bl.GRU(2), inputs=SEQUENCES).predict(np.zeros((2, 7, 3))),
        ["(2, 7, 3)", "5 steps", "lengths="],
    ),
    "sequences of several lengths": (
        lambda: network(bl.GRU(2), inputs=SEQUENCES).predict([np.zeros((5, 3)), np.zeros((4, 3))]),
        ["X", "one shape", "lengths="],
    ),
    "one answer for a picture without Flatten": (
        lambda: bl.Training(network(bl.Conv2D(2, 3)), np.zeros((2, 8, 8, 1)), np.zeros(2)),
        ["(2, 6, 6, 1)", "Flatten()", "GlobalAveragePool()"],
    ),
    "one answer for a sequence of outputs": (
        lambda: bl.Training(network(bl.GRU(2, returns="sequence"), inputs=SEQUENCES), np.zeros((2, 5, 3)), [0.0, 1.0]),
        ["(2, 5, 1)", "returns='last'"],
    ),
    "classes without Flatten": (
        lambda: bl.Network([bl.Conv2D(2, 3), bl.Dense(3, "softmax")], PICTURES, "cross_entropy"),
        ["cross_entropy", "(6, 6, 3)", "Flatten()"],
    ),
    "three channels": (lambda: conv().predict(np.zeros((2, 8, 8, 3))), ["(2, 8, 8, 3)", "(n, 8, 8, 1)"]),
    "an axis too many": (lambda: conv().predict(np.zeros((2, 2, 8, 8, 1))), ["(2, 2, 8, 8, 1)", "(n, 8, 8, 1)"]),
    "words for pictures": (lambda: conv().predict([["a"] * 8] * 8), ["X"]),
    "pictures of different sizes": (
        lambda: conv().predict([np.zeros((8, 8)).tolist(), np.zeros((7, 8)).tolist()]),
        ["X"],
    ),
    "a missing number": (
        lambda: bl.Training(conv(), np.full((2, 8, 8, 1), np.nan), np.zeros((2, 1))),
        ["nan", "finite"],
    ),
    "a category beyond the last": (lambda: words().predict([[0, 1, 4]]), ["4", "from 0 to 3|0 to 3"]),
    "a category below 0": (lambda: words().predict([[0, -1, 3]]), ["-1", "0 to 3"]),
    "half a category": (lambda: words().predict([[0, 0.5, 3]]), ["0.5", "whole"]),
    "a category that is not there": (lambda: words().predict([[0, np.nan, 3]]), ["nan", "0 to 3|whole|finite"]),
    "a category beyond, in training": (
        lambda: bl.Training(words(), [[0, 1, 9], [0, 1, 2]], np.zeros((2, 1))),
        ["9", "0 to 3"],
    ),
    "a category beyond, in validation": (
        lambda: bl.Training(words(), [[0, 1, 2]], [[0.0]], validation=([[0, 1, 9]], [[0.0]])),
        ["9", "0 to 3"],
    ),
    "a category beyond, evaluated": (lambda: words().evaluate([[0, 1, 9]], [[0.0]]), ["9", "0 to 3"]),
    "a category beyond, for a gradient": (lambda: words().gradient([[0, 1, 9]], [[0.0]]), ["9", "0 to 3"]),
    "a category beyond, for outputs": (lambda: words().outputs([[0, 1, 9]], 1), ["9", "0 to 3"]),
    "a category beyond, explained": (lambda: bl.explain(words(), [[0, 1, 9]], [[0.0]]), ["9", "0 to 3"]),
    "a category beyond, checked": (lambda: bl.gradcheck(words(), [[0, 1, 9]], [[0.0]]), ["9", "0 to 3"]),
    "a length of 0": (lambda: ragged().predict(with_sizes([5, 0])), ["sizes", "0", "1 to 5"]),
    "a length beyond the last": (lambda: ragged().predict(with_sizes([5, 6])), ["sizes", "6", "1 to 5"]),
    "half a length": (lambda: ragged().predict(with_sizes([5, 2.5])), ["sizes", "2.5", "whole"]),
    "a missing length": (lambda: ragged().predict(with_sizes([5, np.nan])), ["sizes", "nan"]),
    "a length of 0, in training": (
        lambda: bl.Training(ragged(), with_sizes([5, 0]), np.zeros((2, 1))),
        ["sizes", "0", "1 to 5"],
    ),
    "an input left out": (lambda: ragged().predict({"moments": np.zeros((2, 5, 3))}), ["sizes"]),
    "an input too many": (
        lambda: ragged().predict(with_sizes([5, 5]) | {"more": np.zeros((2, 1))}),
        ["more", "moments", "sizes"],
    ),
    "an array for several inputs": (lambda: ragged().predict(np.zeros((2, 5, 3))), ["(2, 5, 3)", "moments", "sizes"]),
    "more lengths than rows": (lambda: ragged().predict(with_sizes([5, 5, 5])), ["sizes", "3 rows", "moments", "2"]),
    "inputs by name for one that has none": (lambda: conv().predict({"image": np.zeros((2, 8, 8, 1))}), ["image", "X"]),
    "no rows to train on": (lambda: bl.Training(conv(), np.zeros((0, 8, 8, 1)), np.zeros((0, 1))), ["no rows|0 rows"]),
    "targets for other rows": (
        lambda: bl.Training(conv(), np.zeros((2, 8, 8, 1)), np.zeros((3, 1))),
        ["(3, 1)", "(2, 1)"],
    ),
    "a layer that is not there": (lambda: conv().outputs(np.zeros((2, 8, 8, 1)), "7"), ["7"]),
}
"""Rows that do not fit the network."""


@pytest.mark.parametrize("case", [*SETTINGS, *SHAPES, *ROWS])
def test_refused_in_words(case):
    act, words = (SETTINGS | SHAPES | ROWS)[case]
    with pytest.raises(BacklitError) as caught:
        act()
    message = str(caught.value)
    plain = message.replace("_", "").lower()
    for word in words:
        found = (part in message or part.lower() in plain for part in word.split("|"))
        assert any(found), f"{word!r} is missing in: {message}"
    assert message[-1] in ".?"
