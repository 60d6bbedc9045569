"""The data sets known by name are scikit-learn's data sets, value for value."""

import numpy as np
import pytest

from backlit.data import BUNDLED, Encoder, choose_task, read_table


@pytest.mark.parametrize("name", BUNDLED)
def test_equals_scikit_learn(name):
    from sklearn import datasets

    options = {"scaled": False} if name == "diabetes" else {}
    bunch = getattr(datasets, f"load_{name}")(**options)
    labels = bunch.target
    if name in {"iris", "wine", "breast_cancer"}:
        labels = np.asarray(bunch.target_names)[bunch.target]
    table = read_table(name)
    assert table.columns == (*bunch.feature_names, BUNDLED[name])
    assert table.target == BUNDLED[name]
    np.testing.assert_array_equal(np.column_stack([table.values(column) for column in bunch.feature_names]), bunch.data)
    np.testing.assert_array_equal(table.values(BUNDLED[name]), labels)


@pytest.mark.parametrize(
    ("name", "kind", "n_classes", "n_features"),
    [
        ("iris", "classes", 3, 4),
        ("wine", "classes", 3, 13),
        ("breast_cancer", "classes", 2, 30),
        ("digits", "classes", 10, 61),  # three pixels are the same in every row
        ("diabetes", "numbers", 0, 10),
    ],
)
def test_task_and_features(name, kind, n_classes, n_features):
    table = read_table(name)
    task = choose_task(table)
    assert (task.kind, len(task.classes), task.n_missing) == (kind, n_classes, 0)
    encoder = Encoder.fit(table)
    X = encoder.encode_features(table)
    assert X.shape == (table.n_rows, n_features)
    assert X.dtype == np.float32
    assert X.flags.c_contiguous
    assert np.isfinite(X).all()


def test_a_file_goes_before_a_bundled_name(tmp_path, monkeypatch):
    (tmp_path / "iris").write_text("a,b\n1,2\n")
    monkeypatch.chdir(tmp_path)
    assert read_table("iris").columns == ("a", "b")
