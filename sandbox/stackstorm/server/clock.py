"""The clock of the fake StackStorm; a test can set it forward."""

from __future__ import annotations

import time


class Clock:
    """Unix seconds, `ahead` seconds before the real ones."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead
