"""A small application with the page's routes, and the same served as a program: `python -m small_page`."""

from __future__ import annotations

import sys
import threading
import time
from itertools import count
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from backlit.errors import BacklitError
from backlit.page.events import Streams

LIMITS = {"/upload": 100_000}


def small_app(streams: Streams) -> Starlette:
    versions = count(1)

    async def told(request: Request) -> Response:
        body = await request.body()
        return PlainTextResponse(f"{request.scope['scheme']} {request.method} {request.scope['path']} {len(body)}")

    async def events(request: Request) -> Response:
        return streams.response(lambda: (next(versions), {"count": time.monotonic_ns()}))

    return Starlette(
        routes=[
            Route("/", told),
            Route("/static/{name}", told),
            Route("/events", events),
            Route("/command", told, methods=["POST"]),
            Route("/upload", told, methods=["POST"]),
            Route("/raster/{panel}/{kind}", told),
            Route("/save/{panel}/{kind}", told),
        ]
    )


def main() -> None:
    from backlit.page.serving import Place, serve

    streams = Streams()

    def train() -> None:
        while True:
            streams.changed()
            time.sleep(0.01)

    threading.Thread(target=train, daemon=True).start()
    options = dict(word.split("=") for word in sys.argv[1:])
    files = {name: Path(options[name]) for name in ("certificate", "key") if name in options}
    try:
        serve(
            small_app(streams),
            Place(options.get("host", "127.0.0.1"), int(options.get("port", "0")), **files),
            opened=lambda url: print(url, flush=True),  # noqa: T201
            ending=streams.end,
            limits=LIMITS,
        )
    except BacklitError as error:
        sys.exit(f"error: {error}")
    print("last words", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
