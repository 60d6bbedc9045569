"""The command itself and a browser: the address opens the page once, tabs share the session, Ctrl-C ends it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from live_page import comes, until
from page_use import click, text

PLACE = "return document.getElementById('bar-place').textContent"
STEPS = (
    "return Number(document.getElementById('bar-place').textContent.match(/([\\d,]+) update/)[1].replaceAll(',', ''))"
)
DRAWN = """
const canvas = document.querySelector('#boundary-plane canvas')
const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
return data[4 * (canvas.width + 1) * (canvas.height >> 1) + 3]
"""


class Started(NamedTuple):
    process: subprocess.Popen[str]
    address: str


@pytest.fixture
def started(browser: Any) -> Iterator[Started]:
    """Start the command on XOR without a browser, and read the address that it prints."""
    command = [sys.executable, "-m", "backlit", "page", "xor", "--no-browser", "--set", "epochs=1000000"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ)
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if found := re.search(r"http://127\.0\.0\.1:\d+/\S+", line):
                break
        browser.resize(1440)
        browser.media()
        yield Started(process, found[0])  # type: ignore[index]
    finally:
        browser.driver.get("about:blank")
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_the_address_opens_the_page_once(browser: Any, started: Started) -> None:
    driver = browser.driver
    browser.console()
    driver.get(started.address)
    assert driver.current_url == started.address.split("?")[0]
    comes(browser, PLACE, "0 of 1,000,000 epochs, 0 updates")
    comes(browser, DRAWN, 255)  # the raster is there
    assert browser.run("return document.cookie") == ""
    assert browser.console() == []
    driver.delete_all_cookies()
    driver.get(started.address)  # as another browser would
    assert "has been used" in browser.run("return document.body.textContent")
    assert browser.run("return document.getElementById('bar-play')") is None
    assert started.process.poll() is None


def test_tabs_share_the_session_and_ctrl_c_ends_it(browser: Any, started: Started) -> None:
    driver = browser.driver
    driver.get(started.address)
    first = driver.current_window_handle
    click(browser, "#bar-play")
    comes(browser, "return document.getElementById('bar-play').textContent", "Pause")
    driver.switch_to.new_window("tab")
    driver.get(started.address.split("?")[0])
    second = driver.current_window_handle
    comes(browser, "return document.getElementById('bar-play').textContent", "Pause")
    until(lambda: browser.run(STEPS) > 20)
    driver.switch_to.window(first)
    driver.close()  # the tab that played
    driver.switch_to.window(second)
    before = browser.run(STEPS)
    until(lambda: browser.run(STEPS) > before + 20)
    click(browser, "#bar-play")
    comes(browser, "return document.getElementById('bar-play').textContent", "Play")
    paused = browser.run(STEPS)
    driver.refresh()
    until(lambda: browser.run(STEPS) == paused)
    started.process.send_signal(signal.SIGINT)
    said, _ = started.process.communicate(timeout=20)
    assert started.process.returncode == 0, said
    assert "The page has ended" in said
    assert "Traceback" not in said
    until(lambda: "The program has ended" in text(browser, "#told"))
