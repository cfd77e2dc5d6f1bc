"""The page on loopback: `netspec view`.

Whoever asks must name this server as the host, come from no other origin, and know the token: the page itself by its address,
what the page asks for by a header, which no other site can send. Only the files given are read and written.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import SpecError
from netspec.optional import require_server
from netspec.page.document import version_of
from netspec.page.html import page, policy, start_data
from netspec.server.reviewing import Reviews
from netspec.server.run_folders import RunFolders
from netspec.server.spec_files import Changed, SpecFiles, given_against, given_parameters, given_picture

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["application", "loopback", "serve"]

_MOST = 4_000_000
"""Bytes of a request."""
_LOOK_AGAIN = 5_000
"""Milliseconds after which runs are looked at again: a process that is killed writes nothing."""
_LINES = "application/x-ndjson"


def loopback(port: int) -> socket.socket:
    """A socket on 127.0.0.1; port 0 takes a free one. Raises SpecError (NS501) where the port is taken."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(64)
    except OSError as error:
        listener.close()
        raise SpecError.of(
            "NS501", f"port {port} cannot be used: {error.strerror or error}", helps=["`--port 0` takes a free one"]
        ) from None
    return listener


def serve(files: SpecFiles, runs: RunFolders, listener: socket.socket, token: str, started: Callable[[], None]) -> None:
    """Serves until it is interrupted; `started` is called once it listens."""
    require_server()
    import uvicorn

    port = listener.getsockname()[1]
    app = application(files, runs, token, port, started)
    config = uvicorn.Config(app, log_level="critical", access_log=False, timeout_graceful_shutdown=1, lifespan="on")
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listener])


def application(
    files: SpecFiles, runs: RunFolders, token: str, port: int, started: Callable[[], None] = lambda: None
) -> Starlette:
    """The ASGI application. `port` is the one at which it is reached."""
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.routing import Route

    service = _Service(files, runs, token)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        started()
        yield
        service.close()

    return Starlette(
        routes=[
            Route("/", service.index),
            Route("/api/check", service.check, methods=["POST"]),
            Route("/api/write", service.write, methods=["POST"]),
            Route("/api/save", service.save, methods=["POST"]),
            Route("/api/review", service.review, methods=["POST"]),
            Route("/api/events", service.events),
        ],
        middleware=[Middleware(_Guard, token=token, port=port)],
        lifespan=lifespan,
    )


class _Guard:
    """Turns away what does not come from the page."""

    def __init__(self, app: Any, token: str, port: int) -> None:
        self._app, self._token = app, token
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            from starlette.requests import Request
            from starlette.responses import PlainTextResponse

            reason = self._refusal(Request(scope))
            if reason:
                await PlainTextResponse(reason, 403)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _refusal(self, request: Request) -> str:
        host, origin = request.headers.get("host", ""), request.headers.get("origin")
        if host not in self._hosts:
            return "unknown host"
        if origin is not None and origin not in {f"http://{name}" for name in self._hosts}:
            return "unknown origin"
        given = (
            request.query_params.get("token", "")
            if request.url.path == "/"
            else request.headers.get("x-netspec-token", "")
        )
        return (
            ""
            if secrets.compare_digest(given.encode(), self._token.encode())
            else "the token is missing: open the address that netspec view printed"
        )


class _Service:
    def __init__(self, files: SpecFiles, runs: RunFolders, token: str) -> None:
        self._files, self._runs, self._token = files, runs, token
        self._reviews = Reviews()
        self._open: set[asyncio.Event] = set()

    def close(self) -> None:
        """Ends the streams of changes."""
        for stop in self._open:
            stop.set()

    async def index(self, _: Request) -> Response:
        from starlette.concurrency import run_in_threadpool
        from starlette.responses import HTMLResponse, PlainTextResponse

        nonce = secrets.token_urlsafe(16)
        try:
            documents = await run_in_threadpool(lambda: [self._files.checked(name) for name in self._files.names])
            runs = await run_in_threadpool(self._runs.states)
        except SpecError as error:
            return PlainTextResponse(_messages(error), 422)
        text = page(start_data(documents, token=self._token, runs=runs), f"{documents[0]['file']} - netspec", nonce)
        headers = {
            "Content-Security-Policy": policy(nonce, "live"),
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cache-Control": "no-store",
        }
        return HTMLResponse(text, headers=headers)

    async def check(self, request: Request) -> Response:
        async def work(data: Mapping[str, Any]) -> Any:
            from starlette.concurrency import run_in_threadpool

            file, text, values, against = (
                _text(data, "file"),
                _text(data, "text"),
                given_parameters(data),
                given_against(data),
            )
            return await run_in_threadpool(self._files.checked, file, text, values, against)

        return await _answer(request, work)

    async def write(self, request: Request) -> Response:
        """PyTorch source or a picture of a text."""

        async def work(data: Mapping[str, Any]) -> Any:
            from starlette.concurrency import run_in_threadpool

            file, text, form = (_text(data, name) for name in ("file", "text", "form"))
            values, options = given_parameters(data), given_picture(data)
            return {"text": await run_in_threadpool(self._files.written, file, text, values, form, options)}

        return await _answer(request, work)

    async def save(self, request: Request) -> Response:
        async def work(data: Mapping[str, Any]) -> Any:
            from starlette.concurrency import run_in_threadpool

            words = (_text(data, name) for name in ("file", "text", "version"))
            return {"version": await run_in_threadpool(self._files.save, *words)}

        return await _answer(request, work)

    async def review(self, request: Request) -> Response:
        """Evaluates a run; lines of JSON as they come (see `netspec.training.review`)."""
        from starlette.responses import StreamingResponse

        async def work(data: Mapping[str, Any]) -> Any:
            path, part = self._runs.path(_text(data, "run")), _text(data, "part")
            return StreamingResponse(self._reviews.lines(path, part), media_type=_LINES)

        return await _answer(request, work)

    async def events(self, _: Request) -> Response:
        """A line of JSON for each spec whenever a spec or what it uses changes, and for each run whose folder has changed."""
        from starlette.responses import StreamingResponse

        return StreamingResponse(self._told(), media_type=_LINES, headers={"Cache-Control": "no-store"})

    async def _told(self) -> AsyncIterator[str]:
        stop = asyncio.Event()  # of this page: `awatch` sets it when the page goes
        self._open.add(stop)
        try:
            async for line in self._changes(stop):
                yield line
        finally:
            self._open.discard(stop)

    async def _changes(self, stop: asyncio.Event) -> AsyncIterator[str]:
        from starlette.concurrency import run_in_threadpool
        from watchfiles import awatch

        yield "\n"  # the page knows that it is heard
        known: dict[str, object] = {}
        for line in self._changed_runs(known):
            yield line
        watched: set[Path] | None = None
        while not stop.is_set():
            folders = await run_in_threadpool(self._files.folders)
            for line in self._texts() if folders != watched and watched is not None else ():
                yield line
            watched = folders
            if not folders:  # moved away, or being written anew
                await asyncio.sleep(1)
                continue
            with contextlib.suppress(FileNotFoundError):
                async for changes in awatch(
                    *sorted(map(str, folders)), recursive=False, debounce=100, step=20, stop_event=stop,
                    rust_timeout=_LOOK_AGAIN, yield_on_timeout=bool(self._runs.names),
                ):  # fmt: skip
                    specs = any(path.endswith(".net") for _, path in changes)
                    for line in (*(self._texts() if specs else ()), *self._changed_runs(known)):
                        yield line
                    if specs and await run_in_threadpool(self._files.folders) != folders:
                        break  # other files are used now

    def _texts(self) -> Iterator[str]:
        for name in self._files.names:
            event: dict[str, str | bool]
            try:
                text = self._files.source(name).text
                event = {"file": name, "text": text, "version": version_of(text)}
            except SpecError as error:
                event = {"file": name, "error": _messages(error), "gone": self._files.gone(name)}
            yield json.dumps(event) + "\n"

    def _changed_runs(self, known: dict[str, object]) -> Iterator[str]:
        """A line for each run that is not as `known` has it."""
        for name in self._runs.names:
            signature = self._runs.signature(name)
            if known.get(name) != signature:
                known[name] = signature
                with contextlib.suppress(SpecError):
                    yield json.dumps({"run": self._runs.state(name)}) + "\n"


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name)
    if not isinstance(value, str):
        raise ValueError(f"{name} is a text")
    return value


async def _answer(request: Request, work: Callable[[Mapping[str, Any]], Awaitable[Any]]) -> Response:
    """What `work` gives for the body, as JSON unless it is a response; what is wrong with the request is said in it.

    What is wrong with a text or a file is no refusal: an author meets it every day, and browsers log refusals as errors."""
    from starlette.requests import ClientDisconnect
    from starlette.responses import JSONResponse, Response

    body = b""
    try:
        async for piece in request.stream():
            body += piece
            if len(body) > _MOST:
                return JSONResponse({"error": "the text is too large"}, 413)
        data = json.loads(body)
        if not isinstance(data, dict):
            raise ValueError("the body is an object")
        found = await work(data)
        return found if isinstance(found, Response) else JSONResponse(found)
    except Changed as change:
        return JSONResponse({"version": version_of(change.text), "text": change.text})
    except SpecError as error:
        return JSONResponse({"error": _messages(error)})
    except KeyError:
        return JSONResponse({"error": "this file is not shown here"}, 404)
    except (ValueError, TypeError, RecursionError, ClientDisconnect) as error:
        return JSONResponse({"error": f"the request cannot be read: {error}"}, 400)


def _messages(error: SpecError) -> str:
    return "\n".join(d.message for d in error.diagnostics)
