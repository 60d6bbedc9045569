"""The table of synonyms, continued: arguments and names in Python for which more than a word is to be written.

`engine.arguments` and `ops.synonyms` look here first, then in `ops.word_table`.
"""

from __future__ import annotations

from collections.abc import Mapping

_WEIGHTS = "give a weight for each row: sample_weight=np.array([1.0, 5.0])[Y] counts class 1 five times."
_PROCESSOR = "Backlit computes on the processor; leave it out."
_ALL_ROWS = "all rows are taken in one call, in parts that fit the memory; leave it out."

ARGUMENTS: Mapping[str, Mapping[str, str]] = {
    "": {"class_weight": _WEIGHTS, "class_weights": _WEIGHTS, "device": _PROCESSOR},
    "Training": {
        "verbose": "write progress=True for a progress display, or callbacks=[print] for a line of each epoch."
    },
    "network.predict": {"verbose": "it shows nothing; leave it out.", "batch_size": _ALL_ROWS},
    "network.evaluate": {
        "verbose": "it shows nothing; print its result.", "batch_size": _ALL_ROWS,
        "weights": "write sample_weight=, a weight for each row.",
    },
    "network.gradient": {
        "batch_size": "all rows are one batch; give those of the batch.",
        "weights": "write sample_weight=, a weight for each row.",
    },
    "network.outputs": {"batch_size": _ALL_ROWS, "verbose": "it shows nothing; leave it out."},
    "gradcheck": {
        "eps": "the steps of its differences are chosen by themselves; leave it out.",
        "epsilon": "the steps of its differences are chosen by themselves; leave it out.",
        "h": "the steps of its differences are chosen by themselves; leave it out.",
        "atol": "write tolerance=1e-6, the largest relative error that passes.",
        "rtol": "write tolerance=1e-6, the largest relative error that passes.",
    },
}  # fmt: skip
"""What to write for arguments of other libraries that are no argument of a function here, of any where it is ""."""

_TRAIN, _PREDICT, _ONE = "bl.Training(network, X, Y).run()", "network.predict(X)", 'network["1.W"]'

NAMES: Mapping[str, Mapping[str, str]] = {
    "network": {
        "fit partial_fit train": _TRAIN,
        "compile": f"{_TRAIN}, with the optimizer and metrics",
        "eval": f"{_PREDICT}, which leaves dropout out",
        "forward predict_proba call apply": _PREDICT,
        "predict_classes": f"{_PREDICT}.argmax(axis=1)",
        "backward grad grads gradients": 'network.gradient(X, Y)["1.W"]',
        "zero_grad": f"{_TRAIN}; gradients are never added up",
        "score": "network.evaluate(X, Y)",
        "output activations": "network.outputs(X, 1), of layer 1",
        "weights params get_weights named_parameters trainable_weights trainable_variables coefs_": _ONE,
        "set_weights": f"{_ONE} = values",
        "state_dict save": 'bl.save(network, "model.safetensors")',
        "load load_state_dict": 'bl.load("model.safetensors")',
        "to cuda cpu": "network.copy(dtype=...) for another type of numbers; there is no device to move to",
        "optimizer history": "training = bl.Training(network, X, Y, optimizer=...), whose history it is",
    },
    "training": {
        "fit train": "training.run()",
        "predict predict_proba": "training.network.predict(X)",
        "evaluate score": "training.network.evaluate(X, Y)",
        "loss losses loss_curve_ train_losses": 'training.history["loss"]',
        "val_loss val_losses validation_loss": 'training.history["validation_loss"]',
        "save": 'bl.save(training.network, "model.safetensors")',
        "model": "training.network",
    },
    "backlit": {
        "tensor array from_numpy as_tensor": "np.array(...); NumPy arrays go in and come out",
        "DataLoader Dataset TensorDataset": "bl.Training(network, X, Y, batch_size=32), which makes the batches",
        "EarlyStopping": "bl.Training(..., validation=(X, Y), patience=5), which keeps the best weights",
        "ModelCheckpoint": 'bl.Training(..., callbacks=[lambda epoch: bl.save(network, "best.safetensors")])',
        "manual_seed set_seed set_random_seed": "bl.Network(..., seed=0) and bl.Training(..., seed=0)",
        "clip_grad_norm_ clip_grad_norm": "bl.Training(..., clip_norm=1.0)",
        "clip_grad_value_ clip_grad_value": "bl.Training(..., clip_value=1.0)",
        "no_grad inference_mode eval": _PREDICT,
        "layers nn keras": "bl.Dense(16, 'relu') and its like, without a module between",
        "optim optimizers": "bl.Adam(rate=0.001) and its like, without a module between",
        "predict": _PREDICT,
        "evaluate": "network.evaluate(X, Y)",
        "outputs": "network.outputs(X, 1)",
        "gradient gradients GradientTape grad": "network.gradient(X, Y)",
        "Input InputLayer": "bl.Network(layers, inputs=2, loss='mse')",
        "TimeDistributed": "bl.Dense(4) itself, which works at each step of a sequence",
        "Masking pad_sequence pack_padded_sequence pad_sequences": (
            "bl.GRU(4, lengths='length') with inputs={'X': (50, 8), 'length': 1}; pad shorter sequences with zeros"
        ),
        "ZeroPadding1D ZeroPadding2D ZeroPad2d": "bl.Conv2D(4, 3, padding=1)",
        "Add Multiply Concatenate": "bl.Parallel([[...], [...]], join='add'), or 'multiply' or 'concatenate'",
        "GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPool AdaptiveMaxPool2d": (
            "bl.MaxPool((rows, columns)) with the picture's own size, then bl.Flatten()"
        ),
    },
}
"""What to write for names of other libraries that a network, a training or the package is asked for."""
