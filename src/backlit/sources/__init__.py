"""What can be explained and run: an example's name, a network file, a model file, a training, a network with rows.

`explain` is `backlit.explain` and what `backlit explain` calls: it turns each of these into a training that is followed
(`problem`), by `network_files` and `model_files`, and shows the step, or the epoch, that is asked for. `demo` is
`backlit.demo`: it runs an example or a network file and shows the run. `boundary` draws a decision boundary, `valley`
the error over a plane of weights.
"""

from typing import TYPE_CHECKING

from backlit.lazy import lazily

if TYPE_CHECKING:
    from backlit.sources.bounding import boundary
    from backlit.sources.demonstrating import demo
    from backlit.sources.explaining import explain
    from backlit.sources.valleys import valley

_PLACES = {"boundary": "bounding", "demo": "demonstrating", "explain": "explaining", "valley": "valleys"}

__all__ = ["boundary", "demo", "explain", "valley"]

__getattr__ = lazily(__name__, _PLACES)
