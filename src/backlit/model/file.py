"""Models as files: weights by safetensors, everything else as JSON in its header, both under one digest."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import numpy as np

import backlit.ops.schedules  # noqa: F401  (registers the schedules)
from backlit import __version__
from backlit.data import Encoder
from backlit.data.messages import quoted
from backlit.engine import Network
from backlit.errors import BacklitError
from backlit.kernels.types import Array
from backlit.model.reports import FitReport
from backlit.model.tabular import TabularModel
from backlit.ops.registry import UnknownOpError

FORMAT = 1
"""The version of the file format; a reader refuses a file of a later one."""

SUFFIX = ".safetensors"
DESCRIPTION, DIGEST = "backlit", "sha256"


class NetworkDescription(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `Network.to_dict` gives."""

    layers: tuple[dict[str, Any], ...]
    inputs: int | tuple[int, ...] | dict[str, int | tuple[int, ...]]
    loss: dict[str, Any]
    dtype: str


class Description(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The JSON in the header: the format, the version that wrote it, and the model without its weights.

    `encoder` and `report` are those of a tabular model.
    """

    format: int
    version: str
    network: NetworkDescription
    encoder: Encoder | None = None
    report: FitReport | None = None


class _Format(msgspec.Struct, frozen=True):
    """The part of the description that every version has."""

    format: int
    version: str


def save(model: Network | TabularModel, path: str | os.PathLike[str]) -> Path:
    """Write a network, or a tabular model with its encoder, to a file, and give the path.

    The file is a safetensors file with the tensors `parameters` and `state`; its header holds the description as JSON
    and the SHA-256 of description and tensors. It is written to a temporary file in the same folder, which is renamed
    when it is complete: a crash leaves the old file or the new one.

    Errors: a BacklitError for another kind of model, or where the file cannot be written.

    >>> import tempfile, numpy as np
    >>> from pathlib import Path
    >>> from backlit.engine import Network
    >>> from backlit.ops.layers.dense import Dense
    >>> network = Network([Dense(2, "tanh")], inputs=3)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     twin = load(save(network, Path(folder) / "net.safetensors"))
    >>> bool((twin.predict(np.ones((1, 3))) == network.predict(np.ones((1, 3)))).all())
    True
    """
    from safetensors.numpy import save as to_bytes  # noqa: PLC0415  (only where a file is written)

    network = model.network if isinstance(model, TabularModel) else model
    if not isinstance(network, Network):
        raise BacklitError(
            f"{model!r} was given to save; expected a Network, or the model of fit_table. Estimators are saved by "
            "pickle or joblib."
        )
    described = NetworkDescription(**network.to_dict())
    more = (model.encoder, model.report) if isinstance(model, TabularModel) else ()
    description = msgspec.json.encode(Description(FORMAT, __version__, described, *more))
    tensors = {"parameters": network.parameters, "state": network.state}
    header = {DESCRIPTION: description.decode(), DIGEST: digest(description, tensors)}
    target = Path(path)
    with replacing(target) as file:
        file.write(to_bytes(tensors, header))
    return target


def load(path: str | os.PathLike[str]) -> Any:
    """Read what `save` wrote: a `Network`, or a `TabularModel`. Nothing in the file is executed.

    Errors: a BacklitError where the file is missing, no model, damaged, of a later format, or names an op that is not
    registered in this process.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise BacklitError(f"load was given {type(path).__name__}; expected the path of a model file.")
    source = Path(path)
    header, tensors = _read(source)
    text = header.get(DESCRIPTION)
    if text is None:
        raise BacklitError(
            f"{quoted(source)} is a safetensors file, but not of Backlit: it holds weights without a network."
        )
    _check_format(text, source)
    if header.get(DIGEST) != digest(text.encode(), tensors):
        raise BacklitError(
            f"{quoted(source)} is damaged: its contents do not match its digest. Copy or train it again."
        )
    try:
        description = msgspec.json.decode(text, type=Description)
    except msgspec.MsgspecError as error:
        if isinstance(error.__cause__, UnknownOpError):  # the report names the settings that were given
            raise _unregistered(error.__cause__, source) from error
        raise BacklitError(f"{quoted(source)} is not a model as Backlit writes it: {error}.") from error
    network = _network(description.network, tensors, source)
    return network if description.encoder is None else TabularModel(network, description.encoder, description.report)


def digest(description: bytes, tensors: dict[str, Array]) -> str:
    """The SHA-256, in hex, of the description and of each tensor's name, type, length and bytes."""
    sha = hashlib.sha256(description)
    for name in sorted(tensors):
        array = np.ascontiguousarray(tensors[name])
        sha.update(f"\0{name} {array.dtype.str} {array.shape}\0".encode())
        sha.update(array.tobytes())
    return sha.hexdigest()


def _read(source: Path) -> tuple[dict[str, str], dict[str, Array]]:
    """The header's texts and the tensors."""
    from safetensors import SafetensorError, safe_open  # noqa: PLC0415  (only where a file is read)

    if not source.exists():
        name = source.name if source.suffix else f"{source.name}{SUFFIX}"
        raise BacklitError(f"No model file {quoted(source)}. `backlit train DATA -o {name}` writes one; so does save.")
    if source.is_dir():
        raise BacklitError(f"{quoted(source)} is a folder: give a model file, as `backlit train` writes it.")
    try:
        with safe_open(source, framework="np") as file:
            return dict(file.metadata() or {}), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, TypeError, ValueError) as error:
        raise BacklitError(
            f"{quoted(source)} is not a model file, or a damaged one: expected a file that `backlit train` wrote."
        ) from error


def _check_format(text: str, source: Path) -> None:
    """Refuse a later format before the rest of the description is decoded."""
    try:
        found = msgspec.json.decode(text, type=_Format)
    except msgspec.MsgspecError as error:
        raise BacklitError(f"{quoted(source)} is not a model as Backlit writes it: {error}.") from error
    if found.format > FORMAT:
        raise BacklitError(
            f"{quoted(source)} was written by Backlit {found.version} in format {found.format}; this is Backlit "
            f"{__version__}, which reads up to format {FORMAT}. Install a newer Backlit."
        )


def _network(described: NetworkDescription, tensors: dict[str, Array], source: Path) -> Network:
    """The network of the description with the tensors' values."""
    try:
        network = Network.from_dict(msgspec.to_builtins(described))
    except UnknownOpError as error:
        raise _unregistered(error, source) from error
    for name, own in (("parameters", network.parameters), ("state", network.state)):
        given = tensors.get(name)
        if given is None or given.shape != own.shape or given.dtype != own.dtype:
            found = "none" if given is None else f"{given.shape} of {given.dtype}"
            expected = f"{own.shape} of {own.dtype}"
            raise BacklitError(
                f"{quoted(source)} does not fit its own description: {name} {found}; expected {expected}."
            )
        own[:] = given
    return network


def _unregistered(error: UnknownOpError, source: Path) -> BacklitError:
    what = str(error).partition(";")[0]
    return BacklitError(
        f"{quoted(source)} needs an op that is not registered: {what}. Import the module that registers it first "
        "(command line: --plugin FILE.py)."
    )


@contextmanager
def replacing(target: Path) -> Iterator[BinaryIO]:
    """A binary file to write to, which replaces `target` in one step when it is complete.

    Errors: a BacklitError where it cannot be written.
    """
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.chmod(0o666 & ~_umask())
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise BacklitError(f"Cannot write {quoted(target)}: {error.strerror or error}.") from error


def _umask() -> int:
    """The process's file mode mask, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
