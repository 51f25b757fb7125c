"""PURE: cursors in Slack's answers: where the next page begins."""

from __future__ import annotations

from typing import Any, Mapping, Optional

from st2slack.base.errors import ResponseLost
from st2slack.base.json_path import read_path


def find_cursor(answer: Any, pages: Mapping[str, Any]) -> Any:
    """What stands where the next cursor belongs; None where nothing does."""
    found = (read_path(answer, path) for path in pages["next"])
    return next(
        (each for each in found if each is not None and each is not False and each != ""), None
    )


def next_cursor(answer: Any, pages: Mapping[str, Any], page: int) -> Optional[str]:
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
