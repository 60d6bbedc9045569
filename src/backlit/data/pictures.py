"""Folders of pictures as tables: FOLDER/class/picture.png, or pictures without classes, whose class is asked for.

Pillow reads the files. It is an optional extra, imported when the first folder is read.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from backlit.data.grids import grid_column
from backlit.data.messages import counted, listed, quoted
from backlit.data.table import FILES, Table
from backlit.errors import BacklitError

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm")

PICTURE, CLASS, FILE = "picture", "class", "file"
"""The columns of a folder's table."""

LARGEST = 256
"""Pixels of a side, at most: the networks are for small pictures, and their first layer reads every pixel."""

_GREY = {"1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N"}
_DEEP = {"I", "I;16", "I;16B", "I;16L", "I;16N"}
_SYSTEM = {"thumbs.db", "desktop.ini"}


def read_pictures(folder: Path) -> Table:
    """Read a folder of pictures: a row for each, with the columns `picture`, `class` and `file`.

    The classes are the names of the folders inside; a folder that holds the pictures themselves gives no classes. All
    pictures have one size, at most 256 × 256. They are grey (n, height, width, 1) where all files are, else colours
    (n, height, width, 3); 8 bits for each channel, or 16 where a file has them. Transparent pixels lie on white.

    Errors: a BacklitError where Pillow is missing, a file is no picture or damaged, sizes differ, or there is none.
    """
    files = _files_of(folder)
    pillow = _pillow()
    heads = [_head(pillow, folder, file) for file in files]
    _refuse_sizes(folder, files, [size for size, _ in heads])
    modes = {mode for _, mode in heads}
    grey, deep = modes <= _GREY, bool(modes & _DEEP)
    (width, height), _ = heads[0]
    kind = np.uint16 if deep and grey else np.uint8
    pictures = np.empty((len(files), height, width, 1 if grey else 3), kind)
    for place, file in enumerate(files):
        pictures[place] = _pixels(pillow, folder, file, grey=grey, deep=kind is np.uint16)
    columns = {PICTURE: grid_column(pictures), FILE: pa.array([file.as_posix() for file in files])}
    classed = len(files[0].parts) > 1
    if classed:
        columns[CLASS] = pa.array([_name(file.parts[0]) for file in files])
    schema = pa.schema([
        pa.field(name, column.type, metadata=FILES if name == FILE else None) for name, column in columns.items()
    ])  # fmt: skip
    return Table(
        pa.table(list(columns.values()), schema=schema), name=_name(folder.name or str(folder)),
        target=CLASS if classed else None,
    )  # fmt: skip


def _name(text: str) -> str:
    return text.encode(errors="backslashreplace").decode()  # bytes that are no UTF-8 could not be written anywhere


def _files_of(folder: Path) -> list[Path]:
    """Give the pictures' paths within the folder, by class and name."""
    shown = [entry for entry in sorted(folder.iterdir()) if _counts(entry)]
    folders = [entry for entry in shown if entry.is_dir()]
    files = [entry for entry in shown if not entry.is_dir()]
    if folders and files:
        raise BacklitError(
            f"{quoted(folder)} holds {counted(len(folders), 'folder')} and {counted(len(files), 'file')} beside, such "
            f"as {files[0].name}; expected a folder for each class, with pictures in it, and nothing else."
        )
    if not shown:
        raise BacklitError(
            f"{quoted(folder)} is an empty folder; expected a folder of pictures for each class, such as "
            f"{folder.name}/cat/1.png; or a CSV or Parquet file."
        )
    if files:
        _refuse_others(folder, files)
        return [file.relative_to(folder) for file in files]
    found: list[Path] = []
    for inner in folders:
        entries = [entry for entry in sorted(inner.iterdir()) if _counts(entry)]
        if not entries:
            raise BacklitError(f"{quoted(inner)} holds no picture; expected pictures of that class, or no such folder.")
        deeper = next((entry for entry in entries if entry.is_dir()), None)
        if deeper is not None:
            raise BacklitError(
                f"{quoted(deeper)} is a folder within a class; expected pictures. Give the folder whose folders are "
                f"the classes; if {deeper.name} is a class, that is {quoted(inner)}."
            )
        _refuse_others(folder, entries)
        found += [entry.relative_to(folder) for entry in entries]
    return found


def _counts(entry: Path) -> bool:
    """Tell whether an entry counts: not hidden, and none of those that systems write into folders by themselves."""
    return not entry.name.startswith(".") and entry.name.lower() not in _SYSTEM


def _refuse_others(folder: Path, files: Sequence[Path]) -> None:
    """Refuse files that are no pictures by their names."""
    others = [file.relative_to(folder).as_posix() for file in files if file.suffix.lower() not in SUFFIXES]
    if others and len(others) == len(files):
        raise BacklitError(
            f"{quoted(files[0].parent)} is a folder that holds no pictures, but {listed(others, 4)}. Expected a folder "
            "for each class with pictures (PNG, JPEG, BMP, GIF, WebP, TIFF); of a table, give the file itself."
        )
    if others:
        raise BacklitError(
            f"{quoted(folder)} holds {counted(len(others), 'file')} that {'is' if len(others) == 1 else 'are'} no "
            f"picture: {listed(others, 4)}. Expected PNG, JPEG, BMP, GIF, WebP or TIFF; take others out."
        )


def _pillow() -> Any:
    try:
        import PIL.Image  # noqa: PLC0415  (an optional extra)
        import PIL.ImageOps  # noqa: PLC0415
    except ImportError:
        raise BacklitError(
            "Pillow, which reads pictures, is not installed: pip install 'backlit[pictures]' (or pip install pillow). "
            "Without it, give the pictures as arrays in an .npz file."
        ) from None
    return PIL


def _opened(pillow: Any, folder: Path, file: Path) -> Any:
    """Open a picture, which reads its head alone."""
    path = folder / file
    if path.is_file() and not path.stat().st_size:
        raise BacklitError(f"{quoted(path)} is an empty file (0 bytes); expected a picture: copy it again.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its size, which is refused elsewhere
            return pillow.Image.open(path)
    except pillow.UnidentifiedImageError:
        raise BacklitError(f"{quoted(path)} is no picture, whatever its name; expected PNG, JPEG or such.") from None
    except OSError as error:
        raise BacklitError(f"Cannot read {quoted(path)}: {error.strerror or error}.") from None
    except (ValueError, SyntaxError, pillow.Image.DecompressionBombError) as error:
        raise BacklitError(f"{quoted(path)} is a damaged picture ({error}): copy or export it again.") from None


def _head(pillow: Any, folder: Path, file: Path) -> tuple[tuple[int, int], str]:
    """Give a picture's (width, height), turned as its camera was held, and its mode."""
    with _opened(pillow, folder, file) as picture:
        mode, (width, height) = picture.mode, picture.size
        if getattr(picture, "n_frames", 1) > 1:
            raise BacklitError(
                f"{quoted(folder / file)} holds {picture.n_frames} pictures, as a film does; expected one in each file."
            )
        if mode == "F":
            raise BacklitError(
                f"{quoted(folder / file)} has pixels that are fractions; expected 8 or 16 bits. Give the pictures as "
                "arrays in an .npz file."
            )
        if max(width, height) > LARGEST:
            raise BacklitError(
                f"{quoted(folder / file)} is {width} × {height} pixels; expected small pictures, at most {LARGEST} × "
                f"{LARGEST}. Make all smaller first, for example to 32 × 32."
            )
        if mode in {"P", "PA"}:
            mode = _palette_mode(picture)
        try:
            turned = picture.getexif().get(0x0112, 1) in {5, 6, 7, 8}
        except Exception:  # noqa: BLE001  (damaged camera notes are no reason to refuse a picture)
            turned = False
    return ((height, width) if turned else (width, height)), mode


def _palette_mode(picture: Any) -> str:
    """Give L for a picture whose palette has greys alone, else RGB."""
    palette = np.array(picture.getpalette("RGB") or [0, 0, 0]).reshape(-1, 3)
    return "L" if (palette == palette[:, :1]).all() else "RGB"


def _refuse_sizes(folder: Path, files: Sequence[Path], found: Sequence[tuple[int, int]]) -> None:
    """Refuse pictures of several sizes, with how many are of each."""
    counts = Counter(found)
    if len(counts) == 1:
        return
    told = []
    for (width, height), count in counts.most_common(3):
        example = files[found.index((width, height))].as_posix()
        told.append(f"{width} × {height}: {counted(count, 'picture')}, such as {example}")
    more = f"; and {counted(len(counts) - 3, 'size')} more" if len(counts) > 3 else ""
    raise BacklitError(
        f"{quoted(folder)} holds pictures of {len(counts)} sizes (width × height): {'; '.join(told)}{more}. Expected "
        "one size: a network has an input for each pixel. Scale or cut them to one size first."
    )


def _pixels(pillow: Any, folder: Path, file: Path, *, grey: bool, deep: bool) -> NDArray[Any]:
    """Give a picture's pixels (height, width, channels)."""
    try:
        with _opened(pillow, folder, file) as opened:
            picture = pillow.ImageOps.exif_transpose(opened)
            if picture.mode in _DEEP:
                pixels = _sixteen_bits(np.asarray(picture), folder / file)
                if not deep:
                    pixels = np.rint(pixels / 257.0).astype(np.uint8)
                return pixels[:, :, None] if grey else np.repeat(pixels[:, :, None], 3, axis=2)
            if picture.mode in {"LA", "La", "RGBA", "RGBa", "PA"} or "transparency" in picture.info:
                over = picture.convert("RGBA")
                white = pillow.Image.new("RGBA", over.size, "white")
                picture = pillow.Image.alpha_composite(white, over).convert("RGB")
            values = np.asarray(picture.convert("L" if grey else "RGB"))
    except BacklitError:
        raise
    except Exception as error:  # noqa: BLE001  (what damaged files raise differs by format)
        raise BacklitError(
            f"{quoted(folder / file)} is a damaged picture ({error}): copy or export it again."
        ) from None
    values = values.reshape(*values.shape[:2], -1)
    return values.astype(np.uint16) * 257 if deep else values


def _sixteen_bits(values: NDArray[Any], path: Path) -> NDArray[np.uint16]:
    if values.min() < 0 or values.max() > 65_535:
        raise BacklitError(f"{quoted(path)} has pixels of 32 bits; expected 8 or 16 bits for each channel.")
    return values.astype(np.uint16)
