"""What each channel lacks, from the moment when it may have missed something until it was fetched.

Gaps open when a connection was lost, when the sensor starts again, and when a line of the queue
overflows. They hold the lines of the queue that they concern; what is read lets the lines go on.
How far back a gap goes is fixed when it opens. The checkpoint saves all of this (`missing`).

This machine's clock is not Slack's. By the timestamps of live events it is known how far they
differ; until there was one, SKEW is assumed.
"""

from __future__ import annotations

import threading
from typing import Any, Callable, Dict, Iterable, List, Mapping, NamedTuple, Optional, Set, Tuple

from st2slack.events.backfill import DAY, PAGE, event_type, is_wanted
from st2slack.events.event_queue import EventQueue, LineKey
from st2slack.events.history_pass import HistoryPass
from st2slack.events.spans import Missing, Span, Spans, just_before
from st2slack.events.timestamps import seconds, timestamp
from st2slack.settings.sensor import SensorSettings

SKEW = 60.0  # seconds by which the clocks may differ
MARGIN = 3.0  # seconds for what is on its way, where it is known how far they differ
UNREADABLE_FOR = 600.0  # seconds in which a channel is not asked again that cannot be read
EVERY = 0.02  # seconds between two looks at Slack's clock
MOST_THREADS = 1000  # of a channel; more are looked for again by their parents
SHORT = 2 * PAGE  # dropped messages that are read so soon that their line need drop no more


class ChannelGaps:
    """What one channel lacks. `main` and `parents` without what `reading` is about; `edges`: where
    the slices of a large gap begin. `readable`: whether its history can be read; None: not known.
    """

    def __init__(self, channel: str) -> None:
        self.channel = channel
        self.kind = ""
        self.main = Spans()
        self.parents = Spans()
        self.threads: Dict[str, Spans] = {}
        self.edges: List[str] = []
        self.reading: Optional[HistoryPass] = None
        self.readable: Optional[bool] = None
        self.refused_at: Optional[float] = None
        self.cursors: Dict[str, Tuple[str, str]] = {}  # thread_ts → oldest, cursor

    @property
    def main_missing(self) -> Spans:
        """All that the main line lacks."""
        spans = self.main.copy()
        if self.reading is not None:
            spans.update(self.reading.main)
        return spans

    @property
    def parents_missing(self) -> Spans:
        """Of when threads may lack replies that are not known yet."""
        spans = self.parents.copy()
        if self.reading is not None:
            spans.update(self.reading.parents)
        return spans

    @property
    def needs_history(self) -> bool:
        """Whether its history is to be read."""
        return bool(self.main or self.parents or self.reading is not None)

    def missing(self) -> Missing:
        """A copy of all of it."""
        threads = {thread: spans.copy() for thread, spans in self.threads.items()}
        return Missing(self.main_missing, self.parents_missing, threads)

    def end(self, until: str) -> None:
        """What has no end yet ends there: from then on everything comes live."""
        for spans in (self.main, self.parents, *self.threads.values()):
            spans.end(until)


class Slacks(NamedTuple):
    """Unix seconds, and by how much Slack's clock was seen to be ahead at the most."""

    at: float
    ahead: float


class ClockOffset:
    """How far Slack's clock is ahead of this machine's, by what comes live. In seconds."""

    KEPT = 1800.0

    def __init__(self) -> None:
        self._now: Optional[Slacks] = None
        self._before: Optional[Slacks] = None
        self._next = 0.0

    def observe(self, ts: str, now: float) -> None:
        """A message of this timestamp came live."""
        if now < self._next:
            return
        self._next = now + EVERY
        at = seconds(ts)
        if at is None:
            return
        if self._now is None or now - self._now.at > self.KEPT:
            self._before, self._now = self._now, Slacks(now, at - now)
        elif at - now > self._now.ahead:
            self._now = Slacks(self._now.at, at - now)

    def surely_after(self, now: float) -> float:
        """A moment by Slack's clock that is not before `now`."""
        seen = [each.ahead for each in (self._now, self._before) if each is not None]
        return now + (max(seen) + MARGIN if seen else SKEW)


class GapLedger:
    """The gaps of all channels of a workspace; thread-safe. `marks` tells channel → ts of the
    latest message that came. `changed` is called when there is more to fetch."""

    def __init__(
        self,
        queue: EventQueue,
        settings: SensorSettings,
        marks: Callable[[], Dict[str, str]],
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._queue = queue
        self._settings = settings
        self._marks = marks
        self._changed = changed
        self.lock = threading.RLock()
        self.channels: Dict[str, ChannelGaps] = {}
        self.listed: Dict[str, Mapping[str, Any]] = {}
        self.unknown_since: Optional[str] = None  # what channels lack that are not in `channels`
        self.clock_offset = ClockOffset()
        self.left_out = 0
        self.given_up = 0  # messages that had no room, of channels that cannot be read after all
        self.version = 0  # of what is missing: see deferred acknowledgements
        self._overflowing: Set[LineKey] = set()
        self._marks_before: Optional[Dict[str, str]] = None

    # --- opening --------------------------------------------------------------------------------

    def remember_marks(self) -> None:
        """If something is missed from now on, it is what comes after this moment."""
        self._marks_before = self._marks()

    def forget_marks(self) -> None:
        """Nothing was."""
        self._marks_before = None

    def restore(self, gaps: Mapping[str, Missing]) -> None:
        """Take in what was missing when the sensor ended."""
        with self.lock:
            for channel, missing in gaps.items():
                found = self._channel(channel)
                found.main.update(missing.main)
                found.parents.update(missing.parents)
                for thread, spans in missing.threads.items():
                    found.threads.setdefault(thread, Spans()).update(spans)
                self._hold(found)

    def open(self, now: float, alive: Optional[float], marks: Mapping[str, str]) -> None:
        """From now on anything may be missed. `alive`: see Checkpoint; `marks` count before those
        of this moment."""
        if self._settings.backfill_max_age <= 0 or alive is None:
            return
        earliest = timestamp(now - self._settings.backfill_max_age)
        default = max(timestamp(alive - SKEW), earliest)
        since = {**self._marks(), **(self._marks_before or {}), **marks}
        self._marks_before = None
        most = max(0, int(self._settings.backfill_max_channels))
        with self.lock:
            wanted = sorted(since, key=lambda channel: since[channel], reverse=True)
            wanted += [each for each in {**self.channels, **self.listed} if each not in since]
            wanted = [channel for channel in wanted if self._is_wanted(channel, now)]
            self.left_out = max(0, len(wanted) - most)
            for channel in wanted[:most]:
                self._open(self._channel(channel), max(since.get(channel, default), earliest))
            if len(wanted) < most:
                self.unknown_since = min(self.unknown_since or default, default)
            self.version += 1
        self._changed()

    def close(self, now: float) -> None:
        """Everything comes live again: what was missed was missed before."""
        until = timestamp(self.clock_offset.surely_after(now))
        with self.lock:
            for found in self.channels.values():
                found.end(until)
                for key in self._overflowing:
                    if key[0] == found.channel:
                        self._reopen(found, key, until)
                self._hold(found)
            self.version += 1
        self._changed()

    def meet(self, channel: str, now: float) -> None:
        """A message came of a channel that may be unknown, while such channels lack something."""
        with self.lock:
            if self.unknown_since is None or channel in self.channels:
                return
            found = self._channel(channel)
            if self._is_wanted(channel, now):
                self._open(
                    found, self.unknown_since, timestamp(self.clock_offset.surely_after(now))
                )
                self.version += 1
        self._changed()

    def learn(self, listed: Iterable[Mapping[str, Any]], now: float) -> None:
        """What the app is in. Of channels that nothing came from yet, everything is missing."""
        with self.lock:
            self.listed = {str(each["id"]): each for each in listed}
            for channel, known in self.listed.items():
                if channel in self.channels:
                    self.channels[channel].kind = event_type(known)
                    if not self._is_wanted(channel, now):
                        self._drop(self.channels[channel])
                elif self.unknown_since is not None and self._is_wanted(channel, now):
                    if self._open_channels() >= int(self._settings.backfill_max_channels):
                        self.left_out += 1
                        continue
                    until = timestamp(self.clock_offset.surely_after(now))
                    self._open(self._channel(channel), self.unknown_since, until)
            self.unknown_since = None
            self.version += 1
        self._changed()

    def overflowed(self, key: LineKey, order: str) -> int:
        """A message had no room; the version of what is missing that has it."""
        with self.lock:
            found = self._channel(key[0])
            spans = found.threads.setdefault(key[1], Spans()) if key[1] else found.main
            if order not in spans:
                self._overflowing.add(key)
                spans.add(Span(just_before(order), None))
                if len(found.threads) > MOST_THREADS:
                    self._coarsen(found)
                self.version += 1
                self._changed()
            return self.version

    # --- reading --------------------------------------------------------------------------------

    def begin_pass(self, channel: str, now: float) -> HistoryPass:
        """The pass over a channel's history that is under way, or a new one."""
        with self.lock:
            found = self.channels[channel]
            going = found.reading
            if going is not None and not (found.main and going.has_main):
                return going
            if going is not None:  # there is something newer to be read first
                found.parents.update(going.parents)
            found.edges = [
                each for each in found.edges if found.main and just_before(each) > found.main.since
            ]
            found.reading = self._window(found) if found.edges else self._whole(found, now)
            return found.reading

    def main_read(self, channel: str) -> Tuple[HistoryPass, List[Any]]:
        """What the pass found that the main line lacks; to be followed by `main_queued`."""
        reading = self.channels[channel].reading
        assert reading is not None
        messages, through = reading.take_main()
        with self.lock:
            found = self.channels[channel]
            if through is not None:
                rest = reading.main.copy()
                rest.cut(through)
                found.main.update(rest)
                found.edges = list(reading.edges)
                reading.edges = []
                reading.main = reading.main.head(through)
        return reading, messages

    def main_queued(self, channel: str) -> None:
        """What was found is in the queue."""
        with self.lock:
            found = self.channels[channel]
            if found.reading is not None:
                found.reading.main = Spans()
            self._advance_main(found)

    def threads_found(self, channel: str, threads: Mapping[str, Spans]) -> None:
        """These threads may lack replies."""
        with self.lock:
            found = self.channels[channel]
            for thread, spans in threads.items():
                found.threads.setdefault(thread, Spans()).update(spans)

    def can_be_read(self, channel: str) -> None:
        """A page of its history was read."""
        self.channels[channel].readable = True

    def pass_done(self, channel: str) -> None:
        """The parents of all threads were read: only those go on waiting that lack something."""
        with self.lock:
            found = self.channels[channel]
            found.reading = None
            self._release_threads(found)
            self._advance_main(found)
            self.version += 1

    def begin_thread(self, channel: str, thread: str) -> Spans:
        """What the thread lacks, as it is about to be read."""
        with self.lock:
            spans = self.channels[channel].threads[thread]
            key = (channel, thread)
            dropped = self._queue.accept_again(key)
            if dropped is not None:
                self._overflowing.discard(key)
                spans.end(dropped.newest)
            return spans.copy()

    def thread_read(self, channel: str, thread: str, through: Optional[str]) -> None:
        """Its replies are in the queue: up to `through`, or (None) up to the present."""
        key = (channel, thread)
        with self.lock:
            found = self.channels[channel]
            spans = found.threads.pop(thread, Spans())
            if through is not None:
                spans.cut(through)
            else:
                found.cursors.pop(thread, None)
                dropped = self._queue.dropped(key)  # while it was read
                spans = Spans([Span(just_before(dropped.oldest))] if dropped else ())
            if spans:
                found.threads[thread] = spans
                self._queue.advance(key, spans.since)
                return
            parents = found.parents_missing
            held = parents and (parents.until is None or thread <= parents.until)
            self._queue.advance(key, parents.since if held else None)
            self.version += 1

    def cannot_be_read(self, channel: str, now: float) -> None:
        """Nothing can be fetched from the channel: what it lacks is given up."""
        with self.lock:
            found = self.channels[channel]
            found.readable, found.refused_at = False, now
            self._drop(found)

    # --- looking --------------------------------------------------------------------------------

    def is_readable(self, channel: str) -> Optional[bool]:
        """Whether the channel's history can be read; None: that is not known yet."""
        found = self.channels.get(channel)
        return found.readable if found is not None else None

    def missing(self) -> Dict[str, Missing]:
        """What each channel lacks, and what waits in the queue, which a restart would lack."""
        with self.lock:
            made = {
                channel: found.missing()
                for channel, found in self.channels.items()
                if found.main or found.parents or found.threads or found.reading is not None
            }
            pending = self._queue.spans_pending()
        for (channel, thread), span in pending.items():
            if self._settings.backfill_max_age <= 0:
                continue
            missing = made.setdefault(channel, Missing(Spans(), Spans(), {}))
            spans = missing.threads.setdefault(thread, Spans()) if thread else missing.main
            spans.add(span)
        return made

    def oldest(self) -> Optional[float]:
        """Unix seconds: the start of the oldest gap; None where nothing is missing."""
        with self.lock:
            found = [
                spans.since
                for each in self.channels.values()
                for spans in (each.main_missing, each.parents_missing, *each.threads.values())
                if spans
            ]
            found += [self.unknown_since] if self.unknown_since is not None else []
        return min((seconds(each) or 0.0 for each in found), default=None)

    def oldest_by_this_clock(self) -> Optional[float]:
        """The same by this machine's clock, and rather too early."""
        oldest = self.oldest()
        return None if oldest is None else oldest - SKEW

    def left_out_line(self, now: float, alive: Optional[float]) -> str:
        """A line about what is missing and will not be fetched; "" for nothing."""
        said = []
        if self.left_out:
            said.append(
                "%d channels beyond the %d of `sensor.backfill_max_channels` are not looked at"
                % (self.left_out, self._settings.backfill_max_channels)
            )
        if alive is not None and alive < now - self._settings.backfill_max_age:
            said.append(
                "the sensor was away for longer than the %g s of `sensor.backfill_max_age`, and "
                "what is older than that is not fetched" % self._settings.backfill_max_age
            )
        return "Of what was missed, %s." % "; ".join(said) if said else ""

    def lines_left(self) -> Tuple[int, int]:
        """Channels whose history is to be read, and threads."""
        with self.lock:
            channels = sum(each.needs_history for each in self.channels.values())
            return channels, sum(len(each.threads) for each in self.channels.values())

    # --- with the lock held ---------------------------------------------------------------------

    def _open_channels(self) -> int:
        return sum(each.needs_history for each in self.channels.values())

    def _channel(self, channel: str) -> ChannelGaps:
        found = self.channels.get(channel)
        if found is None:
            found = self.channels[channel] = ChannelGaps(channel)
            found.kind = event_type(self.listed.get(channel))
        return found

    def _is_wanted(self, channel: str, now: float) -> bool:
        found = self.channels.get(channel)
        if found is not None and found.readable is False:
            if now - (found.refused_at or 0.0) < UNREADABLE_FOR:
                return False
            found.readable = None
        return is_wanted(channel, self.listed.get(channel), self._settings)

    def _open(self, found: ChannelGaps, since: str, until: Optional[str] = None) -> None:
        found.main.add(Span(since, until))
        found.parents.add(Span(since, until))
        self._hold(found)

    def _reopen(self, found: ChannelGaps, key: LineKey, since: str) -> None:
        spans = found.threads.get(key[1]) if key[1] else found.main
        if spans:
            spans.add(Span(spans.until or since, None))

    def _hold(self, found: ChannelGaps) -> None:
        main, parents = found.main_missing, found.parents_missing
        if main:
            self._queue.hold((found.channel, ""), main.since)
        if parents:
            self._queue.hold_threads(found.channel, Span(parents.since, parents.until))
        for thread, spans in found.threads.items():
            self._queue.hold((found.channel, thread), spans.since)

    def _whole(self, found: ChannelGaps, now: float) -> HistoryPass:
        """A pass from the present on. The line drops no more, unless too much was dropped already:
        then what it drops is read by another pass."""
        key = (found.channel, "")
        dropped = self._queue.dropped(key)
        if dropped is not None and dropped.number <= SHORT:
            dropped = self._queue.accept_again(key)
            if dropped is not None:
                self._overflowing.discard(key)
                found.main.end(dropped.newest)
            main, found.main = found.main, Spans()
        elif dropped is not None:
            main = found.main.head(dropped.newest)
            found.main = Spans([Span(dropped.newest, None)])
            self._queue.count_anew(key)
        else:
            main, found.main = found.main, Spans()
        parents, found.parents = found.parents, Spans()
        bounds = [spans.since for spans in (main,) if spans]
        if parents:
            floor = (seconds(parents.since) or 0.0) - self._settings.backfill_max_age
            bounds.append(timestamp(floor))
        bounds = bounds or [timestamp(now)]  # nothing was dropped since it was last read
        latest = timestamp(max(now, *(seconds(each) or 0.0 for each in bounds)) + DAY)
        return HistoryPass(main, parents, min(bounds), latest, self._queue.fetched_capacity // 2)

    def _window(self, found: ChannelGaps) -> HistoryPass:
        """A pass over the next slice of a large gap."""
        room = self._queue.fetched_capacity // 2
        latest = found.edges[min(len(found.edges), max(1, room // PAGE)) - 1]
        through = just_before(latest)
        main = found.main.head(through)
        found.main.cut(through)
        return HistoryPass(main, Spans(), main.since, latest, room)

    def _advance_main(self, found: ChannelGaps) -> None:
        main = found.main_missing
        self._queue.advance((found.channel, ""), main.since if main else None)

    def _release_threads(self, found: ChannelGaps) -> None:
        parents = found.parents_missing
        but = {thread: spans.since for thread, spans in found.threads.items()}
        if parents:
            self._queue.hold_threads(found.channel, Span(parents.since, parents.until))
        else:
            self._queue.release_threads(found.channel, but)

    def _coarsen(self, found: ChannelGaps) -> None:
        for thread in list(found.threads):
            if (found.channel, thread) not in self._overflowing:
                found.parents.update(found.threads.pop(thread))
        self._hold(found)

    def _drop(self, found: ChannelGaps) -> None:
        """Whatever is missing there is not fetched."""
        threads = list(found.threads)
        found.main, found.parents, found.reading = Spans(), Spans(), None
        found.threads, found.edges, found.cursors = {}, [], {}
        for thread in ["", *threads]:
            key = (found.channel, thread)
            self._overflowing.discard(key)
            dropped = self._queue.accept_again(key)
            self.given_up += dropped.number if dropped is not None else 0
            self._queue.advance(key, None)
        self._queue.release_threads(found.channel, {})
        self.version += 1
