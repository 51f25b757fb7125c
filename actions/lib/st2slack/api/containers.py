"""PURE: the items of a paged answer, and the containers in which Slack gives them.

    list   a list of items, e.g. `channels` of conversations.list
    map    an object, key → item, e.g. `emoji` of admin.emoji.list
    lists  an object with several lists, e.g. `results` of assistant.search.context

`methods.json` tells the container of each method (`container` of `pages`; "list" where it tells
none). An answer in another container is read as what it is, so that nothing of it is lost.
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional

LIST, MAP, LISTS = "list", "map", "lists"


class UnknownContainer(Exception):
    """What stands at the place of the items holds no items, or not as the page before it."""


def find_kind(found: Any, expected: str) -> Optional[str]:
    """The container of `found`; None where it is empty, which every container can be.

    `expected`: the container that the facts tell. Raises UnknownContainer.
    """
    if found is None or found in ([], {}):
        return None
    if isinstance(found, list):
        return LIST
    if not isinstance(found, dict):
        raise UnknownContainer()
    if expected != LIST:
        return expected
    return LISTS if all(isinstance(each, list) for each in found.values()) else MAP


class Items:
    """The items that were taken so far. `expected`: the container that the facts tell."""

    def __init__(self, expected: str) -> None:
        self.kind = expected
        self._fixed = False
        self._list: List[Any] = []
        self._object: Dict[str, Any] = {}

    @property
    def value(self) -> Any:
        """The items in their container."""
        return self._list if self.kind == LIST else self._object

    def __len__(self) -> int:
        return count(self.value, self.kind)

    def read(self, found: Any) -> Any:
        """`found`, if its container is that of the pages before. Raises UnknownContainer."""
        kind = find_kind(found, self.kind)
        if kind is None:
            return [] if self.kind == LIST else {}
        if self._fixed and kind != self.kind:
            raise UnknownContainer()
        self.kind, self._fixed = kind, True
        return found

    def add(self, items: Any) -> None:
        """Take what `read` returned, or a part of it. Of entries of one key the later one stays."""
        if self.kind == LIST:
            self._list += items
        elif self.kind == MAP:
            self._object.update(items)
        else:
            for key, value in items.items():
                if isinstance(value, list) and isinstance(self._object.get(key), list):
                    self._object[key] += value
                else:
                    self._object[key] = list(value) if isinstance(value, list) else value


def count(items: Any, kind: str) -> int:
    """How many items there are; in several lists, their sum."""
    if kind == LISTS:
        return sum(len(each) for each in items.values() if isinstance(each, list))
    return len(items)


def first(items: Any, kind: str, number: int) -> Any:
    """The first `number` of the items. Several lists stay whole: no order leads through them."""
    if kind == LIST:
        return items[:number]
    if kind == MAP:
        return dict(list(items.items())[:number])
    return items


def slim(item: Any, fields: Optional[List[str]]) -> Any:
    """An item with only these of its keys; whole where there are none to choose or no keys."""
    if not fields or not isinstance(item, dict):
        return item
    return {key: item[key] for key in fields if key in item}


def slim_all(items: Any, kind: str, fields: Optional[List[str]]) -> Any:
    """The items, each with only `fields` of its keys."""
    if not fields:
        return items
    if kind == LIST:
        return [slim(item, fields) for item in items]
    if kind == MAP:
        return {key: slim(item, fields) for key, item in items.items()}
    return {
        key: [slim(item, fields) for item in value] if isinstance(value, list) else value
        for key, value in items.items()
    }
