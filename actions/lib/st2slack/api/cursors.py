"""PURE: cursors in Slack's answers: where the next page begins."""

from __future__ import annotations

from typing import Optional, Set

from st2slack.api.page_facts import PageFacts
from st2slack.base.errors import ResponseLost
from st2slack.base.json_path import read_path


class CursorChain:
    """The cursors of one walk over pages, each of which is used once.

    `first`: the cursor of the first page, "" for none.
    """

    def __init__(self, pages: PageFacts, first: str = "") -> None:
        self._pages = pages
        self._used: Set[str] = {first}

    def follow(self, answer: object, page: int, items: int) -> Optional[str]:
        """The cursor of the page after `answer`; None at the end.

        `page` and `items`: how many were read. Raises ResponseLost for a cursor that cannot be
        used, or that was used before.
        """
        cursor = next_cursor(answer, self._pages, page)
        if cursor is None:
            return None
        if cursor in self._used:
            raise repeated_cursor_error(page, items)
        self._used.add(cursor)
        return cursor


def find_cursor(answer: object, pages: PageFacts) -> object:
    """The value in place of the next cursor; None where there is none."""
    found = (read_path(answer, path) for path in pages.next)
    return next(
        (each for each in found if each is not None and each is not False and each != ""), None
    )


def next_cursor(answer: object, pages: PageFacts, page: int) -> Optional[str]:
    """The next cursor; None at the end. Raises ResponseLost for one that cannot be used."""
    cursor = find_cursor(answer, pages)
    if cursor is None or isinstance(cursor, str):
        return cursor
    raise incomplete_list_error(page, "its next cursor is no text (%s)" % type(cursor).__name__)


def repeated_cursor_error(page: int, items: int) -> ResponseLost:
    return ResponseLost(
        "Slack's pages lead back to one that was read (page %d, %d items so far), so the list "
        "cannot be read whole. Try again later." % (page, items)
    )


def incomplete_list_error(page: int, why: str) -> ResponseLost:
    return ResponseLost(
        "The list cannot be read whole: after page %d, %s. Try again later." % (page, why)
    )
