"""A real browser for tests: Debian's Chromium, driven by selenium.

Without one its tests are skipped; where the environment has BACKLIT_BROWSER=required, they fail.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Never

import pytest

OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


class Browser:
    """A browser that shows a page at a width, light or dark, and prints it."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def show(self, page: Path, width: int, *, dark: bool = False) -> None:
        """Open a page in a window of that width; what the console had of others is forgotten."""
        self.console()
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.resize(width)
        self._do("Emulation.setEmulatedMedia", media="", features=[scheme])
        self.driver.get(page.as_uri())

    def resize(self, width: int, *, zoom: float = 1) -> None:
        """Make the window that wide, and the page in it, at a zoom of 2 half as wide and half as high."""
        size = {"width": round(width / zoom), "height": round(900 / zoom), "deviceScaleFactor": zoom}
        self._do("Emulation.setDeviceMetricsOverride", mobile=False, **size)

    def media(self, **features: str) -> None:
        """Set what a person prefers, such as `prefers_color_scheme="dark"`; all else is as usual."""
        given = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self._do("Emulation.setEmulatedMedia", media="", features=given)

    def console(self) -> list[str]:
        """Give the errors that the console has had since the last call."""
        return [one["message"] for one in self.driver.get_log("browser") if one["level"] == "SEVERE"]

    def print_media(self) -> None:
        """Style the page as for the printer."""
        self._do("Emulation.setEmulatedMedia", media="print")

    def run(self, script: str, *given: Any) -> Any:
        """Give what a script returns."""
        return self.driver.execute_script(script, *given)

    def pdf(self) -> bytes:
        """Give the page printed on A4."""
        import base64

        size = {"paperWidth": 8.27, "paperHeight": 11.69, "preferCSSPageSize": True}
        return base64.b64decode(self._do("Page.printToPDF", **size)["data"])

    def png(self, x: float, y: float, width: int, height: int) -> bytes:
        """Give a picture of a part of the page."""
        import base64

        clip = {"x": x, "y": y, "width": width, "height": height, "scale": 1}
        return base64.b64decode(self._do("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)["data"])

    def _do(self, command: str, **given: Any) -> Any:
        return self.driver.execute_cdp_cmd(command, given)


def absent(reason: str) -> Never:
    """Skip the test, or let it fail where a browser is required."""
    if os.environ.get("BACKLIT_BROWSER") == "required":
        pytest.fail(f"{reason}; BACKLIT_BROWSER=required")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    try:
        from selenium import webdriver
    except ImportError:
        absent("no selenium is installed: pip install 'backlit[browser]' brings it")
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    driver = shutil.which("chromedriver")
    if chromium is None or driver is None:
        absent("no Chromium with its driver is installed: Debian's packages are chromium and chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for option in (*OPTIONS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(option)
    started = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=driver))
    yield Browser(started)
    started.quit()


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[tuple[Any, Any]]:
    """Serve iris and open it, once for a module's tests; give the browser and the session."""
    from live_page import opened

    from backlit.page.panels import PANELS
    from backlit.page.session import Session
    from backlit.page.sources import source_of

    session = Session(source_of("iris"), PANELS)
    with opened(browser, session):
        yield browser, session
