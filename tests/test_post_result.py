"""slack.post_result: where a result goes, once only, whole, and what is never in it."""

import json

import pytest
from helpers import Clock, calls, make_client
from test_result_blocks import text_of
from test_secrets import CANARY, TOKEN, Everything, faults_of_every_kind

from sandbox.slack import Fault
from sandbox.slack.state import seed
from st2slack.base.errors import (
    InputError,
    NotFound,
    SlackApiError,
    SlackError,
    StackStormUnavailable,
)
from st2slack.messages.upsert import EVENT
from st2slack.results import alias_format
from st2slack.results import post_result as results_post_result
from st2slack.results.notification import Notification, find_workspace, read_notification
from st2slack.results.post_result import Clocks, post_result
from st2slack.results.result_blocks import REQUEST_BLOCK_ID
from st2slack.stackstorm.alias import AliasRequest
from st2slack.stackstorm.client import StackStorm
from st2slack.stackstorm.execution import ENDED

DEPLOYS, GENERAL = seed.DEPLOYS, seed.GENERAL
TOMASZ = "U0HARBOUR02"
FORMATTER = alias_format.FORMATTER
LONG = "".join("line %d of the output\n" % number for number in range(2000))


@pytest.fixture
def tell(st2, config):
    """Posts the result of an execution; `more`: members of the notice."""

    def told(execution_id, channel=DEPLOYS, client=None, **more):
        def until_formatted(_):
            st2.wait_for(lambda: all(e["status"] in ENDED for e in st2.executions(FORMATTER)))

        notice = Notification(execution_id, channel, **more)
        times = Clocks(sleep=until_formatted, now=lambda: 1795420800.0)
        return post_result(StackStorm(st2.client()), client or make_client(config), notice, times)

    return told


@pytest.fixture
def execution(st2):
    """The ID of an execution of tests.deploy that has ended; `result`: what it answers."""

    def made(result="all is well", **how):
        def run():
            if isinstance(result, Exception):
                raise result
            return result

        st2.action("tests.deploy", run, **how)
        found = st2.run("tests.deploy")
        st2.ended(found)
        return found

    return made


@pytest.fixture
def by_alias(st2, execution):
    """The same of an alias with this `result`, as `/aliasexecution` starts it, without a route."""

    def made(wanted, answer="all is well"):
        execution(answer)
        alias = st2.alias(
            pack="tests",
            name="deploy",
            action_ref="tests.deploy",
            formats=["deploy"],
            result=wanted,
        )
        reference = {"id": alias["id"], "name": "deploy"}
        context = {"action_alias_ref": reference, "api_user": TOMASZ}
        found = st2.run("tests.deploy", context=context)
        st2.ended(found)
        return found

    return made


def messages(slack, channel=DEPLOYS):
    return slack.workspace.channels[channel].messages


def texts(message):
    return [text_of(block) for block in message["blocks"]]


def acknowledge(slack, config, thread_ts=None, block_id=REQUEST_BLOCK_ID):
    """What stands in the thread's head until the result comes; its timestamp."""
    line = {"type": "mrkdwn", "text": "<@%s> runs `deploy`" % TOMASZ}
    blocks = [{"type": "section", "block_id": block_id, "text": line}, {"type": "divider"}]
    given = {"channel": DEPLOYS, "text": "<@%s> runs `deploy`" % TOMASZ, "blocks": blocks}
    answer = make_client(config).call("chat.postMessage", {**given, "thread_ts": thread_ts})
    return answer["ts"]


# --- where it goes ------------------------------------------------------------------------------


def test_a_result_is_posted(slack, st2, tell, execution):
    execution_id = execution()
    told = tell(execution_id, user=TOMASZ)
    message = messages(slack)[-1]
    assert told == {
        "ok": True,
        "posted": True,
        "channel": DEPLOYS,
        "ts": message["ts"],
        "created": True,
        "file": "",
        "why": "",
    }
    shown = texts(message)
    assert "`tests.deploy` *succeeded*" in shown[0] and shown[1] == "all is well"
    assert shown[2].startswith("asked by <@%s>" % TOMASZ) and "thread_ts" not in message


def test_by_name_and_to_a_person(slack, tell, execution):
    tell(execution(), "#deploys")
    assert texts(messages(slack)[-1])[1] == "all is well"
    told = tell(execution(), "U0HARBOUR01")
    assert told["channel"].startswith("D")


def test_in_a_thread(slack, tell, execution):
    parent = messages(slack)[0]["ts"]
    tell(execution(), thread_ts=parent)
    assert messages(slack)[-1]["thread_ts"] == parent


@pytest.mark.parametrize("in_thread", [False, True])
def test_an_acknowledgement_becomes_the_result_and_keeps_who_asked(
    slack, config, tell, execution, in_thread
):
    parent = messages(slack)[0]["ts"] if in_thread else ""
    ts = acknowledge(slack, config, parent or None)
    before = len(messages(slack))
    told = tell(execution(), message=ts, thread_ts=parent, user=TOMASZ)
    assert (told["ts"], told["created"], len(messages(slack))) == (ts, False, before)
    message = messages(slack)[-1]
    assert message["blocks"][0]["block_id"] == REQUEST_BLOCK_ID
    shown = texts(message)
    assert shown[0] == "<@%s> runs `deploy`" % TOMASZ and shown[2] == "all is well"
    assert "asked by" not in shown[3] and len(shown) == 4


def test_an_acknowledgement_that_cannot_be_read_is_told_from_what_is_known(
    slack, config, tell, execution
):
    ts = acknowledge(slack, config)
    slack.faults.append(Fault.refuse("missing_scope", method="conversations.history"))
    tell(execution(), message=ts, user=TOMASZ)
    assert texts(messages(slack)[-1])[0] == "<@%s> asked for `tests.deploy`" % TOMASZ


@pytest.mark.parametrize("code", ["message_not_found", "cant_update_message", "edit_window_closed"])
def test_what_cannot_be_changed_is_posted_anew_in_the_thread(slack, config, tell, execution, code):
    ts = acknowledge(slack, config)
    slack.faults.append(Fault.refuse(code, method="chat.update"))
    told = tell(execution(), message=ts)
    message = messages(slack)[-1]
    assert (told["created"], told["ts"]) == (True, message["ts"]) and message["thread_ts"] == ts
    assert told["why"].startswith("posted as a new message: ")


def test_an_acknowledgement_that_is_gone(slack, config, tell, execution):
    ts = acknowledge(slack, config)
    make_client(config).call("chat.delete", {"channel": DEPLOYS, "ts": ts})
    told = tell(execution(), message=ts, user=TOMASZ)
    assert told["created"] and "thread_ts" not in messages(slack)[-1]
    assert texts(messages(slack)[-1])[0] == "<@%s> asked for `tests.deploy`" % TOMASZ


def test_a_channel_that_cannot_be_posted_in_fails(slack, st2, tell, execution):
    with pytest.raises(SlackApiError, match="channel_not_found"):
        tell(execution(), "C0NOWHERE01")
    assert not st2.client().keys.get_all(prefix="slack_result")


def test_where_the_app_is_not_the_one_who_asked_gets_it(slack, tell, execution):
    execution_id = execution()
    told = tell(execution_id, "C0NOWHERE01", user=TOMASZ)
    assert told["channel"].startswith("D") and "channel_not_found" in told["why"]
    assert texts(messages(slack, told["channel"])[-1])[1] == "all is well"
    assert tell(execution_id, "C0NOWHERE01", user=TOMASZ)["ts"] == told["ts"]
    slack.faults.append(Fault.refuse("msg_too_long", method="chat.postMessage", times=None))
    with pytest.raises(SlackApiError, match="msg_too_long"):
        tell(execution("x"), user=TOMASZ)


def test_without_a_channel_it_says_where_to_name_one(slack, tell, execution):
    with pytest.raises(InputError, match="Name one in the data of the notification"):
        tell(execution(), "")
    assert not slack.requests


def test_an_execution_that_is_not_there(tell):
    with pytest.raises(NotFound, match="no execution 65a0"):
        tell("65a0c0ffee65a0c0ffee0001")


def test_an_api_that_gives_no_answer_posts_nothing(slack, st2, tell, execution):
    execution_id = execution()
    st2.fault("GET /v1/executions", status=500, times=None)
    with pytest.raises(StackStormUnavailable):
        tell(execution_id)
    assert not calls(slack, "chat.postMessage")


# --- once only ----------------------------------------------------------------------------------


def test_a_second_notification_posts_nothing_twice(slack, st2, tell, execution):
    execution_id = execution(LONG)
    first = tell(execution_id)
    before = len(messages(slack))
    second = tell(execution_id)
    assert (second["ts"], second["created"]) == (first["ts"], False)
    assert second["file"] == first["file"] != "" and len(messages(slack)) == before
    assert tell(execution_id, GENERAL)["created"], "elsewhere it is another message"


def test_what_was_posted_but_not_stored_is_found_again(slack, st2, tell, execution):
    execution_id = execution()
    st2.fault("PUT /v1/keys", status=500, times=1, done=True)  # the intent: done, and answered 500
    tell(execution_id)
    before = len(messages(slack))
    key = "slack_result.%s.%s" % (execution_id, DEPLOYS)
    begun = '{"asked": "%s", "thread_ts": "", "begun": 1795420800.0}' % DEPLOYS
    StackStorm(st2.client()).datastore.write(key, begun)
    assert tell(execution_id)["created"] is False and len(messages(slack)) == before
    assert messages(slack)[-1]["metadata"] == {"event_type": EVENT, "event_payload": {"key": key}}


def test_what_is_kept_of_it_is_forgotten_some_day(st2, tell, execution):
    tell(execution())
    written = [each.body for each in st2.requests if each.method == "PUT" and "/keys/" in each.path]
    assert written and {body["ttl"] for body in written} == {results_post_result.RESULT_TTL}


# --- long output --------------------------------------------------------------------------------


def files_of(slack, message):
    return [slack.workspace.contents[each["id"]].decode() for each in message["files"]]


def test_a_long_output_is_whole_in_a_file_in_the_thread(slack, tell, execution):
    told = tell(execution(LONG))
    message, upload = messages(slack)[-2:]
    assert upload["thread_ts"] == message["ts"] == told["ts"]
    assert files_of(slack, upload) == [LONG] and told["file"] == upload["files"][0]["id"]
    shown = texts(message)
    assert (
        LONG.startswith(shown[1]) and "All %d characters are in the thread" % len(LONG) in shown[-1]
    )


def test_of_an_acknowledgement_in_a_thread_too(slack, config, tell, execution):
    parent = messages(slack)[0]["ts"]
    ts = acknowledge(slack, config, parent)
    tell(execution(LONG), message=ts, thread_ts=parent)
    assert messages(slack)[-1]["thread_ts"] == parent and files_of(slack, messages(slack)[-1])


@pytest.mark.parametrize("method", ["files.getUploadURLExternal", "files.completeUploadExternal"])
def test_without_the_file_the_message_says_that_it_is_cut(slack, tell, execution, method):
    slack.faults.append(Fault.refuse("missing_scope", method=method, times=None))
    told = tell(execution(LONG))
    assert told["file"] == "" and "missing_scope" in told["why"]
    last = texts(messages(slack)[-1])[-1]
    assert "beginning of %d characters" % len(LONG) in last and "(missing_scope)" in last


def test_an_upload_that_may_have_arrived_is_not_made_twice(slack, tell, execution):
    execution_id = execution(LONG)
    fault = Fault.cut_after_read(method="files.completeUploadExternal", times=None)
    slack.faults.append(fault)
    assert "may have arrived" in tell(execution_id)["why"]
    slack.faults.clear()
    before = len(calls(slack, "files.completeUploadExternal"))
    assert tell(execution_id)["file"] == ""
    assert len(calls(slack, "files.completeUploadExternal")) == before


# --- what the alias says ------------------------------------------------------------------------


def test_an_aliass_text(slack, tell, by_alias):
    wanted = {"format": "*Live*: {{ execution.result.result }}"}
    told = tell(by_alias(wanted), user=TOMASZ)
    assert texts(messages(slack)[-1])[1] == "*Live*: all is well" and told["why"] == ""


def test_what_was_typed_becomes_no_link_in_an_aliass_text(slack, st2, tell):
    typed = "<https://evil.example|https://bank.example>"
    st2.action("tests.echo", lambda key: "did " + key, {"key": {"type": "string"}})
    wanted = {
        "format": "{{ execution.result.result }}, see <https://ci.example/{{ execution.id }}|CI>",
        "extra": {"slack": {"footer": "for {{ execution.parameters.key }}"}},
    }
    alias = st2.alias(
        pack="tests", name="echo", action_ref="tests.echo", formats=["echo"], result=wanted
    )
    context = {"action_alias_ref": {"id": alias["id"], "name": "echo"}, "api_user": TOMASZ}
    execution_id = st2.run("tests.echo", {"key": typed}, context=context)
    st2.ended(execution_id)
    tell(execution_id, note="asked for %s, <https://wiki.example|why>" % typed)
    sent = json.dumps(messages(slack)[-1])
    assert typed not in sent and "&lt;https://evil.example|https://bank.example&gt;" in sent
    assert "<https://ci.example/%s|CI>" % execution_id in sent
    assert "<https://wiki.example|why>" in sent


def test_an_alias_that_wants_no_message(slack, st2, tell, by_alias):
    told = tell(by_alias({"enabled": False}))
    assert told == {
        "ok": True,
        "posted": False,
        "why": "the alias has `result.enabled: false`",
    }
    assert not slack.requests and not st2.executions(FORMATTER)


def test_without_a_format_the_result_is_ours(slack, tell, by_alias):
    tell(by_alias({"extra": {"slack": {"unfurl_links": False}}}))
    assert texts(messages(slack)[-1])[1] == "all is well"
    assert dict(calls(slack, "chat.postMessage")[-1].form)["unfurl_links"] == "false"


def test_an_aliass_colour(slack, tell, by_alias):
    extra = {"color": "{{ 'good' if execution.status == 'succeeded' else 'danger' }}"}
    tell(by_alias({"format": "It *is*.", "extra": {"slack": extra}}))
    (attachment,) = messages(slack)[-1]["attachments"]
    assert (attachment["color"], attachment["text"]) == ("good", "It *is*.")


FROM = {"username": "Jira_Bot", "icon_emoji": ":jira:"}


def test_all_of_extra_gets_to_slack(slack, tell, by_alias):
    own = {"text": "own text", "title": "T", "actions": [{"type": "button", "text": "b"}], **FROM}
    tell(by_alias({"format": "said", "extra": {"color": "good", "slack": own}}))
    assert texts(messages(slack)[-1])[1] == "said"
    form = dict(calls(slack, "chat.postMessage")[-1].form)
    (attachment,) = json.loads(form["attachments"])
    assert {**attachment, **{key: form[key] for key in FROM}} == {
        "color": "good",
        "mrkdwn_in": ["text", "pretext"],
        **own,
    }


@pytest.mark.parametrize("extra", [{"color": "good"}, {"color": "good", "slack": {"title": "T"}}])
def test_a_colour_beside_slack(slack, tell, by_alias, extra):
    tell(by_alias({"format": "said", "extra": extra}))
    (attachment,) = messages(slack)[-1]["attachments"]
    assert (attachment["color"], attachment["text"]) == ("good", "said")


def test_an_acknowledgement_keeps_whom_it_is_from(slack, config, tell, by_alias):
    """chat.update has no `username`."""
    ts = acknowledge(slack, config)
    tell(by_alias({"format": "said", "extra": {"slack": FROM}}), message=ts)
    assert not set(FROM) & set(dict(calls(slack, "chat.update")[-1].form))
    assert "said" in texts(messages(slack)[-1])


def test_a_name_that_the_app_may_not_take_loses_no_result(slack, tell, by_alias):
    needed = {"needed": "chat:write.customize", "provided": "chat:write"}
    slack.faults.append(Fault.refuse("missing_scope", method="chat.postMessage", **needed))
    told = tell(by_alias({"format": "said", "extra": {"slack": FROM}}))
    assert "(missing_scope)" in told["why"] and texts(messages(slack)[-1])[1] == "said"


def test_blocks_of_an_alias_that_slack_does_not_take_lose_no_result(slack, tell, by_alias):
    wanted = {"format": "text", "extra": {"slack": {"blocks": [{"no": "type"}]}}}
    told = tell(by_alias(wanted))
    assert "(invalid_blocks)" in told["why"] and texts(messages(slack)[-1])[1] == "text"


@pytest.mark.parametrize("channel", [GENERAL, "<#%s|general>" % GENERAL])
def test_an_alias_that_wants_it_elsewhere(slack, config, tell, by_alias, channel):
    ts = acknowledge(slack, config)
    wanted = {"format": "text", "extra": {"slack": {"channel": channel}}}
    told = tell(by_alias(wanted), message=ts, user=TOMASZ)
    assert told["channel"] == GENERAL and texts(messages(slack, GENERAL)[-1])[-2] == "text"
    shown = texts(messages(slack)[-1])
    assert shown[0] == "<@%s> runs `deploy`" % TOMASZ and "*succeeded*" in shown[1]
    assert shown[2] == "The result is in <#%s>." % GENERAL


def breaks(st2, how):
    wanted = {"execution_id": {"type": "string"}}
    if how == "missing":
        st2.fault("POST /v1/executions", status=400)
    elif how == "failing":
        st2.action(FORMATTER, lambda execution_id: 1 / 0, wanted)
    else:
        st2.action(FORMATTER, lambda execution_id: "a text", wanted)


@pytest.mark.parametrize("how", ["missing", "failing", "answering a text"])
def test_where_the_formatter_fails_the_message_is_ours(slack, st2, tell, by_alias, how):
    execution_id = by_alias({"format": "x"})
    breaks(st2, how)
    told = tell(execution_id)
    assert told["why"].startswith(FORMATTER + " gave no text")
    assert texts(messages(slack)[-1])[1] == "all is well"


def test_a_formatter_that_does_not_end_is_not_waited_for_long(slack, st2, config, by_alias):
    execution_id = by_alias({"format": "x"})
    policy = {"threshold": 0, "action": "delay"}
    st2.policy(resource_ref=FORMATTER, policy_type="action.concurrency", parameters=policy)
    clock = Clock()
    times = Clocks(clock.sleep, clock, lambda: 1795420800.0)
    notice = Notification(execution_id, DEPLOYS)
    told = post_result(StackStorm(st2.client()), make_client(config), notice, times)
    assert "it was delayed after 30 s" in told["why"]
    assert alias_format.TIMEOUT <= sum(clock.slept) < alias_format.TIMEOUT + 2
    assert texts(messages(slack)[-1])[1] == "all is well"


# --- secrets ------------------------------------------------------------------------------------


def test_what_stackstorm_masks_stays_masked(slack, st2, tell, by_alias):
    secret = {"type": "string", "secret": True}
    schema = {"password": secret, "user": {"type": "string"}}
    answer = {"password": CANARY, "user": "ana"}
    st2.action(
        "tests.secret",
        lambda key: answer,
        {"key": secret},
        output_schema={"type": "object", "properties": schema},
    )
    alias = st2.alias(
        pack="tests",
        name="secret",
        action_ref="tests.secret",
        formats=["secret"],
        result={"format": "{{ execution.parameters.key }} {{ execution.result.result.password }}"},
    )
    for context in ({}, {"action_alias_ref": {"id": alias["id"], "name": "secret"}}):
        execution_id = st2.run("tests.secret", {"key": CANARY}, context=context)
        st2.ended(execution_id)
        assert st2.execution(execution_id)["result"]["result"]["password"] == CANARY
        tell(execution_id)
        assert "********" in texts(messages(slack)[-1])[1]
    sent = "".join(str(each.form) + str(each.json) for each in slack.requests)
    assert CANARY not in sent


@pytest.mark.parametrize("name", sorted(faults_of_every_kind()))
@pytest.mark.parametrize("after", [0, 1, 2])
def test_no_fault_brings_the_token_out(slack, config, capfd, tell, execution, name, after):
    slack.tokens[TOKEN] = slack.tokens[slack.bot_token]
    config["action_token"] = TOKEN
    ts = acknowledge(slack, config)
    execution_id = execution(LONG)
    slack.requests.clear()
    fault = faults_of_every_kind()[name]
    fault.after += after
    slack.faults.append(fault)
    with Everything(capfd) as everything:
        client, error, told = make_client(config), None, {}
        try:
            told = tell(execution_id, client=client, message=ts)
        except SlackError as caught:
            error = caught
        said = everything.text(error) + "".join(client.notices) + str(told)
    said = said.replace(str(getattr(error, "answer", "")), "")
    assert CANARY not in said, name
    assert all(CANARY not in each.path + str(each.query) for each in slack.requests)


# --- what is handed over ------------------------------------------------------------------------


def test_what_came_with_the_command_goes_first():
    context = {"channel": "C1", "thread_ts": "1.000001", "message": "2.000002", "workspace": "a"}
    given = {"execution_id": "65a0", "channel": "C2", "workspace": "b", "source_context": context}
    assert read_notification(given) == Notification("65a0", "C1", "1.000001", "2.000002")
    assert find_workspace(given) == "a" and find_workspace({"workspace": "b"}) == "b"
    assert find_workspace({}) is None and find_workspace({"source_context": []}) is None


@pytest.mark.parametrize(
    ("note", "shown"),
    [
        ("Action core.local completed.", ""),
        ("Action core.local succeeded.", ""),
        ("Nightly backup", "Nightly backup"),
        (None, ""),
    ],
)
def test_stackstorms_own_words_are_no_note(note, shown):
    assert read_notification({"execution_id": "65a0", "note": note}).note == shown


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"execution_id": "../keys/x"},
        {"execution_id": "65a0", "thread_ts": "yesterday"},
        {"execution_id": "65a0", "source_context": {"message": "{{ st2kv.system.x }}"}},
    ],
)
def test_what_cannot_be_is_refused(given):
    with pytest.raises(InputError, match="Parameter `"):
        read_notification(given)


# --- the whole way ------------------------------------------------------------------------------


def test_a_nightly_job_reports(slack, st2, config):
    st2.configs["slack"] = config
    st2.enable_rule("slack.post_results")
    st2.action("tests.backup", lambda: {"size": "42 GB"})
    data = {"channel": DEPLOYS}
    notify = {"on_complete": {"routes": ["slack"], "message": "Nightly backup", "data": data}}
    st2.run("tests.backup", notify=notify)
    (posted,) = st2.wait_for(lambda: st2.executions("slack.post_result"))
    ended = st2.ended(posted["id"])
    assert ended["status"] == "succeeded", ended["result"]
    assert texts(messages(slack)[-1])[1:3] == ["Nightly backup", "size: 42 GB"]


def test_the_result_of_a_command_comes_back(slack, st2, config, execution):
    st2.configs["slack"] = config
    execution()
    st2.alias(
        pack="tests",
        name="deploy",
        action_ref="tests.deploy",
        formats=["deploy"],
        result={"format": "It is {{ execution.result.result }}."},
    )
    st2.enable_rule("slack.post_results")
    ts = acknowledge(slack, config)
    context = {"channel": DEPLOYS, "message": ts}
    request = AliasRequest("deploy", "deploy", "deploy", TOMASZ, DEPLOYS, context, "slack")
    StackStorm(st2.client()).run_alias(request)
    (posted,) = st2.wait_for(lambda: st2.executions("slack.post_result"))
    ended = st2.ended(posted["id"])
    assert ended["status"] == "succeeded", ended["result"]
    assert texts(messages(slack)[-1])[2] == "It is all is well."
    assert messages(slack)[-1]["ts"] == ts


def test_two_notifications_of_one_execution_post_one_message(slack, st2, config):
    st2.configs["slack"] = config
    st2.enable_rule("slack.post_results")
    st2.action("tests.backup", lambda: "done")
    section = {"routes": ["slack"], "data": {"channel": DEPLOYS}}
    before = len(messages(slack))
    st2.run("tests.backup", notify={"on_complete": section, "on_success": section})
    posted = st2.wait_for(
        lambda: st2.executions("slack.post_result")[1:] and st2.executions("slack.post_result")
    )
    ended = [st2.ended(each["id"]) for each in posted]
    assert [each["status"] for each in ended] == ["succeeded"] * 2
    assert sorted(each["result"]["result"]["created"] for each in ended) == [False, True]
    assert len(messages(slack)) == before + 1
