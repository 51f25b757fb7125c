"""How many calls of each Web API method the sensor makes in a minute.

Slack allows 50 a minute for the methods that the catch-up calls (tier 3); actions share them, so
the sensor takes 40. Half of these may be made at once; the rest is spread over the minute, so that
a line that begins to wait later gets its turn as well.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Callable, Deque, Dict

PER_MINUTE = 40
MINUTE = 60.0


class RateLimiter:
    """Counts the calls of each method; thread-safe. `clock` in seconds."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, per_minute: int = PER_MINUTE
    ) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self.per_minute = per_minute
        self._calls: Dict[str, Deque[float]] = {}
        self._not_before: Dict[str, float] = {}

    def wait(self, method: str) -> float:
        """Seconds until the method may be called; 0 for now. Counts nothing."""
        with self._lock:
            return self._wait(method)

    def take(self, method: str) -> float:
        """0 where the method may be called now (and that is counted), else seconds to wait."""
        with self._lock:
            wait = self._wait(method)
            if wait <= 0:
                self._calls[method].append(self._clock())
            return wait

    def hold(self, method: str, seconds: float) -> None:
        """Do not let the method be called for so long: Slack asked for it, or it failed."""
        with self._lock:
            until = self._clock() + seconds
            self._not_before[method] = max(until, self._not_before.get(method, until))

    def _wait(self, method: str) -> float:
        now = self._clock()
        calls = self._calls.setdefault(method, deque())
        while calls and calls[0] <= now - MINUTE:
            calls.popleft()
        wait = self._not_before.get(method, now) - now
        if len(calls) >= self.per_minute:
            wait = max(wait, calls[-self.per_minute] + MINUTE - now)
        else:
            wait = max(wait, self._spread(calls) - now)
        return max(0.0, wait)

    def _spread(self, calls: Deque[float]) -> float:
        """When the next call is to be made so that there is one to be made at any time."""
        half = (self.per_minute + 1) // 2
        if len(calls) < half:
            return 0.0
        # Those that were made at once are missing for the rest of the minute.
        at_once = calls[half - 1] - calls[0] < MINUTE / 2
        return calls[-1] + MINUTE / (half if at_once else self.per_minute)
