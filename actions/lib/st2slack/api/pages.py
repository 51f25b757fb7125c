"""One page: its items, its numbers, and the keys of items that are wanted."""

from __future__ import annotations

import re
from typing import Any, List, Mapping, Optional, Tuple

from st2slack.api.containers import LIST, Items, UnknownContainer, slim_all
from st2slack.api.cursors import incomplete_list_error
from st2slack.base.errors import InputError
from st2slack.base.json_path import read_path, write_path

PAGE_SIZE = 200  # what Slack recommends; fewer requests than its default, no time-outs as with 1000


def read_items(answer: Any, pages: Mapping[str, Any], items: Items, page: int) -> Any:
    """The items of a page; empty where the answer has none."""
    try:
        return items.read(read_path(answer, pages["items"]))
    except UnknownContainer:
        raise incomplete_list_error(
            page, "`%s` is no %s of items" % (pages["items"], items.kind)
        ) from None


def slim_page(answer: Any, pages: Mapping[str, Any], fields: Optional[List[str]]) -> Any:
    """One page with only `fields` of each item."""
    if fields and read_path(answer, pages["items"]):
        items = Items(pages.get("container", LIST))
        found = read_items(answer, pages, items, 1)
        write_path(answer, pages["items"], slim_all(found, items.kind, fields))
    return answer


def check_fields(fields: Any) -> Optional[List[str]]:
    """`fields` as a list of keys. Raises InputError for anything else."""
    if fields is None:
        return None
    if not isinstance(fields, list) or not all(isinstance(each, str) for each in fields):
        raise InputError('Parameter `fields` must be a list of keys, e.g. ["id", "name"].')
    return fields or None


def page_numbers(answer: Any, path: str) -> Tuple[int, int]:
    """(pages, page) as Slack counts them, 0 where it does not tell. search.messages has both."""
    other = re.sub(r"paging\Z", "pagination", path)
    pages = [read_path(answer, path + ".pages"), read_path(answer, other + ".page_count")]
    page = [read_path(answer, path + ".page"), read_path(answer, other + ".page")]
    return _greatest(pages), _greatest(page)


def _greatest(numbers: List[Any]) -> int:
    return max([0, *(int(each) for each in numbers if is_count(each))])


def is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def is_thread_parent(item: Any) -> bool:
    return (
        isinstance(item, dict)
        and item.get("ts") is not None
        and item["ts"] == item.get("thread_ts")
    )
