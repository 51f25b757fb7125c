"""PURE: a list and what was asked → one page of it, by cursor or by number."""

from __future__ import annotations

import base64
import binascii
import math
from typing import Any, Dict, List, Sequence, Tuple

from sandbox.slack.checks.slack_error import SlackError

OFFSET = "offset"
NEXT_TS = "next_ts"


def make_cursor(kind: str, value: str) -> str:
    """A cursor as Slack makes them: Base64 of a name and a value."""
    return base64.b64encode("{}:{}".format(kind, value).encode("ascii")).decode("ascii")


def read_cursor(cursor: str, kind: str) -> str:
    """The value of a cursor of this kind; anything else is refused with invalid_cursor."""
    try:
        text = base64.b64decode(cursor, validate=True).decode("ascii")
    except (binascii.Error, UnicodeError, ValueError):
        raise SlackError("invalid_cursor") from None
    found, _, value = text.partition(":")
    if found != kind or not value:
        raise SlackError("invalid_cursor")
    return value


def by_offset(items: Sequence[Any], cursor: str, size: int) -> Tuple[List[Any], str]:
    """The items of one page, and the cursor of the next, "" at the end."""
    value = read_cursor(cursor, OFFSET) if cursor else "0"
    if not value.isdigit() or int(value) > len(items):
        raise SlackError("invalid_cursor")
    end = int(value) + size
    following = make_cursor(OFFSET, str(end)) if end < len(items) else ""
    return list(items[int(value) : end]), following


def by_ts(messages: Sequence[Dict[str, Any]], cursor: str, size: int) -> Tuple[List[Any], str]:
    """The same for messages, whose cursor names the next one: what is posted meanwhile does not
    shift the pages."""
    begin = 0
    if cursor:
        next_ts = read_cursor(cursor, NEXT_TS)
        stamps = [message["ts"] for message in messages]
        if next_ts not in stamps:
            raise SlackError("invalid_cursor")
        begin = stamps.index(next_ts)
    end = begin + size
    following = make_cursor(NEXT_TS, messages[end]["ts"]) if end < len(messages) else ""
    return list(messages[begin:end]), following


def by_number(items: Sequence[Any], page: int, count: int) -> Tuple[List[Any], Dict[str, int]]:
    """The items of page `page` (from 1), and the paging block that tells how many there are."""
    page, count = max(page, 1), max(count, 1)
    begin = (page - 1) * count
    pages = max(math.ceil(len(items) / count), 1)
    paging = {"count": count, "total": len(items), "page": page, "pages": pages}
    return list(items[begin : begin + count]), paging
