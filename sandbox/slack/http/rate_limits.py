"""Slack's Web API limits: so many calls of a method in a minute, then 429 with Retry-After.

    slack.limits = RateLimits(TIERS)

Without them the loopback Slack answers everything, however often it is asked.
"""

from __future__ import annotations

import math
import threading
import time
from collections import Counter, defaultdict, deque
from typing import Callable, Deque, Dict, Mapping, Optional
from typing import Counter as Counted

from sandbox.slack.http.responses import Response

MINUTE = 60.0
# https://docs.slack.dev/apis/web-api/rate-limits: tier 3 is 50 and more a minute, tier 4 is 100.
TIERS = {
    "conversations.history": 50,
    "conversations.replies": 50,
    "conversations.info": 50,
    "users.conversations": 50,
    "users.info": 100,
}


class RateLimits:
    """`per_minute`: method → calls; methods that are not in it have no limit. `refused` counts the
    calls that were too many. Thread-safe."""

    def __init__(
        self, per_minute: Mapping[str, int], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_minute = dict(per_minute)
        self._clock = clock
        self._lock = threading.Lock()
        self._calls: Dict[str, Deque[float]] = defaultdict(deque)
        self.refused: Counted[str] = Counter()

    def take(self, method: str) -> Optional[Response]:
        """None where the method may be called, and that is counted; else what Slack answers."""
        most = self._per_minute.get(method)
        if most is None:
            return None
        with self._lock:
            now, calls = self._clock(), self._calls[method]
            while calls and calls[0] <= now - MINUTE:
                calls.popleft()
            if len(calls) < most:
                calls.append(now)
                return None
            self.refused[method] += 1
            wait = max(1, math.ceil(calls[0] + MINUTE - now))
        headers = {"Retry-After": str(wait)}
        return Response.of_json({"ok": False, "error": "ratelimited"}, 429, headers)
