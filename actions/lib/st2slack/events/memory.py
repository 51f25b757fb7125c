"""What must survive a restart: how far each channel was dispatched, and what was.

One datastore key per workspace, its value JSON text under 64 KiB:

    version     1
    alive       Unix seconds up to which everything that happened was read and dealt with
    watermarks  channel → ts of its latest dispatched message
    threads     channel → {thread_ts: ts of the latest message of it that was dispatched}
    seen        what `Seen.dump` gives, newest first, as much as there is room for

It is written at most once a second, never once per message. A datastore that fails is told of once
and stops nothing.
"""

from __future__ import annotations

import json
import re
import threading
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from st2slack.events.model import MESSAGE, Event, key_of
from st2slack.events.seen import Seen
from st2slack.redact import redact

VERSION = 1
LIMIT = 60_000  # bytes of the value
CHANNELS, THREADS = 500, 300  # remembered, the latest of them
EVERY, AT_LEAST_EVERY = 1.0, 30.0  # seconds between two writes
LONGEST_PAUSE = 30.0  # seconds between two writes that fail

Thread = Tuple[str, str]  # channel, thread_ts
_TIMESTAMP = re.compile(r"[0-9]{1,12}(\.[0-9]{1,6})?")


class Memory:
    """What one workspace remembers; thread-safe.

    `read`, `write`: the datastore. `workspace`: its name in the config. `warn` takes a line, once
    per state. `failures` counts reads and writes that failed; `remembered` the watermarks as they
    were loaded.
    """

    def __init__(
        self,
        read: Callable[[str], Optional[str]],
        write: Callable[[str, str], None],
        workspace: str,
        seen: Seen,
        warn: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._read = read
        self._write = write
        self._key = key_of("memory", workspace)
        self._status_key = key_of("status", workspace)
        self._seen = seen
        self._warn = warn
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._watermarks: Dict[str, str] = {}
        self._threads: Dict[Thread, str] = {}
        self._alive: Optional[float] = None
        self._changed = False
        self._tried: Optional[float] = None
        self._pause = EVERY
        self._failing = False
        self.failures = 0
        self.remembered: Dict[str, str] = {}

    @property
    def watermarks(self) -> Dict[str, str]:
        """Channel → ts of its latest dispatched message, as it is now."""
        with self._lock:
            return dict(self._watermarks)

    @property
    def alive(self) -> Optional[float]:
        """Unix seconds up to which everything was dealt with; None where the sensor is new."""
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
        try:
            text = self._read(self._key)
        except Exception as error:  # whatever the datastore's client raises
            self._failed("read", error)
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

    def known(self, event: Event, ref: str) -> bool:
        """Whether the event's trigger was dispatched already."""
        with self._lock:
            return self._seen.known(event, ref)

    def dispatched(self, event: Event, ref: str, now: float) -> None:
        """The event's trigger was dispatched."""
        with self._lock:
            self._seen.add(event, ref, now)
            self._changed = True
            if ref == MESSAGE and event.channel:
                self._mark(event.channel, event.body)

    def heard(self, at: float) -> None:
        """Everything that happened up to `at` was read and dealt with.

        Not to be said while the connection is lost, while something is still being caught up, or
        (with the present time) while something waits to be dispatched.
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
        if self.due(now):
            self.save(now)

    def save(self, now: float) -> bool:
        """Save at once. False where the datastore did not take it."""
        with self._writing:
            with self._lock:
                self._bound()
                text = self._text()
                self._changed, self._tried = False, now
            done = self._put(self._key, text)
            self._pause = EVERY if done else min(LONGEST_PAUSE, self._pause * 2)
            if not done:
                self._changed = True
            return done

    def save_status(self, status: Mapping[str, Any]) -> bool:
        """Keep the status for slack.sensor_status. False where the datastore did not take it."""
        text = json.dumps(status, default=str)
        with self._writing:
            return self._put(self._status_key, text)

    def _mark(self, channel: str, body: Mapping[str, Any]) -> None:
        ts, thread = body.get("ts"), body.get("thread_ts")
        if not isinstance(ts, str) or not _TIMESTAMP.fullmatch(ts):
            return
        _raise(self._watermarks, channel, ts)
        if seconds(thread) is not None:
            _raise(self._threads, (channel, str(thread)), ts)
        if len(self._watermarks) > 2 * CHANNELS or len(self._threads) > 2 * THREADS:
            self._bound()

    def _bound(self) -> None:
        self._watermarks = _latest(self._watermarks, CHANNELS)
        self._threads = _latest(self._threads, THREADS)

    def _text(self) -> str:
        threads: Dict[str, Dict[str, str]] = {}
        for (channel, thread), ts in self._threads.items():
            threads.setdefault(channel, {})[thread] = ts
        document: Dict[str, Any] = {
            "version": VERSION,
            "alive": self._alive,
            "watermarks": self._watermarks,
            "threads": threads,
            "seen": [],
        }
        document["seen"] = self._seen.dump(LIMIT - len(_dumps(document)))
        return _dumps(document)

    def _take(self, text: str, now: float) -> bool:
        try:
            document = json.loads(text)
        except (ValueError, TypeError, RecursionError):
            return False
        if not isinstance(document, dict) or document.get("version") != VERSION:
            return False
        alive = _time(document.get("alive"))
        if alive is not None:
            self._alive = min(alive, now)
        self.remembered = dict(_pairs(document.get("watermarks")))
        for channel, ts in self.remembered.items():
            _raise(self._watermarks, channel, ts)
        threads = document.get("threads")
        for channel, found in threads.items() if isinstance(threads, dict) else ():
            for thread, ts in _pairs(found):
                _raise(self._threads, (channel, thread), ts)
        return self._take_seen(document.get("seen"), now)

    def _take_seen(self, dumped: Any, now: float) -> bool:
        try:
            self._seen.load(dumped, now)
        except (ValueError, TypeError, KeyError, IndexError, AttributeError):
            return False
        return True

    def _put(self, key: str, text: str) -> bool:
        try:
            self._write(key, text)
        except Exception as error:  # whatever the datastore's client raises
            self._failed("written", error)
            return False
        if self._failing:
            self._failing = False
            self._warn("The datastore takes what the sensor remembers again.")
        return True

    def _failed(self, what: str, error: Exception) -> None:
        self.failures += 1
        if not self._failing:
            self._failing = True
            self._warn(
                "The datastore cannot be %s (%s: %s). The sensor goes on; what happens while it is "
                "away may be missed, or come twice, if it is restarted before that is mended."
                % (what, type(error).__name__, redact(str(error)))
            )


def seconds(ts: Any) -> Optional[float]:
    """A timestamp of Slack's (text, six decimals) as Unix seconds; None for anything else.

    A float tells two of them apart for another century.
    """
    return float(ts) if isinstance(ts, str) and _TIMESTAMP.fullmatch(ts) else None


def _time(value: Any) -> Optional[float]:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if abs(value) < 1e12 else None  # not NaN either


def _pairs(value: Any) -> List[Tuple[str, str]]:
    """Key and timestamp of an object of timestamps, those that are some."""
    found = value.items() if isinstance(value, dict) else ()
    return [(key, ts) for key, ts in found if seconds(ts) is not None]


def _raise(marks: Dict[Any, str], key: Any, ts: str) -> None:
    """Let a mark be the later of what it is and `ts`."""
    before = marks.get(key)
    if before is None or _is_earlier(before, ts):
        marks[key] = ts


def _is_earlier(one: str, other: str) -> bool:
    """Of two timestamps. Those of this age compare as text."""
    if len(one) == len(other) and one[-7:-6] == other[-7:-6] == ".":
        return one < other
    return (seconds(one) or 0.0) < (seconds(other) or 0.0)


def _latest(marks: Dict[Any, str], most: int) -> Dict[Any, str]:
    """The latest of these, where there are more than `most`."""
    if len(marks) <= most:
        return marks
    latest = sorted(marks.items(), key=lambda each: seconds(each[1]) or 0.0, reverse=True)
    return dict(latest[:most])


def _dumps(document: Mapping[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":"))
