"""Whole jobs: fits, a grid search, predictions, start-up, memory. Each contender runs in a fresh process.

`python -m bench.jobs JOB CONTENDER [--quick]` does one and prints a line of JSON; the functions here are the work
itself. What is measured is seconds unless the job says otherwise.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from bench.clock import now
from bench.peers.base import CannotError
from bench.workloads import BY_NAME, problem_of

PREDICTING = BY_NAME["64-128-10"]


class Outcome(msgspec.Struct, frozen=True):
    """What a job's process reports: its number, or why there is none, and a remark such as the score reached."""

    value: float | None = None
    note: str = ""
    cannot: str | None = None


class Job(msgspec.Struct, frozen=True):
    """A job and its contenders by name; `repeats` is how many rounds at the most, because some take minutes."""

    name: str
    label: str
    contenders: dict[str, Callable[[bool], Outcome]]
    unit: str = "s"
    repeats: int = 100


def estimators(name: str) -> Any:
    """Give scikit-learn's module of networks, or Backlit's own estimators."""
    if name == "scikit-learn":
        from sklearn import neural_network  # noqa: PLC0415

        return neural_network
    import backlit  # noqa: PLC0415

    if not hasattr(backlit, "MLPClassifier"):
        raise CannotError("backlit.MLPClassifier is not available")
    return backlit


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Give how long something took, and its result."""
    began = now()
    result = work()
    return now() - began, result


def _fit(name: str, X: Any, y: Any, quick: bool) -> Outcome:
    """Fit the default classifier; a fit of one epoch before it loads what is loaded on first use."""
    cls = estimators(name).MLPClassifier
    warnings.simplefilter("ignore")  # not converged in 200 epochs, as the job says
    cls(max_iter=1, random_state=0).fit(X[:400], y[:400])
    model = cls(random_state=0, max_iter=20 if quick else 200)
    seconds, _ = timed(lambda: model.fit(X, y))
    return Outcome(seconds, f"{model.n_iter_} epochs, training accuracy {model.score(X, y):.4f}")


def fit_digits(name: str) -> Callable[[bool], Outcome]:
    """Fit `MLPClassifier()` on the digits, scaled to 0 to 1."""

    def run(quick: bool) -> Outcome:
        from sklearn.datasets import load_digits  # noqa: PLC0415

        X, y = load_digits(return_X_y=True)
        return _fit(name, X / 16, y, quick)

    return run


def fit_table(name: str) -> Callable[[bool], Outcome]:
    """Fit `MLPClassifier()` on 100,000 rows of 50 columns."""

    def run(quick: bool) -> Outcome:
        from sklearn.datasets import make_classification  # noqa: PLC0415

        rows = 10_000 if quick else 100_000
        X, y = make_classification(rows, 50, n_informative=20, n_classes=3, random_state=0)
        return _fit(name, X, y, quick)

    return run


def grid_search(name: str) -> Callable[[bool], Outcome]:
    """Search 16 settings by 5 folds on the digits, two processes at a time."""

    def run(quick: bool) -> Outcome:
        from sklearn.datasets import load_digits  # noqa: PLC0415
        from sklearn.model_selection import GridSearchCV  # noqa: PLC0415

        X, y = load_digits(return_X_y=True)
        X, y = (X[:300] / 16, y[:300]) if quick else (X / 16, y)
        grid = {
            "hidden_layer_sizes": [(32,), (64,), (100,), (64, 32)],
            "alpha": [1e-4, 1e-2],
            "learning_rate_init": [1e-3, 3e-3],
        }
        model = estimators(name).MLPClassifier(random_state=0, max_iter=5 if quick else 100)
        warnings.simplefilter("ignore")
        search = GridSearchCV(model, grid, cv=5, n_jobs=2)
        seconds, _ = timed(lambda: search.fit(X, y))
        return Outcome(seconds, f"best score {search.best_score_:.4f}")

    return run


# ------------------------------------------------------------------------------------------------------- predictions


def _predictor(name: str) -> Callable[[Any], Any]:
    """Give a function from rows to probabilities of the network 64-128-10, with the same weights everywhere."""
    problem = problem_of(PREDICTING)
    if name in {"backlit", "backlit plain"}:
        from bench.peers.backlit_peer import network_of  # noqa: PLC0415

        network = network_of(PREDICTING)
        for key, weight in zip(network, problem.weights, strict=True):
            network[key] = weight
        return lambda X: network.predict(X, compiled=name == "backlit")
    if name == "numpy loop":
        from bench.peers import numpy_loop  # noqa: PLC0415

        layers = numpy_loop.layers_of(PREDICTING, problem.weights)
        return lambda X: numpy_loop.forward(PREDICTING, layers, X)[0]
    if name == "scikit-learn":
        from bench.peers.sklearn_peer import ScikitLearn  # noqa: PLC0415

        sklearn = ScikitLearn(PREDICTING, problem)
        sklearn.reset()
        return sklearn.model.predict_proba  # type: ignore[no-any-return]
    return _framework(name, problem)


def _framework(name: str, problem: Any) -> Callable[[Any], Any]:
    if name == "torch":
        import torch  # noqa: PLC0415

        from bench.peers.torch_peer import Eager  # noqa: PLC0415

        eager = Eager(PREDICTING, problem)
        eager.reset()

        def predict(X: Any) -> Any:
            with torch.inference_mode():
                return torch.softmax(eager.model(torch.from_numpy(X)), 1).numpy()

        return predict
    import jax  # noqa: PLC0415

    from bench.peers.numpy_loop import layers_of  # noqa: PLC0415

    layers = [[jax.numpy.asarray(array) for array in layer] for layer in layers_of(PREDICTING, problem.weights)]

    def forward(X: Any) -> Any:
        return jax.nn.softmax(jax.nn.relu(X @ layers[0][0] + layers[0][1]) @ layers[1][0] + layers[1][1])

    compiled = jax.jit(forward)
    return lambda X: np.asarray(compiled(X))


def predict_one(name: str) -> Callable[[bool], Outcome]:
    """Predict one row, again and again, and give the median of the calls."""

    def run(quick: bool) -> Outcome:
        predict, X = _predictor(name), problem_of(PREDICTING).X[:1].copy()
        for _ in range(20):
            predict(X)
        calls = sorted(timed(lambda: predict(X))[0] for _ in range(200 if quick else 2_000))
        return Outcome(calls[len(calls) // 2])

    return run


def predict_many(name: str) -> Callable[[bool], Outcome]:
    """Predict a million rows in one call."""

    def run(quick: bool) -> Outcome:
        rows = 100_000 if quick else 1_000_000
        X = np.random.default_rng(0).normal(size=(rows, 64)).astype(np.float32)
        predict = _predictor(name)
        predict(X)
        return Outcome(min(timed(lambda: predict(X))[0] for _ in range(3)))

    return run


# -------------------------------------------------------------------------------------------------- start and memory


def import_of(module: str) -> Callable[[bool], Outcome]:
    """Import a package in a fresh process and give the CPU time of the import."""

    def run(quick: bool) -> Outcome:
        code = f"import time; t = time.process_time(); import {module}; print(time.process_time() - t)"
        return Outcome(float(_python(code)[1]))

    return run


def _one_epoch(peer: str, row: str = "64-128-10") -> str:
    """Give code that trains a row's network for one epoch."""
    return (
        f"from bench.peers import load; from bench.workloads import BY_NAME, problem_of; w = BY_NAME[{row!r}]"
        f".shortened(1000); p = load({peer!r}, layered=bool(w.layers))(w, problem_of(w)); p.reset(); p.train()"
    )


def first_epoch(peer: str, cold: bool = False) -> Callable[[bool], Outcome]:
    """Start a process that trains 64-128-10 for one epoch, and give the time from its start to that epoch's end."""
    code = _one_epoch(peer)

    def run(quick: bool) -> Outcome:
        if not cold:
            _python(code)
            return Outcome(_python(code)[0])
        return Outcome(_cold(code))

    return run


def more_than_dense(row: str) -> Callable[[bool], Outcome]:
    """Start with empty caches, and give how much longer than with 64-128-10 it takes with a row's network."""

    def run(quick: bool) -> Outcome:
        dense, other = _cold(_one_epoch("backlit")), _cold(_one_epoch("backlit", row))
        return Outcome(max(0.0, other - dense), f"{other:.2f} s, and 64-128-10 {dense:.2f} s")

    return run


def _cold(code: str) -> float:
    """Give the seconds that code takes in a new process without code in the cache."""
    import tempfile  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder:
        return _python(code, BACKLIT_CACHE_DIR=folder)[0]


def _python(code: str, **environment: str) -> tuple[float, str]:
    """Run Python code in a new process; give its seconds and what it printed."""
    import os  # noqa: PLC0415
    import subprocess  # noqa: PLC0415

    began = now()
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | environment, capture_output=True, text=True, check=False
    )
    seconds = now() - began
    if done.returncode:
        raise CannotError((done.stderr.strip().splitlines() or ["it failed"])[-1])
    return seconds, done.stdout


def _status(field: str) -> int:
    """Give a number of kB that Linux keeps about this process."""
    path = Path("/proc/self/status")
    if not path.exists():
        raise CannotError("memory is read from /proc, which this system does not have")
    line = next(line for line in path.read_text().splitlines() if line.startswith(field + ":"))
    return int(line.split()[1])


def _reset_peak() -> int:
    """Reset the peak of the memory, which drawing the data has raised; give the memory now, in kB."""
    now = _status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    return now


def memory(peer: str) -> Callable[[bool], Outcome]:
    """Train on 400,000 rows of 50 columns in one batch; give the memory this takes beyond the rows themselves."""

    def run(quick: bool) -> Outcome:
        from bench.peers import load  # noqa: PLC0415
        from bench.workloads import Workload  # noqa: PLC0415

        def workload(rows: int) -> Workload:
            return Workload(
                "memory",
                (50, 64, 1),
                "relu",
                "identity",
                "half_squared_error",
                rows,
                rows,
                2,
                "sgd",
                0.01,
                "float32",
                "job",
            )

        def train(rows: int) -> None:
            trained = load(peer)(workload(rows), problem_of(workload(rows)))
            trained.reset()
            trained.train()

        train(1_000)
        large = workload(40_000 if quick else 400_000)
        made = load(peer)(large, problem_of(large))
        made.reset()
        before = _reset_peak()
        made.train()
        return Outcome((_status("VmHWM") - before) / 1024)

    return run


OTHERS = ("scikit-learn", "torch", "jax", "numpy loop")
PREDICTORS = ("backlit", *OTHERS)
FITTERS = ("backlit", "scikit-learn")
MODULES = {
    "backlit": "backlit",
    "scikit-learn": "sklearn.neural_network",
    "torch": "torch",
    "jax": "jax",
    "numpy loop": "numpy",
}

JOBS = (
    Job("fit digits", "MLPClassifier() on the digits", {n: fit_digits(n) for n in FITTERS}, repeats=5),
    Job("fit table", "MLPClassifier() on 100,000 × 50", {n: fit_table(n) for n in FITTERS}, repeats=1),
    Job("grid search", "16 settings × 5 folds on the digits", {n: grid_search(n) for n in FITTERS}, repeats=1),
    Job("predict 1 row", "one row through 64-128-10", {n: predict_one(n) for n in PREDICTORS}),
    Job("predict 1M rows", "1,000,000 rows through 64-128-10", {n: predict_many(n) for n in PREDICTORS}, repeats=3),
    Job(
        "start cold", "process start to the end of the first epoch, first time ever",
        {"backlit": first_epoch("backlit", cold=True)}, repeats=3,
    ),
    Job(
        "start cold, conv", "seconds more of the first start, with convolution and pooling",
        {"backlit": more_than_dense("digits cnn")}, repeats=3,
    ),
    Job(
        "start cold, gru", "seconds more of the first start, with a GRU",
        {"backlit": more_than_dense("gru")}, repeats=3,
    ),
    Job(
        "start warm", "process start to the end of the first epoch, caches warm",
        {n: first_epoch(n) for n in ("backlit", *OTHERS)}, repeats=5,
    ),
    Job("import", "import, CPU time", {n: import_of(module) for n, module in MODULES.items()}),
    Job(
        "memory", "memory of a full batch of 400,000 × 50 beyond the data",
        {n: memory(n) for n in ("backlit", *OTHERS)}, "MiB", repeats=1,
    ),
)  # fmt: skip

JOBS_BY_NAME = {job.name: job for job in JOBS}


def outcome(job: Job, contender: str, quick: bool) -> Outcome:
    """Do one job for one contender; a failure is an outcome too, with its reason."""
    try:
        return job.contenders[contender](quick)
    except CannotError as error:
        return Outcome(cannot=str(error))
    except Exception as error:  # noqa: BLE001  (to be printed with its reason)
        return Outcome(cannot=f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")


if __name__ == "__main__":
    found = outcome(JOBS_BY_NAME[sys.argv[1]], sys.argv[2], "--quick" in sys.argv[3:])
    sys.stdout.write("\n" + msgspec.json.encode(found).decode() + "\n")
