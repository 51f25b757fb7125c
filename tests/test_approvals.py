"""Approvals, from slack.ask to its outcome: actions, rules and policies of the pack as they are.

StackStorm's API and Slack are on loopback; actions run in processes of their own.
"""

import json
import threading

import pytest
from approving import DEPLOYS, JONAS, LEA, MARA, PRIYA, RULES, TOMASZ, Approvals
from helpers import calls
from st2client.models import KeyValuePair

from sandbox.slack.http.faults import Fault
from sandbox.stackstorm.server import FakeStackStorm

APPROVE, REJECT = 0, 1


@pytest.fixture
def approvals(request, slack, config, monkeypatch):
    """Actions run in threads, one at a time; in processes where a test is marked so."""
    monkeypatch.setenv("ST2_AUTH_TOKEN", "")  # st2client leaves one there
    config["authorization"] = RULES
    # Stricter than a default install: the output of slack.ask has to keep to its schema.
    with FakeStackStorm(configs={"slack": config}, validate_output=True) as st2:
        st2.system.registry.in_thread = request.node.get_closest_marker("processes") is None
        yield Approvals(slack, config, st2)


processes = pytest.mark.processes


def release(approvals):
    """A workflow around slack.ask; the ID of its execution once the question stands in Slack."""
    ask = {"action": "slack.ask", "input": {"channel": "deploys", "text": "Release?"}}
    ask["next"] = [{"when": "<% succeeded() %>", "do": "done"}]
    tasks = {"approve": ask, "done": {"action": "core.noop"}}
    approvals.st2.workflow("tests.release", {"version": 1.0, "tasks": tasks})
    outer = approvals.st2.run("tests.release")
    approvals.st2.wait_for(approvals.messages)
    approvals.wait_until_idle()
    return outer


def test_one_approves(approvals):
    asking = approvals.ask(text="Deploy *berth-planner*?")
    result = approvals.press_and_wait(TOMASZ, APPROVE)
    assert result["counted"] and result["decided"]
    assert result["record"]["who"] == TOMASZ
    assert result["record"]["what"] == "slack.ask"
    assert result["record"]["where"] == DEPLOYS
    assert result["record"]["allowed"] and result["record"]["rule"] == "deployers"
    output = approvals.output(asking)
    assert output["choice"] == "approve" and output["label"] == "Approve"
    assert output["by"] == [TOMASZ] and output["verified"] and not output["expired"]
    assert [each["user"] for each in output["votes"]] == [TOMASZ]
    assert output["message"] == {"channel": DEPLOYS, "ts": approvals.last()["ts"]}
    assert "*Approve* by <@%s>" % TOMASZ in approvals.message_text()
    assert '"actions"' not in approvals.message_text()
    assert approvals.stored_keys() == []


@processes
def test_two_of_three(approvals):
    asking = approvals.ask(needed=2)
    assert approvals.press_and_wait(TOMASZ, APPROVE)["decided"] is False
    assert "Approve: 1 of 2 (<@%s>)" % TOMASZ in approvals.message_text()
    assert approvals.st2.execution(asking)["status"] in ("paused", "running")
    approvals.press_and_wait(PRIYA, APPROVE)
    output = approvals.output(asking)
    assert output["choice"] == "approve" and output["by"] == [TOMASZ, PRIYA]


def test_somebody_who_changes_their_mind_has_one_vote(approvals):
    asking = approvals.ask(needed=2, choices=["approve", "reject"])
    approvals.press_and_wait(TOMASZ, APPROVE)
    approvals.press_and_wait(TOMASZ, APPROVE)
    assert "1 of 2" in approvals.message_text()
    approvals.press_and_wait(TOMASZ, REJECT)
    approvals.press_and_wait(PRIYA, REJECT)
    assert approvals.output(asking)["choice"] == "reject"


def test_who_may_not_is_told_so_and_nothing_else_happens(approvals):
    asking = approvals.ask()
    approvals.slack.workspace.channels[DEPLOYS].members.append(LEA)
    before = approvals.message_text()
    result = approvals.press_and_wait(LEA, APPROVE)
    assert result["counted"] is False and result["record"]["allowed"] is False
    assert approvals.private_messages(LEA) == ["You are not allowed to answer this."]
    assert approvals.message_text() == before and calls(approvals.slack, "chat.update") == []
    assert [key for key in approvals.stored_keys() if key.startswith("slack_vote.")] == []
    assert approvals.st2.execution(asking)["status"] != "succeeded"


def test_a_deactivated_person_may_nothing(approvals):
    approvals.ask(approvers=[JONAS, TOMASZ])
    result = approvals.press_and_wait(JONAS, APPROVE)
    assert result["counted"] is False and "deactivated" in result["record"]["why"]


def test_contact_is_said(approvals):
    approvals.config["chatops"] = {"contact": "Ask in #platform-help."}
    approvals.slack.workspace.channels[DEPLOYS].members.append(LEA)
    approvals.ask()
    approvals.press_and_wait(LEA, APPROVE)
    assert approvals.private_messages(LEA) == [
        "You are not allowed to answer this. Ask in #platform-help."
    ]


@pytest.mark.parametrize("group", [False, True])
def test_what_could_not_be_checked_is_said_and_can_be_tried_again(approvals, group):
    members = approvals.slack.workspace.usergroups["S0ONCALL001"]["users"]
    approvals.slack.workspace.channels[DEPLOYS].members += [members[0]]
    method = "usergroups.list" if group else "users.info"
    asking = approvals.ask(approvers=["@on-call"])
    approvals.slack.faults.append(Fault.rate_limited(300, method=method))
    assert approvals.press_and_wait(members[0], APPROVE)["counted"] is False
    (message,) = approvals.private_messages(members[0])
    assert "could not be checked" in message and "Try again" in message
    assert "not allowed" not in message
    assert approvals.press_and_wait(members[0], APPROVE)["counted"] is True
    assert approvals.output(asking)["by"] == [members[0]]


def test_presses_of_somebody_else_take_no_vote_away(approvals):
    """Even those that use up the look-ups of groups: the vote waits for them."""
    members = approvals.slack.workspace.usergroups["S0ONCALL001"]["users"]
    approvals.slack.workspace.channels[DEPLOYS].members += [LEA, members[0]]
    asking = approvals.ask(approvers=["@on-call"], context={"api_user": MARA})
    approvals.config["max_wait"] = 0.4
    approvals.slack.faults.append(Fault.rate_limited(1, method="usergroups.list", times=3))
    for _ in range(2):
        assert approvals.press_and_wait(LEA, APPROVE)["counted"] is False
    assert approvals.press_and_wait(members[0], APPROVE)["counted"] is True
    assert approvals.output(asking)["by"] == [members[0]]


@pytest.mark.parametrize("given", [{}, {"ask_reason": "required"}])
def test_a_press_whose_channel_and_container_disagree_is_refused(approvals, given):
    """A rule may allow in one channel what it does not allow where the message is."""
    asking = approvals.ask(**given)
    approvals.slack.workspace.channels[DEPLOYS].members += [TOMASZ]
    for channel in ({"id": "C0GENERAL01", "name": "general"}, {"id": TOMASZ.replace("U", "D")}):
        result = approvals.press_and_wait(TOMASZ, APPROVE, channel=channel)
        assert not result.get("counted") and not result.get("opened")
        assert "does not belong to an open question" in result["why"]
    assert [key for key in approvals.stored_keys() if key.startswith("slack_vote.")] == []
    assert approvals.st2.execution(asking)["status"] != "succeeded"


def test_a_list_of_approvers_takes_the_place_of_the_rules(approvals):
    # A guest's address counts for nothing, so the config says who started it.
    approvals.config["ldap_usernames"] = [{"person": MARA, "name": "st2admin"}]
    approvals.slack.workspace.channels[DEPLOYS].members += [LEA]
    asking = approvals.ask(approvers=[LEA])
    assert approvals.press_and_wait(TOMASZ, APPROVE)["counted"] is False
    assert approvals.press_and_wait(LEA, APPROVE)["record"]["rule"] == "approvers of the question"
    assert approvals.output(asking)["by"] == [LEA]


def test_a_user_group_approves(approvals):
    members = approvals.slack.workspace.usergroups["S0ONCALL001"]["users"]
    asking = approvals.ask(approvers=["@on-call"])
    assert approvals.press_and_wait(members[0], APPROVE)["counted"]
    assert approvals.output(asking)["by"] == [members[0]]


@pytest.mark.parametrize(
    "given, context",
    [
        ({}, {"api_user": TOMASZ}),
        ({"requester": TOMASZ}, {}),
        ({}, {"user": "tomasz"}),
    ],
)
def test_whoever_started_it_may_not(approvals, given, context):
    approvals.config["ldap_usernames"] = [{"person": TOMASZ, "name": "tomasz"}]
    user = context.pop("user", "st2admin")
    asking = approvals.st2.run(
        "slack.ask", {"channel": "deploys", "text": "?", **given}, user=user, context=context
    )
    approvals.st2.wait_for(approvals.messages)
    approvals.wait_until_idle()
    assert approvals.press_and_wait(TOMASZ, APPROVE)["counted"] is False
    assert approvals.private_messages(TOMASZ) == ["You started this: somebody else has to answer."]
    assert approvals.press_and_wait(PRIYA, APPROVE)["counted"] is True
    assert approvals.output(asking)["by"] == [PRIYA]


@pytest.mark.parametrize("user", ["TOMASZ.W", "tomasz.w ", "Tomasz.W", "tomasz.w\x00x"])
def test_a_name_in_other_letters_is_the_same_person(approvals, user):
    approvals.config["ldap_usernames"] = [{"person": TOMASZ, "name": "tomasz.w"}]
    approvals.st2.run("slack.ask", {"channel": "deploys", "text": "?"}, user=user)
    approvals.st2.wait_for(approvals.messages)
    approvals.wait_until_idle()
    assert approvals.press_and_wait(TOMASZ, APPROVE)["counted"] is False
    assert approvals.private_messages(TOMASZ) == ["You started this: somebody else has to answer."]


@pytest.mark.parametrize("allow_own", [False, True])
def test_who_cannot_be_told_apart_from_who_started_it_does_not_count(approvals, allow_own):
    """Nobody maps them, and the e-mail address says that they may be the same."""
    email = approvals.slack.workspace.users[TOMASZ].email
    given = {"channel": "deploys", "text": "?", "allow_own": allow_own}
    asking = approvals.st2.run("slack.ask", given, user=email.partition("@")[0].upper())
    approvals.st2.wait_for(approvals.messages)
    approvals.wait_until_idle()
    result = approvals.press_and_wait(TOMASZ, APPROVE)
    assert result["counted"] is allow_own
    if not allow_own:
        assert "not certain" in result["record"]["why"]
        assert "`ldap_usernames`" in approvals.private_messages(TOMASZ)[0]
        assert approvals.press_and_wait(PRIYA, APPROVE)["counted"] is True
    # To its end: what an action puts into the environment goes with it.
    assert approvals.output(asking)["by"] == [TOMASZ if allow_own else PRIYA]


def test_a_guest_is_told_apart_by_who_is_known_to_have_started_it(approvals):
    """Their address counts for nothing: it takes a Slack ID or `ldap_usernames`."""
    approvals.slack.workspace.channels[DEPLOYS].members += [LEA]
    approvals.ask(approvers=[LEA])
    assert "not certain" in approvals.press_and_wait(LEA, APPROVE)["record"]["why"]
    by_mara = approvals.ask(approvers=[LEA], context={"api_user": MARA})
    assert approvals.press_and_wait(LEA, APPROVE)["counted"] is True
    assert approvals.output(by_mara)["by"] == [LEA]
    by_rule = approvals.ask(approvers=[LEA], context={"rule": {"id": "5f00", "name": "on_alert"}})
    assert approvals.press_and_wait(LEA, APPROVE)["counted"] is True
    assert approvals.output(by_rule)["by"] == [LEA]


def test_unless_that_is_allowed(approvals):
    asking = approvals.ask(allow_own=True, context={"api_user": TOMASZ})
    approvals.press_and_wait(TOMASZ, APPROVE)
    assert approvals.output(asking)["by"] == [TOMASZ]


def test_the_name_of_the_approval_is_that_of_the_workflow_that_asks(approvals):
    approvals.config["authorization"] = [
        {"name": "releases", "who": [PRIYA], "what": ["approval:tests.release"]}
    ]
    outer = release(approvals)
    assert approvals.press_and_wait(TOMASZ, APPROVE)["counted"] is False
    assert approvals.press_and_wait(PRIYA, APPROVE)["record"]["what"] == "tests.release"
    assert approvals.st2.ended(outer)["status"] == "succeeded"


# --- exactly one outcome --------------------------------------------------------------------------


def at_once(*calls_of):
    """Call them all at the same time; what they returned."""
    found, start = [], threading.Barrier(len(calls_of))

    def run(call):
        start.wait()
        found.append(call())

    threads = [threading.Thread(target=run, args=(call,)) for call in calls_of]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return found


@processes
def test_everybody_presses_at_once_and_twice(approvals):
    asking = approvals.ask()
    message = approvals.last()
    people = [MARA, TOMASZ, PRIYA] * 2
    at_once(
        *(
            lambda user=user, choice=number % 2: approvals.press(user, choice, message)
            for number, user in enumerate(people)
        )
    )
    output = approvals.output(asking)
    approvals.wait_until_idle()
    inquiry = output["inquiry"]
    assert [each.inquiry for each in approvals.st2.answers] == [inquiry]
    assert output["choice"] in ("approve", "reject") and output["verified"]
    assert "*%s*" % output["label"] in approvals.message_text()
    assert approvals.stored_keys() == []


def test_the_same_delivery_again_changes_nothing(approvals):
    asking = approvals.ask()
    message = approvals.last()
    approvals.press_and_wait(TOMASZ, APPROVE, message=message)
    output = approvals.output(asking)
    shown = approvals.message_text()
    again = approvals.press_and_wait(TOMASZ, APPROVE, message=message)
    assert again["counted"] is False and "already decided" in again["why"]
    assert approvals.message_text() == shown and len(approvals.st2.answers) == 1
    assert approvals.st2.execution(asking)["result"]["output"] == output


def test_after_the_deadline_an_answer_comes_too_late(approvals):
    asking = approvals.ask(expires_after=60)
    approvals.let_expire(asking)
    result = approvals.press_and_wait(TOMASZ, APPROVE)
    assert result["counted"] is False and "expired" in result["why"]
    output = approvals.output(asking)
    assert output["expired"] and output["choice"] == "" and output["verified"]
    assert output["by"] == [] and "*Expired*" in approvals.message_text()


@processes
def test_the_sweeper_lets_a_question_expire(approvals):
    asking = approvals.ask(expires_after=60)
    approvals.let_expire(asking)
    assert approvals.sweep()["started"][0]["action"] == "slack.answer_question"
    assert approvals.output(asking)["expired"]
    assert "*Expired*" in approvals.message_text() and approvals.stored_keys() == []


@pytest.mark.parametrize("by", ["a press", "the sweeper"])
def test_the_workflow_was_cancelled_meanwhile(approvals, by):
    asking = approvals.ask()
    approvals.st2.client().executions.delete_by_id(asking)
    if by == "a press":
        result = approvals.press_and_wait(TOMASZ, APPROVE)
        assert result["counted"] is False and "workflow that asked has ended" in result["why"]
    else:
        approvals.sweep()
    assert "*Canceled.*" in approvals.message_text() and '"actions"' not in approvals.message_text()
    assert approvals.stored_keys() == []
    assert approvals.st2.client().inquiries.get_all() == []
    assert approvals.st2.ended(asking)["status"] == "canceled"


def test_the_workflow_around_was_cancelled(approvals):
    outer = release(approvals)
    approvals.st2.client().executions.delete_by_id(outer)
    assert approvals.press_and_wait(TOMASZ, APPROVE)["counted"] is False
    assert "*Canceled.*" in approvals.message_text()
    assert approvals.st2.client().inquiries.get_all() == []


def test_somebody_answers_by_the_api(approvals):
    asking = approvals.ask()
    inquiry = approvals.inquiry(asking)
    forged = {"choice": "approve", "votes": [{"user": TOMASZ, "choice": "approve"}]}
    approvals.st2.client().inquiries.respond(inquiry, forged)
    output = approvals.output(asking)
    assert output["choice"] == "approve"
    assert output["verified"] is False and output["by"] == [] and output["votes"] == []
    assert "answered outside of Slack" in approvals.message_text()


def test_an_answer_that_no_choice_fits_is_refused_by_stackstorm(approvals):
    asking = approvals.ask()
    inquiry = approvals.inquiry(asking)
    with pytest.raises(Exception, match="schema"):
        approvals.st2.client().inquiries.respond(inquiry, {"choice": "whatever"})
    approvals.press_and_wait(PRIYA, REJECT)
    assert approvals.output(asking)["choice"] == "reject"


# --- what breaks ----------------------------------------------------------------------------------


def test_stackstorm_refuses_the_answer_and_the_sweeper_gives_it(approvals):
    asking = approvals.ask()
    approvals.st2.fault("PUT /v1/inquiries", status=503)
    approvals.result(approvals.press(TOMASZ, APPROVE), "failed")
    assert len([key for key in approvals.stored_keys() if key.startswith("slack_vote.")]) == 1
    assert approvals.private_messages(TOMASZ)
    approvals.sweep()
    assert approvals.output(asking)["by"] == [TOMASZ] and len(approvals.st2.answers) == 1


def test_the_connection_is_cut_after_the_answer_was_taken(approvals):
    asking = approvals.ask()
    approvals.st2.fault("PUT /v1/inquiries", cut=True)
    assert approvals.press_and_wait(TOMASZ, APPROVE)["decided"]
    assert approvals.output(asking)["by"] == [TOMASZ] and len(approvals.st2.answers) == 1


@processes
def test_the_api_restarts_between_press_and_answer(approvals):
    asking = approvals.ask()
    executing = approvals.press(TOMASZ, APPROVE)
    approvals.st2.stop()
    approvals.st2.start()
    approvals.result(executing)
    assert approvals.output(asking)["by"] == [TOMASZ] and len(approvals.st2.answers) == 1


@processes
def test_a_killed_runner_blocks_nobody_for_long(approvals):
    asking = approvals.ask(needed=2)
    slow = threading.Event()
    approvals.st2.fault("GET /v1/executions", slow=slow)
    killed = approvals.press(TOMASZ, APPROVE)
    approvals.st2.wait_for_status(killed, "running")
    approvals.st2.kill_runner(killed)
    slow.set()
    waiting = approvals.press(PRIYA, APPROVE)
    approvals.st2.wait_for_status(waiting, "delayed")
    done = approvals.sweep(later=200)
    assert done["canceled"] == [killed]
    assert approvals.output(asking)["choice"] == "approve"
    assert sorted(approvals.output(asking)["by"]) == [TOMASZ, PRIYA]


@processes
def test_a_press_is_not_lost_with_its_runner(approvals):
    asking = approvals.ask(needed=2)
    slow = threading.Event()
    approvals.st2.fault("GET /v1/executions", slow=slow)
    stopped = approvals.press(TOMASZ, APPROVE)
    approvals.st2.wait_for_status(stopped, "running")
    approvals.st2.terminate_runner(stopped)
    slow.set()
    assert approvals.st2.ended(stopped)["status"] == "abandoned"
    assert [each["action"] for each in approvals.sweep()["started"]] == ["slack.answer_question"]
    assert approvals.sweep()["started"] == [], "once"
    approvals.press_and_wait(PRIYA, APPROVE)
    assert approvals.output(asking)["by"] == [TOMASZ, PRIYA]


@processes
def test_who_has_pressed_again_is_not_answered_for(approvals):
    approvals.ask(needed=2, choices=["approve", "reject"])
    slow = threading.Event()
    approvals.st2.fault("GET /v1/executions", slow=slow)
    stopped = approvals.press(TOMASZ, APPROVE)
    approvals.st2.wait_for_status(stopped, "running")
    approvals.st2.terminate_runner(stopped)
    slow.set()
    approvals.press_and_wait(TOMASZ, REJECT)
    assert approvals.sweep()["started"] == []
    assert "reject: 1 of 2" in approvals.message_text()


def test_stackstorms_own_expiry_leaves_these_questions_alone(approvals):
    asking = approvals.ask()
    assert approvals.st2.purge_inquiries(minutes=7 * 24 * 60) == []
    approvals.press_and_wait(TOMASZ, APPROVE)
    assert approvals.output(asking)["choice"] == "approve"


@processes
def test_a_run_that_is_killed_after_the_vote_is_made_good(approvals):
    asking = approvals.ask()
    held = threading.Event()
    approvals.st2.fault("PUT /v1/inquiries", slow=held)
    killed = approvals.press(TOMASZ, APPROVE)
    approvals.st2.wait_for(
        lambda: [
            each
            for each in approvals.st2.requests
            if each.method == "PUT" and each.path.startswith("/v1/inquiries")
        ]
    )
    approvals.st2.kill_runner(killed)
    approvals.st2.client().executions.delete_by_id(killed)
    assert approvals.st2.answers == []
    approvals.sweep()
    held.set()
    assert approvals.output(asking)["by"] == [TOMASZ]


def test_slack_is_away_when_it_is_decided(approvals):
    asking = approvals.ask()
    approvals.slack.faults.append(Fault.status(503, method="chat.update", times=50))
    result = approvals.press_and_wait(TOMASZ, APPROVE)
    assert result["decided"] and "could not be changed" in result["note"]
    output = approvals.output(asking)
    assert output["choice"] == "approve" and "could not be locked" in output["note"]
    approvals.slack.faults.clear()
    approvals.sweep()
    assert "*Approve* by <@%s>" % TOMASZ in approvals.message_text()
    approvals.sweep(later=700)
    assert approvals.stored_keys() == []


def test_the_question_could_not_be_posted_at_once(approvals):
    approvals.slack.faults.append(Fault.status(503, method="chat.postMessage"))
    asking = approvals.st2.run("slack.ask", {"channel": "deploys", "text": "Deploy?"})
    approvals.inquiry(asking)
    approvals.st2.wait_for(lambda: approvals.st2.executions("slack.post_question"))
    approvals.wait_until_idle()
    assert approvals.messages() == []
    assert approvals.sweep()["started"] == []  # the rule may be at it
    assert approvals.sweep(later=60)["started"][0]["action"] == "slack.post_question"
    assert len(approvals.messages()) == 1
    approvals.press_and_wait(TOMASZ, APPROVE)
    assert approvals.output(asking)["by"] == [TOMASZ]


def test_a_question_is_posted_once(approvals):
    asking = approvals.ask()
    inquiry = approvals.inquiry(asking)
    again = approvals.st2.run("slack.post_question", {"inquiry": inquiry})
    assert approvals.result(again)["posted"] is False
    assert len(approvals.messages()) == 1


# --- what cannot be forged ------------------------------------------------------------------------


def test_a_button_of_another_message_counts_for_nothing(approvals):
    asking = approvals.ask()
    there = approvals.last()
    copy = dict(there, ts=approvals.slack.workspace.say(MARA, DEPLOYS, "copied")["ts"])
    result = approvals.press_and_wait(TOMASZ, APPROVE, message=copy)
    assert result["counted"] is False and "does not belong" in result["why"]
    assert approvals.st2.execution(asking)["status"] != "succeeded"


def test_nor_does_one_that_names_another_question(approvals):
    first = approvals.ask(text="First?")
    message = approvals.last()
    second = approvals.ask(text="Second?")
    other = {"block_id": "st2_question:" + approvals.inquiry(second)}
    result = approvals.press_and_wait(TOMASZ, APPROVE, message=message, action=other)
    assert result["counted"] is False
    assert {approvals.st2.execution(each)["status"] for each in (first, second)} == {"paused"}


def test_nor_a_choice_that_was_not_asked(approvals):
    approvals.ask()
    result = approvals.press_and_wait(TOMASZ, APPROVE, action={"value": "deploy everything"})
    assert result["counted"] is False and "not one of the choices" in result["why"]


@pytest.mark.parametrize("inquiry", ["", "nonsense", "{{ st2kv.system.x }}", "0" * 24])
def test_what_is_no_inquiry(approvals, inquiry):
    started = approvals.st2.run("slack.answer_question", {"inquiry": inquiry or "x"})
    assert approvals.result(started)["counted"] is False


def test_an_execution_that_is_no_inquiry_is_none(approvals):
    other = approvals.st2.run("core.noop")
    approvals.st2.ended(other)
    started = approvals.st2.run("slack.answer_question", {"inquiry": other})
    assert approvals.result(started)["counted"] is False


# --- reasons --------------------------------------------------------------------------------------


def opened(approvals):
    return calls(approvals.slack, "views.open")[-1].args["view"]


def reason(text):
    return {"st2_field:reason": {"st2_input": {"type": "plain_text_input", "value": text}}}


def view_of(approvals):
    view = opened(approvals)
    return json.loads(view) if isinstance(view, str) else view


@processes
def test_a_reason_is_asked_in_a_modal(approvals):
    asking = approvals.ask(ask_reason="required")
    assert approvals.press_and_wait(TOMASZ, REJECT)["opened"] == "modal"
    assert approvals.st2.answers == []
    sent = approvals.submit(TOMASZ, view_of(approvals), **reason("Friday & <!channel>"))
    assert approvals.result(sent)["counted"]
    output = approvals.output(asking)
    assert output["choice"] == "reject" and output["votes"][0]["reason"] == "Friday & <!channel>"
    assert "Friday &amp; &lt;!channel&gt;" in approvals.message_text()


def test_a_required_reason_is_required(approvals):
    approvals.ask(ask_reason="required")
    approvals.press_and_wait(TOMASZ, REJECT)
    sent = approvals.submit(TOMASZ, view_of(approvals), **reason(" "))
    assert approvals.result(sent)["why"] == "Reason is required."
    assert approvals.private_messages(TOMASZ) == ["Reason is required."]


def test_where_the_modal_comes_too_late_the_reason_is_asked_in_the_thread(approvals):
    asking = approvals.ask(ask_reason="required")
    late = approvals.slack.workspace.trigger_id("expired")
    assert approvals.press_and_wait(TOMASZ, APPROVE, trigger_id=late)["opened"] == "thread"
    form = approvals.slack.workspace.channels[DEPLOYS].messages[-1]
    assert form["thread_ts"] == approvals.last()["ts"]
    state = {"values": reason("It is Monday.")}
    sent = approvals.press(TOMASZ, 0, message=form, state=state)
    assert approvals.result(sent)["counted"]
    output = approvals.output(asking)
    assert output["choice"] == "approve" and output["votes"][0]["reason"] == "It is Monday."


NO_INQUIRIES = ["", " ", ".", "..", "0123456789abcdef01234567", "x/y", "?limit=1"]


@pytest.mark.parametrize("inquiry", NO_INQUIRIES)
def test_who_presses_for_an_inquiry_that_is_none_is_told(approvals, inquiry):
    approvals.ask()
    result = approvals.press_and_wait(TOMASZ, action={"block_id": "st2_question:" + inquiry})
    assert (result["counted"], result["why"]) == (False, "This question does not exist any more.")
    assert approvals.private_messages(TOMASZ) == ["This question does not exist any more."]


@pytest.mark.parametrize("inquiry", NO_INQUIRIES)
def test_who_wants_a_form_for_an_inquiry_that_is_none_is_told(approvals, inquiry):
    approvals.ask(ask_reason="required")
    result = approvals.press_and_wait(TOMASZ, action={"block_id": "st2_question:" + inquiry})
    assert (result["opened"], result["why"]) == ("", "This question does not exist any more.")
    assert approvals.private_messages(TOMASZ) == ["This question does not exist any more."]
    assert calls(approvals.slack, "views.open") == []


def test_no_form_for_who_may_not(approvals):
    approvals.slack.workspace.channels[DEPLOYS].members.append(LEA)
    approvals.ask(ask_reason="required")
    result = approvals.press_and_wait(LEA, APPROVE)
    assert result["opened"] == "" and result["record"]["allowed"] is False
    assert calls(approvals.slack, "views.open") == []
    assert approvals.private_messages(LEA) == ["You are not allowed to answer this."]


@processes
def test_what_is_typed_reads_nothing_from_the_datastore(approvals):
    approvals.st2.client().keys.update(_key("probe", "the-secret"))
    approvals.ask(ask_reason="required")
    approvals.press_and_wait(TOMASZ, REJECT)
    typed = reason("{{ st2kv.system.probe }}")
    result = approvals.result(approvals.submit(TOMASZ, view_of(approvals), **typed))
    assert result["counted"] is False and "template" in result["why"]
    message = str(approvals.st2.executions()) + str(approvals.slack.requests)
    assert "the-secret" not in message


def _key(name, value):
    return KeyValuePair(id=name, name=name, value=value)


# --- core.ask in somebody's own workflow ----------------------------------------------------------


def own_workflow(approvals, schema, route="slack:deploys", **more):
    approvals.st2.workflow(
        "tests.own",
        {
            "version": 1.0,
            "tasks": {
                "ask": {
                    "action": "core.ask",
                    "input": {"route": route, "schema": schema, **more},
                    "next": [
                        {
                            "when": "<% succeeded() %>",
                            "publish": [{"answer": "<% result().response %>"}],
                            "do": "done",
                        }
                    ],
                },
                "done": {"action": "core.noop"},
            },
            "output": [{"answer": "<% ctx().answer %>"}],
        },
    )
    started = approvals.st2.run("tests.own")
    approvals.st2.wait_for(lambda: approvals.st2.executions("slack.post_question"))
    approvals.wait_until_idle()
    return started


YES_NO = {"type": "object", "properties": {"go": {"type": "boolean", "required": True}}}
VERSION = {
    "type": "object",
    "properties": {
        "version": {"type": "string", "required": True, "maxLength": 5},
        "hosts": {"type": "integer"},
    },
}


def test_yes_or_no(approvals):
    asking = own_workflow(approvals, YES_NO)
    assert "`tests.own` asks" in approvals.message_text()
    assert approvals.press_and_wait(TOMASZ, 1)["record"]["what"] == "tests.own"
    assert approvals.output(asking)["answer"] == {"go": False}
    assert "*No* by <@%s>" % TOMASZ in approvals.message_text()
    assert approvals.stored_keys() == []


@processes
def test_a_form(approvals):
    asking = own_workflow(approvals, VERSION)
    assert approvals.press_and_wait(TOMASZ)["opened"] == "modal"
    text = {"type": "plain_text_input", "value": "2.8.5"}
    number = {"type": "number_input", "value": "12"}
    values = {"st2_field:version": {"st2_input": text}, "st2_field:hosts": {"st2_input": number}}
    approvals.result(approvals.submit(TOMASZ, view_of(approvals), **values))
    assert approvals.output(asking)["answer"] == {"version": "2.8.5", "hosts": 12}


def test_a_secret_that_is_typed_is_shown_nowhere(approvals):
    schema = {
        "type": "object",
        "properties": {
            "password": {"type": "string", "required": True, "secret": True},
            "host": {"type": "string"},
        },
    }
    asking = own_workflow(approvals, schema)
    approvals.press_and_wait(TOMASZ)
    text = {"type": "plain_text_input", "value": "canary-5f2c"}
    sent = approvals.submit(
        TOMASZ, view_of(approvals), **{"st2_field:password": {"st2_input": text}}
    )
    assert approvals.result(sent)["response"] == {"password": "********"}
    assert approvals.output(asking)["answer"] == {"password": "canary-5f2c"}
    assert "canary-5f2c" not in approvals.message_text()
    execution = approvals.st2.execution(sent, secrets=False)
    assert "canary-5f2c" not in json.dumps(execution)
    keys = [each for each in approvals.st2.requests if each.path.startswith("/v1/keys/slack_vote")]
    assert keys[0].body["secret"] is True


def test_the_route_alone_goes_to_the_configured_channel(approvals):
    approvals.config["chatops"] = {"questions_channel": "deploys"}
    asking = own_workflow(approvals, YES_NO, route="slack")
    approvals.press_and_wait(TOMASZ, 0)
    assert approvals.output(asking)["answer"] == {"go": True}


def test_without_a_channel_it_is_said_what_to_do(approvals):
    own_workflow(approvals, YES_NO, route="slack")
    result = approvals.result(approvals.st2.executions("slack.post_question")[0]["id"])
    assert result["posted"] is False and "`chatops.questions_channel`" in result["why"]
    assert approvals.sweep(later=600)["started"] == []


def test_another_route_is_none_of_ours(approvals):
    approvals.st2.workflow(
        "tests.other",
        {
            "version": 1.0,
            "tasks": {"ask": {"action": "core.ask", "input": {"route": "pager"}}},
        },
    )
    started = approvals.st2.run("tests.other")
    inquiry = approvals.inquiry(started)
    assert approvals.st2.executions("slack.post_question") == []
    assert approvals.sweep() == {
        "open": 0,
        "started": [],
        "canceled": [],
        "faults": [],
    }
    assert approvals.st2.execution(inquiry)["status"] == "pending"


def test_stackstorms_own_users_decide_who_may_answer(approvals):
    own_workflow(approvals, YES_NO, users=["somebody-else"])
    result = approvals.press_and_wait(TOMASZ, 0)
    assert result["decided"] is False and "permission" in result["why"]
    assert [key for key in approvals.stored_keys() if key.startswith("slack_vote.")] == []


def test_an_own_workflow_that_was_cancelled(approvals):
    asking = own_workflow(approvals, YES_NO)
    approvals.st2.client().executions.delete_by_id(asking)
    approvals.sweep()
    assert "*Canceled.*" in approvals.message_text()
    before = len(approvals.st2.executions())
    approvals.sweep()  # nobody knows an answer to it: it stays, and costs no execution
    assert len(approvals.st2.executions()) == before


# --- before anything waits ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given, named",
    [
        ({"channel": "nowhere"}, "nowhere"),
        ({"approvers": ["@nobodies"]}, "nobodies"),
        ({"approvers": [TOMASZ], "needed": 2}, "2 people must agree"),
        ({"choices": ["a", "a"]}, "twice"),
        ({"name": "production"}, "approval:production"),
    ],
)
def test_what_nobody_could_answer_fails_at_once(approvals, given, named):
    approvals.config["authorization"] = [
        {"name": "r", "who": [TOMASZ], "what": ["approval:slack.*"]}
    ]
    whole = {"channel": "deploys", "text": "Deploy?", **given}
    ended = approvals.st2.ended(approvals.st2.run("slack.ask", whole))
    assert ended["status"] == "failed"
    assert named in str(ended["result"])
    assert approvals.st2.executions("core.ask") == [] and approvals.messages() == []


def test_a_person_is_asked_directly(approvals):
    given = {"channel": TOMASZ, "text": "Deploy?", "approvers": [TOMASZ]}
    asking = approvals.st2.run("slack.ask", given)
    approvals.inquiry(asking)
    approvals.st2.wait_for(lambda: calls(approvals.slack, "chat.postMessage"))
    approvals.wait_until_idle()
    posted = approvals.result(approvals.st2.executions("slack.post_question")[0]["id"])
    assert posted["channel"].startswith("D")


# --- the sweeper ----------------------------------------------------------------------------------


def test_without_questions_the_sweeper_asks_twice_and_ends(approvals):
    approvals.st2.tick("slack.sweep_questions")
    approvals.wait_until_idle()
    assert approvals.result(approvals.st2.executions("slack.sweep_questions")[0]["id"])["open"] == 0
    asked = [each.path.partition("?")[0] for each in approvals.st2.requests]
    assert sorted(asked) == ["/v1/inquiries", "/v1/keys"]
    assert approvals.slack.requests == []


def test_reminders_go_to_those_who_have_not_answered(approvals):
    approvals.ask(needed=2, approvers=[TOMASZ, PRIYA], remind_every=10)
    approvals.press_and_wait(TOMASZ, APPROVE)
    assert approvals.sweep(later=300)["started"] == []
    approvals.sweep(later=700)
    reminder = approvals.slack.workspace.channels[DEPLOYS].messages[-1]
    assert reminder["thread_ts"] == approvals.last()["ts"]
    assert "<@%s>" % PRIYA in reminder["text"] and TOMASZ not in reminder["text"]
    assert approvals.sweep(later=800)["started"] == []


def test_a_question_that_stackstorm_no_longer_has_is_forgotten(approvals):
    context = approvals.context()
    context.stackstorm.datastore.write(
        "slack_question." + "0" * 24, '{"channel": "C1", "ts": "1.5"}'
    )
    context.stackstorm.datastore.write("slack_vote.%s.%s" % ("0" * 24, TOMASZ), "{}")
    approvals.sweep()
    assert approvals.stored_keys() == []
