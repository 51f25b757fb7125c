"""The page of the Slack on loopback, as HTTP: whom it answers, what it tells, what it does."""

import json
import re
import socket

import pytest
import requests
from paging import DEPLOYS, GENERAL, RANDOM, App, api, button, entry, modal, options, plain
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from sandbox.page import add, elements, input_text
from sandbox.page.page_actions import BadRequest
from sandbox.slack import LoopbackSlack
from sandbox.slack.behaviours import modals, texts
from sandbox.slack.http import request_guard
from sandbox.slack.state import seed

MARA, TOMASZ, PRIYA, LEA = seed.OWNER, seed.TOMASZ, seed.PRIYA, seed.LEA
PATIENCE = 60
POSTS = ("say", "press", "submit", "close", "open", "join", "read")


@pytest.fixture
def page(slack):
    return add(slack)


@pytest.fixture
def app(slack, page):
    """An app that is connected."""
    with App(slack) as found:
        yield found
        slack.stop()  # before the client leaves: it waits for no answer then


@pytest.fixture
def get(page):
    def get(path="", **headers):
        return requests.get(page.url + path, headers=headers, timeout=PATIENCE)

    return get


@pytest.fixture
def look(get):
    """What a person sees."""

    def look(who=MARA, channel=DEPLOYS, thread="", **more):
        query = "&".join("%s=%s" % each for each in more.items())
        answer = get("/state?as=%s&channel=%s&thread=%s&%s" % (who, channel, thread, query))
        assert answer.status_code == 200
        return answer.json()

    return look


@pytest.fixture
def do(page):
    """Let a person do something; what the server answers."""

    def do(deed, who=MARA, status=200, **more):
        answer = requests.post(
            "%s/%s" % (page.url, deed), json={"as": who, **more}, timeout=PATIENCE
        )
        assert answer.status_code == status, answer.text
        return answer.json()

    return do


def post(slack, *blocks, **more):
    """The ts of a message of the bot with these blocks."""
    return api(slack, "chat.postMessage", channel=DEPLOYS, text="x", blocks=list(blocks), **more)[
        "ts"
    ]


def last(look, who=MARA, channel=DEPLOYS):
    return look(who, channel)["channel"]["messages"][-1]


# --- whom it answers ------------------------------------------------------------------------------


def test_a_slack_without_a_page_has_none(slack):
    assert requests.get(slack.url + "page", timeout=PATIENCE).status_code == 404


def test_what_the_page_is_made_of_is_its_own(get):
    html = get()
    assert html.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "http:" not in html.text and "https:" not in html.text
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?! type=\"module\" src=)", html.text)
    names = ("page.js", "page.css", "dom.js", "mrkdwn.js", "blocks.js", "icon.svg")
    assert all(get("/" + name).status_code == 200 for name in names)
    assert "javascript" in get("/page.js").headers["Content-Type"]


@pytest.mark.parametrize("path", ["", "/page.js", "/state", "/nothing"])
def test_every_answer_has_the_strict_headers(get, path):
    headers = get(path).headers
    assert headers["Content-Security-Policy"].startswith("default-src 'self'; ")
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"


def raw(page, path):
    """The status of a request with this very path."""
    port = int(page.url.split(":")[2].split("/")[0])
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as sock:
        request = "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n" % path
        sock.sendall(request.encode())
        return int(sock.makefile("rb").readline().split()[1])


@pytest.mark.parametrize(
    "path",
    ["/page/../routes.py", "/page/%2e%2e/routes.py", "/page//etc/passwd", "/page/" + "x" * 5000],
)
def test_no_other_file_is_given(page, path):
    assert raw(page, path) == 404
    assert raw(page, "/page/page.js") == 200


FOREIGN = [
    {"Host": "evil.example"},
    {"Host": "127.0.0.1.evil.example"},
    {"Host": "127.0.0.1@evil.example"},
    {"Host": ""},
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:1"},
    {"Origin": "http://localhost"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
]


@pytest.mark.parametrize("headers", FOREIGN)
@pytest.mark.parametrize("deed", POSTS)
def test_no_other_page_can_do_anything(slack, page, headers, deed):
    before = json.dumps(slack.workspace.channels[GENERAL].messages)
    answer = requests.post(
        "%s/%s" % (page.url, deed),
        json={"as": MARA, "channel": GENERAL, "text": "forged"},
        headers=headers,
        timeout=PATIENCE,
    )
    assert answer.status_code in (400, 403)  # an empty Host is refused by the server itself
    assert json.dumps(slack.workspace.channels[GENERAL].messages) == before


@pytest.mark.parametrize("headers", FOREIGN)
def test_no_other_page_can_read(get, headers):
    assert get("/state?as=" + MARA, **headers).status_code in (400, 403)


def test_a_link_elsewhere_may_lead_to_the_page_and_to_nothing_below_it(get):
    assert get("", **{"Sec-Fetch-Site": "cross-site"}).status_code == 200
    assert get("/page.js", **{"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_its_own_origin_may(page, get):
    own = page.url[: -len("/page")]
    assert get("/state", Origin=own, **{"Sec-Fetch-Site": "same-origin"}).status_code == 200
    port = own.rpartition(":")[2]
    assert get("/state", Host="localhost:" + port).status_code == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:80", "localhost:9", "[::1]:9", "[::1]"])
def test_names_of_loopback(host):
    assert request_guard.is_loopback(host)
    assert request_guard.headers_for(host)["Content-Security-Policy"].split("; ")[1] == (
        "connect-src 'self' ws://{0} wss://{0}".format(host)
    )


@pytest.mark.parametrize(
    "host", ["", "::1", "localhost.a", "a@localhost", "localhost/a", "localhost:1;x", "127.0.0.1\n"]
)
def test_other_names(host):
    assert not request_guard.is_loopback(host)
    assert "ws:" not in request_guard.headers_for(host)["Content-Security-Policy"]


def test_the_live_socket_has_an_origin_too(page):
    address = page.url.replace("http", "ws") + "/live"
    evil = {"origin": "http://evil.example", "open_timeout": PATIENCE}
    with pytest.raises(InvalidStatus) as refused, connect(address, **evil):
        pass
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", None])
def test_a_form_of_another_page_is_no_deed(slack, page, kind):
    """What a form can send without being asked for leave beforehand."""
    said = json.dumps({"as": MARA, "channel": GENERAL, "text": "forged"})
    answer = requests.post(
        page.url + "/say", data=said, headers={"Content-Type": kind}, timeout=PATIENCE
    )
    assert answer.status_code == 400
    assert slack.workspace.channels[GENERAL].messages[-1]["text"] != "forged"


@pytest.mark.parametrize("body", ["", "{", "[]", "1", '"x"', "null", '{"text": "\\ud800"}'])
def test_what_is_no_json_object_is_refused(page, body):
    headers = {"Content-Type": "application/json"}
    answer = requests.post(page.url + "/say", data=body, headers=headers, timeout=PATIENCE)
    assert answer.status_code == 400 and answer.json()["error"].startswith("Send")


def test_what_is_too_long_is_refused(page):
    headers = {"Content-Type": "application/json"}
    body = json.dumps({"text": "x" * (2 << 20)}).encode()
    for sent in (body, iter([body])):  # with a length, and in chunks without
        answer = requests.post(page.url + "/say", data=sent, headers=headers, timeout=PATIENCE)
        assert answer.status_code == 400 and "too much" in answer.json()["error"]


def test_what_is_asked_of_the_page_is_not_recorded(slack, look, do):
    before = len(slack.requests)
    look(), do("say", channel=GENERAL, text="x")
    assert len(slack.requests) == before


# --- what a person sees ---------------------------------------------------------------------------


def test_whom_one_can_be(look):
    seen = look(who="")
    assert seen["me"] == MARA
    assert {each["id"] for each in seen["people"] if each["is_bot"]} == {seed.BOT}
    assert look(who=seed.BOT)["me"] == MARA, "no bot"
    assert look(who=seed.JONAS)["me"] == MARA, "nobody who has left"


def test_private_conversations_are_their_members_own(look, do):
    assert seed.INCIDENTS in {each["id"] for each in look(TOMASZ)["channels"]}
    assert seed.INCIDENTS not in {each["id"] for each in look(PRIYA)["channels"]}
    assert look(PRIYA, seed.INCIDENTS)["channel"] is None
    assert "not in that" in do("say", PRIYA, 400, channel=seed.INCIDENTS, text="x")["error"]


def test_a_public_channel_can_be_read_and_joined(slack, look, do):
    seen = look(LEA, RANDOM)["channel"]
    assert seen["messages"] and not seen["is_member"]
    do("say", LEA, 400, channel=RANDOM, text="x")
    events = []
    slack.workspace.on_event = events.append
    do("join", LEA, channel=RANDOM)
    do("join", LEA, channel=RANDOM)
    assert [each["type"] for each in events] == ["member_joined_channel"]
    do("say", LEA, channel=RANDOM, text="x")
    assert do("join", PRIYA, 400, channel=seed.INCIDENTS)
    assert do("join", PRIYA, 400, channel=seed.ARCHIVED)


def test_an_archived_channel_takes_nothing(do):
    assert "archived" in do("say", channel=seed.ARCHIVED, status=400, text="x")["error"]


def test_unread_marks(slack, look, do):
    def unread(who):
        return {each["id"]: each["unread"] for each in look(who)["channels"]}[GENERAL]

    assert unread(MARA) == unread(TOMASZ) == 0, "what was there before counts as read"
    ts = do("say", TOMASZ, channel=GENERAL, text="one")["ts"]
    do("say", TOMASZ, channel=GENERAL, text="two")
    do("say", TOMASZ, channel=GENERAL, text="reply", thread_ts=ts)
    assert (unread(MARA), unread(TOMASZ)) == (2, 0)
    do("read", MARA, channel=GENERAL)
    assert unread(MARA) == 0
    last_seen = [
        each for each in slack.workspace.channels[GENERAL].messages if "two" in each["text"]
    ]
    assert slack.workspace.channels[GENERAL].marks[MARA] == last_seen[0]["ts"]


def test_a_long_history_comes_in_parts(slack, look):
    for number in range(130):
        slack.workspace.say(MARA, RANDOM, "line %d" % number)
    seen = look(channel=RANDOM)["channel"]
    assert len(seen["messages"]) == 60 and seen["messages"][-1]["text"] == "line 129"
    assert look(channel=RANDOM, count=100)["channel"]["earlier"] == seen["earlier"] - 40
    assert look(channel=RANDOM, count="x")["channel"]["earlier"] == seen["earlier"]


def test_a_thread_stands_beside_its_channel(slack, look, do):
    ts = post(slack)
    do("say", channel=DEPLOYS, text="reply", thread_ts=ts)
    api(
        slack,
        "chat.postMessage",
        channel=DEPLOYS,
        text="sent",
        thread_ts=ts,
        reply_broadcast="true",
    )
    seen = look(thread=ts)
    assert [each["text"] for each in seen["thread"]["messages"]] == ["x", "reply", "sent"]
    assert [each["text"] for each in seen["channel"]["messages"][-2:]] == ["x", "sent"]
    assert look(thread="1.2")["thread"] is None
    assert "thread" in do("say", channel=DEPLOYS, text="x", thread_ts="1.2", status=400)["error"]


def test_an_ephemeral_message_is_its_addressees_own(slack, look):
    blocks = [{"type": "actions", "elements": [button("Yes", "yes")]}]
    said = api(
        slack, "chat.postEphemeral", channel=DEPLOYS, user=TOMASZ, text="psst", blocks=blocks
    )
    seen = last(look, TOMASZ)
    assert (seen["text"], seen["is_ephemeral"]) == ("psst", True)
    assert seen["ts"] == said["message_ts"] and "_to" not in seen
    assert all("psst" not in json.dumps(look(who)) for who in (MARA, PRIYA))
    assert "psst" not in json.dumps(api(slack, "conversations.history", channel=DEPLOYS))


def test_an_ephemeral_reply_stands_in_its_thread(slack, look):
    ts = post(slack)
    api(slack, "chat.postEphemeral", channel=DEPLOYS, user=MARA, text="psst", thread_ts=ts)
    seen = look(thread=ts)
    assert seen["thread"]["messages"][-1]["text"] == "psst"
    assert seen["channel"]["messages"][-1]["text"] == "x"


def test_a_file_is_told_without_its_address(slack, look):
    content = b"host,seconds\nweb-1,12\n"
    made = api(slack, "files.getUploadURLExternal", filename="r.csv", length=str(len(content)))
    requests.post(made["upload_url"], data=content, timeout=PATIENCE)
    files = [{"id": made["file_id"], "title": "Result"}]
    api(slack, "files.completeUploadExternal", files=files, channel_id=DEPLOYS)
    (file,) = last(look)["files"]
    assert (file["title"], file["size"], file["preview"]) == ("Result", 22, content.decode())
    assert not any("url" in key for key in file)


def test_what_others_wrote_goes_out_as_it_is(slack, look):
    """The browser makes text of it; nothing is undone or left out before."""
    evil = "<script>alert(1)</script> &lt;b&gt; <javascript:alert(1)|x>"
    slack.workspace.say(PRIYA, DEPLOYS, evil)
    assert last(look)["text"] == evil


# --- what a person writes -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("a < b && c > d", "a &lt; b &amp;&amp; c &gt; d"),
        ("@mara and @on-call.", "<@U0HARBOUR01> and <!subteam^S0ONCALL001>."),
        ("@here @nobody mail@mara", "<!here> @nobody mail@mara"),
        ("#general, #nothing", "<#C0GENERAL01|general>, #nothing"),
        ("see https://a.example/x?y=1&z=2.", "see <https://a.example/x?y=1&amp;z=2>."),
        ("(http://a.example)", "(<http://a.example>)"),
        ("`@mara` and ```#general\n@here```", "`@mara` and ```#general\n@here```"),
        ("<@U0HARBOUR01> <!here>", "&lt;@U0HARBOUR01&gt; &lt;!here&gt;"),
        ("https://a.example/@mara", "<https://a.example/@mara>"),
    ],
)
def test_what_is_typed_becomes_what_slack_has(slack, do, text, known):
    ts = do("say", channel=GENERAL, text=text)["ts"]
    message = slack.workspace.channels[GENERAL].message(ts)
    assert (message["text"], message["user"]) == (known, MARA)


@pytest.mark.parametrize("text", ["", "  \n ", "x" * 40001])
def test_what_is_no_message(do, text):
    assert "characters" in do("say", channel=GENERAL, text=text, status=400)["error"]


@pytest.mark.parametrize("who", ["", "U0NOBODY", seed.BOT, seed.JONAS, None])
def test_nobody_else_writes(do, who):
    assert "nobody" in do("say", who, 400, channel=GENERAL, text="x")["error"]


def test_a_message_is_an_event_and_a_mention_another(app, do):
    do("say", TOMASZ, channel=DEPLOYS, text="hello @harbourbot")
    first, second = (app.read("events_api")["event"] for _ in range(2))
    assert (first["type"], second["type"]) == ("message", "app_mention")
    for event in (first, second):
        assert (event["user"], event["channel"]) == (TOMASZ, DEPLOYS)
        assert event["text"] == "hello <@U0HARBOUR06>" and event["ts"] == event["event_ts"]


def test_a_direct_message_with_the_bot(slack, app, do, look):
    channel = do("open", PRIYA, user=seed.BOT)["channel"]
    assert do("open", PRIYA, user=seed.BOT)["channel"] == channel
    do("say", PRIYA, channel=channel, text="@harbourbot hi")
    event = app.read("events_api")["event"]
    assert (event["channel_type"], event["user"]) == ("im", PRIYA)
    do("say", PRIYA, channel=channel, text="again")
    assert app.read("events_api")["event"]["text"] == "again", "no app_mention in between"
    assert channel not in {each["id"] for each in look(MARA)["channels"]}
    assert do("open", PRIYA, 400, user="U0NOBODY") and do("open", PRIYA, 400, user=seed.JONAS)


def test_a_slash_command(slack, app, do, look):
    do("say", TOMASZ, channel=DEPLOYS, text="/st2  deploy web < 4 ")
    payload = app.read("slash_commands", {"text": "On *it*."})
    assert (payload["command"], payload["text"]) == ("/st2", "deploy web < 4")
    assert (payload["user_id"], payload["channel_id"]) == (TOMASZ, DEPLOYS)
    assert slack.socket.wait_for(lambda: slack.socket.acknowledged)
    seen = last(look, TOMASZ)
    assert (seen["text"], seen["is_ephemeral"], seen["user"]) == ("On *it*.", True, seed.BOT)
    assert last(look, MARA)["text"] != "On *it*."


def test_a_command_that_nobody_takes_is_said_to_have_failed(slack, do, look):
    sent = do("say", channel=DEPLOYS, text="/st2 help")["envelope_id"]
    assert slack.socket.wait_for(lambda: slack.socket.failed == [sent], PATIENCE)
    seen = look()
    assert seen["sent"][sent] == "failed" and seen["connected"] == 0
    told = seen["channel"]["messages"][-1]
    assert told["text"] == "/st2 failed with the error `dispatch_failed`"
    assert len([each for each in look()["channel"]["messages"] if "dispatch" in each["text"]]) == 1


def test_a_command_that_is_not_acknowledged_in_time(slack, page, app, do, look):
    slack.socket.ack_timeout = 0
    sent = do("say", channel=DEPLOYS, text="/st2 help")["envelope_id"]
    seen = look()
    assert seen["sent"][sent] == "late" and seen["connected"] == 1
    assert "operation_timeout" in seen["channel"]["messages"][-1]["text"]


def test_no_command_in_a_thread(slack, do):
    ts = post(slack)
    said = do("say", channel=DEPLOYS, text="/st2 help", thread_ts=ts, status=400)
    assert "threads" in said["error"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("/st2", ("/st2", "")),
        (" /st2\trun x  y ", ("/st2", "run x  y")),
        ("/etc/hosts is gone", None),
        ("// x", None),
        ("a /st2", None),
    ],
)
def test_which_text_is_a_command(text, found):
    assert input_text.command(text) == found


# --- pressing -------------------------------------------------------------------------------------


def test_a_press(slack, app, do):
    blocks = (
        {"type": "section", "text": plain("x"), "accessory": button("Log", "log", value="7")},
        {
            "type": "actions",
            "block_id": "ask",
            "elements": [button("Yes", "yes", value="1", style="primary")],
        },
    )
    ts = post(slack, *blocks)
    do("press", TOMASZ, channel=DEPLOYS, ts=ts, block_id="ask", action_id="yes")
    payload = app.read("interactive")
    assert payload["type"] == "block_actions" and payload["api_app_id"] == slack.socket.app_id
    assert payload["user"] == {
        "id": TOMASZ,
        "username": "tomasz",
        "name": "tomasz",
        "team_id": seed.TEAM,
    }
    assert payload["container"] == {
        "type": "message",
        "message_ts": ts,
        "channel_id": DEPLOYS,
        "is_ephemeral": False,
    }
    assert payload["channel"] == {"id": DEPLOYS, "name": "deploys"}
    assert payload["message"] == slack.workspace.channels[DEPLOYS].message(ts)
    assert payload["state"] == {"values": {}}
    (action,) = payload["actions"]
    assert action.pop("action_ts") and action == {
        "type": "button",
        "action_id": "yes",
        "block_id": "ask",
        "text": plain("Yes"),
        "value": "1",
        "style": "primary",
    }
    assert payload["response_url"].startswith(slack.url) and payload["trigger_id"]


def test_a_press_in_a_thread_tells_the_thread(slack, app, do):
    parent = post(slack)
    ts = post(slack, {"type": "actions", "elements": [button("Yes", "yes")]}, thread_ts=parent)
    do("press", channel=DEPLOYS, ts=ts, block_id="b0", action_id="yes")
    assert app.read("interactive")["container"]["thread_ts"] == parent


def test_a_press_in_an_ephemeral_message(slack, app, do):
    blocks = [{"type": "actions", "elements": [button("Yes", "yes")]}]
    ts = api(slack, "chat.postEphemeral", channel=DEPLOYS, user=TOMASZ, text="psst", blocks=blocks)[
        "message_ts"
    ]
    press = {"channel": DEPLOYS, "ts": ts, "block_id": "b0", "action_id": "yes"}
    assert "not there" in do("press", MARA, 400, **press)["error"], "nobody else sees it"
    do("press", TOMASZ, **press)
    payload = app.read("interactive")
    assert payload["container"]["is_ephemeral"] and "message" not in payload


ELEMENTS = [
    ("static_select", {"options": options("a", "b")}, "b", {"selected_option": options("b")[0]}),
    ("radio_buttons", {"options": options("a", "b")}, "a", {"selected_option": options("a")[0]}),
    ("overflow", {"options": options("a", "b")}, "a", {"selected_option": options("a")[0]}),
    ("checkboxes", {"options": options("a", "b")}, ["b"], {"selected_options": options("b")}),
    (
        "multi_static_select",
        {"option_groups": [{"label": plain("G"), "options": options("a", "b")}]},
        ["a", "b"],
        {"selected_options": options("a", "b")},
    ),
    ("users_select", {}, MARA, {"selected_user": MARA}),
    ("conversations_select", {}, GENERAL, {"selected_conversation": GENERAL}),
    ("channels_select", {}, GENERAL, {"selected_channel": GENERAL}),
    ("multi_users_select", {}, [MARA, LEA], {"selected_users": [MARA, LEA]}),
    ("datepicker", {}, "2026-11-24", {"selected_date": "2026-11-24"}),
    ("timepicker", {}, "12:30", {"selected_time": "12:30"}),
    ("plain_text_input", {}, "words", {"value": "words"}),
    ("number_input", {"is_decimal_allowed": False}, "3", {"value": "3"}),
]


@pytest.mark.parametrize(("kind", "more", "given", "told"), ELEMENTS, ids=str)
def test_what_each_element_tells(slack, app, do, kind, more, given, told):
    element = {"type": kind, "action_id": "act", **more}
    ts = post(slack, {"type": "actions", "block_id": "blk", "elements": [element]})
    do("press", channel=DEPLOYS, ts=ts, block_id="blk", action_id="act", value=given)
    payload = app.read("interactive")
    (action,) = payload["actions"]
    assert {key: action[key] for key in told} == told and action["type"] == kind
    if kind == "overflow":
        assert payload["state"] == {"values": {}}
    else:
        assert payload["state"]["values"]["blk"]["act"]["type"] == kind


def test_the_state_tells_what_was_chosen_and_what_it_began_with(slack, app, do):
    first = {"type": "checkboxes", "action_id": "c", "options": options("a", "b")}
    second = {"type": "static_select", "action_id": "s", "options": options("x", "y")}
    third = {"type": "datepicker", "action_id": "d"}
    ts = post(
        slack,
        {"type": "actions", "block_id": "one", "elements": [first, button("Go", "go")]},
        {
            "type": "section",
            "block_id": "two",
            "text": plain("x"),
            "accessory": {**second, "initial_option": options("y")[0]},
        },
        entry("three", third),
    )
    chosen = {"one": {"c": ["b"]}}
    do("press", channel=DEPLOYS, ts=ts, block_id="one", action_id="go", values=chosen)
    assert app.read("interactive")["state"]["values"] == {
        "one": {"c": {"type": "checkboxes", "selected_options": options("b")}},
        "two": {"s": {"type": "static_select", "selected_option": options("y")[0]}},
        "three": {"d": {"type": "datepicker", "selected_date": None}},
    }


def test_elements_without_an_id_are_told_apart(slack, app, do, look):
    buttons = [{"type": "button", "text": plain(each), "value": each} for each in "ab"]
    inner = {"type": "actions", "elements": buttons}
    attachments = [{"blocks": [inner]}, {"blocks": [inner]}]
    api(slack, "chat.postMessage", channel=DEPLOYS, text="x", attachments=attachments)
    message = last(look)
    block = message["attachments"][1]["blocks"][0]
    press = {"block_id": block["block_id"], "action_id": block["elements"][1]["action_id"]}
    do("press", channel=DEPLOYS, ts=message["ts"], **press)
    (action,) = app.read("interactive")["actions"]
    assert (action["value"], action["block_id"]) == ("b", block["block_id"])
    ids = [each["block_id"] for each in elements.blocks_of(message)]
    assert len(set(ids)) == len(ids) == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"action_id": "other"}, "not there"),
        ({"block_id": "other"}, "not there"),
        ({"ts": "1.2"}, "not there"),
        ({"channel": RANDOM}, "not there"),
        ({"channel": "C0NONE"}, "not in that"),
        ({"value": "made up"}, "no such option"),
        ({"value": {"a": 1}}, "no such option"),
        ({"values": {"blk": {"act": "made up"}}}, "no such option"),
    ],
)
def test_what_cannot_be_pressed(slack, app, do, change, words):
    """And nothing goes out: the browser cannot make an app believe what it never offered."""
    element = {"type": "static_select", "action_id": "act", "options": options("a")}
    ts = post(slack, {"type": "actions", "block_id": "blk", "elements": [element]})
    press = {"channel": DEPLOYS, "ts": ts, "block_id": "blk", "action_id": "act", "value": "a"}
    assert words in do("press", status=400, **{**press, **change})["error"]
    do("press", **press)
    app.read("interactive")
    assert len([each for each in slack.socket.deliveries if each.type == "interactive"]) == 1


def test_an_element_that_the_page_does_not_know(slack, do):
    element = {"type": "holo_select", "action_id": "act"}
    block = {"type": "actions", "block_id": "blk", "elements": [element]}
    ts = slack.workspace.say(seed.BOT, DEPLOYS, "x", blocks=[block])["ts"]
    said = do("press", channel=DEPLOYS, ts=ts, block_id="blk", action_id="act", status=400)
    assert "holo_select" in said["error"]


@pytest.mark.parametrize(
    "block",
    [
        {"type": "actions", "elements": "abc"},
        {"type": "actions", "elements": [1, None, {"type": 3}]},
        {"type": "section", "accessory": []},
        {"type": "input", "element": "x"},
        {"type": "actions", "elements": [{"type": "static_select", "options": "xyz"}]},
        {"type": "actions", "elements": [{"type": "static_select", "option_groups": [1]}]},
    ],
)
def test_blocks_of_any_shape_end_nothing(slack, app, do, block):
    blocks = texts.numbered([block, {"type": "actions", "elements": [button("Go", "go")]}])
    ts = slack.workspace.say(seed.BOT, DEPLOYS, "x", blocks=blocks)["ts"]
    do("press", channel=DEPLOYS, ts=ts, block_id="b1", action_id="go")
    assert app.read("interactive")["actions"][0]["action_id"] == "go"


# --- what an app answers --------------------------------------------------------------------------


@pytest.fixture
def pressed(slack, app, do):
    """(ts, response_url) of a message that Tomasz pressed."""
    ts = post(slack, {"type": "actions", "elements": [button("Yes", "yes")]})
    do("press", TOMASZ, channel=DEPLOYS, ts=ts, block_id="b0", action_id="yes")
    return ts, app.read("interactive")["response_url"]


def answer(address, status=200, **body):
    said = requests.post(address, json=body, timeout=PATIENCE)
    assert said.status_code == status, said.text
    return said.text


def test_a_response_url_replaces_the_message(slack, pressed, look):
    ts, address = pressed
    events = []
    slack.workspace.on_event = events.append
    assert answer(address, replace_original=True, text="*Approved*") == "ok"
    message = slack.workspace.channels[DEPLOYS].message(ts)
    assert message["text"] == "*Approved*" and "blocks" not in message
    assert [each["subtype"] for each in events] == ["message_changed"]


def test_a_response_url_deletes_the_message(slack, pressed, look):
    ts, address = pressed
    answer(address, delete_original=True)
    assert slack.workspace.channels[DEPLOYS].message(ts) is None


def test_a_response_url_answers_one_or_all(slack, pressed, look):
    _, address = pressed
    answer(address, text="for you")
    assert last(look, TOMASZ)["text"] == "for you" and last(look, MARA)["text"] == "x"
    answer(address, text="for all", response_type="in_channel")
    assert last(look, MARA)["text"] == "for all"
    assert last(look, MARA)["user"] == seed.BOT


def test_a_response_url_changes_an_ephemeral_message(slack, app, do, look):
    blocks = [{"type": "actions", "elements": [button("Yes", "yes")]}]
    said = {"channel": DEPLOYS, "user": TOMASZ, "text": "psst", "blocks": blocks}
    ts = api(slack, "chat.postEphemeral", **said)["message_ts"]
    do("press", TOMASZ, channel=DEPLOYS, ts=ts, block_id="b0", action_id="yes")
    address = app.read("interactive")["response_url"]
    answer(address, replace_original=True, text="thanks")
    seen = last(look, TOMASZ)
    assert (seen["ts"], seen["text"]) == (ts, "thanks") and "blocks" not in seen
    answer(address, delete_original=True)
    assert last(look, TOMASZ)["ts"] != ts


def test_a_response_url_is_used_up(slack, pressed):
    _, address = pressed
    for _ in range(5):
        answer(address, text="x")
    assert json.loads(answer(address, 404, text="x"))["error"] == "used_url"


def test_a_response_url_grows_old(slack, pressed):
    _, address = pressed
    now = slack.workspace.clock()
    slack.workspace.clock = lambda: now + 1801
    assert json.loads(answer(address, 404, text="x"))["error"] == "expired_url"


def test_a_response_url_refuses_what_says_nothing(slack, pressed):
    _, address = pressed
    assert json.loads(answer(address, 400))["error"] == "no_text"
    assert json.loads(answer(address, 400, blocks=["x"]))["error"] == "invalid_payload"
    answer(address, text="still good")


def test_a_changed_message_is_seen_changed(slack, look):
    ts = post(slack, {"type": "actions", "elements": [button("Yes", "yes")]})
    api(slack, "chat.update", channel=DEPLOYS, ts=ts, text="done")
    seen = last(look)
    assert (seen["ts"], seen["text"]) == (ts, "done") and seen["edited"]["user"] == seed.BOT
    api(slack, "chat.delete", channel=DEPLOYS, ts=ts)
    assert last(look)["ts"] != ts


# --- modals ---------------------------------------------------------------------------------------


@pytest.fixture
def opened(slack, app, do):
    """Let the app open this modal for Tomasz, who asked for it; its ID."""

    def opened(view):
        do("say", TOMASZ, channel=DEPLOYS, text="/st2 ask")
        trigger_id = app.read("slash_commands")["trigger_id"]
        return api(slack, "views.open", trigger_id=trigger_id, view=view)["view"]["id"]

    return opened


WHY = entry("why", {"type": "plain_text_input", "action_id": "w"})


def test_a_modal_is_its_persons_own(opened, look):
    view = opened(modal(WHY, submit=plain("Go")))
    assert [each["id"] for each in look(TOMASZ)["views"]] == [view]
    assert look(MARA)["views"] == []


def test_a_submission(slack, app, do, look, opened):
    many = {"type": "checkboxes", "action_id": "m", "options": options("a", "b")}
    view = opened(
        modal(
            WHY,
            entry("many", many, optional=True),
            callback_id="cb",
            private_metadata="p",
            submit=plain("Go"),
        )
    )
    values = {"why": {"w": "because"}, "many": {"m": ["b"]}}
    do("submit", TOMASZ, view=view, values=values)
    payload = app.read("interactive")
    assert (payload["type"], payload["user"]["id"]) == ("view_submission", TOMASZ)
    assert "response_url" not in payload and payload["trigger_id"]
    told = payload["view"]
    assert (told["id"], told["callback_id"], told["private_metadata"]) == (view, "cb", "p")
    assert told["state"]["values"] == {
        "why": {"w": {"type": "plain_text_input", "value": "because"}},
        "many": {"m": {"type": "checkboxes", "selected_options": options("b")}},
    }
    assert not any(key.startswith("_") for key in told)
    assert slack.socket.wait_for(lambda: len(slack.socket.acknowledged) == 2)
    assert look(TOMASZ)["views"] == [], "it closes where nothing else is answered"


def test_a_modal_that_is_not_complete_is_not_sent(slack, app, do, look, opened):
    number = {"type": "number_input", "action_id": "n", "is_decimal_allowed": False}
    short = {"type": "plain_text_input", "action_id": "s", "min_length": 3, "max_length": 4}
    view = opened(
        modal(
            WHY,
            entry("n", {**number, "min_value": "1", "max_value": "4"}),
            entry("s", short),
            entry("opt", {"type": "plain_text_input", "action_id": "o"}, optional=True),
            entry("odd", {"type": "file_input", "action_id": "f"}),
        )
    )

    def errors(**given):
        values = {key: {key[0]: value} for key, value in given.items()}
        return do("submit", TOMASZ, view=view, values=values).get("errors")

    assert set(errors()) == {"why", "n", "s"} == set(look(TOMASZ)["views"][0]["errors"])
    assert errors(why="x", n="1.5", s="abcde") == {
        "n": "A whole number.",
        "s": "At most 4 characters; there are 5.",
    }
    assert errors(why="x", n="0", s="ab") == {"n": "At least 1.", "s": "At least 3 characters."}
    assert errors(why="x", n="5", s="abc") == {"n": "At most 4."}
    assert [each.type for each in slack.socket.deliveries] == ["slash_commands"]
    assert errors(why="x", n="4", s="abc") is None
    assert app.read("interactive")["type"] == "view_submission"


@pytest.mark.parametrize("said", ["errors", "update", "push", "clear", "nonsense", "long"])
def test_what_an_app_answers_to_a_submission(slack, app, do, look, opened, said):
    view = opened(modal(WHY))
    other = modal({"type": "section", "text": plain("second")})
    answers = {
        "errors": {"response_action": "errors", "errors": {"why": "too short"}},
        "update": {"response_action": "update", "view": other},
        "push": {"response_action": "push", "view": other},
        "clear": {"response_action": "clear"},
        "nonsense": {"response_action": "update", "view": {"type": "modal"}},
        "long": {"response_action": "update", "view": dict(other, title=plain("x" * 25))},
    }
    do("submit", TOMASZ, view=view, values={"why": {"w": "x"}})
    app.read("interactive", answers[said])
    assert slack.socket.wait_for(lambda: len(slack.socket.acknowledged) == 2)
    views = look(TOMASZ)["views"]
    if said == "errors":
        assert views[0]["errors"] == {"why": "too short"}
    elif said == "update":
        assert [each["id"] for each in views] == [view]
        assert views[0]["blocks"][0]["text"]["text"] == "second" and not views[0]["errors"]
    elif said == "push":
        assert [each["id"] for each in views][0] == view and len(views) == 2
        assert views[1]["previous_view_id"] == view == views[1]["root_view_id"]
    else:
        assert views == []


def test_closing(slack, app, do, look, opened):
    view = opened(modal(WHY, notify_on_close=True))
    do("close", TOMASZ, view=view)
    payload = app.read("interactive")
    assert (payload["type"], payload["is_cleared"]) == ("view_closed", False)
    assert payload["view"]["id"] == view and look(TOMASZ)["views"] == []
    quiet = opened(modal(WHY))
    assert do("close", TOMASZ, view=quiet) == {}
    assert "not there" in do("close", TOMASZ, 400, view=quiet)["error"]


def test_a_pile_of_modals_closes_one_by_one_or_at_once(slack, app, do, look, opened):
    def pile():
        below = opened(modal(WHY))
        trigger_id = slack.workspace.trigger_id(user=TOMASZ)
        above = api(slack, "views.push", trigger_id=trigger_id, view=modal(WHY))["view"]["id"]
        assert [each["id"] for each in look(TOMASZ)["views"]] == [below, above]
        return below, above

    below, above = pile()
    do("close", TOMASZ, view=above)
    assert [each["id"] for each in look(TOMASZ)["views"]] == [below]
    do("close", TOMASZ, view=below)
    do("close", TOMASZ, view=pile()[1], all=True)
    assert look(TOMASZ)["views"] == []


def test_a_press_in_a_modal(slack, app, do, opened):
    view = opened(modal(WHY, {"type": "actions", "block_id": "a", "elements": [button("B", "b")]}))
    do("press", TOMASZ, view=view, block_id="a", action_id="b", values={"why": {"w": "so far"}})
    payload = app.read("interactive")
    assert payload["type"] == "block_actions"
    assert payload["container"] == {"type": "view", "view_id": view}
    assert payload["view"]["state"]["values"]["why"]["w"]["value"] == "so far"
    assert not {"message", "channel", "response_url"} & set(payload)


def test_nobody_else_uses_a_modal(opened, do):
    view = opened(modal(WHY))
    for deed in ("submit", "close", "press"):
        assert "not there" in do(deed, MARA, 400, view=view)["error"]


# --- what changes is told -------------------------------------------------------------------------


@pytest.fixture
def live(page):
    with connect(
        page.url.replace("http", "ws") + "/live", open_timeout=PATIENCE, close_timeout=0.2
    ) as found:
        yield found


@pytest.mark.parametrize(
    "change",
    [
        lambda slack: slack.workspace.say(MARA, GENERAL, "x"),
        lambda slack: api(slack, "chat.postMessage", channel=DEPLOYS, text="x"),
        lambda slack: api(slack, "chat.postEphemeral", channel=DEPLOYS, user=MARA, text="x"),
        lambda slack: requests.post(slack.webhook_url, json={"text": "x"}, timeout=PATIENCE),
        lambda slack: slack.socket.push_command("nobody there"),
    ],
    ids=["a person", "the bot", "ephemeral", "webhook", "a lost command"],
)
def test_every_change_is_told(slack, live, change):
    change(slack)
    assert live.recv(timeout=PATIENCE) == "changed"


def test_the_page_ends_with_its_slack(slack, live):
    slack.stop()
    with pytest.raises(Exception, match="1001"):
        while True:
            live.recv(timeout=PATIENCE)


# --- any input ------------------------------------------------------------------------------------

ODD = [None, 1, -1.5, True, [], ["x"], {}, {"a": 1}, "", "x" * 300, "\x00", "\ud800"]


@pytest.mark.parametrize("deed", POSTS)
def test_whatever_is_sent_is_done_or_refused(slack, page, opened, deed):
    view = opened(modal(WHY, {"type": "actions", "block_id": "a", "elements": [button("B", "b")]}))
    select = {"type": "multi_static_select", "action_id": "s", "options": options("a")}
    ts = post(slack, {"type": "actions", "block_id": "a", "elements": [select]})
    good = {"as": TOMASZ, "channel": DEPLOYS, "ts": ts, "text": "x", "user": MARA}
    good.update(block_id="a", action_id="s", value=["a"], values={"a": {"s": ["a"]}})
    for key in [*good, "view", "thread_ts", "all"]:
        for odd in ODD:
            body = {**good, **({"view": view} if deed in ("submit", "close") else {}), key: odd}
            answer = requests.post("%s/%s" % (page.url, deed), json=body, timeout=PATIENCE)
            assert answer.status_code in (200, 400), (key, odd, answer.text)
            assert ("error" in answer.json()) == (answer.status_code == 400)
    for odd in ODD:
        query = {key: str(odd).encode("utf-8", "replace") for key in ("as", "channel", "count")}
        assert requests.get(page.url + "/state", params=query, timeout=PATIENCE).ok


# --- parts ----------------------------------------------------------------------------------------


def test_all_kinds_of_elements_begin_with_nothing():
    for kind, (key, _, _) in elements.KINDS.items():
        empty = elements.initial({"type": kind})
        assert empty == {key: [] if key.endswith("s") else None}
        if kind != "overflow":
            assert elements.chosen({"type": kind}, None) == empty


def test_an_option_that_is_not_offered():
    with pytest.raises(BadRequest):
        elements.chosen({"type": "checkboxes", "options": options("a")}, ["a", "b"])


def test_an_answer_to_a_modal_that_is_gone_does_nothing():
    with LoopbackSlack() as slack:
        modals.acknowledged(slack.workspace, "V0", {"response_action": "clear"})
        assert slack.workspace.views == {}
