"""An end for one try that no timeout of `requests` gives.

Its read timeout begins anew with every byte, its connect timeout with every address of a name.
A transfer has no end of its own: it may go on as long as bytes do.
"""

from __future__ import annotations

import threading
from time import monotonic
from typing import Any, Callable, List, Optional, Tuple

from st2slack.errors import SlackError

ASK_AFTER = (
    1.0  # seconds after which the caller's own end is asked for: most tries are over by then
)
MARGIN = 0.5  # seconds before the caller's own end, so that there is time to say what happened


class OutOfTime(SlackError):
    """The work did not end in time. It may still be going on."""


def in_time(
    work: Callable[[], Any], seconds: float, own_end: Callable[[], Optional[float]] = lambda: None
) -> Any:
    """What `work` returns or raises, if it does so within `seconds`; else OutOfTime.

    `own_end` tells how many seconds the caller itself still has (None: no end known). It is asked
    only when the work takes long. Work that is given up goes on in a thread that ends with the
    process.
    """
    ends = monotonic() + seconds
    thread, outcome = _begin(work)
    thread.join(min(ASK_AFTER, seconds))
    if thread.is_alive():
        own = own_end()
        thread.join(
            max(0.0, ends - monotonic() if own is None else min(ends - monotonic(), own - MARGIN))
        )
    return outcome("no answer in time")


def while_moving(
    work: Callable[[], Any],
    moved: Callable[[], int],
    silence: float,
    own_end: Callable[[], Optional[float]] = lambda: None,
) -> Any:
    """What `work` returns or raises; OutOfTime where nothing moves for `silence` seconds.

    `moved`: a count that grows as long as the work gets on. `own_end` as for `in_time`.
    """
    thread, outcome = _begin(work)
    thread.join(min(ASK_AFTER, silence))
    own = own_end() if thread.is_alive() else None
    ends = None if own is None else monotonic() + own - MARGIN
    count, since = moved(), monotonic()
    while thread.is_alive():
        if ends is not None and monotonic() >= ends:
            return outcome(
                "was not through when the time of the action itself was over; give the action "
                "more of it (its parameter `timeout`, in seconds)."
            )
        if moved() != count:
            count, since = moved(), monotonic()
        if monotonic() - since >= silence:
            return outcome("was given up: nothing moved for %g s." % silence)
        thread.join(min(ASK_AFTER, silence))
    return outcome("ended without an answer.")


def _begin(work: Callable[[], Any]) -> Tuple[threading.Thread, Callable[[str], Any]]:
    """A thread at this work, and what tells its outcome: OutOfTime, with that text, if none."""
    results: List[Any] = []
    errors: List[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:  # handed on to the thread that waits
            errors.append(error)

    def outcome(text: str) -> Any:
        if errors:
            raise errors[0]
        if not results:
            raise OutOfTime(text)
        return results[0]

    thread = threading.Thread(target=run, name="slack-call", daemon=True)
    thread.start()
    return thread, outcome
