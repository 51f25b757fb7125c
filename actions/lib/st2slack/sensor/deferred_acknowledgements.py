"""Acknowledgements of messages that had no room in the queue.

Such a message may be acknowledged once the datastore holds a checkpoint whose gap covers it, and
its channel's history can be read: then it will be fetched, whatever happens to this process. Until
then it waits here; what waits for too long, or finds no room here either, is not acknowledged, and
Slack delivers it again.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import Callable, Deque, List, NamedTuple, Optional

from st2slack.sensor.event_queue import Acknowledge

ROOM = 20_000
GIVEN_UP = 60.0  # seconds


class _Waiting(NamedTuple):
    version: int
    channel: str
    since: float
    acknowledge: Acknowledge


class DeferredAcknowledgements:
    """Thread-safe. `is_readable(channel)`: None where that is not known yet. `clock` in seconds.

    Each time the gaps change they get a higher version; `saving` tells which one is being saved.
    """

    def __init__(
        self, is_readable: Callable[[str], Optional[bool]], clock: Callable[[], float]
    ) -> None:
        self._is_readable = is_readable
        self._clock = clock
        self._changed = threading.Condition()
        self._waiting: Deque[_Waiting] = deque(maxlen=ROOM)
        self._saving = self._saved = -1

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, channel: str, version: int, acknowledge: Acknowledge) -> None:
        """A message was dropped that is covered since this version. Never waits."""
        if version <= self._saved and self._is_readable(channel):
            acknowledge()
            return
        with self._changed:
            self._waiting.append(_Waiting(version, channel, self._clock(), acknowledge))

    def saving(self, version: int) -> None:
        """What is saved next is at least of this version."""
        self._saving = version

    def saved(self) -> None:
        """It was saved."""
        with self._changed:
            self._saved = max(self._saved, self._saving)
            self._changed.notify_all()

    def news(self) -> None:
        """It is known of one more channel whether it can be read."""
        with self._changed:
            self._changed.notify_all()

    def run(self, stop: threading.Event) -> None:
        """Acknowledge what may be, until `stop` is set."""
        while not stop.is_set():
            with self._changed:
                self._changed.wait(1.0)
            for acknowledge in self._due():
                acknowledge()

    def _due(self) -> List[Acknowledge]:
        with self._changed:
            waiting, self._waiting = self._waiting, deque(maxlen=ROOM)
            due: List[Acknowledge] = []
            now = self._clock()
            for each in waiting:
                readable = self._is_readable(each.channel)
                if each.version <= self._saved and readable:
                    due.append(each.acknowledge)
                elif readable is not False and now - each.since < GIVEN_UP:
                    self._waiting.append(each)
            return due
