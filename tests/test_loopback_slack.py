"""The loopback Slack over plain HTTP: what it reads, refuses, remembers, and makes up."""

import gzip
import json
from pathlib import Path

import pytest
import requests

from sandbox.slack import LoopbackSlack, Token
from sandbox.slack.behaviours import BEHAVIOURS
from sandbox.slack.checks import facts, identifiers, request_checks
from sandbox.slack.checks.slack_error import SlackError
from sandbox.slack.http import http_request
from sandbox.slack.state import seed

FACTS = facts.load()
LIVING = sorted(name for name, method in FACTS.methods.items() if not method.retired)
FORM = {"Content-Type": http_request.FORM}
PNG = b"\x89PNG\r\n\x1a\n\r\n--almost a boundary"


def ask(slack, method, token=None, **form):
    """The answer to a form-encoded POST with the bot token, or with this one ("": none)."""
    token = slack.bot_token if token is None else token
    headers = {"Authorization": "Bearer " + token} if token else {}
    return requests.post(slack.api_url + method, data=form, headers=headers, timeout=60).json()


def refusal_of(request, tokens):
    """Slack's refusal of this request, None where it passes."""
    try:
        request_checks.check(FACTS, request, tokens)
    except SlackError as refusal:
        return refusal
    return None


TOKENS = {
    "bot": Token("bot", "U1"),
    "user": Token("user", "U1"),
    "app": Token("app"),
    "config": Token("configuration"),
    "revoked": Token("bot", state="revoked"),
    "expired": Token("bot", state="expired"),
    "inactive": Token("bot", state="inactive"),
    "narrow": Token("bot", "U1", ("users:read",)),
    "org": Token("bot", "U1", org=True),
}
POST = "chat.postMessage"

EMPTY_MODAL = json.dumps(
    {"type": "modal", "title": {"type": "plain_text", "text": "Berths"}, "blocks": []}
)


@pytest.mark.parametrize(
    "method, token, body, code",
    [
        ("chat.nothing", "bot", "", "unknown_method"),
        ("", "bot", "", "unknown_method"),
        ("channels.list", "bot", "", "method_deprecated"),
        ("auth.test", "", "", "not_authed"),
        ("auth.test", "stranger", "", "invalid_auth"),
        ("auth.test", "revoked", "", "token_revoked"),
        ("auth.test", "expired", "", "token_expired"),
        ("auth.test", "inactive", "", "account_inactive"),
        ("admin.users.list", "bot", "", "not_allowed_token_type"),
        ("apps.connections.open", "bot", "", "not_allowed_token_type"),
        ("apps.manifest.create", "app", "manifest=%7B%7D", "not_allowed_token_type"),
        (POST, "narrow", "channel=C1&text=x", "missing_scope"),
        (POST, "bot", "text=x", "invalid_arguments"),
        (POST, "bot", "channel=C1", "no_text"),
        (POST, "bot", "channel=C1&text=", "no_text"),
        (POST, "bot", "channel=C1&text=x&mrkdwn=yes", "invalid_arguments"),
        (POST, "bot", "channel=C1&text=x&blocks=x", "invalid_blocks_format"),
        (POST, "bot", "channel=C1&text=x&blocks=%7B%7D", "invalid_blocks_format"),
        (POST, "bot", "channel=C1&markdown_text=x&text=x", "markdown_text_conflict"),
        ("conversations.list", "bot", "limit=many", "invalid_limit"),
        ("conversations.replies", "bot", "channel=C1&ts=1.2&limit=5000", "invalid_arguments"),
        ("conversations.create", "bot", "", "invalid_name_required"),
        ("conversations.create", "org", "name=x", "missing_argument"),
        ("conversations.invite", "bot", "channel=C1&users=%5B%22U1%22%5D", "invalid_array_arg"),
        ("conversations.open", "bot", "", "users_list_not_supplied"),
        (
            "conversations.inviteShared",
            "bot",
            "channel=C1&emails=a&user_ids=U1",
            "invalid_arguments",
        ),
        ("bookmarks.add", "bot", "channel_id=C1&type=link&title=" + "x" * 257, "invalid_arguments"),
        ("reactions.remove", "bot", "name=wave&channel=C1", "no_item_specified"),
        ("users.profile.set", "user", "name=title", "invalid_arguments"),
        ("users.setPhoto", "user", "image=text", "invalid_arguments"),
        ("users.setPhoto", "user", "", "bad_image"),
        ("agents.conversations.setView", "bot", "channel_id=C1&type=canvas", "invalid_arguments"),
    ],
)
def test_refuses_in_slacks_order_with_slacks_codes(method, token, body, code):
    headers = dict(FORM, Authorization="Bearer " + token) if token else FORM
    request = http_request.read(method, "POST", "/api/" + method, headers, body.encode())
    assert refusal_of(request, TOKENS).code == code


@pytest.mark.parametrize(
    "body, messages",
    [
        ("text=x", ["[ERROR] missing required field: channel"]),
        ("channel=C1&text=x&mrkdwn=yes", ["[ERROR] must be a boolean [json-pointer:/mrkdwn]"]),
    ],
)
def test_says_which_argument_is_wrong(body, messages):
    request = http_request.read(
        POST, "POST", "/", dict(FORM, Authorization="Bearer bot"), body.encode()
    )
    answer = refusal_of(request, TOKENS).answer()
    assert answer["response_metadata"] == {"messages": messages}


def test_missing_scope_names_needed_and_provided():
    request = http_request.read(POST, "POST", "/", dict(FORM, Authorization="Bearer narrow"))
    assert refusal_of(request, TOKENS).extra == {"needed": "chat:write", "provided": "users:read"}


@pytest.mark.parametrize(
    "content_type, body, code",
    [
        ("application/json", b"{", "invalid_json"),
        ("application/json", b"[]", "json_not_object"),
        ("application/json; charset=x-unknown", b"{}", "invalid_charset"),
        (
            "application/x-www-form-urlencoded; charset=ascii",
            "text=☃".encode(),
            "invalid_form_data",
        ),
        ("multipart/form-data", b"x", "invalid_form_data"),
        ("application/xml", b"<a/>", "invalid_post_type"),
        ("", b"a=b", "missing_post_type"),
        ("application/json", b'{"channel": "C1", "text": {}}', "invalid_arguments"),
        ("application/json", b'{"channel": "C1", "text": "x", "token": "bot"}', None),
    ],
)
def test_bodies_that_cannot_be_read(content_type, body, code):
    headers = {"Authorization": "Bearer bot", "Content-Type": content_type}
    refusal = refusal_of(http_request.read(POST, "POST", "/", headers, body), TOKENS)
    assert (refusal.code if refusal else None) == code


def test_arguments_come_typed_and_unknown_ones_are_left_out():
    body = b"channel=C1&text=%E2%98%83&blocks=%5B%5D&mrkdwn=0&new=1&unfurl_links=true"
    headers = dict(FORM, Authorization="bearer bot")
    call = request_checks.check(FACTS, http_request.read(POST, "POST", "/", headers, body), TOKENS)
    assert call.args == {
        "channel": "C1",
        "text": "☃",
        "blocks": [],
        "mrkdwn": False,
        "unfurl_links": True,
    }


def test_a_json_body_counts_only_where_the_method_takes_json():
    headers = {"Authorization": "Bearer user", "Content-Type": "application/json"}
    takes, does_not = (
        refusal_of(http_request.read(name, "POST", "/", headers, b'{"channel": "C1"}'), TOKENS)
        for name in ("conversations.history", "conversations.info")
    )
    assert takes is None and does_not.code == "invalid_arguments"


def test_a_token_in_the_url_or_in_json_is_none(slack):
    url = slack.api_url + "auth.test"
    in_url = requests.get(url, params={"token": slack.bot_token}, timeout=60)
    in_json = requests.post(url, json={"token": slack.bot_token}, timeout=60)
    in_form = requests.post(url, data={"token": slack.bot_token}, timeout=60)
    assert [each.json().get("error") for each in (in_url, in_json, in_form)] == [
        "not_authed",
        "not_authed",
        None,
    ]


def test_records_every_request_whole(slack):
    with requests.Session() as session:
        session.get(slack.api_url + "api.test", params=[("a", "1"), ("a", "2")], timeout=60)
        session.post(
            slack.api_url + "users.setPhoto",
            files={"image": ("ü.png", PNG)},
            data={"crop_x": "1"},
            timeout=300,
        )
    session.get(slack.url + "elsewhere", timeout=60)
    first, second, third = slack.requests
    assert (first.method, first.verb, first.path) == ("api.test", "GET", "/api/api.test")
    assert first.query == [("a", "1"), ("a", "2")] and first.args == {"a": "2"}
    assert second.form == [("crop_x", "1")] and second.files == {"image": ("ü.png", PNG)}
    assert second.headers["content-type"].startswith("multipart/form-data")
    assert (third.method, third.path) == ("", "/elsewhere")
    assert [each.connection for each in slack.requests] == [1, 1, 2] and slack.connections == 2


@pytest.mark.parametrize(
    "content_type, warning",
    [
        ("application/json", "missing_charset"),
        ("application/json; charset=utf-8", None),
        ("application/x-www-form-urlencoded; charset=utf-8", "superfluous_charset"),
    ],
)
def test_remarks_on_the_charset(slack, content_type, warning):
    answer = requests.post(
        slack.api_url + "api.test", data=b"{}", timeout=60, headers={"Content-Type": content_type}
    ).json()
    assert answer["ok"] and answer.get("warning") == warning


def test_oauth_takes_the_client_as_basic_auth_or_in_the_form(slack):
    url, code = slack.api_url + "oauth.v2.access", {"code": "c"}
    basic = requests.post(url, data=code, auth=("1.2", "secret"), timeout=60).json()
    form = requests.post(url, data=dict(code, client_id="1.2", client_secret="s"), timeout=60)
    assert basic["ok"] and basic["access_token"] and form.json()["ok"]
    nobody = requests.post(url, data=code, timeout=60).json()
    assert nobody["error"] == "invalid_client_id"


G, P, A, D = seed.GENERAL, seed.INCIDENTS, seed.ARCHIVED, seed.DEPLOYS
NOWHERE, NEVER = "C0000000000", "1700000000.000100"


@pytest.mark.parametrize(
    "method, token, form, code",
    [
        (POST, "bot", {"channel": NOWHERE, "text": "x"}, "channel_not_found"),
        (POST, "bot", {"channel": "#random", "text": "x"}, "not_in_channel"),
        (POST, "bot", {"channel": A, "text": "x"}, "is_archived"),
        (POST, "bot", {"channel": G, "text": "x" * 40001}, "msg_too_long"),
        (POST, "bot", {"channel": G, "blocks": "[{}]"}, "invalid_blocks"),
        (
            POST,
            "bot",
            {"channel": G, "attachments": json.dumps([{}] * 101)},
            "too_many_attachments",
        ),
        (POST, "bot", {"channel": G, "text": "x", "thread_ts": NEVER}, "cannot_reply_to_message"),
        (POST, "bot", {"channel": seed.JONAS, "text": "x"}, "channel_not_found"),
        (
            "chat.postEphemeral",
            "bot",
            {"channel": D, "text": "x", "user": seed.LEA},
            "user_not_in_channel",
        ),
        ("chat.update", "bot", {"channel": G, "ts": NEVER, "text": "x"}, "message_not_found"),
        ("chat.scheduleMessage", "bot", {"channel": G, "text": "x", "post_at": 1}, "time_in_past"),
        (
            "chat.scheduleMessage",
            "bot",
            {"channel": G, "text": "x", "post_at": 1 << 40},
            "time_too_far",
        ),
        (
            "chat.deleteScheduledMessage",
            "bot",
            {"channel": G, "scheduled_message_id": "Q1"},
            "invalid_scheduled_message_id",
        ),
        ("conversations.history", "bot", {"channel": seed.RANDOM}, "not_in_channel"),
        ("conversations.history", "bot", {"channel": G, "cursor": "x"}, "invalid_cursor"),
        ("conversations.history", "bot", {"channel": G, "oldest": "x"}, "invalid_ts_oldest"),
        ("conversations.history", "bot", {"channel": G, "limit": 1000}, "invalid_arguments"),
        ("conversations.replies", "bot", {"channel": G, "ts": NEVER}, "thread_not_found"),
        ("conversations.create", "bot", {"name": "general"}, "name_taken"),
        ("conversations.create", "bot", {"name": "Bad Name"}, "invalid_name_specials"),
        ("conversations.create", "bot", {"name": "x" * 81}, "invalid_name_maxlength"),
        ("conversations.create", "bot", {"name": "--"}, "invalid_name_punctuation"),
        ("conversations.create", "bot", {"name": ""}, "invalid_name_required"),
        ("conversations.archive", "bot", {"channel": G}, "cant_archive_general"),
        ("conversations.archive", "bot", {"channel": A}, "already_archived"),
        ("conversations.unarchive", "bot", {"channel": G}, "not_archived"),
        ("conversations.join", "bot", {"channel": A}, "is_archived"),
        ("conversations.join", "bot", {"channel": P}, "method_not_supported_for_channel_type"),
        ("conversations.leave", "bot", {"channel": G}, "cant_leave_general"),
        ("conversations.invite", "bot", {"channel": G, "users": seed.LEA}, "already_in_channel"),
        ("conversations.invite", "bot", {"channel": G, "users": "U1"}, "user_not_found"),
        ("conversations.kick", "bot", {"channel": G, "user": seed.LEA}, "cant_kick_from_general"),
        ("conversations.kick", "bot", {"channel": D, "user": seed.LEA}, "not_in_channel"),
        ("conversations.rename", "bot", {"channel": D, "name": "x"}, "not_authorized"),
        ("conversations.setTopic", "bot", {"channel": D, "topic": "x" * 251}, "too_long"),
        ("conversations.list", "bot", {"types": "public"}, "invalid_types"),
        ("conversations.open", "bot", {"users": "U1"}, "user_not_found"),
        ("conversations.close", "bot", {"channel": G}, "method_not_supported_for_channel_type"),
        ("reactions.add", "bot", {"channel": G, "timestamp": "x", "name": "wave"}, "bad_timestamp"),
        ("users.info", "bot", {"user": "U1"}, "user_not_found"),
        ("users.lookupByEmail", "bot", {"email": "jonas@harbour-works.example"}, "users_not_found"),
        ("users.setPresence", "bot", {"presence": "gone"}, "invalid_presence"),
        (
            "users.profile.set",
            "user",
            {"profile": '{"status_text": "%s"}' % ("x" * 101)},
            "too_long",
        ),
        ("files.info", "bot", {"file": "F1"}, "file_not_found"),
        ("files.list", "bot", {"types": "songs"}, "unknown_type"),
        ("files.delete", "bot", {"file": "F0HARBOUR01"}, "cant_delete_file"),
        ("usergroups.create", "user", {"name": "On call"}, "name_already_exists"),
        ("usergroups.create", "user", {"name": "x", "handle": "on-call"}, "handle_already_exists"),
        (
            "usergroups.users.update",
            "user",
            {"usergroup": "S0ONCALL001", "users": "U1"},
            "invalid_users",
        ),
        (
            "bookmarks.add",
            "bot",
            {"channel_id": G, "title": "x", "type": "link"},
            "invalid_arguments",
        ),
        (
            "bookmarks.add",
            "bot",
            {"channel_id": G, "title": "x", "type": "link", "link": "nowhere"},
            "invalid_link",
        ),
        ("bookmarks.remove", "bot", {"channel_id": G, "bookmark_id": "Bk1"}, "not_found"),
        (
            "views.open",
            "bot",
            {"trigger_id": "1.2", "view": EMPTY_MODAL},
            "invalid_trigger_id",
        ),
        ("api.test", "bot", {"error": "my_error"}, "my_error"),
    ],
)
def test_refuses_what_the_workspace_does_not_allow(slack, method, token, form, code):
    text = {"bot": slack.bot_token, "user": slack.user_token}[token]
    assert ask(slack, method, text, **form)["error"] == code


def test_a_private_channel_is_there_only_for_its_members(slack):
    slack.tokens["xoxp-guest"] = Token("user", seed.LEA)
    assert ask(slack, "conversations.info", channel=P)["channel"]["is_private"]
    assert ask(slack, "conversations.info", "xoxp-guest", channel=P)["error"] == (
        "channel_not_found"
    )


def test_a_write_is_done_once_and_twice_where_it_is_sent_twice(slack):
    before = len(slack.workspace.channels[G].messages)
    stamps = [ask(slack, POST, channel=G, text="again")["ts"] for _ in range(2)]
    assert len(slack.workspace.channels[G].messages) == before + 2
    assert stamps == sorted(set(stamps)) and all(len(each) == 17 for each in stamps)


def test_tells_what_happens(slack):
    events = []
    slack.workspace.on_event = events.append
    ts = ask(slack, POST, channel=G, text="x")["ts"]
    ask(slack, "reactions.add", channel=G, timestamp=ts, name="wave")
    ask(slack, "chat.delete", channel=G, ts=ts)
    assert [(each["type"], each.get("subtype")) for each in events] == [
        ("message", None),
        ("reaction_added", None),
        ("message", "message_deleted"),
    ]
    assert events[0]["channel_type"] == "channel" and events[0]["ts"] == ts


def test_a_revoked_token_is_revoked(slack):
    assert not ask(slack, "auth.revoke", test="true")["revoked"]
    assert ask(slack, "auth.revoke")["revoked"]
    assert ask(slack, "auth.test")["error"] == "token_revoked"


def test_two_servers_are_two_workspaces(slack):
    with LoopbackSlack() as other:
        ask(other, "conversations.create", name="only-here")
        assert other.workspace.channel_named("only-here")
    assert slack.workspace.channel_named("only-here") is None


# The generic handler, over every method

TOKEN_OF = {
    "bot": "bot_token",
    "user": "user_token",
    "app": "app_token",
    "configuration": "config_token",
}


def headers_for(slack, method):
    """The Authorization header that the method takes."""
    if not method.takes_token:
        return {}
    kind = (method.token_types or ["bot"])[0]
    return {"Authorization": "Bearer " + getattr(slack, TOKEN_OF[kind])}


def least_arguments(method):
    """(form, files) with what the method needs and no more."""
    needed = {name for name, facts in method.args.items() if facts["required"]}
    needed.update(*(group["alternatives"][0] for group in method.groups))
    form = {
        name: value_for(name, method.args[name])
        for name in needed
        if method.args[name].get("format") != "binary"
    }
    return form, {name: ("a.png", PNG) for name in needed if name not in form}


def value_for(name, about):
    """A well-formed value of one argument."""
    if name == "view":
        return EMPTY_MODAL
    if identifiers.id_owner(name, about):
        known = {"channel": G, "user": seed.OWNER, "usergroup": "S0ONCALL001"}
        found = known[identifiers.id_owner(name, about)]
        return json.dumps([found]) if about.get("format") == "json" else found
    if about.get("format") == "json":
        return '[{"type": "divider"}]' if about["type"] == "array" else '{"a": 1}'
    return {"integer": about.get("min", 1), "boolean": "true"}.get(
        about["type"], "x" * max(1, about.get("min_length", 1))
    )


def test_every_living_method_answers(slack):
    assert len(LIVING) >= 350
    answers = {}
    with requests.Session() as session:
        for name in (each for each in LIVING if each != "auth.revoke"):
            method = FACTS.get(name)
            form, files = least_arguments(method)
            answers[name] = session.post(
                slack.api_url + name,
                data=form,
                files=files or None,
                headers=headers_for(slack, method),
                timeout=300,
            )
    assert {each.status_code for each in answers.values()} == {200}
    lines = gzip.decompress(answers.pop("admin.analytics.getFile").content).splitlines()
    assert json.loads(lines[0])["number"] == 1
    documents = {name: each.json() for name, each in answers.items()}
    assert not {
        name
        for name, each in documents.items()
        if each.get("error")
        in (
            "unknown_method",
            "invalid_arguments",
            "not_allowed_token_type",
            "missing_scope",
            "not_authed",
        )
    } - {"views.publish"}  # which takes a view of another type
    # The rest name a file, an invitation or a token that is not there, and are refused for it.
    assert sum(each["ok"] for each in documents.values()) >= 290


@pytest.mark.parametrize(
    ("method", "argument", "value", "code"),
    [
        ("admin.conversations.archive", "channel_id", "<#C0GENERAL01>", "channel_not_found"),
        ("admin.conversations.archive", "channel_id", "general", "channel_not_found"),
        ("admin.users.session.reset", "user_id", "<@U0HARBOUR01>", "user_not_found"),
        ("dnd.info", "user", "mara", "user_not_found"),
        ("dnd.info", "user", "S0ONCALL001", "user_not_found"),
        ("usergroups.users.list", "usergroup", "<!subteam^S0ONCALL001>", "no_such_subteam"),
    ],
)
def test_what_is_no_id_is_refused_where_an_id_is_asked_for(slack, method, argument, value, code):
    token = slack.user_token
    assert ask(slack, method, token, **{argument: value})["error"] == code


def at(document, path):
    """The value at messages.matches and the like."""
    for key in path.split("."):
        document = document[key]
    return document


SHAPES = json.loads((Path(__file__).parent / "fixtures/paged_answers.json").read_text("utf-8"))[
    "methods"
]


def items_of(found, name):
    """The items of a page, which stand as Slack's published type of the answer has them."""
    row = SHAPES[name]
    if row["container"] == "map":
        assert all(isinstance(value, dict) for value in found.values())
        return list(found.items())
    if row["container"] == "lists":
        assert list(found) == row["lists"]
        return [(key, item) for key, items in found.items() for item in items]
    assert {type(item) for item in found} == {str if row["of"] == "text" else dict}
    return found


MADE_UP = [FACTS.get(name) for name in LIVING if name not in BEHAVIOURS]
BY_CURSOR = [each for each in MADE_UP if "cursor_param" in each.pagination]
BY_NUMBER = [each for each in MADE_UP if "page_param" in each.pagination]


@pytest.mark.parametrize("method", BY_CURSOR, ids=lambda each: each.name)
def test_made_up_lists_come_in_pages_by_cursor(slack, method):
    pages, about = [], method.pagination
    form, _ = least_arguments(method)
    form[about["cursor_param"]] = about.get("first_cursor", "")
    if about["size_param"]:
        form[about["size_param"]] = 9
    while len(pages) < 9:
        answer = requests.post(
            slack.api_url + method.name, data=form, timeout=60, headers=headers_for(slack, method)
        ).json()
        pages.append(items_of(at(answer, about["result_key"]), method.name))
        form[about["cursor_param"]] = at(answer, about["next_cursor"])
        if not form[about["cursor_param"]]:
            break
    sizes = [len(page) for page in pages]
    assert sizes == ([9, 9, 7] if about["size_param"] else [10, 10, 5])
    assert len({json.dumps(item) for page in pages for item in page}) == 25
    assert len({each.connection for each in slack.requests}) == len(pages)


@pytest.mark.parametrize("method", BY_NUMBER, ids=lambda each: each.name)
def test_made_up_lists_come_in_pages_by_number(slack, method):
    about = method.pagination
    form, _ = least_arguments(method)
    form[about["page_size_param"]] = 10
    seen = []
    for page in (1, 2, 3):
        form[about["page_param"]] = page
        answer = requests.post(
            slack.api_url + method.name, data=form, timeout=60, headers=headers_for(slack, method)
        ).json()
        seen += at(answer, about["result_key"])
        assert at(answer, about["paging_key"]) == {
            "count": 10,
            "total": 25,
            "page": page,
            "pages": 3,
        }
    assert len({json.dumps(item) for item in seen}) == len(seen) == 25


@pytest.mark.parametrize("cursor", ["x", "bm9wZTox", "b2Zmc2V0Ojk5", "☃"])
def test_a_cursor_that_is_not_ours_is_refused(slack, cursor):
    for method in ("auth.teams.list", "users.list", "conversations.list"):
        assert ask(slack, method, cursor=cursor)["error"] == "invalid_cursor"


def test_what_was_said_is_said_back_by_the_generic_answer(slack):
    assert ask(slack, "agents.sessions.rename", title="Tides", channel_id=G)["title"] == "Tides"
    reminder = ask(slack, "reminders.info", slack.user_token, reminder="Rm1")["reminder"]
    assert reminder["id"] == "Rm1"
