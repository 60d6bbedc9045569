"""bench.compare measures two checkouts in turn, judges by the pairs, and leaves nothing behind; no time is asserted."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from bench.compare import ROOT, Comparison, sides_of

TINY = '__version__ = "0"\n'
"""A package that can be imported, which is all that the row `import` asks for."""


def git(folder, *arguments):
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture
def checkouts(tmp_path):
    """Two copies of a tiny checkout."""
    for name in ("one", "two"):
        package = tmp_path / name / "src" / "backlit"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(TINY)
    return tmp_path / "one", tmp_path / "two"


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    """The folder in which the command makes its temporary ones."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def command(*arguments):
    return [sys.executable, "-m", "bench.compare", *map(str, arguments)]


def test_two_checkouts_are_measured_and_the_table_has_their_row(checkouts, scratch):
    done = subprocess.run(
        command(*checkouts, "--rows", "import", "--rounds", "2", "--quick"),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    head, _, row = done.stdout.strip().splitlines()[-3:]
    assert head.startswith("| row | before (median, min) | after (median, min) | after / before")
    name, before, after, ratio, _ = (cell.strip() for cell in row.strip("|").split("|"))
    assert name == "import"
    assert before.endswith("s")
    assert after.endswith("s")
    median, low, high = map(float, ratio.replace("(", "").replace(")", "").replace("to ", "").split())
    assert low <= median <= high
    assert not [*scratch.iterdir()]


def test_a_row_that_cannot_be_measured_says_which_side_and_why(checkouts, scratch):
    broken = checkouts[1] / "src" / "backlit" / "__init__.py"
    broken.write_text("raise RuntimeError('planted')\n")
    done = subprocess.run(
        command(*checkouts, "--rows", "import", "--rounds", "1"), cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "after: RuntimeError: planted" in done.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--rows", "no such row"], "no row matches no such row; known: 2-2-2,"),
        (["--rounds", "0"], "expected at least 1"),
    ],
)
def test_what_cannot_be_asked_is_refused(checkouts, scratch, arguments, said):
    done = subprocess.run(command(*checkouts, *arguments), cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert said in " ".join((done.stdout + done.stderr).split())


def test_revisions_have_worktrees_that_are_removed(checkouts, scratch):
    repository = checkouts[0]
    git(repository, "init", "-q")
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "first")
    (repository / "src" / "backlit" / "__init__.py").write_text('__version__ = "1"\n')
    git(repository, "commit", "-qam", "second")
    with sides_of("HEAD~1", "HEAD", repository) as sides:
        versions = [(side.checkout / "src" / "backlit" / "__init__.py").read_text() for side in sides]
    assert versions == [TINY, '__version__ = "1"\n']
    with pytest.raises(ValueError, match="no-such-revision"), sides_of("HEAD", "no-such-revision", repository):
        pass
    assert len(git(repository, "worktree", "list").splitlines()) == 1
    assert not [*scratch.iterdir()]


@pytest.mark.skipif(not Path("/proc").exists(), reason="reads processes from /proc")
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_no_folder_and_no_process(checkouts, scratch, stop):
    for checkout in checkouts:  # the import never ends, in a process that a worker has started
        (checkout / "src" / "backlit" / "__init__.py").write_text("import time; time.sleep(600)\n")
    running = subprocess.Popen(command(*checkouts, "--rows", "import"), cwd=ROOT, stdout=subprocess.DEVNULL)
    while not importing(checkouts):
        time.sleep(0.1)
    running.send_signal(stop)
    assert running.wait() == 128 + stop
    assert not importing(checkouts)
    assert not [*scratch.iterdir()]


def importing(checkouts):
    """The processes that import a checkout's package."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            imports = b"import backlit;" in (process / "cmdline").read_bytes()
            if imports and str(checkouts[0]).encode() in (process / "environ").read_bytes():
                found.append(process.name)
        except OSError:  # it has ended, or is another user's
            continue
    return found


@pytest.mark.parametrize(
    ("after", "verdict"),
    [
        ([1.05, 1.06, 1.07], "slower than noise"),
        ([1.05, 1.06, 1.01], ""),  # one pair was as fast
        ([1.03, 1.025, 1.03], ""),  # the minima are within three percent
        ([0.5, 0.5, 0.5], ""),
    ],
)
def test_a_row_is_slower_only_where_all_pairs_and_the_minima_say_so(after, verdict):
    assert Comparison("s", [1.0, 1.0, 1.0], after, {"loss 1"}).verdict == verdict


def test_times_of_other_work_are_marked():
    assert Comparison("s", [1.0], [1.0], {"loss 1", "loss 2"}).verdict == "other result"


def test_a_worker_measures_the_package_that_it_is_given(checkouts):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(checkouts[0] / "src"), str(ROOT / "src")])}
    shutil.rmtree(checkouts[0] / "src" / "backlit")
    done = subprocess.run(
        [sys.executable, "-m", "bench.compare_worker", "2-4-1", "--quick"],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "backlit is not imported from" in done.stdout
    done = subprocess.run(
        [sys.executable, "-m", "bench.compare_worker", "2-4-1", "--quick"],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT / "src")}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert '"note":"loss 0.' in done.stdout, done.stderr
