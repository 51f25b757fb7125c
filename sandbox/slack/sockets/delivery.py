"""Which connection an envelope goes to, and that what is not acknowledged goes out again.

Everything here runs in the server's loop; the records may be read from any thread.
"""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence

from sandbox.slack.sockets.connection import Connection
from sandbox.slack.sockets.envelopes import EVENTS_API, OF_ENVELOPE, envelope, text_of
from sandbox.slack.state.workspace import Json


class Delivery(NamedTuple):
    """An envelope whose turn to be sent came. `order` counts deliveries and acknowledgements."""

    envelope_id: str
    type: str
    event_id: str
    attempt: int
    connection: int
    order: int


class Acknowledgement(NamedTuple):
    """An answer to an envelope, whether known or not; `payload` None where there was none."""

    envelope_id: str
    payload: Any
    order: int
    connection: int


class Record:
    """What happened on the Socket Mode connections. `changed` is notified of everything.

    `given_up`: event IDs that Slack stopped to deliver; `failed`: envelope IDs of commands and
    interactions that came while nobody was connected; `keep` false remembers nothing, for runs of
    millions of events; `watchers` are called after everything, in any thread.
    """

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.keep = True
        self.deliveries: List[Delivery] = []
        self.acknowledged: List[Acknowledgement] = []
        self.given_up: List[str] = []
        self.failed: List[str] = []
        self.watchers: List[Callable[[], None]] = []
        self._order = 0

    def note(self, into: List[Any], what: Any) -> None:
        """Remember and notify."""
        with self.changed:
            if self.keep:
                into.append(what)
            self.changed.notify_all()
        for watcher in self.watchers:
            watcher()

    def next_order(self) -> int:
        """The number of what happens now."""
        self._order += 1
        return self._order


@dataclass
class PendingEnvelope:
    """What has to be delivered once. `attempt`: from 0; `connection`: the one that has it now, or
    None; `last`: the one that had it before; `is_sent`: whether it went out; `on_answer`: called
    with the payload of its acknowledgement."""

    number: int
    kind: str
    payload: Any
    created: float
    event_id: str = ""
    first: Json = field(default_factory=dict)
    attempt: int = 0
    reason: str = ""
    envelope_ids: List[str] = field(default_factory=list)
    connection: Optional[Connection] = None
    last: Optional[Connection] = None
    timer: Optional[asyncio.TimerHandle] = None
    is_done: bool = False
    is_sent: bool = False
    on_answer: Optional[Callable[[Any], None]] = None

    def frame(self, envelope_id: str) -> Json:
        """The envelope; what was asked for holds for the first attempt."""
        envelope_json = envelope(self.kind, envelope_id, self.payload, self.attempt, self.reason)
        return {**envelope_json, **self.first} if self.attempt == 0 else envelope_json


class Deliveries:
    """The envelopes under way. `ack_timeout`, `retry_after` and `window` are in seconds: how long
    an acknowledgement may take, how long each further attempt waits, how long an event lives that
    nobody is there to take."""

    def __init__(self, record: Record) -> None:
        self.ack_timeout = 3.0
        self.retry_after: Sequence[float] = (0, 60, 300)
        self.window = 360.0
        self.record = record
        self.pending: List[PendingEnvelope] = []
        self._connections: List[Connection] = []
        self._turn = 0
        self._numbers = 0
        self._by_envelope: Dict[str, PendingEnvelope] = {}

    def new_envelope(
        self, kind: str, payload: Any, event_id: str = "", first: Optional[Json] = None
    ) -> PendingEnvelope:
        """A new envelope; `first`: members of its first envelope."""
        self._numbers += 1
        envelope_members = {
            key: value for key, value in (first or {}).items() if key in OF_ENVELOPE
        }
        now = asyncio.get_running_loop().time()
        return PendingEnvelope(self._numbers, kind, payload, now, event_id, envelope_members)

    def add_connection(self, connection: Connection) -> None:
        """A connection is there: it takes part, and what waits goes out, oldest first."""
        self._connections.append(connection)
        waiting, self.pending = sorted(self.pending, key=lambda pending: pending.number), []
        oldest = asyncio.get_running_loop().time() - self.window
        for pending in waiting:
            if pending.created < oldest:
                self._give_up(pending)
            else:
                self.submit(pending)

    def remove_connection(self, connection: Connection) -> None:
        """A connection is gone: what it had and did not acknowledge goes out again, in order."""
        if connection not in self._connections:
            return
        self._connections.remove(connection)
        unacknowledged = {
            pending.number: pending
            for pending in self._by_envelope.values()
            if pending.connection is connection and not pending.is_done
        }
        for _, pending in sorted(unacknowledged.items()):
            if not pending.is_sent:
                self.submit(pending)
            elif pending.kind == EVENTS_API:
                self._retry(pending, "connection_failed", at_once=True)
            else:
                self._finish(pending)

    def submit(self, pending: PendingEnvelope, envelope_id: str = "") -> None:
        """Hand it to the connection whose turn it is; without one an event waits."""
        pending.timer = None
        connection = self._next_connection(pending.last)
        if connection is not None:
            self._send(pending, connection, envelope_id)
        elif pending.kind == EVENTS_API:
            pending.connection = None
            with self.record.changed:
                self.pending.append(pending)
                self.record.changed.notify_all()
        else:
            self._finish(pending)
            self.record.note(self.record.failed, envelope_id)

    def acknowledge(self, connection: Connection, envelope_id: str, payload: Any) -> None:
        """An answer came; the event is not delivered again, whichever attempt it answers."""
        pending = self._by_envelope.get(envelope_id)
        if pending is not None:
            self._finish(pending)
            if pending.on_answer is not None:
                pending.on_answer(payload)
        record = Acknowledgement(envelope_id, payload, self.record.next_order(), connection.number)
        self.record.note(self.record.acknowledged, record)

    def stop(self) -> None:
        """Deliver nothing more; what was not acknowledged waits for the next start."""
        self._connections.clear()
        for pending in {each.number: each for each in self._by_envelope.values()}.values():
            waits = pending.timer is not None and pending.connection is None
            self._stop_timer(pending)
            if pending.kind != EVENTS_API:
                self._finish(pending)
            elif waits or (pending.connection is not None and not pending.is_sent):
                self.submit(pending)
            elif pending.connection is not None:
                self._retry(pending, "connection_failed", at_once=True)

    def settled(self) -> bool:
        """True where nothing is under way or waits."""
        return not (self._by_envelope or self.pending)

    def _next_connection(self, but: Optional[Connection]) -> Optional[Connection]:
        """The connection whose turn it is; another one than `but` where there is another."""
        others = [
            connection for connection in self._connections if connection is not but
        ] or self._connections
        if not others:
            return None
        self._turn += 1
        return others[self._turn % len(others)]

    def _send(self, pending: PendingEnvelope, connection: Connection, envelope_id: str) -> None:
        self._numbers += 1
        envelope_id = envelope_id or "loopback-envelope-{}".format(self._numbers)
        frame = pending.frame(envelope_id)
        pending.connection = pending.last = connection
        pending.is_sent = False
        pending.envelope_ids.append(frame["envelope_id"])
        self._by_envelope[frame["envelope_id"]] = pending
        record = Delivery(
            frame["envelope_id"],
            pending.kind,
            pending.event_id,
            pending.attempt,
            connection.number,
            0,
        )
        connection.put(text_of(frame), lambda: self._on_sent(pending, record))

    def _on_sent(self, pending: PendingEnvelope, record: Delivery) -> None:
        """The envelope goes out now: from now on the time for an acknowledgement runs."""
        pending.is_sent = True
        self.record.note(self.record.deliveries, record._replace(order=self.record.next_order()))
        if pending.kind == EVENTS_API and not pending.is_done:
            loop = asyncio.get_running_loop()
            pending.timer = loop.call_later(self.ack_timeout, self._retry, pending, "timeout")

    def _retry(self, pending: PendingEnvelope, reason: str, at_once: bool = False) -> None:
        """Let the next attempt begin, if there is one."""
        self._stop_timer(pending)
        if pending.attempt >= len(self.retry_after):
            self._give_up(pending)
            return
        wait = 0 if at_once else self.retry_after[pending.attempt]
        pending.attempt += 1
        pending.reason = reason
        if wait <= 0:
            self.submit(pending)
            return
        pending.connection = None  # the end of a connection does not concern it while it waits
        loop = asyncio.get_running_loop()
        pending.timer = loop.call_later(wait, self.submit, pending)

    def _give_up(self, pending: PendingEnvelope) -> None:
        self._finish(pending)
        self.record.note(self.record.given_up, pending.event_id)

    def _finish(self, pending: PendingEnvelope) -> None:
        pending.is_done = True
        self._stop_timer(pending)
        for envelope_id in pending.envelope_ids:
            self._by_envelope.pop(envelope_id, None)

    @staticmethod
    def _stop_timer(pending: PendingEnvelope) -> None:
        if pending.timer is not None:
            pending.timer.cancel()
            pending.timer = None
