"""RTM and Socket Mode: the connections, what they are told, and the face for tests.

    slack.socket.push_event({"type": "message", …})
    slack.socket.wait_for(lambda: slack.socket.acknowledged, 5)
    slack.socket.connections[0].cut()

Socket Mode hands each envelope to one of its connections, in turn; RTM tells every connection
everything. All of this is callable from any thread.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import itertools
import json
import time
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Set, Union

from aiohttp import web

from sandbox.slack.behaviours import modals
from sandbox.slack.http import http_request, response_urls
from sandbox.slack.http.faults import Action, FaultList, Slow
from sandbox.slack.http.responses import Exchange, respond
from sandbox.slack.sockets import envelopes, rtm, socket_faults
from sandbox.slack.sockets.connection import FAIRNESS, Connection, Sendable
from sandbox.slack.sockets.delivery import Acknowledgement, Deliveries, Delivery, Record
from sandbox.slack.sockets.envelopes import text_of
from sandbox.slack.sockets.socket_faults import Close, Frames, HalfHandshake, HangHandshake
from sandbox.slack.sockets.tickets import RTM, SOCKET_MODE, Ticket, Tickets
from sandbox.slack.state.seed import GENERAL, OWNER
from sandbox.slack.state.tokens import APP_ID, Token
from sandbox.slack.state.workspace import Answerable, Json, Workspace


class Received(NamedTuple):
    """A text frame from a client that is no acknowledgement."""

    connection: int
    text: str


class SocketApi:
    """The sockets of a server, `slack.socket`. `faults` spoils connections (see socket_faults);
    `most` connections of Socket Mode at a time; `echoes`: what a client says comes back to it."""

    def __init__(self, workspace: Workspace, tokens: Dict[str, Token], tickets: Tickets) -> None:
        self.faults = FaultList()
        self.tickets = tickets
        self.most = 10
        self.echoes = False
        self.received: List[Received] = []
        self.record = Record()
        self.app_id = APP_ID
        self.url = ""
        self._workspace = workspace
        self._tokens = tokens
        self._deliveries = Deliveries(self.record)
        self._loop: Optional[asyncio.AbstractEventLoop] = None
        self._connections: List[Connection] = []
        self._running: Set[Connection] = set()
        self._tasks: Set[asyncio.Task[Any]] = set()
        self._numbers = itertools.count(1)
        self._names = itertools.count(1)
        # An app that has never used anything but RTM has no Socket Mode: no event waits for it.
        self._rtm_only = False
        self._socket_mode_used = False

    # What happened: any thread.

    @property
    def connections(self) -> List[Connection]:
        """The live connections, oldest first; a frozen one counts as live."""
        with self.record.changed:
            return list(self._connections)

    @property
    def acknowledged(self) -> List[Acknowledgement]:
        """What clients acknowledged, in the order in which it came."""
        return self.record.acknowledged

    @property
    def deliveries(self) -> List[Delivery]:
        """Every envelope that was sent, repeated ones too."""
        return self.record.deliveries

    @property
    def given_up(self) -> List[str]:
        """IDs of the events that are not delivered any more."""
        return self.record.given_up

    @property
    def failed(self) -> List[str]:
        """Envelope IDs of the commands and interactions that came while nobody was connected."""
        return self.record.failed

    @property
    def ack_timeout(self) -> float:
        """Seconds that an acknowledgement may take."""
        return self._deliveries.ack_timeout

    @ack_timeout.setter
    def ack_timeout(self, seconds: float) -> None:
        self._deliveries.ack_timeout = seconds

    @property
    def retry_after(self) -> Sequence[float]:
        """Seconds that each further attempt waits after a timeout; as many as there are."""
        return self._deliveries.retry_after

    @retry_after.setter
    def retry_after(self, seconds: Sequence[float]) -> None:
        self._deliveries.retry_after = seconds

    @property
    def window(self) -> float:
        """Seconds that an event waits for somebody to connect."""
        return self._deliveries.window

    @window.setter
    def window(self, seconds: float) -> None:
        self._deliveries.window = seconds

    def undelivered(self) -> List[Any]:
        """The events that wait for a Socket Mode connection, oldest first."""
        with self.record.changed:
            waiting = sorted(self._deliveries.pending, key=lambda pending: pending.number)
        return [pending.payload["event"] for pending in waiting]

    def settled(self) -> bool:
        """True where every envelope was acknowledged or given up, and no event waits."""
        return self._deliveries.settled()

    def wait_for(self, predicate: Callable[[], Any], timeout: float = 60) -> bool:
        """Wait until the predicate holds, looking whenever something happened here: a connection
        came or went, a frame went out, an answer came. False when the time ran out."""
        with self.record.changed:
            return bool(self.record.changed.wait_for(predicate, timeout))

    # What is to happen: any thread.

    def push_event(self, event: Any, **envelope: Any) -> str:
        """Any event to the connections, membership or not; returns its event_id.

        `envelope`: other members of the envelope (retry_attempt, envelope_id …) or of its payload
        (event_id, event_time, team_id, authorizations …).
        """
        event_id = str(envelope.get("event_id") or "Ev09{:08d}".format(next(self._names)))
        self._call(self._deliver_event, event, event_id, envelope)
        return event_id

    def push_command(
        self, text: str, command: str = "/st2", user: str = OWNER, channel: str = GENERAL
    ) -> str:
        """A slash command; returns its envelope_id. Lost where nobody is connected."""
        with self._workspace.lock:
            payload = envelopes.command(
                self._workspace, self.app_id, text, command, user, channel, self.url
            )
        place = Answerable(channel, user, float("inf"))
        return self._push(
            envelopes.SLASH_COMMANDS,
            payload,
            lambda options: response_urls.acknowledged(self._workspace, place, options),
        )

    def push_interaction(self, payload: Json, user: str = OWNER) -> str:
        """An interaction; what every one has is put around `payload`. Returns its envelope_id."""
        with self._workspace.lock:
            whole = envelopes.interaction(self._workspace, self.app_id, payload, user, self.url)
        return self._push(envelopes.INTERACTIVE, whole, self._on_answer(whole))

    def _on_answer(self, payload: Json) -> Optional[Callable[[Any], None]]:
        """What the acknowledgement of an interaction does: that of a submitted modal counts."""
        view_id = (payload.get("view") or {}).get("id")
        if payload["type"] != "view_submission" or view_id not in self._workspace.views:
            return None
        return lambda options: modals.acknowledged(self._workspace, view_id, options)

    def send_raw(self, data: Sendable, connection: Optional[Connection] = None) -> None:
        """Any frame to one connection, or to all: text, bytes, or an item of socket_faults."""
        for each in self.connections if connection is None else [connection]:
            each.send_raw(data)

    def disconnect(
        self,
        reason: str = "warning",
        close_after: Optional[float] = None,
        connection: Optional[Connection] = None,
    ) -> None:
        """Announce the end to one connection or all (RTM: goodbye), and close it so many seconds
        later; None leaves that to the client."""
        connections = self.connections if connection is None else [connection]
        self._call(self._disconnect, connections, reason, close_after)

    def burst(
        self,
        count: int,
        channel: Union[str, Sequence[str]] = GENERAL,
        user: str = OWNER,
        text: str = "burst",
        keep: bool = True,
    ) -> concurrent.futures.Future[int]:
        """`count` messages, "burst 0", "burst 1" …, as fast as the clients read; with several
        channels in turn. `keep` false leaves the history alone. The future's result is `count`,
        once the last one lies ready to be sent."""
        channels = [channel] if isinstance(channel, str) else list(channel)
        loop = self._running_loop()
        work = self._burst(count, channels, user, text, keep)
        return asyncio.run_coroutine_threadsafe(self._tracked(work), loop)

    def from_workspace(self, event: Json) -> None:
        """What happened in the workspace, for those whom Slack would tell of it."""
        bots = {token.user for token in self._tokens.values() if token.kind == "bot"}
        if self._loop is not None and envelopes.is_for(self._workspace, event, bots):
            with contextlib.suppress(RuntimeError):  # the server stops just now
                self.push_event(event)

    # The server's loop.

    def start(self, url: str) -> None:
        """Take part in the running loop; `url` is the server's root."""
        self.url = url
        self._loop = asyncio.get_running_loop()

    async def stop(self) -> None:
        """Say goodbye, end all connections and all work."""
        self._loop = None
        self._deliveries.stop()
        for task in list(self._tasks):
            task.cancel()
        for connection in list(self._connections):
            if connection.kind == RTM:
                connection.put(text_of({"type": "goodbye"}))
        # The turn in which the goodbyes are written.
        await asyncio.sleep(0)
        await asyncio.gather(*(connection.leave() for connection in list(self._running)))
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def serve(
        self,
        request: web.Request,
        record: http_request.Request,
        kind: str,
        stopping: asyncio.Event,
        others: FaultList,
    ) -> web.StreamResponse:
        """Response an upgrade: let the socket live, or spoil it as a fault (`others`: of the whole
        server) says."""
        action = self.faults.take(kind) or others.take(record.path)
        if action is not None and not isinstance(action, Frames):
            faulty = await _faulty_response(Exchange(request, _nothing, stopping), action)
            if faulty is not None:
                return faulty
        query = dict(record.query)
        text = query.get("ticket", "") if kind == SOCKET_MODE else record.path.split("/")[-1]
        ticket = self.tickets.take(kind, text)
        if ticket is None:
            return web.Response(status=401, text="no such ticket")
        return await self._live(
            request, ticket, action if isinstance(action, Frames) else Frames(), query
        )

    async def _live(
        self, request: web.Request, ticket: Ticket, plan: Frames, query: Dict[str, str]
    ) -> web.StreamResponse:
        connection = Connection(next(self._numbers), ticket, self._read, self._on_disconnect)
        self._running.add(connection)
        debug = query.get("debug_reconnects") == "true"
        try:
            return await connection.run(
                request, plan, lambda _: self._on_connect(connection, debug)
            )
        finally:
            self._running.discard(connection)

    def _on_connect(self, connection: Connection, debug: bool) -> None:
        others = sum(each.kind == SOCKET_MODE for each in self._connections)
        if connection.kind == SOCKET_MODE and others >= self.most:
            refusal = envelopes.disconnect("too_many_websockets", connection.app_id, others)
            connection.put(text_of(refusal))
            connection.put(Close(1000))
            return
        hello = envelopes.hello(connection.app_id, others + 1, debug)
        connection.begin(text_of(hello if connection.kind == SOCKET_MODE else rtm.HELLO))
        self._change(self._connections.append, connection)
        if connection.kind == SOCKET_MODE:
            self._rtm_only, self._socket_mode_used = False, True
            self._deliveries.add_connection(connection)
        else:
            self._rtm_only = not self._socket_mode_used

    def _on_disconnect(self, connection: Connection) -> None:
        if connection in self._connections:
            self._change(self._connections.remove, connection)
            self._deliveries.remove_connection(connection)

    def _read(self, connection: Connection, text: str) -> None:
        """A client said something."""
        try:
            frame = json.loads(text)
        except ValueError:
            frame = None
        is_object = isinstance(frame, dict)
        if self.echoes:
            connection.put(text)
        if (
            is_object
            and connection.kind == SOCKET_MODE
            and isinstance(frame.get("envelope_id"), str)
        ):
            self._deliveries.acknowledge(connection, frame["envelope_id"], frame.get("payload"))
            return
        self.record.note(self.received, Received(connection.number, text))
        if is_object and connection.kind == RTM:
            answer = rtm.answer(self._workspace, connection.user, frame)
            if answer is not None:
                connection.put(text_of(answer))

    def _deliver_event(self, event: Any, event_id: str, options: Json) -> None:
        """One event to every RTM connection and to one of Socket Mode."""
        listeners = [connection for connection in self._connections if connection.kind == RTM]
        if listeners and envelopes.is_for_rtm(event):
            text = text_of(event)
            for connection in listeners:
                connection.put(text, _ignore)
        if self._rtm_only:
            return
        more = {key: options[key] for key in options if key not in envelopes.OF_ENVELOPE}
        payload = envelopes.event_callback(
            self._workspace.team["id"], self.app_id, self._bot(), event, event_id, int(time.time())
        )
        payload.update(envelopes.shared(self._workspace, event))
        pending = self._deliveries.new_envelope(
            envelopes.EVENTS_API, {**payload, **more}, event_id, first=options
        )
        self._deliveries.submit(pending)

    def _bot(self) -> str:
        """The user that the app's bot is."""
        bots = [each for each in self._tokens.values() if each.kind == "bot"]
        return next((each.user for each in bots if each.app_id == self.app_id), "")

    def _push(
        self, kind: str, payload: Json, on_answer: Optional[Callable[[Any], None]] = None
    ) -> str:
        envelope_id = "loopback-{}-{}".format(kind, next(self._names))
        self._call(lambda: self._submit(kind, payload, envelope_id, on_answer))
        return envelope_id

    def _submit(
        self,
        kind: str,
        payload: Json,
        envelope_id: str,
        on_answer: Optional[Callable[[Any], None]],
    ) -> None:
        pending = self._deliveries.new_envelope(kind, payload)
        pending.on_answer = on_answer
        self._deliveries.submit(pending, envelope_id)

    def _disconnect(
        self, connections: List[Connection], reason: str, close_after: Optional[float]
    ) -> None:
        for connection in connections:
            rtm_says = {"type": "goodbye"}
            connection.put(
                text_of(rtm_says if connection.kind == RTM else envelopes.disconnect(reason))
            )
            if close_after is not None:
                asyncio.get_running_loop().call_later(close_after, connection.put, Close(1000))

    async def _burst(
        self, count: int, channels: List[str], user: str, text: str, keep: bool
    ) -> int:
        for number in range(count):
            channel = channels[number % len(channels)]
            self._announce(channel, user, "{} {}".format(text, number), keep)
            if number % FAIRNESS:
                continue
            # What was told waits in the loop; it lies with the connections after this turn.
            await asyncio.sleep(0)
            for connection in list(self._connections):
                await connection.room()
        return count

    def _announce(self, channel: str, user: str, text: str, keep: bool) -> None:
        if keep:
            self._workspace.say(user, channel, text)
            return
        with self._workspace.lock:
            event = self._workspace.unrecorded_message(user, channel, text)
        self.push_event(event)

    async def _tracked(self, work: Any) -> Any:
        """Do the work as a task that ends with the server."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await task

    def _change(self, function: Callable[[Connection], None], connection: Connection) -> None:
        with self.record.changed:
            function(connection)
            self.record.changed.notify_all()
        for watcher in list(self.record.watchers):
            watcher()

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            raise RuntimeError("the server does not run")
        return self._loop

    def _call(self, function: Callable[..., Any], *args: Any) -> None:
        self._running_loop().call_soon_threadsafe(function, *args)


def _ignore() -> None:
    """RTM: nothing is to be done when a frame goes out."""


async def _nothing(request: web.Request) -> web.StreamResponse:
    """What a spoiled upgrade would have answered."""
    return web.Response()


async def _faulty_response(exchange: Exchange, action: Action) -> Optional[web.StreamResponse]:
    """The spoiled answer to an upgrade; None where it only came late."""
    if isinstance(action, HangHandshake):
        await exchange.stopping.wait()
        return web.Response(status=503)
    if isinstance(action, HalfHandshake):
        transport = exchange.request.transport
        if transport is not None:
            transport.write(socket_faults.HALF_HANDSHAKE)
            transport.close()
        return web.Response()
    response = await respond(exchange, action)
    return None if isinstance(action, Slow) else response
