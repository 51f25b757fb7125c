"""An end for one try that no timeout of `requests` gives.

Its read timeout begins anew with every byte, its connect timeout with every address of a name.
"""

from __future__ import annotations

import threading
from time import monotonic
from typing import Any, Callable, List, Optional

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
    results: List[Any] = []
    errors: List[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:  # handed on to the thread that waits
            errors.append(error)

    thread = threading.Thread(target=run, name="slack-call", daemon=True)
    ends = monotonic() + seconds
    thread.start()
    thread.join(min(ASK_AFTER, seconds))
    if thread.is_alive():
        own = own_end()
        thread.join(
            max(0.0, ends - monotonic() if own is None else min(ends - monotonic(), own - MARGIN))
        )
    if errors:
        raise errors[0]
    if not results:
        raise OutOfTime("no answer in time")
    return results[0]
