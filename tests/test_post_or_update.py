"""slack.post_or_update: one message under a key, whatever is repeated, interrupted or deleted."""

import json

import pytest
from helpers import calls, make_client
from test_secrets import CANARY, TOKEN, Everything, faults_of_every_kind

from sandbox.slack import Fault
from sandbox.slack.state import seed
from st2slack.base.errors import (
    InputError,
    ResponseLost,
    SlackApiError,
    SlackError,
    StackStormUnavailable,
)
from st2slack.messages.post_or_update import post_or_update
from st2slack.messages.upsert import EVENT
from st2slack.stackstorm.client import StackStorm

DEPLOYS, GENERAL = seed.DEPLOYS, seed.GENERAL
KEY = "slack_kept.:incident-42"


@pytest.fixture
def keep(st2, config):
    """The action's work, with a key and a text unless others are given."""

    def kept(text="It burns", client=None, **given):
        given = {"key": "incident-42", "channel": DEPLOYS, "text": text, **given}
        api = StackStorm(st2.client(), sleep=lambda seconds: None)
        return post_or_update(api, client or make_client(config), given, lambda: 1795420800.0)

    return kept


def messages(slack, channel=DEPLOYS):
    return slack.workspace.channels[channel].messages


def stored(st2, key=KEY):
    return json.loads(StackStorm(st2.client()).datastore.read(key) or "null")


def delete(slack, config, ts):
    make_client(config).call("chat.delete", {"channel": DEPLOYS, "ts": ts})


# --- changing -----------------------------------------------------------------------------------


def test_the_first_call_posts_and_later_ones_change_it(slack, st2, keep):
    before = len(messages(slack))
    first = keep("It burns")
    message = messages(slack)[-1]
    assert first == {
        "ok": True,
        "channel": DEPLOYS,
        "ts": message["ts"],
        "thread_ts": message["ts"],
        "created": True,
        "why": "",
    }
    assert stored(st2)["ts"] == message["ts"] and "begun" not in stored(st2)
    second = keep("It is out")
    assert second == {**first, "created": False} and len(messages(slack)) == before + 1
    assert messages(slack)[-1]["text"] == "It is out"


def test_a_repeated_workflow_posts_nothing_twice(slack, keep):
    steps = [
        {"text": "It burns"},
        {"text": "Who smells smoke?", "mode": "reply"},
        {"text": "It is out", "mode": "update"},
    ]
    before = len(messages(slack))
    for _ in range(3):
        told = [keep(**step) for step in steps]
    assert [each["created"] for each in told] == [False] * 3
    head, reply = messages(slack)[before:]
    assert head["text"] == "It is out" and reply["thread_ts"] == head["ts"]


def test_nothing_of_the_old_contents_stays(slack, keep):
    keep(blocks=[{"type": "divider"}], attachments=[{"text": "x"}])
    assert messages(slack)[-1]["blocks"] and messages(slack)[-1]["attachments"]
    keep("plain")
    assert not messages(slack)[-1].get("blocks") and not messages(slack)[-1].get("attachments")
    keep("", blocks=[{"type": "divider"}])
    assert messages(slack)[-1]["text"] == "" and messages(slack)[-1]["blocks"]


def test_each_key_and_each_workspace_has_its_own(slack, config, keep):
    before = len(messages(slack))
    keep()
    keep(key="incident-43")
    config["workspaces"] = [{"name": "emea", "action_token": slack.bot_token}]
    keep(client=make_client(config, workspace="emea"))
    assert len(messages(slack)) == before + 3


@pytest.mark.parametrize("given", ["deploys", "#deploys", DEPLOYS, "<#%s|x>" % DEPLOYS, None, " "])
def test_the_channel_may_be_left_out_later_or_named_otherwise(keep, given):
    first = keep(channel="#deploys")
    assert keep(channel=given)["ts"] == first["ts"]


def test_a_direct_message(keep):
    first = keep(channel="U0HARBOUR01")
    assert first["channel"].startswith("D")
    assert keep(channel="U0HARBOUR01")["ts"] == first["ts"]
    assert keep(channel="<@U0HARBOUR01|mara>")["ts"] == first["ts"]
    assert keep(channel=first["channel"])["ts"] == first["ts"]


@pytest.mark.parametrize("given", [GENERAL, "#general"])
def test_a_key_belongs_to_one_channel(slack, keep, given):
    keep()
    with pytest.raises(InputError, match="is in %s. For %s use another key" % (DEPLOYS, given)):
        keep(channel=given)
    assert len(calls(slack, "chat.postMessage")) == 1 and not calls(slack, "chat.update")


# --- answering ----------------------------------------------------------------------------------


def test_answers_stand_in_the_thread_each_once(slack, keep):
    head = keep()
    first = keep("one", mode="reply", reply_key="step 1")
    again = keep("one and a half", mode="reply", reply_key="step 1")
    other = keep("two", mode="reply", reply_key="step 2")
    assert first["thread_ts"] == head["ts"] != first["ts"]
    assert (again["ts"], again["created"]) == (first["ts"], False)
    assert other["created"] and other["ts"] != first["ts"]
    replies = slack.workspace.channels[DEPLOYS].thread(head["ts"])
    assert [each["text"] for each in replies] == ["one and a half", "two"]


def test_without_a_key_of_its_own_the_same_text_is_the_same_answer(slack, keep):
    head = keep()
    assert keep("one", mode="reply")["created"] and not keep("one", mode="reply")["created"]
    assert keep("two", mode="reply")["created"]
    assert len(slack.workspace.channels[DEPLOYS].thread(head["ts"])) == 2


def test_a_first_answer_is_the_message_and_does_not_answer_itself(slack, keep):
    before = len(messages(slack))
    first = keep("one", mode="reply")
    assert first["created"] and keep("one", mode="reply")["ts"] == first["ts"]
    assert keep("two", mode="reply")["thread_ts"] == first["ts"]
    assert len(messages(slack)) == before + 2


def test_an_answer_shown_in_the_channel_too(slack, keep):
    keep()
    keep("one", mode="reply", reply_broadcast=True)
    assert messages(slack)[-1]["subtype"] == "thread_broadcast"
    assert not keep("one", mode="reply", reply_broadcast=True)["created"]


def test_answers_are_known_for_a_month(st2, keep):
    keep()
    keep("one", mode="reply")
    ttls = {each.path: each.body.get("ttl") for each in st2.requests if each.method == "PUT"}
    assert sorted(ttls.values(), key=str) == [30 * 86400, None]


# --- what happens in between --------------------------------------------------------------------


@pytest.mark.parametrize("replies", [0, 1])
def test_a_message_that_somebody_deleted_is_posted_anew(slack, config, keep, replies):
    first = keep()
    for number in range(replies):
        keep("answer %d" % number, mode="reply")
    delete(slack, config, first["ts"])
    told = keep("It burns again")
    assert told["created"] and told["ts"] != first["ts"] and "deleted" in told["why"]
    assert keep("It burns again")["ts"] == told["ts"]


def test_a_message_posted_anew_gets_its_answers_anew(slack, config, keep):
    first = keep()
    keep("one", mode="reply")
    delete(slack, config, first["ts"])
    second = keep()
    answer = keep("one", mode="reply")
    assert answer["created"] and answer["thread_ts"] == second["ts"] != first["ts"]


def test_an_answer_whose_thread_is_gone_begins_a_new_one(slack, config, keep):
    first = keep()
    delete(slack, config, first["ts"])
    told = keep("one", mode="reply")
    assert told["created"] and told["thread_ts"] == told["ts"] == messages(slack)[-1]["ts"]
    assert (
        told["why"] == "posted as a new message: the old one and its thread do not exist any more"
    )
    assert keep("one", mode="reply")["ts"] == told["ts"]


def test_a_message_too_old_to_be_changed(slack, keep):
    keep()
    slack.faults.append(Fault.refuse("edit_window_closed", method="chat.update"))
    told = keep("later")
    assert told["created"] and "too old" in told["why"]


def test_another_refusal_fails_and_forgets_nothing(slack, st2, keep):
    first = keep()
    slack.faults.append(Fault.refuse("msg_too_long", method="chat.update"))
    with pytest.raises(SlackApiError, match="msg_too_long"):
        keep("x")
    assert stored(st2)["ts"] == first["ts"]


@pytest.mark.parametrize("mode", ["update", "reply"])
def test_what_was_posted_by_a_call_that_was_killed_is_found(slack, st2, keep, mode):
    """Between posting and storing: the message is there, the datastore knows only that it began."""
    if mode == "reply":
        keep("head")
    before = len(messages(slack))
    slack.faults.append(Fault.cut_after_read(method="chat.postMessage"))
    with pytest.raises(ResponseLost):
        keep("one", mode=mode)
    assert len(messages(slack)) == before + 1
    told = keep("one", mode=mode)
    assert (told["ts"], told["created"]) == (messages(slack)[-1]["ts"], False)
    assert len(messages(slack)) == before + 1


def test_the_same_where_the_datastore_went_away(slack, st2, keep):
    before = len(messages(slack))
    writes = []

    def fail_from_now_on(event):
        if event["type"] == "message" and not writes:
            writes.append(st2.fault("PUT /v1/keys", status=500, times=None))

    slack.workspace.on_event = fail_from_now_on
    with pytest.raises(StackStormUnavailable):
        keep()
    writes[0].times = writes[0].taken
    assert keep("It burns")["created"] is False and len(messages(slack)) == before + 1


def test_what_was_begun_and_never_posted_is_posted(slack, st2, keep):
    slack.faults.append(Fault.status(503, method="chat.postMessage"))
    with pytest.raises(ResponseLost):
        keep()
    assert stored(st2)["begun"] == 1795420800.0
    told = keep()
    assert told["created"] and told["why"] == ""
    (look,) = calls(slack, "conversations.history")
    assert dict(look.query)["oldest"] == "%.6f" % (1795420800.0 - 60)


def test_it_is_found_behind_many_others(slack, keep):
    slack.faults.append(Fault.cut_after_read(method="chat.postMessage"))
    with pytest.raises(ResponseLost):
        keep(channel="#deploys")
    ts = messages(slack)[-1]["ts"]
    for number in range(450):
        slack.workspace.say("U0HARBOUR01", DEPLOYS, "chat %d" % number)
    assert keep(channel="#deploys")["ts"] == ts


def test_a_message_of_another_key_is_not_taken_for_it(slack, st2, config, keep):
    metadata = {"event_type": EVENT, "event_payload": {"key": "slack_kept.:incident-4"}}
    foreign = {"channel": DEPLOYS, "text": "x", "metadata": metadata}
    make_client(config).call("chat.postMessage", foreign)
    StackStorm(st2.client()).datastore.write(KEY, json.dumps({"asked": DEPLOYS, "begun": 1.0}))
    assert keep()["created"]


def test_where_it_cannot_be_looked_for_it_is_posted_and_said(slack, keep):
    slack.faults.append(Fault.cut_after_read(method="chat.postMessage"))
    with pytest.raises(ResponseLost):
        keep()
    slack.faults.append(Fault.refuse("missing_scope", method="conversations.history"))
    told = keep()
    assert told["created"] and "possibly posted twice" in told["why"]
    assert "missing_scope" in told["why"]


def test_what_slack_surely_refused_leaves_nothing_behind(slack, st2, keep):
    with pytest.raises(SlackApiError, match="channel_not_found"):
        keep(channel="C0NOWHERE01")
    assert stored(st2) is None
    assert keep()["created"], "so the key is free for another channel"


def test_a_datastore_that_cannot_be_read_posts_nothing(slack, st2, keep):
    st2.fault("GET /v1/keys", status=500, times=None)
    with pytest.raises(StackStormUnavailable):
        keep()
    assert not slack.requests


@pytest.mark.parametrize("text", ["no JSON", "[]", '"x"'])
def test_a_record_that_is_none_is_named(slack, st2, keep, text):
    StackStorm(st2.client()).datastore.write(KEY, text)
    with pytest.raises(InputError, match="key %s holds no record" % KEY):
        keep()
    assert not slack.requests


# --- what is given ------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["", "a b", "a/b", "a:b", "x" * 101, None, "ä", "{{ x }}", "a\n"])
def test_a_key_that_cannot_be_one(slack, keep, key):
    with pytest.raises(InputError, match="Parameter `key`"):
        keep(key=key)
    assert not slack.requests


def test_nothing_to_say_and_nowhere_to_say_it(slack, keep):
    with pytest.raises(InputError, match="The message is empty"):
        keep("")
    with pytest.raises(InputError, match="Parameter `channel` is required"):
        keep(channel=None)
    assert not slack.requests


@pytest.mark.parametrize("name", sorted(faults_of_every_kind()))
@pytest.mark.parametrize("after", [0, 1])
@pytest.mark.parametrize("mode", ["update", "reply"])
def test_no_fault_brings_the_token_out(slack, config, capfd, keep, name, after, mode):
    slack.tokens[TOKEN] = slack.tokens[slack.bot_token]
    config["action_token"] = TOKEN
    fault = faults_of_every_kind()[name]
    fault.after += after
    slack.faults.append(fault)
    with Everything(capfd) as everything:
        client, errors = make_client(config), []
        for _ in range(3):
            try:
                keep(mode=mode, client=client)
            except SlackError as caught:
                errors.append(caught)
        said = "".join(client.notices)
        for error in errors or [None]:
            said += everything.text(error).replace(str(getattr(error, "answer", "")), "")
    assert CANARY not in said, name


# --- as an action -------------------------------------------------------------------------------


def test_two_executions_at_once_post_one_message(slack, st2, config):
    st2.configs["slack"] = config
    before = len(messages(slack))
    given = {"key": "incident-42", "channel": DEPLOYS, "text": "It burns"}
    started = [st2.run("slack.post_or_update", given) for _ in range(3)]
    ended = [st2.ended(each) for each in started]
    assert [each["status"] for each in ended] == ["succeeded"] * 3, ended
    created = [each["result"]["result"]["created"] for each in ended]
    assert sorted(created) == [False, False, True] and len(messages(slack)) == before + 1
