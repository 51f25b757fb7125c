"""The addresses, on a thread with an event loop of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from typing import Any, List, NamedTuple, Optional

from aiohttp import web

from sandbox.stackstorm.server import controllers
from sandbox.stackstorm.server.api_error import ApiError
from sandbox.stackstorm.server.container import Container
from sandbox.stackstorm.server.controllers import ApiRequest, ApiResponse, Controller
from sandbox.stackstorm.server.faults import Faults

ON_PURPOSE = {"faultstring": "on purpose"}


class RecordedRequest(NamedTuple):
    """A request that was read: method, path with query, JSON of the body, token."""

    method: str
    path: str
    body: Any
    token: Optional[str]


class Server:
    """Serves a Container on 127.0.0.1. After `stop()` it starts again on the same port."""

    def __init__(self, system: Container, faults: Faults, port: int = 0) -> None:
        self.port = port
        self.requests: List[RecordedRequest] = []
        self._system = system
        self._faults = faults
        self._thread: Optional[threading.Thread] = None
        self._ready = threading.Event()
        self._failure: Optional[BaseException] = None

    def start(self) -> None:
        """Listen; returns once connections are accepted."""
        self._ready.clear()
        self._failure = None
        self._thread = threading.Thread(target=self._serve_here, name="fake-st2", daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Accept nothing more. A second call does nothing."""
        if self._thread is None:
            return
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        self._thread = None
        self._system.inquiries.settle_all()

    def _serve_here(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # told by start(), in the thread that can act on it
            self._failure = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        application = web.Application(client_max_size=16 << 20)
        for method, path, controller in controllers.ROUTES:
            application.router.add_route(method, path + "{slash:/?}", self._handler(controller))
        runner = web.AppRunner(
            application, handle_signals=False, access_log=None, shutdown_timeout=1
        )
        await runner.setup()
        try:
            await web.SockSite(runner, self._listener()).start()
            self._ready.set()
            await self._stopping.wait()
        finally:
            await runner.cleanup()

    def _listener(self) -> socket.socket:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        self.port = listener.getsockname()[1]
        return listener

    def _handler(self, controller: Controller) -> Any:
        async def handle(request: web.Request) -> web.StreamResponse:
            body = await request.text()
            token = request.headers.get("X-Auth-Token")
            record = RecordedRequest(request.method, request.path_qs, _json(body), token)
            self.requests.append(record)
            fault = self._faults.take(f"{request.method} {request.path}")
            if fault and fault.slow:
                await self._until(fault.slow)
            if fault and fault.status and not fault.done:
                return _answer(ApiResponse(ON_PURPOSE, fault.status))
            answer = await self._ask(controller, request, record)
            if fault and fault.cut:
                _cut(request)
            if fault and fault.status:
                answer = ApiResponse(ON_PURPOSE, fault.status)
            return _answer(answer)

        return handle

    async def _ask(
        self, controller: Controller, request: web.Request, record: RecordedRequest
    ) -> ApiResponse:
        try:
            caller = self._system.tokens.caller(record.token)
            path = {key: value for key, value in request.match_info.items() if key != "slash"}
            api_request = ApiRequest(self._system, caller, path, dict(request.query), record.body)
            answer = controller(api_request)
        except ApiError as refusal:
            return ApiResponse({"faultstring": refusal.text}, refusal.status)
        if answer.settle:
            await self._settle(answer.settle)
        return answer

    async def _settle(self, inquiry_id: str) -> None:
        """Leave the window open for its time, or until somebody settles it."""
        end = self._loop.time() + self._system.inquiries.window
        while self._loop.time() < end and self._system.inquiries.is_open(inquiry_id):
            await asyncio.sleep(min(0.01, self._system.inquiries.window))
        self._system.inquiries.settle(inquiry_id)

    async def _until(self, event: threading.Event) -> None:
        while not event.is_set() and not self._stopping.is_set():
            await asyncio.sleep(0.01)


def _json(body: str) -> Any:
    with contextlib.suppress(ValueError):
        return json.loads(body)
    return None


def _answer(answer: ApiResponse) -> web.Response:
    if answer.status == 204:
        return web.Response(status=204)
    return web.json_response(answer.document, status=answer.status, headers=answer.headers)


def _cut(request: web.Request) -> None:
    """Close the connection; what is answered then goes nowhere."""
    if request.transport is not None:
        request.transport.close()
