"""Lines about the progress of a long walk over pages."""

from __future__ import annotations

from typing import Callable

Progress = Callable[[int, int], None]


def progress_line(name: str, items: int, count: int) -> str:
    """A line for the live output."""
    return "%s: %d items after %d page%s" % (name, items, count, "" if count == 1 else "s")


def paced(
    say: Callable[[str], None], name: str, every: float, clock: Callable[[], float]
) -> Progress:
    """A `progress` that says how far it is, at most once in `every` seconds."""
    last = [clock()]

    def progress(items: int, count: int) -> None:
        now = clock()
        if now - last[0] >= every:
            last[0] = now
            say(progress_line(name, items, count))

    return progress
