"""Machine code on disk: a warm start reads it instead of compiling.

Each kernel is one object file, in a folder named by a digest of all that any machine code depends on: the engine's
low-level sources, the versions of Python, NumPy, Numba and LLVM, and the processor. The file's name holds a digest of
the kernel's text and of all that its functions reach, so an edited op has a kernel of another name. Loading a file
needs LLVM's linker but not Numba, whose import takes longer than the rest of a start.

A file is loaded and run, so it is checked twice. Its seal, a digest of name and content, reveals a file that was cut,
damaged or renamed by accident. The seal is no protection from other users: a user who can write a file can seal it. So
the folders and the file must belong to the user or to root, and no other user may be able to write them, as SSH
requires of its keys. Otherwise this process warns once and compiles into a temporary folder. Windows has other
permissions; there only the seal is checked. Any process may remove a folder that has not been used for a month, so
every process is prepared for a folder to disappear.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import hashlib
import importlib.metadata
import os
import platform
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import platformdirs

from backlit.engine.code_cache.object_code import Code, link, linkable, processor
from backlit.errors import warn

KEPT_DAYS = 30
"""How long the kernels of another version, or another processor, are kept after they were last used."""

FOUNDATION = ("kernels", "engine/program", "engine/machine", "engine/code_cache", "engine/compiled")
"""The packages whose files are all digested into the name of the folder."""

MARKER = "made-by-backlit.txt"  # folders without such a file are never removed
SEAL = 32  # bytes of the digest at the head of a file
UNFINISHED = ".tmp"  # how the name of a file ends while it is written
GUARDED = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)  # no symbolic link, no waiting for a named pipe


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


def keeps() -> bool:
    """Tell whether what is compiled now can be found by later processes."""
    return cache_folder() not in temporary and os.access(cache_folder(), os.W_OK)


temporary: dict[Path, str] = {}
"""Folders that end with this process, and why they are used in the cache's place."""


@functools.cache
def cache_folder() -> Path:
    """Give the folder of this foundation's kernels, below BACKLIT_CACHE_DIR, the user's cache or a temporary folder."""
    below = Path("kernels") / foundation()[:16]
    try:
        root = os.path.expanduser(os.environ.get("BACKLIT_CACHE_DIR") or platformdirs.user_cache_dir("backlit"))
        if root.startswith("~"):
            raise FileNotFoundError(f"The home folder of {root} is unknown, and HOME is not set")
        folder = Path(os.path.realpath(root)) / below
        _prepare(folder)
    except (OSError, RuntimeError) as error:  # with a RuntimeError, platformdirs says that the home folder is unknown
        _warn_once(error, "All code is compiled anew, into a temporary folder")
        root = os.path.realpath(tempfile.mkdtemp(prefix="backlit-"))
        atexit.register(shutil.rmtree, root, ignore_errors=True)
        folder = Path(root) / below
        temporary[folder] = str(error)
        with contextlib.suppress(OSError):  # where other users can change even this, nothing is read or written
            _prepare(folder)
    _remove_unused(folder)
    return folder


def _prepare(folder: Path, again: bool = True) -> None:
    """Create a folder of the cache where it is missing, and check who can change it.

    All folders above it are checked too, as by SSH: up to the user's home folder, or to the root if it lies elsewhere.
    """
    way = [*reversed(folder.parents), folder]
    home = Path(os.path.realpath(os.path.expanduser("~")))
    try:
        for k, part in enumerate(way):
            created = not os.path.lexists(part)
            if created:
                with contextlib.suppress(FileExistsError):  # another process was faster
                    part.mkdir(0o700)
                    part.chmod(0o700)  # whatever the umask
            if home not in way[k + 1 :]:
                _check(part, part.lstat(), stat.S_ISDIR, shared=k < len(way) - 2)
            marked = part == folder or (created and part == folder.parent)
            if marked and not (part / MARKER).exists():  # in a cache that only root can write, it lies there
                (part / MARKER).touch(0o600)
    except FileNotFoundError:  # another process has removed it at this moment, and does so once
        if not again:
            raise
        _prepare(folder, again=False)


def _check(path: Path, found: os.stat_result, kind: Callable[[int], bool], shared: bool = False) -> None:
    """Refuse a path that another user owns or can write; where `shared`, as in a sticky /tmp, users may add to it."""
    if not kind(found.st_mode):
        raise PermissionError(f"{path} is not a {'folder' if kind is stat.S_ISDIR else 'regular file'}")
    writable = found.st_mode & 0o022 and not (shared and found.st_mode & stat.S_ISVTX)
    if hasattr(os, "geteuid") and (writable or found.st_uid not in (0, os.geteuid())):  # which Windows lacks
        raise PermissionError(
            f"{path} belongs to user {found.st_uid} and has mode {stat.S_IMODE(found.st_mode):04o}; expected user "
            f"{os.geteuid()} or root as its owner, and that no other user can write it (chmod go-w)"
        )


not_kept: list[Path] = []
"""The files that this process could not write, of functions that it compiled."""

_warned: list[BaseException] = []


def _warn_once(error: BaseException, consequence: str) -> None:
    """Warn of the first path that is not used; all kernels may lie in such files."""
    if not _warned:
        _warned.append(error)
        advice = "To use the cache, mend this, or set BACKLIT_CACHE_DIR to a folder of your own."
        warn(f"Compiled code is not taken from the cache: {error}. {consequence}. {advice}", UserWarning)


def _remove_unused(folder: Path) -> None:
    """Mark a folder as used today; remove unfinished files that are old, and other folders of Backlit that are."""
    with contextlib.suppress(OSError):
        os.utime(folder)
        for path in [*folder.glob(f"*{UNFINISHED}"), *folder.parent.iterdir()]:
            with contextlib.suppress(OSError):
                found = path.lstat()
                days = (time.time() - found.st_mtime) / 86_400
                if path.parent == folder and days > 1:  # its process was killed while it wrote
                    path.unlink()
                elif days > KEPT_DAYS and stat.S_ISDIR(found.st_mode) and (path / MARKER).exists():
                    shutil.rmtree(path, ignore_errors=True)


def has_kernels() -> bool:
    """Tell whether any machine code lies in the cache."""
    return bool(titles())


def titles() -> set[str]:
    """Give the titles of the functions whose machine code lies in the cache."""
    with contextlib.suppress(OSError):
        return {name.rpartition("_")[0] for name in os.listdir(cache_folder()) if not os.path.splitext(name)[1]}
    return set()


def claim(name: str) -> bool:
    """Create an empty file of the cache; False where a process has created it before, or none can be written."""
    return _written(lambda: (cache_folder() / name).touch(0o600, exist_ok=False))


def load(title: str, digest: str, compiled: Callable[[], Code]) -> int:
    """Give the address of a function's machine code, from the cache or else compiled and put there."""
    key = hashlib.sha256(f"{foundation()} {digest}".encode()).hexdigest()[:20]
    path = cache_folder() / f"{title}_{key}"
    code = _read(path)
    address = link(code) if code is not None and linkable(code) else 0
    if not address:
        code = compiled()
        if not _write(path, code):
            not_kept.append(path)
        address = link(code)
    return address


def _read(path: Path) -> Code | None:
    """Read a file of the cache; None where it is missing, cut short, damaged, another kernel's or another user's."""
    try:
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | GUARDED)) as file:
            _check(path, os.fstat(file.fileno()), stat.S_ISREG)  # of the open file, since the name may pass to another
            content = file.read()
        if content[:SEAL] == _seal(path.name, content[SEAL:]):
            return msgspec.msgpack.decode(content[SEAL:], type=Code)
    except PermissionError as error:
        _warn_once(error, "It is compiled anew and replaced")
    except (OSError, ValueError, RecursionError):  # the last two come from msgspec
        pass
    return None


def _seal(name: str, content: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + content).digest()


def _write(path: Path, code: Code) -> bool:
    """Write a file of the cache whole or not at all; on a full disk, go without. Tell whether it was written."""
    content = msgspec.msgpack.encode(code)

    def write() -> None:
        handle, unfinished = tempfile.mkstemp(dir=path.parent, suffix=UNFINISHED)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_seal(path.name, content) + content)
            Path(unfinished).chmod(0o600)  # whatever the umask
            Path(unfinished).replace(path)
        except BaseException:
            Path(unfinished).unlink(missing_ok=True)
            raise

    return _written(write)


def _written(write: Callable[[], object]) -> bool:
    """Write to the cache's folder, which another process may just have removed; tell whether it was possible."""
    try:
        try:
            write()
        except FileNotFoundError:
            _prepare(cache_folder())
            write()
    except OSError:  # a full disk, or a claim that another process has made
        return False
    return True
