"""Timestamps of Slack's form by this machine's clock, for runs that last as long as in reality."""

from __future__ import annotations

import threading
import time


class RealTime:
    """Gives a timestamp of this moment at each call, later than all before; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def __call__(self) -> str:
        with self._lock:
            self._last = max(time.time_ns() // 1000, self._last + 1)
            return "%d.%06d" % divmod(self._last, 1_000_000)
