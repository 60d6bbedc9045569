"""The troubles of training as demos: each trouble is there, each cure works, and the words of the files are true."""

from __future__ import annotations

import functools
import json
import math
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pytest

import backlit as bl
from backlit.examples import example_file, read_network_file, train_example
from backlit.examples.measuring import baseline_error
from backlit.show.demo.trouble_figures import signal_of_layers

TROUBLES = {
    "vanishing": {"sigmoid": "BL303"},
    "exploding": {"weights x 4": "BL304"},
    "overfitting": {"plain": "BL502"},
    "rate": {"too small": "BL401", "too large": "BL402"},
    "dead-relu": {"biases -5": "BL305"},
}
"""Which runs have which trouble."""


@functools.cache
def demo(name: str) -> Any:
    return bl.demo(name)


@functools.cache
def trained(name: str) -> Any:
    return train_example(name)


def runs(name: str) -> dict[str, Any]:
    return {run.name: run for run in demo(name).run.runs}


def found(name: str) -> dict[str, Any]:
    return {run.name: run for run in demo(name).run.trouble.runs}


def network(name: str, run: str, *, first: bool = False) -> Any:
    setups = [setup.name for setup in trained(name).file.setups]
    place = setups.index(run)
    return trained(name).file.setups[place].build() if first else trained(name).networks[place]


def rows(name: str) -> Any:
    return trained(name).file.setups[0].all_rows()


# -------------------------------------------------------------------------------------------- the trouble and its cures


@pytest.mark.parametrize("name", TROUBLES)
def test_the_diagnosis_finds_the_trouble_and_only_runs_with_one_are_diagnosed(name: str) -> None:
    assert {run.name: run.code for run in found(name).values() if run.code} == TROUBLES[name]
    for run in found(name).values():
        assert (run.diagnosis is not None) == bool(run.code)
        if run.code:
            assert run.diagnosis.harmed
            assert run.code in [finding.code for finding in run.diagnosis.findings]


@pytest.mark.parametrize("name", TROUBLES)
def test_every_cure_is_better_on_the_validation_rows_than_every_trouble(name: str) -> None:
    sick = [run.end.validation_error for run in runs(name).values() if run.name in TROUBLES[name]]
    cured = [run.end.validation_error for run in runs(name).values() if run.name not in TROUBLES[name]]
    assert cured
    assert max(cured) < 0.75 * min(sick)


@pytest.mark.parametrize("name", TROUBLES)
def test_a_diagnosis_of_the_cures_does_not_find_the_trouble(name: str) -> None:
    for setup, training in zip(trained(name).file.setups, trained(name).trainings, strict=True):
        if setup.name not in TROUBLES[name]:
            codes = {finding.code for finding in bl.diagnose(training).findings}
            assert not codes & set(TROUBLES[name].values()), setup.name


@pytest.mark.parametrize("name", ["vanishing", "rate", "dead-relu"])
def test_a_trouble_sits_at_the_baseline(name: str) -> None:
    baseline = demo(name).run.trouble.baseline
    stuck = {"vanishing": "sigmoid", "rate": "too large", "dead-relu": "biases -5"}[name]
    assert runs(name)[stuck].end.error == pytest.approx(baseline, abs=0.003)
    assert runs(name)[stuck].end.validation_accuracy <= 0.4


def test_the_baseline_is_that_of_the_mean_target() -> None:
    counts = rows("vanishing").training[1].mean(axis=0)
    assert demo("vanishing").run.trouble.baseline == pytest.approx(-(counts * np.log(counts)).sum(), rel=1e-12)
    assert demo("vanishing").run.trouble.baseline == pytest.approx(math.log(3), abs=0.01)
    assert demo("overfitting").run.trouble.baseline == pytest.approx(rows("overfitting").training[1].var(), rel=1e-12)
    assert baseline_error(read_network_file(example_file("two-layer")).setups[0]) == pytest.approx(0.0, abs=1e-15)


@pytest.mark.parametrize(
    ("loss", "targets", "expected"),
    [
        ("binary_cross_entropy", [0, 1, 1, 1], -(0.25 * math.log(0.25) + 0.75 * math.log(0.75))),
        ("binary_cross_entropy", [1, 1, 1, 1], None),
        ("mae", [0, 1, 1, 1], None),
    ],
)
def test_a_loss_without_such_a_baseline_has_none(tmp_path: Any, loss: str, targets: list[int], expected: Any) -> None:
    (tmp_path / "mine.toml").write_text(
        f'[network]\ninputs = 1\nloss = "{loss}"\n[[network.layers]]\nunits = 1\nactivation = "sigmoid"\n'
        f"[data]\ninputs = [[0], [1], [2], [3]]\ntargets = {targets}\n"
    )
    assert baseline_error(read_network_file(tmp_path / "mine.toml").setups[0]) == (
        expected if expected is None else pytest.approx(expected)
    )


@pytest.mark.parametrize("name", TROUBLES)
def test_the_errors_are_those_of_the_trained_networks(name: str) -> None:
    """With batch normalization too: the statistics of the network that is measured are those of the training."""
    for run, setup, net in zip(demo(name).run.runs, trained(name).file.setups, trained(name).networks, strict=True):
        rows_of = setup.all_rows()
        assert run.end.error == pytest.approx(net.evaluate(*rows_of.training).loss, rel=1e-12)
        assert run.end.validation_error == pytest.approx(net.evaluate(*rows_of.validation).loss, rel=1e-12)


def test_a_code_that_no_finding_has_is_refused(tmp_path: Any) -> None:
    text = example_file("dead-relu").read_text(encoding="utf-8").replace('"BL305"', '"BL399"')
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    with pytest.raises(
        bl.BacklitError, match="trouble, findings, biases -5: no finding has the code 'BL399'; expected"
    ):
        bl.demo(tmp_path / "mine.toml", epochs=1)


@pytest.mark.parametrize("name", TROUBLES)
def test_no_remedy_is_named_twice(name: str) -> None:
    for run in found(name).values():
        for finding in run.diagnosis.findings if run.diagnosis else ():
            said = [(remedy.words, [change.words for change in remedy.changes]) for remedy in finding.remedies]
            assert all(one not in said[:k] for k, one in enumerate(said)), finding.code


# ---------------------------------------------------------------------------------------- the words are true: vanishing


def test_the_gradient_of_ten_sigmoid_layers_shrinks_from_layer_to_layer() -> None:
    layers = found("vanishing")["sigmoid"].signals.layers
    assert len(layers) == 11
    for place in (0, -1):
        norms = [signals["gradient_norm"][place] for signals in layers.values()]
        assert all(before < after for before, after in pairwise(norms))
        assert norms[0] / norms[-1] < 1e-5
        assert signal_of_layers(found("vanishing")["sigmoid"], "gradient_norm", "first / last", place) < 1e-5


def test_the_gradient_of_the_cured_networks_does_not() -> None:
    for name in ("relu", "batch norm"):
        run = found("vanishing")[name]
        assert len(run.signals.layers) == 11  # those of the weights; batch normalization has two parameters of its own
        for place in (0, -1):
            assert 0.1 < signal_of_layers(run, "gradient_norm", "first / last", place) < 10.0
        assert runs("vanishing")[name].end.validation_accuracy > 0.9


# ------------------------------------------------------------------------------------------------------------ exploding


def test_weights_four_times_too_large_give_sixteen_times_the_answer() -> None:
    X, _ = rows("exploding").training
    large = network("exploding", "weights x 4", first=True)
    smaller = large.copy()
    for layer in ("1.W", "2.W"):
        assert large[layer].std() == pytest.approx(4.0 * math.sqrt(2.0 / len(large[layer])), rel=0.1)
        smaller[layer] = large[layer] / 4.0
    assert large.predict(X) == pytest.approx(16.0 * smaller.predict(X), rel=1e-9)


def test_the_gradient_grows_in_every_layer_and_the_training_diverges() -> None:
    run, of_layers = runs("exploding")["weights x 4"], found("exploding")["weights x 4"].signals.layers
    assert run.stopped.startswith("diverged")
    assert run.warnings
    assert run.errors[-1].error > 1e40
    setup = trained("exploding").file.setups[0]
    begun = setup.training(setup.build(), optimizer=bl.SGD(1e-12), epochs=1).run().signals
    for label, signals in of_layers.items():
        assert signals["gradient_norm"][-1] > 1e6 * begun.of("gradient_norm", label)[0]


def test_the_explosion_takes_five_updates_and_every_layer_is_too_long_before_it() -> None:
    setup = trained("exploding").file.setups[0]
    assert len(setup.rows()[0]) == 5 * setup.training(setup.build()).batch_size
    assert [at.epoch for at in runs("exploding")["weights x 4"].errors] == [0, 1]
    assert found("exploding")["weights x 4"].signals.numbers == (1,)
    large, usual = (network("exploding", name, first=True).gradient(*setup.rows()) for name in
                    ("weights x 4", "usual weights"))  # fmt: skip
    for layer in ("1.W", "2.W", "3.W"):
        assert np.linalg.norm(large[layer]) > 10.0 * np.linalg.norm(usual[layer])


def test_clipping_needs_time_and_ends_well_below_the_baseline() -> None:
    clipped, usual = (runs("exploding")[name] for name in ("clipped", "usual weights"))
    assert clipped.end.validation_error < 0.75
    assert usual.end.validation_error < clipped.end.validation_error
    at = {run.name: next(error.epoch for error in run.errors if error.error < 1.0) for run in (clipped, usual)}
    assert at["clipped"] > 5 * at["usual weights"]
    for name in ("clipped", "usual weights"):
        first, last = (signal_of_layers(found("exploding")[name], "gradient_norm", "largest", k) for k in (0, -1))
        assert last < first / 3
    assert signal_of_layers(found("exploding")["clipped"], "gradient_norm", "largest", 0) > 3.0  # before it is clipped


# ---------------------------------------------------------------------------------------------------------- overfitting


def test_the_validation_error_falls_and_rises_again() -> None:
    errors = [at.validation_error for at in runs("overfitting")["plain"].errors]
    lowest = int(np.argmin(errors))
    assert 0 < lowest < len(errors) // 3
    assert errors[-1] > 3.0 * errors[lowest]
    assert runs("overfitting")["plain"].end.error < 0.25 * errors[lowest]


def test_most_rows_are_met_and_an_error_below_the_noise_is_luck() -> None:
    X, Y = rows("overfitting").training
    met = np.abs(network("overfitting", "plain").predict(X) - Y) < 0.1
    assert met.mean() > 0.5
    assert runs("overfitting")["early stop"].end.validation_error < 0.16
    X, _ = rows("overfitting").validation
    assert len(X) == 100


def test_the_rows_are_a_curve_with_noise() -> None:
    for X, Y in (rows("overfitting").training, rows("overfitting").validation):
        assert (Y - np.tanh(2.0 * X)).var() == pytest.approx(0.4**2, rel=0.35)
    assert [len(X) for X, _ in rows("overfitting")] == [30, 100, 0]


def test_the_cures_of_overfitting_have_a_higher_training_error() -> None:
    plain = runs("overfitting")["plain"].end.error
    for name in ("dropout", "penalty", "early stop"):
        assert runs("overfitting")[name].end.error > 2.0 * plain


def test_an_early_stop_keeps_the_weights_of_its_best_epoch() -> None:
    run = runs("overfitting")["early stop"]
    assert run.epochs == run.kept.epoch + 100 < 2000
    assert run.stopped == "no better validation loss in 100 epochs"
    assert run.errors[-1].epoch == run.epochs
    assert run.kept.validation_error < run.errors[-1].validation_error
    X, Y = rows("overfitting").validation
    assert network("overfitting", "early stop").evaluate(X, Y).loss == pytest.approx(run.kept.validation_error)
    assert f"the weights are those of epoch {run.kept.epoch}" in " ".join(str(demo("overfitting")).split())


def test_the_answers_are_those_of_the_networks() -> None:
    for name, run in found("overfitting").items():
        x, y = np.array(run.answers).T
        assert network("overfitting", name).predict(x[:, None])[:, 0] == pytest.approx(y, rel=1e-9)


# ----------------------------------------------------------------------------------------------- the rate and dead ReLU


def test_a_small_rate_is_on_its_way_and_a_large_one_answers_nearly_the_same_to_all() -> None:
    small, good, large = (runs("rate")[name] for name in ("too small", "good", "too large"))
    assert all(after.error < before.error for before, after in pairwise(small.errors))
    assert small.end.validation_accuracy < 0.8
    assert good.end.validation_accuracy > 0.95
    X, _ = rows("rate").training
    assert network("rate", "too large").predict(X).std(axis=0).max() < 0.15
    assert network("rate", "good").predict(X).std(axis=0).min() > 0.4
    assert large.errors[1].error > large.errors[0].error


def test_the_size_of_an_update_tells_the_rates_apart_in_the_first_epoch() -> None:
    ratios = [
        signal_of_layers(found("rate")[name], "update_ratio", "largest", 0)
        for name in ("too small", "good", "too large")
    ]
    assert ratios[0] < 0.001 < ratios[1] < 0.1 < ratios[2]
    small, good, _ = (signal_of_layers(found("rate")[name], "update_ratio", "largest", -1)
                      for name in ("too small", "good", "too large"))  # fmt: skip
    assert 0.5 < small / good < 2.0  # in the last epoch it does not tell them apart


def test_too_large_a_rate_leaves_nearly_all_units_of_the_second_layer_dead() -> None:
    X, _ = rows("rate").training
    large = network("rate", "too large")
    h = np.maximum(X @ large["1.W"] + large["1.b"], 0.0) @ large["2.W"] + large["2.b"]
    assert (h > 0.0).any(axis=0).sum() <= 4
    assert (h > 0.0).mean() < 0.02


def test_units_with_low_biases_are_off_for_every_row_and_stay_so() -> None:
    signals = found("dead-relu")["biases -5"].signals.layers
    assert [layer["dead"][-1] for layer in signals.values()] == [1.0, 1.0, None]
    X, _ = rows("dead-relu").training
    dead = network("dead-relu", "biases -5")
    z = X @ dead["1.W"] + dead["1.b"]
    assert sorted((z > 0.0).sum(axis=0))[-2:] == [0, 2]  # one unit, on for two of the 120 wines
    assert not (np.maximum(z, 0.0) @ dead["2.W"] + dead["2.b"] > 0.0).any()
    begun = network("dead-relu", "biases -5", first=True)
    assert all(np.array_equal(dead[name], begun[name]) for name in ("1.W", "1.b", "2.W", "2.b"))  # none ever learned


def test_about_half_of_the_units_are_on_with_biases_of_0_and_each_for_some_rows() -> None:
    X, _ = rows("dead-relu").training
    usual = network("dead-relu", "usual biases", first=True)
    z = X @ usual["1.W"] + usual["1.b"]
    h = np.maximum(z, 0.0) @ usual["2.W"] + usual["2.b"]
    for sums in (z, h):
        assert 0.4 < (sums > 0.0).mean() < 0.65
        assert (sums > 0.0).any(axis=0).all()
    assert signal_of_layers(found("dead-relu")["usual biases"], "dead", "largest", 0) == 0.0
    assert signal_of_layers(found("dead-relu")["leaky relu"], "dead", "largest", 0) is None


# ---------------------------------------------------------------------------------------------------------- the records


@pytest.mark.parametrize("name", TROUBLES)
def test_the_json_has_the_finding_the_signals_and_the_runs(name: str) -> None:
    given = json.loads(demo(name).to_json())
    trouble = given["trouble"]
    assert trouble["table"]["findings"] == TROUBLES[name]
    for run in trouble["runs"]:
        assert run["signals"]["numbers"]
        codes = [finding["code"] for finding in (run["diagnosis"] or {"findings": []})["findings"]]
        assert (run["code"] in codes) == bool(run["code"])
    assert {"validation_error", "validation_accuracy"} <= set(given["runs"][0]["errors"][0])


def test_the_same_trouble_gives_the_same_bytes_but_for_times() -> None:
    def timeless(run: Any) -> Any:
        return msgspec.structs.replace(
            run, diagnosis=run.diagnosis and msgspec.structs.replace(run.diagnosis, seconds=0.0)
        )

    again = bl.demo("dead-relu").run.trouble
    assert list(map(timeless, again.runs)) == list(map(timeless, demo("dead-relu").run.trouble.runs))


@pytest.mark.parametrize("epochs", [0, 1, 3])
@pytest.mark.parametrize("name", ["vanishing", "overfitting"])
def test_few_epochs_have_a_demo_too(name: str, epochs: int) -> None:
    text = str(bl.demo(name, epochs=epochs))
    if not epochs:
        assert "no training, no diagnosis" in text
        assert "no epoch was measured" in text or name == "overfitting"
