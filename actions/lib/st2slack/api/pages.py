"""One page: its items, its numbers, and the keys of items that are wanted."""

from __future__ import annotations

import re
from typing import List, Optional, Tuple

from st2slack.api.containers import Items, PageItems, UnknownContainer, slim_all
from st2slack.api.cursors import incomplete_list_error
from st2slack.api.page_facts import PageFacts
from st2slack.base.errors import InputError
from st2slack.base.json_access import JsonObject, as_list, as_object
from st2slack.base.json_path import read_path, write_path

PAGE_SIZE = 200  # what Slack recommends; fewer requests than its default, no time-outs as with 1000


def read_items(answer: object, pages: PageFacts, items: Items, page: int) -> PageItems:
    """The items of a page; empty where the answer has none."""
    try:
        return items.read(read_path(answer, pages.items))
    except UnknownContainer:
        raise incomplete_list_error(
            page, "`%s` is no %s of items" % (pages.items, items.kind)
        ) from None


def slim_page(answer: JsonObject, pages: PageFacts, fields: Optional[List[str]]) -> JsonObject:
    """One page with only `fields` of each item."""
    if fields and read_path(answer, pages.items):
        items = Items(pages.container)
        page_items = read_items(answer, pages, items, 1)
        write_path(answer, pages.items, slim_all(page_items, items.kind, fields))
    return answer


def check_fields(fields: object) -> Optional[List[str]]:
    """`fields` as a list of keys. Raises InputError for anything else."""
    if fields is None:
        return None
    names = [each for each in as_list(fields) if isinstance(each, str)]
    if not isinstance(fields, list) or len(names) < len(fields):
        raise InputError('Parameter `fields` must be a list of keys, e.g. ["id", "name"].')
    return names or None


def page_numbers(answer: object, path: str) -> Tuple[int, int]:
    """(pages, page) as Slack counts them, 0 where it does not tell. search.messages has both."""
    other = re.sub(r"paging\Z", "pagination", path)
    pages = [read_path(answer, path + ".pages"), read_path(answer, other + ".page_count")]
    page = [read_path(answer, path + ".page"), read_path(answer, other + ".page")]
    return _greatest(pages), _greatest(page)


def _greatest(numbers: List[object]) -> int:
    return max(as_count(each) or 0 for each in numbers)


def as_count(value: object) -> Optional[int]:
    """The value if it is a whole number, else None."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def is_thread_parent(item: object) -> bool:
    """Whether the item is the message that a thread hangs on."""
    message = as_object(item)
    return message.get("ts") is not None and message["ts"] == message.get("thread_ts")
