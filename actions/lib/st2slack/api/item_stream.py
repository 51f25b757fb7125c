"""The items of a list, one after the other; no page is kept."""

from __future__ import annotations

from typing import Any, Dict, Iterator, Mapping, Set

from st2slack.api.containers import LIST, Items
from st2slack.api.cursors import next_cursor, repeated_cursor_error
from st2slack.api.pages import PAGE_SIZE, read_items
from st2slack.api.pagination import Call, Place
from st2slack.api.progress import Progress
from st2slack.base.errors import SlackError


def stream_items(
    call: Call,
    pages: Mapping[str, Any],
    arguments: Mapping[str, Any],
    size: int = PAGE_SIZE,
    progress: Progress = lambda items, count: None,
) -> Iterator[Any]:
    """The items of a list that is paged by cursor, one after the other; no page is kept.

    A page is fetched when its first item is wanted: who has found what they look for, stops.
    `progress` takes (items, pages) after every page.
    Raises what the calls raise, with the page in the message, and ResponseLost where Slack leads
    back to a page that was read: what was not seen then is not known.
    """
    place: Place = {pages["size"]: size}
    seen: Set[str] = set()
    total = 0
    while True:
        answer = _fetch(call, {**arguments, **place}, len(seen))
        items = read_items(answer, pages, Items(LIST), len(seen) + 1)
        total += len(items)
        progress(total, len(seen) + 1)
        yield from items
        items = []  # not to be held while the next page is read
        cursor = next_cursor(answer, pages, len(seen) + 1)
        if cursor is None:
            return
        if cursor in seen:
            raise repeated_cursor_error(len(seen) + 1, total)
        seen.add(cursor)
        place[pages["cursor"]] = cursor


def _fetch(call: Call, arguments: Dict[str, Any], before: int) -> Any:
    try:
        return call(arguments)
    except SlackError as error:
        if before:
            error.add(" This was page %d of the list." % (before + 1))
        raise
