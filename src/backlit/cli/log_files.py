"""The logs of a training: where they go, that no other file is lost for them, and what is said where they fail."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from backlit.cli.options import check_output
from backlit.errors import BacklitError

if TYPE_CHECKING:
    from backlit.model import Progress, TableTraining
    from backlit.model.logs.following import TrainingLog


class LogFiles:
    """The logs of the final training of a table. Whatever fails while they are written, the training goes on.

    Args:
        places: where to, as `save_log` takes it. model: the model's file. inputs: the files that the command reads.

    Attributes:
        written: the places of complete logs. failures: a line for each one that failed.

    Errors: a BacklitError, before any work, for a place that is none, or that cannot be written.
    """

    def __init__(self, places: Sequence[str], model: Path, inputs: Iterable[Path]) -> None:
        once: dict[str, str] = {}  # two logs in one place would write over each other
        for place in places:
            once.setdefault(_absolute(place), place)
        self.places, self.model = [*once.values()], model
        self.written: list[str] = []
        self.failures: list[str] = []
        self._logs: dict[str, TrainingLog] = {}
        for place in self.places:
            _check(place, inputs)

    def note(self, training: TableTraining, progress: Progress | None) -> None:
        """Write the epochs that the final training has had; after it, and where there is no `progress`, its end."""
        if progress is None or progress.phase not in {"choosing", "training"}:
            self._each(training, lambda log: log.finish(training.stopped))
            self.written += self.close()
        elif progress.phase == "training":
            self._each(training, lambda log: log.follow(training.training))

    def close(self) -> list[str]:
        """Close what is open, wherever the training is, and give the places of it."""
        for place, log in list(self._logs.items()):
            try:
                log.close()
            except Exception as error:  # noqa: BLE001  (no fault of a log may end the training)
                self._fail(place, error)
        closed = list(self._logs)
        self._logs, self.places = {}, []
        return closed

    def _each(self, training: TableTraining, do: Callable[[TrainingLog], None]) -> None:
        """Do something with each log, which begins with the training; one that fails is left."""
        for place in self.places:
            try:
                do(self._logs.get(place) or self._begin(place, training))
            except Exception as error:  # noqa: BLE001  (no fault of a log may end the training)
                self._fail(place, error)
        self.places = [place for place in self.places if place in self._logs]

    def _begin(self, place: str, training: TableTraining) -> TrainingLog:
        from backlit.model.logs.following import TrainingLog, destination_of

        about = {"table": training.table.name, "target": training.task.column, "command": training.command}
        self._logs[place] = TrainingLog(destination_of(place), about)
        return self._logs[place]

    def _fail(self, place: str, error: Exception) -> None:
        if log := self._logs.pop(place, None):
            with contextlib.suppress(Exception):
                log.close()
        why = str(error) if isinstance(error, BacklitError) else f"{type(error).__name__}: {error}"
        said = f"error: the model is written to {self.model}, but not its log {place}: {' '.join(why.split())}"
        self.failures.append(said)


def _absolute(place: str) -> str:
    """Give what tells a place from others, whichever way its path is written."""
    kind, colon, path = place.rpartition(":") if place.startswith("tensorboard:") else ("", "", place)
    return kind + colon + os.path.realpath(path)


def _check(place: str, inputs: Iterable[Path]) -> None:
    """Refuse a place that is none, a package that is missing, a file that cannot be written or is read."""
    from backlit.model.logs.following import destination_of
    from backlit.model.logs.json_lines import SUFFIX

    destination_of(place)
    if not place.lower().endswith(SUFFIX) or place.startswith("tensorboard:"):
        return
    path = Path(place)
    check_output(path, [SUFFIX])
    for given in inputs:
        if path.exists() and given.exists() and path.samefile(given):
            raise BacklitError(f'"{path}" is an input too and is not overwritten: choose another name for the log.')
