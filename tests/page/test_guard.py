"""The guard refuses each request that differs in one thing from a right one, on each route."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from functools import cache
from types import SimpleNamespace
from typing import Any, cast

import pytest
from asgi_client import Answered, Asked, Headers, answered, ask
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from backlit.page.events import Streams
from backlit.page.guard import BODY_SECONDS, COMMAND_BYTES, HEADERS, Address, Guard
from backlit.page.routes import LIMITS, app_of
from backlit.page.session import Session

HERE = Address("http", "127.0.0.1", 8123)
HOST, ORIGIN = b"127.0.0.1:8123", b"http://127.0.0.1:8123"


class Behind:
    """Stands behind the guard in the application's place: every request that comes through is kept."""

    def __init__(self) -> None:
        self.came: list[str] = []
        self.body = b""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.came.append(scope["type"])
        if scope["type"] == "http":
            self.body = await Request(scope, receive).body()
            await PlainTextResponse("through")(scope, receive, send)


@cache
def page_app() -> tuple[Starlette, dict[str, int]]:
    """The application whose routes are attacked, and its limits."""
    return app_of(cast(Session, SimpleNamespace(listeners=[])), Streams()), LIMITS


def guard_and_behind(address: Address = HERE) -> tuple[Guard, Behind]:
    app, limits = page_app()
    guard, behind = Guard(app, address, limits=limits), Behind()
    guard.app = behind
    return guard, behind


def cookie_of(guard: Guard) -> bytes:
    """Open the page, as a browser does, and give its cookie."""
    host = guard.address.hosts[0]
    opened = ask(guard, Asked("GET", f"/?token={guard.token}", [(b"host", host), (b"sec-fetch-site", b"none")]))
    return opened.one(b"set-cookie").split(b";")[0]


def right(method: str, path: str, cookie: bytes) -> Asked:
    """The request of the page itself."""
    headers = [(b"host", HOST), (b"cookie", cookie), (b"sec-fetch-site", b"same-origin"), (b"sec-fetch-mode", b"cors")]
    if method == "GET":
        return Asked(method, path, headers)
    headers += [(b"origin", ORIGIN), (b"x-backlit", b"1"), (b"content-length", b"2")]
    return Asked(method, path, headers, (b"{}",))


def rights() -> list[tuple[str, str]]:
    """Each route's method and a path of it."""
    app, _ = page_app()
    found = []
    for route in app.routes:
        assert isinstance(route, Route)
        (method,) = route.methods - {"HEAD"}
        found.append((method, re.sub(r"{\w+}", "name", route.path)))
    return found


def changed(asked: Asked, name: bytes, *values: bytes) -> Asked:
    """The same request with other values of a header, or without it."""
    headers: Headers = [(key, value) for key, value in asked.headers if key != name]
    return asked._replace(headers=[*headers, *((name, value) for value in values)])


def bodied(asked: Asked, *chunks: bytes, endless: bool = False) -> Asked:
    return changed(changed(asked, b"content-length"), b"transfer-encoding", b"chunked")._replace(
        chunks=chunks, endless=endless
    )


def most_of(asked: Asked) -> int:
    return 0 if asked.method == "GET" else LIMITS.get(asked.target, COMMAND_BYTES)


HOSTS = [b"", b"127.0.0.1", b"127.0.0.1:8124", b"127.0.0.1:81230", b"evil.example:8123", b"localhost.evil.example:8123"]
HOSTS += [b"127.0.0.1:8123.evil.example", b"127.0.0.1:8123/", b"127.0.0.1:8123/static/x?", b"evil@127.0.0.1:8123"]
HOSTS += [b" 127.0.0.1:8123", b"127.0.0.1:8123,evil.example", b"LOCALHOST:8123", b"0.0.0.0:8123", b"[::]:8123"]
HOSTS += [b"127.1:8123", b"2130706433:8123", b"localhost.:8123", b"127.0.0.1:08123", b"http://127.0.0.1:8123"]
ORIGINS = [
    b"null",
    b"",
    b"http://evil.example",
    b"https://127.0.0.1:8123",
    b"http://127.0.0.1",
    b"http://127.0.0.1:8124",
]
ORIGINS += [b"http://127.0.0.1:8123.evil.example", b"http://127.0.0.1:8123/", b"file://", b"http://localhost:9999"]
PATHS: dict[str, Callable[[str], str]] = {
    "two slashes": lambda path: f"/{path}",
    "a slash after": lambda path: f"{path}/" if path != "/" else "//",
    "a dot": lambda path: f"/.{path}",
    "up and down": lambda path: f"/static/..{path}",
    "encoded dots": lambda path: f"/static/%2e%2e{path}",
    "encoded slash": lambda path: path.replace("/", "%2f"),
    "encoded letters": lambda path: f"/{''.join(f'%{ord(letter):02x}' for letter in path[1:])}" if path[1:] else "/%20",
    "encoded newline": lambda path: f"{path}%0a",
    "encoded nothing": lambda path: f"{path}%00",
    "backslash": lambda path: f"\\{path[1:]}",
    "whole address": lambda path: f"http://127.0.0.1:8123{path}",
    "another's whole address": lambda path: f"http://evil.example{path}",
    "semicolon": lambda path: f"{path};x",
    "star": lambda path: "*",
    "unknown": lambda path: "/docs",
}


def attacks(asked: Asked, cookie: bytes) -> Iterator[tuple[str, Asked]]:
    """Give what differs from a right request in one thing."""
    name, _, value = cookie.partition(b"=")
    yield "no cookie", changed(asked, b"cookie")
    for wrong in (b"", b"=", name, name + b"=", cookie + b"x", cookie[:-1], b"backlit_1=" + value, b"x" + cookie):
        yield f"cookie {wrong!r}", changed(asked, b"cookie", wrong)
    yield "no host", changed(asked, b"host")
    yield "two hosts", changed(asked, b"host", HOST, b"evil.example")
    yield "the same host twice", changed(asked, b"host", HOST, HOST)
    for host in HOSTS:
        yield f"host {host!r}", changed(asked, b"host", host)
    for origin in ORIGINS:
        yield f"origin {origin!r}", changed(asked, b"origin", origin)
    yield "two origins", changed(asked, b"origin", ORIGIN, b"http://evil.example")
    for site in (b"cross-site", b"same-site", b"", b"None", b"same-origin, cross-site"):
        yield f"fetch site {site!r}", changed(asked, b"sec-fetch-site", site)
    yield "two fetch sites", changed(asked, b"sec-fetch-site", b"same-origin", b"cross-site")
    yield "from nowhere, not by navigation", changed(asked, b"sec-fetch-site", b"none")
    yield "upgrade", changed(changed(asked, b"connection", b"Upgrade"), b"upgrade", b"websocket")
    yield "a socket", asked._replace(kind="websocket")
    for method in {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "get"} - {
        asked.method
    }:
        with_all = changed(right("POST", asked.target, cookie), b"content-length")._replace(chunks=())
        yield f"method {method}", (asked if method == "GET" else with_all)._replace(method=method)
        yield f"bare method {method}", asked._replace(method=method)
    for kind, path in PATHS.items():
        yield f"path: {kind}", asked._replace(target=path(asked.target))
    most = most_of(asked)
    yield "a body announced too large", changed(asked, b"content-length", b"%d" % (most + 1))
    yield "a body announced with no number", changed(asked, b"content-length", b"-1")
    if asked.method == "POST":
        yield "no origin", changed(asked, b"origin")
        yield "no own header", changed(asked, b"x-backlit")
        yield "another own header", changed(asked, b"x-backlit", b"2")
        yield "a navigation", changed(changed(asked, b"sec-fetch-site", b"none"), b"sec-fetch-mode", b"navigate")
        yield "a body that is larger than announced", asked._replace(chunks=(b"x" * (most + 1),))
        yield "chunks that are too large", bodied(asked, b"x" * most, b"x")
    yield "chunks without an end", bodied(asked, b"x" * (1 + most // 3), endless=True)


def refused(found: Answered, guard: Guard) -> None:
    """Check the form of a refusal."""
    assert 400 <= found.status < 500
    assert found.headers == [] or with_headers(found)
    assert found.all(b"set-cookie") == []
    assert guard.token.encode() not in found.body
    if found.headers:
        assert found.one(b"content-type") == b"text/plain; charset=utf-8"
        assert re.fullmatch(r"[A-Z][^\n]+[.]\n", found.body.decode())
        assert found.one(b"content-length") == b"%d" % len(found.body)


def with_headers(found: Answered) -> bool:
    return all(found.one(name) == value for name, value in HEADERS.items()) and bool(found.all(b"cache-control"))


@pytest.mark.parametrize(("method", "path"), rights())
def test_each_route_refuses_what_differs_in_one_thing(method, path):
    guard, behind = guard_and_behind()
    cookie = cookie_of(guard)
    asked = right(method, path, cookie)

    async def all_attacks() -> list[str]:
        passed = []
        for name, attack in attacks(asked, cookie):
            refused(await answered(guard, attack), guard)
            passed += [name] if behind.came else []
            behind.came.clear()
        return passed

    assert asyncio.run(all_attacks()) == []
    through = ask(guard, asked)
    assert (through.status, through.body, behind.came) == (200, b"through", ["http"])
    assert with_headers(through)


@pytest.mark.parametrize("left_out", [check for check in Guard.CHECKS if check is not Guard.check_token])
def test_each_check_is_needed(left_out, monkeypatch):
    guard, behind = guard_and_behind()
    cookie = cookie_of(guard)
    monkeypatch.setattr(Guard, "CHECKS", tuple(check for check in Guard.CHECKS if check is not left_out))

    async def passing() -> list[str]:
        for method, path in rights():
            for name, attack in attacks(right(method, path, cookie), cookie):
                try:
                    await answered(guard, attack)
                except StopIteration:  # a path without a route
                    continue
                if behind.came:
                    return [name]
        return []

    assert asyncio.run(passing()) != []


@pytest.mark.parametrize("site", [None, b"none", b"same-origin"])
def test_a_token_opens_the_page_once(site):
    guard, behind = guard_and_behind()
    said: Headers = [(b"host", HOST), *([(b"sec-fetch-site", site)] if site else [])]
    opening = Asked("GET", f"/?token={guard.token}", [*said, (b"sec-fetch-mode", b"navigate")])
    opened = ask(guard, opening)
    assert (opened.status, opened.one(b"location")) == (303, b"/")
    assert with_headers(opened)
    cookie, *rules = opened.one(b"set-cookie").split(b"; ")
    assert cookie.startswith(b"backlit_8123=")
    assert rules == [b"HttpOnly", b"SameSite=Strict", b"Path=/"]
    assert guard.token.encode() not in cookie
    assert behind.came == []

    again = ask(guard, opening)
    refused(again, guard)
    assert again.status == 403
    assert b"opens the page once" in again.body

    known = ask(guard, changed(opening, b"cookie", b"other=1; " + cookie))
    assert (known.status, known.one(b"location"), known.all(b"set-cookie")) == (303, b"/", [])
    assert ask(guard, changed(opening, b"cookie", cookie)._replace(target="/")).body == b"through"


def test_a_token_that_is_followed_from_another_page_opens_it_as_the_pages_own_request():
    guard, _ = guard_and_behind()
    said = [(b"host", HOST), (b"sec-fetch-site", b"cross-site"), (b"sec-fetch-mode", b"navigate")]
    opened = ask(guard, Asked("GET", f"/?token={guard.token}", said))
    assert (opened.status, opened.one(b"refresh")) == (200, b"0; url=/")
    assert opened.one(b"set-cookie").startswith(b"backlit_8123=")


@pytest.mark.parametrize(
    "change", [str.upper, lambda token: token[:-1], lambda token: token + "x", lambda _: "", lambda _: "é"]
)
def test_another_token_opens_nothing_and_uses_nothing_up(change):
    guard, behind = guard_and_behind()
    said = [(b"host", HOST), (b"sec-fetch-site", b"none")]
    wrong = ask(guard, Asked("GET", f"/?token={change(guard.token)}", said))
    refused(wrong, guard)
    assert wrong.status == 403
    for path in ("/events", "/static/name", "/docs"):
        refused(ask(guard, Asked("GET", f"{path}?token={guard.token}", said)), guard)
    refused(ask(guard, Asked("POST", f"/?token={guard.token}", [*said, (b"origin", ORIGIN)])), guard)
    refused(ask(guard, Asked("GET", f"/?token={guard.token}", [(b"host", b"evil.example")])), guard)
    assert behind.came == []
    assert cookie_of(guard)


def test_each_guard_has_secrets_of_its_own():
    (one, _), (other, _) = guard_and_behind(), guard_and_behind()
    assert (
        len({one.token.encode(), other.token.encode(), *(cookie_of(each).partition(b"=")[2] for each in (one, other))})
        == 4
    )


def test_a_navigation_by_the_person_is_right():
    guard, behind = guard_and_behind()
    said = [(b"host", b"localhost:8123"), (b"sec-fetch-site", b"none"), (b"sec-fetch-mode", b"navigate")]
    cookie = cookie_of(guard)
    assert ask(guard, Asked("GET", "/", [*said, (b"cookie", cookie)])).status == 200
    assert behind.came == ["http"]


def test_a_cookie_that_another_server_of_the_machine_sets_hides_nothing():
    guard, behind = guard_and_behind()
    cookie = cookie_of(guard)
    ask(guard, changed(right("GET", "/", cookie), b"cookie", b"backlit_8123=planted; " + cookie))
    assert behind.came == ["http"]


@pytest.mark.parametrize("kind", ["websocket", "webtransport", "http2"])
def test_a_scope_of_another_type_does_not_come_through(kind):
    guard, behind = guard_and_behind()
    asked = right("GET", "/", cookie_of(guard))._replace(kind=kind)
    if kind == "websocket":
        assert ask(guard, asked).status == 403
    else:
        with pytest.raises(RuntimeError, match=f"does not serve '{kind}'"):
            ask(guard, asked)
    assert behind.came == []


def test_the_application_is_told_of_start_and_end():
    guard, behind = guard_and_behind()
    asyncio.run(guard({"type": "lifespan"}, None, None))
    assert behind.came == ["lifespan"]


def test_a_body_arrives_whole():
    guard, behind = guard_and_behind()
    most = LIMITS["/upload"]
    full = bodied(right("POST", "/upload", cookie_of(guard)), b"x" * (most - 3), b"", b"xyz")
    ask(guard, full)
    assert behind.body == b"x" * (most - 3) + b"xyz"


def test_a_body_that_does_not_come_is_given_up(monkeypatch):
    monkeypatch.setattr("backlit.page.guard.BODY_SECONDS", 0.02)
    guard, behind = guard_and_behind()

    async def waiting() -> Answered:
        return await answered(guard, right("POST", "/upload", cookie)._replace(chunks=(b"",), endless=True))

    cookie = cookie_of(guard)
    found = asyncio.run(waiting())
    refused(found, guard)
    assert (found.status, behind.came, BODY_SECONDS) == (408, [], 60.0)


def test_a_client_that_goes_within_its_body_is_not_answered():
    guard, behind = guard_and_behind()
    asked = right("POST", "/upload", cookie_of(guard))
    sent: list[Any] = []

    async def gone() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(guard(asked.scope(), gone, send))
    assert (sent, behind.came) == ([], [])


def test_what_an_application_says_is_kept_but_for_the_guards_own_headers():
    guard, _ = guard_and_behind()
    said = {"Cache-Control": "max-age=60", "Content-Security-Policy": "default-src *", "X-Other": "kept"}
    guard.app = PlainTextResponse("through", headers=said)
    found = ask(guard, right("GET", "/static/name", cookie_of(guard)))
    assert with_headers(found)
    assert (found.one(b"cache-control"), found.one(b"x-other")) == (b"max-age=60", b"kept")


@pytest.mark.parametrize(
    "route",
    [
        Mount("/static", routes=[]),
        Route("/both", PlainTextResponse("x"), methods=["GET", "POST"]),
        Route("/put", PlainTextResponse("x"), methods=["PUT"]),
        Route("/any", PlainTextResponse("x")),
    ],
)
def test_an_application_with_a_route_that_cannot_be_judged_is_not_served(route):
    with pytest.raises(TypeError, match="one method, GET or POST"):
        Guard(Starlette(routes=[route]), HERE, limits={})


def test_a_limit_of_no_route_is_a_mistake():
    app, _ = page_app()
    with pytest.raises(TypeError, match="no route for the limit of /uplaod"):
        Guard(app, HERE, limits={"/uplaod": 1})


@pytest.mark.parametrize(
    ("address", "hosts", "url"),
    [
        (HERE, ("127.0.0.1:8123", "localhost:8123", "[::1]:8123"), "http://127.0.0.1:8123/"),
        (Address("http", "::1", 80), ("127.0.0.1", "localhost", "[::1]"), "http://[::1]:80/"),
        (Address("https", "lab.school", 8123, False), ("lab.school:8123",), "https://lab.school:8123/"),
        (Address("https", "lab.school", 443, False), ("lab.school",), "https://lab.school:443/"),
        (Address("https", "fe80::1", 8123, False), ("[fe80::1]:8123",), "https://[fe80::1]:8123/"),
    ],
)
def test_the_hosts_of_an_address(address, hosts, url):
    assert address.hosts == tuple(host.encode() for host in hosts)
    assert address.origins == tuple(f"{address.scheme}://{host}".encode() for host in hosts)
    assert address.url == url


def test_over_tls_the_cookie_is_secure_and_only_the_given_name_is_right():
    guard, _ = guard_and_behind(Address("https", "lab.school", 8123, False))
    said = [(b"host", b"lab.school:8123"), (b"sec-fetch-site", b"none")]
    opened = ask(guard, Asked("GET", f"/?token={guard.token}", said))
    assert opened.one(b"set-cookie").endswith(b"; HttpOnly; SameSite=Strict; Path=/; Secure")
    for host in (b"localhost:8123", b"127.0.0.1:8123", b"lab.school"):
        refused(ask(guard, Asked("GET", "/", [(b"host", host)])), guard)
