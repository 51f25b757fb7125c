"""Keeps one workspace connected: open, live, notice death, back off, replace.

One loop for both transports. It never ends on a fault of Slack's or the network's: StackStorm gives
a sensor up after three deaths, so it has to heal itself.
"""

from __future__ import annotations

import threading
import time
from typing import Any, Callable, List, Optional

from st2slack.errors import Disconnected, RateLimited, Refusal, SettingsError, SlackError
from st2slack.events import frames
from st2slack.events.frames import Frame
from st2slack.events.socket import Wire

QUIET = 30.0  # seconds without a byte after which a ping asks whether anybody is there
ANSWER = 10.0  # seconds for its pong, or anything else
HELLO = 10.0  # seconds for the greeting of a new connection
CLOGGED = 1.0  # seconds that sending may take before a connection is not closed in order
DRAIN = 1.0  # seconds that an old connection may still hand over what it holds
LULL = 0.3  # seconds without a frame after which it holds nothing more
LOOK = 1.0  # seconds between two looks at a connection
FIRST, CEILING, SLOW = 0.5, 60.0, 60.0  # seconds between tries: the first, the longest, in vain

# Answers to opening that do not get better by trying: slow down, tell, do not exit (SLACK.md).
IN_VAIN = frozenset(
    (
        "not_authed",
        "invalid_auth",
        "account_inactive",
        "user_removed_from_team",
        "team_disabled",
        "token_revoked",
        "not_allowed_token_type",
        "missing_scope",
        "method_deprecated",
        "unknown_method",
        "no_permission",
        "access_denied",
    )
)
LEFT_FOR_GOOD = ("link_disabled", "too_many_websockets")
CONNECTED, LOST, DEGRADED = "connected", "lost", "degraded"

Sink = Callable[["Link", Frame], None]


class Link:
    """One open socket and the thread that reads it into `sink`."""

    def __init__(
        self,
        wire: Wire,
        transport: Any,
        sink: Sink,
        changed: threading.Event,
        clock: Callable[[], float],
    ) -> None:
        self._wire = wire
        self._transport = transport
        self._sink = sink
        self._changed = changed
        self._clock = clock
        self._thread = threading.Thread(target=self._read, name="slack-reader", daemon=True)
        self._received = 0
        self._pinged: Optional[float] = None
        self._pings = 0
        self._sending: Optional[float] = None  # since when somebody tries to send
        self._taking = False
        self._early: List[Frame] = []
        self.opened = self.heard = self.last_frame = clock()
        self.frames = 0
        self.asked_to_leave = ""
        self.ended = ""

    def greet(self, timeout: float) -> None:
        """Wait for the hello. Raises Disconnected where it does not come."""
        ends = self._clock() + timeout
        while self._clock() < ends:
            data = self._wire.read(min(1.0, timeout))
            frame = self._transport.read(data) if data is not None else None
            if frame is not None and frame.kind == frames.HELLO:
                return
            if frame is not None and frame.kind == frames.LEAVE:
                raise Disconnected("Slack closed the connection at once (%s)" % frame.reason)
            if frame is not None:
                self._early.append(frame)  # its time comes when it is known what was missed
        self._wire.cut()
        raise Disconnected("Slack did not greet within %g s" % timeout)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def send(self, text: str) -> bool:
        """Send a frame; False where the connection has ended."""
        self._sending = self._sending or self._clock()
        try:
            self._wire.send(text)
        except Disconnected:
            return False
        finally:
            self._sending = None
        return True

    def watch(self, now: float, idle: bool) -> None:
        """Ping where it has been quiet; cut where nobody answers. `idle`: nothing waits unread."""
        received = self._wire.received
        if self._is_clogged(now, ANSWER):
            self.ended = "nothing could be sent for %.0f s" % ANSWER
            self._wire.cut()
        elif received != self._received or not idle:
            # While frames wait we do not read, so silence says nothing about the other side.
            self._received, self.heard, self._pinged = received, now, None
        elif self._pinged is None and now - self.heard >= QUIET:
            self._ping(now)
        elif self._pinged is not None and now - self._pinged >= ANSWER:
            self.ended = "nothing was heard for %.0f s, not even an answer to a ping" % (
                now - self.heard
            )
            self._wire.cut()

    def drain(self, stop: threading.Event) -> bool:
        """Let it hand over what it still holds, for a short while, then leave it in order.

        False where that may not have been all.
        """
        ends, drained = self._clock() + DRAIN, False
        while not (drained or self.ended or stop.is_set()) and self._clock() < ends:
            # A reader that waits for room is quiet as well.
            drained = not self._taking and self._clock() - self.last_frame > LULL
            stop.wait(0.0 if drained else 0.05)
        self.close()
        self._thread.join(LULL)
        return drained and not self._thread.is_alive()

    def close(self) -> None:
        """Leave in order, where that is possible: CLOSE waits behind what is being sent."""
        while self._sending is not None:
            if self._is_clogged(self._clock(), CLOGGED):
                self._wire.cut()
                return
            time.sleep(0.02)
        self._wire.close()

    def _is_clogged(self, now: float, limit: float) -> bool:
        since = self._sending
        return since is not None and now - since >= limit

    def _ping(self, now: float) -> None:
        self._pinged, self._pings = now, self._pings + 1
        text = self._transport.ping(self._pings)
        try:
            self._wire.send(text) if text else self._wire.ping()
        except Disconnected as error:
            self.ended = str(error)

    def _read(self) -> None:
        try:
            while self._early:
                self._take(self._early.pop(0))
            while not self.ended:
                data = self._wire.read(1.0)
                if data is not None:
                    self.frames += 1
                    self._taking = True
                    self.last_frame = self._clock()
                    self._take(self._transport.read(data))
                    self._taking = False
        except Disconnected as error:
            self.ended = self.ended or str(error)
        finally:
            self.ended = self.ended or "the reader stopped"
            self._changed.set()

    def _take(self, frame: Frame) -> None:
        if frame.kind == frames.LEAVE:
            self.asked_to_leave = frame.reason
            self._changed.set()
        elif frame.kind != frames.HELLO:
            self._sink(self, frame)


class Keeper:
    """The loop. `open_link` opens a socket and makes a Link of it, or raises a SlackError.

    `tell(state, why)` takes changes of state, once each. `pump_is_empty` tells whether nothing
    waits unread. `clock` in seconds; `jitter` a random number 0 to 1. `missed` is told where a
    connection was left before it may have handed over all; `both(True)` that two are read from now
    on, `both(False)` that this is over.
    """

    def __init__(
        self,
        open_link: Callable[[], Link],
        tell: Callable[[str, str], None],
        pump_is_empty: Callable[[], bool],
        stop: threading.Event,
        changed: threading.Event,
        jitter: Callable[[], float],
        clock: Callable[[], float] = time.monotonic,
        missed: Callable[[], None] = lambda: None,
        both: Callable[[bool], None] = lambda begins: None,
    ) -> None:
        self._open_link = open_link
        self._tell = tell
        self._empty = pump_is_empty
        self._stop = stop
        self._changed = changed
        self._jitter = jitter
        self._clock = clock
        self._missed = missed
        self._both = both
        self._told = ("", "")
        self._not_before = 0.0
        self.link: Optional[Link] = None
        self.reconnects = 0

    def run(self) -> None:
        """Until `stop` is set."""
        while not self._stop.is_set():
            self.link = self._connect()
            if self.link is not None:
                self._live(self.link)
        if self.link is not None:
            self.link.close()

    def _connect(self) -> Optional[Link]:
        tries = 0
        self._stop.wait(max(0.0, self._not_before - self._clock()))
        while not self._stop.is_set():
            try:
                return self._greeted()
            except SlackError as error:
                tries += 1
                self._say(DEGRADED if self._in_vain(error) else LOST, str(error))
                self._stop.wait(self._pause(error, tries))
        return None

    def _greeted(self) -> Link:
        link = self._open_link()
        link.greet(HELLO)
        return link

    def _live(self, link: Link) -> None:
        self._say(CONNECTED, "")
        link.start()
        tries = 0
        while not self._stop.is_set():
            self._changed.wait(LOOK)
            self._changed.clear()
            if link.asked_to_leave in LEFT_FOR_GOOD:
                self._leave_for_good(link)
                return
            if link.ended:
                self.reconnects += 1
                self._say(LOST, link.ended)
                return
            if link.asked_to_leave and self._clock() >= self._not_before:
                try:
                    link, tries = self._replaced(link), 0
                except SlackError as error:  # the old one serves as long as it lives
                    tries += 1
                    self._not_before = self._clock() + self._pause(error, tries)
            link.watch(self._clock(), self._empty())

    def _replaced(self, old: Link) -> Link:
        """A new connection, up before the old one is left. Raises SlackError: none can be had.

        What both hold is read before any of it is dispatched: so it can be put in order.
        """
        new = self._greeted()
        self.reconnects += 1
        self._both(True)
        try:
            new.start()
            if not old.drain(self._stop):
                self._missed()
        finally:
            self._both(False)
        self.link = new
        return new

    def _leave_for_good(self, link: Link) -> None:
        reasons = {
            "link_disabled": "Socket Mode was switched off for the app: switch it on again",
            "too_many_websockets": "the app has too many connections: 10 are allowed",
        }
        self._say(DEGRADED, reasons[link.asked_to_leave])
        link.close()
        self._stop.wait(SLOW)

    def _pause(self, error: SlackError, tries: int) -> float:
        asked = getattr(error, "retry_after", None)
        if asked is not None:
            return float(asked)
        if self._in_vain(error):
            return SLOW
        step = min(CEILING, FIRST * 2.0 ** min(tries - 1, 10))
        return step * (0.5 + self._jitter() / 2)

    @staticmethod
    def _in_vain(error: SlackError) -> bool:
        if isinstance(error, RateLimited):
            return False
        return isinstance(error, SettingsError) or (
            isinstance(error, Refusal) and error.code in IN_VAIN
        )

    def _say(self, state: str, why: str) -> None:
        """Tell the operator once per state, not once per try."""
        if state != self._told[0] or (state == DEGRADED and why != self._told[1]):
            self._told = (state, why)
            self._tell(state, why)
