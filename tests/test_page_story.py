"""Work from Slack in a real browser: the pack's sensor, its rules and actions, a page to press on.

Only StackStorm is a stand-in. Nobody waits for a time to pass: each step is there once it is seen.
"""

import pytest
from browsing import at, be, has, own
from paging import DEPLOYS

from sandbox.cli import demo_env, serve
from sandbox.cli.demo_env import LEA, PRIYA, TOMASZ
from sandbox.page import add

ALONE = "document.querySelectorAll('article.ephemeral').length === %d"
LAST_ALONE = "[...document.querySelectorAll('article.ephemeral')].pop().innerText"
RELEASE = "/st2 release berth-planner 4.12.0"


@pytest.fixture
def st2(slack):
    """What stands for StackStorm, with the sensor behind it."""
    with demo_env.open_env(slack, **serve.SENSOR) as (found, _):
        yield found


@pytest.fixture
def tab(slack, st2, browser):
    """The page as Tomasz sees it, in #deploys, once the sensor listens."""
    page = add(slack)
    with browser.open(page.url + "#as=%s&channel=%s" % (TOMASZ, DEPLOYS)) as found:
        found.until("document.body.dataset.ready === '%s %s'" % (TOMASZ, DEPLOYS))
        found.until("document.querySelector('#connected.on')")
        yield found
        found.evaluate("1")  # what happened until now has been told then
        outside = [each for each in found.requested if not own(each, slack)]
        assert (outside, found.faults) == ([], [])


def say(tab, text):
    tab.type("#composer textarea", text)
    tab.key("Enter")


def alone(tab, count):
    """What the last of so many messages says that only this person sees."""
    tab.until(ALONE % count)
    return tab.evaluate(LAST_ALONE)


def asked(slack, tab, words):
    """The ts of the question with these words, once it has buttons on the page."""
    tab.until(has("article:last-of-type", words))
    tab.until(has("article:last-of-type [data-action-id^=st2_question]"))
    return slack.workspace.channels[DEPLOYS].messages[-1]["ts"]


def shown(tab, ts):
    return tab.evaluate("document.querySelector('[data-ts=\"%s\"]').innerText" % ts)


def said(tab, ts, begins):
    """A message from these words on; who wrote it when may stand above it, or above an earlier."""
    text = shown(tab, ts)
    return text[text.index(begins) :]


def test_a_release_from_command_to_result(slack, tab):
    say(tab, "/st2 help")
    assert "release <service> <version>" in alone(tab, 1)
    say(tab, RELEASE)
    question = asked(slack, tab, "Release berth-planner 4.12.0 to production?")
    command = slack.workspace.channels[DEPLOYS].messages[-2]["ts"]
    assert "@tomasz runs release berth-planner 4.12.0" in shown(tab, command)
    approve = at(question, "[data-action-id=st2_question_choose_0]")

    tab.click(approve)
    assert "somebody else has to answer" in alone(tab, 2)
    assert tab.evaluate(has(approve + ".pressed", "Approve"))

    be(tab, LEA)
    tab.until(has("#messages", "Release berth-planner"))
    assert tab.evaluate(ALONE % 0), "help and refusal are for Tomasz alone"
    assert not tab.evaluate(has(approve + ".pressed")), "it was not Lea who pressed"
    tab.click("#join")
    tab.until("!document.querySelector('#composer textarea').disabled")
    tab.click(approve)
    assert "not allowed" in alone(tab, 1)
    assert tab.evaluate(has(approve)), "still open"

    be(tab, PRIYA)
    tab.until(ALONE % 0)
    tab.click(approve)
    tab.until(has(at(question), "Approve by @priya"))
    assert not tab.evaluate(has(at(question, "[data-action-id]"))), "locked"
    tab.until(has(at(command), "berth-planner 4.12.0 is live on 12 hosts"))
    assert "@tomasz runs release" in shown(tab, command)

    before = (said(tab, command, "@tomasz runs"), said(tab, question, "Release berth-planner"))
    tab.command("Page.reload")
    tab.until("document.body.dataset.ready === '%s %s'" % (PRIYA, DEPLOYS))
    tab.until(has(at(command), "is live on 12 hosts"))
    after = (said(tab, command, "@tomasz runs"), said(tab, question, "Release berth-planner"))
    assert after == before


def test_a_rejection_is_asked_about_first(slack, tab):
    say(tab, RELEASE)
    question = asked(slack, tab, "Release berth-planner")
    be(tab, PRIYA)
    tab.click(at(question, "[data-action-id=st2_question_choose_1]"))
    tab.until(has("#confirm", "This decides: Reject"))
    tab.click("#confirm .deny")
    tab.until("!document.querySelector('#confirm').open")
    assert tab.evaluate(has(at(question, "[data-action-id]"))), "not meant"
    tab.click(at(question, "[data-action-id=st2_question_choose_1]"))
    tab.click("#confirm .agree")
    tab.until(has(at(question), "Reject by @priya"))
    tab.until(has("#messages", "outcome: not released"))
    assert not tab.evaluate(has("#messages", "live on 12 hosts"))


def test_a_reason_that_has_to_be_given(slack, st2, tab):
    wanted = {"name": "harbour.quay", "text": "Close quay 4?", "ask_reason": "required"}
    asking = st2.run("slack.ask", {"channel": "deploys", **wanted})
    question = asked(slack, tab, "Close quay 4?")
    be(tab, PRIYA)
    tab.click(at(question, "[data-action-id=st2_question_form_0]"))
    tab.until(has("#modal", "Close quay 4?"))
    tab.click("#modal .submit")
    tab.until(has("#modal .error", "has to be filled in"))
    assert tab.evaluate(has(at(question, "[data-action-id]"))), "nothing is decided"
    tab.type("#modal textarea", "The wind is too strong.")
    tab.click("#modal .submit")
    tab.until("!document.querySelector('#modal').open")
    tab.until(has(at(question), "Approve by @priya"))
    assert "@priya: The wind is too strong." in shown(tab, question)
    output = st2.ended(asking)["result"]["output"]
    assert [each["reason"] for each in output["votes"]] == ["The wind is too strong."]


def test_commands_that_do_not_run(slack, st2, tab):
    say(tab, "/st2 relase berth-planner 4.12.0")
    assert "release <service> <version>" in alone(tab, 1), "the nearest format"
    be(tab, LEA)
    tab.click("#join")
    tab.until("!document.querySelector('#composer textarea').disabled")
    say(tab, RELEASE)
    assert "Ask in #general." in alone(tab, 1)
    assert st2.executions("harbour.release") == []
