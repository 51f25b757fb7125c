"""PURE: the items of a paged answer, and the containers in which Slack gives them.

    list   a list of items, e.g. `channels` of conversations.list
    map    an object, key → item, e.g. `emoji` of admin.emoji.list
    lists  an object with several lists, e.g. `results` of assistant.search.context

`methods.json` tells the container of each method (`container` of `pages`; "list" where it tells
none). An answer in another container is read as what it is, so that nothing of it is lost.
"""

from __future__ import annotations

from typing import List, Optional, Union

from st2slack.base.json_access import JsonObject, as_list, as_object, find_as_object

LIST, MAP, LISTS = "list", "map", "lists"

PageItems = Union[List[object], JsonObject]


class UnknownContainer(Exception):
    """What stands at the place of the items holds no items, or not as the page before it."""


def find_kind(found: object, expected: str) -> Optional[str]:
    """The container of `found`; None where it is empty, which every container can be.

    `expected`: the container that the facts tell. Raises UnknownContainer.
    """
    if found is None or found in ([], {}):
        return None
    if isinstance(found, list):
        return LIST
    entries = find_as_object(found)
    if entries is None:
        raise UnknownContainer()
    if expected != LIST:
        return expected
    return LISTS if all(isinstance(each, list) for each in entries.values()) else MAP


class Items:
    """The items that were taken so far. `expected`: the container that the facts tell."""

    def __init__(self, expected: str) -> None:
        self.kind = expected
        self._fixed = False
        self._list: List[object] = []
        self._object: JsonObject = {}

    @property
    def value(self) -> PageItems:
        """The items in their container."""
        return self._list if self.kind == LIST else self._object

    def __len__(self) -> int:
        return count(self.value, self.kind)

    def read(self, found: object) -> PageItems:
        """`found`, if its container is that of the pages before. Raises UnknownContainer."""
        kind = find_kind(found, self.kind)
        if kind is None:
            return [] if self.kind == LIST else {}
        if self._fixed and kind != self.kind:
            raise UnknownContainer()
        self.kind, self._fixed = kind, True
        return as_list(found) if kind == LIST else as_object(found)

    def add(self, items: PageItems) -> None:
        """Add what `read` returned, or a part of it. Of entries of one key the later one stays."""
        if isinstance(items, list):
            self._list += items
        elif self.kind == MAP:
            self._object.update(items)
        else:
            for key, value in items.items():
                self._object[key] = _joined(self._object.get(key), value)


def _joined(before: object, value: object) -> object:
    """Two lists as one; anything else is replaced by the later value."""
    if not isinstance(value, list):
        return value
    return [*as_list(before), *as_list(value)]


def count(items: PageItems, kind: str) -> int:
    """How many items there are; in several lists, their sum."""
    if kind == LISTS and isinstance(items, dict):
        return sum(len(as_list(each)) for each in items.values())
    return len(items)


def first(items: PageItems, kind: str, number: int) -> PageItems:
    """The first `number` of the items. Several lists stay whole: no order leads through them."""
    if isinstance(items, list):
        return items[:number]
    if kind == MAP:
        return dict(list(items.items())[:number])
    return items


def slim(item: object, fields: Optional[List[str]]) -> object:
    """An item with only these of its keys; whole where there are none to choose or no keys."""
    entries = find_as_object(item)
    if not fields or entries is None:
        return item
    return {key: entries[key] for key in fields if key in entries}


def slim_all(items: PageItems, kind: str, fields: Optional[List[str]]) -> PageItems:
    """The items, each with only `fields` of its keys."""
    if not fields:
        return items
    if isinstance(items, list):
        return [slim(item, fields) for item in items]
    if kind == MAP:
        return {key: slim(item, fields) for key, item in items.items()}
    return {
        key: [slim(item, fields) for item in as_list(value)] if isinstance(value, list) else value
        for key, value in items.items()
    }
