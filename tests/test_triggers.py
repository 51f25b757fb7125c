"""Which event becomes which trigger, and with what payload: tables, then anything at all."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from st2slack.sensor import event_filter, fields, payloads
from st2slack.sensor.model import EVENT, MESSAGE, Event, Identity
from st2slack.settings.sensor import SensorSettings

ME = Identity(team_id="T1", user_id="U0ME", bot_id="B0ME", app_id="A0ME")
PUBLIC = {"id": "C1", "name": "ops", "is_channel": True, "is_private": False}
PRIVATE = {"id": "C1", "name": "secret", "is_channel": True, "is_private": True}
DIRECT = {"id": "D1", "is_im": True, "user": "U1"}
BOB = {
    "id": "U1",
    "name": "bob",
    "is_admin": True,
    "is_owner": False,
    "is_bot": False,
    "real_name": "Bob Roe",
    "profile": {"first_name": "Bob", "last_name": "Roe", "real_name": "Bob Roe"},
}


def body(**more):
    """A message as Slack sends it; a key given as None is not there."""
    given_keys = {
        "type": "message",
        "channel": "C1",
        "user": "U1",
        "text": "hi",
        "ts": "1503435956.000247",
        "event_ts": "1503435956.000247",
        "channel_type": "channel",
    }
    given_keys.update(more)
    return {key: value for key, value in given_keys.items() if value is not None}


def judge(event_body, channel=PUBLIC, me=ME, **settings):
    wanted = event_filter.EventFilter(SensorSettings(**settings), me)
    return wanted.evaluate(Event(event_body), channel)


def verdict(event_body, channel=PUBLIC, me=ME, **settings):
    """The ref of the trigger, or the reason why there is none."""
    result = judge(event_body, channel, me, **settings)
    assert (result.ref is None) == bool(result.reason)
    return result.ref or result.reason


def message(event_body, user=BOB, channel=PUBLIC, names=None, url="", **settings):
    event = Event(event_body, "Ev1", "T1", "main")
    return payloads.message_trigger(
        event, user, channel, names or {}, SensorSettings(**settings), url
    )


# --- which ----------------------------------------------------------------------------------------

ALL_BOTS = {"allow_bot_messages": True}
OWN = {"allow_own_messages": True}
EDITS = {"events": ("message_changed", "message_deleted")}
MINE = {"text": "x", "bot_id": "B0ME"}

# name: (message, settings, expected)
MESSAGES = {
    "a person's": (body(), {}, MESSAGE),
    "with a file": (body(subtype="file_share", files=[{"id": "F1"}]), {}, MESSAGE),
    "broadcast from a thread": (body(subtype="thread_broadcast"), {}, MESSAGE),
    "/me": (body(subtype="me_message"), {}, MESSAGE),
    "no text": (body(text=None), {}, MESSAGE),
    "no user": (body(user=None), {}, MESSAGE),
    "no channel": (body(channel=None, channel_type=None), {}, MESSAGE),
    "another app's": (body(bot_id="B2"), {}, MESSAGE),
    "another app's, by profile": (body(bot_profile={"id": "B2"}), {}, MESSAGE),
    "another app's file": (body(bot_id="B2", subtype="file_share"), {}, "bot message"),
    "a classic bot's": (body(subtype="bot_message", user=None), {}, "bot message"),
    "Slackbot's": (body(user="USLACKBOT"), {}, "bot message"),
    "a bot's, allowed": (body(bot_id="B2"), ALL_BOTS, MESSAGE),
    "a classic bot's, allowed": (body(subtype="bot_message", user=None), ALL_BOTS, MESSAGE),
    "a bot's file, allowed": (body(subtype="file_share", bot_id="B2"), ALL_BOTS, MESSAGE),
    "ours, by bot": (body(bot_id="B0ME"), ALL_BOTS, "own message"),
    "ours, by user": (body(user="U0ME"), ALL_BOTS, "own message"),
    "ours, by app": (body(bot_id="B9", app_id="A0ME"), ALL_BOTS, "own message"),
    "our webhook": (
        body(bot_id="B9", subtype="bot_message", user=None, bot_profile={"app_id": "A0ME"}),
        ALL_BOTS,
        "own message",
    ),
    "ours under a person's name": (body(app_id="A0ME", bot_id="B9"), {}, "own message"),
    "ours, bots not allowed": (body(bot_id="B0ME"), {}, "own message"),
    "ours, allowed": (body(bot_id="B0ME"), OWN, MESSAGE),
    "a classic bot's, only ours allowed": (
        body(bot_id="B2", subtype="bot_message"),
        OWN,
        "bot message",
    ),
    "our webhook, only ours allowed": (body(bot_id="B0ME", subtype="bot_message"), OWN, MESSAGE),
    "a join": (body(subtype="channel_join"), {}, "notice"),
    "a topic": (body(subtype="channel_topic"), {}, "notice"),
    "a subtype of next year": (body(subtype="hologram"), {}, "notice"),
    "a join, wanted": (body(subtype="channel_join"), {"events": ("channel_join",)}, EVENT),
    "an edit": (body(subtype="message_changed", hidden=True), {}, "hidden"),
    "hidden without a subtype": (body(hidden=True), {}, "hidden"),
    "an edit, wanted": (body(subtype="message_changed", message={"user": "U1"}), EDITS, EVENT),
    "an edit of ours": (body(subtype="message_changed", message=MINE), EDITS, "own message"),
    "ours, deleted": (
        body(subtype="message_deleted", previous_message=MINE),
        EDITS,
        "own message",
    ),
    "an edit of ours, allowed": (
        body(subtype="message_changed", message=MINE),
        {**EDITS, **OWN},
        EVENT,
    ),
    "an edit in a direct message": (
        body(subtype="message_changed", channel_type="im"),
        EDITS,
        "channel type",
    ),
    "private": (body(channel_type="group"), {}, MESSAGE),
    "direct": (body(channel_type="im"), {}, "channel type"),
    "several people": (body(channel_type="mpim"), {}, "channel type"),
    "App Home": (body(channel_type="app_home"), {}, "channel type"),
    "direct, wanted": (body(channel_type="im"), {"channel_types": ("im",)}, MESSAGE),
    "public, not wanted": (body(), {"channel_types": ("im", "mpim")}, "channel type"),
    "channel by ID": (body(), {"channels": ("C1",)}, MESSAGE),
    "channel by name": (body(), {"channels": ("ops",)}, MESSAGE),
    "channel by #name": (body(), {"channels": ("x", "#ops")}, MESSAGE),
    "channel by Name": (body(), {"channels": ("Ops",)}, MESSAGE),
    "channel by ID without a digit": (
        body(channel="CHWKVRQTZ"),
        {"channels": ("CHWKVRQTZ",)},
        MESSAGE,
    ),
    "channel by #ID": (body(channel="CHWKVRQTZ"), {"channels": ("#CHWKVRQTZ",)}, MESSAGE),
    "channel by mention": (body(), {"channels": ("<#C1|ops>",)}, MESSAGE),
    "another channel": (body(), {"channels": ("C0000000002", "dev")}, "channel"),
    "no channel, some wanted": (body(channel=None), {"channels": ("ops",)}, "no channel"),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_which_messages(name):
    event_body, settings, expected = MESSAGES[name]
    assert verdict(event_body, **settings) == expected


# name: (message without channel_type, what was looked up, expected kind)
KINDS = {
    "public": ({}, PUBLIC, "public_channel"),
    "private": ({}, PRIVATE, "private_channel"),
    "direct": ({}, DIRECT, "im"),
    "several people": ({}, {"is_mpim": True, "is_private": True}, "mpim"),
    "a group of old": ({}, {"is_group": True}, "private_channel"),
    "nothing is known": ({}, {"id": "C1"}, "public_channel"),
    "nothing is known of D…": ({"channel": "D1"}, {"id": "D1"}, "im"),
    "the letter proves nothing": ({"channel": "G1"}, PUBLIC, "public_channel"),
    "a type of next year": ({"channel_type": "space"}, PRIVATE, "private_channel"),
    "the event says it": ({"channel_type": "group"}, PUBLIC, "private_channel"),
}


@pytest.mark.parametrize("name", KINDS)
def test_what_kind_of_channel(name):
    more, channel, kind = KINDS[name]
    event_body = body(**{"channel_type": None, **more})
    assert fields.channel_type(Event(event_body), channel) == kind
    assert message(event_body, channel=channel).payload["channel"]["type"] == kind
    assert verdict(event_body, channel, channel_types=(kind,)) == MESSAGE
    assert verdict(event_body, channel, channel_types=()) == "channel type"


def test_a_name_that_could_not_be_looked_up_is_told_apart():
    """Whoever asks can then leave it to Slack's redelivery rather than lose it."""
    assert verdict(body(), {"id": "C1"}, channels=("ops",)) == event_filter.CHANNEL_UNKNOWN
    assert verdict(body(), {}, channels=("ops",)) == event_filter.CHANNEL_UNKNOWN
    assert verdict(body(), {"id": "C1"}, channels=("ops", "C1")) == MESSAGE
    assert verdict(body(), {"id": "C1"}, channels=("C0000000002",)) == "channel"
    direct = body(channel="D1", channel_type="im")
    assert verdict(direct, DIRECT, channels=("ops",), channel_types=("im",)) == "channel"


@pytest.mark.parametrize("wanted", ["CHWKVRQTZ", "C0HWKVRQTZ", "<#CHWKVRQTZ|x>", "#CHWKVRQTZ"])
def test_a_channel_is_not_wanted_for_having_an_id_for_its_name(wanted):
    """Anybody can make a channel with the letters of another one's ID for a name."""
    named = {"id": "C1", "name": "chwkvrqtz", "name_normalized": "c0hwkvrqtz"}
    assert verdict(body(), named, channels=(wanted,)) == "channel"


@pytest.mark.parametrize("wanted", ["OPSROOM", "DEPLOYS", "#DEPLOYS", "\u00a0Deploys"])
def test_a_channel_may_be_wanted_by_its_name_in_capitals(wanted):
    named = {"id": "C1", "name": wanted.strip("#\u00a0").lower()}
    assert verdict(body(), named, channels=(wanted,)) == MESSAGE


def test_before_a_look_up_only_what_it_cannot_change_is_refused():
    unknown = body(channel_type=None)
    assert verdict(unknown, None, channel_types=("im",)) == MESSAGE
    assert verdict(body(channel="D1", channel_type=None), None) == MESSAGE
    assert verdict(body(channel_type="im"), None) == "channel type"
    assert verdict(body(), None, channels=("ops",)) == MESSAGE
    assert verdict(body(), None, channels=("C0000000002",)) == "channel"


CLASSIC = {"bot_id": "B2", "subtype": "bot_message"}
MENTION = {"type": "app_mention", "bot_id": "B2"}
# name: (event, settings, expected while it is not known who the app is)
BEFORE_AUTH_TEST = {
    "a person's": (body(), {}, MESSAGE),
    "a bot's": (body(bot_id="B2"), {}, event_filter.IDENTITY_UNKNOWN),
    "a bot's, bots allowed": (body(bot_id="B2"), ALL_BOTS, event_filter.IDENTITY_UNKNOWN),
    "a classic bot's, allowed": (body(**CLASSIC), ALL_BOTS, event_filter.IDENTITY_UNKNOWN),
    "a classic bot's, ours allowed": (body(**CLASSIC), OWN, event_filter.IDENTITY_UNKNOWN),
    # Whoever wrote these, the verdict is the same.
    "a classic bot's": (body(**CLASSIC), {}, "bot message"),
    "a bot's, ours allowed": (body(bot_id="B2"), OWN, MESSAGE),
    "a classic bot's, all allowed": (body(**CLASSIC), {**ALL_BOTS, **OWN}, MESSAGE),
    "a bot's in a direct message": (body(bot_id="B2", channel_type="im"), {}, "channel type"),
    "a bot's elsewhere": (body(bot_id="B2"), {"channels": ("C0000000002",)}, "channel"),
    "a bot's notice": (body(bot_id="B2", subtype="channel_join"), {}, "notice"),
    "an edit of a bot's": (
        body(subtype="message_changed", message={"bot_id": "B2"}),
        EDITS,
        event_filter.IDENTITY_UNKNOWN,
    ),
    "an edit of a person's": (
        body(subtype="message_changed", message={"user": "U1"}),
        EDITS,
        EVENT,
    ),
    "a bot's mention": (MENTION, {"events": ("app_mention",)}, event_filter.IDENTITY_UNKNOWN),
    "a bot's reaction": (
        {"type": "reaction_added", "bot_id": "B2"},
        {"events": ("reaction_added",)},
        EVENT,
    ),
}


@pytest.mark.parametrize("name", BEFORE_AUTH_TEST)
def test_before_it_is_known_who_the_app_is(name):
    event_body, settings, expected = BEFORE_AUTH_TEST[name]
    assert verdict(event_body, me=Identity(), **settings) == expected


def test_a_bot_id_alone_makes_the_identity_known():
    assert verdict(body(user=""), me=Identity(bot_id="B0ME")) == MESSAGE
    assert verdict(body(bot_id="B2"), me=Identity(bot_id="B0ME")) == MESSAGE


EVENTS = {
    "not listed": ({"type": "reaction_added"}, (), "not wanted"),
    "listed": ({"type": "reaction_added", "user": "U0ME"}, ("reaction_added",), EVENT),
    "a mention": ({"type": "app_mention", "user": "U1"}, ("app_mention",), EVENT),
    "our own mention": ({"type": "app_mention", "user": "U0ME"}, ("app_mention",), "own message"),
    "a bot's mention": ({"type": "app_mention", "bot_id": "B2"}, ("app_mention",), EVENT),
    "message, listed": (body(), ("message",), MESSAGE),
    "no type": ({}, ("",), "not wanted"),
    "no text as type": ({"type": ["message"]}, ("message",), "not wanted"),
}


@pytest.mark.parametrize("name", EVENTS)
def test_which_other_events(name):
    event_body, events, expected = EVENTS[name]
    if name == "no type":
        events = ()
    assert verdict(event_body, events=events) == expected


# --- payloads -------------------------------------------------------------------------------------


def test_a_message_whole():
    event_body = body(
        thread_ts="1503435900.000100",
        blocks=[{"type": "rich_text"}],
        attachments=[{"fallback": "x"}],
        files=[{"id": "F1"}],
        subtype="file_share",
        channel_type="group",
    )
    channel = dict(PRIVATE, topic={"value": "Quiet", "creator": "U1"})
    made = message(event_body, channel=channel, url="https://acme.slack.com/")
    assert made.ref == "slack.message"
    assert made.trace_tag == "slack-C1-1503435956.000247"
    assert made.payload == {
        "user": {
            "id": "U1",
            "name": "bob",
            "first_name": "Bob",
            "last_name": "Roe",
            "real_name": "Bob Roe",
            "is_admin": True,
            "is_owner": False,
            "is_bot": False,
        },
        "channel": {
            "id": "C1",
            "name": "secret",
            "topic": "Quiet",
            "is_group": True,
            "type": "private_channel",
        },
        "timestamp": 1503435956,
        "timestamp_raw": "1503435956.000247",
        "text": "hi",
        "attachments": [{"fallback": "x"}],
        "blocks": [{"type": "rich_text"}],
        "files": [{"id": "F1"}],
        "thread_ts": "1503435900.000100",
        "subtype": "file_share",
        "bot_id": None,
        "permalink": "https://acme.slack.com/archives/C1/p1503435956000247"
        "?thread_ts=1503435900.000100&cid=C1",
        "event_id": "Ev1",
        "team": "T1",
        "user_team": None,
        "workspace": "main",
    }


def test_a_message_of_which_nothing_is_known():
    made = payloads.message_trigger(Event({"type": "message"}), {}, {}, {}, SensorSettings())
    assert made.trace_tag == "slack"
    payload = made.payload
    assert payload["user"] == {
        "id": None,
        "name": None,
        "first_name": None,
        "last_name": None,
        "real_name": None,
        "is_admin": False,
        "is_owner": False,
        "is_bot": False,
    }
    nowhere = {"id": None, "name": None, "topic": "", "is_group": False, "type": None}
    assert payload["channel"] == nowhere
    assert (payload["timestamp"], payload["timestamp_raw"], payload["text"]) == (0, "", "")
    assert payload["files"] == [] and not {"attachments", "blocks"} & set(payload)
    assert payload["permalink"] is payload["event_id"] is None


def test_a_user_and_a_channel_by_id_alone():
    payload = message(body(), {"id": "U1"}, {"id": "C1"}).payload
    assert (payload["user"]["id"], payload["user"]["name"]) == ("U1", None)
    assert (payload["channel"]["id"], payload["channel"]["name"]) == ("C1", None)


def test_the_event_itself_tells_a_name():
    """People of other workspaces (Slack Connect) and bots come with their names."""
    profile = {"name": "eve", "first_name": "Eve", "real_name": "Eve Doe"}
    user = message(body(user_profile=profile), {"id": "U1"}).payload["user"]
    assert (user["name"], user["first_name"], user["real_name"]) == ("eve", "Eve", "Eve Doe")
    classic = body(subtype="bot_message", user=None, username="CI", bot_id="B2")
    payload = message(classic, {}).payload
    assert payload["user"]["id"] is None and payload["user"]["name"] == "CI"
    assert payload["user"]["is_bot"] is True and payload["bot_id"] == "B2"
    named = body(bot_profile={"id": "B3", "name": "Deploy"})
    payload = message(named, {"id": "U1"}).payload
    assert payload["user"]["name"] == "Deploy" and payload["bot_id"] == "B3"


def test_a_deleted_user():
    gone = {"id": "U1", "name": "bob", "deleted": True, "profile": {"real_name": "Bob"}}
    user = message(body(), gone).payload["user"]
    assert (user["name"], user["real_name"], user["is_admin"]) == ("bob", "Bob", False)


def test_text_is_plain_where_asked_for():
    text = "<@U2> see <http://x|x> &amp; `<@U3>`"
    assert message(body(text=text)).payload["text"] == text
    for more in ({}, {"strip_formatting": True}):
        plain = message(body(text=text), names={"U2": "ann"}, plain_text=True, **more).payload
        assert plain["text"].startswith("@ann see x & ")


def test_strip_formatting_touches_labelled_links_only():
    text = "<@U2> see <http://x|x> &amp; `<@U3>` <https://y> <mailto:a@b|a@b> <#C1|ops>"
    stripped = message(body(text=text), names={"U2": "ann"}, strip_formatting=True).payload
    assert stripped["text"] == text.replace("<http://x|x>", "x")


@pytest.mark.parametrize("sent", [None, [], "x", {}, [1]])
def test_attachments_and_blocks_stand_there_only_if_slack_sent_some(sent):
    payload = message(body(attachments=sent, blocks=[{"type": "divider"}])).payload
    assert "attachments" not in payload and payload["blocks"] == [{"type": "divider"}]
    payload = message(body(attachments=[{"fallback": "x"}], blocks=sent)).payload
    assert "blocks" not in payload and payload["attachments"] == [{"fallback": "x"}]


@pytest.mark.parametrize(
    ("more", "user", "is_bot"),
    [
        ({}, BOB, False),
        ({"bot_id": "B2"}, BOB, False),
        ({"bot_id": "B2"}, {**BOB, "is_bot": True}, True),
        ({"bot_id": "B2"}, {"id": "U1"}, True),
        ({"subtype": "bot_message", "user": None}, {}, True),
        ({}, {"id": "U1"}, False),
    ],
)
def test_is_bot_is_what_slack_tells_of_the_user(more, user, is_bot):
    """As in 2.x; whether an app wrote the message is told by `bot_id`."""
    payload = message(body(**more), user).payload
    assert (payload["user"]["is_bot"], payload["bot_id"]) == (is_bot, more.get("bot_id"))


def test_users_that_a_text_mentions():
    text = "<@U2> <@W3|named> <@U1> <@U2> <#C1> <@> <@U4 &lt;@U5&gt;"
    assert payloads.user_ids_in(text) == ["U2", "U1"]
    assert payloads.user_ids_in("<@" * 200_000) == []
    assert payloads.user_ids_in("<@" + "U" * 400_000) == []


def test_the_team_is_ours_not_the_authors():
    assert message(body(team="T2")).payload["team"] == "T1"
    event = Event(body(team="T2"))
    assert payloads.event_trigger(event, {}, {}).payload["team"] == "T2"


PERMALINKS = {
    "no URL": ("", body(), None),
    "alone": ("https://a.slack.com", body(), "https://a.slack.com/archives/C1/p1503435956000247"),
    "a thread's parent": (
        "https://a.slack.com/",
        body(thread_ts="1503435956.000247"),
        "https://a.slack.com/archives/C1/p1503435956000247",
    ),
    "no channel": ("https://a.slack.com", body(channel=None), None),
    "no ts": ("https://a.slack.com", body(ts="soon"), None),
    "told": ("https://a.slack.com", body(permalink="https://b"), "https://b"),
}


@pytest.mark.parametrize("name", PERMALINKS)
def test_permalinks(name):
    url, event_body, expected = PERMALINKS[name]
    assert message(event_body, url=url).payload["permalink"] == expected


@pytest.mark.parametrize(
    ("ts", "seconds"),
    [
        ("1503435956.000247", 1503435956),
        ("1503435956", 1503435956),
        ("", 0),
        ("soon", 0),
        ("1e400", 0),
        ("-5", 0),
        ("٣٣", 0),
        ("9" * 5000, 0),
        ("5.5\n", 0),
    ],
)
def test_seconds_of_a_timestamp(ts, seconds):
    payload = message(body(ts=ts)).payload
    assert (payload["timestamp"], payload["timestamp_raw"]) == (seconds, ts)


ITEM = {"type": "message", "channel": "C1", "ts": "1.000001"}
# name: (event, user ID, channel ID, trace tag)
OTHERS = {
    "reaction": (
        {"type": "reaction_added", "user": "U1", "item": ITEM, "event_ts": "2.0"},
        ("U1", "C1", "slack-reaction_added-C1-2.0"),
    ),
    "edit": (
        body(subtype="message_changed", user=None, message={"user": "U3"}, ts="5.0"),
        ("U3", "C1", "slack-message_changed-C1-5.0"),
    ),
    "deleted": (
        body(subtype="message_deleted", user=None, previous_message={"user": "U3"}, ts="5.0"),
        ("U3", "C1", "slack-message_deleted-C1-5.0"),
    ),
    "file": (
        {"type": "file_shared", "user_id": "U1", "channel_id": "C1", "event_ts": "2.0"},
        ("U1", "C1", "slack-file_shared-C1-2.0"),
    ),
    "user": (
        {"type": "user_change", "user": {"id": "U1"}, "event_ts": "2.0"},
        ("U1", None, "slack-user_change-2.0"),
    ),
    "new channel": (
        {"type": "channel_created", "channel": {"id": "C1", "name": "ops", "creator": "U1"}},
        (None, "C1", "slack-channel_created-C1-Ev1"),
    ),
    "no place": ({"type": "emoji_changed"}, (None, None, "slack-emoji_changed-Ev1")),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_events(name):
    event_body, (user_id, channel_id, tag) = OTHERS[name]
    event = Event(event_body, "Ev1", "T1", "main")
    assert event.user == (user_id or "")
    made = payloads.event_trigger(event, {}, {})
    payload = made.payload
    assert (made.ref, made.trace_tag) == ("slack.event", tag)
    assert (payload["user"]["id"], payload["channel"]["id"]) == (user_id, channel_id)
    assert payload["event"] == event_body and payload["type"] == event_body["type"]
    assert payload["subtype"] == event_body.get("subtype")
    assert (payload["event_id"], payload["team"], payload["workspace"]) == ("Ev1", "T1", "main")


def test_a_new_channel_comes_with_its_name():
    event_body = OTHERS["new channel"][0]
    channel = payloads.event_trigger(Event(event_body), {}, {"id": "C1"}).payload["channel"]
    assert channel["name"] == "ops"


COMMAND = {
    "token": "old-verification-token",
    "team_id": "T1",
    "channel_id": "C1",
    "channel_name": "ops",
    "user_id": "U1",
    "user_name": "bob",
    "command": "/st2",
    "text": "deploy web",
    "response_url": "https://hooks.slack.com/commands/T1/1/secret",
    "trigger_id": "13345224609.738474920.8088930838d88f008e0",
}


def test_a_command():
    made = payloads.command_trigger(COMMAND, "main")
    assert made.ref == "slack.command"
    assert made.trace_tag == "slack-command-13345224609.738474920"
    assert made.payload == {
        "command": "/st2",
        "text": "deploy web",
        "user": {"id": "U1", "name": "bob"},
        "channel": {"id": "C1", "name": "ops"},
        "response_url": COMMAND["response_url"],
        "trigger_id": COMMAND["trigger_id"],
        "event": {},
        "team": "T1",
        "workspace": "main",
    }


BUTTON = {"type": "button", "action_id": "go", "block_id": "b", "value": "yes"}
PRESS = {
    "type": "block_actions",
    "token": "old-verification-token",
    "user": {"id": "U1", "username": "bob", "team_id": "T1"},
    "team": {"id": "T1", "domain": "acme"},
    "channel": {"id": "C1", "name": "ops"},
    "container": {"type": "message", "message_ts": "1.0", "channel_id": "C1"},
    "message": {"ts": "1.0", "text": "Sure?"},
    "state": {"values": {"b": {"in": {"value": "typed"}}}},
    "response_url": "https://hooks.slack.com/actions/T1/1/secret",
    "trigger_id": "12466734323.1395872398.abc",
    "actions": [BUTTON],
}


def test_a_button():
    made = payloads.interaction_trigger(PRESS, "")
    assert made.trace_tag == "slack-interaction-12466734323.1395872398"
    assert made.payload == {
        "type": "block_actions",
        "action_id": "go",
        "block_id": "b",
        "value": "yes",
        "actions": [BUTTON],
        "user": {"id": "U1", "name": "bob"},
        "channel": {"id": "C1", "name": "ops"},
        "message": PRESS["message"],
        "container": PRESS["container"],
        "state": PRESS["state"],
        "submission": {},
        "files": [],
        "view": {
            "id": None,
            "callback_id": None,
            "state": {},
            "private_metadata": "",
            "hash": None,
        },
        "is_cleared": False,
        "callback_id": None,
        "attachment_id": None,
        "function_data": {},
        "enterprise": {},
        "response_url": PRESS["response_url"],
        "trigger_id": PRESS["trigger_id"],
        "event": {"team": {"domain": "acme"}},
        "team": "T1",
        "user_team": None,
        "workspace": "",
    }


def test_a_modal():
    view = {
        "id": "V1",
        "callback_id": "ask",
        "hash": "1.abc",
        "private_metadata": "for 5",
        "state": {"values": {"b": {"a": {"type": "plain_text_input", "value": "x"}}}},
    }
    submitted = {
        "type": "view_submission",
        "team": None,
        "user": {"id": "U1", "name": "bob", "team_id": "T1"},
        "view": view,
        "response_urls": [{"response_url": "https://hooks.slack.com/app/T1/1/x"}],
    }
    payload = payloads.interaction_trigger(submitted, "").payload
    assert payload["view"] == view
    assert (payload["callback_id"], payload["team"]) == ("ask", "T1")
    assert payload["response_url"] == "https://hooks.slack.com/app/T1/1/x"
    assert payload["actions"] == [] and payload["value"] is payload["action_id"] is None
    assert payload["channel"] == {"id": None, "name": None}


def test_a_shortcut_on_a_message():
    shortcut = {
        "type": "message_action",
        "callback_id": "ticket",
        "user": {"id": "U1", "name": "bob"},
        "channel": {"id": "C1", "name": "ops"},
        "message": {"ts": "1.0"},
    }
    payload = payloads.interaction_trigger(shortcut, "").payload
    assert (payload["type"], payload["callback_id"]) == ("message_action", "ticket")
    assert payload["message"] == {"ts": "1.0"}


def option(value):
    return {"text": {"type": "plain_text", "text": value.title()}, "value": value}


VALUES = {
    "button": ({"type": "button", "value": "yes"}, "yes"),
    "button without": ({"type": "button"}, None),
    "menu": ({"type": "static_select", "selected_option": option("a")}, "a"),
    "menu, nothing chosen": ({"type": "static_select", "selected_option": None}, None),
    "menu of several": (
        {"type": "multi_static_select", "selected_options": [option("a"), option("b")]},
        ["a", "b"],
    ),
    "one of several": ({"type": "checkboxes", "selected_options": [option("a")]}, ["a"]),
    "none of several": ({"type": "checkboxes", "selected_options": []}, []),
    "user": ({"type": "users_select", "selected_user": "U1"}, "U1"),
    "users": ({"type": "multi_users_select", "selected_users": ["U1", "U2"]}, ["U1", "U2"]),
    "channel": ({"type": "channels_select", "selected_channel": "C1"}, "C1"),
    "conversation": ({"type": "conversations_select", "selected_conversation": "G1"}, "G1"),
    "date": ({"type": "datepicker", "selected_date": "2026-11-24"}, "2026-11-24"),
    "time": ({"type": "timepicker", "selected_time": "12:30"}, "12:30"),
    "date and time": ({"type": "datetimepicker", "selected_date_time": 1764000000}, 1764000000),
    "text": ({"type": "plain_text_input", "value": "typed"}, "typed"),
    "menu of an old attachment": (
        {"name": "pick", "type": "select", "selected_options": [{"value": "a"}]},
        "a",
    ),
}


@pytest.mark.parametrize("name", VALUES)
def test_what_was_chosen(name):
    action, expected = VALUES[name]
    payload = payloads.interaction_trigger(dict(PRESS, actions=[action]), "").payload
    assert payload["value"] == expected


def test_a_menu_that_asks_for_its_options():
    asked = {"type": "block_suggestion", "action_id": "a", "block_id": "b", "value": "ty"}
    payload = payloads.interaction_trigger(asked, "").payload
    assert (payload["action_id"], payload["block_id"], payload["value"]) == ("a", "b", "ty")


def test_a_state():
    made = payloads.state_trigger("lost", "no pong", 1764000000.25, "T1", "main", "socket_mode")
    assert made.ref == "slack.sensor_state"
    assert made.trace_tag == "slack-state-main-lost-1764000000.250"
    assert made.payload == {
        "state": "lost",
        "reason": "no pong",
        "since": 1764000000.25,
        "team": "T1",
        "workspace": "main",
        "transport": "socket_mode",
    }


# --- anything at all ------------------------------------------------------------------------------


def deep(levels):
    value = {}
    for _ in range(levels):
        value = {"a": [value]}
    return value


UNSTORABLE = {
    "half a surrogate pair": "\ud83d",
    "as a key": {"\ud83d": "x"},
    "an integer over 64 bits": 2**64,
    "one below": -(2**63) - 1,
    "one that no float holds": 10**400,
    "as deep as json.loads goes": deep(450),
}


def storable(value, levels=0):
    """What orjson takes: StackStorm stores payloads by it."""
    assert levels < 250
    if isinstance(value, str):
        value.encode("utf-8")
    elif isinstance(value, int):
        assert -(2**63) <= value < 2**64
    elif isinstance(value, dict):
        for key, each in value.items():
            assert isinstance(key, str) and storable(key)
            storable(each, levels + 1)
    elif isinstance(value, list):
        for each in value:
            storable(each, levels + 1)
    else:
        assert value is None or isinstance(value, (bool, float))
    return True


@pytest.mark.parametrize("name", UNSTORABLE)
def test_what_stackstorm_cannot_store_is_replaced(name):
    event_body = body(blocks=[{"x": UNSTORABLE[name]}], text="half \ud83d", kept=[1, 2.5, "ü🎉"])
    for made in (message(event_body), payloads.event_trigger(Event(event_body), {}, {})):
        assert storable(made.payload)
    assert message(event_body).payload["text"] == "half ?"
    kept = payloads.event_trigger(Event(event_body), {}, {}).payload["event"]["kept"]
    assert kept == [1, 2.5, "ü🎉"]


def test_what_it_can_store_stays_as_it_is():
    event_body = body(
        text="ü🎉\u0000", metadata={"event_payload": {"big": 2**63, "small": -(2**63), "n": [[]]}}
    )
    payload = payloads.event_trigger(Event(event_body), {}, {}).payload
    assert payload["event"] == event_body


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
KEYS = (
    *("type", "subtype", "channel", "channel_id", "channel_type", "user", "user_id", "text"),
    *("ts", "event_ts", "thread_ts", "bot_id", "bot_profile", "user_profile", "username", "app_id"),
    *("hidden", "message", "previous_message", "item", "files", "blocks", "attachments", "team"),
    *("actions", "view", "container", "response_url", "response_urls", "trigger_id", "state"),
    *("profile", "name", "real_name", "is_im", "is_private", "is_admin", "topic", "id"),
    *("selected_option", "selected_options", "value", "callback_id", "command"),
)
TYPES = st.sampled_from(["message", "app_mention", "reaction_added", "bot_message", "C1", "U1"])
OBJECTS = st.dictionaries(st.sampled_from(KEYS), JSON | TYPES, max_size=10)
SETTINGS = st.builds(
    SensorSettings,
    events=st.sampled_from([(), ("reaction_added", "app_mention", "message_changed")]),
    channel_types=st.sampled_from([("public_channel",), ("im", "mpim")]),
    channels=st.sampled_from([(), ("C1",), ("ops",)]),
    allow_bot_messages=st.booleans(),
    allow_own_messages=st.booleans(),
    strip_formatting=st.booleans(),
    plain_text=st.booleans(),
)


@given(OBJECTS, OBJECTS, OBJECTS, SETTINGS)
def test_any_event_is_survived(event_body, user, channel, config):
    event = Event(event_body)
    wanted = event_filter.EventFilter(config, ME)
    assert event_filter.EventFilter(config, Identity()).evaluate(event, None).ref in (
        None,
        MESSAGE,
        EVENT,
    )
    for looked_up in (None, {}, {"id": "C1"}, channel):
        result = wanted.evaluate(event, looked_up)
        assert result.ref in (None, MESSAGE, EVENT)
    for made in (
        payloads.message_trigger(event, user, channel, {}, config, "https://a.slack.com/"),
        payloads.event_trigger(event, user, channel),
        payloads.command_trigger(event_body, ""),
        payloads.interaction_trigger(event_body, ""),
    ):
        assert storable(made.payload) and json.dumps(made.payload)
        assert len(made.trace_tag) <= 100 and made.trace_tag.isascii()
        assert made.trace_tag.startswith("slack")


@pytest.mark.parametrize(
    "channel, container, expected",
    [
        ({"id": "C1", "name": "a"}, {"channel_id": "C1"}, {"id": "C1", "name": "a"}),
        ({"id": "C1", "name": "a"}, {}, {"id": "C1", "name": "a"}),
        ({}, {"channel_id": "C1"}, {"id": "C1", "name": None}),
        ({"id": "C1", "name": "a"}, {"channel_id": "C2"}, {"id": None, "name": None}),
        ({"id": "C1", "name": "a"}, {"channel_id": "c1"}, {"id": None, "name": None}),
    ],
)
def test_a_press_whose_channel_and_container_disagree_has_none(channel, container, expected):
    payload = {**PRESS, "channel": channel, "container": container}
    assert payloads.interaction_trigger(payload, "").payload["channel"] == expected
