"""All pages of a list in one answer of the same shape.

`methods.json` tells how a method is paged (`pages` of its entry):

    items      dotted key of the items in the answer, e.g. "channels" or "messages.matches"
    container  how they stand there, where it is no list: see `containers.py`
    size       argument for the size of a page, None where there is none; `max`: the largest allowed
    cursor, next, first   argument; dotted keys where the next cursor may stand; how to begin
    page, paging          argument; dotted key of the object with `page` and `pages`
    more       key that is true where there are more pages

A walk never says "whole" of what is not: a cursor that leads back or cannot be used, and an answer
that tells of more pages than it leads to, are errors that name the page.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional, Set

from st2slack.api.containers import LIST, Items, count, first, slim_all
from st2slack.api.cursors import (
    find_cursor,
    incomplete_list_error,
    next_cursor,
    repeated_cursor_error,
)
from st2slack.api.pages import PAGE_SIZE, is_count, is_thread_parent, page_numbers, read_items
from st2slack.api.progress import Progress
from st2slack.api.result_limit import RESULT_LIMIT, json_size, too_large
from st2slack.base.errors import InputError, SlackError
from st2slack.base.json_path import read_path, write_path

Call = Callable[[Dict[str, Any]], Any]
Place = Dict[str, Any]  # the arguments that lead to one page


class Paginator:
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
        self._items = Items(pages.get("container", LIST))
        self._parent: Any = None
        self._seen: Set[str] = set()
        self._bytes = 0
        self._count = 0

    @property
    def begun(self) -> bool:
        """Whether a page was fetched already."""
        return self._count > 0

    def run(self, arguments: Mapping[str, Any]) -> Any:
        """The first page's answer with the items of all pages in its container.

        Where the walk stopped at `max_items`, the answer's own cursor (or page) tells where to go
        on; items may then come a second time, none is left out. For that a first page that is
        longer than asked for stays whole, and so does every page of several lists.
        Raises what the calls raise, with the place that was reached in the message, and
        ResponseLost if Slack's answers lead to no end.
        """
        place = self._begin(arguments)
        begin = answer = self._fetch({**arguments, **place})
        if not begin.get("ok"):
            return begin  # a refusal that the caller lets pass
        before = None
        whole = self._keep(answer)
        while not self._full():
            following = self._following(answer, place)
            if following is None:
                self._check_end(answer, arguments)
                break
            before, place = answer, following
            answer = self._fetch({**arguments, **self._smaller(place)})
            whole = self._keep(answer)
        return self._finish(begin, answer if whole else before, place, whole)

    def _begin(self, arguments: Mapping[str, Any]) -> Place:
        place: Place = {}
        cursor, page = self._pages.get("cursor"), self._pages.get("page")
        if cursor and self._pages.get("first") and not arguments.get(cursor):
            place[cursor] = self._pages["first"]
        if cursor:
            self._seen.add(place.get(cursor) or arguments.get(cursor) or "")
        elif page and arguments.get(page):
            place[page] = arguments[page]
        return {**place, **self._size(arguments)}

    def _size(self, arguments: Mapping[str, Any]) -> Place:
        """The size of a page: as asked for, else ours; no more than Slack allows or is wanted."""
        name = self._pages.get("size")
        if not name:
            return {}
        asked = arguments.get(name) or PAGE_SIZE
        limits = [each for each in (self._pages.get("max"), self._max_items) if each]
        return {name: min([asked, *limits]) if is_count(asked) else asked}

    def _smaller(self, place: Place) -> Place:
        """The place, its page no larger than what is wanted.

        Where Slack tells how many pages there are, they keep their size: the number depends on it.
        """
        name = self._pages.get("size", "")
        if not self._max_items or self._pages.get("paging") or not is_count(place.get(name)):
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

    def _keep(self, answer: Any) -> bool:
        """Take the items of a page; False where some had to be left."""
        self._count += 1
        items = self._without_parent(read_items(answer, self._pages, self._items, self._count))
        kind = self._items.kind
        taken = items
        if self._max_items and self._count > 1:
            taken = first(items, kind, self._max_items - len(self._items))
        whole = count(taken, kind) == count(items, kind)
        taken = slim_all(taken, kind, self._fields)
        self._items.add(taken)
        self._bytes += json_size(taken)
        if self._bytes > RESULT_LIMIT:
            raise too_large("%d items" % len(self._items))
        self._progress(len(self._items), self._count)
        return whole

    def _without_parent(self, items: Any) -> Any:
        """conversations.replies begins every page with the parent message: once is enough."""
        if self._items.kind != LIST:
            return items
        if self._count == 1:
            self._parent = items[0] if items else None
        elif items and is_thread_parent(self._parent) and is_thread_parent(items[0]):
            return items[1:] if items[0]["ts"] == self._parent["ts"] else items
        return items

    def _full(self) -> bool:
        return self._max_items is not None and len(self._items) >= self._max_items

    def _following(self, answer: Any, place: Place) -> Optional[Place]:
        """The arguments of the next page; None at the end."""
        if not self._pages.get("cursor"):
            page = self._next_page(answer, place)
            return None if page is None else {**place, self._pages["page"]: page}
        cursor = next_cursor(answer, self._pages, self._count)
        if cursor is None:
            return None
        if cursor in self._seen:
            raise repeated_cursor_error(self._count, len(self._items))
        self._seen.add(cursor)
        return {**place, self._pages["cursor"]: cursor}

    def _next_page(self, answer: Any, place: Place) -> Optional[int]:
        page = int(place.get(self._pages["page"]) or 1)
        last = read_path(answer, self._pages["paging"] + ".pages")
        came = read_path(answer, self._pages["paging"] + ".page")
        if last is None and not self._is_full_page(place):
            return None  # a page that is not full is the last one
        if not is_count(last):
            raise incomplete_list_error(self._count, "Slack does not tell how many pages there are")
        if is_count(came) and came != page:
            raise incomplete_list_error(
                self._count, "Slack gave page %d instead of page %d" % (came, page)
            )
        return page + 1 if page < last else None

    def _is_full_page(self, place: Place) -> bool:
        size: Any = place.get(self._pages.get("size", ""))
        return is_count(size) and len(self._items) >= int(size) * self._count

    def _check_end(self, answer: Any, arguments: Mapping[str, Any]) -> None:
        """Raises ResponseLost where an answer that leads nowhere tells of more pages."""
        more = self._pages.get("more")
        if more and read_path(answer, more) is True:
            raise incomplete_list_error(self._count, "`%s` is true, and there is no cursor" % more)
        cursor, paging = self._pages.get("cursor"), self._pages.get("paging")
        # Who began in the middle has seen fewer pages than there are.
        if not cursor or not paging or arguments.get(cursor) not in (None, "", self._first()):
            return
        pages, page = page_numbers(answer, paging)
        if pages > self._count and not page >= pages:
            raise incomplete_list_error(
                self._count, "Slack tells of %d pages and gave no cursor" % pages
            )

    def _first(self) -> Any:
        return self._pages.get("first")

    def _finish(self, first: Any, last: Any, place: Place, whole: bool) -> Any:
        write_path(first, self._pages["items"], self._items.value)
        if self._pages.get("cursor"):
            # A page that was taken in part is asked for again, so that nothing is skipped.
            onward = find_cursor(last, self._pages) if whole else place.get(self._pages["cursor"])
            for path in self._pages["next"]:
                if read_path(first, path) is not None:
                    write_path(first, path, onward or "")
        elif last is not None:
            write_path(first, self._pages["paging"], read_path(last, self._pages["paging"]))
        return first
