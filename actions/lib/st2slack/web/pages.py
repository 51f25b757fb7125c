"""All pages of a list in one answer of the same shape.

`methods.json` tells how a method is paged (`pages` of its entry):

    items    dotted key of the list in the answer, e.g. "channels" or "messages.matches"
    size     argument for the size of a page, None where there is none; `max`: the largest allowed
    cursor, next, first   argument; dotted keys where the next cursor may stand; how to begin
    page, paging          argument; dotted key of the object with `page` and `pages`
"""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Set, Union

from st2slack.errors import InputError, ResultTooLarge, SlackError, Unanswered

PAGE_SIZE = 200  # what Slack recommends; fewer requests than its default, no time-outs as with 1000
RESULT_LIMIT = 15 * 1024 * 1024  # bytes; MongoDB refuses 16 MB, and the execution holds more

Call = Callable[[Dict[str, Any]], Any]
Progress = Callable[[int, int], None]
Place = Dict[str, Any]  # the arguments that lead to one page


class Walk:
    """One walk over the pages of a list.

    `call` calls the method with the arguments it is given. `max_items`: stop after so many.
    `fields`: keys to keep of each item. `progress` takes (items, pages) after every page.
    """

    def __init__(
        self,
        call: Call,
        pages: Mapping[str, Any],
        *,
        max_items: Optional[int] = None,
        fields: Optional[List[str]] = None,
        progress: Progress = lambda items, count: None,
    ) -> None:
        if max_items is not None and max_items < 1:
            raise InputError("Parameter `max_items` must be 1 or more.")
        self._call = call
        self._pages = pages
        self._max_items = max_items
        self._fields = fields
        self._progress = progress
        self._items: List[Any] = []
        self._first: Any = None
        self._seen: List[Any] = []
        self._bytes = 0
        self._count = 0

    @property
    def begun(self) -> bool:
        """Whether a page was fetched already."""
        return self._count > 0

    def run(self, arguments: Mapping[str, Any]) -> Any:
        """The first page's answer with the items of all pages in its list.

        Where the walk stopped at `max_items`, the answer's own cursor (or page) tells where to go
        on; items may then come a second time, none is left out. For that a first page that is
        longer than asked for stays whole.
        Raises what the calls raise, with the place that was reached in the message.
        """
        place = self._begin(arguments)
        first = answer = self._fetch({**arguments, **place})
        if not first.get("ok"):
            return first  # a refusal that the caller lets pass
        before = None
        whole = self._keep(_items(answer, self._pages))
        following = self._following(answer, place)
        while following is not None and not self._full():
            before, place = answer, following
            answer = self._fetch({**arguments, **self._smaller(place)})
            whole = self._keep(_items(answer, self._pages))
            following = self._following(answer, place)
        return self._finish(first, answer if whole else before, place, following, whole)

    def _begin(self, arguments: Mapping[str, Any]) -> Place:
        place: Place = {}
        cursor = self._pages.get("cursor")
        if cursor and self._pages.get("first") and not arguments.get(cursor):
            place[cursor] = self._pages["first"]
        return {**place, **self._size(arguments)}

    def _size(self, arguments: Mapping[str, Any]) -> Place:
        """The size of a page: as asked for, else ours; no more than what is wanted."""
        name = self._pages.get("size")
        if not name:
            return {}
        asked = arguments.get(name) or min(PAGE_SIZE, self._pages.get("max", PAGE_SIZE))
        return {name: min(asked, self._max_items) if self._max_items else asked}

    def _smaller(self, place: Place) -> Place:
        """The place, its page no larger than what is wanted. Numbered pages keep their size."""
        name = self._pages.get("size")
        if not name or not self._max_items or not self._pages.get("cursor"):
            return place
        return {**place, name: min(place[name], self._max_items - len(self._items))}

    def _fetch(self, arguments: Dict[str, Any]) -> Any:
        try:
            return self._call(arguments)
        except SlackError as error:
            if self._count:
                error.add(
                    " This was page %d, after %d items%s."
                    % (self._count + 1, len(self._items), self._where(arguments))
                )
            raise

    def _where(self, arguments: Mapping[str, Any]) -> str:
        name = self._pages.get("cursor") or self._pages["page"]
        return "; to go on from there: %s=%s" % (name, arguments.get(name))

    def _keep(self, items: List[Any]) -> bool:
        """Take the items of a page; False where some had to be left."""
        items = self._without_parent(items)
        room = len(items)
        if self._max_items and self._count:
            room = self._max_items - len(self._items)
        taken = [slim(item, self._fields) for item in items[:room]]
        self._items += taken
        self._count += 1
        self._bytes += weight(taken)
        if self._bytes > RESULT_LIMIT:
            raise too_large("%d items" % len(self._items))
        self._progress(len(self._items), self._count)
        return room >= len(items)

    def _without_parent(self, items: List[Any]) -> List[Any]:
        """conversations.replies begins every page with the parent message: once is enough."""
        if not self._count:
            self._first = items[0] if items else None
        elif items and _is_parent(self._first) and _is_parent(items[0]):
            return items[1:] if items[0]["ts"] == self._first["ts"] else items
        return items

    def _full(self) -> bool:
        return self._max_items is not None and len(self._items) >= self._max_items

    def _following(self, answer: Any, place: Place) -> Optional[Place]:
        """The arguments of the next page; None at the end."""
        value: Union[str, int, None]
        if self._pages.get("cursor"):
            name, value = self._pages["cursor"], _next_cursor(answer, self._pages)
        else:
            name, value = self._pages["page"], self._next_page(answer, place)
        # A place that was seen before would lead there for ever.
        if value is None or value in self._seen:
            return None
        self._seen.append(value)
        return {**place, name: value}

    def _next_page(self, answer: Any, place: Place) -> Optional[int]:
        page = place.get(self._pages["page"]) or 1
        last = read_path(answer, self._pages["paging"] + ".pages")
        return page + 1 if isinstance(last, int) and page < last else None

    def _finish(
        self, first: Any, last: Any, place: Place, following: Optional[Place], whole: bool
    ) -> Any:
        write_path(first, self._pages["items"], self._items)
        if self._pages.get("cursor"):
            # A page that was taken in part is asked for again, so that nothing is skipped.
            onward = following if whole else place
            cursor = (onward or {}).get(self._pages["cursor"]) or ""
            for path in self._pages["next"]:
                if read_path(first, path) is not None:
                    write_path(first, path, cursor)
        elif last is not None:
            write_path(first, self._pages["paging"], read_path(last, self._pages["paging"]))
        return first


def stream(
    call: Call,
    pages: Mapping[str, Any],
    arguments: Mapping[str, Any],
    size: int = PAGE_SIZE,
    progress: Progress = lambda items, count: None,
) -> Iterator[Any]:
    """The items of a list that is paged by cursor, one after the other; no page is kept.

    A page is fetched when its first item is wanted: who has found what they look for, stops.
    `progress` takes (items, pages) after every page.
    Raises what the calls raise, with the page in the message, and Unanswered where Slack leads
    back to a page that was read: what was not seen then is not known.
    """
    place: Place = {pages["size"]: size}
    seen: Set[str] = set()
    count = 0
    while True:
        answer = _fetched(call, {**arguments, **place}, len(seen))
        items = _items(answer, pages)
        count += len(items)
        progress(count, len(seen) + 1)
        yield from items
        items = []  # not to be held while the next page is read
        cursor = _next_cursor(answer, pages)
        if cursor is None:
            return
        if cursor in seen:
            raise Unanswered(
                "Slack's pages lead back to one that was read (page %d, %d items so far), so the "
                "list cannot be read whole. Try again later." % (len(seen) + 1, count)
            )
        seen.add(cursor)
        place[pages["cursor"]] = cursor


def _fetched(call: Call, arguments: Dict[str, Any], before: int) -> Any:
    try:
        return call(arguments)
    except SlackError as error:
        if before:
            error.add(" This was page %d of the list." % (before + 1))
        raise


def _next_cursor(answer: Any, pages: Mapping[str, Any]) -> Optional[str]:
    found = (read_path(answer, path) for path in pages["next"])
    return next((each for each in found if each and isinstance(each, str)), None)


def _is_parent(item: Any) -> bool:
    return (
        isinstance(item, dict)
        and item.get("ts") is not None
        and item["ts"] == item.get("thread_ts")
    )


def slim(item: Any, fields: Optional[List[str]]) -> Any:
    """An item with only these of its keys; whole where there are none to choose or no keys."""
    if not fields or not isinstance(item, dict):
        return item
    return {key: item[key] for key in fields if key in item}


def slim_page(answer: Any, pages: Mapping[str, Any], fields: Optional[List[str]]) -> Any:
    """One page with only `fields` of each item."""
    if fields and read_path(answer, pages["items"]) is not None:
        write_path(answer, pages["items"], [slim(item, fields) for item in _items(answer, pages)])
    return answer


def _items(answer: Any, pages: Mapping[str, Any]) -> List[Any]:
    """The list of a page; empty where the answer has none."""
    items = read_path(answer, pages["items"])
    return items if isinstance(items, list) else []


def too_large(what: str) -> ResultTooLarge:
    """The error for a result that StackStorm cannot store, with advice."""
    return ResultTooLarge(
        "The result has more than %d MB after %s; StackStorm cannot store an execution of 16 MB. "
        "Name the keys you need in `fields`, or ask for less with `max_items`."
        % (RESULT_LIMIT // 1024 // 1024, what)
    )


def read_path(value: Any, path: str) -> Any:
    """What stands at a dotted path; None where nothing does."""
    for key in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def write_path(value: Any, path: str, what: Any) -> None:
    """Put `what` at a dotted path, making the objects on the way."""
    *way, last = path.split(".")
    for key in way:
        value = value.setdefault(key, {})
    value[last] = what


def weight(items: List[Any]) -> int:
    """Bytes that the items take as JSON, as StackStorm stores them."""
    text = json.dumps(items, ensure_ascii=False, separators=(",", ":"))
    return len(text.encode("utf-8", "replace"))


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


def check_fields(fields: Any) -> Optional[List[str]]:
    """`fields` as a list of keys. Raises InputError for anything else."""
    if fields is None:
        return None
    if not isinstance(fields, list) or not all(isinstance(each, str) for each in fields):
        raise InputError('Parameter `fields` must be a list of keys, e.g. ["id", "name"].')
    return fields or None
