"""Fetches what was missed, one call at a time: call_schedule.py says which, fetcher.py makes it.

A call that fails is made again later, for nobody waits longer than MOST_HELD for it; given up is
only what Slack refuses for good.
"""

from __future__ import annotations

import random
import threading
from typing import Any, Callable, Dict, List

from st2slack.api.retry import wait_before_next
from st2slack.base.errors import RateLimited, SlackError
from st2slack.sensor.backfill import HISTORY, MINE, OF_THREAD, OF_TOKEN, Warnings
from st2slack.sensor.call_schedule import CallSchedule, Task
from st2slack.sensor.fetcher import Fetcher, Parts
from st2slack.sensor.rate_limiter import MINUTE, RateLimiter
from st2slack.settings.sensor import SensorSettings

CAUGHT_UP, CATCHING_UP = "caught_up", "catching_up"  # of slack.sensor_state
UNTOLD_PAUSE, LONGEST_PAUSE = 30.0, 120.0  # seconds: 429 without a Retry-After; the most believed
TOKEN_PAUSE = 30.0  # seconds between calls with a token that Slack refuses
PATIENCE = 1e9  # seconds of back-off: it is never over
POLL = 0.5  # seconds
TOLD_EVERY, WORTH_TELLING = 300.0, 60.0  # seconds: between two lines, and left to be fetched


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
        self._limiter = limiter
        self._now = now
        self._warnings = Warnings(warn)
        self._fetcher = Fetcher(parts, settings, limiter, self._warnings, now)
        self._schedule = CallSchedule(parts.ledger, parts.queue, parts.checkpoint)
        self._renew_token = renew_token
        self._changed = threading.Event()
        self._tries: Dict[str, int] = {}
        self._active = False
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
        if self._parts.queue.wait_for_room(0.0):
            self._try(self._schedule.take(ready), self._make)
            return 0.0
        unknown = [each for each in ready if self._schedule.is_readability_unknown(each)]
        if unknown:
            self._try(unknown[0], lambda task: self._fetcher.probe(task.channel))
        else:
            self._parts.queue.wait_for_room(POLL)
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

    def _tasks(self) -> List[Task]:
        tasks = self._schedule.tasks()
        self._active = self._active or bool(tasks)
        if tasks and tasks[0].method == MINE and self._fetcher.has_list:
            self._fetcher.learn_again()
            return self._schedule.tasks()
        return tasks

    # --- making a call --------------------------------------------------------------------------

    def _try(self, task: Task, make: Callable[[Task], None]) -> None:
        self._limiter.take(task.method)
        try:
            make(task)
            self._tries.pop(task.method, None)
        except RateLimited as limited:
            asked = limited.retry_after
            pause = UNTOLD_PAUSE if asked is None else min(LONGEST_PAUSE, max(1.0, asked))
            self._limiter.hold(task.method, pause)
        except SlackError as error:
            self._failed(task, error)

    def _make(self, task: Task) -> None:
        if task.method == MINE:
            self._fetcher.list_conversations()
        elif task.method == HISTORY:
            self._fetcher.read_history(task.channel)
        else:
            self._fetcher.read_thread(task.channel, task.thread)

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
            self._fetcher.learn([])
        elif task.method == HISTORY:
            text = "Nothing could be fetched from %s in" % task.channel
            self._warnings.refused(error, task.channel, text)
            self._fetcher.give_up_channel(task.channel)
        else:
            if code not in OF_THREAD:  # those were deleted meanwhile
                text = "A thread of %s is left out of" % task.channel
                self._warnings.refused(error, task.channel, text)
            self._fetcher.give_up_thread(task.channel, task.thread)

    # --- telling --------------------------------------------------------------------------------

    def _finish(self) -> None:
        """Nothing is missing any more."""
        self._active = False
        parts = self._parts
        found = self._fetcher.take_found()
        line = "%d messages found in %d channels" % (found.messages, found.channels)
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
