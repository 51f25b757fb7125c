"""PURE: whether and when a failed try is made again. Policy, in one place; no clock, no sleep.

| what happened                                  | again                                       |
|------------------------------------------------|---------------------------------------------|
| surely not arrived (RequestNotSent)              | always, with back-off                       |
| too many calls (RateLimited)                   | always, after what Slack asked for          |
| may have arrived (ResponseLost), Slack in trouble| only what does not write, with back-off     |
| anything else                                  | never: it would only happen again           |

All of it under a budget of seconds: a wait that does not fit is not begun.
"""

from __future__ import annotations

from typing import Optional

from st2slack.base.errors import (
    RateLimited,
    RequestNotSent,
    ResponseLost,
    SlackApiError,
    SlackError,
)

BASE = 0.5  # seconds before the second try; doubled for each one after it
CEILING = 20.0

# Codes with which Slack says that it is in trouble itself. Whether the call took effect is unknown.
TROUBLE = frozenset(
    ("internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org")
)


def wait_before_next(
    error: SlackError, tries: int, writes: bool, left: float, jitter: float
) -> Optional[float]:
    """Seconds to wait before another try, or None for none.

    `tries`: how many were made; `left`: seconds of the budget; `jitter`: a random number 0 to 1.
    """
    if not _worth_it(error, writes):
        return None
    asked = error.retry_after if isinstance(error, RateLimited) else None
    wait = _back_off(tries, jitter)
    if asked is not None:
        wait = asked if asked >= BASE else max(asked, wait)  # "0" must not become a hot loop
    return wait if wait < left else None


def _worth_it(error: SlackError, writes: bool) -> bool:
    if isinstance(error, (RequestNotSent, RateLimited)):
        return True
    if isinstance(error, ResponseLost):
        return not writes
    return isinstance(error, SlackApiError) and error.code in TROUBLE and not writes


def _back_off(tries: int, jitter: float) -> float:
    # Half fixed, half random: runners that failed together do not come back together.
    step: float = min(CEILING, BASE * 2.0 ** min(tries - 1, 16))
    return step * (0.5 + jitter / 2)
