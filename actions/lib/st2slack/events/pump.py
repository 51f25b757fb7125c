"""What was read and is not dispatched yet: bounded, in order within each channel.

Reading and dispatching are apart, for StackStorm takes some 200 triggers a second and Slack can be
faster for minutes. A reader waits where there is no room. Two connections fill one pump while one
replaces the other, and what was missed comes in beside what is new: so within a channel the oldest
goes first, whichever way it came. A channel that is being caught up is held: what is new in it
waits, other channels do not.
"""

from __future__ import annotations

import heapq
import threading
from collections import deque
from typing import Any, Deque, Dict, Iterable, List, NamedTuple, Optional, Set


class Item(NamedTuple):
    """Something to dispatch: the oldest `order` first, then as it came.

    `number` is unique, so two items never compare by more.
    """

    order: str
    number: int
    content: Any
    channel: str = ""


class Pump:
    """Holds up to `room` items where some are held back, else up to `ahead`; thread-safe.

    To be far ahead of the worker wins nothing, and costs memory that is cold when it is used.
    """

    def __init__(self, room: int = 2000, ahead: int = 128) -> None:
        self._room = room
        self._ahead = ahead
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._waiting: Dict[str, List[Item]] = {}
        self._turns: Deque[str] = deque()  # a channel stands here once for each of its items
        self._held: Set[str] = set()
        self._passed: Dict[str, int] = {}  # turns that came while a channel was held
        self._count = 0
        self._number = 0
        self._closed = False
        self._paused: Set[str] = set()
        self._full = self._starved = False

    def __len__(self) -> int:
        return self._count

    def put(self, content: Any, channel: str, order: str, wait: bool = True) -> bool:
        """Add an item; waits for room, unless told not to. False where the pump was closed."""
        with self._lock:
            while wait and self._count >= self._limit() and not self._closed:
                self._full = True
                self._changed.wait(1.0)
            if self._closed:
                return False
            self._number += 1
            item = Item(order, self._number, content, channel)
            heapq.heappush(self._waiting.setdefault(channel, []), item)
            self._turns.append(channel)
            self._count += 1
            if self._starved:
                self._changed.notify_all()
            return True

    def get(self, timeout: float) -> Optional[Item]:
        """The next item; None after `timeout` seconds or where the pump was closed."""
        with self._lock:
            item = self._next()
            if item is None and not self._closed:
                self._starved = True
                self._changed.wait(timeout)
                self._starved = False
                item = self._next()
            # A reader that were woken for each place would change places with us at each item.
            if self._full and self._count <= self._limit() // 2:
                self._full = False
                self._changed.notify_all()
            return item

    def hold(self, channels: Iterable[str]) -> None:
        """Let nothing of these channels out until they are released."""
        with self._lock:
            self._held.update(channels)
            self._changed.notify_all()  # there is more room now

    def release(self, channel: Optional[str] = None) -> None:
        """Let the channel's items out again, the oldest first; all channels where none is named."""
        with self._lock:
            freed = {channel} if channel is not None else set(self._held)
            self._held -= freed
            for each in freed:
                # First: at the end, a channel that is held again and again would never come.
                self._turns.extendleft([each] * self._passed.pop(each, 0))
            self._changed.notify_all()

    def pause(self, why: str = "") -> None:
        """Let nothing out at all, as long as there is a reason."""
        with self._lock:
            self._paused.add(why)
            self._changed.notify_all()  # there is more room now

    def resume(self, why: str = "") -> None:
        """The end of this reason."""
        with self._lock:
            self._paused.discard(why)
            self._changed.notify_all()

    def close(self) -> None:
        """Wake everybody who waits; what is in it stays undispatched."""
        with self._lock:
            self._closed = True
            self._changed.notify_all()

    def _limit(self) -> int:
        return self._room if self._held or self._paused else min(self._room, self._ahead)

    def _next(self) -> Optional[Item]:
        while self._turns and not (self._closed or self._paused):
            channel = self._turns.popleft()
            if channel in self._held:
                self._passed[channel] = self._passed.get(channel, 0) + 1
                continue
            item = heapq.heappop(self._waiting[channel])
            if not self._waiting[channel]:
                del self._waiting[channel]
            self._count -= 1
            return item
        return None
