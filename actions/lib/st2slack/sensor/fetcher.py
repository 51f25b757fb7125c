"""Asks Slack for what is missing, page by page, and puts it into the queue."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from st2slack.base.errors import SlackApiError
from st2slack.base.timestamps import seconds
from st2slack.sensor.backfill import HISTORY, MINE, REPLIES, Backfill, Warnings
from st2slack.sensor.checkpoint import Checkpoint
from st2slack.sensor.event_queue import EventQueue
from st2slack.sensor.gap_ledger import GapLedger
from st2slack.sensor.gap_reader import GapReader
from st2slack.sensor.model import MESSAGE, Event
from st2slack.sensor.rate_limiter import RateLimiter
from st2slack.settings.sensor import SensorSettings

LISTED_FOR = 60.0  # seconds in which the list of conversations is not asked for again
MOST_CONVERSATIONS = 1000


class Found(NamedTuple):
    """What a catch-up has brought so far."""

    messages: int = 0
    channels: int = 0
    failed: int = 0


class Parts(NamedTuple):
    """What the catch-up works with. `accept(event)`: the trigger that a fetched message becomes and
    its keys; None where it is not wanted or known. `say(state, why)` tells rules and log."""

    backfill: Backfill
    ledger: GapLedger
    queue: EventQueue
    checkpoint: Checkpoint
    accept: Callable[[Event], Optional[Tuple[str, Tuple[int, ...]]]]
    say: Callable[[str, str], None]


class Fetcher:
    """Each method makes one call, or those of one list, and raises what the client raises. `now`:
    Unix seconds."""

    def __init__(
        self,
        parts: Parts,
        settings: SensorSettings,
        limiter: RateLimiter,
        warnings: Warnings,
        now: Callable[[], float],
    ) -> None:
        self._parts = parts
        self._settings = settings
        self._limiter = limiter
        self._warnings = warnings
        self._now = now
        self._reader = GapReader(parts.ledger, parts.queue, settings.backfill_max_age)
        self._listed_at: Optional[float] = None
        self._messages = self._failed = 0
        self._channels: Dict[str, None] = {}

    @property
    def has_list(self) -> bool:
        """Whether it is known what the app is in."""
        return self._listed_at is not None and self._now() - self._listed_at < LISTED_FOR

    def learn_again(self) -> None:
        """The list is still good: take channels from it that something is missing of."""
        self._parts.ledger.learn(list(self._parts.ledger.listed.values()), self._now())

    def take_found(self) -> Found:
        """What was found since it was last asked."""
        found = Found(self._messages, len(self._channels), self._failed)
        self._messages, self._failed, self._channels = 0, 0, {}
        return found

    def give_up_channel(self, channel: str) -> None:
        """Slack refuses its history for good."""
        self._failed += 1
        self._reader.cannot_be_read(channel, self._now())

    def give_up_thread(self, channel: str, thread: str) -> None:
        """Slack refuses its replies for good."""
        self._reader.thread_read(channel, thread, None)

    def list_conversations(self) -> None:
        """Ask what the app is in."""
        found: List[Dict[str, Any]] = []
        types = self._settings.channel_types
        try:
            found = self._pages_of(types)
        except SlackApiError as refusal:
            if refusal.code != "missing_scope" or len(types) < 2:
                raise
            self._warnings.refused(
                refusal, "", "Channels with no message dispatched yet are left out of"
            )
            for each in types:  # the token may not see some of them
                try:
                    found += self._pages_of((each,))
                except SlackApiError as of_type:
                    text = "Channels of type %s are left out of" % each
                    self._warnings.refused(of_type, "", text)
        self.learn(found)

    def _pages_of(self, types: Tuple[str, ...]) -> List[Dict[str, Any]]:
        found: List[Dict[str, Any]] = []
        cursor = ""
        while len(found) < MOST_CONVERSATIONS:
            page = self._parts.backfill.conversations(types, cursor)
            found += [each for each in page.items if isinstance(each.get("id"), str)]
            if page.leads_nowhere:
                self._warnings.leads_nowhere(MINE, "")
            if not page.cursor:
                break
            cursor = page.cursor
            self._limiter.take(MINE)
        return found

    def learn(self, found: List[Dict[str, Any]]) -> None:
        """This is what the app is in, as far as it can be told."""
        self._listed_at = self._now()
        self._parts.ledger.learn(found, self._now())

    def read_history(self, channel: str) -> None:
        """Read the next page of a channel's history."""
        ledger, reader = self._parts.ledger, self._reader
        reading = reader.begin_pass(channel, self._now())
        had_main = reading.has_main
        page = self._parts.backfill.history(channel, reading.oldest, reading.latest, reading.cursor)
        reading.accept(page.items, page.cursor)
        self._warnings.works(channel)
        if page.leads_nowhere:
            self._warnings.leads_nowhere(HISTORY, channel)
        reader.can_be_read(channel)
        with ledger.lock:  # what is in the queue is missing no more, and not before
            if reading.has_main and not had_main:
                _, messages = reader.main_read(channel)
                self._put(channel, messages)
                reader.main_queued(channel)
            reader.threads_found(channel, self._threads_of(channel, reading))
            if reading.is_done:
                reader.pass_done(channel)

    def _threads_of(self, channel: str, reading: Any) -> Dict[str, Any]:
        """Threads that the pass found; with those whose parents are older than what it reads."""
        threads = reading.take_threads()
        for thread, latest in reading.single_replies.items():
            if thread in threads and self._is_known(channel, latest):
                del threads[thread]  # its only reply is there
        reading.single_replies.clear()
        if reading.is_done and reading.parents:
            oldest = seconds(reading.oldest) or 0.0
            for thread in self._parts.checkpoint.threads(channel, oldest):
                if (seconds(thread) or 0.0) <= oldest:
                    threads.setdefault(thread, reading.parents.copy())
        return dict(threads)

    def _is_known(self, channel: str, ts: str) -> bool:
        event = Event({"type": "message", "channel": channel, "ts": ts})
        hashes = self._parts.checkpoint.hashes(event, MESSAGE)
        return self._parts.checkpoint.is_known(hashes) or self._parts.queue.is_pending(hashes)

    def probe(self, channel: str) -> None:
        """Learn whether the channel can be read, though there is no room yet for what it has: then
        what was dropped may be acknowledged."""
        self._parts.backfill.probe(channel)
        self._reader.can_be_read(channel)

    def read_thread(self, channel: str, thread: str) -> None:
        """Read the next page of a thread's replies."""
        ledger, reader = self._parts.ledger, self._reader
        spans = reader.begin_thread(channel, thread)
        cursors = ledger.channels[channel].cursors
        oldest, cursor = cursors.get(thread, (spans.since, ""))
        page = self._parts.backfill.replies(channel, thread, oldest, cursor, self._now())
        missing = [each for each in page.items if each["ts"] in spans]
        more = page.cursor if page.items else ""
        if page.leads_nowhere:
            self._warnings.leads_nowhere(REPLIES, channel)
        with ledger.lock:
            self._put(channel, missing)
            if more:
                cursors[thread] = (oldest, more)
            reader.thread_read(channel, thread, page.items[-1]["ts"] if more else None)

    def _put(self, channel: str, messages: Sequence[Mapping[str, Any]]) -> None:
        parts = self._parts
        kind = parts.ledger.channels[channel].kind
        for message in messages:
            event = parts.backfill.event(channel, kind, message)
            accepted = parts.accept(event)
            if accepted is not None and parts.queue.put_fetched(event, *accepted):
                self._channels[channel] = None
                self._messages += 1
