"""Keeps one workspace connected: open, live, notice death, back off, replace.

One loop for both transports. It never ends on a fault of Slack's or the network's: StackStorm gives
a sensor up after three deaths, so it has to heal itself.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Any, Callable, Deque, List, Optional

from st2slack.base.errors import Disconnected, RateLimited, Refusal, SettingsError, SlackError
from st2slack.sensor import frames
from st2slack.sensor.frames import Frame
from st2slack.sensor.websocket import Wire

QUIET = 30.0  # seconds without a byte after which a ping asks whether anybody is there
ANSWER = 10.0  # seconds for its pong, or anything else
HELLO = 10.0  # seconds for the greeting of a new connection
CLOGGED = 1.0  # seconds that sending may take before a connection is not closed in order
DRAIN = 1.0  # seconds that an old connection may still hand over what it holds
LULL = 0.3  # seconds without a frame after which it holds nothing more
LOOK = 1.0  # seconds between two looks at a connection
FIRST, CEILING, SLOW = 0.5, 60.0, 60.0  # seconds between tries: the first, the longest, in vain
LONGEST_ASKED = 300.0  # seconds: the longest Retry-After that is obeyed in full
STABLE = 60.0  # seconds after which a connection was a good one, even if nothing came
BRIEF = 1.0  # seconds: one that ended earlier is no success, whatever came
BRIEF_TRIES = 4  # … and counts as so many failed tries at the most
SETTLED = 3.0  # seconds that a connection must last to be told of, after one that was useless
CROWDED_TRIES = 5  # with too_many_websockets: so many at the usual pace, then one a minute

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
LINK_DISABLED, TOO_MANY = "link_disabled", "too_many_websockets"
_REASONS = {
    LINK_DISABLED: "Socket Mode was switched off for the app (%s): switch it on again",
    TOO_MANY: "the app has too many connections (%s): 10 are allowed",
}
CONNECTED, LOST, DEGRADED = "connected", "lost", "degraded"

Sink = Callable[["Link", Frame], None]


def left(reason: str) -> Disconnected:
    """The error for a `disconnect` with this reason, before hello or after it."""
    text = _REASONS.get(reason, "Slack closed the connection at once (%s)") % reason[:80]
    return Disconnected(text, reason=reason)


class Link:
    """One open socket, a thread that reads it into `sink`, and one that writes what is sent."""

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
        self._writer = threading.Thread(target=self._write, name="slack-writer", daemon=True)
        self._outgoing: Deque[str] = deque()
        self._is_outgoing = threading.Event()
        self._received = 0
        self._pinged: Optional[float] = None
        self._pings = 0
        self._sending: Optional[float] = None  # since when the writer tries to send
        self._taking = False
        self._early: List[Frame] = []
        self.opened = self.heard = self.last_frame = clock()
        self.frames = 0
        self.is_useful = False  # something came that is neither hello nor disconnect
        self.on_useful: Callable[[], None] = lambda: None  # called before it is handed over
        self.is_counted = False  # as a success or as a failed try, by Backoff
        self.asked_to_leave = ""
        self.ended = ""
        self.is_abandoned = False  # it fell silent: Slack may take it for alive

    def greet(self, timeout: float, stop: threading.Event) -> None:
        """Wait for the hello. Raises Disconnected where it does not come, and closes the socket."""
        try:
            self._wait_for_hello(self._clock() + timeout, stop)
        except Disconnected as error:
            # In order where Slack is there; otherwise nobody would answer.
            self.close() if error.reason else self._wire.cut()
            raise
        except BaseException:
            self._wire.cut()
            raise

    def _wait_for_hello(self, ends: float, stop: threading.Event) -> None:
        began = self._clock()
        while self._clock() < ends and not stop.is_set():
            data = self._wire.read(max(0.0, min(LOOK, ends - self._clock())))
            frame = self._transport.read(data) if data is not None else None
            if frame is not None and frame.kind == frames.HELLO:
                return
            if frame is not None and frame.kind == frames.LEAVE:
                raise left(frame.reason)
            if frame is not None:
                self._early.append(frame)  # its time comes when it is known what was missed
        raise Disconnected("Slack did not greet within %.3g s" % (self._clock() - began))

    def start(self) -> None:
        """Begin to read and to write."""
        self._writer.start()
        self._thread.start()

    def send(self, text: str) -> None:
        """Send a frame soon, without waiting; none where the connection has ended."""
        if not self.ended:
            self._outgoing.append(text)
            if not self._is_outgoing.is_set():
                self._is_outgoing.set()

    def watch(self, now: float, idle: bool) -> None:
        """Ping where it has been quiet; cut where nobody answers. `idle`: nothing waits unread."""
        received = self._wire.received
        if self._is_clogged(now, ANSWER):
            self.ended = "nothing could be sent for %.0f s" % ANSWER
            self._abandon()
        elif received != self._received or not idle:
            # While frames wait we do not read, so silence says nothing about the other side.
            self._received, self.heard, self._pinged = received, now, None
        elif self._pinged is None and now - self.heard >= QUIET:
            self._ping(now)
        elif self._pinged is not None and now - self._pinged >= ANSWER:
            self.ended = "nothing was heard for %.0f s, not even an answer to a ping" % (
                now - self.heard
            )
            self._abandon()

    def _abandon(self) -> None:
        self.is_abandoned = True
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
        while self._sending is not None or (self._outgoing and not self.ended):
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
            self._is_outgoing.set()

    def _write(self) -> None:
        """Send what waits, as much as there is at a time."""
        while not self.ended:
            self._is_outgoing.wait(1.0)
            self._is_outgoing.clear()
            if self._outgoing and not self._write_waiting():
                break

    def _write_waiting(self) -> bool:
        """False where the connection takes nothing more. What came over it can still be read."""
        self._sending = self._clock()  # before they are taken out: `close` looks at both
        try:
            self._wire.send_all([self._outgoing.popleft() for _ in range(len(self._outgoing))])
        except Disconnected:
            self._outgoing = deque(maxlen=0)
            return False
        finally:
            self._sending = None
        return True

    def _take(self, frame: Frame) -> None:
        if frame.kind == frames.LEAVE:
            self.asked_to_leave = frame.reason
            self._changed.set()
        elif frame.kind != frames.HELLO:
            # What no transport knows is no sign of life: RTM says more than hello by itself.
            if not self.is_useful and (frame.kind != frames.OTHER or frame.answer is not None):
                self.is_useful = True
                self.on_useful()
            self._sink(self, frame)


class Backoff:
    """How long to wait before the next try. `jitter`: a random number 0 to 1; times in seconds.

    `tries`: failed ones in a row. A connection that ended counts as one unless it was of use: else
    one that ends right after its hello would be opened again without a pause.
    """

    def __init__(self, jitter: Callable[[], float]) -> None:
        self._jitter = jitter
        self._crowded = 0
        self.tries = 0

    def fail(self, error: SlackError) -> float:
        """Count a try that failed; the pause before the next one."""
        self.tries += 1
        self._crowded += getattr(error, "reason", "") == TOO_MANY
        if self.is_in_vain(error):
            return SLOW
        asked = getattr(error, "retry_after", None)
        return self.pause() if asked is None else max(self.pause(), min(asked, LONGEST_ASKED))

    def end(self, is_useful: bool, lasted: float) -> bool:
        """Count a connection that ended or is to end. False where it was of no use at all."""
        if lasted >= STABLE or (is_useful and lasted >= BRIEF):
            self.tries = self._crowded = 0
        elif is_useful:
            self.tries = max(1, min(self.tries + 1, BRIEF_TRIES))
        else:
            self.tries += 1
        return is_useful or lasted >= STABLE

    def pause(self) -> float:
        """Seconds; 0 after a success. At least half of it is fixed, the rest is random."""
        if not self.tries:
            return 0.0
        step = min(CEILING, FIRST * 2.0 ** min(self.tries - 1, 10))
        return step * (0.5 + self._jitter() / 2)

    def is_in_vain(self, error: SlackError) -> bool:
        """Whether trying soon does not help."""
        if isinstance(error, RateLimited):
            return False
        if isinstance(error, Disconnected):
            # Slack also says so while an ordinary replacement of a connection is under way.
            return error.reason == LINK_DISABLED or (
                error.reason == TOO_MANY and self._crowded > CROWDED_TRIES
            )
        return isinstance(error, SettingsError) or (
            isinstance(error, Refusal) and error.code in IN_VAIN
        )


class Keeper:
    """The loop. `open_link` opens a socket and makes a Link of it, or raises a SlackError.

    `tell(state, why)` takes each change of either. `pump_is_empty` tells whether nothing
    waits unread. `clock` in seconds; `jitter` a random number 0 to 1. `missed` is told where a
    connection was left before it may have handed over all; `both(True)` that two are read from now
    on, `both(False)` that this is over. `date`: Unix seconds, for people.

    After a connection that was of no use the next one is told of as connected when something came
    over it, before that is handed over, or when it has lasted SETTLED seconds.
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
        date: Callable[[], float] = time.time,
    ) -> None:
        self._open_link = open_link
        self._tell = tell
        self._empty = pump_is_empty
        self._stop = stop
        self._changed = changed
        self._backoff = Backoff(jitter)
        self._clock = clock
        self._date = date
        self._missed = missed
        self._both = both
        self._lock = threading.Lock()
        self._told = ("", "")
        self._not_before = 0.0
        self._asked_to_wait = ""
        self._is_doubtful = False
        self.link: Optional[Link] = None
        self.reconnects = 0

    def run(self) -> None:
        """Until `stop` is set."""
        try:
            while not self._stop.is_set():
                self.link = self._connect()
                if self.link is not None:
                    self._live(self.link)
        finally:
            if self.link is not None:
                self.link.close()

    def _connect(self) -> Optional[Link]:
        while not self._stop.wait(max(0.0, self._not_before - self._clock())):
            try:
                return self._greeted()
            except SlackError as error:
                if not self._stop.is_set():
                    self._failed(error)
        return None

    def _greeted(self) -> Link:
        link = self._open_link()
        link.greet(HELLO, self._stop)
        self._asked_to_wait = ""
        return link

    def _failed(self, error: SlackError) -> None:
        """Tell of a failed try, and set the time of the next one."""
        self._postpone(error)
        why = str(error) + self._asked_to_wait
        self._say(DEGRADED if self._backoff.is_in_vain(error) else LOST, why)

    def _postpone(self, error: SlackError) -> None:
        pause = self._backoff.fail(error)
        self._not_before = self._clock() + pause
        asked = getattr(error, "retry_after", None)
        self._asked_to_wait = "" if asked is None else self._until(asked, pause)

    def _until(self, asked: float, pause: float) -> str:
        moment = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(self._date() + pause))
        return " (asked to wait %.0f s; the next try is at %s)" % (asked, moment)

    def _live(self, link: Link) -> None:
        self._begin(link)
        while not self._stop.is_set():
            self._changed.wait(LOOK if not link.asked_to_leave else self._soon())
            self._changed.clear()
            if link.asked_to_leave in _REASONS or link.ended:
                self._end(link)
                return
            if self._is_doubtful and self._clock() - link.opened >= SETTLED:
                self._trust(link)
            if link.asked_to_leave:
                self._count(link)
                link = self._replaced_in_time(link)
            link.watch(self._clock(), self._empty())

    def _soon(self) -> float:
        return max(0.0, min(LOOK, self._not_before - self._clock()))

    def _begin(self, link: Link) -> None:
        """Tell of a new connection, unless it has to prove itself first, and read it."""
        if self._is_doubtful:
            link.on_useful = lambda: self._trust(link)
        else:
            self._say(CONNECTED, "")
        link.start()

    def _trust(self, link: Link) -> None:
        if not link.ended:
            self._is_doubtful = False
            self._say(CONNECTED, "")

    def _count(self, link: Link) -> None:
        """Count the connection, once; where it was of no use the next one has to wait."""
        if link.is_counted:
            return
        link.is_counted = True
        now = self._clock()
        self._is_doubtful = not self._backoff.end(link.is_useful, now - link.opened)
        self._not_before = max(self._not_before, now + self._backoff.pause())

    def _end(self, link: Link) -> None:
        self._count(link)
        if link.asked_to_leave in _REASONS:
            link.close()
            self._failed(left(link.asked_to_leave))
            return
        self.reconnects += 1
        waiting = self._not_before > self._clock()
        self._say(LOST, link.ended + (self._asked_to_wait if waiting else ""))

    def _replaced_in_time(self, old: Link) -> Link:
        """A new connection when its time has come, else the old one, which serves till its end."""
        if self._clock() < self._not_before:
            return old
        try:
            return self._replaced(old)
        except SlackError as error:
            self._postpone(error)
            return old

    def _replaced(self, old: Link) -> Link:
        """A new connection, up before the old one is left. Raises SlackError: none can be had.

        What both hold is read before any of it is dispatched: so it can be put in order.
        """
        new = self._greeted()
        self.reconnects += 1
        self._both(True)
        try:
            self._begin(new)
            if not old.drain(self._stop):
                self._missed()
        except BaseException:
            new.close()
            raise
        finally:
            self._both(False)
        self.link = new
        return new

    def _say(self, state: str, why: str) -> None:
        """Tell of a change, once."""
        with self._lock:
            if (state, why) != self._told:
                self._told = (state, why)
                self._tell(state, why)
