"""The routes of the page: the page itself, its static files, commands, uploads, rasters and files to save."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from markupsafe import Markup
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from backlit.errors import BacklitError
from backlit.page.endings import words_of
from backlit.page.events import Snapshot, Streams
from backlit.page.panels import PANELS
from backlit.page.panels.address import OF_VIEWS, VIEWS
from backlit.page.session import Part, Session
from backlit.page.uploads import LARGEST, uploaded_source
from backlit.show.charts.palette import CHART_STYLE
from backlit.show.live.network import EDGE_STYLE
from backlit.show.network.svg import NETWORK_STYLE, PIECES_STYLE
from backlit.show.pages import template

STATIC = Path(__file__).parent / "static"
KINDS = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}

COMING = Markup('<p class="quiet">This view is being drawn.</p>')


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    """A command: "panel.name", its arguments, and the panels that are to be seen after it."""

    do: str
    given: dict[str, Any] = {}
    panels: tuple[str, ...] = ()


def static_files() -> dict[str, tuple[str, bytes]]:
    """Give the static files by name, each with its media type; those of pictures and of checked work among them."""
    found = {path.name: path.read_text(encoding="utf-8") for path in STATIC.iterdir() if path.suffix in KINDS}
    found["pictures.css"] = f"{CHART_STYLE}\n{NETWORK_STYLE}\n{PIECES_STYLE}\n{EDGE_STYLE}"
    found["checked.css"] = template("check.css").render()
    kinds = {name: Path(name).suffix for name in found}
    return {name: (KINDS[kinds[name]], (dense(text) if kinds[name] == ".css" else text).encode())
            for name, text in found.items()}  # fmt: skip


def dense(style: str) -> str:
    """Give a style without the spaces that are there for its readers.

    >>> dense("a :is(b, c) { color: red; top: 0; }")
    'a :is(b,c){color:red;top:0;}'
    """
    for spaced, bare in (("{ ", "{"), (" {", "{"), (" }", "}"), ("; ", ";"), (": ", ":"), (", ", ",")):
        style = style.replace(spaced, bare)
    return style


LIMITS = {"/upload": LARGEST}
"""The most bytes of a body, for the guard; other routes take little."""


def app_of(session: Session, streams: Streams) -> Starlette:
    """Give the application of a session and its streams; whoever serves it puts the guard around it."""
    files = static_files()
    styles = sorted(name for name in files if name.endswith(".css"))
    session.listeners.append(streams.changed)

    async def page(request: Request) -> Response:
        return HTMLResponse(await run_in_threadpool(page_html, session, styles))

    async def static(request: Request) -> Response:
        kind, content = files.get(request.path_params["name"], ("text/plain", b""))
        return Response(content, 200 if content else 404, media_type=kind)

    async def events(request: Request) -> Response:
        panels = tuple(request.query_params.get("panels", "").split(","))
        return streams.response(changed_parts(session, panels))

    async def command(request: Request) -> Response:
        try:
            asked = msgspec.json.decode(await request.body(), type=Asked)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return JSONResponse({"error": f"The command cannot be read: {error}."}, 400)
        panels = touched(session, asked)
        with streams.answered_first():
            return await run_in_threadpool(answer, session, lambda: session.do(asked.do, asked.given), panels)

    async def upload(request: Request) -> Response:
        name, content = request.query_params.get("name", "table.csv"), await request.body()
        panels = tuple(request.query_params.get("panels", "").split(","))

        def take() -> None:
            session.take(uploaded_source(name, content, before=session.source))

        return await run_in_threadpool(answer, session, take, panels)

    async def raster(request: Request) -> Response:
        return await run_in_threadpool(raster_of, session, request.path_params["panel"], request.path_params["kind"])

    async def save(request: Request) -> Response:
        return await run_in_threadpool(saved, session, request.path_params["panel"], request.path_params["kind"])

    routes = [
        Route("/", page), Route("/static/{name}", static), Route("/events", events),
        Route("/command", command, methods=["POST"]), Route("/upload", upload, methods=["POST"]),
        Route("/raster/{panel}/{kind}", raster), Route("/save/{panel}/{kind}", save),
    ]  # fmt: skip
    packing = Middleware(GZipMiddleware, minimum_size=1_000, compresslevel=1)  # of streams it packs nothing
    return Starlette(routes=routes, middleware=[packing])


def page_html(session: Session, styles: Sequence[str]) -> str:
    """Give the page with the panels that are seen at first as they are now, and the style files of these names.

    Those of the other views come by the stream, when their view is shown.
    """
    shown = getattr(session.panels.get("address"), "shown", VIEWS[0][0])
    later = {name for view, names in OF_VIEWS.items() if view != shown for name in names}
    _, parts = session.draw(tuple(panel.name for panel in PANELS if panel.name not in later))
    drawn = {name: Markup(part.html) for name, part in parts.items()} | dict.fromkeys(later, COMING)
    made: str = template("live.html").render(
        title=session.source.title, parts=drawn, views=VIEWS, shown=shown, styles=styles
    )
    return made


def changed_parts(session: Session, panels: tuple[str, ...]) -> Snapshot:
    """Give the snapshots of one stream: the parts that have changed since the one before, and of them what changed."""
    seen: dict[str, Part] = {}

    def snapshot() -> tuple[int, dict[str, Any]]:
        version, parts = session.draw(panels)
        new: dict[str, Any] = {name: part for name, part in parts.items() if seen.get(name) != part}
        for name, part in new.items():
            if part.layout and name in seen and seen[name].layout == part.layout:
                new[name] = {"layout": part.layout, "numbers": part.numbers}
        seen.update(parts)
        return version, new

    return snapshot


def touched(session: Session, asked: Asked) -> tuple[str, ...]:
    """Give which of the panels that are seen a command's answer has; the stream brings the others."""
    panel = session.panels.get(asked.do.partition(".")[0])
    touches = panel.touches if panel is not None else ()
    return tuple(name for name in asked.panels if name in touches) if touches else asked.panels


def answer(session: Session, act: Callable[[], None], panels: tuple[str, ...]) -> Response:
    """Do something and answer with the panels as they are after it, or with what does not fit."""
    error = ""
    try:
        act()
    except BacklitError as wrong:
        error = str(wrong)
    except Exception as wrong:  # the person is to know of any
        logging.getLogger(__name__).exception("a command failed")
        error = words_of(wrong)
    version, parts = session.draw(panels)
    content = msgspec.json.encode({"version": version, "error": error, "parts": parts})
    return Response(content, 422 if error else 200, media_type="application/json")


def raster_of(session: Session, panel: str, kind: str) -> Response:
    """Give the numbers of a picture."""
    with session.view() as view:
        found = session.panels[panel].raster(kind, view) if panel in session.panels else None
    return Response(found or b"", 200 if found else 404, media_type="application/octet-stream")


def saved(session: Session, panel: str, kind: str) -> Response:
    """Give a file to save."""
    with session.turn():
        found = session.panels[panel].saved(kind) if panel in session.panels else None
    if found is None:
        return Response("there is no such file", 404, media_type="text/plain")
    name, media, content = found
    session.saved.append(name)
    return Response(content, media_type=media, headers={"Content-Disposition": f'attachment; filename="{name}"'})
