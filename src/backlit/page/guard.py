"""The guard of the page: the outermost ASGI application, which refuses every request that it does not know to be right.

A page on a port of this machine can be reached by every program on it, and by every web page that its browsers show.
`Guard.CHECKS` are what a request must pass, in this order, and each is needed:

* There is one Host, and it is the page's own, compared as a whole. A foreign name that is made to lead to this machine
  (DNS rebinding) differs. Nothing is made from the Host: what a request asks for is `scope["path"]` alone.
* No upgrade: the page has no sockets. A scope of any other type than "http" and "lifespan" is refused as well.
* The path is written plainly, in the letters that routes have.
* The Origin is the page's own. A GET may lack it, as browsers leave it out of one from the page itself.
* A token opens the page once, and gives the browser a cookie. Nothing else gives out either.
* Sec-Fetch-Site says that the page itself asks or, in a navigation, the person. Browsers that do not send it (Safari
  before 16.4) are judged by Origin and cookie: SameSite=Strict keeps the cookie from the requests of other sites.
* The cookie is right. Its name has the port, since all servers of a machine share their cookies.
* The route is known, and the method is its own. No route has HEAD.
* A POST has the page's own header, which the page of another origin cannot send without asking first.
* The body fits. A body is read here as a whole, so that a route never sees one that is too large or has no end.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import ClassVar, NamedTuple

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

USUAL_PORTS = {"http": 80, "https": 443}
"""Browsers leave these out of Host and Origin."""

COMMAND_BYTES = 64 * 1024
"""The largest body of a POST to a route without a limit of its own."""

BODY_SECONDS = 60.0
"""How long a body may take to arrive."""

OWN_HEADER = (b"x-backlit", b"1")

HEADERS = {
    b"content-security-policy": b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    b"img-src 'self' data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"referrer-policy": b"no-referrer",
}
"""What every answer has, a refusal too. Cache-Control is no-store where a route does not say otherwise."""

OPEN = "Open the address that the terminal printed when `backlit page` started: paste it into the browser."
AGAIN = "End `backlit page` in the terminal by Ctrl-C and start it again: it prints a new address."


class Address(NamedTuple):
    """Where a page is served: its scheme, host and port. An IPv6 address has no brackets here."""

    scheme: str
    host: str
    port: int
    loopback: bool = True

    @property
    def hosts(self) -> tuple[bytes, ...]:
        """What a browser that opens the page may send as Host."""
        names = ("127.0.0.1", "localhost", "[::1]") if self.loopback else (self._name,)
        port = "" if self.port == USUAL_PORTS[self.scheme] else f":{self.port}"
        return tuple(f"{name}{port}".encode() for name in names)

    @property
    def origins(self) -> tuple[bytes, ...]:
        """What it may send as Origin."""
        return tuple(f"{self.scheme}://".encode() + host for host in self.hosts)

    @property
    def url(self) -> str:
        """The address of the page, without a token."""
        return f"{self.scheme}://{self._name}:{self.port}/"

    @property
    def _name(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host


class Answer(NamedTuple):
    """An answer of the guard itself, a short text in plain words."""

    status: int
    words: str
    headers: tuple[tuple[bytes, bytes], ...] = ()

    async def send_by(self, send: Send) -> None:
        """Send it."""
        content = f"{self.words}\n".encode()
        headers = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", str(len(content)).encode()),
            *self.headers,
        ]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": content})


class Allowed(NamedTuple):
    """A route: the paths that it has, its method, and the most bytes of a body."""

    path: re.Pattern[str]
    method: str
    most: int


class Request:
    """What the checks look at: a scope's parts."""

    def __init__(self, scope: Scope) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.raw_path: bytes = scope.get("raw_path") or b""
        self.query: bytes = scope["query_string"]
        self.headers: list[tuple[bytes, bytes]] = list(scope["headers"])

    def all(self, name: bytes) -> list[bytes]:
        """Give the values of a header."""
        return [value for key, value in self.headers if key.lower() == name]

    def cookies(self, name: bytes) -> Iterator[bytes]:
        """Give the values of the cookies of a name: another server of this machine may have set one of it too."""
        for header in self.all(b"cookie"):
            for pair in header.split(b";"):
                key, _, value = pair.strip().partition(b"=")
                if key == name:
                    yield value


class Guard:
    """An ASGI application around a Starlette application: the one way to it.

    Attributes:
        address: where the page is served.
        token: opens the page once, as `opening_url` has it.

    Args:
        limits: the most bytes of a body by a route's path, such as {"/upload": 20_000_000}. Other POST routes take
            at most `COMMAND_BYTES`.
    """

    def __init__(self, app: Starlette, address: Address, *, limits: Mapping[str, int]) -> None:
        self.app: ASGIApp = app
        self.address = address
        self.allowed = allowed_routes(app, limits)
        self.token, self._used = secrets.token_urlsafe(32), False
        self._secret = secrets.token_urlsafe(32).encode()

    @property
    def opening_url(self) -> str:
        """The address that opens the page, once."""
        return f"{self.address.url}?token={self.token}"

    @cached_property
    def cookie_name(self) -> bytes:
        """The cookie's name: cookies are shared among ports."""
        return f"backlit_{self.address.port}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on to the application, or refuse it."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": "The page has no sockets."})
        else:
            raise RuntimeError(f"the page does not serve {scope['type']!r}")

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        for check in self.CHECKS:
            answer = check(self, request)
            if answer is not None:
                await answer.send_by(send)
                return
        if request.method == "POST":
            body = await _whole_body(receive, self._most(request))
            if isinstance(body, Answer):
                await body.send_by(send)
                return
            if body is None:
                return
            receive = _again(body, receive)
        await self.app(scope, receive, send)

    def _most(self, request: Request) -> int:
        routes = (route for route in self.allowed if route.path.fullmatch(request.path))
        return next((route.most for route in routes if route.method == request.method), 0)

    # ----------------------------------------------------------------------------------------------------- checks

    def check_host(self, request: Request) -> Answer | None:
        """The Host is the page's own."""
        hosts = request.all(b"host")
        if len(hosts) == 1 and hosts[0] in self.address.hosts:
            return None
        return Answer(403, f"This is not the page's own address. {OPEN}")

    def check_upgrade(self, request: Request) -> Answer | None:
        """Nothing is upgraded."""
        if not request.all(b"upgrade"):
            return None
        return Answer(400, "The page has no sockets: it sends what changes by /events.", CLOSE)

    def check_path(self, request: Request) -> Answer | None:
        """The path is written plainly."""
        plain = re.fullmatch(r"(/[A-Za-z0-9._-]*)+", request.path) and not re.search(r"//|/\.", request.path)
        if plain and request.raw_path in {b"", request.path.encode()}:
            return None
        return NOT_FOUND

    def check_origin(self, request: Request) -> Answer | None:
        """The Origin is the page's own; only a GET may lack it."""
        origins = request.all(b"origin")
        if not origins and request.method == "GET":
            return None
        if len(origins) == 1 and origins[0] in self.address.origins:
            return None
        return Answer(403, f"This was sent by another page than Backlit's own. {OPEN}")

    def check_token(self, request: Request) -> Answer | None:
        """A token opens the page, once."""
        name, _, given = request.query.partition(b"=")
        if (request.method, request.path, name) != ("GET", "/", b"token"):
            return None
        right = secrets.compare_digest(given, self.token.encode())
        if self._let_in(request):
            return Answer(303, "The page is open.", ((b"location", b"/"),))
        if right and not self._used:
            self._used = True
            return self._opened(request)
        if right:
            return Answer(403, f"This address opens the page once, and has been used by another browser. {AGAIN}")
        return Answer(403, f"This address does not open the page. {OPEN}")

    def _opened(self, request: Request) -> Answer:
        """Give the cookie and the clean address."""
        secure = b"; Secure" if self.address.scheme == "https" else b""
        cookie = b"%s=%s; HttpOnly; SameSite=Strict; Path=/%s" % (self.cookie_name, self._secret, secure)
        if request.all(b"sec-fetch-site") in ([], [b"none"], [b"same-origin"]):
            return Answer(303, "The page is open.", ((b"set-cookie", cookie), (b"location", b"/")))
        # Followed from another page, such as a terminal in a browser: a redirection would count as that page's
        # request and go without the cookie; this one counts as the page's own.
        return Answer(200, "The page opens.", ((b"set-cookie", cookie), (b"refresh", b"0; url=/")))

    def check_fetch_site(self, request: Request) -> Answer | None:
        """The page itself asks, or the person by a navigation, or a browser that does not say so."""
        sites, modes = request.all(b"sec-fetch-site"), request.all(b"sec-fetch-mode")
        typed = request.method == "GET" and modes in ([], [b"navigate"])
        if sites in ([], [b"same-origin"]) or (sites == [b"none"] and typed):
            return None
        return Answer(403, f"Another page led here, and the page opens only by its own address. {OPEN}")

    def check_cookie(self, request: Request) -> Answer | None:
        """The browser has been let in."""
        if self._let_in(request):
            return None
        words = f"This browser has not opened the page yet. {OPEN} If it has been used: {AGAIN}"
        return Answer(401, words, ((b"www-authenticate", b"Backlit"), *CLOSE))

    def _let_in(self, request: Request) -> bool:
        return any(secrets.compare_digest(value, self._secret) for value in request.cookies(self.cookie_name))

    def check_route(self, request: Request) -> Answer | None:
        """There is such a route, and it has this method."""
        methods = {route.method for route in self.allowed if route.path.fullmatch(request.path)}
        if not methods:
            return NOT_FOUND
        if request.method in methods:
            return None
        allow = ", ".join(sorted(methods))
        return Answer(405, f"This part of the page answers to {allow} only.", ((b"allow", allow.encode()), *CLOSE))

    def check_own_header(self, request: Request) -> Answer | None:
        """What is not a GET has the page's own header."""
        name, value = OWN_HEADER
        if request.method == "GET" or request.all(name) == [value]:
            return None
        return Answer(403, f"This was not sent by the page: it lacks the header X-Backlit: 1. {OPEN}", CLOSE)

    def check_length(self, request: Request) -> Answer | None:
        """The body is not announced as too large; a GET has none."""
        lengths = request.all(b"content-length")
        most = self._most(request)
        if request.all(b"transfer-encoding") and (request.method == "GET" or lengths):
            return _too_large(most)
        if all(length.isdigit() and int(length) <= most for length in lengths):
            return None
        return _too_large(most)

    CHECKS: ClassVar[tuple[Callable[[Guard, Request], Answer | None], ...]] = (
        check_host,
        check_upgrade,
        check_path,
        check_origin,
        check_token,
        check_fetch_site,
        check_cookie,
        check_route,
        check_own_header,
        check_length,
    )


CLOSE = ((b"connection", b"close"),)
"""A body that follows is not read."""

NOT_FOUND = Answer(404, "There is no such page here.", CLOSE)


def allowed_routes(app: Starlette, limits: Mapping[str, int]) -> tuple[Allowed, ...]:
    """Give what an application's routes allow: each has one method, GET or POST.

    Errors: a TypeError for a route that the guard cannot judge, and for a limit that belongs to no route.
    """
    found = []
    for route in app.routes:
        methods = (route.methods or set()) - {"HEAD"} if isinstance(route, Route) else set()
        if not isinstance(route, Route) or methods not in ({"GET"}, {"POST"}):
            raise TypeError(f"{route!r}: the guard knows a Route with one method, GET or POST")
        (method,) = methods
        most = limits.get(route.path, COMMAND_BYTES) if method == "POST" else 0
        found.append(Allowed(route.path_regex, method, most))
    unknown = set(limits) - {route.path for route in app.routes if isinstance(route, Route)}
    if unknown:
        raise TypeError(f"there is no route for the limit of {', '.join(sorted(unknown))}")
    return tuple(found)


def _with_headers(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [(key, value) for key, value in message.get("headers", ()) if key.lower() not in HEADERS]
            if not any(key.lower() == b"cache-control" for key, _ in kept):
                kept.append((b"cache-control", b"no-store"))
            message = {**message, "headers": [*kept, *HEADERS.items()]}
        await send(message)

    return sent


def _too_large(most: int) -> Answer:
    limit = f"at most {most:,} bytes" if most else "nothing"
    return Answer(413, f"That is too large: {limit} can be sent here.", CLOSE)


async def _whole_body(receive: Receive, most: int) -> bytes | Answer | None:
    """Read a body; give None where the client has gone, and an answer where it is too large or takes too long."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            more = True
            while more:
                message = await receive()
                if message["type"] != "http.request":
                    return None
                body += message.get("body", b"")
                if len(body) > most:
                    return _too_large(most)
                more = message.get("more_body", False)
    except TimeoutError:
        return Answer(408, f"That took longer than {BODY_SECONDS:.0f} seconds to arrive. Try again.", CLOSE)
    return bytes(body)


def _again(body: bytes, receive: Receive) -> Receive:
    """Give a body that has been read, and then what follows it."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def received() -> Message:
        return waiting.pop() if waiting else await receive()

    return received
