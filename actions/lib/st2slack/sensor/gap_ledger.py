"""What each channel lacks, from the moment when it may have missed something until it was fetched.

Gaps open when a connection was lost, when the sensor starts again, and when a line of the queue
overflows. They hold the lines of the queue that they concern; what is read lets the lines go on.
How far back a gap goes is fixed when it opens. The checkpoint saves all of this (`missing`).

This machine's clock is not Slack's: when a gap ends is told by Slack's clock (clock_offset.py).
"""

from __future__ import annotations

import threading
from typing import Any, Callable, Dict, Iterable, Mapping, NamedTuple, Optional, Set, Tuple

from st2slack.base.timestamps import seconds, timestamp
from st2slack.sensor.backfill import event_type, is_wanted
from st2slack.sensor.channel_gaps import ChannelGaps
from st2slack.sensor.clock_offset import SKEW, ClockOffset
from st2slack.sensor.event_queue import EventQueue, LineKey, line_of
from st2slack.sensor.model import MESSAGE, Event
from st2slack.sensor.spans import Missing, Span, Spans, just_before
from st2slack.settings.sensor import SensorSettings

UNREADABLE_FOR = 600.0  # seconds in which a channel is not asked again that cannot be read
# Seconds in which Slack may still take a silent connection for alive. It hands events to it,
# and what it tries again can be lost with the next connection.
ABANDONED_FOR = 60.0
MOST_THREADS = 1000  # of a channel; more are looked for again by their parents


class Abandoned(NamedTuple):
    """A connection that fell silent. `at`: Unix seconds; `marks`: up to where everything came."""

    at: float
    marks: Dict[str, str]

    def since(self, channel: str, mark: str) -> str:
        """From when the channel may lack something, where the latest that came is `mark`."""
        return min(mark, self.marks.get(channel, timestamp(self.at - SKEW)))


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
        self.overflowing: Set[LineKey] = set()
        self._marks_before: Optional[Dict[str, str]] = None
        self._abandoned: Optional[Abandoned] = None

    # --- opening --------------------------------------------------------------------------------

    def remember_marks(self) -> None:
        """If something is missed from now on, it is what comes after this moment."""
        self._marks_before = self._marks()

    def forget_marks(self) -> None:
        """Nothing was."""
        self._marks_before = None

    def abandon(self, now: float) -> None:
        """The connection fell silent: Slack may go on to send to it for a while."""
        self._abandoned = Abandoned(now, self._since_abandoned(self._marks(), now))

    def _since_abandoned(self, marks: Mapping[str, str], now: float) -> Dict[str, str]:
        found = self._abandoned
        if found is None or now - found.at >= ABANDONED_FOR:
            return dict(marks)
        return {channel: found.since(channel, mark) for channel, mark in marks.items()}

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

    def open(
        self, now: float, alive: Optional[float], marks: Optional[Mapping[str, str]] = None
    ) -> None:
        """From now on anything may be missed. `alive`: see Checkpoint; `marks`: up to where
        everything came, None: up to now."""
        if self._settings.backfill_max_age <= 0 or alive is None:
            return
        earliest = timestamp(now - self._settings.backfill_max_age)
        default = max(timestamp(alive - SKEW), earliest)
        since = marks
        if since is None:
            since = self._marks() if self._marks_before is None else self._marks_before
        self._marks_before = None
        since = self._since_abandoned(since, now)
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
                for key in self.overflowing:
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
                        self.drop(self.channels[channel])
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
                self.overflowing.add(key)
                spans.add(Span(just_before(order), None))
                if len(found.threads) > MOST_THREADS:
                    self._coarsen(found)
                self.version += 1
                self._changed()
            return self.version

    # --- looking --------------------------------------------------------------------------------

    def is_readable(self, channel: str) -> Optional[bool]:
        """Whether the channel's history can be read; None: that is not known yet."""
        found = self.channels.get(channel)
        return found.readable if found is not None else None

    def missing(
        self, held: Iterable[Event] = (), now: Optional[float] = None
    ) -> Dict[str, Missing]:
        """What each channel lacks, and what waits in the queue, which a restart would lack.

        `held`: events that wait elsewhere, while newer ones of their channel are dispatched.
        `now`: None where there is one connection, and none was abandoned.
        """
        with self.lock:
            made = {
                channel: found.missing()
                for channel, found in self.channels.items()
                if found.main or found.parents or found.threads or found.reading is not None
            }
            pending = list(self._queue.spans_pending().items())
        pending += [
            (line_of(event, MESSAGE), Span(just_before(event.order), event.order))
            for event in held
            if event.channel and event.order
        ]
        for (channel, thread), span in pending:
            if self._settings.backfill_max_age <= 0:
                continue
            missing = made.setdefault(channel, Missing(Spans(), Spans(), {}))
            spans = missing.threads.setdefault(thread, Spans()) if thread else missing.main
            spans.add(span)
        for channel, span in self._swallowed(now).items():
            missing = made.setdefault(channel, Missing(Spans(), Spans(), {}))
            missing.main.add(span)
            missing.parents.add(span)
        return made

    def _swallowed(self, now: Optional[float]) -> Dict[str, Span]:
        """What may still be on another connection, by channel, while newer ones came: on one that
        is abandoned, or on the older of two."""
        if now is None or self._settings.backfill_max_age <= 0:
            return {}
        marks = self._marks()
        before = self._marks_before  # there are two connections
        if before is None:
            before = marks
        new = timestamp(now - SKEW)
        complete = {channel: min(mark, before.get(channel, new)) for channel, mark in marks.items()}
        since = self._since_abandoned(complete, now)
        return {
            channel: Span(since[channel], mark)
            for channel, mark in marks.items()
            if since[channel] < mark
        }

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

    def advance_main(self, found: ChannelGaps) -> None:
        """Let the main line go on as far as it lacks nothing."""
        main = found.main_missing
        self._queue.advance((found.channel, ""), main.since if main else None)

    def release_threads(self, found: ChannelGaps) -> None:
        """Let all threads go on, but for those that are known to lack replies."""
        parents = found.parents_missing
        but = {thread: spans.since for thread, spans in found.threads.items()}
        if parents:
            self._queue.hold_threads(found.channel, Span(parents.since, parents.until))
        else:
            self._queue.release_threads(found.channel, but)

    def _coarsen(self, found: ChannelGaps) -> None:
        for thread in list(found.threads):
            if (found.channel, thread) not in self.overflowing:
                found.parents.update(found.threads.pop(thread))
        self._hold(found)

    def drop(self, found: ChannelGaps) -> None:
        """Whatever is missing there is not fetched."""
        threads = list(found.threads)
        found.main, found.parents, found.reading = Spans(), Spans(), None
        found.threads, found.edges, found.cursors = {}, [], {}
        for thread in ["", *threads]:
            key = (found.channel, thread)
            self.overflowing.discard(key)
            dropped = self._queue.accept_again(key)
            self.given_up += dropped.number if dropped is not None else 0
            self._queue.advance(key, None)
        self._queue.release_threads(found.channel, {})
        self.version += 1
