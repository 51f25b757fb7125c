"""An approval that breaks at each single step: exactly one outcome, and nothing that stays stuck.

From the n-th request on everything fails, for each n that a press has; then all is well again, and
the sweeper comes by.
"""

import threading
import time

import pytest
from approving import DEPLOYS, RULES, TOMASZ, Approvals

from sandbox.slack.http.faults import Fault
from sandbox.stackstorm.server import FakeStackStorm
from st2slack.approvals import answer, conclude, sweep
from st2slack.base.errors import SlackError

MOST = 60  # requests of one press; the walk ends before, where nothing is left to break


@pytest.fixture
def approvals(slack, config, monkeypatch):
    monkeypatch.setenv("ST2_AUTH_TOKEN", "")  # st2client leaves one there
    config["authorization"] = RULES
    with FakeStackStorm(configs={"slack": config}, in_thread=True) as st2:
        yield Approvals(slack, config, st2)


def press(approvals, asking):
    """Tomasz approves, with a context whose waits cost nothing; whether it went through."""
    context = approvals.context(sleep=lambda seconds: None)
    pressed = answer.ButtonPress(TOMASZ, "approve", DEPLOYS, approvals.last()["ts"])
    try:
        answer.answer(context, approvals.inquiry_of(asking), pressed)
    except SlackError:
        return False
    return True


def of_stackstorm(approvals, n, **kind):
    """From the n-th request to StackStorm on."""
    approvals.st2.fault("", times=n)  # these pass
    return approvals.st2.fault("", times=None, **kind)


def of_slack(approvals, n, **kind):
    """From the n-th call of Slack on."""
    approvals.slack.faults.append(Fault.status(times=None, after=n, **kind))
    return approvals.slack.faults


WALKS = {
    "StackStorm answers 503": (of_stackstorm, {"status": 503}),
    "StackStorm does it, and nobody hears": (of_stackstorm, {"cut": True}),
    "Slack answers 500": (of_slack, {"code": 500}),
}


@pytest.mark.parametrize("walk", WALKS)
def test_wherever_it_breaks_there_is_one_outcome(approvals, walk):
    breaks, kind = WALKS[walk]
    for n in range(MOST):
        asking = approvals.ask(text="Step %d?" % n)
        before = len(approvals.st2.answers)
        breaks(approvals, n, **kind)
        went_through = press(approvals, asking)
        approvals.st2.heal()
        approvals.slack.faults.clear()
        made_good(approvals, asking)
        assert len(approvals.st2.answers) == before + 1, "exactly one answer, step %d" % n
        if went_through and n > 30:
            break
    assert n < MOST - 1 or walk.startswith("Slack"), "the walk did not come to its end"


def made_good(approvals, asking):
    """The sweeper comes by; whoever's press was not kept presses again. It ends as approved."""
    approvals.sweep()
    if approvals.st2.execution(asking)["status"] != "succeeded":
        press(approvals, asking)
    output = approvals.output(asking)
    assert output["choice"] == "approve" and output["by"] == [TOMASZ] and output["verified"]
    approvals.sweep()
    approvals.sweep(later=700)
    assert "*Approve* by <@%s>" % TOMASZ in approvals.message_text()
    assert approvals.stored_keys() == []
    assert approvals.st2.client().inquiries.get_all() == []


def test_what_was_decided_waits_for_an_api_that_is_away(approvals):
    asking = approvals.ask()
    inquiry = approvals.inquiry_of(asking)
    approvals.press_and_wait(TOMASZ)
    output = approvals.output(asking)
    own = approvals.st2.executions("slack.conclude_question")[0]["id"]
    slept = []

    def sleep(seconds):
        slept.append(seconds)
        if len(slept) == 10:
            approvals.st2.heal()

    approvals.st2.fault("", status=503, times=None)
    message = conclude.conclude(approvals.context(sleep=sleep), own)
    assert message["inquiry"] == inquiry and message["choice"] == output["choice"]
    assert 2.0 in slept and 5.0 not in slept


def test_whoever_presses_while_the_api_is_away_hears_of_it(approvals):
    approvals.ask()
    approvals.st2.fault("GET /v1/executions", status=503, times=None)
    approvals.result(approvals.press(TOMASZ), "failed")
    approvals.st2.heal()
    assert "not certain that your answer was recorded" in approvals.private_messages(TOMASZ)[0]


def test_a_message_that_nobody_knows_of_is_withdrawn(approvals):
    approvals.st2.fault("PUT /v1/keys/slack_question", status=503, times=None)
    asking = approvals.st2.run("slack.ask", {"channel": "deploys", "text": "Deploy?"})
    approvals.inquiry(asking)
    approvals.st2.wait_for(lambda: approvals.st2.executions("slack.post_question"))
    approvals.wait_until_idle()
    assert approvals.messages() == []
    approvals.st2.heal()
    approvals.sweep(later=60)
    assert len(approvals.messages()) == 1
    approvals.press_and_wait(TOMASZ)
    assert approvals.output(asking)["by"] == [TOMASZ]


def test_a_message_that_somebody_deleted_does_not_stop_the_answer(approvals):
    asking = approvals.ask()
    message = approvals.last()
    approvals.slack.workspace.channels[DEPLOYS].messages.pop()
    result = approvals.press_and_wait(TOMASZ, message=message)
    assert result["decided"] and "message_not_found" in result["note"]
    assert approvals.output(asking)["by"] == [TOMASZ]


def test_a_group_that_cannot_be_looked_up_lets_nobody_in(approvals):
    asking = approvals.ask(approvers=["@on-call"])
    approvals.slack.faults.append(Fault.status(500, method="usergroups.list", times=None))
    result = approvals.press_and_wait(TOMASZ)
    assert result["counted"] is False and "could not be read" in result["record"]["why"]
    approvals.slack.faults.clear()
    assert approvals.press_and_wait(TOMASZ)["counted"]
    assert approvals.output(asking)["by"] == [TOMASZ]


def test_a_press_from_another_workspace_counts_for_nothing(approvals):
    approvals.ask()
    pressed = answer.ButtonPress(
        TOMASZ, "approve", DEPLOYS, approvals.last()["ts"], workspace="emea"
    )
    inquiry = approvals.inquiry_of(approvals.st2.executions("slack.ask")[0]["id"])
    result = answer.answer(approvals.context(), inquiry, pressed)
    assert result["counted"] is False and "does not belong" in result["why"]


def test_two_questions_of_one_workflow_are_answered_each_for_itself(approvals):
    given = {"channel": "deploys", "text": "Go?"}
    ask = {"action": "slack.ask", "input": given}
    tasks = {"first": ask, "second": dict(ask, input=dict(given, text="Stay?"))}
    approvals.st2.workflow("tests.both", {"version": 1.0, "tasks": tasks})
    outer = approvals.st2.run("tests.both")
    approvals.st2.wait_for(lambda: len(approvals.messages()) == 2)
    approvals.wait_until_idle()
    one, other = approvals.messages()
    approvals.press_and_wait(TOMASZ, message=dict(one))
    approvals.press_and_wait(TOMASZ, 1, message=dict(other))
    assert approvals.st2.ended(outer)["status"] == "succeeded"
    asked = {each["id"]: each for each in approvals.st2.executions("slack.ask")}
    chosen = {each["parameters"]["text"]: approvals.output(key) for key, each in asked.items()}
    texts = {each["text"]: choice for each, choice in ((one, "approve"), (other, "reject"))}
    assert {text: output["choice"] for text, output in chosen.items()} == texts


@pytest.mark.processes
def test_a_press_is_not_lost_where_it_cannot_be_repeated_at_once(approvals):
    approvals.st2.system.registry.in_thread = False
    asking = approvals.ask()
    slow = threading.Event()
    approvals.st2.fault("GET /v1/executions", slow=slow)
    killed = approvals.press(TOMASZ)
    approvals.st2.wait_for_status(killed, "running")
    approvals.st2.kill_runner(killed)
    slow.set()
    approvals.st2.fault("POST /v1/executions", status=503)
    done = sweep.sweep(approvals.context(lambda: time.time() + 200))
    assert len(done["faults"]) == 1 and done["canceled"] == []
    assert approvals.sweep(later=200)["canceled"] == [killed]
    assert approvals.output(asking)["by"] == [TOMASZ]
