"""How good the defaults are: Backlit beside scikit-learn's MLP and linear models, on the bundled data sets.

    python -m bench.defaults             prints the table of the README (Markdown)
    python -m bench.defaults --seeds 3 iris wine

For each data set and seed, `backlit.model.TableTraining` splits the rows (a fifth for the test, stratified by class)
and trains at its defaults. scikit-learn's models are fitted on the same training rows, standardized, at their
defaults with `random_state` the seed. All are measured on the same test rows; the table shows means over the seeds.
"""

from __future__ import annotations

import argparse
import time
import warnings
from statistics import mean

import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from backlit.data import BUNDLED
from backlit.model import Settings, TableTraining
from backlit.model.reports import ClassScores, Scores
from backlit.model.scores import class_scores, number_scores

Result = tuple[Scores, float]  # the scores on the test rows, the seconds of the fit
PEERS = ("sklearn MLP", "sklearn MLP, early_stopping", "sklearn linear")


def run(name: str, seed: int) -> dict[str, Result]:
    """Fit Backlit and the peers once and measure them on the same test rows."""
    began = time.perf_counter()
    training = TableTraining(name, settings=Settings(seed=seed))
    for _ in training:
        pass
    seconds = time.perf_counter() - began
    assert training.report is not None
    assert training.report.test is not None
    return {"Backlit": (training.report.test.model, seconds)} | peers(training, seed)


def peers(training: TableTraining, seed: int) -> dict[str, Result]:
    """Fit scikit-learn's models on the raw columns of the same rows."""
    table, task = training.table, training.task
    X = np.column_stack([table.values(column) for column in table.columns if column != task.column]).astype(float)
    classes = task.kind == "classes"
    y = training.encoder.encode_target(table) if classes else table.values(task.column).astype(float)
    mlp = MLPClassifier if classes else MLPRegressor
    models = mlp(random_state=seed), mlp(random_state=seed, early_stopping=True), linear_model(classes)
    train, test = training.rows["train"], training.rows["test"]
    results = {}
    for name, model in zip(PEERS, models, strict=True):
        pipeline = make_pipeline(StandardScaler(), model)
        began = time.perf_counter()
        pipeline.fit(X[train], y[train])
        seconds = time.perf_counter() - began
        if classes:
            scores: Scores = class_scores(y[test], pipeline.predict_proba(X[test]))
        else:
            scores = number_scores(y[test], pipeline.predict(X[test]))
        results[name] = scores, seconds
    return results


def linear_model(classes: bool) -> LogisticRegression | Ridge:
    """scikit-learn's linear model for the task."""
    return LogisticRegression(max_iter=1000) if classes else Ridge()


def lines(name: str, runs: list[dict[str, Result]]) -> list[str]:
    """The lines of the table for one data set: each measure, then the seconds."""
    first = runs[0]["Backlit"][0]
    measures = (
        {"accuracy": "accuracy", "log_loss": "log-loss"}
        if isinstance(first, ClassScores)
        else {"r2": "R²", "rmse": "RMSE"}
    )
    made = []
    for field, words in measures.items():
        values = [mean(getattr(run[model][0], field) for run in runs) for model in runs[0]]
        best = max(values) if field in {"accuracy", "r2"} else min(values)
        cells = [f"**{value:.4g}**" if value == best else f"{value:.4g}" for value in values]
        made.append(f"| {name} | {words} | {' | '.join(cells)} |")
    seconds = [f"{np.median([run[model][1] for run in runs]):.2g}" for model in runs[0]]
    return [*made, f"| {name} | seconds | {' | '.join(seconds)} |"]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", default=list(BUNDLED))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    given = parser.parse_args()
    warnings.simplefilter("ignore")  # scikit-learn warns of every fit that 200 epochs did not finish
    print(f"| data set | mean of {given.seeds} seeds | Backlit | {' | '.join(PEERS)} |")
    print("|---|---|---|---|---|---|")
    for name in given.names:
        print(
            "\n".join(lines(name, [run(name, seed) for seed in range(given.first, given.first + given.seeds)])),
            flush=True,
        )


if __name__ == "__main__":
    main()
