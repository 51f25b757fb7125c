"""The server: a thread with an event loop of its own, its routes, and what it remembers."""

from __future__ import annotations

import contextlib
import ssl
import tempfile
from pathlib import Path
from typing import Any, Awaitable, Callable, Dict, List, Optional

from aiohttp import web

from sandbox.slack.checks import facts
from sandbox.slack.http import (
    certificates,
    file_host,
    http_request,
    request_guard,
    response_urls,
    webhooks,
)
from sandbox.slack.http.faults import CutWhileRead, FaultList
from sandbox.slack.http.faulty_listener import FaultyListener
from sandbox.slack.http.rate_limits import RateLimits
from sandbox.slack.http.responses import Exchange, drop_empty_type, respond
from sandbox.slack.http.web_api import WebApi
from sandbox.slack.sockets.socket_api import SocketApi
from sandbox.slack.sockets.tickets import RTM, SOCKET_MODE, Tickets
from sandbox.slack.state import tokens
from sandbox.slack.state.rotation import Rotation
from sandbox.slack.state.seed import BOT, BOT_ID, OWNER, harbour_works
from sandbox.slack.state.workspace import Json, Workspace
from sandbox.threaded_server import ThreadedServer

GREATEST_BODY = 1 << 30
# A typed key, which newer versions of aiohttp ask for.
RECORD: Any = (
    web.RequestKey("record", http_request.Request) if hasattr(web, "RequestKey") else "record"
)
BODY: Any = web.RequestKey("body", file_host.Body) if hasattr(web, "RequestKey") else "body"
UPLOAD, PAGE = "upload", "page"
Page = Callable[[web.Request], Awaitable[web.StreamResponse]]


class LoopbackSlack(ThreadedServer):
    """A Slack on 127.0.0.1. `with LoopbackSlack() as slack: ...`, or `start()` and `stop()`.

    `tls`: None for plain http, else good, wrong_name or expired (see certificates.py);
    `port`: 0 for any free one. `limits`: the Web API's, None for none. `requests`
    lists every request that was read whole (of a large upload without its body). `watchers` are
    called, in any thread, after everything that may have changed something; `page` answers what is
    asked for below /page, and nothing records that.
    """

    def __init__(
        self, tls: Optional[str] = None, port: int = 0, workspace: Optional[Workspace] = None
    ) -> None:
        super().__init__("loopback-slack")
        self.faults = FaultList()
        self.limits: Optional[RateLimits] = None
        self.requests: List[http_request.Request] = []
        self.workspace = workspace or harbour_works()
        self.tokens: Dict[str, tokens.Token] = tokens.default_tokens(BOT, BOT_ID, OWNER)
        self.webhooks = webhooks.default_webhooks()
        self.tickets = Tickets()
        self.rotation = Rotation(self.tokens)
        self.socket = SocketApi(self.workspace, self.tokens, self.tickets)
        self.bot_token = tokens.BOT
        self.user_token = tokens.USER
        self.app_token = tokens.APP
        self.config_token = tokens.CONFIG
        self.watchers: List[Callable[[], None]] = []
        self.socket.record.watchers = self.watchers
        self.page: Optional[Page] = None
        self.ca_pem: Optional[str] = None
        self._tls = tls
        self._requested_port = port

    @property
    def url(self) -> str:
        """The root of the server, with a slash at its end."""
        scheme = "https" if self._tls else "http"
        return "{}://127.0.0.1:{}/".format(scheme, self._listener.port)

    @property
    def api_url(self) -> str:
        """Where the Web API is; a method's name is put behind it."""
        return self.url + "api/"

    @property
    def webhook_url(self) -> str:
        """An incoming webhook of an app: it posts to its own channel, under its own name."""
        return self.url.rstrip("/") + webhooks.APP_PATH

    @property
    def legacy_webhook_url(self) -> str:
        """One of the old custom integration, which honours channel, username and icons."""
        return self.url.rstrip("/") + webhooks.LEGACY_PATH

    @property
    def rtm_allowed(self) -> bool:
        """Whether the app is a classic one, which may use RTM."""
        return self.tickets.rtm_allowed

    @rtm_allowed.setter
    def rtm_allowed(self, allowed: bool) -> None:
        self.tickets.rtm_allowed = allowed

    @property
    def connections(self) -> int:
        """How many TCP connections were accepted."""
        return self._listener.accepted

    def start(self) -> LoopbackSlack:
        """Listen; returns once connections are accepted."""
        self.start_thread()
        return self

    def stop(self) -> None:
        """End all connections and the thread. A second call does nothing."""
        self.stop_thread()

    def __enter__(self) -> LoopbackSlack:
        return self.start()

    def __exit__(self, *exc_info: Any) -> None:
        self.stop()

    async def _serve(self) -> None:
        async with contextlib.AsyncExitStack() as stack:
            context = self._context(stack)
            runner = web.AppRunner(
                self._application(), handle_signals=False, access_log=None, shutdown_timeout=1
            )
            stack.push_async_callback(runner.cleanup)
            await runner.setup()
            assert runner.server is not None
            self._listener = FaultyListener(
                self.faults, runner.server, context, self._requested_port
            )
            stack.push_async_callback(self._listener.stop)
            self._web_api = WebApi(
                facts.load(),
                self.workspace,
                self.tokens,
                self.url,
                self.tickets,
                self.rotation,
            )
            stack.callback(self._subscribe(self.workspace.on_event))
            self.socket.start(self.url)
            stack.push_async_callback(self.socket.stop)
            self._listener.start()
            await self._serve_until_stopped()

    def _subscribe(self, before: Optional[Callable[[Json], None]]) -> Callable[[], None]:
        """Hear what happens in the workspace, beside whoever did before; returns how to end it."""

        def on_event(event: Json) -> None:
            if before is not None:
                before(event)
            self.socket.from_workspace(event)
            self._tell_watchers()

        def end() -> None:
            if self.workspace.on_event is on_event:
                self.workspace.on_event = before

        self.workspace.on_event = on_event
        return end

    def _tell_watchers(self) -> None:
        for watcher in list(self.watchers):
            watcher()

    def _context(self, stack: contextlib.AsyncExitStack) -> Optional[ssl.SSLContext]:
        """The TLS context, its CA in a folder that goes with the server."""
        if self._tls is None:
            return None
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="loopback-slack-"))
        ca_file = Path(folder) / "ca.pem"
        self.ca_pem = str(ca_file)
        return certificates.server_context(self._tls, ca_file)

    def _application(self) -> web.Application:
        """The route table: the Web API and what else Slack serves."""
        application = web.Application(
            client_max_size=GREATEST_BODY, middlewares=[self._record_request]
        )
        application.on_response_prepare.append(drop_empty_type)
        application.router.add_route("GET", "/api/{method:.*}", self._api)
        application.router.add_route("POST", "/api/{method:.*}", self._api)
        application.router.add_route("POST", "/services/{path:.*}", self._webhook)
        application.router.add_route("POST", "/commands/{path:.*}", self._response)
        application.router.add_route("POST", "/actions/{path:.*}", self._response)
        application.router.add_route("POST", file_host.UPLOAD, self._upload, name=UPLOAD)
        for file in (file_host.DOWNLOAD, file_host.PRIVATE):
            application.router.add_route("GET", file, self._download)
        application.router.add_route("GET", "/link/", self._socket_mode, name=SOCKET_MODE)
        application.router.add_route("GET", "/websocket/{ticket}", self._rtm, name=RTM)
        application.router.add_route("*", "/page{path:$|/.*}", self._page, name=PAGE)
        return application

    @web.middleware
    async def _record_request(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Read the request whole and record it; then a fault may spoil what the handler says."""
        if request.match_info.route.name == PAGE:  # it has the same guard, and answers of its own
            return await self._page(request)
        names = certificates.ELSEWHERE if self._tls == "wrong_name" else ()
        objection = request_guard.refusal_reason(request.headers, request.scheme, names=names)
        if objection:
            return web.Response(text=objection, status=403)
        try:
            return await self._handle(request, handler)
        finally:
            self._tell_watchers()

    async def _handle(self, request: web.Request, handler: Any) -> web.StreamResponse:
        method = request.match_info.get("method", "")
        action = None
        if request.match_info.route.name == UPLOAD:  # it may be more than goes into memory
            action = self.faults.take(request.path)
            if isinstance(action, CutWhileRead):
                return await file_host.cut(request, action.after, action.reset)
            request[BODY] = await file_host.receive(request)
            body = bytes(request[BODY].content)
        else:
            body = await request.read()
        peer = request.transport.get_extra_info("peername") if request.transport else None
        record = http_request.read(
            method,
            request.method,
            request.raw_path,
            request.headers,
            body,
            connection=self._listener.number_of(peer),
        )
        self.requests.append(record)
        request[RECORD] = record
        if request.match_info.route.name in (SOCKET_MODE, RTM):  # faults of sockets are taken there
            socket: web.StreamResponse = await handler(request)
            return socket
        if BODY not in request:
            action = self.faults.take(method or record.path)
        if action is None:
            response: web.StreamResponse = await handler(request)
            return response
        return await respond(Exchange(request, handler, self.stopping), action)

    async def _page(self, request: web.Request) -> web.StreamResponse:
        if self.page is None:
            raise web.HTTPNotFound
        return await self.page(request)

    async def _webhook(self, request: web.Request) -> web.StreamResponse:
        return webhooks.answer(self.workspace, self.webhooks, request[RECORD]).response()

    async def _response(self, request: web.Request) -> web.StreamResponse:
        return response_urls.answer(self.workspace, request[RECORD]).response()

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        ticket = request.match_info["ticket"]
        body = file_host.uploaded_file(request[RECORD], request[BODY])
        return file_host.take(self.workspace, ticket, body).response()

    async def _download(self, request: web.Request) -> web.StreamResponse:
        key = request.match_info["key"]
        return file_host.give(self.workspace, self.tokens, key, request[RECORD]).response()

    async def _socket_mode(self, request: web.Request) -> web.StreamResponse:
        return await self._socket(request, SOCKET_MODE)

    async def _rtm(self, request: web.Request) -> web.StreamResponse:
        return await self._socket(request, RTM)

    async def _socket(self, request: web.Request, kind: str) -> web.StreamResponse:
        return await self.socket.serve(request, request[RECORD], kind, self.stopping, self.faults)

    async def _api(self, request: web.Request) -> web.StreamResponse:
        record = request[RECORD]
        limited = self.limits.take(record.method) if self.limits is not None else None
        return (limited or self._web_api.answer(record)).response()
