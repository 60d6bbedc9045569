"""A log as a run of MLflow, by its own client: the active run, or a new one."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import msgspec

from backlit.errors import BacklitError
from backlit.model.logs.numbers import numbers_of
from backlit.model.logs.records import End, LoggedEpoch, Start

METRICS, PARAMETERS, LONGEST = 1000, 100, 500
"""What MLflow takes in one call at the most, and the characters of a parameter or a tag."""


class MlflowRun:
    """Writes a log to MLflow's active run, or to a new one, which ends with the log; steps are epochs.

    Where runs are kept is MLflow's affair: MLFLOW_TRACKING_URI, MLFLOW_EXPERIMENT_NAME, or its functions.

    Errors: a BacklitError where the package is missing, or MLflow refuses.
    """

    def __init__(self) -> None:
        try:
            self._mlflow: Any = import_module("mlflow")
            self._entities: Any = import_module("mlflow.entities")
        except ImportError as error:
            raise BacklitError(
                f"a log for MLflow needs its package, which cannot be imported ({error}): "
                "pip install 'backlit[mlflow]', or pip install mlflow."
            ) from error
        self._client: Any = None
        self._run = ""
        self._own = False
        self._began = 0.0

    def start(self, record: Start, began: float) -> None:
        """Write what trains: settings as parameters, and texts as tags."""
        self._began = began
        with self._asked():
            active = self._mlflow.active_run()
            self._own = active is None
            self._run = (active or self._mlflow.start_run()).info.run_id
            self._client = self._mlflow.MlflowClient()
            parameters = [self._entities.Param(name, text[:LONGEST]) for name, text in _parameters(record)]
            for first in range(0, len(parameters), PARAMETERS):
                self._client.log_batch(self._run, params=parameters[first : first + PARAMETERS])
            self._tag("backlit.network", record.outline)

    def add(self, epochs: list[LoggedEpoch]) -> None:
        """Write each epoch's numbers; signals that are not measured are left out."""
        metrics = [
            self._entities.Metric(name, value, round(1000 * (self._began + epoch.seconds)), epoch.epoch)
            for epoch in epochs
            for name, value in numbers_of(epoch)
        ]
        with self._asked():
            for first in range(0, len(metrics), METRICS):
                self._client.log_batch(self._run, metrics=metrics[first : first + METRICS])

    def end(self, record: End) -> None:
        """Write why it stopped."""
        with self._asked():
            self._tag("backlit.stopped", record.stopped)

    def close(self, *, ended: bool) -> None:
        """End the run, if it is a new one."""
        if self._own and self._run:
            with self._asked():
                self._mlflow.end_run("FINISHED" if ended else "FAILED")

    def _tag(self, name: str, text: str) -> None:
        self._client.set_tag(self._run, name, text[:LONGEST])

    @contextlib.contextmanager
    def _asked(self) -> Iterator[None]:
        """Turn what MLflow refuses into words, and keep its own off standard output."""
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                yield
        except (self._mlflow.exceptions.MlflowException, OSError) as error:
            line = " ".join(str(error).split())
            raise BacklitError(f"MLflow takes no log: {line}") from error


def _parameters(record: Start) -> Iterator[tuple[str, str]]:
    """Give what is a setting as names and texts."""
    told: dict[str, Any] = {
        "network": record.outline, "loss": record.network["loss"]["op"], "parameters": record.parameters,
        "rows": record.rows, "validation_rows": record.validation_rows, "batch_rows": record.batch_size,
    }  # fmt: skip
    for name in ("optimizer", "schedule"):
        described = dict(getattr(record, name))
        told[name] = described.pop("op")
        told |= {f"{name}.{key}": value for key, value in described.items()}
    told |= record.settings
    told |= {f"version.{name}": version for name, version in record.versions.items()}
    told |= {f"about.{name}": value for name, value in record.about.items()}
    for name, value in told.items():
        yield name, value if isinstance(value, str) else msgspec.json.encode(value, enc_hook=repr).decode()
