"""The addresses below /page, on the server of a LoopbackSlack."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any, Callable, Dict, Mapping, Set

from aiohttp import WSMsgType, web

from sandbox.page.elements import Wrong
from sandbox.page.page_actions import Deeds, people
from sandbox.page.view_state import Shown
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
        self._deeds = Deeds(slack)
        self._listeners: Set[asyncio.Event] = set()
        with slack.workspace.lock:
            self._begun = slack.workspace.next_ts()

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
        wrong = request_guard.objection(request.headers, request.scheme, navigation=path == "")
        if wrong:
            return _answer({"error": wrong}, 403)
        if path == "live" and request.method == "GET":
            return await self._live(request)
        try:
            return await self._answered(request, path)
        except Wrong as error:
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
            sent = self._deeds.sent.statuses()
            me = self._person(query.get("as", ""))
            shown = Shown(workspace, me, self._begun)
            count = query.get("count", "")
            everything = shown.everything(
                query.get("channel", ""),
                query.get("thread", ""),
                int(count) if count.isdecimal() else USUAL,
            )
        return {**everything, "sent": sent, "connected": len(self._slack.socket.connections)}

    def _person(self, user_id: str) -> str:
        """This person, or the first there is."""
        known = people(self._slack.workspace)
        if user_id in known or not known:
            return user_id
        return known[0]

    async def _do(self, request: web.Request, name: str) -> web.StreamResponse:
        asked = await _sent(request)
        deed: Callable[[str, Json], Json] = getattr(self._deeds, name)
        workspace = self._slack.workspace
        with workspace.lock:
            me = str(asked.get("as"))
            if me not in people(workspace):
                raise Wrong("There is nobody of that name.")
            done = deed(me, asked)
        self.changed()
        if "envelope_id" in done:  # look again when its time is over
            asyncio.get_running_loop().call_later(self._slack.socket.ack_timeout + 0.1, self._tell)
        return _answer(done)

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


async def _sent(request: web.Request) -> Json:
    """The JSON object that the browser sent. Only scripts of the page itself can send that type."""
    if request.content_type != "application/json":
        raise Wrong("Send JSON.")
    if (request.content_length or 0) > LARGEST:
        raise Wrong("That is too much at a time.")
    body = await file_host.receive(request, LARGEST + 1)
    if body.size > LARGEST:
        raise Wrong("That is too much at a time.")
    try:
        asked: Any = json.loads(bytes(body.content).decode("utf-8"))
        json.dumps(asked, ensure_ascii=False).encode("utf-8")  # half a surrogate pair is no text
    except ValueError:
        raise Wrong("Send JSON.") from None
    if not isinstance(asked, dict):
        raise Wrong("Send a JSON object.")
    return asked


def _answer(document: Dict[str, Any], status: int = 200) -> web.Response:
    return web.json_response(document, status=status)
