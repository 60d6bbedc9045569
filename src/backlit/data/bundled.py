"""The data sets that come with Backlit, by name. This module imports nothing, so that help texts can list them."""

from pathlib import Path

BUNDLED = {
    "iris": "species",
    "wine": "cultivar",
    "breast_cancer": "diagnosis",
    "digits": "digit",
    "diabetes": "progression",
}
"""Name of the data set -> its target column."""


def bundled_file(name: str) -> Path:
    """The CSV file of a bundled data set.

    >>> bundled_file("iris").name
    'iris.csv'
    """
    return Path(__file__).parent / "sets" / f"{name}.csv"
