"""The cache of compiled kernels on disk.

Each is one small generated module, in a folder named by a digest of all that any machine code depends on: the engine's
low-level sources, the versions of Python, Numba and LLVM, and the processor. The module's own name holds a digest of
the code of all functions it reaches and their constants. Edit an op and its kernel has another name.
"""

from __future__ import annotations

import atexit
import functools
import hashlib
import os
import platform
import shutil
import sys
import tempfile
import time
import types
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs

from backlit.ops import kernels

KEPT_DAYS = 30
"""How long the kernels of another version, or another processor, are kept after they were last used."""


@functools.cache
def foundation() -> str:
    """Digest what every kernel depends on: this engine's own sources, the versions, the processor."""
    import llvmlite  # noqa: PLC0415
    import llvmlite.binding as llvm  # noqa: PLC0415
    import numba  # noqa: PLC0415

    digest = hashlib.sha256()
    for name in ("cache", "jit", "lowlevel", "machine", "texts"):
        digest.update(Path(__file__).with_name(f"{name}.py").read_bytes())
    for path in sorted(Path(kernels.__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    versions = (sys.version, np.__version__, numba.__version__, llvmlite.__version__, platform.machine())
    digest.update(repr((versions, llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten())).encode())
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


def load(title: str, text: str, digest: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Write a generated module once, under a name made of its digest, and run it with the given names."""
    key = hashlib.sha256(f"{foundation()} {digest} {text}".encode()).hexdigest()[:20]
    path = cache_folder() / f"{title}_{key}.py"
    if not path.exists():
        handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).replace(path)
    return run(f"backlit_kernels.{path.stem}", str(path), text, given)


def run(name: str, path: str, text: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Run a module's text; its cached machine code asks for the module by name, so it must be known."""
    module = types.ModuleType(name)
    module.__dict__.update({"__file__": path, **given})
    sys.modules[name] = module
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Numba warns of experimental features and of performance, not of results
        exec(compile(text, path, "exec"), module.__dict__)
    return module.__dict__
