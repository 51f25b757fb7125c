"""How gaps are closed: what is to be read next of a channel or a thread, and what is read.

A gap is missing until what was read of it is in the queue; so both are done while the ledger's lock
is held. What opens meanwhile stays open.
"""

from __future__ import annotations

from typing import Any, List, Mapping, Optional, Tuple

from st2slack.base.timestamps import seconds, timestamp
from st2slack.sensor.backfill import DAY, PAGE
from st2slack.sensor.channel_gaps import ChannelGaps
from st2slack.sensor.event_queue import EventQueue
from st2slack.sensor.gap_ledger import GapLedger
from st2slack.sensor.history_pass import HistoryPass
from st2slack.sensor.spans import Span, Spans, just_before

SHORT = 2 * PAGE  # dropped messages that are read so soon that their line need drop no more


class GapReader:
    """`max_age`: seconds before a gap in which parents are looked for."""

    def __init__(self, ledger: GapLedger, queue: EventQueue, max_age: float) -> None:
        self._ledger = ledger
        self._queue = queue
        self._max_age = max_age

    def begin_pass(self, channel: str, now: float) -> HistoryPass:
        """The pass over a channel's history that is under way, or a new one."""
        with self._ledger.lock:
            found = self._ledger.channels[channel]
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
        reading = self._ledger.channels[channel].reading
        assert reading is not None
        messages, through = reading.take_main()
        with self._ledger.lock:
            found = self._ledger.channels[channel]
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
        with self._ledger.lock:
            found = self._ledger.channels[channel]
            if found.reading is not None:
                found.reading.main = Spans()
            self._ledger.advance_main(found)

    def threads_found(self, channel: str, threads: Mapping[str, Spans]) -> None:
        """These threads may lack replies."""
        with self._ledger.lock:
            found = self._ledger.channels[channel]
            for thread, spans in threads.items():
                found.threads.setdefault(thread, Spans()).update(spans)

    def can_be_read(self, channel: str) -> None:
        """A page of its history was read."""
        self._ledger.channels[channel].readable = True

    def pass_done(self, channel: str) -> None:
        """The parents of all threads were read: only those go on waiting that lack something."""
        with self._ledger.lock:
            found = self._ledger.channels[channel]
            found.reading = None
            self._ledger.release_threads(found)
            self._ledger.advance_main(found)
            self._ledger.version += 1

    def begin_thread(self, channel: str, thread: str) -> Spans:
        """What the thread lacks, as it is about to be read."""
        with self._ledger.lock:
            spans = self._ledger.channels[channel].threads[thread]
            key = (channel, thread)
            dropped = self._queue.accept_again(key)
            if dropped is not None:
                self._ledger.overflowing.discard(key)
                spans.end(dropped.newest)
            return spans.copy()

    def thread_read(self, channel: str, thread: str, through: Optional[str]) -> None:
        """Its replies are in the queue: up to `through`, or (None) up to the present."""
        key = (channel, thread)
        with self._ledger.lock:
            found = self._ledger.channels[channel]
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
            self._ledger.version += 1

    def cannot_be_read(self, channel: str, now: float) -> None:
        """Nothing can be fetched from the channel: what it lacks is given up."""
        with self._ledger.lock:
            found = self._ledger.channels[channel]
            found.readable, found.refused_at = False, now
            self._ledger.drop(found)

    def _whole(self, found: ChannelGaps, now: float) -> HistoryPass:
        """A pass from the present on. The line drops no more, unless too much was dropped already:
        then what it drops is read by another pass."""
        key = (found.channel, "")
        dropped = self._queue.dropped(key)
        if dropped is not None and dropped.number <= SHORT:
            dropped = self._queue.accept_again(key)
            if dropped is not None:
                self._ledger.overflowing.discard(key)
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
            floor = (seconds(parents.since) or 0.0) - self._max_age
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
