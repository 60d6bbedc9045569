"""The page on a real port: what is refused by words before it is served, raw requests, and how it ends."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import webbrowser
from collections.abc import Iterator
from http.client import HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import small_page
from small_page import Served, served

from backlit.errors import BacklitError
from backlit.page.events import MOST
from backlit.page.guard import HEADERS
from backlit.page.serving import Place, bind, check_host, open_browser

TESTS = Path(small_page.__file__).parent


@pytest.fixture(scope="module")
def page() -> Iterator[Served]:
    with served() as page:
        page.open()
        yield page


def test_the_page_is_served(page):
    said = {"Cookie": page.cookie, "X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"}
    status, headers, body = page.ask("GET", "/", said)
    assert (status, body.endswith(b">http GET / 0")) == (200, True)
    assert {name: headers[name] for name in headers if name.encode() in HEADERS} == {
        name.decode(): value.decode() for name, value in HEADERS.items()
    }
    assert "server" not in headers
    own = said | {"Origin": f"http://127.0.0.1:{page.port}", "X-Backlit": "1"}
    assert page.ask("POST", "/upload", own, b"x" * 100_000)[2].endswith(b">http POST /upload 100000")
    status, headers, body = page.ask("GET", "/")
    assert (status, headers["content-security-policy"][:18]) == (401, "default-src 'none'")
    assert b"Open the address that the terminal printed" in body


def test_raw_requests_are_refused(page):
    host, cookie = f"Host: 127.0.0.1:{page.port}", f"Cookie: {page.cookie}"
    assert page.raw("GET / HTTP/1.1", host, cookie).startswith(b"HTTP/1.1 200 ")
    own = [host, cookie, f"Origin: http://127.0.0.1:{page.port}", "X-Backlit: 1"]
    requests = {
        "two hosts": ["GET / HTTP/1.1", host, "Host: evil.example", cookie],
        "two hosts, the other first": ["GET / HTTP/1.1", "Host: evil.example", host, cookie],
        "no host": ["GET / HTTP/1.1", cookie],
        "an old request without a host": ["GET / HTTP/1.0", cookie],
        "foreign host": ["GET / HTTP/1.1", f"Host: evil.example:{page.port}", cookie],
        "host with a path": ["GET / HTTP/1.1", f"{host}/static/x?", cookie],
        "whole address": [f"GET http://127.0.0.1:{page.port}/ HTTP/1.1", host, cookie],
        "another's whole address": ["GET http://evil.example/ HTTP/1.1", host, cookie],
        "up and down": ["GET /static/../events HTTP/1.1", host, cookie],
        "encoded": ["GET /%65vents HTTP/1.1", host, cookie],
        "a proxy's words": ["GET / HTTP/1.1", "Host: evil.example", f"X-Forwarded-Host: 127.0.0.1:{page.port}", cookie],
        "socket": [
            "GET / HTTP/1.1",
            host,
            cookie,
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
        ],
        "connect": [f"CONNECT 127.0.0.1:{page.port} HTTP/1.1", host, cookie],
        "a body with GET": ["GET / HTTP/1.1", host, cookie, "Content-Length: 5"],
        "chunks with GET": ["GET /events HTTP/1.1", host, cookie, "Transfer-Encoding: chunked"],
        "two lengths": ["POST /command HTTP/1.1", *own, "Content-Length: 2", "Content-Length: 3"],
        "a length and chunks": ["POST /command HTTP/1.1", *own, "Content-Length: 2", "Transfer-Encoding: chunked"],
        "too large": ["POST /upload HTTP/1.1", *own, "Content-Length: 100001"],
    }
    answers = {name: page.raw(*lines) for name, lines in requests.items()}
    assert {name: answer for name, answer in answers.items() if not answer.startswith(b"HTTP/1.1 4")} == {}
    assert [name for name, answer in answers.items() if page.cookie.encode() in answer] == []


def test_a_body_without_end_is_cut_off(page):
    own = [
        f"Host: 127.0.0.1:{page.port}",
        f"Cookie: {page.cookie}",
        f"Origin: http://127.0.0.1:{page.port}",
        "X-Backlit: 1",
    ]
    lines = ["POST /command HTTP/1.1", *own, "Transfer-Encoding: chunked", "", ""]
    with socket.create_connection(("127.0.0.1", page.port), timeout=20) as connection:
        connection.sendall("\r\n".join(lines).encode())
        with pytest.raises(ConnectionError):
            connection.sendall((b"1000\r\n" + b"x" * 4096 + b"\r\n") * 10_000)
    assert page.ask("GET", "/", {"Cookie": page.cookie})[0] == 200


def test_the_stream_arrives(page):
    with socket.create_connection(("127.0.0.1", page.port), timeout=20) as connection:
        request = f"GET /events HTTP/1.1\r\nHost: 127.0.0.1:{page.port}\r\nCookie: {page.cookie}\r\n\r\n"
        connection.sendall(request.encode())
        assert b"retry: 1000" in page.until(connection, b"event: parts\nid: ")
        page.until(connection, b"event: parts\nid: ")


def test_a_closed_tab_leaves_no_stream_open(page):
    request = f"GET /events HTTP/1.1\r\nHost: 127.0.0.1:{page.port}\r\nCookie: {page.cookie}\r\n\r\n".encode()
    for _ in range(MOST + 1):
        with socket.create_connection(("127.0.0.1", page.port), timeout=20) as connection:
            connection.sendall(request)
            assert page.until(connection, b"event: parts").startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_at_once_with_open_streams_and_uploads(number):
    with served() as page:
        page.open()
        said = f"Host: 127.0.0.1:{page.port}\r\nCookie: {page.cookie}\r\nOrigin: http://127.0.0.1:{page.port}\r\n"
        streams = [socket.create_connection(("127.0.0.1", page.port), timeout=20) for _ in range(3)]
        for stream in streams:
            stream.sendall(f"GET /events HTTP/1.1\r\n{said}\r\n".encode())
            page.until(stream, b"event: parts")
        upload = socket.create_connection(("127.0.0.1", page.port), timeout=20)
        upload.sendall(f"POST /upload HTTP/1.1\r\n{said}X-Backlit: 1\r\nContent-Length: 100\r\n\r\nx".encode())
        idle = socket.create_connection(("127.0.0.1", page.port), timeout=20)
        assert page.end(number) == (0, "last words\n", "")
        for stream in streams:
            page.until(stream, b"event: end\ndata: {}\n\n")
        for connection in (*streams, upload, idle):
            connection.close()


def test_a_port_that_is_taken_is_said_in_one_line(page):
    ran = subprocess.run(
        [sys.executable, str(TESTS / "small_page.py"), f"port={page.port}"], capture_output=True, text=True, check=False
    )
    words = f"port {page.port} is taken by another program: give another one by --port, or leave it out for a free one."
    assert (ran.returncode, ran.stdout, ran.stderr) == (1, "", f"error: {words}\n")


def test_a_port_that_was_given_back_can_be_taken_again():
    with served() as page:
        page.open()
        assert page.end(signal.SIGINT)[0] == 0
    with served(f"port={page.port}") as again:
        assert again.port == page.port
        again.open()


@pytest.mark.parametrize(
    ("port", "words"), [(65536, "--port 65536 is no port"), (-1, "--port -1 is no port"), (1, "give one above 1023")]
)
def test_a_port_that_cannot_be_had(port, words, monkeypatch):
    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket, "create_server", denied)
    with pytest.raises(BacklitError, match=words):
        bind("127.0.0.1", port)


def test_a_host_that_is_not_this_machines():
    with pytest.raises(BacklitError, match=r"cannot be served on --host 192\.0\.2\.1 --port 0: .+[a-z]\.$"):
        bind("192.0.2.1", 0)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_loopback_hosts_are_served_without_more(host):
    assert check_host(Place(host))


@pytest.mark.parametrize("host", ["192.168.1.5", "lab.school", "127.0.0.2", "127.0.0.1.evil.example", "fe80::1"])
@pytest.mark.parametrize("i_know", [False, True])
def test_other_hosts_need_consent_and_tls(host, i_know):
    with pytest.raises(
        BacklitError, match=f"--host {host} shows the page to other machines.* add --i-know, and --cert"
    ):
        check_host(Place(host, i_know=i_know))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", ""])
def test_a_host_that_no_browser_opens_is_refused(host):
    with pytest.raises(BacklitError, match="no address that a browser opens"):
        check_host(Place(host, i_know=True))


def test_files_of_tls_are_checked_first(tmp_path):
    here, missing = tmp_path / "here.pem", tmp_path / "missing.pem"
    here.write_text("nothing of use")
    for certificate, key, words in (
        (here, None, "belong together"),
        (None, here, "belong together"),
        (missing, here, r"--certificate .*missing\.pem: there is no such file"),
        (here, missing, r"--key .*missing\.pem: there is no such file"),
        (here, here, r"cannot be used: .+\. Give a certificate and its own key without a password, both in the PEM"),
    ):
        with pytest.raises(BacklitError, match=words):
            check_host(Place("lab.school", 0, certificate, key, i_know=True))


@pytest.fixture(scope="module")
def tls(tmp_path_factory) -> tuple[Path, Path]:
    """A certificate for localhost and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificate")
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*new, *subject, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return certificate, key


def test_a_key_with_a_password_is_refused_and_asks_for_none(tls, tmp_path):
    certificate, key = tls
    locked = tmp_path / "locked.pem"
    subprocess.run(
        ["openssl", "pkey", "-in", key, "-aes256", "-passout", "pass:secret", "-out", locked],
        check=True,
        capture_output=True,
    )
    with pytest.raises(BacklitError, match=r"--host lab\.school shows the page to other machines"):
        check_host(Place("lab.school", 0, certificate, key))
    with pytest.raises(BacklitError, match="cannot be used: the key has a password"):
        check_host(Place("lab.school", 0, certificate, locked, i_know=True))
    assert not check_host(Place("lab.school", 0, certificate, key, i_know=True))


def test_over_tls_the_address_is_https(tls):
    certificate, key = tls
    with served(f"certificate={certificate}", f"key={key}", "host=localhost") as page:
        assert page.url.startswith(f"https://localhost:{page.port}/?token=")
        trust = ssl.create_default_context(cafile=str(certificate))
        connection = HTTPSConnection("localhost", page.port, timeout=20, context=trust)
        connection.request("GET", f"/?{urlsplit(page.url).query}")
        answer = connection.getresponse()
        assert (answer.status, answer.headers["location"]) == (303, "/")
        assert answer.headers["set-cookie"].endswith("; HttpOnly; SameSite=Strict; Path=/; Secure")
        connection.close()
        assert page.end(signal.SIGTERM) == (0, "last words\n", "")


@pytest.mark.parametrize("screen", [True, False])
def test_a_browser_is_opened_where_there_is_a_screen(screen, monkeypatch):
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    if screen:
        monkeypatch.setitem(os.environ, "WAYLAND_DISPLAY", "wayland-0")
    thread = open_browser("http://127.0.0.1:8123/?token=x")
    if thread is not None:
        thread.join()
    assert opened == ["http://127.0.0.1:8123/?token=x"] * screen
