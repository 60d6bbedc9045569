"""What the command line and Python both call: a source (example, file, model, training) made into what is shown.

`explain` is `backlit.explain` and what `backlit explain` calls: it turns each of these into a training that is followed
(`problem`), by `network_files` and `model_files`, and shows the step, or the epoch, that is asked for. `demo` is
`backlit.demo`: it runs an example or a network file and shows the run. `boundary` and `valley` draw what a model
predicts over two inputs, and the error over two weights. `watch` runs a training and shows its curves meanwhile.
`report` measures a table's model and gives its report. `diagnose` says what is wrong with a training. `check_work` is
`backlit.check_work`: it checks a learner's numbers; `worksheet` makes sheets to work out by hand.
"""

from typing import TYPE_CHECKING

from backlit.lazy import lazily

if TYPE_CHECKING:
    from backlit.sources.bounding import boundary
    from backlit.sources.checking import check_work
    from backlit.sources.demonstrating import demo
    from backlit.sources.diagnosing import diagnose
    from backlit.sources.explaining import explain
    from backlit.sources.reporting import report
    from backlit.sources.valleys import valley
    from backlit.sources.watching import watch
    from backlit.sources.worksheets import worksheet

_PLACES = {
    "boundary": "bounding",
    "check_work": "checking",
    "demo": "demonstrating",
    "diagnose": "diagnosing",
    "explain": "explaining",
    "report": "reporting",
    "valley": "valleys",
    "watch": "watching",
    "worksheet": "worksheets",
}

__all__ = ["boundary", "check_work", "demo", "diagnose", "explain", "report", "valley", "watch", "worksheet"]

__getattr__ = lazily(__name__, _PLACES)
