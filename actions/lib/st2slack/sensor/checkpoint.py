"""What must survive a restart: what each channel lacks, and what was dispatched.

One datastore key per workspace, its value JSON text under 64 KiB:

    version     2
    alive       Unix seconds: what happened later, in a channel that has no mark, is missing
    watermarks  channel → ts: what is newer than that is missing
    gaps        channel → what is missing before that: "main" and "parents" [[since, until], ...],
                "threads" {thread_ts: [[since, until], ...]}; until null: up to the present
    threads     channel → {thread_ts: ts of its latest message that was dispatched}
    seen        what `Deduplicator.dump` gives, newest first, as much as there is room for

What was read and is not dispatched is missing as well: it is gone with the process. Where all of
this is too much, gaps are told more coarsely: rather twice than lost. Version 1 had no gaps, and
its watermarks were those of what was dispatched; it is still read.

It is written at most once a second, never once per message. A datastore that fails is told of once
and stops nothing.
"""

from __future__ import annotations

import json
import threading
import time
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from st2slack.base.redact import redact
from st2slack.base.timestamps import TIMESTAMP, seconds
from st2slack.sensor.deduplicator import Deduplicator
from st2slack.sensor.model import MESSAGE, Event, key_of
from st2slack.sensor.spans import Missing, Span, Spans

VERSION, READABLE = 2, (1, 2)
SEEN_AT_LEAST = 10_000  # bytes for what was dispatched, however much is missing
LIMIT = 60_000  # bytes of the value
CHANNELS, THREADS = 500, 300  # remembered, the latest of them
EVERY, AT_LEAST_EVERY = 1.0, 30.0  # seconds between two writes
LONGEST_PAUSE = 30.0  # seconds between two writes that fail

Thread = Tuple[str, str]  # channel, thread_ts


class Checkpoint:
    """What one workspace remembers; thread-safe.

    `read`, `write`: the datastore. `workspace`: its name in the config. `warn` takes a line, once
    per state. `missing` tells what each channel lacks (what waits in the queue included).
    `failures` counts reads and writes that failed; `remembered` and `gaps` are the watermarks and
    what was missing, as they were loaded. `on_saved` is called after each write that was taken.
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
        self._read = read
        self._write = write
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
        self._failing = False
        self.missing: Callable[[], Dict[str, Missing]] = dict
        self.on_saved: Callable[[], None] = lambda: None
        self.failures = 0
        self.remembered: Dict[str, str] = {}
        self.gaps: Dict[str, Missing] = {}

    @property
    def watermarks(self) -> Dict[str, str]:
        """Channel → ts of the latest message that came, as it is now."""
        with self._lock:
            return dict(self._watermarks)

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
                    self._threads = _latest(self._threads, THREADS)

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

    def _raise_mark(self, channel: str, ts: str) -> None:
        if not channel or not TIMESTAMP.fullmatch(ts):
            return
        with self._lock:
            _raise(self._watermarks, channel, ts)
            self._changed = True
            if len(self._watermarks) > 2 * CHANNELS:
                self._watermarks = _latest(self._watermarks, CHANNELS)

    def _text(self) -> str:
        """The order matters: an event is in the queue before it raises a mark, and it is seen
        before it leaves the queue."""
        with self._lock:
            self._watermarks = _latest(self._watermarks, CHANNELS)
            self._threads = _latest(self._threads, THREADS)
            all_marks, all_threads = dict(self._watermarks), dict(self._threads)
        alive = self._alive
        everything = self.missing()
        document: Dict[str, Any] = {}
        size = 0
        for marks, missing, threads in _coarser_and_coarser(all_marks, everything, all_threads):
            document = {
                "version": VERSION,
                "alive": alive,
                "watermarks": marks,
                "gaps": {channel: _gaps_as_json(each) for channel, each in missing.items()},
                "threads": _threads_as_json(threads),
                "seen": [],
            }
            size = len(_dumps(document))
            if size <= LIMIT - SEEN_AT_LEAST:
                break
        with self._lock:
            document["seen"] = self._seen.dump(LIMIT - size)
        return _dumps(document)

    def _take(self, text: str, now: float) -> bool:
        try:
            document = json.loads(text)
        except (ValueError, TypeError, RecursionError):
            return False
        if not isinstance(document, dict) or document.get("version") not in READABLE:
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
        gaps = document.get("gaps")
        for channel, found in gaps.items() if isinstance(gaps, dict) else ():
            if isinstance(found, dict):
                self.gaps[channel] = _missing_from(found)
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


def _is_of_this_age(ts: str) -> bool:
    """Whether it is a timestamp of 17 characters: the fast way for nearly all of them."""
    return len(ts) == 17 and ts[10] == "." and (ts[:10] + ts[11:]).isdigit() and ts.isascii()


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


# --- what is missing, as JSON ---------------------------------------------------------------------


def _gaps_as_json(missing: Missing) -> Dict[str, Any]:
    """Without what is empty."""
    made: Dict[str, Any] = {}
    if missing.main:
        made["main"] = [list(span) for span in missing.main]
    if missing.parents:
        made["parents"] = [list(span) for span in missing.parents]
    if missing.threads:
        made["threads"] = {
            thread: [list(span) for span in spans] for thread, spans in missing.threads.items()
        }
    return made


def _missing_from(found: Mapping[str, Any]) -> Missing:
    """What can be read of it."""
    threads = found.get("threads")
    return Missing(
        _spans_from(found.get("main")),
        _spans_from(found.get("parents")),
        {
            thread: spans
            for thread, each in (threads.items() if isinstance(threads, dict) else ())
            for spans in [_spans_from(each)]
            if spans and seconds(thread) is not None
        },
    )


def _spans_from(value: Any) -> Spans:
    spans = Spans()
    for each in value if isinstance(value, list) else ():
        if not isinstance(each, list) or len(each) != 2:
            continue
        since, until = each
        if seconds(since) is not None and (until is None or seconds(until) is not None):
            spans.add(Span(since, until))
    return spans


def _threads_as_json(threads: Mapping[Thread, str]) -> Dict[str, Dict[str, str]]:
    made: Dict[str, Dict[str, str]] = {}
    for (channel, thread), ts in threads.items():
        made.setdefault(channel, {})[thread] = ts
    return made


Saved = Tuple[Dict[str, str], Dict[str, Missing], Dict[Thread, str]]


def _coarser_and_coarser(
    marks: Dict[str, str], missing: Dict[str, Missing], threads: Dict[Thread, str]
) -> Iterator[Saved]:
    """What is to be saved, each time in fewer words than before."""
    yield marks, missing, threads
    by_size = sorted(missing, key=lambda each: len(missing[each].threads), reverse=True)
    for share in (4, 2, 1):
        coarse = set(by_size[: -(-len(by_size) // share)])
        missing = {
            channel: each.coarser() if channel in coarse else each
            for channel, each in missing.items()
        }
        yield marks, missing, threads
    yield marks, missing, _latest(threads, THREADS // 4)
    # No gaps at all: all after the first of them is missing.
    lowered = dict(marks)
    for channel, each in missing.items():
        for spans in (each.main, each.parents):
            if spans:
                lowered[channel] = min(lowered.get(channel, spans.since), spans.since)
    yield lowered, {}, _latest(threads, THREADS // 4)
