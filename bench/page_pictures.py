"""Take the pictures of the page for the documents, each by the name of its file; one that ends in -dark is dark.

    python -m bench.page_pictures docs/pictures/page-network.png docs/pictures/page-network-dark.png
    python -m bench.page_pictures docs/pictures/page-row.png docs/pictures/page-row-dark.png

They are of the real page, as `backlit page` serves it, brought to a state by the commands that its buttons send:
`page-network` is iris after 40 epochs with a weight worked out, `page-row` one row of the two-layer example on its way
back. Chromium, chromedriver, selenium and Pillow are needed: pip install '.[browser,test]', and Debian's packages
chromium and chromium-driver.
"""

from __future__ import annotations

import base64
import io
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image
from selenium import webdriver

OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip

WINDOW = 840
"""Pixels of the window's height; a picture may show more of the page."""

LONGEST = 60.0
"""Seconds until a state must have come."""


class Picture(NamedTuple):
    """A picture: what follows `backlit page`, its size in pixels, the commands, the view, and the words to wait for.

    `words` are those of the place that `where` selects, once the state has come.
    """

    page: tuple[str, ...]
    width: int
    height: int
    commands: tuple[tuple[str, dict[str, object]], ...]
    view: str
    where: str
    words: str


STEPS = ("--set", "optimizer=sgd", "--set", "optimizer.rate=0.03", "--set", "batch_size=1", "--set", "epochs=80")
"""Steps whose numbers fit on a page: of one row each, by plain gradient descent."""

PICTURES = {
    "page-network": Picture(
        ("iris", *STEPS), 1440, 1780,
        (*[("bar.advance", {"epochs": 1})] * 40, ("unit.look", {"name": "h2"}),
         ("weight.choose", {"name": "w(h2,versicolor)"})),
        "network", "#bar-place", "40 of",
    ),
    "page-row": Picture(
        ("two-layer",), 1440, 1220,
        (("bar.advance", {"epochs": 1}), ("step.go", {"stage": 4})),
        "step", "#step-title", "Back",
    ),
}  # fmt: skip


@contextmanager
def served(arguments: tuple[str, ...]) -> Iterator[str]:
    """Serve a page; give the address that opens it."""
    command = [sys.executable, "-m", "backlit", "page", "--no-browser", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield next(found[0] for line in process.stdout if (found := re.search(r"http\S+", line)))
        finally:
            process.terminate()


@contextmanager
def chromium() -> Iterator[Any]:
    """Start Chromium without a window."""
    options = webdriver.ChromeOptions()
    options.binary_location = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        for option in (*OPTIONS, f"--user-data-dir={folder}"):
            options.add_argument(option)
        driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
        try:
            yield driver
        finally:
            driver.quit()


SEND = """const [commands, view, done] = arguments
import("/static/page.js").then(async ({ send, show }) => {
  for (const [name, given] of commands) if (!(await send(name, given))) return done(`${name} was refused`)
  show(document.getElementById(`tab-${view}`))
  done("")
})"""


def taken(driver: Any, picture: Picture, *, dark: bool) -> bytes:
    """Open a page, bring it to the state, and give what is to be seen as PNG."""
    size = {"width": picture.width, "height": WINDOW, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": [scheme]})
    with served(picture.page) as address:
        driver.get(address)
        if refused := driver.execute_async_script(SEND, picture.commands, picture.view):
            raise SystemExit(refused)
        words, end = f"return document.querySelector('{picture.where}')?.textContent ?? ''", time.monotonic() + LONGEST
        playing = "return document.getElementById('bar-play').textContent === 'Pause'"
        while picture.words not in driver.execute_script(words) or driver.execute_script(playing):
            if time.monotonic() > end:
                raise SystemExit(f"{picture.where} says {driver.execute_script(words)!r}, not {picture.words!r}")
            time.sleep(0.2)
        time.sleep(2.0)  # what is drawn behind it, as the plane's colours, has come
        clip = {"x": 0, "y": 0, "width": picture.width, "height": picture.height, "scale": 1}
        given = {"clip": clip, "captureBeyondViewport": True}
        return base64.b64decode(driver.execute_cdp_cmd("Page.captureScreenshot", given)["data"])


def small(png: bytes) -> bytes:
    """Write a picture with 128 colours, which its few need."""
    file = io.BytesIO()
    reduced = Image.open(io.BytesIO(png)).convert("RGB").quantize(128, dither=Image.Dither.NONE)
    reduced.save(file, "PNG", optimize=True)
    return file.getvalue()


if __name__ == "__main__":
    with chromium() as driver:
        for name in sys.argv[1:]:
            stem = Path(name).stem
            taken_now = taken(driver, PICTURES[stem.removesuffix("-dark")], dark=stem.endswith("-dark"))
            Path(name).write_bytes(small(taken_now))
            print(f"{name}: {Path(name).stat().st_size:,} bytes")
