"""The guard in a real browser: the page's own requests pass, and those of another page in the same browser do not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from small_page import Served, served

OWN = """
const [other, done] = arguments
const said = [document.cookie]
const post = (url, headers) => fetch(url, {method: 'POST', headers, body: '{}'}).then(a => a.status, () => 'blocked')
const own = {'Content-Type': 'application/json', 'X-Backlit': '1'}
const stream = new EventSource('/events')
stream.addEventListener('parts', async event => {
  stream.close()
  said.push(typeof JSON.parse(event.data).count)
  said.push(await post('/command', own), await post('/command', {}), await post(other + '/command', own))
  const script = document.createElement('script')
  script.textContent = 'window.ran = true'
  document.documentElement.append(script)
  document.body.innerHTML = '<p id="styled" style="color: rgb(1, 2, 3)" onclick="window.ran = true">text</p>'
  const styled = document.getElementById('styled')
  styled.click()
  said.push(window.ran ?? 'not run', getComputedStyle(styled).color)
  done(said)
})
stream.onerror = () => done('no stream')
"""
OTHERS = """
const [page, done] = arguments
const found = []
const loaded = (tag, place, url) => new Promise(told => {
  const one = document.createElement(tag)
  one.onload = () => told(`${tag} loaded`)
  one.onerror = () => told(`${tag} refused`)
  one[place] = url
  document.body.append(one)
})
const asked = (path, given) => fetch(page + path, {credentials: 'include', ...given})
  .then(a => `${path} ${a.type} ${a.status}`, () => `${path} refused`)
const form = document.createElement('form')
const frame = document.createElement('iframe')
frame.name = 'frame'
document.body.append(frame, form)
Object.assign(form, {action: page + '/command', method: 'POST', target: 'frame', enctype: 'text/plain'})
form.submit()
Promise.all([
  loaded('img', 'src', page + '/static/name'), loaded('script', 'src', page + '/static/name'),
  asked('/', {}), asked('/events', {}), asked('/command', {method: 'POST', headers: {'X-Backlit': '1'}, body: '{}'}),
  asked('/command', {method: 'POST', mode: 'no-cors', body: '{}'}),
  asked('/upload', {method: 'POST', mode: 'no-cors', body: 'x'}),
  asked('/', {mode: 'no-cors'}), asked('/?token=x', {mode: 'no-cors'}),
  new Promise(told => frame.onload = () => told('frame')),
  new Promise(told => {
    const stream = new EventSource(page + '/events', {withCredentials: true})
    stream.onopen = () => told('stream open')
    stream.onerror = () => told('stream refused')
  }),
]).then(done)
"""


@pytest.fixture
def page() -> Iterator[Served]:
    with served() as page:
        yield page


@pytest.fixture
def other(tmp_path) -> Iterator[int]:
    """The port of another server of this machine, with an empty page."""
    (tmp_path / "index.html").write_text("<!doctype html><title>other</title><body></body>")

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


def came(driver: Any, page: Served) -> list[str]:
    """What has come through the guard, as the page itself asks."""
    driver.get(f"http://127.0.0.1:{page.port}/save/name/name")
    return driver.execute_script("return document.body.textContent").split("\n")


def test_the_pages_own_requests_pass(browser, page, other):
    driver = browser.driver
    driver.get(page.url)
    assert driver.current_url == f"http://127.0.0.1:{page.port}/"
    assert driver.execute_script("return document.body.textContent") == "http GET / 0"
    driver.refresh()
    found = driver.execute_async_script(OWN, f"http://127.0.0.1:{other}")
    assert found == ["", "number", 200, 403, "blocked", "not run", "rgb(0, 0, 0)"]
    driver.get(page.url)  # the used address, in the browser that used it
    assert driver.current_url == f"http://127.0.0.1:{page.port}/"
    passed = ["http GET / 0"] * 2 + ["http POST /command 2", "http GET / 0"]
    assert [one for one in came(driver, page) if "favicon" not in one] == passed


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_another_pages_requests_do_not_pass(name, browser, page, other):
    driver = browser.driver
    driver.get(page.url)
    before = came(driver, page)
    driver.get(f"http://{name}:{other}/")
    found = driver.execute_async_script(OTHERS, f"http://127.0.0.1:{page.port}")
    assert found == [
        "img refused", "script refused", "/ refused", "/events refused", "/command refused", "/command refused",
        "/upload refused", "/ refused", "/?token=x refused", "frame", "stream refused",
    ]  # fmt: skip
    driver.execute_script(f"location.href = 'http://127.0.0.1:{page.port}/'")
    assert "Another page led here" in driver.execute_script("return document.body.textContent")
    assert came(driver, page) == before


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_the_address_may_be_a_link_on_another_page(name, browser, page, other):
    driver = browser.driver
    driver.get(f"http://{name}:{other}/")
    driver.execute_script(f"location.href = {page.url!r}")
    for _ in range(100):
        text = driver.execute_script("return document.body?.textContent")
        if text == "http GET / 0":
            break
    assert text == "http GET / 0"
    assert driver.current_url == f"http://127.0.0.1:{page.port}/"
