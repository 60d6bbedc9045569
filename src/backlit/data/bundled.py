"""The data sets known by name. They are scikit-learn's, read from its own files.

Importing `sklearn.datasets` costs seconds of processor time, and its loaders return arrays without column types. So the
files that scikit-learn installs are read directly. This module imports nothing heavy until a table is read, so that
help texts can list the names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backlit.errors import BacklitError

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

BUNDLED = {
    "iris": "species",
    "wine": "cultivar",
    "breast_cancer": "diagnosis",
    "digits": "digit",
    "diabetes": "progression",
}
"""Name of the data set -> its target column."""

_FILES = {
    "iris": "iris.csv",
    "wine": "wine_data.csv",
    "breast_cancer": "breast_cancer.csv",
    "digits": "digits.csv.gz",
    "diabetes": "diabetes_data_raw.csv.gz",
}
_CELL = (
    "radius",
    "texture",
    "perimeter",
    "area",
    "smoothness",
    "compactness",
    "concavity",
    "concave points",
    "symmetry",
    "fractal dimension",
)
_COLUMNS = {
    "iris": ["sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"],
    "wine": [
        "alcohol",
        "malic_acid",
        "ash",
        "alcalinity_of_ash",
        "magnesium",
        "total_phenols",
        "flavanoids",
        "nonflavanoid_phenols",
        "proanthocyanins",
        "color_intensity",
        "hue",
        "od280/od315_of_diluted_wines",
        "proline",
    ],
    "breast_cancer": [*(f"mean {c}" for c in _CELL), *(f"{c} error" for c in _CELL), *(f"worst {c}" for c in _CELL)],
    "digits": [f"pixel_{row}_{column}" for row in range(8) for column in range(8)],
    "diabetes": ["age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"],
}


def bundled_table(name: str) -> pa.Table:
    """Give a data set's columns, its target last; class names in the place of class numbers.

    >>> bundled_table("iris").column("species")[0].as_py()
    'setosa'
    """
    import numpy as np  # noqa: PLC0415
    import pyarrow as pa  # noqa: PLC0415

    path = _folder() / _FILES[name]
    names = _class_names(path)
    rows = np.loadtxt(path, delimiter=None if name == "diabetes" else ",", skiprows=1 if names else 0)
    if name == "diabetes":
        rows = np.column_stack([rows, np.loadtxt(path.with_name("diabetes_target.csv.gz"))])
    columns: list[Any] = [
        column.astype(np.int64) if (column == np.floor(column)).all() else column for column in rows.T
    ]
    if names:
        columns[-1] = np.array(names)[columns[-1]]
    return pa.table(dict(zip([*_COLUMNS[name], BUNDLED[name]], columns, strict=True)))


def _folder() -> Path:
    """Find scikit-learn's data files without importing it."""
    from importlib.util import find_spec  # noqa: PLC0415
    from pathlib import Path  # noqa: PLC0415

    spec = find_spec("sklearn")
    if spec is None or not spec.submodule_search_locations:
        raise BacklitError("scikit-learn, whose data sets these are, is not installed: pip install scikit-learn.")
    return Path(spec.submodule_search_locations[0]) / "datasets" / "data"


def _class_names(path: Path) -> list[str]:
    """Give the class names of a file whose first line has them, after the numbers of rows and columns."""
    if path.suffix == ".gz":
        return []
    with path.open(encoding="utf-8") as file:
        return file.readline().strip().split(",")[2:]
