"""Which connection an envelope goes to, and that what is not acknowledged goes out again.

Everything here runs in the server's loop; the records may be read from any thread.
"""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence

from sandbox.slack.sockets.connection import Link
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
class Parcel:
    """What is to be delivered once: `attempt` from 0; `link` has it (None:
    nobody), `last` had it before, `handed` when it was sent; `on_answer` is called with the payload
    of its acknowledgement."""

    number: int
    kind: str
    payload: Any
    made: float
    event_id: str = ""
    first: Json = field(default_factory=dict)
    attempt: int = 0
    reason: str = ""
    envelope_ids: List[str] = field(default_factory=list)
    link: Optional[Link] = None
    last: Optional[Link] = None
    timer: Optional[asyncio.TimerHandle] = None
    done: bool = False
    handed: bool = False
    on_answer: Optional[Callable[[Any], None]] = None

    def frame(self, envelope_id: str) -> Json:
        """The envelope; what was asked for holds for the first attempt."""
        made = envelope(self.kind, envelope_id, self.payload, self.attempt, self.reason)
        return {**made, **self.first} if self.attempt == 0 else made


class Deliveries:
    """The envelopes under way. `ack_timeout`, `retry_after` and `window` are in seconds: how long
    an acknowledgement may take, how long each further attempt waits, how long an event lives that
    nobody is there to take."""

    def __init__(self, record: Record) -> None:
        self.ack_timeout = 3.0
        self.retry_after: Sequence[float] = (0, 60, 300)
        self.window = 360.0
        self.record = record
        self.pending: List[Parcel] = []
        self._links: List[Link] = []
        self._turn = 0
        self._numbers = 0
        self._by_envelope: Dict[str, Parcel] = {}

    def parcel(
        self, kind: str, payload: Any, event_id: str = "", first: Optional[Json] = None
    ) -> Parcel:
        """A new parcel; `first`: members of its first envelope."""
        self._numbers += 1
        known = {key: value for key, value in (first or {}).items() if key in OF_ENVELOPE}
        now = asyncio.get_running_loop().time()
        return Parcel(self._numbers, kind, payload, now, event_id, known)

    def joined(self, link: Link) -> None:
        """A connection is there: it takes part, and what waits goes out, oldest first."""
        self._links.append(link)
        waiting, self.pending = sorted(self.pending, key=lambda parcel: parcel.number), []
        oldest = asyncio.get_running_loop().time() - self.window
        for parcel in waiting:
            if parcel.made < oldest:
                self._give_up(parcel)
            else:
                self.submit(parcel)

    def left(self, link: Link) -> None:
        """A connection is gone: what it had and did not acknowledge goes out again, in order."""
        if link not in self._links:
            return
        self._links.remove(link)
        held = {
            parcel.number: parcel
            for parcel in self._by_envelope.values()
            if parcel.link is link and not parcel.done
        }
        for _, parcel in sorted(held.items()):
            if not parcel.handed:
                self.submit(parcel)
            elif parcel.kind == EVENTS_API:
                self._again(parcel, "connection_failed", at_once=True)
            else:
                self._finish(parcel)

    def submit(self, parcel: Parcel, envelope_id: str = "") -> None:
        """Hand it to the connection whose turn it is; without one an event waits."""
        parcel.timer = None
        link = self._next_link(parcel.last)
        if link is not None:
            self._hand(parcel, link, envelope_id)
        elif parcel.kind == EVENTS_API:
            parcel.link = None
            with self.record.changed:
                self.pending.append(parcel)
                self.record.changed.notify_all()
        else:
            self._finish(parcel)
            self.record.note(self.record.failed, envelope_id)

    def acknowledge(self, link: Link, envelope_id: str, payload: Any) -> None:
        """An answer came; the event is not delivered again, whichever attempt it answers."""
        parcel = self._by_envelope.get(envelope_id)
        if parcel is not None:
            self._finish(parcel)
            if parcel.on_answer is not None:
                parcel.on_answer(payload)
        told = Acknowledgement(envelope_id, payload, self.record.next_order(), link.number)
        self.record.note(self.record.acknowledged, told)

    def stop(self) -> None:
        """Deliver nothing more; what was not acknowledged waits for the next start."""
        self._links.clear()
        for parcel in {each.number: each for each in self._by_envelope.values()}.values():
            waits = parcel.timer is not None and parcel.link is None
            self._stop_timer(parcel)
            if parcel.kind != EVENTS_API:
                self._finish(parcel)
            elif waits or (parcel.link is not None and not parcel.handed):
                self.submit(parcel)
            elif parcel.link is not None:
                self._again(parcel, "connection_failed", at_once=True)

    def settled(self) -> bool:
        """True where nothing is under way or waits."""
        return not (self._by_envelope or self.pending)

    def _next_link(self, but: Optional[Link]) -> Optional[Link]:
        """The connection whose turn it is; another one than `but` where there is another."""
        others = [link for link in self._links if link is not but] or self._links
        if not others:
            return None
        self._turn += 1
        return others[self._turn % len(others)]

    def _hand(self, parcel: Parcel, link: Link, envelope_id: str) -> None:
        self._numbers += 1
        envelope_id = envelope_id or "loopback-envelope-{}".format(self._numbers)
        frame = parcel.frame(envelope_id)
        parcel.link = parcel.last = link
        parcel.handed = False
        parcel.envelope_ids.append(frame["envelope_id"])
        self._by_envelope[frame["envelope_id"]] = parcel
        told = Delivery(
            frame["envelope_id"], parcel.kind, parcel.event_id, parcel.attempt, link.number, 0
        )
        link.put(text_of(frame), lambda: self._handed(parcel, told))

    def _handed(self, parcel: Parcel, told: Delivery) -> None:
        """The envelope goes out now: from now on the time for an acknowledgement runs."""
        parcel.handed = True
        self.record.note(self.record.deliveries, told._replace(order=self.record.next_order()))
        if parcel.kind == EVENTS_API and not parcel.done:
            loop = asyncio.get_running_loop()
            parcel.timer = loop.call_later(self.ack_timeout, self._again, parcel, "timeout")

    def _again(self, parcel: Parcel, reason: str, at_once: bool = False) -> None:
        """Let the next attempt begin, if there is one."""
        self._stop_timer(parcel)
        if parcel.attempt >= len(self.retry_after):
            self._give_up(parcel)
            return
        wait = 0 if at_once else self.retry_after[parcel.attempt]
        parcel.attempt += 1
        parcel.reason = reason
        if wait <= 0:
            self.submit(parcel)
            return
        parcel.link = None  # the end of a connection does not concern it while it waits
        loop = asyncio.get_running_loop()
        parcel.timer = loop.call_later(wait, self.submit, parcel)

    def _give_up(self, parcel: Parcel) -> None:
        self._finish(parcel)
        self.record.note(self.record.given_up, parcel.event_id)

    def _finish(self, parcel: Parcel) -> None:
        parcel.done = True
        self._stop_timer(parcel)
        for envelope_id in parcel.envelope_ids:
            self._by_envelope.pop(envelope_id, None)

    @staticmethod
    def _stop_timer(parcel: Parcel) -> None:
        if parcel.timer is not None:
            parcel.timer.cancel()
            parcel.timer = None
