"""Keeps one workspace connected: opens connections, pings them, reconnects, replaces them.

One loop for both transports. No fault of Slack or of the network ends it: StackStorm does not start
a sensor again after it has ended three times.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Callable, Deque, List, Optional, Protocol

from st2slack.base.errors import Disconnected, RateLimited, SettingsError, SlackApiError, SlackError
from st2slack.sensor import frames
from st2slack.sensor.frames import Frame
from st2slack.sensor.transport import Transport
from st2slack.sensor.websocket import WebSocket

PING_AFTER = 30.0  # seconds without a byte after which a ping is sent
PONG_TIMEOUT = 10.0  # seconds for its pong, or any other byte
HELLO_TIMEOUT = 10.0  # seconds for the hello of a new connection
SEND_TIMEOUT = 1.0  # seconds that sending may take before a connection is not closed in order
DRAIN_TIMEOUT = 1.0  # seconds that an old connection may still hand over what it holds
DRAIN_IDLE = 0.3  # seconds without a frame after which it holds nothing more
POLL_INTERVAL = 1.0  # seconds between two checks of a connection
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 60.0  # seconds between two attempts
PERMANENT_PAUSE = 60.0  # seconds, where an attempt soon cannot succeed
LONGEST_RETRY_AFTER = 300.0  # seconds: the longest Retry-After that is obeyed in full
STABLE_AFTER = 60.0  # seconds after which a connection was a good one, even if nothing came
SHORT = 1.0  # seconds: one that ended earlier is no success, whatever came
SHORT_TRIES = 4  # … and counts as so many failed tries at the most
# After a useless connection the next one is reported when it has lasted so many seconds.
CONFIRMED_AFTER = 3.0
TOO_MANY_TRIES = 5  # with too_many_websockets: attempts at the usual pace, then one a minute

# Answers to opening that another attempt does not change: slow down and report, do not exit.
PERMANENT_ERRORS = frozenset(
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

Sink = Callable[["Connection", Frame], None]


def disconnect_error(reason: str) -> Disconnected:
    """The error for a `disconnect` with this reason, before hello or after it."""
    text = _REASONS.get(reason, "Slack closed the connection at once (%s)") % reason[:80]
    return Disconnected(text, reason=reason)


class Connection:
    """One open socket, a thread that reads it into `sink`, and one that writes what is sent."""

    def __init__(
        self,
        websocket: WebSocket,
        transport: Transport,
        sink: Sink,
        changed: threading.Event,
        clock: Callable[[], float],
    ) -> None:
        self._websocket = websocket
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
        self._is_handling = False
        self._before_hello: List[Frame] = []
        self.opened = self.last_received = self.last_frame = clock()
        self.frames = 0
        self.is_useful = False  # something came that is neither hello nor disconnect
        self.on_useful: Callable[[], None] = lambda: None  # called before it is handed over
        self.is_counted = False  # as a success or as a failed try, by Backoff
        self.disconnect_reason = ""
        self.end_reason = ""
        self.is_abandoned = False  # it fell silent: Slack may take it for alive

    def wait_for_hello(self, timeout: float, stop: threading.Event) -> None:
        """Wait for the hello. Raises Disconnected where it does not come, and closes the socket."""
        try:
            self._wait_for_hello(self._clock() + timeout, stop)
        except Disconnected as error:
            # In order where Slack is there; otherwise nobody would answer.
            self.close() if error.reason else self._websocket.abort()
            raise
        except BaseException:
            self._websocket.abort()
            raise

    def _wait_for_hello(self, ends: float, stop: threading.Event) -> None:
        began = self._clock()
        while self._clock() < ends and not stop.is_set():
            data = self._websocket.read(max(0.0, min(POLL_INTERVAL, ends - self._clock())))
            frame = self._transport.read(data) if data is not None else None
            if frame is not None and frame.kind == frames.HELLO:
                return
            if frame is not None and frame.kind == frames.DISCONNECT:
                raise disconnect_error(frame.reason)
            if frame is not None:
                self._before_hello.append(frame)  # handled once the gaps are known
        raise Disconnected("Slack did not greet within %.3g s" % (self._clock() - began))

    def start(self) -> None:
        """Begin to read and to write."""
        self._writer.start()
        self._thread.start()

    def send(self, text: str) -> None:
        """Send a frame soon, without waiting; none where the connection has ended."""
        if not self.end_reason:
            self._outgoing.append(text)
            if not self._is_outgoing.is_set():
                self._is_outgoing.set()

    def check(self, now: float) -> None:
        """Ping after silence; abort without an answer."""
        received = self._websocket.received
        if self._is_send_blocked(now, PONG_TIMEOUT):
            self.end_reason = "nothing could be sent for %.0f s" % PONG_TIMEOUT
            self._abandon()
        elif received != self._received:
            self._received, self.last_received, self._pinged = received, now, None
        elif self._pinged is None and now - self.last_received >= PING_AFTER:
            self._ping(now)
        elif self._pinged is not None and now - self._pinged >= PONG_TIMEOUT:
            self.end_reason = "nothing was heard for %.0f s, not even an answer to a ping" % (
                now - self.last_received
            )
            self._abandon()

    def _abandon(self) -> None:
        self.is_abandoned = True
        self._websocket.abort()

    def drain(self, stop: threading.Event) -> bool:
        """Let it hand over what it still holds, for a short while, then leave it in order.

        False where that may not have been all.
        """
        began, drained = self._clock(), False
        ends = began + DRAIN_TIMEOUT
        while not (drained or self.end_reason or stop.is_set()) and self._clock() < ends:
            # A reader that waits for room, or has not come to read yet, is quiet as well.
            quiet = self._clock() - max(began, self.last_frame)
            drained = not self._is_handling and quiet > DRAIN_IDLE
            stop.wait(0.0 if drained else 0.05)
        self.close()
        self._thread.join(DRAIN_IDLE)
        return drained and not self._thread.is_alive()

    def close(self) -> None:
        """Leave in order, where that is possible: CLOSE waits behind what is being sent."""
        while self._sending is not None or (self._outgoing and not self.end_reason):
            if self._is_send_blocked(self._clock(), SEND_TIMEOUT):
                self._websocket.abort()
                return
            time.sleep(0.02)
        self._websocket.close()

    def _is_send_blocked(self, now: float, limit: float) -> bool:
        since = self._sending
        return since is not None and now - since >= limit

    def _ping(self, now: float) -> None:
        self._pinged, self._pings = now, self._pings + 1
        text = self._transport.ping(self._pings)
        try:
            self._websocket.send(text) if text else self._websocket.ping()
        except Disconnected as error:
            self.end_reason = str(error)

    def _read(self) -> None:
        try:
            while self._before_hello:
                self._handle(self._before_hello.pop(0))
            while not self.end_reason:
                data = self._websocket.read(1.0)
                if data is not None:
                    self.frames += 1
                    self._is_handling = True
                    self.last_frame = self._clock()
                    self._handle(self._transport.read(data))
                    self._is_handling = False
        except Disconnected as error:
            self.end_reason = self.end_reason or str(error)
        finally:
            self.end_reason = self.end_reason or "the reader stopped"
            self._changed.set()
            self._is_outgoing.set()

    def _write(self) -> None:
        """Send what waits, as much as there is at a time."""
        while not self.end_reason:
            self._is_outgoing.wait(1.0)
            self._is_outgoing.clear()
            if self._outgoing and not self._write_waiting():
                break

    def _write_waiting(self) -> bool:
        """False where the connection takes nothing more. What came over it can still be read."""
        self._sending = self._clock()  # before they are taken out: `close` looks at both
        try:
            self._websocket.send_all([self._outgoing.popleft() for _ in range(len(self._outgoing))])
        except Disconnected:
            self._outgoing = deque(maxlen=0)
            return False
        finally:
            self._sending = None
        return True

    def _handle(self, frame: Frame) -> None:
        if frame.kind == frames.DISCONNECT:
            self.disconnect_reason = frame.reason
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
        self._too_many = 0
        self.tries = 0

    def fail(self, error: SlackError) -> float:
        """Count a try that failed; the pause before the next one."""
        self.tries += 1
        self._too_many += getattr(error, "reason", "") == TOO_MANY
        if self.is_permanent(error):
            return PERMANENT_PAUSE
        asked = getattr(error, "retry_after", None)
        return self.pause() if asked is None else max(self.pause(), min(asked, LONGEST_RETRY_AFTER))

    def end(self, is_useful: bool, lasted: float) -> bool:
        """Count a connection that ended or is to end. False where it was of no use at all."""
        if lasted >= STABLE_AFTER or (is_useful and lasted >= SHORT):
            self.tries = self._too_many = 0
        elif is_useful:
            self.tries = max(1, min(self.tries + 1, SHORT_TRIES))
        else:
            self.tries += 1
        return is_useful or lasted >= STABLE_AFTER

    def pause(self) -> float:
        """Seconds; 0 after a success. At least half of it is fixed, the rest is random."""
        if not self.tries:
            return 0.0
        step = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(self.tries - 1, 10))
        return step * (0.5 + self._jitter() / 2)

    def is_permanent(self, error: SlackError) -> bool:
        """Whether trying soon does not help."""
        if isinstance(error, RateLimited):
            return False
        if isinstance(error, Disconnected):
            # Slack also says so while an ordinary replacement of a connection is under way.
            return error.reason == LINK_DISABLED or (
                error.reason == TOO_MANY and self._too_many > TOO_MANY_TRIES
            )
        return isinstance(error, SettingsError) or (
            isinstance(error, SlackApiError) and error.code in PERMANENT_ERRORS
        )


class ConnectionListener(Protocol):
    """What a ConnectionManager reports to."""

    def on_state(self, state: str, reason: str) -> None:
        """The state or its reason has changed."""

    def on_missed(self) -> None:
        """A connection was left that may not have handed over everything."""

    def on_overlap(self, begins: bool) -> None:
        """From now on two connections are read; or no longer."""


class ConnectionManager:
    """The loop. `open_connection` opens a Connection or raises a SlackError. `clock` in seconds.

    After a useless connection the next one is reported as connected when something came over it,
    before that is handed over, or when it has lasted CONFIRMED_AFTER seconds.
    """

    def __init__(
        self,
        open_connection: Callable[[], Connection],
        listener: ConnectionListener,
        stop: threading.Event,
        changed: threading.Event,
        backoff: Backoff,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._open_connection = open_connection
        self._listener = listener
        self._stop = stop
        self._changed = changed
        self._backoff = backoff
        self._clock = clock
        self._lock = threading.Lock()
        self._reported = ("", "")
        self._not_before = 0.0
        self._retry_after_note = ""
        self._is_unconfirmed = False
        self.connection: Optional[Connection] = None
        self.reconnects = 0

    def run(self) -> None:
        """Until `stop` is set."""
        try:
            while not self._stop.is_set():
                self.connection = self._connect()
                if self.connection is not None:
                    self._serve(self.connection)
        finally:
            if self.connection is not None:
                self.connection.close()

    def _connect(self) -> Optional[Connection]:
        while not self._stop.wait(max(0.0, self._not_before - self._clock())):
            try:
                return self._open_with_hello()
            except SlackError as error:
                if not self._stop.is_set():
                    self._failed(error)
        return None

    def _open_with_hello(self) -> Connection:
        connection = self._open_connection()
        connection.wait_for_hello(HELLO_TIMEOUT, self._stop)
        self._retry_after_note = ""
        return connection

    def _failed(self, error: SlackError) -> None:
        """Report a failed attempt, and set the time of the next one."""
        self._postpone(error)
        reason = str(error) + self._retry_after_note
        self._report(DEGRADED if self._backoff.is_permanent(error) else LOST, reason)

    def _postpone(self, error: SlackError) -> None:
        pause = self._backoff.fail(error)
        self._not_before = self._clock() + pause
        asked = getattr(error, "retry_after", None)
        self._retry_after_note = "" if asked is None else self._until(asked, pause)

    def _until(self, asked: float, pause: float) -> str:
        moment = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(time.time() + pause))
        return " (asked to wait %.0f s; the next try is at %s)" % (asked, moment)

    def _serve(self, connection: Connection) -> None:
        self._begin(connection)
        while not self._stop.is_set():
            self._changed.wait(
                POLL_INTERVAL if not connection.disconnect_reason else self._time_to_next_try()
            )
            self._changed.clear()
            if connection.disconnect_reason in _REASONS or connection.end_reason:
                self._end(connection)
                return
            if self._is_unconfirmed and self._clock() - connection.opened >= CONFIRMED_AFTER:
                self._confirm(connection)
            if connection.disconnect_reason:
                self._count(connection)
                connection = self._replace_when_due(connection)
            connection.check(self._clock())

    def _time_to_next_try(self) -> float:
        return max(0.0, min(POLL_INTERVAL, self._not_before - self._clock()))

    def _begin(self, connection: Connection) -> None:
        """Report a new connection, unless it is unconfirmed, and read it."""
        if self._is_unconfirmed:
            connection.on_useful = lambda: self._confirm(connection)
        else:
            self._report(CONNECTED, "")
        connection.start()

    def _confirm(self, connection: Connection) -> None:
        if not connection.end_reason:
            self._is_unconfirmed = False
            self._report(CONNECTED, "")

    def _count(self, connection: Connection) -> None:
        """Count the connection, once; where it was of no use the next one has to wait."""
        if connection.is_counted:
            return
        connection.is_counted = True
        now = self._clock()
        self._is_unconfirmed = not self._backoff.end(connection.is_useful, now - connection.opened)
        self._not_before = max(self._not_before, now + self._backoff.pause())

    def _end(self, connection: Connection) -> None:
        self._count(connection)
        if connection.disconnect_reason in _REASONS:
            connection.close()
            self._failed(disconnect_error(connection.disconnect_reason))
            return
        self.reconnects += 1
        waiting = self._not_before > self._clock()
        self._report(LOST, connection.end_reason + (self._retry_after_note if waiting else ""))

    def _replace_when_due(self, old: Connection) -> Connection:
        """A new connection when its time has come, else the old one, which serves till its end."""
        if self._clock() < self._not_before:
            return old
        try:
            return self._replace(old)
        except SlackError as error:
            self._postpone(error)
            return old

    def _replace(self, old: Connection) -> Connection:
        """A new connection, up before the old one is left. Raises SlackError: none can be had.

        What both hold is read before any of it is dispatched: so it can be put in order.
        """
        new = self._open_with_hello()
        self.reconnects += 1
        self._listener.on_overlap(True)
        try:
            self._begin(new)
            if not old.drain(self._stop):
                self._listener.on_missed()
        except BaseException:
            new.close()
            raise
        finally:
            self._listener.on_overlap(False)
        self.connection = new
        return new

    def _report(self, state: str, reason: str) -> None:
        """Report a change, once."""
        with self._lock:
            if (state, reason) != self._reported:
                self._reported = (state, reason)
                self._listener.on_state(state, reason)
