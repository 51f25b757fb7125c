"""The addresses below /page, on the server of a LoopbackSlack."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any, Callable, Dict, Mapping, Set

from aiohttp import WSMsgType, web

from sandbox.page.elements import BadRequest
from sandbox.page.page_actions import PageActions, people
from sandbox.page.view_state import ViewState
from sandbox.slack import LoopbackSlack
from sandbox.slack.http import file_host, request_guard
from sandbox.slack.state.workspace import Json

FILES = {path.name: path for path in (Path(__file__).parent / "static").iterdir()}
TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
LARGEST = 1 << 20  # bytes that the browser may send at a time
USUAL = 60  # messages that are shown without asking for earlier ones
DEEDS = ("say", "press", "submit", "close", "open", "join", "read")


def add(slack: LoopbackSlack) -> Page:
    """Let a Slack on loopback that runs have its page."""
    page = Page(slack)
    slack.watchers.append(page.changed)
    slack.page = page
    return page


class Page:
    """Answers what is asked for below /page; any thread may tell it that something `changed`."""

    def __init__(self, slack: LoopbackSlack) -> None:
        self._slack = slack
        self._actions = PageActions(slack)
        self._listeners: Set[asyncio.Event] = set()
        with slack.workspace.lock:
            self._started_at = slack.workspace.next_ts()

    @property
    def url(self) -> str:
        """Where the browser finds it."""
        return self._slack.url + "page"

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        response = await self._response(request)
        if not response.prepared:  # a WebSocket is
            response.headers.update(request_guard.headers_for(request.headers.get("Host", "")))
        return response

    async def _response(self, request: web.Request) -> web.StreamResponse:
        path = request.match_info["path"].strip("/")
        wrong = request_guard.refusal_reason(request.headers, request.scheme, navigation=path == "")
        if wrong:
            return _answer({"error": wrong}, 403)
        if path == "live" and request.method == "GET":
            return await self._live(request)
        try:
            return await self._answered(request, path)
        except BadRequest as error:
            return _answer({"error": str(error)}, 400)

    async def _answered(self, request: web.Request, path: str) -> web.StreamResponse:
        if path == "state" and request.method == "GET":
            return _answer(self._state(request.query))
        if path in DEEDS and request.method == "POST":
            return await self._do(request, path)
        file = FILES.get(path or "page.html")
        if request.method != "GET" or file is None:
            return _answer({"error": "There is nothing here."}, 404)
        kind = TYPES[file.suffix]
        return web.Response(body=file.read_bytes(), content_type=kind, charset="utf-8")

    def _state(self, query: Mapping[str, str]) -> Json:
        workspace = self._slack.workspace
        with workspace.lock:
            statuses = self._actions.envelopes_sent.statuses()
            me = self._person(query.get("as", ""))
            state = ViewState(workspace, me, self._started_at)
            count = query.get("count", "")
            everything = state.everything(
                query.get("channel", ""),
                query.get("thread", ""),
                int(count) if count.isdecimal() else USUAL,
            )
        return {**everything, "sent": statuses, "connected": len(self._slack.socket.connections)}

    def _person(self, user_id: str) -> str:
        """This person, or the first there is."""
        people_ids = people(self._slack.workspace)
        if user_id in people_ids or not people_ids:
            return user_id
        return people_ids[0]

    async def _do(self, request: web.Request, name: str) -> web.StreamResponse:
        body = await _read_json(request)
        action: Callable[[str, Json], Json] = getattr(self._actions, name)
        workspace = self._slack.workspace
        with workspace.lock:
            me = str(body.get("as"))
            if me not in people(workspace):
                raise BadRequest("There is nobody of that name.")
            response_json = action(me, body)
        self.changed()
        if "envelope_id" in response_json:  # look again when its time is over
            asyncio.get_running_loop().call_later(self._slack.socket.ack_timeout + 0.1, self._tell)
        return _answer(response_json)

    # --- telling browsers that something changed ---

    def changed(self) -> None:
        """Any thread: whoever looks at the page is to look again."""
        loop = self._slack.loop
        if self._listeners and loop is not None:
            with contextlib.suppress(RuntimeError):  # the server stops just now
                loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        for listener in self._listeners:
            listener.set()

    async def _live(self, request: web.Request) -> web.StreamResponse:
        """A WebSocket that says `changed`, once for all that happened since the last time."""
        socket = web.WebSocketResponse(heartbeat=20)
        await socket.prepare(request)
        listener = asyncio.Event()
        self._listeners.add(listener)
        telling = asyncio.ensure_future(self._keep_telling(socket, listener))
        stopping = asyncio.ensure_future(self._close_in_the_end(socket))
        try:
            async for message in socket:
                if message.type != WSMsgType.TEXT:
                    break
        finally:
            self._listeners.discard(listener)
            for task in (telling, stopping):
                task.cancel()
            await asyncio.gather(telling, stopping, return_exceptions=True)
        return socket

    @staticmethod
    async def _keep_telling(socket: web.WebSocketResponse, listener: asyncio.Event) -> None:
        while True:
            await listener.wait()
            listener.clear()
            await socket.send_str("changed")

    async def _close_in_the_end(self, socket: web.WebSocketResponse) -> None:
        await self._slack.stopping.wait()
        await socket.close(code=1001)


async def _read_json(request: web.Request) -> Json:
    """The JSON object that the browser sent. Only scripts of the page itself can send that type."""
    if request.content_type != "application/json":
        raise BadRequest("Send JSON.")
    if (request.content_length or 0) > LARGEST:
        raise BadRequest("That is too much at a time.")
    received = await file_host.receive(request, LARGEST + 1)
    if received.size > LARGEST:
        raise BadRequest("That is too much at a time.")
    try:
        body: Any = json.loads(bytes(received.content).decode("utf-8"))
        json.dumps(body, ensure_ascii=False).encode("utf-8")  # half a surrogate pair is no text
    except ValueError:
        raise BadRequest("Send JSON.") from None
    if not isinstance(body, dict):
        raise BadRequest("Send a JSON object.")
    return body


def _answer(document: Dict[str, Any], status: int = 200) -> web.Response:
    return web.json_response(document, status=status)
