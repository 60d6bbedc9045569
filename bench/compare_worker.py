"""One row of the benchmark by Backlit, once, in a process of its own: `python -m bench.compare_worker ROW [--quick]`.

The package that is measured is the `backlit` first on PYTHONPATH. This file and what it imports from `bench` use its
public names only, so that one copy of the benchmark measures any commit that has them.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec

import msgspec

from bench.jobs import JOBS_BY_NAME, Outcome
from bench.jobs import outcome as outcome_of_job
from bench.peers import load
from bench.peers.base import CannotError
from bench.worker import prepare, run
from bench.workloads import BY_NAME

SECONDS = {False: 0.5, True: 0.05}
"""How long a workload is trained again and again, without and with `--quick`."""


def measured(name: str, quick: bool) -> Outcome:
    """Measure a workload or a job; a workload's number is its fastest call, in seconds per step."""
    spec, source = find_spec("backlit"), os.environ["PYTHONPATH"].split(os.pathsep)[0]
    if spec is None or not str(spec.origin).startswith(source):
        return Outcome(cannot=f"backlit is not imported from {source}")
    if name not in BY_NAME:
        return outcome_of_job(JOBS_BY_NAME[name], "backlit", quick)
    workload = BY_NAME[name].shortened(5) if quick else BY_NAME[name]
    try:
        answer = run(prepare(load("backlit", layered=bool(workload.layers)), workload)[0], SECONDS[quick])
    except CannotError as error:
        return Outcome(cannot=str(error))
    return Outcome(min(answer.steps), f"loss {answer.loss!r}")


if __name__ == "__main__":
    sys.stdout.write("\n" + msgspec.json.encode(measured(sys.argv[1], "--quick" in sys.argv[2:])).decode() + "\n")
