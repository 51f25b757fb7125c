"""All pages in one answer: the walk over pages, with a stand-in for the call. No wire.

The shape of every answer comes from `fixtures/paged_answers.json`: Slack's published types.
"""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from st2slack.api.item_stream import stream_items
from st2slack.api.methods import find_method
from st2slack.api.page_facts import PageFacts
from st2slack.api.pages import PAGE_SIZE, check_fields, slim_page
from st2slack.api.pagination import Paginator
from st2slack.api.progress import paced, progress_line
from st2slack.base.errors import InputError, RateLimited, ResponseLost, ResultTooLarge
from st2slack.base.json_path import read_path, write_path

CURSOR = find_method("conversations.list").pages
PAGE = find_method("files.list").pages
NESTED = find_method("search.messages").pages
EMOJI = find_method("admin.emoji.list").pages
SEARCH = find_method("assistant.search.context").pages
SHAPES = json.loads((Path(__file__).parent / "fixtures/paged_answers.json").read_text("utf-8"))[
    "methods"
]


class Listing:
    """A list of `total` items behind cursors or page numbers, `most` of them a page."""

    def __init__(self, total, pages=CURSOR, most=1000, made=lambda n: {"id": n, "name": "n%d" % n}):
        self.items = [made(n) for n in range(total)]
        self.pages = pages
        self.most = most
        self.asked = []

    def __call__(self, arguments):
        self.asked.append(dict(arguments))
        size = min(self.most, arguments.get(self.pages.size) or self.most)
        answer = {"ok": True}
        if self.pages.page:
            page = arguments.get("page") or 1
            start = (page - 1) * size
            count = -(-len(self.items) // size) or 1
            paging = {"page": page, "pages": count, "total": len(self.items)}
            write_path(answer, self.pages.paging, paging)
        else:
            start = int((arguments.get("cursor") or "0").replace("*", "0") or 0)
            after = start + size
            cursor = str(after) if after < len(self.items) else ""
            write_path(answer, self.pages.next[0], cursor)
        write_path(answer, self.pages.items, self.items[start : start + size])
        return answer


def walk(listing, arguments=None, **options):
    return Paginator(listing, listing.pages, **options).run(arguments or {})


@pytest.mark.parametrize("pages", [CURSOR, PAGE, NESTED], ids=["cursor", "page", "nested"])
@pytest.mark.parametrize("total", [0, 1, 199, 200, 201, 1000])
def test_all_items_in_one_answer_of_the_same_shape(pages, total):
    listing = Listing(total, pages)
    answer = walk(listing)
    assert read_path(answer, pages.items) == listing.items
    assert answer["ok"] is True
    assert len(listing.asked) == max(1, -(-total // min(200, (pages.max or 200))))
    if pages.cursor:
        assert read_path(answer, pages.next[0]) == ""


def test_a_page_is_as_large_as_asked_for_else_what_slack_recommends():
    for limit, expected in ((None, 200), (999, 999), (7, 7)):
        listing = Listing(5)
        walk(listing, {"limit": limit} if limit else {})
        assert listing.asked[0]["limit"] == expected


def test_a_smaller_maximum_of_the_method_is_kept():
    listing = Listing(30, find_method("admin.conversations.search").pages)
    walk(listing)
    assert {each["limit"] for each in listing.asked} == {20}


def test_other_arguments_go_with_every_page():
    listing = Listing(500)
    walk(listing, {"types": "im", "exclude_archived": True})
    assert all(each["types"] == "im" and each["exclude_archived"] for each in listing.asked)


def test_a_walk_can_begin_in_the_middle():
    listing = Listing(10)
    assert walk(listing, {"cursor": "7"})["channels"] == listing.items[7:]


def test_search_begins_with_its_own_cursor():
    listing = Listing(10, NESTED)
    walk(listing)
    assert listing.asked[0]["cursor"] == "*"


@pytest.mark.parametrize("most", [3, 1000], ids=["slack gives less", "slack gives what was asked"])
@pytest.mark.parametrize("max_items", [1, 3, 7, 10, 11])
def test_max_items_and_going_on_lose_nothing(most, max_items):
    listing = Listing(10, most=most)
    answer = walk(listing, max_items=max_items)
    got = answer["channels"]
    assert got == listing.items[:max_items]
    cursor = answer["response_metadata"]["next_cursor"]
    rest = walk(listing, {"cursor": cursor})["channels"] if cursor else []
    seen = {each["id"] for each in got + rest}
    assert seen == set(range(10))


def test_a_page_cut_in_the_middle_is_asked_for_again():
    """Slack may hand more than `limit`; what was left of that page must not be skipped."""

    def generous(arguments):
        start = int(arguments.get("cursor") or 0)
        items = [{"id": n} for n in range(start, start + 5)]
        return {"ok": True, "channels": items, "response_metadata": {"next_cursor": str(start + 5)}}

    answer = Paginator(generous, CURSOR, max_items=7).run({})
    assert [each["id"] for each in answer["channels"]] == list(range(7))
    assert answer["response_metadata"]["next_cursor"] == "5"


def test_fields_keep_only_these_keys():
    listing = Listing(3)
    assert walk(listing, fields=["id", "missing"])["channels"] == [{"id": 0}, {"id": 1}, {"id": 2}]
    page = slim_page(Listing(2)({}), CURSOR, ["name"])
    assert page["channels"] == [{"name": "n0"}, {"name": "n1"}]


def test_items_that_are_no_objects_stay_whole():
    listing = Listing(3, find_method("conversations.members").pages, made=lambda n: "U%d" % n)
    assert walk(listing, fields=["id"])["members"] == ["U0", "U1", "U2"]


# Never "whole" of what is not


def given(*cursors, pages=CURSOR):
    """A call that answers one item a page, and these cursors one after the other."""
    answers = iter(enumerate(cursors))

    def call(arguments):
        number, cursor = next(answers)
        answer = {"ok": True, "channels": [{"id": number}]}
        write_path(answer, pages.next[0], cursor)
        return answer

    return call


@pytest.mark.parametrize("cursors", [("same", "same"), ("a", "b", "a"), ("a", "b", "b", "c")])
def test_a_cursor_that_leads_back_is_an_error_that_names_the_page(cursors):
    with pytest.raises(
        ResponseLost, match=r"lead back.*page %d, %d items" % ((3, 3), (2, 2))[len(cursors) == 2]
    ):
        Paginator(given(*cursors), CURSOR).run({})


def test_a_cursor_that_leads_back_to_where_the_walk_began_is_one_too():
    with pytest.raises(ResponseLost, match="page 1, 1 items"):
        Paginator(given("mine"), CURSOR).run({"cursor": "mine"})


@pytest.mark.parametrize("cursor", [7, 0, 1.5, True, ["a"], {"cursor": "a"}])
def test_a_cursor_that_is_no_text_is_an_error_that_names_the_page(cursor):
    with pytest.raises(ResponseLost, match="after page 2, its next cursor is no text"):
        Paginator(given("a", cursor), CURSOR).run({})
    with pytest.raises(ResponseLost, match="after page 2, its next cursor is no text"):
        list(stream_items(given("a", cursor), CURSOR, {}))


@pytest.mark.parametrize("cursor", ["", None, False])
def test_no_cursor_is_the_end(cursor):
    assert len(Paginator(given("a", cursor), CURSOR).run({})["channels"]) == 2


def test_where_enough_was_read_the_cursor_does_not_matter():
    answer = Paginator(given("a", "a"), CURSOR, max_items=2).run({})
    assert [each["id"] for each in answer["channels"]] == [0, 1]
    assert answer["response_metadata"]["next_cursor"] == "a"


def test_more_messages_and_no_cursor_is_an_error():
    pages = find_method("conversations.history").pages
    answer = {"ok": True, "messages": [{"ts": "1.0"}], "has_more": True}
    with pytest.raises(ResponseLost, match="after page 1, `has_more` is true"):
        Paginator(lambda arguments: dict(answer), pages).run({})
    answer["has_more"] = False
    assert len(Paginator(lambda arguments: dict(answer), pages).run({})["messages"]) == 1


@pytest.mark.parametrize("where", ["response_metadata", "messages.pagination", "messages.paging"])
def test_the_cursor_of_a_search_can_stand_in_three_places(where):
    listing = Listing(250, replace(NESTED, next=(where + ".next_cursor",)))
    answer = Paginator(listing, NESTED).run({"query": "x"})
    assert len(answer["messages"]["matches"]) == 250
    assert [each["count"] for each in listing.asked] == [100, 100, 100]
    assert read_path(answer, where)["next_cursor"] == ""


@pytest.mark.parametrize(
    "told", [{"paging": {"page": 1, "pages": 3}}, {"pagination": {"page": 1, "page_count": 3}}]
)
def test_more_pages_of_a_search_than_were_walked_is_an_error(told):
    def call(arguments):
        return {"ok": True, "messages": {"matches": [{"ts": "1.0"}], **told}}

    with pytest.raises(ResponseLost, match="after page 1, Slack tells of 3 pages"):
        Paginator(call, NESTED).run({"query": "x"})
    assert Paginator(call, NESTED, max_items=1).run({"query": "x"})["ok"] is True
    # Who begins in the middle sees fewer pages than there are.
    assert Paginator(call, NESTED).run({"query": "x", "cursor": "c"})["ok"] is True


def numbered(pages, told=lambda page: page, size=1):
    def call(arguments):
        block = {"page": told(arguments.get("page") or 1), "pages": pages}
        files = [{"id": n} for n in range(size)]
        return {"ok": True, "files": files, "paging": block}

    return call


def test_a_page_that_is_not_the_one_asked_for_is_an_error():
    with pytest.raises(ResponseLost, match="after page 2, Slack gave page 1 instead of page 2"):
        Paginator(numbered(9, lambda page: 1), PAGE).run({})


@pytest.mark.parametrize("pages", ["3", 2.5, [1]])
def test_a_number_of_pages_that_is_none_is_an_error(pages):
    with pytest.raises(ResponseLost, match="does not tell how many pages"):
        Paginator(numbered(pages), PAGE).run({})


def test_a_full_page_without_a_number_of_pages_is_an_error_and_a_short_one_the_end():
    with pytest.raises(ResponseLost, match="does not tell how many pages"):
        Paginator(numbered(None, size=5), PAGE).run({"count": 5})
    assert len(Paginator(numbered(None, size=4), PAGE).run({"count": 5})["files"]) == 4


def test_a_walk_over_numbered_pages_can_begin_in_the_middle():
    listing = Listing(10, PAGE)
    assert walk(listing, {"page": 2, "count": 4})["files"] == listing.items[4:]


# The container of the items


def put(answer, row, items):
    """Put `items` into the answer as Slack's published type of the method has them."""
    container = items
    if row["container"] == "map":
        container = {"key%s" % each["id"]: each for each in items}
    elif row["container"] == "lists":
        names = row["lists"]
        container = {name: items[n :: len(names)] for n, name in enumerate(names)}
    write_path(answer, row["at"], container)


def taken(answer, row):
    """The items in an answer, in the order of their `id`."""
    container = read_path(answer, row["at"])
    if row["container"] == "map":
        assert all(key == "key%s" % each["id"] for key, each in container.items())
        container = list(container.values())
    elif row["container"] == "lists":
        container = [each for name in row["lists"] for each in container[name]]
    return sorted(container, key=lambda each: each if isinstance(each, str) else each["id"])


class Typed(Listing):
    """A list in the shape of Slack's published type."""

    def __init__(self, name, total, most=20):
        self.row = SHAPES[name]
        text = self.row["of"] == "text"
        made = (lambda n: "U%03d" % n) if text else (lambda n: {"id": n, "name": "n%d" % n})
        super().__init__(total, find_method(name).pages, most, made)

    def __call__(self, arguments):
        answer = super().__call__(arguments)
        items = read_path(answer, self.pages.items)
        write_path(answer, self.pages.items, None)
        put(answer, self.row, items)
        return answer


def paged():
    from tools.generator import sources

    return [name for name, _ in sources.load().current() if find_method(name).pages]


def test_the_shape_of_every_paged_method_is_known():
    assert len(paged()) > 50
    assert set(paged()) == set(SHAPES) - {"search.all"}
    for name, row in SHAPES.items():
        pages = find_method(name).pages or PageFacts(items=row["at"])
        assert (pages.items, pages.container) == (row["at"], row["container"])
        typed = row.get("cursor", [])
        assert set(typed) <= set(pages.next), name
        # admin.emoji.list and its like have no block of pages; those that have one are checked.
        assert pages.paging in [None, *row.get("paging", [])], name


@pytest.mark.parametrize("name", paged())
def test_every_paged_method_can_be_walked(name):
    """Each in the container of Slack's published type, whole, by pages, with `fields`."""
    listing = Typed(name, 45)
    assert taken(walk(listing), listing.row) == listing.items
    assert len(listing.asked) == 3
    most = listing.pages.max or PAGE_SIZE
    if listing.pages.size:
        assert {each[listing.pages.size] for each in listing.asked} == {min(200, most)}
        walk(listing, {listing.pages.size: most + 1})
        assert listing.asked[-1][listing.pages.size] <= max(most, 201)
    if listing.row["of"] == "object":
        slimmed = [{"id": n} for n in range(45)]
        assert taken(walk(Typed(name, 45), fields=["id"]), listing.row) == slimmed
        page = slim_page(Typed(name, 5)({}), listing.pages, ["id"])
        assert taken(page, listing.row) == slimmed[:5]


@pytest.mark.parametrize("name", paged())
@pytest.mark.parametrize("max_items", [1, 20, 23, 44, 45, 46])
def test_every_paged_method_stops_at_max_items_and_goes_on_without_a_loss(name, max_items):
    listing = Typed(name, 45)
    answer = walk(listing, max_items=max_items)
    got = taken(answer, listing.row)
    exact = listing.row["container"] != "lists" and listing.pages.size
    assert len(got) == min(max_items, 45) if exact else len(got) >= min(max_items, 45)
    if listing.pages.page:
        return  # its answer tells the number of the page
    cursor = read_path(answer, listing.pages.next[0])
    rest = taken(walk(listing, {"cursor": cursor}), listing.row) if cursor else []
    seen = {json.dumps(each) for each in got + rest}
    assert seen == {json.dumps(each) for each in listing.items}


def test_of_a_key_that_comes_twice_the_later_page_stays():
    answers = iter(
        [
            {
                "ok": True,
                "emoji": {"seal": {"url": "1"}},
                "response_metadata": {"next_cursor": "a"},
            },
            {"ok": True, "emoji": {"gull": {"url": "2"}, "seal": {"url": "3"}}},
        ]
    )
    answer = Paginator(lambda arguments: next(answers), EMOJI).run({})
    assert answer["emoji"] == {"seal": {"url": "3"}, "gull": {"url": "2"}}


def test_fields_of_a_map_apply_to_values_that_are_objects():
    answer = {
        "ok": True,
        "emoji": {"seal": {"url": "1", "uploaded_by": "U1"}, "gull": "alias:seal"},
    }
    expected = {"seal": {"url": "1"}, "gull": "alias:seal"}
    assert (
        Paginator(lambda arguments: dict(answer), EMOJI, fields=["url"]).run({})["emoji"]
        == expected
    )
    assert slim_page(dict(answer), EMOJI, ["url"])["emoji"] == expected


@pytest.mark.parametrize("empty", [[], {}, None])
def test_an_empty_page_of_a_map_may_be_an_empty_list(empty):
    """PHP writes an empty object as `[]`."""
    answers = iter(
        [
            {"ok": True, "emoji": {"seal": {}}, "response_metadata": {"next_cursor": "a"}},
            {"ok": True, "emoji": empty},
        ]
    )
    assert Paginator(lambda arguments: next(answers), EMOJI).run({})["emoji"] == {"seal": {}}
    assert Paginator(lambda arguments: {"ok": True, "emoji": empty}, EMOJI).run({})["emoji"] == {}


def test_pages_of_several_lists_stay_whole_and_are_counted_together():
    def call(arguments):
        start = int(arguments.get("cursor") or 0)
        found = {
            "messages": [{"ts": start}, {"ts": start + 1}],
            "files": [{"file_id": start}],
            "total": 12,
        }
        return {"ok": True, "results": found, "response_metadata": {"next_cursor": str(start + 3)}}

    answer = Paginator(call, SEARCH, max_items=4).run({})
    assert [each["ts"] for each in answer["results"]["messages"]] == [0, 1, 3, 4]
    assert [each["file_id"] for each in answer["results"]["files"]] == [0, 3]
    assert answer["results"]["total"] == 12
    assert answer["response_metadata"]["next_cursor"] == "6"


@pytest.mark.parametrize("found", ["text", 7, True])
def test_items_that_are_in_no_container_are_an_error(found):
    with pytest.raises(ResponseLost, match="after page 1, `emoji` is no map of items"):
        Paginator(lambda arguments: {"ok": True, "emoji": found}, EMOJI).run({})


def test_an_unexpected_container_is_kept_as_it_is():
    answer = {"ok": True, "channels": {"C1": {"id": "C1"}}}
    assert Paginator(lambda arguments: dict(answer), CURSOR).run({}) == answer
    changing = iter(
        [
            dict(answer, response_metadata={"next_cursor": "a"}),
            {"ok": True, "channels": [{"id": "C2"}]},
        ]
    )
    with pytest.raises(ResponseLost, match="after page 2, `channels`"):
        Paginator(lambda arguments: next(changing), CURSOR).run({})


@pytest.mark.parametrize("answer", [{"ok": True}, {"ok": True, "channels": None}])
def test_an_answer_without_a_list_is_an_empty_one(answer):
    assert Paginator(lambda arguments: dict(answer), CURSOR).run({})["channels"] == []


def test_a_failure_in_the_middle_says_where():
    listing = Listing(500)

    def third_fails(arguments):
        if len(listing.asked) == 2:
            raise RateLimited("too many.", "conversations.list", "ratelimited", {}, 3)
        return listing(arguments)

    with pytest.raises(RateLimited) as caught:
        Paginator(third_fails, CURSOR).run({})
    assert "page 3, after 400 items; to go on from there: cursor=400" in str(caught.value)
    assert caught.value.code == "ratelimited"


def test_a_failure_at_once_says_no_more_than_itself():
    def fails(arguments):
        raise RateLimited("too many.", "conversations.list", "ratelimited", {}, 3)

    with pytest.raises(RateLimited, match=r"^too many\.$"):
        Paginator(fails, CURSOR).run({})


def test_a_result_that_stackstorm_cannot_store_fails_before_that():
    listing = Listing(100, made=lambda n: {"id": n, "text": "ü" * 1024 * 512})
    with pytest.raises(ResultTooLarge, match="`fields`.*`max_items`"):
        walk(listing, {"limit": 4})
    assert len(listing.asked) < 10
    assert len(walk(listing, fields=["id"])["channels"]) == 100


@pytest.mark.parametrize("bad", [0, -1])
def test_max_items_below_one_is_refused(bad):
    with pytest.raises(InputError, match="`max_items`"):
        Paginator(Listing(1), CURSOR, max_items=bad)


@pytest.mark.parametrize("bad", ["id", [1], {"id": 1}])
def test_fields_of_a_wrong_form_are_refused(bad):
    with pytest.raises(InputError, match="`fields`"):
        check_fields(bad)


def test_the_parent_of_a_thread_comes_once():
    """conversations.replies begins every page with it."""
    parent = {"ts": "1.0", "thread_ts": "1.0", "text": "parent"}
    replies = [{"ts": "2.%d" % n, "thread_ts": "1.0"} for n in range(5)]

    def page(arguments):
        start = int(arguments.get("cursor") or 0)
        cursor = str(start + 2) if start + 2 < len(replies) else ""
        items = [dict(parent, reply_count=start), *replies[start : start + 2]]
        return {"ok": True, "messages": items, "response_metadata": {"next_cursor": cursor}}

    pages = find_method("conversations.replies").pages
    answer = Paginator(page, pages, fields=["ts"]).run({})
    assert [each["ts"] for each in answer["messages"]] == ["1.0"] + [each["ts"] for each in replies]


def test_progress_is_told_every_few_seconds():
    now, lines = [0.0], []
    progress = paced(lines.append, "users.list", 5.0, lambda: now[0])
    for second, items in ((1, 200), (5, 400), (6, 600), (11, 800)):
        now[0] = float(second)
        progress(items, items // 200)
    assert lines == [progress_line("users.list", 400, 2), progress_line("users.list", 800, 4)]
