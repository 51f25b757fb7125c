"""Several questions below one root execution: every workflow goes on, whoever answers when."""

import time

import pytest
from approving import DEPLOYS, MARA, PRIYA, RULES, TOMASZ, Approvals

from sandbox.stackstorm.server import FakeStackStorm
from sandbox.stackstorm.server.tokens import Caller
from st2slack.approvals import answer, deliver, shared_roots, sweep
from st2slack.base.errors import StackStormUnavailable

ASK = {"channel": "deploys", "text": "Go?"}
DELIVER = "slack.deliver_answer"


@pytest.fixture
def approvals(slack, config, monkeypatch):
    monkeypatch.setenv("ST2_AUTH_TOKEN", "")  # st2client leaves one there
    config["authorization"] = RULES
    with FakeStackStorm(configs={"slack": config}, in_thread=True) as st2:
        yield Approvals(slack, config, st2)


def ask_three(approvals, action="slack.ask", **given):
    """A workflow with three questions as items of one task; its ID, and that of each inquiry."""
    task = {"with": "n in <% ctx(names) %>", "action": action, "next": [{"do": "done"}]}
    task["input"] = {**ASK, "text": "Go <% item(n) %>?", **given}
    if action != "slack.ask":
        task["input"] = given
    document = {
        "version": 1.0,
        "vars": [{"names": ["one", "two", "three"]}],
        "tasks": {"all": task, "done": {"action": "core.noop"}},
    }
    approvals.st2.workflow("tests.three", document)
    root = approvals.st2.run("tests.three")
    approvals.st2.wait_for(lambda: len(approvals.messages()) == 3)
    approvals.st2.wait_for_status(root, "paused")
    approvals.wait_until_idle()
    asked = approvals.st2.executions("core.ask")
    return root, [each["id"] for each in asked]


def press_all(approvals, user=TOMASZ):
    """Press in every open question at once; the executions of slack.answer_question."""
    return [approvals.press(user, message=dict(each)) for each in approvals.messages()]


def statuses(approvals, ref):
    return [each["status"] for each in approvals.st2.executions(ref)]


def test_three_answers_at_once_below_one_root(approvals):
    root, _ = ask_three(approvals)
    pressed = press_all(approvals)
    for each in pressed:
        result = approvals.result(each)
        assert result["counted"] and result["queued"] and not result["decided"]
    assert approvals.st2.ended(root)["status"] == "succeeded"
    approvals.wait_until_idle()
    assert [each["choice"] for each in outputs(approvals)] == ["approve"] * 3
    assert all(each["verified"] and each["by"] == [TOMASZ] for each in outputs(approvals))
    assert len(approvals.st2.answers) == 3
    delivered = [approvals.result(each["id"]) for each in approvals.st2.executions(DELIVER)]
    assert [each["decided"] for each in delivered] == [True] * 3
    approvals.sweep(later=700)
    approvals.sweep(later=700)
    assert approvals.stored_keys() == []


def outputs(approvals):
    asked = approvals.st2.executions("slack.ask")
    return [approvals.output(each["id"]) for each in asked]


def test_three_answers_below_a_root_with_workflows_in_between(approvals):
    between = {"tasks": {"ask": {"action": "slack.ask", "input": ASK, "next": [{"do": "end"}]}}}
    between["tasks"]["end"] = {"action": "core.noop"}
    approvals.st2.workflow("tests.between", {"version": 1.0, **between})
    root, _ = ask_three(approvals, "tests.between")
    press_all(approvals)
    assert approvals.st2.ended(root)["status"] == "succeeded"


def test_three_inquiries_of_own_workflows_below_one_root(approvals):
    yes_no = {"type": "object", "properties": {"ok": {"type": "boolean"}}}
    task = {"action": "core.ask", "input": {"route": "slack:deploys", "schema": yes_no}}
    tasks = {"ask": {**task, "next": [{"do": "end"}]}, "end": {"action": "core.noop"}}
    approvals.st2.workflow("tests.own", {"version": 1.0, "tasks": tasks})
    approvals.config["ldap_usernames"] = [{"person": MARA, "name": "st2admin"}]
    root, inquiries = ask_three(approvals, "tests.own")
    press_all(approvals)
    assert approvals.st2.ended(root)["status"] == "succeeded"
    answered = [approvals.st2.execution(each)["result"]["response"] for each in inquiries]
    assert answered == [{"ok": True}] * 3


def test_deadlines_of_three_questions_below_one_root(approvals):
    root, inquiries = ask_three(approvals, expires_after=1)
    for each in inquiries:
        approvals.st2.system.engine.get(each).start -= 3600
    assert len(approvals.sweep()["started"]) == 3
    assert approvals.st2.ended(root)["status"] == "succeeded"
    assert [each["expired"] for each in outputs(approvals)] == [True] * 3


def test_one_question_below_a_root_starts_nothing_else(approvals):
    tasks = {"ask": {"action": "slack.ask", "input": ASK, "next": [{"do": "done"}]}}
    tasks["done"] = {"action": "core.noop"}
    approvals.st2.workflow("tests.one", {"version": 1.0, "tasks": tasks})
    root = approvals.st2.run("tests.one")
    approvals.st2.wait_for(approvals.messages)
    approvals.wait_until_idle()
    assert not [key for key in approvals.stored_keys() if key.startswith("slack_question_root.")]
    assert approvals.press_and_wait(TOMASZ)["decided"]
    assert approvals.st2.ended(root)["status"] == "succeeded"
    assert approvals.st2.executions(DELIVER) == []


def test_questions_of_different_roots_do_not_wait_for_each_other(approvals):
    approvals.ask(text="One?")
    approvals.ask(text="Two?")
    assert [approvals.result(each)["decided"] for each in press_all(approvals)] == [True, True]
    assert approvals.st2.executions(DELIVER) == []


def test_the_message_shows_at_once_what_was_decided_and_it_stays_so(approvals):
    _, inquiries = ask_three(approvals)
    hold_deliveries(approvals)
    message = dict(approvals.messages()[0])
    result = approvals.result(approvals.press(TOMASZ, message=message))
    assert result["counted"] and result["queued"]
    shown = next(
        each
        for each in approvals.slack.workspace.channels[DEPLOYS].messages
        if each["ts"] == message["ts"]
    )
    assert "*Approve*" in str(shown["blocks"]) and "other answers" in str(shown["blocks"])
    assert "'actions'" not in str([each["type"] for each in shown["blocks"]])
    late = approvals.result(approvals.press(PRIYA, 1, message=message))
    assert not late["counted"] and approvals.private_messages(PRIYA) == [answer.DECIDED_TEXT]
    votes = [key for key in approvals.stored_keys() if key.startswith("slack_vote.")]
    assert votes == ["slack_vote.%s.%s" % (result["inquiry"], TOMASZ)]
    assert result["inquiry"] in inquiries and len(approvals.st2.executions(DELIVER)) == 1


def hold_deliveries(approvals):
    """Runs of slack.deliver_answer wait, as if an earlier one of their root still ran."""
    approvals.st2.policy(
        resource_ref=DELIVER,
        policy_type="action.concurrency",
        parameters={"threshold": 0, "action": "delay"},
    )


def test_a_delivery_that_failed_is_made_good(approvals):
    root, _ = ask_three(approvals)
    first = dict(approvals.messages()[0])
    approvals.st2.fault("PUT /v1/inquiries", status=503)
    approvals.result(approvals.press(TOMASZ, message=first))
    approvals.st2.wait_for(lambda: "failed" in statuses(approvals, DELIVER))
    approvals.st2.heal()
    approvals.wait_until_idle()
    press_all(approvals)  # the others
    approvals.wait_until_idle()
    approvals.sweep()
    assert approvals.st2.ended(root)["status"] == "succeeded"


def test_later_answers_do_not_wait_for_a_killed_delivery_for_ever(approvals):
    root, inquiries = ask_three(approvals)
    dead = approvals.st2.run(DELIVER, {"inquiry": inquiries[0], "root": root})
    approvals.st2.kill_runner(approvals.st2.wait_for_status(dead, "running")["id"])
    # Questions are posted in any order: those of the other inquiries, by the ID in their buttons.
    others = [each for each in approvals.messages() if inquiries[0] not in str(each["blocks"])]
    for each in others:
        approvals.press(TOMASZ, message=dict(each))
    approvals.st2.wait_for(lambda: statuses(approvals, DELIVER).count("delayed") == 2)
    done = approvals.sweep(later=200)
    assert done["canceled"] == [dead]
    press_all(approvals)
    assert approvals.st2.ended(root)["status"] == "succeeded"


# --- answers that StackStorm takes without us -------------------------------------------------


def make_stuck(approvals):
    """Answer three inquiries by the API at once: the root stays paused."""
    root, inquiries = ask_three(approvals)
    response = {"choice": "approve", "expired": False, "votes": []}
    system = approvals.st2.system
    with system.engine.lock:  # none of the workflows ends in between
        for each in inquiries:
            system.inquiries.take(each, response, Caller("st2admin"))
            system.inquiries.settle(each)
    for each in approvals.st2.executions("slack.ask"):
        approvals.st2.ended(each["id"])
    approvals.wait_until_idle()
    assert approvals.st2.execution(root)["status"] == "paused"
    return root


def test_a_root_that_waits_for_nothing_is_reported_once(approvals):
    root = make_stuck(approvals)
    assert "stuck" not in approvals.sweep()
    assert "stuck" not in approvals.sweep(later=30)
    (stuck,) = approvals.sweep(later=90)["stuck"]
    assert stuck["execution"] == root and stuck["action"] == "tests.three"
    assert "st2 execution cancel " + root in stuck["what_to_do"]
    (message,) = reports(approvals)
    assert root in message["text"] and "st2 execution re-run" in message["text"]
    assert message["thread_ts"] in [each["ts"] for each in threads(approvals)]
    assert approvals.sweep(later=150)["stuck"] == [stuck] and len(reports(approvals)) == 1
    approvals.st2.client().executions.delete_by_id(root)
    assert "stuck" not in approvals.sweep(later=210)
    assert approvals.stored_keys() == []


def reports(approvals):
    found = approvals.slack.workspace.channels[DEPLOYS].messages
    return [each for each in found if "does not continue by itself" in each.get("text", "")]


def threads(approvals):
    found = approvals.slack.workspace.channels[DEPLOYS].messages
    return [
        each for each in found if each.get("app_id") and each.get("thread_ts") in (None, each["ts"])
    ]


def test_a_root_that_somebody_paused_or_that_still_asks_is_not_reported(approvals):
    root = make_stuck(approvals)
    approvals.st2.system.engine.get(root).context["paused_by"] = "mara"
    approvals.sweep()
    assert "stuck" not in approvals.sweep(later=90)


def test_a_root_with_an_open_question_is_not_reported(approvals):
    ask_three(approvals)
    approvals.sweep()
    assert "stuck" not in approvals.sweep(later=90)
    assert reports(approvals) == []


def test_the_sweeper_notes_a_root_that_could_not_be_noted_when_it_was_asked(approvals):
    root, _ = ask_three(approvals)
    approvals.context().stackstorm.datastore.delete("slack_question_root." + root)
    approvals.sweep()
    assert "slack_question_root." + root in approvals.stored_keys()


# --- waiting ----------------------------------------------------------------------------------


def test_waiting_is_bounded(approvals):
    """What is around the question may have other work to do, for hours."""
    root, inquiries = ask_three(approvals)
    approvals.st2.system.engine.set_status(approvals.st2.system.engine.get(root), "running")
    slept = []
    context = approvals.context(sleep=slept.append)
    assert shared_roots.wait_until_idle(context, context.load_inquiry(inquiries[0])) is False
    assert sum(slept) == pytest.approx(
        shared_roots.IDLE_TIMEOUT, abs=2 * shared_roots.POLL_INTERVAL
    )


def test_paused_from_before_the_answer_is_not_at_rest(approvals):
    """StackStorm resumes the root some time after it took the answer."""
    _, inquiries = ask_three(approvals)
    slept = []
    context = approvals.context(sleep=slept.append)
    found = context.load_inquiry(inquiries[0])
    engine = approvals.st2.system.engine
    engine.finish(engine.get(found.workflows[0].id), "succeeded", {})
    engine.set_status(engine.get(found.workflows[-1].id), "paused")
    before = [
        each._replace(log_length=each.log_length + 1)
        for each in shared_roots.workflow_states(found)
    ]
    assert shared_roots.wait_until_processed(context, found, before) is False
    assert (
        shared_roots.wait_until_processed(context, found, shared_roots.workflow_states(found))
        is True
    )


def test_what_was_answered_counts_though_nobody_can_look_any_more(approvals, monkeypatch):
    _, inquiries = ask_three(approvals)
    context = approvals.context(sleep=lambda seconds: None)

    def away(*given):
        raise StackStormUnavailable("StackStorm's API gave no answer.")

    monkeypatch.setattr(shared_roots, "wait_until_processed", away)
    approvals.st2.system.engine.get(inquiries[0]).start -= 7 * 24 * 3600
    result = deliver.deliver(context, inquiries[0])
    assert result["decided"] and result["settled"] is False


def test_the_sweeper_without_roots_asks_for_no_deliveries(approvals):
    approvals.ask()
    before = len(approvals.st2.requests)
    sweep.sweep(approvals.context(time.time))
    asked = [each.path for each in approvals.st2.requests[before:]]
    assert not [each for each in asked if "deliver" in each]
