"""Events that were read and are not dispatched yet: bounded, in order within each line.

A line is a channel's main line, `(channel, "")`, or a thread, `(channel, thread_ts)`. Within a
line the oldest event goes first, whichever way it came: over one of two connections, or fetched
from the history. Lines do not wait for each other.

A line that may lack messages is held: only what is not newer than its horizon goes out. What the
history has is put in, then the horizon moves on. No line is held for longer than MOST_HELD
seconds, counted from the arrival of its oldest live event that waits: then it is late, and goes on
without what it lacks.

Nobody who puts something in waits for room. What has no room:

| event                        | what becomes of it                                              |
|------------------------------|-----------------------------------------------------------------|
| a message of a history       | dropped; from then on its line drops what comes (or newer ones  |
|                              | would overtake it), until its history is read                   |
| anything else                | has reserved room; refused where that is full, too              |

Threads take turns badly where one is far ahead of the other. So a reader that is some events ahead
lets the dispatcher go first, as long as that is fast; where it is slow (because StackStorm, or a
look-up, is), for PATIENCE seconds in all, which come back slowly.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections import deque
from enum import Enum
from typing import Any, Callable, Deque, Dict, List, NamedTuple, Optional, Set, Tuple

from st2slack.sensor.model import MESSAGE, Event
from st2slack.sensor.spans import Span, just_before

CAPACITY = 3_000  # events: 30 s at 100 messages a second
RESERVED = 1_000  # more, for what no history holds
FETCHED = 3_000  # messages of a history
AHEAD = 128  # events that a reader may be ahead of a dispatcher that is fast
YIELD = 0.02  # seconds that it lets it go first at a time
FAST = 1_000.0  # events a second
PATIENCE, COMES_BACK = 0.3, 0.03  # seconds, and seconds in a second
MOST_HELD = 30.0  # seconds

LineKey = Tuple[str, str]
Acknowledge = Callable[[], Any]


class Outcome(Enum):
    """What became of an event that was put in."""

    QUEUED = "queued"
    PENDING = "pending"  # it is in there already; it will be acknowledged with that one
    DROPPED = "dropped"  # its history has it
    REFUSED = "refused"  # there is no room, and no history has it


class Item:
    """An event to dispatch as the trigger `ref`. `keys`: see Deduplicator. `late`: newer ones of
    its line were dispatched before it. `acknowledge`: what to call when it is dispatched."""

    __slots__ = ("acknowledge", "arrived", "event", "fetched", "keys", "late", "line", "ref")

    def __init__(
        self, event: Event, ref: str, keys: Tuple[int, ...], line: Line, fetched: bool
    ) -> None:
        self.event = event
        self.ref = ref
        self.keys = keys
        self.line = line
        self.fetched = fetched
        self.late = False
        self.arrived = 0.0
        self.acknowledge: List[Acknowledge] = []


class Line:
    """What waits in one line. `horizon`: what is newer waits; None: nothing does. `passed`: turns
    that came while it was held. `late`: it goes on although it lacks messages."""

    __slots__ = ("dropped", "horizon", "key", "late", "passed", "waiting")

    def __init__(self, key: LineKey) -> None:
        self.key = key
        self.waiting: List[Tuple[str, int, Item]] = []
        self.horizon: Optional[str] = None
        self.passed = 0
        self.late = False
        self.dropped: Optional[Dropped] = None

    @property
    def is_idle(self) -> bool:
        """Whether nothing needs to be remembered of it."""
        return not (self.waiting or self.horizon or self.late or self.dropped or self.passed)


class Dropped(NamedTuple):
    """What a line has dropped: the oldest, the newest, how many."""

    oldest: str
    newest: str
    number: int


def line_of(event: Event, ref: str) -> LineKey:
    """The line that an event belongs to. A reply that was also sent to the channel stands in the
    channel's history, so it belongs to the main line."""
    if ref == MESSAGE:
        body = event.body
        thread = body.get("thread_ts")
        is_reply = thread and thread != body.get("ts") and isinstance(thread, str)
        if is_reply and body.get("subtype") != "thread_broadcast":
            return (event.channel, str(thread))
    return (event.channel, "")


class EventQueue:
    """See above; thread-safe. `clock` in seconds."""

    def __init__(
        self,
        capacity: int = CAPACITY,
        reserved: int = RESERVED,
        fetched: int = FETCHED,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.capacity = capacity
        self.reserved = reserved
        self.fetched_capacity = fetched
        self._clock = clock
        self._lock = threading.Lock()
        self._filled = threading.Condition(self._lock)
        self._drained = threading.Condition(self._lock)
        self._lines: Dict[LineKey, Line] = {}
        self._thread_holds: Dict[str, Span] = {}
        self._turns: Deque[Line] = deque()  # a line stands here once for each of its items
        self._pending: Dict[int, Item] = {}
        self._live = self._fetched = self._number = 0
        self._paused: Set[str] = set()
        self._starved = self._yielding = self._closed = False
        self._handled = 0
        self._patience = _Patience(clock)

    def __len__(self) -> int:
        return self._live + self._fetched

    # --- putting in -----------------------------------------------------------------------------

    def put(
        self,
        event: Event,
        ref: str,
        keys: Tuple[int, ...],
        in_history: bool,
        acknowledge: Optional[Acknowledge] = None,
    ) -> Outcome:
        """Add an event that came live. `in_history`: it can be fetched again."""
        with self._lock:
            pending = self._find(keys)
            if pending is not None:
                if acknowledge is not None:
                    pending.acknowledge.append(acknowledge)
                return Outcome.PENDING
            line = self._line(line_of(event, ref))
            if in_history and (line.dropped is not None or self._live >= self.capacity):
                self._drop(line, event.order)
                return Outcome.DROPPED
            if self._live >= self.capacity + self.reserved:
                self._forget_if_idle(line)
                return Outcome.REFUSED
            item = Item(event, ref, keys, line, False)
            item.arrived = self._clock()
            if acknowledge is not None:
                item.acknowledge.append(acknowledge)
            self._live += 1
            self._push(line, item)
            if self._live > AHEAD and self._can_go_on() and self._patience.is_left():
                self._let_dispatcher_go_first()
            return Outcome.QUEUED

    def put_fetched(self, event: Event, ref: str, keys: Tuple[int, ...]) -> bool:
        """Add a message of a history; False where it is in there already. Nobody waits here: see
        wait_for_room."""
        with self._lock:
            if self._find(keys) is not None:
                return False
            line = self._line(line_of(event, ref))
            item = Item(event, ref, keys, line, True)
            item.late = line.late
            self._fetched += 1
            self._push(line, item)
            return True

    def wait_for_room(self, timeout: float) -> bool:
        """Whether there is room for what will be fetched; waits for it."""
        with self._lock:
            if self._fetched >= self.fetched_capacity // 2 and not self._closed:
                self._drained.wait(timeout)
            return self._fetched < self.fetched_capacity // 2 or self._closed

    # --- taking out -----------------------------------------------------------------------------

    def get(self, timeout: float) -> Optional[Item]:
        """The next event; None after `timeout` seconds or where the queue was closed. It counts as
        pending until it is `done`."""
        with self._lock:
            item = self._next()
            if item is None and not self._closed:
                self._starved = True
                self._filled.wait(timeout)
                self._starved = False
                item = self._next()
            return item

    def done(self, item: Item) -> None:
        """The event needs nothing more: it was dispatched, or is not wanted."""
        with self._lock:
            for key in item.keys:
                self._pending.pop(key, None)
            if item.fetched:
                self._fetched -= 1
            else:
                self._live -= 1
            self._forget_if_idle(item.line)
            self._handled += 1
            # A reader that is woken for each place would change places with us at each event.
            if self._yielding and self._live <= AHEAD // 2:
                self._yielding = False
                self._drained.notify_all()
            elif item.fetched and self._fetched < self.fetched_capacity // 2:
                self._drained.notify_all()

    # --- holding --------------------------------------------------------------------------------

    def hold(self, key: LineKey, since: str) -> None:
        """What is newer than `since` waits in this line, unless the line is late."""
        with self._lock:
            line = self._line(key)
            if not line.late:
                line.horizon = since if line.horizon is None else min(line.horizon, since)

    def advance(self, key: LineKey, through: Optional[str]) -> None:
        """The line has everything up to `through`; None: up to the present, it is held no more."""
        with self._lock:
            line = self._line(key)
            if through is None:
                line.late = False
                line.horizon = None if line.dropped is None else just_before(line.dropped.oldest)
            elif not line.late:
                line.horizon = through
            self._let_go(line)
            self._forget_if_idle(line)

    def hold_threads(self, channel: str, span: Span) -> None:
        """Replies newer than `span.since` wait in all threads of the channel, but for those whose
        parent is newer than `span.until`."""
        with self._lock:
            self._thread_holds[channel] = span
            for line in list(self._lines.values()):
                if line.key[0] == channel and line.key[1] and not line.late:
                    self._hold_thread(line, span)

    def release_threads(self, channel: str, but: Dict[str, str]) -> None:
        """All threads go on again, but for these: thread_ts → since when it lacks replies."""
        with self._lock:
            self._thread_holds.pop(channel, None)
            for line in list(self._lines.values()):
                if line.key[0] != channel or not line.key[1] or line.dropped:
                    continue
                since = but.get(line.key[1])
                if since is None:
                    line.late = False
                    line.horizon = None
                elif not line.late:
                    line.horizon = since
                self._let_go(line)
                self._forget_if_idle(line)
            for thread, since in but.items():
                line = self._line((channel, thread))
                if not line.late:
                    line.horizon = since

    def pause(self, why: str) -> None:
        """Let nothing out at all, as long as there is a reason."""
        with self._lock:
            self._paused.add(why)

    def resume(self, why: str) -> None:
        """The end of this reason."""
        with self._lock:
            self._paused.discard(why)
            self._filled.notify_all()

    def close(self) -> None:
        """Wake everybody who waits; what is in it stays undispatched.

        What is put in from now on stays as well: whoever put it in takes it for no longer missing,
        so the checkpoint that is saved last must find it here.
        """
        with self._lock:
            self._closed = True
            self._filled.notify_all()
            self._drained.notify_all()

    def let_late_go(self, now: float) -> List[LineKey]:
        """Lines that were held for too long go on; which these are."""
        with self._lock:
            late = [
                line
                for line in self._lines.values()
                if line.horizon is not None and now - _waits_since(line, now) >= MOST_HELD
            ]
            for line in late:
                line.late = True
                line.horizon = None
                self._let_go(line)
            return [line.key for line in late]

    # --- what waits, what is missing ------------------------------------------------------------

    def waiting_since(self) -> Dict[LineKey, float]:
        """Lines that are held while live events wait, or that drop what comes: since when."""
        now = self._clock()
        with self._lock:
            found = {}
            for line in self._lines.values():
                if line.horizon is None and line.dropped is None:
                    continue
                since = _waits_since(line, now)
                if since < now or line.dropped is not None:
                    found[line.key] = since
            return found

    def dropped(self, key: LineKey) -> Optional[Dropped]:
        """What the line has dropped since it last accepted what comes."""
        with self._lock:
            line = self._lines.get(key)
            return line.dropped if line is not None else None

    def accept_again(self, key: LineKey) -> Optional[Dropped]:
        """Let the line drop nothing from now on: its history is about to be read. What it has
        dropped."""
        with self._lock:
            line = self._lines.get(key)
            if line is None:
                return None
            dropped, line.dropped = line.dropped, None
            self._forget_if_idle(line)
            return dropped

    def count_anew(self, key: LineKey) -> None:
        """What the line has dropped is about to be read, while it drops more."""
        with self._lock:
            line = self._lines.get(key)
            if line is not None and line.dropped is not None:
                line.dropped = Dropped(line.dropped.newest, line.dropped.newest, 0)

    def is_pending(self, keys: Tuple[int, ...]) -> bool:
        """Whether an event is in there, or is being dispatched."""
        with self._lock:
            return self._find(keys) is not None

    def spans_pending(self) -> Dict[LineKey, Span]:
        """For each line, from where to where messages wait in it, so that they could be fetched."""
        with self._lock:
            found: Dict[LineKey, Span] = {}
            items = [item for item in self._pending.values() if item.ref == MESSAGE]
        for item in items:
            order, key = item.event.order, item.line.key
            span = found.get(key)
            if span is None:
                found[key] = Span(just_before(order), order)
            elif order <= span.since:
                found[key] = Span(just_before(order), span.until)
            elif order > (span.until or ""):
                found[key] = Span(span.since, order)
        return found

    # --- with the lock held ---------------------------------------------------------------------

    def _find(self, keys: Tuple[int, ...]) -> Optional[Item]:
        for key in keys:
            item = self._pending.get(key)
            if item is not None:
                return item
        return None

    def _line(self, key: LineKey) -> Line:
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = Line(key)
            if key[1] and self._thread_holds:
                span = self._thread_holds.get(key[0])
                if span is not None:
                    self._hold_thread(line, span)
        return line

    @staticmethod
    def _hold_thread(line: Line, span: Span) -> None:
        if span.until is None or line.key[1] <= span.until:
            line.horizon = span.since if line.horizon is None else min(line.horizon, span.since)

    def _push(self, line: Line, item: Item) -> None:
        self._number += 1
        heapq.heappush(line.waiting, (item.event.order, self._number, item))
        for key in item.keys:
            self._pending[key] = item
        self._turns.append(line)
        if self._starved:
            self._filled.notify_all()

    def _drop(self, line: Line, order: str) -> None:
        before = line.dropped
        if before is None:
            line.dropped = Dropped(order, order, 1)
            since = just_before(order)
            # Nothing that comes later may overtake it, in a line that is late neither.
            line.late = False
            line.horizon = since if line.horizon is None else min(line.horizon, since)
        else:
            line.dropped = Dropped(
                min(before.oldest, order), max(before.newest, order), before.number + 1
            )
            if line.horizon is not None and order <= line.horizon:
                line.horizon = just_before(order)

    def _next(self) -> Optional[Item]:
        while self._turns and not (self._closed or self._paused):
            line = self._turns.popleft()
            order, _, item = line.waiting[0]
            if line.horizon is not None and order > line.horizon:
                line.passed += 1
                continue
            heapq.heappop(line.waiting)
            return item
        return None

    def _let_go(self, line: Line) -> None:
        """Its turns that were passed over come first: last, a line that is held again and again
        would never come."""
        self._turns.extendleft([line] * line.passed)
        line.passed = 0
        self._filled.notify_all()

    def _forget_if_idle(self, line: Line) -> None:
        if line.is_idle:
            self._lines.pop(line.key, None)

    def _can_go_on(self) -> bool:
        """Whether there is anything that may be dispatched now."""
        return bool(self._turns) and not (self._starved or self._paused or self._closed)

    def _let_dispatcher_go_first(self) -> None:
        began, handled = self._clock(), self._handled
        self._yielding = True
        self._drained.wait(YIELD)
        took = self._clock() - began
        if self._handled - handled < took * FAST:
            self._patience.spend(took)


class _Patience:
    """Seconds that may be waited for something slow; they come back little by little."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._left = PATIENCE
        self._at = clock()

    def is_left(self) -> bool:
        """Whether there are some."""
        if self._left < YIELD:
            self.spend(0.0)
        return self._left >= YIELD

    def spend(self, seconds: float) -> None:
        """So many were waited."""
        now = self._clock()
        self._left = min(PATIENCE, self._left + (now - self._at) * COMES_BACK) - seconds
        self._at = now


def _waits_since(line: Line, now: float) -> float:
    """When the oldest live event that waits in a held line arrived; `now` where none does."""
    horizon: Any = line.horizon
    return min(
        (
            item.arrived
            for order, _, item in line.waiting
            if not item.fetched and (horizon is None or order > horizon)
        ),
        default=now,
    )
