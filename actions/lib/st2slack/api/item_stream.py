"""The items of a list, one after the other; no page is kept."""

from __future__ import annotations

from typing import Dict, Iterator, Mapping

from st2slack.api.containers import LIST, Items
from st2slack.api.cursors import CursorChain
from st2slack.api.page_facts import PageFacts
from st2slack.api.pages import PAGE_SIZE, read_items
from st2slack.api.pagination import Call, Place
from st2slack.api.progress import Progress
from st2slack.base.errors import SlackError
from st2slack.base.json_access import JsonObject


def stream_items(
    call: Call,
    pages: PageFacts,
    arguments: Mapping[str, object],
    size: int = PAGE_SIZE,
    progress: Progress = lambda items, count: None,
) -> Iterator[object]:
    """The items of a list that is paged by cursor, one after the other; no page is kept.

    A page is fetched when its first item is needed, so a caller that stops early saves calls.
    `progress` takes (items, pages) after every page.
    Raises what the calls raise, with the page in the message, and ResponseLost where Slack leads
    back to a page that was read: the rest of the list is unknown then.
    """
    assert pages.size and pages.cursor
    place: Place = {pages.size: size}
    cursors = CursorChain(pages)
    total = 0
    page = 0
    while True:
        answer = _fetch(call, {**arguments, **place}, page)
        page += 1
        items = read_items(answer, pages, Items(LIST), page)
        total += len(items)
        progress(total, page)
        yield from items
        items = []  # not to be held while the next page is read
        cursor = cursors.follow(answer, page, total)
        if cursor is None:
            return
        place[pages.cursor] = cursor


def _fetch(call: Call, arguments: Dict[str, object], before: int) -> JsonObject:
    try:
        return call(arguments)
    except SlackError as error:
        if before:
            error.add(" This was page %d of the list." % (before + 1))
        raise
