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
from sandbox.threaded_server import ThreadedServer

ON_PURPOSE = {"faultstring": "on purpose"}


class RecordedRequest(NamedTuple):
    """A request that was read: method, path with query, JSON of the body, token."""

    method: str
    path: str
    body: Any
    token: Optional[str]


class Server(ThreadedServer):
    """Serves a Container on 127.0.0.1. After `stop()` it starts again on the same port."""

    def __init__(self, system: Container, faults: Faults, port: int = 0) -> None:
        super().__init__("fake-st2")
        self.port = port
        self.requests: List[RecordedRequest] = []
        self._system = system
        self._faults = faults

    def start(self) -> None:
        """Listen; returns once connections are accepted."""
        self.start_thread()

    def stop(self) -> None:
        """Accept nothing more. A second call does nothing."""
        if self.stop_thread():
            self._system.inquiries.settle_all()

    async def _serve(self) -> None:
        application = web.Application(client_max_size=16 << 20)
        for method, path, controller in controllers.ROUTES:
            application.router.add_route(method, path + "{slash:/?}", self._handler(controller))
        runner = web.AppRunner(
            application, handle_signals=False, access_log=None, shutdown_timeout=1
        )
        await runner.setup()
        try:
            await web.SockSite(runner, self._listener()).start()
            await self._serve_until_stopped()
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
        clock = asyncio.get_running_loop().time
        end = clock() + self._system.inquiries.window
        while clock() < end and self._system.inquiries.is_open(inquiry_id):
            await asyncio.sleep(min(0.01, self._system.inquiries.window))
        self._system.inquiries.settle(inquiry_id)

    async def _until(self, event: threading.Event) -> None:
        while not event.is_set() and not self.stopping.is_set():
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
