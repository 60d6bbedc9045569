"""What can be explained and run: an example's name, a network file, a model file, a training, a network with rows.

`explain` is `backlit.explain` and what `backlit explain` calls: it turns each of these into a training that is followed
(`problem`), by `network_files` and `model_files`, and shows the step, or the epoch, that is asked for. `demo` is
`backlit.demo`: it runs an example or a network file and shows the run. `watch` is `backlit.watch`: it runs a training
and shows its curves meanwhile. `report` is `backlit.report`: it measures a table's model and gives its report.
"""

from typing import TYPE_CHECKING

from backlit.lazy import lazily

if TYPE_CHECKING:
    from backlit.sources.demonstrating import demo
    from backlit.sources.explaining import explain
    from backlit.sources.reporting import report
    from backlit.sources.watching import watch

_PLACES = {"demo": "demonstrating", "explain": "explaining", "report": "reporting", "watch": "watching"}

__all__ = ["demo", "explain", "report", "watch"]

__getattr__ = lazily(__name__, _PLACES)
