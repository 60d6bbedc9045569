r"""Opens a notebook in JupyterLab in a real browser, trusted and not, light and dark, and takes pictures to look at.

    pip install jupyterlab selenium      # and Chromium with its driver
    python -m bench.notebooks FOLDER

The notebook shows everything that Backlit shows in one. Trusted, its cells are run there; not trusted, its outputs come
with the file, as a class gets it from its teacher. For each of the four it writes a picture, and prints what is seen of
each output: how many formulas were typeset, how many pictures stand there, and whether an error is among them.
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
WIDTH, HIGHEST = 1100, 9000
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
SEEN = """
return [...document.querySelectorAll('.jp-OutputArea-output')].map(o => ({
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


def picture(driver: Any, page: str, run: bool, to: Path) -> list[dict[str, Any]]:
    """Open a notebook, run its cells if asked, take a picture of all of it, and give what is seen of each output."""
    driver.set_window_size(WIDTH, 900)
    driver.get(page)
    wait_for(driver, "document.querySelector('.jp-Notebook .jp-Cell')")
    if run:
        wait_for(driver, "window.jupyterapp && document.querySelector('.jp-Notebook-ExecutionIndicator')")
        time.sleep(3)
        driver.execute_script("window.jupyterapp.commands.execute('notebook:run-all-cells')")
        time.sleep(2)
        prompts = "[...document.querySelectorAll('.jp-InputArea-prompt')]"
        wait_for(driver, f"{prompts}.length && {prompts}.every(p => /\\d/.test(p.textContent))", 180)
    for _ in range(3):  # cells are made as they come into sight
        time.sleep(3)
        height = driver.execute_script(
            "return (document.querySelector('.jp-WindowedPanel-outer') ?? document.querySelector('.jp-Notebook'))"
            ".scrollHeight"
        )
        driver.set_window_size(WIDTH, min(HIGHEST, max(900, height + 150)))
    time.sleep(2)
    driver.save_screenshot(str(to))
    seen: list[dict[str, Any]] = driver.execute_script(SEEN)
    return seen


def main(folder: Path) -> None:
    """Take the four pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as made:
        served = Path(made) / "notebooks"
        served.mkdir()
        metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        book = new_notebook(cells=[new_code_cell(code) for code in CELLS], metadata=metadata)
        nbformat.write(book, served / "trusted.ipynb")
        nbclient.NotebookClient(book, timeout=180, kernel_name="python3").execute()
        nbformat.write(book, served / "untrusted.ipynb")
        with lab(served) as (address, token), browser(Path(made) / "profile") as driver:
            for theme in THEMES:
                choose_theme(address, token, theme)
                for name in ("untrusted", "trusted"):
                    to = folder / f"{name}-{theme}.png"
                    page = f"{address}/doc/tree/{name}.ipynb?token={token}&reset"
                    seen = picture(driver, page, name == "trusted", to)
                    total = {key: sum(int(one[key]) for one in seen)
                             for key in ("formulas", "failed", "pictures", "error")}  # fmt: skip
                    print(f"{to}: {len(seen)} outputs; {total}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
