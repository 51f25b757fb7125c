"""What must survive a restart: what each channel lacks, and what was dispatched.

One datastore key per workspace; its value is JSON text under 64 KiB: see checkpoint_document.py.
What was read and is not dispatched is missing as well: it is gone with the process.

It is written at most once a second, never once per message. A datastore that fails is told of once
and stops nothing.
"""

from __future__ import annotations

import json
import threading
import time
from typing import Callable, Dict, List, Mapping, Optional, Sequence, Tuple, TypeVar

from st2slack.base.timestamps import TIMESTAMP, seconds
from st2slack.sensor.checkpoint_document import (
    LIMIT,
    THREADS,
    Thread,
    dumps,
    fitting,
    latest_of,
    parse,
)
from st2slack.sensor.checkpoint_store import CheckpointStore
from st2slack.sensor.deduplicator import Deduplicator
from st2slack.sensor.model import MESSAGE, Event, key_of
from st2slack.sensor.spans import Missing

CHANNELS = 500  # remembered, the latest of them
EVERY, AT_LEAST_EVERY = 1.0, 30.0  # seconds between two writes
LONGEST_PAUSE = 30.0  # seconds between two writes that fail

Mark = TypeVar("Mark")


class Checkpoint:
    """What one workspace remembers; thread-safe.

    `read`, `write`: the datastore. `workspace`: its name in the config. `warn` takes a line, once
    per state. `missing` tells what each channel lacks (what waits in the queue included).
    `remembered` and `gaps` are the watermarks and what was missing, as they were loaded. `on_saved`
    is called after each write that was taken.
    `clock`, in seconds, measures how long a save takes until its write begins.
    """

    def __init__(
        self,
        read: Callable[[str], Optional[str]],
        write: Callable[[str, str], None],
        workspace: str,
        seen: Deduplicator,
        warn: Callable[[str], None] = lambda line: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = CheckpointStore(read, write, warn)
        self._key = key_of("memory", workspace)
        self._status_key = key_of("status", workspace)
        self._seen = seen
        self._warn = warn
        self._clock = clock
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._watermarks: Dict[str, str] = {}
        self._threads: Dict[Thread, str] = {}
        self._alive: Optional[float] = None
        self._changed = False
        self._tried: Optional[float] = None
        self._pause = EVERY
        self.missing: Callable[[], Dict[str, Missing]] = dict
        self.on_saved: Callable[[], None] = lambda: None
        self.remembered: Dict[str, str] = {}
        self.gaps: Dict[str, Missing] = {}

    @property
    def watermarks(self) -> Dict[str, str]:
        """Channel → ts of the latest message that came, as it is now."""
        with self._lock:
            return dict(self._watermarks)

    @property
    def failures(self) -> int:
        """Reads and writes of the datastore that failed."""
        return self._store.failures

    @property
    def alive(self) -> Optional[float]:
        """Unix seconds up to which everything was read; None where the sensor is new."""
        return self._alive

    def threads(self, channel: str, since: float) -> List[str]:
        """thread_ts of the channel's threads that had a message after `since`, latest first."""
        with self._lock:
            found = [
                (seconds(latest) or 0.0, thread)
                for (where, thread), latest in self._threads.items()
                if where == channel
            ]
        return [thread for latest, thread in sorted(found, reverse=True) if latest > since]

    def load(self, now: float) -> bool:
        """Take in what was saved. False where it could not be read: then it may be tried again."""
        is_read, text = self._store.read(self._key)
        if not is_read:
            return False
        if text:
            with self._lock:
                usable = self._take(text, now)
            if not usable:
                self._warn(
                    "What the sensor had remembered under %s in the datastore cannot be read; it "
                    "starts afresh, so what happened while it was away is not fetched." % self._key
                )
        return True

    def hashes(self, event: Event, ref: str) -> Tuple[int, ...]:
        """By what the event is known."""
        return self._seen.hashes(event, ref)

    def is_known(self, hashes: Sequence[int]) -> bool:
        """Whether the event's trigger was dispatched already."""
        with self._lock:
            return self._seen.has(hashes)

    def received(self, event: Event) -> None:
        """A message came, and it waits in the queue, or a gap covers it."""
        ts = event.order
        before = self._watermarks.get(event.channel)
        if before is None or not _is_of_this_age(ts):
            self._raise_mark(event.channel, ts)
        elif before < ts:
            self._watermarks[event.channel] = ts
            self._changed = True

    def dispatched(self, event: Event, ref: str, hashes: Sequence[int], now: float) -> None:
        """The event's trigger was dispatched."""
        with self._lock:
            self._seen.remember(hashes, now)
            self._changed = True
            thread = event.body.get("thread_ts") if ref == MESSAGE else None
            if thread is not None and event.channel and seconds(thread) is not None:
                if seconds(event.order) is not None:
                    _raise(self._threads, (event.channel, str(thread)), event.order)
                if len(self._threads) > 2 * THREADS:
                    self._threads = latest_of(self._threads, THREADS)

    def changed(self) -> None:
        """There is something to save."""
        self._changed = True

    def protect(self, since: Optional[float]) -> None:
        """Forget nothing that was dispatched after `since`."""
        with self._lock:
            self._seen.protect(since)

    def heard(self, at: float) -> None:
        """Everything that happened up to `at` was read, or a gap covers it.

        Not to be said while the connection is lost.
        """
        self._changed = self._changed or self._alive is None
        self._alive = at

    def due(self, now: float) -> bool:
        """Whether it is time to save."""
        if self._tried is None:
            return True
        since = now - self._tried
        if 0 <= since < self._pause:
            return False
        return self._changed or not 0 <= since < AT_LEAST_EVERY

    def save_if_due(self, now: float) -> None:
        """Save, at most once a second."""
        called = self._clock()
        with self._writing:
            saved = self.due(now) and self._save(now, called)
        if saved:
            self.on_saved()

    def save(self, now: float) -> bool:
        """Save at once. False where the datastore did not take it."""
        called = self._clock()
        with self._writing:
            done = self._save(now, called)
        if done:
            self.on_saved()
        return done

    def _save(self, now: float, called: float) -> bool:
        """`called`: by `clock`, when it was `now`."""
        self._changed = False
        text = self._text()
        # The text can take a good part of a second: the pause counts from the write.
        self._tried = now + self._clock() - called
        done = self._store.write(self._key, text)
        self._pause = EVERY if done else min(LONGEST_PAUSE, self._pause * 2)
        if not done:
            self._changed = True
        return done

    def save_status(self, status: Mapping[str, object]) -> bool:
        """Keep the status for slack.sensor_status. False where the datastore did not take it."""
        text = json.dumps(status, default=str)
        with self._writing:
            return self._store.write(self._status_key, text)

    def _raise_mark(self, channel: str, ts: str) -> None:
        if not channel or not TIMESTAMP.fullmatch(ts):
            return
        with self._lock:
            _raise(self._watermarks, channel, ts)
            self._changed = True
            if len(self._watermarks) > 2 * CHANNELS:
                self._watermarks = latest_of(self._watermarks, CHANNELS)

    def _text(self) -> str:
        """The order matters: an event is in the queue before it raises a mark, and it is seen
        before it leaves the queue."""
        with self._lock:
            self._watermarks = latest_of(self._watermarks, CHANNELS)
            self._threads = latest_of(self._threads, THREADS)
            all_marks, all_threads = dict(self._watermarks), dict(self._threads)
        alive = self._alive
        document = fitting(alive, all_marks, self.missing(), all_threads)
        with self._lock:
            document["seen"] = self._seen.dump(LIMIT - len(dumps(document)))
        return dumps(document)

    def _take(self, text: str, now: float) -> bool:
        saved = parse(text)
        if saved is None:
            return False
        if saved.alive is not None:
            self._alive = min(saved.alive, now)
        self.remembered = saved.watermarks
        for channel, ts in saved.watermarks.items():
            _raise(self._watermarks, channel, ts)
        for thread, ts in saved.threads.items():
            _raise(self._threads, thread, ts)
        self.gaps.update(saved.gaps)
        return self._take_seen(saved.seen, now)

    def _take_seen(self, dumped: object, now: float) -> bool:
        try:
            self._seen.load(dumped, now)
        except (ValueError, TypeError, KeyError, IndexError, AttributeError):
            return False
        return True


def _raise(marks: Dict[Mark, str], key: Mark, ts: str) -> None:
    """Let a mark be the later of what it is and `ts`."""
    before = marks.get(key)
    if before is None or _is_earlier(before, ts):
        marks[key] = ts


def _is_of_this_age(ts: str) -> bool:
    """Whether it is a timestamp of 17 characters: the fast way for nearly all of them."""
    return len(ts) == 17 and ts[10] == "." and (ts[:10] + ts[11:]).isdigit() and ts.isascii()


def _is_earlier(one: str, other: str) -> bool:
    """Of two timestamps. Those of this age compare as text."""
    if len(one) == len(other) and one[-7:-6] == other[-7:-6] == ".":
        return one < other
    return (seconds(one) or 0.0) < (seconds(other) or 0.0)
