"""The benchmark's own checks: the same work is done, and results become tables and a chart. No test asserts a time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as Xml

import msgspec
import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from bench import chart, picture, table
from bench.jobs import Outcome
from bench.peers import load
from bench.peers.backlit_peer import Compiled, Plain
from bench.peers.base import CannotError
from bench.peers.numpy_loop import NumPyLoop, loss_of, reference_loss
from bench.results import Machine, Measurement, Results, Row
from bench.rounds import agrees
from bench.workloads import BY_NAME, WORKLOADS, problem_of

SMALL = [w.shortened(1_000).without_dropout() for w in WORKLOADS if w.multiply_adds < 100_000_000 and not w.layers]
LAYERED = [msgspec.structs.replace(w, rows=3 * w.batch, epochs=1) for w in WORKLOADS if w.layers]


def trained_loss(cls, workload, problem):
    peer = cls(workload, problem)
    peer.reset()
    peer.train()
    return loss_of(workload, problem, peer.weights())


@pytest.mark.parametrize("workload", SMALL, ids=lambda w: w.name)
@pytest.mark.parametrize("cls", [NumPyLoop, Compiled])
def test_everyone_reaches_the_reference(cls, workload):
    problem = problem_of(workload)
    assert agrees(workload, trained_loss(cls, workload, problem), reference_loss(workload, problem))


def test_the_plain_machine_reaches_it_too():
    workload = BY_NAME["2-4-1"].shortened(100)
    problem = problem_of(workload)
    assert agrees(workload, trained_loss(Plain, workload, problem), reference_loss(workload, problem))


@pytest.mark.parametrize("workload", LAYERED, ids=lambda w: w.name)
def test_everyone_reaches_it_with_other_layers(workload):
    pytest.importorskip("torch", reason="PyTorch is the reference")
    problem = problem_of(workload)
    reference = reference_loss(workload, problem)
    assert abs(reference - loss_of(workload, problem, problem.weights)) > 1e-4  # the updates can be told from none
    assert trained_loss(load("torch", layered=True), workload, problem) == pytest.approx(reference, rel=1e-4)
    assert trained_loss(load("backlit", layered=True), workload, problem) == pytest.approx(reference, rel=1e-4)


@pytest.mark.parametrize("name", ["digits cnn", "gru", "lstm", "embedding"])
def test_jax_reaches_it_too(name):
    pytest.importorskip("torch", reason="PyTorch is the reference")
    pytest.importorskip("optax", reason="JAX's peer needs optax")
    workload = next(w for w in LAYERED if w.name == name)
    problem = problem_of(workload)
    loss = trained_loss(load("jax", layered=True), workload, problem)
    assert loss == pytest.approx(reference_loss(workload, problem), rel=1e-4)


def test_the_products_of_other_layers_are_counted():
    """LeNet on one picture: 117,600 and 240,000 multiply-adds of filters, then 48,000, 10,080 and 840."""
    workload = BY_NAME["lenet 1"]
    forward = [n * k * m for kind, n, k, m in workload.products if kind == "nn"]
    assert forward == [117_600, 240_000, 48_000, 10_080, 840]
    assert workload.multiply_adds == 3 * sum(forward) - 117_600


@pytest.mark.parametrize("name", ["scikit-learn", "numpy loop", "by hand", "backlit plain"])
def test_who_has_dense_layers_only_says_so(name):
    with pytest.raises(CannotError):
        load(name, layered=True)


@pytest.mark.parametrize("change", [{"rate": 0.09}, {"batch": 2}, {"epochs": 19}, {"divide": "rows"}])
def test_other_work_is_noticed(change):
    workload = BY_NAME["2-4-1"].shortened(100)
    problem = problem_of(workload)
    other = msgspec.structs.replace(workload, **change)
    loss = trained_loss(NumPyLoop, other, msgspec.structs.replace(problem, orders=problem_of(other).orders))
    assert not agrees(workload, loss, reference_loss(workload, problem))


def test_scikit_learn_is_held_to_its_own_form_of_adam():
    from bench.peers.sklearn_peer import ScikitLearn

    workload = BY_NAME["64-128-10 f64"].shortened(1_000)
    problem = problem_of(workload)
    loss = trained_loss(ScikitLearn, workload, problem)
    assert agrees(workload, loss, reference_loss(workload, problem, epsilon_hat=True))
    assert not agrees(workload, loss, reference_loss(workload, problem))


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="memory is read from Linux's /proc")
def test_memory_is_seen():
    """The loop holds at least the two float32 matrices of 64 hidden units that backward needs, for 40,000 rows."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.jobs", "memory", "numpy loop", "--quick"],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True,
    )  # fmt: skip
    outcome = msgspec.json.decode(done.stdout.strip().splitlines()[-1], type=Outcome)
    assert outcome.value is not None, outcome.cannot
    assert outcome.value > 2 * 40_000 * 64 * 4 / 2**20


def sample() -> Results:
    measurements = [
        Measurement("backlit", [2e-6, 2.2e-6, 2.1e-6], 2e-6, loss=0.5, agrees=True),
        Measurement("torch", [4e-4, 4e-4, 4e-4], 4e-4, 2, 0.7, agrees=False),
        Measurement("jax", [1e-6, 1e-6, 1e-6], 1e-6, loss=0.5, agrees=True),
        Measurement("products (own)", [1e-6, 1e-6, 1e-6], 1e-6),
    ]
    rows = [Row("2-2-2", "tiny", "small", "s/step", measurements, {"scikit-learn": "cannot"}, 20, reference=0.5)]
    return Results(Machine("a processor", 2, "Linux", "3.11", {"numpy": "2"}, 1.0, 2.0), 3, False, rows)


def test_results_survive_json():
    results = sample()
    assert msgspec.json.decode(msgspec.json.encode(results), type=Results) == results


def test_the_table_shows_losing_rows_and_differing_work():
    head, lines = table.grid(sample())
    text = table.markdown(head, lines)
    assert {line.count("|") for line in text.splitlines()} == {len(head) + 1}
    assert "0.48×" in text  # Backlit loses, and it says so
    assert "400 µs ±0% ·2 ≠" in text
    assert ("2-2-2", "faster than the best peer", "≥ 3", "0.476", "missed") in table.verdicts(sample())
    assert any("cannot" in note for note in table.notes(sample()))


def test_the_chart_is_svg_with_a_dot_per_peer():
    root = Xml.fromstring(chart.draw(sample()))
    titles = [dot.findtext("{*}title") for dot in root.iter("{http://www.w3.org/2000/svg}circle")]
    assert [title for title in titles if title] == [
        "torch: 190.48 times Backlit's time",
        "jax: 0.48 times Backlit's time",
    ]


PICTURES = Path(__file__).parents[2] / "docs" / "pictures"


def test_the_picture_of_an_example_is_the_one_that_the_command_writes():
    assert (PICTURES / "two-layer.svg").read_text(encoding="utf-8") == picture.two_layer()


@pytest.mark.parametrize("name", ["valley", "boundary"])
def test_the_picture_of_a_training_says_what_the_command_says(name):
    """Its lines may differ by what the rounding of another processor makes of a training."""
    committed, drawn = (PICTURES / f"{name}.svg").read_text(encoding="utf-8"), picture.PICTURES[name]()
    assert words_of(committed) == words_of(drawn)


def words_of(svg: str) -> list[str]:
    """Give the texts of a drawing that are no numbers."""
    texts = ["".join(part.itertext()) for part in Xml.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]
    return [text for text in texts if any(character.isalpha() for character in text)]
