"""The one error a person is meant to read."""


class BacklitError(ValueError):
    """Something given to Backlit does not fit: the message says what was given, what was expected and what to do.

    The command line prints the message as one line and exits with code 2.
    """
