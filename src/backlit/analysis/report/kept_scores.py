"""What a model's file tells of its own test: scores without the rows, and the verdict on them."""

from __future__ import annotations

import msgspec

from backlit.analysis.report.headline import headline
from backlit.analysis.report.number_measures import WORDS
from backlit.analysis.report.records import Score, Verdict
from backlit.analysis.report.verdict import always_answering, few_remarks, sentence, short, unmeasured
from backlit.data import NumberTarget
from backlit.data.values import label_text
from backlit.errors import counted
from backlit.model import TabularModel
from backlit.model.reports import Comparison, Scores


def kept_verdict(model: TabularModel, scores: tuple[Score, ...], *, private: bool) -> Verdict:
    """The verdict by the scores that the model's file keeps; unmeasured where it keeps none.

    Without the rows nothing can be drawn anew, so there are no intervals, and the linear model is not told apart.
    """
    comparison = model.report.test if model.report else None
    if comparison is None:
        return unmeasured()
    rows_words = f"the {counted(comparison.rows, 'test row')} of its training"
    baseline = _always(model, comparison, private=private)
    told = sentence(scores, comparison.rows, rows_words, baseline, comparison.linear_what, None)
    first = scores[0]
    poor = first.value is not None and first.baseline is not None and first.value <= first.baseline
    remarks = [f"The network is no better than {baseline.removesuffix(',')}."] if poor else []
    remarks += [
        *few_remarks(scores, comparison.rows),
        "The model's file keeps these scores and not the rows: with the table, the report says more.",
    ]
    few_words = headline(scores, comparison.rows, None, None, useful=not poor)
    return Verdict("poor" if poor else "level", told, tuple(remarks), few_words)


def kept_scores(model: TabularModel) -> tuple[Score, ...]:
    """The scores of the model's own test rows that its file keeps; none where there was no test."""
    comparison = model.report.test if model.report else None
    if comparison is None:
        return ()
    words = WORDS if isinstance(model.encoder.target, NumberTarget) else {
        "accuracy": ("accuracy", "share of the rows that are predicted right; 1 is best"),
        "log_loss": ("log-loss", "mean of −log p of the right class; 0 is best"),
    }  # fmt: skip
    network, baseline = _by_name(comparison.model), _by_name(comparison.baseline)
    linear = {} if comparison.linear is None else _by_name(comparison.linear)
    return tuple(
        Score(name, *words[name], name in {"accuracy", "r2"}, value, None, baseline.get(name), linear.get(name))
        for name, value in network.items()
    )


def _by_name(scores: Scores) -> dict[str, float | None]:
    return dict(msgspec.structs.asdict(scores))


def _always(model: TabularModel, comparison: Comparison, *, private: bool) -> str:
    """Say what the baseline always answers."""
    target = model.encoder.target
    if isinstance(target, NumberTarget):
        return always_answering("the mean of the training rows" if private else comparison.baseline_what)
    labels = (label for label in target.classes if comparison.baseline_what == f'always "{label}"')
    label = next(labels, None)
    return "always answering " + ("the most common class" if label is None else short(label_text(label)))
