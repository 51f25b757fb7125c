"""All pages of a list in one answer of the same shape.

An answer is never called complete when it is not: a cursor that leads back or cannot be used, and
an answer that tells of more pages than it leads to, are errors that name the page.
"""

from __future__ import annotations

from typing import Callable, Dict, List, Mapping, Optional

from st2slack.api.containers import Items, PageItems, count, first, slim_all
from st2slack.api.cursors import CursorChain, find_cursor, incomplete_list_error
from st2slack.api.page_facts import PageFacts
from st2slack.api.pages import PAGE_SIZE, as_count, is_thread_parent, page_numbers, read_items
from st2slack.api.progress import Progress
from st2slack.api.result_limit import RESULT_LIMIT, json_size, too_large
from st2slack.base.errors import InputError, SlackError
from st2slack.base.json_access import JsonObject, as_object
from st2slack.base.json_path import read_path, write_path

Call = Callable[[Dict[str, object]], JsonObject]
Place = Dict[str, object]  # the arguments that lead to one page


class Paginator:
    """Reads the pages of a list, once.

    `call` calls the method with the arguments it is given. `max_items`: stop after so many.
    `fields`: keys to keep of each item. `progress` takes (items, pages) after every page.
    """

    def __init__(
        self,
        call: Call,
        pages: PageFacts,
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
        self._items = Items(pages.container)
        self._cursors = CursorChain(pages)
        self._parent: JsonObject = {}
        self._bytes = 0
        self._count = 0

    @property
    def has_begun(self) -> bool:
        """Whether a page was fetched already."""
        return self._count > 0

    def run(self, arguments: Mapping[str, object]) -> JsonObject:
        """The first page's answer with the items of all pages in its container.

        Where it stopped at `max_items`, the answer's own cursor (or page) tells where to go on;
        items can then come a second time, none is left out. For that a first page that is longer
        than `max_items` stays whole, and so does every page of several lists.
        Raises what the calls raise, with the place that was reached in the message, and
        ResponseLost if Slack's answers lead to no end.
        """
        place = self._first_place(arguments)
        start = answer = self._fetch({**arguments, **place})
        if not start.get("ok"):
            return start  # a refusal that `ignore_errors` names
        before = None
        whole = self._add_page(answer)
        while not self._is_full():
            following = self._next_place(answer, place)
            if following is None:
                self._check_end(answer, arguments)
                break
            before, place = answer, following
            answer = self._fetch({**arguments, **self._smaller(place)})
            whole = self._add_page(answer)
        return self._finish(start, answer if whole else before, place, whole)

    def _first_place(self, arguments: Mapping[str, object]) -> Place:
        place: Place = {}
        cursor, page = self._pages.cursor, self._pages.page
        if cursor and self._pages.first and not arguments.get(cursor):
            place[cursor] = self._pages.first
        if cursor:
            begin = place.get(cursor) or arguments.get(cursor) or ""
            self._cursors = CursorChain(self._pages, str(begin))
        elif page and arguments.get(page):
            place[page] = arguments[page]
        return {**place, **self._size(arguments)}

    def _size(self, arguments: Mapping[str, object]) -> Place:
        """The size of a page: the argument, else the default; at most Slack's limit and
        `max_items`."""
        name = self._pages.size
        if not name:
            return {}
        wanted = arguments.get(name) or PAGE_SIZE
        number = as_count(wanted)
        limits = [each for each in (self._pages.max, self._max_items) if each]
        return {name: wanted if number is None else min([number, *limits])}

    def _smaller(self, place: Place) -> Place:
        """The place, its page no larger than the items that are still needed.

        Where Slack tells how many pages there are, they keep their size: the number depends on it.
        """
        name = self._pages.size or ""
        size = as_count(place.get(name))
        if not self._max_items or self._pages.paging or size is None:
            return place
        return {**place, name: min(size, self._max_items - len(self._items))}

    def _fetch(self, arguments: Dict[str, object]) -> JsonObject:
        try:
            return self._call(arguments)
        except SlackError as error:
            if self._count:
                error.add(
                    " This was page %d, after %d items%s."
                    % (self._count + 1, len(self._items), self._position(arguments))
                )
            raise

    def _position(self, arguments: Mapping[str, object]) -> str:
        name = self._pages.cursor or self._page_argument()
        return "; to go on from there: %s=%s" % (name, arguments.get(name))

    def _page_argument(self) -> str:
        """A method that is paged without a cursor is paged by numbers."""
        assert self._pages.page
        return self._pages.page

    def _add_page(self, answer: JsonObject) -> bool:
        """Add the items of a page; False where some had to be left."""
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

    def _without_parent(self, items: PageItems) -> PageItems:
        """conversations.replies begins every page with the parent message: once is enough."""
        if not isinstance(items, list):
            return items
        if self._count == 1:
            self._parent = as_object(items[0]) if items else {}
        elif items and is_thread_parent(self._parent) and is_thread_parent(items[0]):
            return items[1:] if as_object(items[0])["ts"] == self._parent["ts"] else items
        return items

    def _is_full(self) -> bool:
        return self._max_items is not None and len(self._items) >= self._max_items

    def _next_place(self, answer: JsonObject, place: Place) -> Optional[Place]:
        """The arguments of the next page; None at the end."""
        if not self._pages.cursor:
            page = self._next_page(answer, place)
            return None if page is None else {**place, self._page_argument(): page}
        cursor = self._cursors.follow(answer, self._count, len(self._items))
        return None if cursor is None else {**place, self._pages.cursor: cursor}

    def _next_page(self, answer: JsonObject, place: Place) -> Optional[int]:
        page = _page_number(place.get(self._page_argument()))
        paging = as_object(read_path(answer, self._pages.paging or ""))
        last, received = paging.get("pages"), as_count(paging.get("page"))
        if last is None and not self._is_full_page(place):
            return None  # a page that is not full is the last one
        last = as_count(last)
        if last is None:
            raise incomplete_list_error(self._count, "Slack does not tell how many pages there are")
        if received is not None and received != page:
            raise incomplete_list_error(
                self._count, "Slack gave page %d instead of page %d" % (received, page)
            )
        return page + 1 if page < last else None

    def _is_full_page(self, place: Place) -> bool:
        size = as_count(place.get(self._pages.size or ""))
        return size is not None and len(self._items) >= size * self._count

    def _check_end(self, answer: JsonObject, arguments: Mapping[str, object]) -> None:
        """Raises ResponseLost where an answer without a next page tells of more pages."""
        more = self._pages.more
        if more and read_path(answer, more) is True:
            raise incomplete_list_error(self._count, "`%s` is true, and there is no cursor" % more)
        cursor, paging = self._pages.cursor, self._pages.paging
        # A walk that began in the middle has read fewer pages than there are.
        if not cursor or not paging or arguments.get(cursor) not in (None, "", self._pages.first):
            return
        pages, page = page_numbers(answer, paging)
        if pages > self._count and not page >= pages:
            raise incomplete_list_error(
                self._count, "Slack tells of %d pages and gave no cursor" % pages
            )

    def _finish(
        self, start: JsonObject, last: Optional[JsonObject], place: Place, whole: bool
    ) -> JsonObject:
        """The first answer with all items, and with the cursor or page numbers of the last."""
        write_path(start, self._pages.items, self._items.value)
        if self._pages.cursor:
            # A page that was taken in part is asked for again, so that nothing is skipped.
            cursor = find_cursor(last, self._pages) if whole else place.get(self._pages.cursor)
            for path in self._pages.next:
                if read_path(start, path) is not None:
                    write_path(start, path, cursor or "")
        elif last is not None and self._pages.paging:
            write_path(start, self._pages.paging, read_path(last, self._pages.paging))
        return start


def _page_number(value: object) -> int:
    return int(value) if value and isinstance(value, (int, float, str)) else 1
