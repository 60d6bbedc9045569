"""What can be explained: an example's name, a network file, a model file, a training, or a network with rows.

`explain` is `backlit.explain` and what `backlit explain` calls: it turns each of these into a training that is followed
(`problem`), by `network_files`, `model_files` and `trainings`, and shows the step, or the epoch, that is asked for.
"""

from typing import TYPE_CHECKING

from backlit.lazy import lazily

if TYPE_CHECKING:
    from backlit.sources.explaining import explain

_PLACES = {"explain": "explaining"}

__all__ = ["explain"]

__getattr__ = lazily(__name__, _PLACES)
