"""Checked work of all kinds, written by hand: every verdict, ties, several steps, long names, many numbers, markup."""

from __future__ import annotations

import functools
from typing import Any

import msgspec

import backlit as bl
from backlit.check.records import CheckedNumber, CheckedWork, Fit, Verdict
from backlit.explain import Record

SLOPE = Fit(
    "slope-left-out", "the activation's slope is left out",
    "E changes with net through out, so dE/dout is multiplied by the slope dout/dnet.", "dE/dnet(h1)",
    "dE/dnet(h1) = dE/dout(h1) = 0.0364 = 0.0364", explains=2, of=2,
)  # fmt: skip
WEIGHT = Fit(
    "wrong-edge", "the weight of another edge is used", "The slope comes back along the edges that leave the unit.",
    "dE/dout(h1)", "dE/dout(h1) = dE/dnet(o1) · w6 + dE/dnet(o2) · w7 = 0.1385 · 0.45 + -0.0381 · 0.5 = 0.0433",
    detail="with w6 in place of w5",
)  # fmt: skip
UPDATED = Fit(
    "updated-weights", "the slopes are taken with weights that are already updated",
    "All slopes belong to the weights of the forward pass; the update comes last.", "dE/dout(h1)",
    "dE/dout(h1) = dE/dnet(o1) · w5+ + dE/dnet(o2) · w7+ = 0.1385 · 0.3589 + -0.0381 · 0.5113 = 0.0433",
)  # fmt: skip


def number(
    name: str, given: str, verdict: Verdict = "right", follows: str = "", key: str = "", phase: str = "backward",
    **more: Any,
) -> CheckedNumber:  # fmt: skip
    """Give a number; without more it is right, and its own key."""
    follows = follows or f"{given}1"
    record = more.pop("record", name)
    return CheckedNumber(name, record, more.pop("step", 1), phase, given, verdict, follows, key or follows,
                         more.pop("allowed", 5e-5), **more)  # fmt: skip


FORWARD = (
    number("net(h1)", "0.3775", follows="0.37750", phase="forward"),
    number("out(h1)", "0.5933", follows="0.59327", phase="forward"),
    number("net(o1)", "1.1059", follows="1.10591", phase="forward"),
    number("out(o1)", "0.7513", follows="0.75133", phase="forward"),
    number("E", "0.2984", follows="0.29837", phase="error"),
)
WRONG = number(
    "dE/dnet(h1)", "0.0364", "wrong", "0.00878", "0.00877",
    fits=(SLOPE,),
    line="dE/dnet(h1) = dE/dout(h1) · out(h1) · (1 - out(h1)) = 0.0364 · 0.5933 · (1 - 0.5933) = 0.00878",
    right_line="dE/dnet(h1) = dE/dout(h1) · out(h1) · (1 - out(h1)) = 0.036350 · 0.593270 · (1 - 0.593270) = 0.008771",
)  # fmt: skip
EXPLAINED = number(
    "dE/dnet(h2)", "0.0414", "carried", "0.00996", "0.00995",
    line="dE/dnet(h2) = dE/dout(h2) · out(h2) · (1 - out(h2)) = 0.0414 · 0.5969 · (1 - 0.5969) = 0.00996",
    right_line="dE/dnet(h2) = dE/dout(h2) · out(h2) · (1 - out(h2)) = 0.0414 · 0.5969 · (1 - 0.5969) = 0.00996",
    explained_by="slope-left-out",
)  # fmt: skip
CARRIED = number("dE/dw1", "0.0018", "carried", "0.00182", "0.00044")
ONE_MISTAKE = CheckedWork(
    "Two layers of two sigmoid units", "Ada", (*FORWARD, number("dE/dout(h1)", "0.0364", follows="0.03635"), WRONG,
                                               EXPLAINED, CARRIED,
                                               number("w5+", "0.3589", follows="0.35892", phase="update")),
)  # fmt: skip
TIE = CheckedWork(
    "Two layers of two sigmoid units", "",
    (*FORWARD, number(
        "dE/dout(h1)", "0.0433", "wrong", "0.03635", "0.03635", fits=(WEIGHT, UPDATED), tells="dE/dout(h2)",
        line="dE/dout(h1) = dE/dnet(o1) · w5 + dE/dnet(o2) · w7 = 0.1385 · 0.4 + -0.0381 · 0.5 = 0.03635",
        right_line="dE/dout(h1) = dE/dnet(o1) · w5 + dE/dnet(o2) · w7 = 0.1385 · 0.4 + -0.0381 · 0.5 = 0.03635"),
     number("dE/dnet(h1)", "0.0104", "carried", "0.01045", "0.00877")),
)  # fmt: skip
TOGETHER = CheckedWork(
    "Two layers of two sigmoid units", "",
    (number("w1+", "0.1541", "wrong", "0.14978", "0.14978", phase="update",
            fits=(Fit("other-error", "another unit's dE/dnet is taken", "Each weight has its own.", "dE/dout(h1)",
                      "dE/dout(h1) = dE/dnet(o2) · w5 + dE/dnet(o2) · w7 = -0.0381 · 0.4 - 0.0381 · 0.5 = -0.03429",
                      together=True, right="dE/dout(h1) = dE/dnet(o1) · w5 + dE/dnet(o2) · w7 = 0.1 · 0.4 = 0.03635"),
                  Fit("input-left-out", "the input is left out", "net changes by the input.", "dE/dw1",
                      "dE/dw1 = dE/dnet(h1) = 0.00877", together=True,
                      right="dE/dw1 = dE/dnet(h1) · i1 = 0.00877 · 0.05 = 4.3856e-4")),
            line="w1+ = w1 - η · dE/dw1 = 0.15 - 0.5 · 4.3856e-4 = 0.14978",
            right_line="w1+ = w1 - η · dE/dw1 = 0.15 - 0.5 · 4.3856e-4 = 0.14978"),),
)  # fmt: skip
UNKNOWN = CheckedWork(
    "Two layers of two sigmoid units", "",
    (*FORWARD, number(
        "dE/dnet(o1)", "0.4242", "wrong", "0.13850", "0.13850",
        line="dE/dnet(o1) = dE/dout(o1) · out(o1) · (1 - out(o1)) = 0.7413 · 0.7513 · (1 - 0.7513) = 0.13850"),
     number("dE/dw5", "0.0822", "wrong", "0.25168", "0.08217", line="dE/dw5 = dE/dnet(o1) · out(h1) = 0.25168",
            remark="it is the right one of the worked example, but does not follow from dE/dnet(o1) on the sheet")),
)  # fmt: skip
ON_THE_WAY = CheckedWork(
    "Two layers of two sigmoid units", "half of the lines",
    (*FORWARD[:2], number(
        "w1+", "0.1318", "wrong", "0.14978", "0.14978", phase="update",
        fits=(msgspec.structs.replace(
            SLOPE, right="dE/dnet(h1) = dE/dout(h1) · dout/dnet(h1) = 0.0364 · 0.2413 = 0.00877"),),
        line="w1+ = w1 - η · dE/dw1 = 0.15 - 0.5 · 0.00044 = 0.14978",
        right_line="w1+ = w1 - η · dE/dw1 = 0.15 - 0.5 · 0.00044 = 0.14978")),
)  # fmt: skip
ROUNDING = CheckedWork(
    "Two layers of two sigmoid units", "rounded",
    (number("net(h1)", "0.38", follows="0.378", phase="forward"),
     number("out(h1)", "0.5939", "rounded", "0.59387", "0.59327", phase="forward",
            remark="a number on the way was rounded to the sheet's digits"),
     number("net(o1)", "1.105", "truncated", "1.1059", "1.1059", phase="forward"),
     number("E", "0.298", "not tested", "0.2984", "0.2984", phase="error")),
)  # fmt: skip
ALL_RIGHT = CheckedWork("Two layers of two sigmoid units", "", FORWARD)
EMPTY = CheckedWork("Two layers of two sigmoid units", "", ())
DELTA = CheckedWork(
    "Two layers of two sigmoid units", "δ",
    (*FORWARD, number("δ(o1)", "-0.1385", record="dE/dnet(o1)", follows="-0.13850"),
     number("δ(h1)", "0.0088", "wrong", "-0.00877", record="dE/dnet(h1)", stands_for="-dE/dnet(h1)",
            fits=(Fit("sign-lost", "the sign of a number is lost", "A slope has a sign.", "dE/dnet(h1)",
                      "dE/dnet(h1) = 0.00877 = 0.0088"),),
            line="dE/dnet(h1) = dE/dout(h1) · out(h1) · (1 - out(h1)) = 0.0364 · 0.5933 · (1 - 0.5933) = 0.00878",
            right_line="dE/dnet(h1) = dE/dout(h1) · out(h1) · (1 - out(h1)) = 0.03635 · 0.5933 · 0.4067 = 0.00877")),
    notes=("δ is read as -dE/dnet", "the weights after the step are called w1' ... w8'"),
)  # fmt: skip
STEPS = CheckedWork(
    "One neuron, two steps", "",
    (number("w", "0.61", step=1, phase="update", follows="0.610"),
     number("w", "0.71", "wrong", "0.715", step=2, phase="update", fits=(UPDATED,), line="w+ = w - η · dE/dw = 0.715"),
     number("b", "0.20", "carried", "0.201", "0.202", step=2, phase="update")),
)  # fmt: skip
MARKUP = CheckedWork(
    "The [red]net[/red] of <b>Bob</b> & `co`", "[bold]sheet_1*",
    (number("net([red])", "0.3775", follows="0.37750", phase="forward"),
     number("net(<b>&)", "0.41", "wrong", "0.5271", "0.5271", phase="forward",
            fits=(Fit("bias-left-out", "the bias is <left> out & [b]gone[/b]", "net is a *sum* with the _bias_ | term.",
                      "net(<b>&)", "net(<b>&) = w(<b>,[red]) · i1 = 0.41"),),
            line="net(<b>&) = w(<b>,[red]) · i1 + b(<b>&) = 0.41 + 0.1171 = 0.5271",
            remark="see [link=x]here[/link] <script>alert(1)</script>")),
    notes=("<i>read</i> as [blue]said[/blue]",),
)  # fmt: skip
LONG = CheckedWork(
    "Irises, " + "with a very long title that goes on, " * 6, "",
    (number("net(petal length in centimetres of the iris, first hidden unit of the second layer)[row 12]", "0.3775",
            follows="0.37750", phase="forward"),
     number("dE/dw(petal length in centimetres of the iris,first hidden unit of the second layer)", "1.5e-7", "wrong",
            "3.512e-5", "3.513e-5",
            line="dE/dw(petal length in centimetres of the iris,first hidden unit of the second layer) = "
            + " + ".join(f"dE/dw[{k}]" for k in range(40)) + " = "
            + " + ".join(f"{k / 7e6:.3e}" for k in range(40)) + " = 3.512e-5"),
     number("net(層の名前)", "0.1", phase="forward"), number("net(\u202eabc\n)", "0.2", phase="forward")),
)  # fmt: skip
MANY = CheckedWork(
    "Five inputs, five hidden units, three outputs", "60 numbers",
    tuple(number(f"w(i{k % 5 + 1},h{k // 5 + 1})+", f"0.{1234 + k}",
                 ("wrong" if k in {20, 24, 31, 32, 45} else "carried" if k > 50 else "right"),
                 f"0.{k % 7 + 2}{1234 + k}", phase="forward" if k < 20 else "backward",
                 line=f"w(i{k % 5 + 1},h{k // 5 + 1})+ = a · b = 0.5 · 0.{k % 7 + 2}77 = 0.{k % 7 + 2}{1234 + k}")
          for k in range(60)),
)  # fmt: skip

SAMPLES = {
    "one mistake": ONE_MISTAKE, "tie": TIE, "together": TOGETHER, "unknown": UNKNOWN,
    "on the way": ON_THE_WAY, "rounding": ROUNDING, "all right": ALL_RIGHT, "empty": EMPTY, "delta": DELTA,
    "steps": STEPS, "markup": MARKUP, "long": LONG, "many": MANY,
}  # fmt: skip


@functools.cache
def example_records() -> tuple[Record, ...]:
    """Give a worked example's records of the numbers that are wrong in the samples."""
    network = bl.Network([bl.Dense(2, "sigmoid"), bl.Dense(2, "sigmoid")], inputs=2, seed=1)
    example = bl.explain(network, [[0.05, 0.1]], [[0.01, 0.99]])
    return tuple(record for record in example if record.name in {"dE/dnet(h1)", "dE/dnet(o1)", "dE/dout(h1)"})


def with_records(work: CheckedWork) -> CheckedWork:
    """Give checked work with a worked example's records of its wrong numbers."""
    return CheckedWork(work.title, work.sheet, work.numbers, work.notes, example_records())
