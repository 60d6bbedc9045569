"""What a network, a table's model or an estimator predicts, as scores of classes and as numbers, output by output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
import numpy as np

from backlit.data import Encoder, NumberTarget
from backlit.engine import LOGIT_LOSSES, Network, class_level, kind_of, usual_unit
from backlit.errors import BacklitError
from backlit.kernels.types import Array
from backlit.model import TabularModel

Kind = Literal["classes", "numbers"]


class OutputKind(msgspec.Struct, frozen=True):
    """One thing that is predicted: see `BoundaryOutput`."""

    name: str
    classes: tuple[str, ...] = ()
    level: float | None = None
    probabilities: bool = False

    def predicted(self, scores: Array) -> Array:
        """Give the class numbers, or the numbers (n,), of scores (n, grids)."""
        if not self.classes:
            return scores[:, 0]
        if self.level is None:
            best: Array = scores.argmax(axis=1).astype(np.float64)
            return best
        return (scores[:, 0] > self.level).astype(np.float64)


class Outputs:
    """The outputs of a model: what each one is, and its scores for rows as the model takes them."""

    kinds: tuple[OutputKind, ...]

    def prepared(self, rows: Any) -> Any:
        """Give rows in the form that `scores_of` takes, so that rows that stay the same are encoded once."""
        return rows

    def scores_of(self, prepared: Any) -> list[Array]:
        """Give the scores (n, grids) of each output for prepared rows."""
        raise NotImplementedError

    def scores(self, rows: Any) -> list[Array]:
        """Give the scores (n, grids) of each output."""
        return self.scores_of(self.prepared(rows))


def class_output(name: str, classes: Sequence[str], *, probabilities: bool) -> OutputKind:
    """Give the output of a choice among classes; two classes have one score."""
    level = None if len(classes) > 2 else 0.5 if probabilities else 0.0
    return OutputKind(name, tuple(classes), level, probabilities)


def class_scores(P: Array, *, probabilities: bool) -> Array:
    """Give the scores of classes (n, k) as an output has them: of two classes one score, the second's."""
    if P.shape[1] != 2:
        return P
    return P[:, 1:] if probabilities else P[:, 1:] - P[:, :1]


# ------------------------------------------------------------------------------------------------------------ networks


class NetworkOutputs(Outputs):
    """A network's outputs, read as its loss and its targets say.

    A loss of class numbers makes one choice among the outputs, and so do targets with a single 1 in each row. Each
    output is a choice of two where its targets, or without targets its loss or its activation, are 0 and 1 or -1 and 1.
    All others are numbers.
    """

    def __init__(self, network: Network, Y: Array | None, kind: Kind | None, names: Sequence[str] | None,
                 classes: Sequence[str] | None, *, compiled: bool = True) -> None:  # fmt: skip
        self.network, self.compiled = network, compiled
        size, loss = network.output_size, network.loss
        self.logits = loss.name in LOGIT_LOSSES
        self.low = _low_of_two(network, Y) if kind != "numbers" else None
        one_hot = self.low is not None and Y is not None and bool(((Y == 1.0).sum(axis=1) == 1).all())
        self.choice = kind != "numbers" and size > 1 and (loss.class_targets or (one_hot and kind_of(loss) != "labels"))
        if kind == "classes" and self.low is None and not self.choice:
            raise BacklitError(
                "kind is 'classes', and the targets are neither 0 and 1, nor -1 and 1, nor class numbers of a loss "
                "that takes these; leave kind out to draw the predicted numbers."
            )
        if self.choice:
            found = _checked("classes", classes or names, size) or tuple(str(k) for k in range(size))
            known = self.logits or network.ops[-1].name == "softmax"
            self.kinds: tuple[OutputKind, ...] = (class_output("", found, probabilities=known),)
            return
        own = _checked("outputs", names, size) or tuple(usual_unit(0, 1, k) for k in range(size) if size > 1) or ("",)
        if self.low is None:
            self.kinds = tuple(OutputKind(name) for name in own)
            return
        pair = _checked("classes", classes, 2) or ("-1" if self.low < 0.0 else "0", "1")
        between = self.logits or network.graph.reach == (0.0, 1.0)
        scores = kind_of(loss) == "labels" and class_level(loss) == 0.0
        level = 0.5 if between else 0.0 if scores else (self.low + 1.0) / 2.0
        known = self.logits or (between and kind_of(loss) == "labels")
        self.kinds = tuple(OutputKind(name, pair, level, known) for name in own)

    def scores_of(self, prepared: Array) -> list[Array]:
        """Run the rows (n, inputs) forward."""
        A = self.network.predict(prepared, compiled=self.compiled).astype(np.float64).reshape(len(prepared), -1)
        if self.logits and (self.choice or self.low is not None):
            from scipy.special import expit, softmax  # noqa: PLC0415  (late: few losses need it)

            A = softmax(A, axis=1) if self.choice else expit(A)
        elif self.network.loss.name == "exp_poisson":
            with np.errstate(over="ignore"):
                A = np.exp(A)
        if self.choice:
            return [class_scores(A, probabilities=self.kinds[0].probabilities)]
        return [A[:, k : k + 1] for k in range(len(self.kinds))]

    def targets(self, Y: Array) -> list[Array]:
        """Give what the rows' targets Y are, as each output predicts it: (n,)."""
        if self.choice:
            return [Y[:, 0] if Y.shape[1] == 1 else Y.argmax(axis=1).astype(np.float64)]
        if self.low is None:
            each = np.equal(Y, np.arange(len(self.kinds))) if Y.shape[1] < len(self.kinds) else Y
            return [each[:, k].astype(np.float64) for k in range(len(self.kinds))]
        return [(Y[:, k] > (self.low + 1.0) / 2.0).astype(np.float64) for k in range(len(self.kinds))]


def _low_of_two(network: Network, Y: Array | None) -> float | None:
    """Give the lower one of two targets, 0 or -1, whose higher one is 1; None where the outputs are numbers."""
    reach, loss = network.graph.reach, network.loss
    numbered = loss.class_targets and network.output_size > 1 and (Y is None or Y.shape[1] == 1)
    if numbered or "poisson" in loss.name:
        return None
    meant = kind_of(loss) == "labels" or reach in {(0.0, 1.0), (-1.0, 1.0)}
    lows = [low for low in (0.0, -1.0) if low == 0.0 or reach != (0.0, 1.0)]
    if Y is None:
        return lows[-1] if reach == (-1.0, 1.0) else 0.0 if meant else None
    for low in lows:
        if np.isin(Y, (low, 1.0)).all() and (meant or bool(np.equal(Y, low).any() and np.equal(Y, 1.0).any())):
            return low
    return None


def _checked(name: str, given: Sequence[str] | None, count: int) -> tuple[str, ...]:
    """Give names of so many things; none where none are given."""
    if given is None:
        return ()
    found = (given,) if isinstance(given, str) else tuple(map(str, given))
    if len(found) != count:
        raise BacklitError(f"{name} holds {len(found)} names; expected {count}, one for each.")
    return found


# ------------------------------------------------------------------------------------------ tables' models, estimators


class ModelOutputs(Outputs):
    """The outputs of a table's model: classes, or numbers in the target's own unit."""

    def __init__(self, model: TabularModel) -> None:
        self.model = model
        classes = model.encoder.classes
        named = OutputKind(model.target) if classes is None else None
        self.kinds = (named or class_output(model.target, [str(label) for label in classes or ()], probabilities=True),)

    def prepared(self, rows: Any) -> Array:
        """Encode the rows of a table: (n, inputs)."""
        return self.model.encoder.encode(rows, self.model.network.dtype).X

    def scores_of(self, prepared: Array) -> list[Array]:
        """Run encoded rows forward."""
        A = self.model.network.predict(prepared)
        if isinstance(self.model.encoder.target, NumberTarget):
            return [self.model.decode(A).reshape(-1, 1)]
        return [class_scores(A.astype(np.float64), probabilities=True)]


class EncodedOutputs(NetworkOutputs):
    """The outputs of any network over the rows of an encoded table, whose targets are Y (n, outputs).

    Numbers are in the target's own unit. Classes have the names of the table's where the network tells as many apart.
    """

    def __init__(self, network: Network, Y: Array, encoder: Encoder) -> None:
        self.encoder = encoder
        classes, size = [str(label) for label in encoder.classes or ()], network.output_size
        fits = len(classes) == size or (size == 1 and len(classes) == 2)
        super().__init__(network, Y, None, [encoder.target.column] if size == 1 else None, classes if fits else None)
        if len(self.kinds) == 1 and not self.kinds[0].name:
            self.kinds = (msgspec.structs.replace(self.kinds[0], name=encoder.target.column),)

    def prepared(self, rows: Any) -> Array:
        """Encode the rows of a table: (n, inputs). Those that are encoded stay as they are."""
        return rows if isinstance(rows, np.ndarray) else self.encoder.encode(rows, self.network.dtype).X

    def scores_of(self, prepared: Array) -> list[Array]:
        """Run encoded rows forward."""
        return [self._decoded(k, scores) for k, scores in enumerate(super().scores_of(prepared))]

    def targets(self, Y: Array) -> list[Array]:
        """Give what the rows' targets Y are, as each output predicts it: (n,)."""
        return [self._decoded(k, values) for k, values in enumerate(super().targets(Y))]

    def _decoded(self, output: int, values: Array) -> Array:
        target = self.encoder.target
        if self.kinds[output].classes or not isinstance(target, NumberTarget):
            return values
        return values * target.deviation + target.mean


class EstimatorOutputs(Outputs):
    """The outputs of a fitted estimator: by `predict_proba` or `decision_function`, or by `predict` of numbers.

    `width` is how many columns its predictions have, 0 where they are a vector.
    """

    def __init__(self, estimator: Any, width: int, name: str, *, classifies: bool) -> None:
        self.estimator = estimator
        self.several = width > 0
        several = [f"{name or 'y'}[{k}]" for k in range(width)] or [name]
        if not classifies:
            self.by, self.kinds = "predict", tuple(OutputKind(own) for own in several)
            return
        self.by = next((by for by in ("predict_proba", "decision_function") if hasattr(estimator, by)), "")
        if not self.by:
            raise BacklitError(
                f"{type(estimator).__name__} has neither predict_proba nor decision_function; expected a classifier "
                "that gives probabilities or scores."
            )
        known = self.by == "predict_proba"
        if self.several:
            self.kinds = tuple(class_output(own, ("0", "1"), probabilities=known) for own in several)
            return
        if len(estimator.classes_) < 2:
            raise BacklitError(f"the classifier has one class, {estimator.classes_[0]}: there is no boundary to draw.")
        self.kinds = (class_output(name, [str(one) for one in estimator.classes_], probabilities=known),)

    def scores_of(self, prepared: Any) -> list[Array]:
        """Predict rows, an array or a DataFrame."""
        found = np.asarray(getattr(self.estimator, self.by)(prepared), np.float64)
        P = found.reshape(len(found), -1)
        if self.by == "predict" or self.several:
            return [P[:, k : k + 1] for k in range(len(self.kinds))]
        return [P if P.shape[1] == 1 else class_scores(P, probabilities=self.by == "predict_proba")]

    def targets(self, y: Array) -> list[Array]:
        """Give what the rows' targets y are, as each output predicts it: (n,); NaN for a class that is not known."""
        if self.by == "predict" or self.several:
            Y = np.asarray(y, np.float64).reshape(len(y), -1)
            return [Y[:, k] for k in range(len(self.kinds))]
        place = {label: float(k) for k, label in enumerate(self.estimator.classes_.tolist())}
        return [np.array([place.get(label, np.nan) for label in np.asarray(y).reshape(-1).tolist()], np.float64)]
