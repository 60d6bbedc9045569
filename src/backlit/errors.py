"""The one error a person is meant to read."""


class BacklitError(ValueError):
    """Something given to Backlit does not fit: the message says what was given, what was expected and what to do.

    The command line prints the message as one line and exits with code 2.
    """


class ArgumentError(BacklitError, TypeError):
    """A call with an argument that does not exist, or without one that must be given; a TypeError too, as Python's."""


class PlacedError(BacklitError):
    """Something in a text file does not fit: the message has several lines, the last of which show the place."""
