"""The loop that runs a program."""

from backlit.engine.machine.epochs import *  # noqa: F403
