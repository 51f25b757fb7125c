"""An approval that breaks at each single step: exactly one outcome, and nothing that stays stuck.

From the n-th request on everything fails, for each n that a press has; then all is well again, and
the sweeper comes by.
"""

import pytest
from approving import DEPLOYS, RULES, TOMASZ, Approvals

from sandbox.slack.faults import Fault
from sandbox.stackstorm.api import StandInApi
from st2slack.errors import SlackError
from st2slack.work.questions import answer, conclude

MOST = 60  # requests of one press; the walk ends before, where nothing is left to break


@pytest.fixture
def approvals(slack, config, monkeypatch):
    monkeypatch.setenv("ST2_AUTH_TOKEN", "")  # st2client leaves one there
    config["authorization"] = RULES
    with StandInApi(configs={"slack": config}, in_thread=True) as st2:
        yield Approvals(slack, config, st2)


def press(approvals, asking):
    """Tomasz approves, with a desk whose waits cost nothing; whether it went through."""
    desk = approvals.desk(sleep=lambda seconds: None)
    pressed = answer.Press(TOMASZ, "approve", DEPLOYS, approvals.last()["ts"])
    try:
        answer.answer(desk, approvals.inquiry_of(asking), pressed)
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
    assert "*Approve* by <@%s>" % TOMASZ in approvals.shown()
    assert approvals.kept() == []
    assert approvals.st2.client().inquiries.get_all() == []


def test_what_was_decided_waits_for_an_api_that_is_away(approvals):
    asking = approvals.ask()
    inquiry = approvals.inquiry_of(asking)
    approvals.answered(TOMASZ)
    output = approvals.output(asking)
    own = approvals.st2.executions("slack.conclude_question")[0]["id"]
    slept = []

    def sleep(seconds):
        slept.append(seconds)
        if len(slept) == 10:
            approvals.st2.heal()

    approvals.st2.fault("", status=503, times=None)
    told = conclude.conclude(approvals.desk(sleep=sleep), own)
    assert told["inquiry"] == inquiry and told["choice"] == output["choice"]
    assert 2.0 in slept and 5.0 not in slept
