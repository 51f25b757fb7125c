"""The parser of Slack's pages, on skeletons of real pages: tests/fixtures/pages.

A skeleton has the structure and the facts of a page (labels, links, names, types, values, codes)
and `…` where Slack's sentences stood. What is expected here was written down from reading the
pages.
"""

from pathlib import Path

import pytest

from tools.facts import pages

FOLDER = Path(__file__).parent / "fixtures/pages"
# Codes that every page lists; a code that a page lists a second time is one of its own as well.
ON_EVERY_PAGE = 30
CHANNELS = ("channels:read", "groups:read", "im:read", "mpim:read")
FORM_AND_JSON = ("application/x-www-form-urlencoded", "application/json")

# method: verb, scopes, tier, arguments (required ones end in `!`), number of error codes
READ = {
    "admin.conversations.disconnectShared": (
        "POST",
        {"user": ("admin.conversations:write",)},
        "tier2",
        "channel_id! leaving_team_ids",
        13,
    ),
    "admin.users.getExpiration": (
        "GET",
        {"user": ("admin.users:read",)},
        "tier4",
        "user_id target_team",
        7,
    ),
    "admin.users.session.setSettings": (
        "POST",
        {"user": ("admin.users:write",)},
        "tier4",
        "user_ids! duration desktop_app_browser_quit",
        12,
    ),
    "bookmarks.add": (
        "POST",
        {"bot": ("bookmarks:write",), "user": ("bookmarks:write",)},
        "tier2",
        "channel_id! title! type! link emoji entity_id access_level parent_id",
        23,
    ),
    "canvases.access.set": (
        "POST",
        {"bot": ("canvases:write",), "user": ("canvases:write",)},
        "tier3",
        "canvas_id! access_level! channel_ids user_ids",
        7,
    ),
    "chat.postEphemeral": (
        "POST",
        {"bot": ("chat:write",), "user": ("chat:write",)},
        "tier4",
        "channel! user! as_user attachments blocks icon_emoji icon_url link_names markdown_text"
        " parse text thread_ts username",
        15,
    ),
    "chat.update": (
        "POST",
        {"bot": ("chat:write",), "user": ("chat:write",)},
        "tier3",
        "channel! ts! as_user attachments unfurled_attachments blocks markdown_text metadata"
        " link_names parse text reply_broadcast file_ids",
        38,
    ),
    "conversations.list": (
        "GET",
        {"bot": CHANNELS, "user": CHANNELS},
        "tier2",
        "cursor exclude_archived limit team_id types",
        6,
    ),
    "search.messages": (
        "GET",
        {"user": ("search:read",)},
        "tier2",
        "query! count highlight page cursor sort sort_dir team_id",
        1,
    ),
    "stars.list": ("GET", {"user": ("stars:read",)}, "tier3", "count cursor limit page team_id", 1),
    "team.accessLogs": (
        "GET",
        {"user": ("admin",)},
        "tier2",
        "before count page cursor limit team_id",
        9,
    ),
    "team.externalTeams.list": (
        "GET",
        {"bot": ("conversations.connect:manage", "team:read")},
        "tier2",
        "limit cursor sort_field sort_direction slack_connect_pref_filter workspace_filter"
        " connection_status_filter",
        6,
    ),
    "team.profile.get": (
        "GET",
        {"bot": ("users.profile:read",), "user": ("users.profile:read",)},
        "tier3",
        "visibility",
        0,
    ),
}
# (method, argument): type, default, acceptable values, largest
ARGUMENTS = {
    ("admin.users.getExpiration", "user_id"): ("", None, (), None),
    ("admin.users.session.setSettings", "user_ids"): ("array", None, (), 1000),
    ("bookmarks.add", "access_level"): ("string", None, ("read", "write"), None),
    ("canvases.access.set", "access_level"): ("", None, ("read", "write", "owner"), None),
    ("chat.postEphemeral", "parse"): ("", None, ("none", "full", "mrkdwn", "false"), None),
    ("chat.update", "reply_broadcast"): ("boolean", "false", (), None),
    ("chat.update", "file_ids"): ("array", None, (), None),
    ("conversations.list", "limit"): ("number", "100", (), 999),
    ("conversations.list", "types"): ("string", "public_channel", (), None),
    ("search.messages", "count"): ("integer", "20", (), 100),
    ("search.messages", "sort_dir"): ("string", "desc", ("asc", "desc"), None),
    ("team.accessLogs", "before"): ("", "now", ("now",), None),
    ("team.externalTeams.list", "connection_status_filter"): (
        "string",
        None,
        ("CONNECTED", "DISCONNECTED", "BLOCKED", "IN_REVIEW"),
        None,
    ),
    ("team.profile.get", "visibility"): ("string", None, ("all", "visible", "hidden"), None),
}


def read(method):
    return pages.parse((FOLDER / (method + ".md")).read_text(encoding="utf-8"))


def test_every_skeleton_is_expected():
    assert {path.stem for path in FOLDER.glob("*.md")} == set(READ) and len(READ) >= 12


@pytest.mark.parametrize("method", sorted(READ))
def test_a_real_page_is_read(method):
    verb, scopes, tier, arguments, errors = READ[method]
    page = read(method)
    assert (page.method, page.http_method, page.rate_tier) == (method, verb, tier)
    assert page.scopes == scopes and page.content_types == FORM_AND_JSON
    required = [name + "!" * each.is_required for name, each in page.arguments.items()]
    assert required == ["token!"] + arguments.split()
    assert len(page.errors) == ON_EVERY_PAGE + errors


@pytest.mark.parametrize("method, name", sorted(ARGUMENTS))
def test_an_argument_of_a_real_page_is_read(method, name):
    found = read(method).arguments[name]
    assert (found.type, found.default, found.values, found.largest) == ARGUMENTS[method, name]


@pytest.mark.parametrize(
    "text, largest",
    [
        ("Maximum of `100`.", 100),
        ("Maximum: 50", 50),
        ("_Maximum:_ `50`", 50),
        ("under 1000.", 999),
        ("up to 15,000 …", 15000),
        ("12,000 …", None),
    ],
)
def test_the_largest_value_or_number(text, largest):
    page = (FOLDER / "search.messages.md").read_text(encoding="utf-8")
    found = pages.parse(page.replace("Maximum of `100`.", text)).arguments["count"]
    assert found.largest == largest


def test_an_argument_that_an_organization_needs():
    assert read("conversations.list").arguments["team_id"].is_for_org_token
    assert read("stars.list").arguments["team_id"].is_for_org_token
    assert not read("conversations.list").arguments["types"].is_for_org_token


def test_a_legacy_method_names_what_to_use():
    page = read("search.messages")
    assert page.is_legacy and page.replaced_by == ("assistant.search.context",)
    others = [read(method) for method in READ if method != "search.messages"]
    assert not any(each.is_legacy or each.is_deprecated or each.replaced_by for each in others)


def test_a_code_that_a_page_lists_twice_is_there_twice():
    assert read("conversations.list").errors.count("missing_scope") == 2
    assert read("search.messages").errors.count("missing_scope") == 1


@pytest.mark.parametrize("lacking", ["GET https", "## Arguments", "## Errors"])
def test_a_page_that_lacks_a_part_is_refused(lacking):
    text = (FOLDER / "stars.list.md").read_text(encoding="utf-8")
    with pytest.raises(pages.Unreadable):
        pages.parse(text.replace(lacking, "…"))


def test_a_notice_of_retirement():
    text = (FOLDER / "stars.list.md").read_text(encoding="utf-8")
    heading = "## Usage info {#usage-info}\n\n"
    notice = "This method was retired. Use [`x.y`](/reference/methods/x.y) instead.\n\n"
    page = pages.parse(text.replace(heading, heading + notice))
    assert page.is_retired and page.is_deprecated and page.replaced_by == ("x.y",)
