"""Folders of pictures and files of arrays as tables, and grids as inputs: each channel standardized."""

import io
import re
import zipfile

import numpy as np
import pytest

from backlit.data import Encoder, choose_task, read_table
from backlit.data.grids import grids_of
from backlit.errors import BacklitError

Image = pytest.importorskip("PIL.Image")
GREY = np.arange(16, dtype=np.uint8).reshape(4, 4) * 10


def picture(value=0, mode="L", size=(4, 4)):
    return Image.new(mode, size, value)


def put(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            content.save(path)
    return folder


def classes(folder, **more):
    """Two classes of two grey pictures each, and more files."""
    known = {f"{name}/{k}.png": Image.fromarray(GREY + 20 * k + add) for name, add in (("cat", 0), ("dog", 9))
             for k in range(2)}  # fmt: skip
    return put(folder, known | more)


def pixels(table):
    return grids_of(table.column("picture"))


def test_a_folder_is_a_table_of_pictures_with_their_classes_and_files(tmp_path):
    table = read_table(classes(tmp_path, **{".DS_Store": b"x", "cat/Thumbs.db": b"x"}))
    assert table.columns == ("picture", "file", "class")
    assert table.target == "class"
    assert table.values("file").tolist() == ["cat/0.png", "cat/1.png", "dog/0.png", "dog/1.png"]
    assert pixels(table).shape == (4, 4, 4, 1)
    assert (pixels(table)[1, :, :, 0] == GREY + 20).all()
    assert choose_task(table).classes == ("cat", "dog")


def test_a_channel_is_standardized_over_all_places_and_training_rows(tmp_path):
    table = read_table(classes(tmp_path))
    encoder = Encoder.fit(table, rows=[0, 1])
    values = pixels(table)[:2] / 255.0
    X = encoder.encode_features(table, np.float64)
    np.testing.assert_allclose(X[:2].reshape(values.shape), (values - values.mean()) / values.std(), rtol=1e-12)
    assert encoder.feature_names[5] == "i1@r2c2"
    assert Encoder.from_json(encoder.to_json()) == encoder
    assert [(report.kind, report.outputs) for report in encoder.reports] == [("picture", 16), ("file", 0)]


def test_rows_that_are_taken_anew_keep_their_pictures(tmp_path):
    table = read_table(classes(tmp_path))
    assert (pixels(table.take([3, 0]))[0] == pixels(table)[3]).all()
    assert (pixels(table.slice(1, 2))[1] == pixels(table)[2]).all()


@pytest.mark.parametrize(
    ("other", "kind", "channels", "holds"),
    [
        (picture((7, 8, 9), "RGB"), np.uint8, 3, {7, 8, 9}),
        (picture((7, 8, 9), "RGB").quantize(4), np.uint8, 3, set()),
        (picture(77).convert("P"), np.uint8, 1, {77}),
        (Image.fromarray(np.full((4, 4), 4000, np.uint16)), np.uint16, 1, {4000, 10 * 257}),
        (Image.new("LA", (4, 4), (0, 0)), np.uint8, 1, {255}),
        (Image.new("RGBA", (4, 4), (0, 0, 0, 0)), np.uint8, 3, {255}),
        (picture(1, "1"), np.uint8, 1, {255}),
    ],
)
def test_grey_or_colours_by_what_the_files_have(tmp_path, other, kind, channels, holds):
    found = pixels(read_table(classes(tmp_path, **{"cat/x.png": other})))
    assert found.dtype == kind
    assert found.shape[3] == channels
    assert holds <= set(found.ravel().tolist())


def test_sixteen_bits_beside_colours_become_eight(tmp_path):
    deep = Image.fromarray(np.full((4, 4), 200 * 257, np.uint16))
    found = pixels(read_table(classes(tmp_path, **{"cat/x.png": deep, "cat/y.png": picture((7, 8, 9), "RGB")})))
    assert found.dtype == np.uint8
    assert (found[2] == 200).all()


def noise():
    data = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64)).astype(np.uint8)).save(data, "PNG")
    return data.getvalue()


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"cat/z.png": b""}, r"z\.png\" is an empty file \(0 bytes\)"),
        ({"cat/z.png": b"no picture at all"}, "is no picture, whatever its name"),
        ({"cat/z.png": noise()[:2000]}, "of 2 sizes"),
        ({"cat/z.txt": b"x"}, r'holds 1 file that is no picture: "cat/z\.txt"'),
        ({"cat/z.png": picture(0, size=(5, 4))}, r"2 sizes .*4 × 4: 4 pictures.*5 × 4: 1 picture, such as cat/z\.png"),
        ({"z.png": picture()}, "holds 2 folders and 1 file beside"),
        ({"cat/more/z.png": picture()}, 'is a folder within a class.*if more is a class, that is ".*cat"'),
        ({"cat/z.png": picture(0, size=(300, 4))}, "is 300 × 4 pixels; expected small pictures, at most 256 × 256"),
        ({"cat/z.tif": picture(0.5, "F")}, "pixels that are fractions"),
    ],
)
def test_what_is_wrong_in_a_folder_is_said_with_its_file(tmp_path, files, says):
    with pytest.raises(BacklitError, match=says) as caught:
        read_table(classes(tmp_path, **files))
    assert "\n" not in str(caught.value)


def test_folders_without_pictures_or_classes(tmp_path):
    with pytest.raises(BacklitError, match="is an empty folder; expected a folder of pictures for each class"):
        read_table(tmp_path)
    with pytest.raises(BacklitError, match="is a damaged picture"):
        read_table(put(tmp_path / "cut", {"a/1.png": noise()[:2000], "b/1.png": picture(0, size=(64, 64))}))
    (tmp_path / "hollow" / "cat").mkdir(parents=True)
    with pytest.raises(BacklitError, match=r'cat" holds no picture'):
        read_table(tmp_path / "hollow")
    flat = read_table(put(tmp_path / "flat", {"1.png": picture()}))
    with pytest.raises(BacklitError, match="holds pictures without classes; expected a folder for each class"):
        choose_task(flat)
    few = read_table(put(tmp_path / "few", {"a/1.png": picture(), "b/1.png": picture()}))
    with pytest.raises(BacklitError, match="few has one picture in each of 2 folders; expected several of each class"):
        choose_task(few)
    one = read_table(put(tmp_path / "one", {"cat/1.png": picture(), "cat/2.png": picture()}))
    with pytest.raises(BacklitError, match=r'has one folder of pictures, "cat"; expected two or more'):
        choose_task(one)


def test_pillow_is_asked_for_where_it_is_missing(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "PIL.Image", None)
    with pytest.raises(BacklitError, match=r"pip install 'backlit\[pictures\]'"):
        read_table(classes(tmp_path))


def test_other_pictures_fit_a_model_or_are_refused(tmp_path):
    grey = read_table(classes(tmp_path / "grey"))
    colour = put(tmp_path / "colour", {"cat/1.png": picture((1, 2, 3), "RGB"), "dog/1.png": picture((4, 2, 3), "RGB")})
    of_grey, of_colour = (Encoder.fit(table, "class") for table in (grey, _twice(colour)))
    assert of_colour.encode_features(grey).shape == (4, 48)  # grey in each colour
    same = put(tmp_path / "same", {"cat/1.png": picture((9, 9, 9), "RGB")})
    assert of_grey.encode_features(read_table(same)).shape == (1, 16)
    with pytest.raises(BacklitError, match="holds colour pictures, and the model learned from grey ones"):
        of_grey.encode_features(read_table(colour))
    large = put(tmp_path / "large", {"cat/1.png": picture(3, size=(8, 4))})
    with pytest.raises(BacklitError, match=r"grids of 4 × 8, 1 channel, and the model learned from 4 × 4, 1 channel"):
        of_grey.encode_features(read_table(large))


def _twice(folder):
    table = read_table(folder)
    return table.take([0, 1, 0, 1])


# --------------------------------------------------------------------------------------------------------------- arrays

X = np.random.default_rng(0).random((6, 4, 5))
Y = np.array([0, 1] * 3)


def saved(folder, **arrays):
    np.savez(folder / "some.npz", **arrays)
    return folder / "some.npz"


@pytest.mark.parametrize(
    ("given", "inputs"),
    [(X, 20), (X[..., None], 20), (X[:, 0], 5), (X > 0.5, 20), (X.astype(">f4"), 20), (X.astype(np.float16), 20)],
)
def test_arrays_are_a_table(tmp_path, given, inputs):
    table = read_table(saved(tmp_path, X=given, y=Y))
    encoder = Encoder.fit(table)
    assert encoder.encode_features(table).shape == (6, inputs)
    assert encoder.classes == (0, 1)


def test_bytes_become_numbers_from_0_to_1(tmp_path):
    table = read_table(saved(tmp_path, X=(X * 255).astype(np.uint8), y=Y))
    ((grid,), _) = Encoder.fit(table).features.columns, None
    assert grid.means[0] == pytest.approx((X * 255).astype(np.uint8).mean() / 255)


def test_the_shape_of_a_sequence_standardizes_each_feature(tmp_path):
    table = read_table(saved(tmp_path, X=X, y=Y))
    encoder = Encoder.fit(table, shape=(4, 5))
    made = encoder.encode_features(table, np.float64).reshape(6, 4, 5)
    np.testing.assert_allclose(made.std(axis=(0, 1)), 1.0)
    assert encoder.feature_names[5] == "i1@t2"
    with pytest.raises(BacklitError, match=r"expects rows of shape \[5, 5\].*write inputs = \[4, 5\]"):
        Encoder.fit(table, shape=(5, 5))


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"images": X, "labels": Y}, r'holds the arrays "images \(6, 4, 5\)", "labels \(6,\)"; expected X'),
        ({"X": np.array([[1], [1, 2]], object), "y": Y[:2]}, r'Python objects \("X"\), which could run code'),
        ({"X": X, "y": np.array(["a", None] * 3, object)}, r'Python objects \("y"\)'),
        ({"X": X, "y": Y[:4]}, r"y has shape \(4,\) beside 6 rows of X"),
        ({"X": X, "y": np.eye(2)[Y]}, r"y\.argmax\(axis=1\)"),
        ({"X": X, "y": X[:, 0]}, r"y has shape \(6, 5\) .* one target for each row, \(6,\)\.$"),
        ({"X": np.zeros((6, 3, 8, 8)), "y": Y}, r"X\.transpose\(0, 2, 3, 1\)"),
        ({"X": X[:, 0, 0], "y": Y}, r"X has shape \(6,\); expected"),
        ({"X": X[:0], "y": Y[:0]}, "with at least one row"),
        ({"X": X * 1j, "y": Y}, "X holds complex128"),
    ],
)
def test_arrays_that_do_not_fit(tmp_path, arrays, says):
    with pytest.raises(BacklitError, match=says):
        read_table(saved(tmp_path, **arrays))


def test_nothing_is_learned_from_nan_and_nothing_without_targets(tmp_path):
    table = read_table(saved(tmp_path, X=np.where(np.arange(6)[:, None, None] == 4, np.nan, X), y=Y))
    with pytest.raises(BacklitError, match='Row 5 of the column "X" holds NaN or infinity'):
        Encoder.fit(table)
    with pytest.raises(BacklitError, match="has no targets; expected an array y beside X"):
        choose_task(read_table(saved(tmp_path, X=X)))


def test_one_array_is_no_table(tmp_path):
    np.save(tmp_path / "some.npy", X)
    with pytest.raises(BacklitError, match=r"some\.npy is one array of NumPy; .* np\.savez\('data\.npz', X=X, y=y\)"):
        read_table(tmp_path / "some.npy")


def test_damaged_archives_and_others(tmp_path):
    path = saved(tmp_path, X=X, y=Y)
    whole = path.read_bytes()
    for damaged in (whole[:-60], whole[:200] + b"\0\1\2" + whole[203:]):
        path.write_bytes(damaged)
        with pytest.raises(BacklitError, match="is damaged"):
            read_table(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "x")
    with pytest.raises(BacklitError, match="a spreadsheet or zip archive"):
        read_table(path)


def test_columns_of_numbers_become_one_grid_and_none_is_left_out():
    digits = read_table("digits")
    encoder = Encoder.fit(digits, shape=(8, 8, 1))
    made = encoder.encode_features(digits, np.float64)
    assert made.shape == (1797, 64)  # pixels that never vary, too
    assert abs(made.mean()) < 1e-9
    assert made.std() == pytest.approx(1.0)
    with pytest.raises(BacklitError, match=re.escape("rows of shape [8, 7, 1], 56 numbers") + ".*there are 64 columns"):
        Encoder.fit(digits, shape=(8, 7, 1))
