"""All pages in one answer: the walk over pages, with a stand-in for the call. No wire."""

import pytest

from st2slack.errors import InputError, RateLimited, ResultTooLarge
from st2slack.web import pages as pages_module
from st2slack.web.methods import find_method
from st2slack.web.pages import Walk, check_fields, paced, progress_line, read_path, slim_page

CURSOR = find_method("conversations.list").pages
PAGE = find_method("files.list").pages
NESTED = find_method("search.messages").pages


class Listing:
    """A list of `total` items behind cursors or page numbers, `most` of them a page."""

    def __init__(self, total, pages=CURSOR, most=1000, made=lambda n: {"id": n, "name": "n%d" % n}):
        self.items = [made(n) for n in range(total)]
        self.pages = pages
        self.most = most
        self.asked = []

    def __call__(self, arguments):
        self.asked.append(dict(arguments))
        size = min(self.most, arguments.get(self.pages.get("size")) or self.most)
        answer = {"ok": True}
        if "page" in self.pages:
            page = arguments.get("page") or 1
            start = (page - 1) * size
            count = -(-len(self.items) // size) or 1
            paging = {"page": page, "pages": count, "total": len(self.items)}
            pages_module.write_path(answer, self.pages["paging"], paging)
        else:
            start = int(arguments.get("cursor", "0").replace("*", "0") or 0)
            after = start + size
            cursor = str(after) if after < len(self.items) else ""
            pages_module.write_path(answer, self.pages["next"][0], cursor)
        pages_module.write_path(answer, self.pages["items"], self.items[start : start + size])
        return answer


def walk(listing, arguments=None, **options):
    return Walk(listing, listing.pages, **options).run(arguments or {})


@pytest.mark.parametrize("pages", [CURSOR, PAGE, NESTED], ids=["cursor", "page", "nested"])
@pytest.mark.parametrize("total", [0, 1, 199, 200, 201, 1000])
def test_all_items_in_one_answer_of_the_same_shape(pages, total):
    listing = Listing(total, pages)
    answer = walk(listing)
    assert read_path(answer, pages["items"]) == listing.items
    assert answer["ok"] is True
    assert len(listing.asked) == max(1, -(-total // 200))
    if "cursor" in pages:
        assert read_path(answer, pages["next"][0]) == ""


def test_a_page_is_as_large_as_asked_for_else_what_slack_recommends():
    for limit, expected in ((None, 200), (1000, 1000), (7, 7)):
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

    answer = Walk(generous, CURSOR, max_items=7).run({})
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


def test_a_cursor_that_leads_nowhere_ends_the_walk():
    answer = {"ok": True, "channels": [{"id": 1}], "response_metadata": {"next_cursor": "same"}}
    calls = []

    def stuck(arguments):
        calls.append(arguments)
        return dict(answer, channels=[{"id": len(calls)}])

    assert len(Walk(stuck, CURSOR).run({})["channels"]) == 2
    assert len(calls) == 2


@pytest.mark.parametrize("answer", [{"ok": True}, {"ok": True, "channels": None}])
def test_an_answer_without_a_list_is_an_empty_one(answer):
    assert Walk(lambda arguments: dict(answer), CURSOR).run({})["channels"] == []


def test_a_failure_in_the_middle_says_where():
    listing = Listing(500)

    def third_fails(arguments):
        if len(listing.asked) == 2:
            raise RateLimited("too many.", "conversations.list", "ratelimited", {}, 3)
        return listing(arguments)

    with pytest.raises(RateLimited) as caught:
        Walk(third_fails, CURSOR).run({})
    assert "page 3, after 400 items; to go on from there: cursor=400" in str(caught.value)
    assert caught.value.code == "ratelimited"


def test_a_failure_at_once_says_no_more_than_itself():
    def fails(arguments):
        raise RateLimited("too many.", "conversations.list", "ratelimited", {}, 3)

    with pytest.raises(RateLimited, match=r"^too many\.$"):
        Walk(fails, CURSOR).run({})


def test_a_result_that_stackstorm_cannot_store_fails_before_that():
    listing = Listing(100, made=lambda n: {"id": n, "text": "ü" * 1024 * 512})
    with pytest.raises(ResultTooLarge, match="`fields`.*`max_items`"):
        walk(listing, {"limit": 4})
    assert len(listing.asked) < 10
    assert len(walk(listing, fields=["id"])["channels"]) == 100


@pytest.mark.parametrize("bad", [0, -1])
def test_max_items_below_one_is_refused(bad):
    with pytest.raises(InputError, match="`max_items`"):
        Walk(Listing(1), CURSOR, max_items=bad)


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
    answer = Walk(page, pages, fields=["ts"]).run({})
    assert [each["ts"] for each in answer["messages"]] == ["1.0"] + [each["ts"] for each in replies]


def test_progress_is_told_every_few_seconds():
    now, lines = [0.0], []
    progress = paced(lines.append, "users.list", 5.0, lambda: now[0])
    for second, items in ((1, 200), (5, 400), (6, 600), (11, 800)):
        now[0] = float(second)
        progress(items, items // 200)
    assert lines == [progress_line("users.list", 400, 2), progress_line("users.list", 800, 4)]


def test_every_paged_method_of_the_facts_can_be_walked():
    """Each shape of paging in the table leads to its end."""
    from catalogue import sources

    paged = [name for name, _ in sources.load().living() if find_method(name).pages]
    assert len(paged) > 50
    for name in paged:
        listing = Listing(45, find_method(name).pages, most=20)
        assert len(read_path(walk(listing), listing.pages["items"])) == 45, name
