"""Fetches what was missed: decides what to ask Slack for next, asks, and puts it into the queue.

One call at a time, in this order: for lines that are held while live messages wait, the one that
waits longest first; then for the channels with the latest activity; every fourth call of a method
is for the oldest gap, so that none starves. A call that fails is made again later, for nobody waits
longer than MOST_HELD for it; given up is only what Slack refuses for good.
"""

from __future__ import annotations

import random
import threading
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from st2slack.errors import RateLimited, Refusal, SlackError
from st2slack.events.backfill import (
    HISTORY,
    MINE,
    OF_THREAD,
    OF_TOKEN,
    REPLIES,
    Backfill,
    Warnings,
)
from st2slack.events.checkpoint import Checkpoint
from st2slack.events.event_queue import EventQueue, LineKey
from st2slack.events.gap_ledger import GapLedger
from st2slack.events.model import MESSAGE, Event
from st2slack.events.rate_limiter import MINUTE, RateLimiter
from st2slack.events.timestamps import seconds
from st2slack.settings.sensor import SensorSettings
from st2slack.web.retry import wait_before_next

CAUGHT_UP, CATCHING_UP = "caught_up", "catching_up"  # of slack.sensor_state
FOR_OLDEST = 4  # one call of so many is for the oldest gap
LISTED_FOR = 60.0  # seconds in which the list of conversations is not asked for again
MOST_CONVERSATIONS = 1000
UNTOLD_PAUSE, LONGEST_PAUSE = 30.0, 120.0  # seconds: 429 without a Retry-After; the most believed
TOKEN_PAUSE = 30.0  # seconds between calls with a token that Slack refuses
PATIENCE = 1e9  # seconds of back-off: it is never over
POLL = 0.5  # seconds
TOLD_EVERY, WORTH_TELLING = 300.0, 60.0  # seconds: between two lines, and left to be fetched


class Task(NamedTuple):
    """A call to make. `since`: where the gap begins that it is for; `activity`: its latest."""

    method: str
    channel: str = ""
    thread: str = ""
    since: str = ""
    activity: str = ""


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


class CatchUp:
    """The thread that fetches. `now`: Unix seconds. `renew_token` is called where it expired."""

    def __init__(
        self,
        parts: Parts,
        settings: SensorSettings,
        limiter: RateLimiter,
        now: Callable[[], float],
        warn: Callable[[str], None],
        renew_token: Callable[[], None] = lambda: None,
    ) -> None:
        self._parts = parts
        self._settings = settings
        self._limiter = limiter
        self._now = now
        self._warnings = Warnings(warn)
        self._renew_token = renew_token
        self._changed = threading.Event()
        self._tries: Dict[str, int] = {}
        self._calls: Dict[str, int] = {}
        self._listed_at: Optional[float] = None
        self._active = False
        self._found = Found()
        self._channels_found: Dict[str, None] = {}
        self._next_line = 0.0
        self.connected = False

    def wake(self) -> None:
        """There is something to fetch."""
        self._changed.set()

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set."""
        while not stop.is_set():
            pause = self.step() if self.connected else POLL
            if pause:
                self._changed.wait(min(pause, POLL))
                self._changed.clear()

    def step(self) -> float:
        """Make the next call, if there is one and it is its turn; seconds until there may be."""
        tasks = self._tasks()
        if not tasks:
            if self._active:
                self._finish()
            return POLL
        self._tell_progress()
        waits = {method: self._limiter.wait(method) for method in {each.method for each in tasks}}
        ready = [each for each in tasks if waits[each.method] <= 0]
        if not ready:
            return min(waits.values())
        if not self._parts.queue.wait_for_room(POLL):
            return 0.0
        task = self._choose(ready)
        self._limiter.take(task.method)
        self._calls[task.method] = self._calls.get(task.method, 0) + 1
        self._try(task)
        return 0.0

    def seconds_left(self) -> float:
        """For how long there is something to fetch, at the rate at which it may be asked for."""
        channels, threads = self._parts.ledger.lines_left()
        return max(channels, threads) * MINUTE / self._limiter.per_minute

    def figures(self) -> Dict[str, Any]:
        """For the status."""
        given_up = self._parts.ledger.given_up
        channels, threads = self._parts.ledger.lines_left()
        return {
            "lines_to_catch_up": channels + threads,
            "catch_up_seconds": round(self.seconds_left()),
            **({"given_up": given_up} if given_up else {}),
        }

    # --- which call -----------------------------------------------------------------------------

    def _tasks(self) -> List[Task]:
        ledger = self._parts.ledger
        with ledger.lock:
            tasks = [Task(MINE)] if ledger.unknown_since is not None else []
            marks = self._parts.checkpoint.watermarks
            for channel, found in ledger.channels.items():
                activity = marks.get(channel, "")
                if found.needs_history:
                    spans = found.main_missing or found.parents_missing
                    since = spans.since if spans else ""
                    tasks.append(Task(HISTORY, channel, "", since, activity))
                for thread, spans in found.threads.items():
                    tasks.append(Task(REPLIES, channel, thread, spans.since, activity))
        self._active = self._active or bool(tasks)
        if tasks and tasks[0].method == MINE and self._is_listed():
            ledger.learn(list(ledger.listed.values()), self._now())
            return self._tasks()
        return tasks

    def _is_listed(self) -> bool:
        return self._listed_at is not None and self._now() - self._listed_at < LISTED_FOR

    def _choose(self, tasks: List[Task]) -> Task:
        for_oldest = [
            each for each in tasks if self._calls.get(each.method, 0) % FOR_OLDEST == FOR_OLDEST - 1
        ]
        if for_oldest:
            return min(for_oldest, key=lambda each: each.since)
        waiting = self._parts.queue.waiting_since()
        threads: Dict[str, float] = {}
        for (channel, thread), since in waiting.items():
            if thread:
                threads[channel] = min(since, threads.get(channel, since))
        held = [(since, each) for each in tasks for since in _waits(each, waiting, threads)]
        if held:
            return min(held, key=lambda pair: pair[0])[1]
        return max(tasks, key=lambda each: (each.method == MINE, each.activity, each.since))

    # --- making it ------------------------------------------------------------------------------

    def _try(self, task: Task) -> None:
        try:
            self._make(task)
            self._tries.pop(task.method, None)
        except RateLimited as limited:
            asked = limited.retry_after
            pause = UNTOLD_PAUSE if asked is None else min(LONGEST_PAUSE, max(1.0, asked))
            self._limiter.hold(task.method, pause)
        except SlackError as error:
            self._failed(task, error)

    def _make(self, task: Task) -> None:
        if task.method == MINE:
            self._list_conversations()
        elif task.method == HISTORY:
            self._read_history(task.channel)
        else:
            self._read_thread(task.channel, task.thread)

    def _failed(self, task: Task, error: SlackError) -> None:
        tries = self._tries[task.method] = self._tries.get(task.method, 0) + 1
        pause = wait_before_next(error, tries, False, PATIENCE, random.random())
        code = getattr(error, "code", "")
        if code == "token_expired":
            self._renew_token()
        if pause is not None or code in OF_TOKEN:
            self._limiter.hold(task.method, TOKEN_PAUSE if pause is None else pause)
            if code in OF_TOKEN:
                self._warnings.refused(error, "", "Nothing can be fetched by")
            return
        self._tries.pop(task.method, None)
        if task.method == MINE:
            text = "Channels with no message dispatched yet are left out of"
            self._warnings.refused(error, "", text)
            self._learn([])
        elif task.method == HISTORY:
            self._found = self._found._replace(failed=self._found.failed + 1)
            text = "Nothing could be fetched from %s in" % task.channel
            self._warnings.refused(error, task.channel, text)
            self._parts.ledger.cannot_be_read(task.channel, self._now())
        else:
            if code not in OF_THREAD:  # those were deleted meanwhile
                text = "A thread of %s is left out of" % task.channel
                self._warnings.refused(error, task.channel, text)
            self._parts.ledger.thread_read(task.channel, task.thread, None)

    def _list_conversations(self) -> None:
        found: List[Dict[str, Any]] = []
        types = self._settings.channel_types
        try:
            found = self._pages_of(types)
        except Refusal as refusal:
            if refusal.code != "missing_scope" or len(types) < 2:
                raise
            self._warnings.refused(
                refusal, "", "Channels with no message dispatched yet are left out of"
            )
            for each in types:  # the token may not see some of them
                try:
                    found += self._pages_of((each,))
                except Refusal as of_type:
                    text = "Channels of type %s are left out of" % each
                    self._warnings.refused(of_type, "", text)
        self._learn(found)

    def _pages_of(self, types: Tuple[str, ...]) -> List[Dict[str, Any]]:
        found: List[Dict[str, Any]] = []
        cursor = ""
        while len(found) < MOST_CONVERSATIONS:
            page = self._parts.backfill.conversations(types, cursor)
            found += [each for each in page.items if isinstance(each.get("id"), str)]
            if not page.cursor or page.cursor == cursor:
                break
            cursor = page.cursor
            self._limiter.take(MINE)
        return found

    def _learn(self, found: List[Dict[str, Any]]) -> None:
        self._listed_at = self._now()
        self._parts.ledger.learn(found, self._now())

    def _read_history(self, channel: str) -> None:
        ledger = self._parts.ledger
        reading = ledger.begin_pass(channel, self._now())
        had_main = reading.has_main
        page = self._parts.backfill.history(channel, reading.oldest, reading.latest, reading.cursor)
        reading.accept(page.items, page.cursor)
        self._warnings.works(channel)
        ledger.can_be_read(channel)
        with ledger.lock:  # what is in the queue is missing no more, and not before
            if reading.has_main and not had_main:
                _, messages = ledger.main_read(channel)
                self._put(channel, messages)
                ledger.main_queued(channel)
            ledger.threads_found(channel, self._threads_of(channel, reading))
            if reading.is_done:
                ledger.pass_done(channel)

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

    def _read_thread(self, channel: str, thread: str) -> None:
        ledger = self._parts.ledger
        spans = ledger.begin_thread(channel, thread)
        cursors = ledger.channels[channel].cursors
        oldest, cursor = cursors.get(thread, (spans.since, ""))
        page = self._parts.backfill.replies(channel, thread, oldest, cursor, self._now())
        missing = [each for each in page.items if each["ts"] in spans]
        more = page.cursor if page.cursor and page.cursor != cursor and page.items else ""
        with ledger.lock:
            self._put(channel, missing)
            if more:
                cursors[thread] = (oldest, more)
            ledger.thread_read(channel, thread, page.items[-1]["ts"] if more else None)

    def _put(self, channel: str, messages: Sequence[Mapping[str, Any]]) -> None:
        parts = self._parts
        kind = parts.ledger.channels[channel].kind
        for message in messages:
            event = parts.backfill.event(channel, kind, message)
            accepted = parts.accept(event)
            if accepted is not None and parts.queue.put_fetched(event, *accepted):
                self._channels_found[channel] = None
                self._found = self._found._replace(messages=self._found.messages + 1)

    # --- telling --------------------------------------------------------------------------------

    def _finish(self) -> None:
        """Nothing is missing any more."""
        self._active = False
        parts = self._parts
        found, self._found = self._found, Found()
        channels, self._channels_found = len(self._channels_found), {}
        line = "%d messages found in %d channels" % (found.messages, channels)
        line += "; %d times something could not be fetched" % found.failed if found.failed else ""
        self._next_line = 0.0
        parts.checkpoint.changed()
        parts.say(CAUGHT_UP, line)

    def _tell_progress(self) -> None:
        left = self.seconds_left()
        if left < WORTH_TELLING or self._now() < self._next_line:
            return
        self._next_line = self._now() + TOLD_EVERY
        channels, threads = self._parts.ledger.lines_left()
        self._parts.say(
            CATCHING_UP,
            "%d channels and %d threads are left to be read, for about %.0f s at %d calls a minute"
            % (channels, threads, left, self._limiter.per_minute),
        )


def _waits(
    task: Task, waiting: Mapping[LineKey, float], threads: Mapping[str, float]
) -> List[float]:
    """Since when live messages wait for what the task brings; none where none do."""
    if task.method == MINE:
        return []
    found = [waiting.get((task.channel, task.thread))]
    if task.method == HISTORY:  # all threads of a channel wait for their parents
        found.append(threads.get(task.channel))
    return [each for each in found if each is not None]
