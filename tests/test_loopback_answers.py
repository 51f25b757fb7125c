"""What official clients send and read, each once, against the loopback Slack: files by both ways,
bots, people, lists of IDs, metadata, mentions."""

import hashlib
import json

import pytest
import requests
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from test_loopback_sockets import join, read_event  # noqa: F401

from sandbox.slack.state import seed

PATIENCE = 60
G, D = seed.GENERAL, seed.DEPLOYS
CONTENT = b"\x00raw\r\n--bytes\xff"
ENTITY = {
    "entity_type": "slack#/entities/task",
    "entity_payload": {"attributes": {"title": {"text": "Tide"}}},
    "external_ref": {"id": "1"},
    "url": "https://tides.example/1",
}


@pytest.fixture
def bot(slack):
    """A client with the bot's token."""
    return WebClient(token=slack.bot_token, base_url=slack.api_url, timeout=PATIENCE)


@pytest.fixture
def owner(slack):
    """A client with the token of the workspace's owner."""
    return WebClient(token=slack.user_token, base_url=slack.api_url, timeout=PATIENCE)


def code_of(call, **arguments):
    """The code with which a call is refused."""
    with pytest.raises(SlackApiError) as caught:
        call(**arguments)
    return caught.value.response["error"]


# files


def announced(bot, length):
    """An upload that waits for so many bytes: (its URL, the file's ID)."""
    answer = bot.files_getUploadURLExternal(filename="tide.bin", length=length)
    return answer["upload_url"], answer["file_id"]


@pytest.mark.parametrize("field", ["file", "filename", "body"])
def test_an_upload_url_takes_a_form_with_the_file(slack, bot, field):
    url, file_id = announced(bot, len(CONTENT))
    more = {"note": "x"}
    answer = requests.post(url, data=more, files={field: ("a.bin", CONTENT)}, timeout=PATIENCE)
    assert (answer.status_code, answer.text) == (200, "OK - {}".format(len(CONTENT)))
    assert slack.workspace.uploads[file_id].sha256 == hashlib.sha256(CONTENT).hexdigest()
    bot.files_completeUploadExternal(files=[{"id": file_id}])
    assert slack.workspace.contents[file_id] == CONTENT


@pytest.mark.parametrize(
    "sent",
    [
        {"files": {"a": (None, "no file, a field")}},
        {"files": {"a": ("a", CONTENT), "b": ("b", b"")}},
        {"files": {"a": ("a", CONTENT + b"1")}},
        {"data": b"--x", "headers": {"Content-Type": "multipart/form-data"}},
    ],
    ids=["no file", "two files", "another length", "no form"],
)
def test_an_upload_url_refuses_a_form_without_the_file(slack, bot, sent):
    url, file_id = announced(bot, len(CONTENT))
    assert requests.post(url, timeout=PATIENCE, **sent).status_code == 400
    assert slack.workspace.uploads[file_id].received is None


@pytest.mark.parametrize("key", ["url_private", "url_private_download"])
@pytest.mark.parametrize("name", ["tide tables.csv", "download", "a/b?c#d", ".."])
def test_both_addresses_give_the_file(slack, bot, key, name):
    bot.files_upload_v2(content=CONTENT, filename=name)
    file = next(each for each in bot.files_list()["files"] if each["name"] == name)
    assert file["url_private"] != file["url_private_download"]
    headers = {"Authorization": "Bearer " + slack.bot_token}
    assert requests.get(file[key], headers=headers, timeout=PATIENCE).content == CONTENT
    stranger = requests.get(file[key], timeout=PATIENCE)
    assert stranger.status_code == 200 and "Sign in" in stranger.text


# bots and people


def test_a_bot_has_its_published_shape(bot):
    """The keys and kinds of @slack/web-api's BotsInfoResponse."""
    found = bot.bots_info(bot=seed.BOT_ID)["bot"]
    kinds = {key: type(value) for key, value in found.items()}
    text = ("id", "app_id", "user_id", "name")
    assert kinds == {**dict.fromkeys(text, str), "icons": dict, "deleted": bool, "updated": int}
    assert (found["id"], found["user_id"]) == (seed.BOT_ID, seed.BOT)
    assert set(found["icons"]) == {"image_36", "image_48", "image_72"}


@pytest.mark.parametrize("wanted", ["B0NOWHERE00", seed.BOT, seed.OWNER, ""])
def test_what_is_no_bot_is_not_found(bot, wanted):
    assert code_of(bot.bots_info, bot=wanted) == "bot_not_found"


def test_whose_email_is_confirmed(bot):
    told = {each["name"]: each.get("is_email_confirmed") for each in bot.users_list()["members"]}
    assert told["mara"] is told["lea"] is True and told["harbourbot"] is False
    assert told["jonas"] is None, "nothing of the kind is told of those who left"
    assert bot.users_info(user=seed.OWNER)["user"]["is_email_confirmed"] is True


# arguments


@pytest.mark.parametrize("ids", [[seed.LEA], seed.LEA, '["{}"]'.format(seed.LEA)])
def test_ids_come_as_text_or_as_json(bot, ids):
    """slack_sdk joins a list by commas, @slack/web-api writes JSON."""
    told = bot.canvases_access_set(canvas_id="F0CANVAS001", access_level="read", user_ids=ids)
    assert told["ok"]
    assert bot.canvases_access_delete(canvas_id="F0CANVAS001", user_ids=ids)["ok"]


@pytest.mark.parametrize("ids", ["[", '[{"id": 1}', '{"a": 1}', '["U1"'])
def test_ids_that_are_neither_are_refused(bot, ids):
    code = code_of(bot.canvases_access_delete, canvas_id="F0CANVAS001", user_ids=ids)
    assert code == "invalid_arguments"


@pytest.mark.parametrize(
    "metadata",
    [
        {"entities": [ENTITY]},
        {"event_type": "tide", "event_payload": {"level": 3}, "entities": [ENTITY]},
        {"event_type": "tide", "event_payload": {}},
    ],
)
def test_metadata_may_be_entities(bot, metadata):
    ts = bot.chat_postMessage(channel=G, text="x", metadata=metadata)["ts"]
    told = bot.conversations_history(channel=G, limit=1, include_all_metadata=True)["messages"][0]
    assert told["ts"] == ts and told["metadata"] == metadata


@pytest.mark.parametrize(
    "metadata",
    [
        {"entities": []},
        {"entities": [{}]},
        {"entities": ENTITY},
        {"entities": [dict(ENTITY, url="")]},
        {"entities": [dict(ENTITY, entity_payload="x")]},
        {"event_type": "tide", "entities": [ENTITY]},
        {"event_payload": {}, "entities": [ENTITY]},
    ],
)
def test_other_metadata_is_refused(bot, metadata):
    sent = {"channel": G, "text": "x", "metadata": json.dumps(metadata)}
    assert code_of(bot.api_call, api_method="chat.postMessage", data=sent).startswith("invalid_")


# mentions


def rich(element):
    """A block of rich text with this element."""
    return {
        "type": "rich_text",
        "elements": [{"type": "rich_text_section", "elements": [element]}],
    }


MENTIONS = {
    "text": {"text": "hello <@%s>" % seed.BOT},
    "a label": {"text": "hello <@%s|harbourbot>" % seed.BOT},
    "a reply": {"text": "<@%s> hello" % seed.BOT, "thread": True},
    "rich text": {"text": "hello", "blocks": [rich({"type": "user", "user_id": seed.BOT})]},
    "a section": {
        "text": "hello",
        "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "<@%s>" % seed.BOT}}],
    },
}


@pytest.mark.parametrize("sent", MENTIONS.values(), ids=MENTIONS)
def test_a_mention_posted_by_the_api_is_an_event(slack, owner, join, sent):  # noqa: F811
    sent = dict(sent)
    if sent.pop("thread", False):
        sent["thread_ts"] = slack.workspace.channels[D].messages[0]["ts"]
    ws = join()
    posted = owner.chat_postMessage(channel=D, **sent)
    message, mention = read_event(ws), read_event(ws)
    assert (message["type"], mention["type"]) == ("message", "app_mention")
    for key in ("user", "text", "ts", "channel", "event_ts"):
        assert message[key] == mention[key]
    assert (mention["ts"], mention["user"]) == (posted["ts"], seed.OWNER)
    assert message.get("thread_ts") == mention.get("thread_ts") == sent.get("thread_ts")
    assert "channel_type" not in mention


@pytest.mark.parametrize(
    "text, who",
    [
        ("<@%s>" % seed.LEA, "owner"),
        ("@harbourbot, %s" % seed.BOT, "owner"),
        ("&lt;@%s&gt;" % seed.BOT, "owner"),
        ("<@%s>" % seed.BOT, "bot"),
    ],
    ids=["another person", "no mention", "escaped", "the bot itself"],
)
def test_what_mentions_no_bot_is_its_message_only(slack, bot, owner, join, text, who):  # noqa: F811
    ws = join()
    (bot if who == "bot" else owner).chat_postMessage(channel=D, text=text)
    slack.workspace.say(seed.OWNER, D, "the next one")
    assert [read_event(ws)["text"] for _ in range(2)] == [text, "the next one"]


def test_a_mention_in_a_direct_message_is_its_message_only(slack, owner, join):  # noqa: F811
    ws = join()
    owner.chat_postMessage(channel=seed.BOT, text="<@%s> hi" % seed.BOT)
    slack.workspace.say(seed.OWNER, D, "the next one")
    assert [read_event(ws)["type"] for _ in range(2)] == ["message", "message"]


def test_rtm_brings_no_mentions(slack, owner, join):  # noqa: F811
    ws = join("rtm")
    owner.chat_postMessage(channel=D, text="<@%s>" % seed.BOT)
    slack.workspace.say(seed.OWNER, D, "the next one")
    assert [json.loads(ws.recv(PATIENCE))["type"] for _ in range(2)] == [
        "message",
        "message",
    ]
