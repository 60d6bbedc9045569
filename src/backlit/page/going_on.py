"""A training with other settings goes on from where another one of the same network is."""

from __future__ import annotations

from backlit.engine import SteppedTraining
from backlit.errors import BacklitError

LONGEST = 1.0
"""Seconds that a begun epoch is trained on, so that it ends."""


def go_on(before: SteppedTraining, after: SteppedTraining) -> bool:
    """Let a training go on from the weights that another one has; say whether it goes on from all of its state.

    All of the state is taken where optimizer, batch size and the losses that are kept are the same: the moments of the
    optimizer, the epochs so far. An epoch that was begun is trained to its end first. Otherwise the weights and running
    statistics are those of now, and epochs count from 0.

    Errors: a BacklitError where the networks have other parameters.
    """
    same = before.network.parameters.shape, before.network.state.shape
    if same != (after.network.parameters.shape, after.network.state.shape):
        raise BacklitError("the layers are others, so the weights of now do not fit; expected the same layers.")
    alike = before.optimizer.name == after.optimizer.name and before.batch_size == after.batch_size
    if alike and before.optimizer.full_batch is False and before.state.position and not before.stopped:
        before.advance(epochs=1, seconds=LONGEST)
    state = before.state
    if alike and not state.position:
        try:
            after.state = state
            return True
        except BacklitError:
            pass
    after.network.parameters[:], after.network.state[:] = state.parameters, state.statistics
    return False
