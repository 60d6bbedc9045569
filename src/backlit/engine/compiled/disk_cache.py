"""Machine code on disk, and from there into memory without the compiler.

Each kernel is one object file, in a folder named by a digest of all that any machine code depends on: the engine's
low-level sources, the versions of Python, Numba and LLVM, and the processor. The file's own name holds a digest of the
kernel's text and of the code of all functions it reaches. Edit an op and its kernel has another name.

Only LLVM's linker is needed to load a kernel. Numba, whose import takes longer than all else at a start, is not.
"""

from __future__ import annotations

import atexit
import functools
import hashlib
import importlib.metadata
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import platformdirs

from backlit.engine.compiled.object_code import Code, link, processor

KEPT_DAYS = 30
"""How long the kernels of another version, or another processor, are kept after they were last used."""

FOUNDATION = ("kernels", "engine/program", "engine/machine", "engine/compiled")
"""The packages whose every file decides on all machine code."""

SEAL = 32
"""Bytes of the digest at the head of a file, by which a damaged one is known."""


@functools.cache
def foundation() -> str:
    """Digest what every kernel depends on: this engine's own sources, the versions, the processor."""
    digest = hashlib.sha256()
    package = Path(__file__).parents[2]
    for name in FOUNDATION:
        for path in sorted((package / name).rglob("*.py")):
            digest.update(f"{path.relative_to(package).as_posix()} ".encode() + path.read_bytes())
    versions = [sys.version, np.__version__, platform.machine()]
    versions += [importlib.metadata.version(name) for name in ("numba", "llvmlite")]
    digest.update(repr((versions, processor())).encode())
    return digest.hexdigest()


@functools.cache
def cache_folder() -> Path:
    """Give the folder of this foundation's kernels, below BACKLIT_CACHE_DIR, the user's cache or a temporary folder."""
    given = os.environ.get("BACKLIT_CACHE_DIR")
    folder = (Path(given) if given else Path(platformdirs.user_cache_dir("backlit"))) / "kernels" / foundation()[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            _forget_unused(folder)
            return folder
    except OSError:
        pass
    temporary = Path(tempfile.mkdtemp(prefix="backlit-kernels-"))
    atexit.register(shutil.rmtree, temporary, ignore_errors=True)
    return temporary


def _forget_unused(folder: Path) -> None:
    """Mark a foundation's folder as used today, and remove those of foundations that nobody has used for long."""
    os.utime(folder)
    for other in folder.parent.iterdir():
        if time.time() - other.stat().st_mtime > KEPT_DAYS * 86_400:
            shutil.rmtree(other, ignore_errors=True)


def load(title: str, digest: str, compiled: Callable[[], Code]) -> int:
    """Give the address of a function's machine code, from the cache or else compiled and put there."""
    key = hashlib.sha256(f"{foundation()} {digest}".encode()).hexdigest()[:20]
    path = cache_folder() / f"{title}_{key}"
    code = _read(path)
    if code is None:
        code = compiled()
        _write(path, code)
    return link(code)


def _read(path: Path) -> Code | None:
    """Read a file of the cache; None where it is missing, cut short or damaged."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    if hashlib.sha256(content[SEAL:]).digest() != content[:SEAL]:
        return None
    return msgspec.msgpack.decode(content[SEAL:], type=Code)


def _write(path: Path, code: Code) -> None:
    """Write a file of the cache whole or not at all; on a full disk, go without."""
    content = msgspec.msgpack.encode(code)
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
        with os.fdopen(handle, "wb") as file:
            file.write(hashlib.sha256(content).digest() + content)
        Path(temporary).replace(path)
    except OSError:
        return
