"""PURE: how far Slack's clock is ahead of this machine's, in seconds.

It is known by the timestamps of live events; until there was one, SKEW is assumed.
"""

from __future__ import annotations

from typing import NamedTuple, Optional

from st2slack.base.timestamps import seconds

SKEW = 60.0  # seconds by which the clocks may differ
MARGIN = 3.0  # seconds for what is on its way, where it is known how far they differ
EVERY = 0.02  # seconds between two looks at Slack's clock


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
