r"""Opens a notebook in JupyterLab in a real browser, trusted and not, light and dark, and takes pictures to look at.

    pip install jupyterlab selenium      # and Chromium with its driver
    python -m bench.notebooks FOLDER [NOTEBOOK.ipynb]

The notebook is yours or, without one, shows everything that Backlit shows in one. Trusted, its cells are run there; not
trusted, its outputs come with the file, as a class gets it from its teacher. For each of the four it writes pictures, a
screen each from top to bottom, and prints what is seen: how many outputs there are, how many formulas were typeset, how
many pictures stand there, and whether an error is among them.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.error import URLError

import msgspec
import nbclient
import nbformat
from nbformat.v4 import new_code_cell, new_notebook

CELLS = (
    "import backlit as bl\n"
    "X, Y = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0.0, 1.0, 1.0, 0.0]\n"
    'network = bl.Network([bl.Dense(3, "tanh"), bl.Dense(1, "sigmoid")], 2, "binary_cross_entropy", seed=1)\n'
    "network",
    "training = bl.Training(network, X, Y, epochs=300, optimizer=bl.Adam(0.05))\ntraining",
    "training.run()",
    "training.history",
    "bl.gradcheck(network, X, Y)",
    "training.state",
    'bl.demo("xor")',
    "bl.explain(network, X[1:2], Y[1:2], optimizer=bl.SGD(0.5), check=True, compare=True)",
)
OPTIONS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
WIDTH, SCREEN = 1100, 4000
"""The size of a picture: Chromium leaves blank what lies far below in a window of many thousand pixels."""
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
SCROLLED = "(document.querySelector('.jp-WindowedPanel-outer') ?? document.querySelector('.jp-Notebook'))"
RAN = """[window.jupyterapp.shell.currentWidget.content.model.cells].every(cells =>
[...cells].every(cell => cell.type !== 'code' || cell.executionCount || !cell.sharedModel.source.trim()) ||
[...cells].some(cell => cell.type === 'code' && cell.outputs.toJSON().some(output => output.output_type === 'error')))
"""
"""Whether every code cell has run, or one ended in an error: those after it do not run."""
SEEN = """
return [...document.querySelectorAll('.jp-OutputArea-output')].map((o, k) => ({
  name: o.dataset.seen ??= `${Date.now()} ${Math.random()} ${k}`,
  formulas: o.querySelectorAll('mjx-container').length, failed: o.querySelectorAll('mjx-merror').length,
  pictures: [...o.querySelectorAll('div')].filter(d => d.style.backgroundImage.startsWith('url')).length,
  kind: o.className.match(/jp-Rendered(\\w+)/g)?.pop() ?? '', error: o.dataset.mimeType?.includes('error') ?? false}))
"""


@contextmanager
def lab(folder: Path) -> Iterator[tuple[str, str]]:
    """Start a JupyterLab that serves a folder; give its address and token."""
    token, port = secrets.token_hex(8), 8000 + secrets.randbelow(1000)
    own = {f"JUPYTER_{kind}_DIR": str(folder / kind.lower()) for kind in ("CONFIG", "DATA", "RUNTIME")}
    with subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", "--no-browser", f"--port={port}", "--ServerApp.port_retries=0",
         f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder}", "--expose-app-in-browser",
         *(["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else [])],
        env=os.environ | own, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as server:  # fmt: skip
        try:
            address = f"http://127.0.0.1:{port}"
            answers(f"{address}/api?token={token}")
            yield address, token
        finally:
            server.terminate()


def answers(page: str, seconds: float = 60.0) -> None:
    """Wait until a server answers."""
    end = time.monotonic() + seconds
    while True:
        try:
            urllib.request.urlopen(page).close()
            return
        except URLError:
            if time.monotonic() > end:
                raise
            time.sleep(0.5)


def choose_theme(address: str, token: str, theme: str) -> None:
    """Set JupyterLab's theme, and switch its news off."""
    for plugin, raw in (("themes", f'{{"theme": "{THEMES[theme]}"}}'), ("notification", '{"fetchNews": "false"}')):
        body = msgspec.json.encode({"raw": raw})
        place = f"{address}/lab/api/settings/@jupyterlab/apputils-extension:{plugin}?token={token}"
        headers = {"Content-Type": "application/json"}
        urllib.request.urlopen(urllib.request.Request(place, body, headers, method="PUT")).close()


@contextmanager
def browser(folder: Path) -> Iterator[Any]:
    """Start Chromium without a window."""
    webdriver: Any = import_module("selenium.webdriver")  # of this one command alone

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for option in (*OPTIONS, f"--user-data-dir={folder}", f"--window-size={WIDTH},900"):
        options.add_argument(option)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    try:
        yield driver
    finally:
        driver.quit()


def wait_for(driver: Any, script: str, seconds: float = 60.0) -> None:
    """Wait until a script gives true."""
    end = time.monotonic() + seconds
    while not driver.execute_script(f"return Boolean({script})"):
        if time.monotonic() > end:
            raise TimeoutError(f"JupyterLab did not come to: {script}")
        time.sleep(0.3)


def pictures(driver: Any, page: str, run: bool, to: Path) -> list[dict[str, Any]]:
    """Open a notebook, run its cells if asked, take pictures down to its end, and give what is seen of each output."""
    driver.set_window_size(WIDTH, SCREEN)
    driver.get(page)
    wait_for(driver, "document.querySelector('.jp-Notebook .jp-Cell')")
    if run:
        wait_for(driver, "window.jupyterapp && document.querySelector('.jp-Notebook-ExecutionIndicator')")
        time.sleep(3)
        driver.execute_script("window.jupyterapp.commands.execute('notebook:run-all-cells')")
        time.sleep(2)
        wait_for(driver, RAN, 180)
    seen: dict[str, dict[str, Any]] = {}
    place, number = 0, 1
    while True:  # cells are made as they come into sight, and may go when they leave it
        driver.execute_script(f"{SCROLLED}.scrollTop = {place}")
        time.sleep(4)
        seen |= {one["name"]: one for one in driver.execute_script(SEEN)}
        driver.save_screenshot(str(to.with_stem(f"{to.stem}-{number}")))
        top, screen, height, end = driver.execute_script(
            f"const s = {SCROLLED}, end = document.querySelector('.jp-Notebook-footer')?.getBoundingClientRect().top;"
            "return [s.scrollTop, s.clientHeight, s.scrollHeight, end ?? 1e9]"
        )
        if top + screen >= height - 2 or end < screen:  # below the footer all is blank
            return [*seen.values()]
        place, number = top + screen - 100, number + 1


def everything() -> Any:
    """Make a notebook that shows everything."""
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return new_notebook(cells=[new_code_cell(code) for code in CELLS], metadata=metadata)


def main(folder: Path, notebook: Path | None = None) -> None:
    """Take the pictures of the four."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as made:
        served = Path(made) / "notebooks"
        served.mkdir()
        book = nbformat.read(notebook, as_version=4) if notebook else everything()
        nbformat.write(book, served / "trusted.ipynb")
        nbclient.NotebookClient(book, timeout=180, kernel_name="python3").execute()
        nbformat.write(book, served / "untrusted.ipynb")
        with lab(served) as (address, token), browser(Path(made) / "profile") as driver:
            for theme in THEMES:
                choose_theme(address, token, theme)
                for name in ("untrusted", "trusted"):
                    to = folder / f"{name}-{theme}.png"
                    page = f"{address}/doc/tree/{name}.ipynb?token={token}&reset"
                    seen = pictures(driver, page, name == "trusted", to)
                    total = {key: sum(int(one[key]) for one in seen)
                             for key in ("formulas", "failed", "pictures", "error")}  # fmt: skip
                    print(f"{to.with_stem(f'{to.stem}-*')}: {len(seen)} outputs; {total}")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
