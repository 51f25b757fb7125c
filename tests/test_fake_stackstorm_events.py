"""Workflows, notifications, policies, rules and faults of StackStorm's API on loopback."""

import json
import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest
import requests
from st2client.models import KeyValuePair
from test_fake_stackstorm import TEXT, command, hello, post, put, refused  # noqa: F401

from sandbox.slack.state import seed
from sandbox.stackstorm.server import FakeStackStorm
from sandbox.stackstorm.validation_errors import ValidationErrors

ROOT = Path(__file__).resolve().parents[1]
NOTIFY = "core.st2.generic.notifytrigger"
SCHEMA = {"type": "object", "properties": {"decision": {"type": "string", "required": True}}}

ASKING = """
version: 1.0
input: [text]
vars: [{decision: null}]
tasks:
  ask:
    action: core.ask
    input: {schema: %s, route: pager, ttl: 0}
    next:
      - when: <%% succeeded() %%>
        publish: [{decision: <%% result().response.decision %%>}]
        do: done
  done:
    action: core.noop
output: [{decision: <%% ctx().decision %%>}, {text: <%% ctx().text %%>}]
""" % json.dumps(SCHEMA)

OUTER = """
version: 1.0
input: [text]
tasks:
  inner:
    action: tests.asking
    input: {text: <% ctx().text %>}
    next:
      - when: <% succeeded() and result().output.decision = 'yes' %>
        publish: [{went: true}]
        do: work
      - when: <% succeeded() and not result().output.decision = 'yes' %>
        publish: [{went: false}]
  work:
    action: core.echo
    input: {message: "on with <% ctx().text %>"}
    next:
      - publish: [{said: <% result().stdout %>}]
output: [{went: <% ctx().went %>}, {said: <% ctx().get(said) %>}]
"""


@pytest.fixture
def asking(st2):
    st2.workflow("tests.asking", ASKING, {"text": TEXT})
    st2.workflow("tests.outer", OUTER.replace("get(said)", "get('said')"), {"text": TEXT})


def inquiry_of(st2):
    """The one inquiry that waits."""
    return st2.wait_for(lambda: [each["id"] for each in st2.executions("core.ask")])[0]


def paused(st2, *refs):
    def all_are():
        return all(st2.executions(ref)[-1]["status"] == "paused" for ref in refs)

    return st2.wait_for(all_are)


def answer(st2, inquiry, decision):
    return put(st2, "/inquiries/" + inquiry, response={"decision": decision})


class TestWorkflows:
    def test_an_inquiry_pauses_all_around_it_and_an_answer_moves_them_on(self, st2, asking):
        made = st2.run("tests.outer", {"text": "deploy"})
        inquiry = inquiry_of(st2)
        paused(st2, "tests.outer", "tests.asking")
        assert st2.execution(inquiry)["status"] == "pending"
        # From the inquiry to the question: its parent carries it.
        parent = st2.execution(st2.execution(inquiry)["parent"])
        assert (parent["action"]["ref"], parent["parameters"]) == (
            "tests.asking",
            {"text": "deploy"},
        )
        assert parent["parent"] == made
        assert parent["context"]["parent"]["execution_id"] == made
        assert answer(st2, inquiry, "yes").status_code == 200
        execution = st2.ended(made)
        assert execution["status"] == "succeeded"
        assert execution["result"] == {"output": {"went": True, "said": "on with deploy"}}
        children = st2.client().executions.get_children(made)
        refs = [each.action["ref"] for each in children]
        assert refs == ["tests.asking", "core.ask", "core.noop", "core.echo"]
        assert len(st2.client().executions.get_children(made, depth=1)) == 2

    def test_the_other_branch(self, st2, asking):
        made = st2.run("tests.outer", {"text": "deploy"})
        answer(st2, inquiry_of_pending(st2), "no")
        assert st2.ended(made)["result"] == {"output": {"went": False, "said": None}}

    def test_ask_as_the_last_task_ends_in_nothing(self, st2):
        st2.workflow(
            "tests.last",
            {
                "version": 1.0,
                "tasks": {"ask": {"action": "core.ask", "next": [{"publish": [{"a": 1}]}]}},
                "output": [{"a": "<% ctx().a %>"}],
            },
        )
        made = st2.run("tests.last")
        put(st2, "/inquiries/" + inquiry_of_pending(st2), response={"continue": True})
        execution = st2.ended(made)
        assert (execution["status"], execution["result"]) == ("succeeded", {"output": None})

    def test_two_answers_at_once_are_both_taken_and_the_workflow_hangs(self, st2, asking):
        st2.answer_window = 60
        made = st2.run("tests.asking", {"text": "x"})
        inquiry = inquiry_of_pending(st2)
        answers = []
        threads = [
            threading.Thread(target=lambda each=each: answers.append(answer(st2, inquiry, each)))
            for each in ("yes", "no")
        ]
        for thread in threads:
            thread.start()
        st2.wait_for(lambda: len(st2.answers) == 2)
        st2.settle(inquiry)
        for thread in threads:
            thread.join()
        assert [each.status_code for each in answers] == [200, 200]
        assert [each.stored for each in st2.answers] == [False, True]
        kept = st2.execution(inquiry)
        assert kept["status"] == "succeeded"
        assert kept["result"]["response"] == st2.answers[1].response
        assert st2.execution(made)["status"] == "running"
        assert [each["action"]["ref"] for each in st2.executions()] == ["tests.asking", "core.ask"]
        # Only somebody who cancels it ends that.
        st2.client().executions.delete_by_id(made)
        assert st2.ended(made)["status"] == "canceled"

    def test_two_answers_at_once_may_go_well(self, st2, asking):
        st2.two_answers_hang(False)
        st2.answer_window = 60
        made = st2.run("tests.asking", {"text": "x"})
        inquiry = inquiry_of_pending(st2)
        threads = [threading.Thread(target=answer, args=(st2, inquiry, "yes")) for _ in "ab"]
        for thread in threads:
            thread.start()
        st2.wait_for(lambda: len(st2.answers) == 2)
        st2.settle(inquiry)
        for thread in threads:
            thread.join()
        assert st2.ended(made)["status"] == "succeeded"

    def test_stopped_in_the_middle_an_answer_counts(self, st2, asking):
        st2.answer_window = 60
        made = st2.run("tests.asking", {"text": "x"})
        inquiry = inquiry_of_pending(st2)
        failures = []

        def ask():
            try:
                answer(st2, inquiry, "yes")
            except requests.ConnectionError as error:
                failures.append(error)

        thread = threading.Thread(target=ask)
        thread.start()
        st2.wait_for(lambda: st2.answers)
        st2.stop()
        thread.join()
        assert len(failures) == 1
        assert st2.ended(made)["result"]["output"]["decision"] == "yes"

    def test_one_after_the_other_the_second_is_refused(self, st2, asking):
        made = st2.run("tests.asking", {"text": "x"})
        inquiry = inquiry_of_pending(st2)
        assert answer(st2, inquiry, "yes").status_code == 200
        assert "already been responded" in refused(answer(st2, inquiry, "no"), 400)
        assert st2.ended(made)["result"]["output"]["decision"] == "yes"

    def test_cancelled_outside_an_answer_has_no_effect(self, st2, asking):
        made = st2.run("tests.outer", {"text": "x"})
        inquiry = inquiry_of_pending(st2)
        paused(st2, "tests.outer", "tests.asking")
        st2.client().executions.delete_by_id(made)
        assert st2.execution(made)["status"] == "canceled"
        assert st2.executions("tests.asking")[0]["status"] == "paused"
        assert st2.execution(inquiry)["status"] == "pending"
        assert answer(st2, inquiry, "yes").status_code == 200
        assert st2.executions("tests.asking")[0]["status"] == "paused"
        assert st2.executions("core.noop") == []

    def test_cancelled_inside_it_ends(self, st2, asking):
        made = st2.run("tests.outer", {"text": "x"})
        inquiry_of_pending(st2)
        paused(st2, "tests.outer", "tests.asking")
        inner = st2.executions("tests.asking")[0]["id"]
        st2.client().executions.delete_by_id(inner)
        states = [each["status"] for each in st2.ended(inner)["log"]]
        assert states[-3:] == ["paused", "canceling", "canceled"]
        assert st2.ended(made)["status"] == "canceled"

    def test_cancelled_while_it_runs_it_waits_for_its_tasks(self, st2, asking):
        go_on = threading.Event()
        st2.action("tests.wait", lambda: go_on.wait(60))
        tasks = {"a": {"action": "tests.wait"}, "b": {"action": "tests.asking"}}
        st2.workflow("tests.both", {"version": 1.0, "tasks": tasks})
        made = st2.run("tests.both")
        inquiry_of_pending(st2)
        paused(st2, "tests.asking")
        assert st2.execution(made)["status"] == "running"
        st2.client().executions.delete_by_id(made)
        assert st2.execution(made)["status"] == "canceling"
        assert st2.executions("tests.asking")[0]["status"] == "canceled"
        go_on.set()
        assert st2.ended(made)["status"] == "canceled"

    def test_jinja_in_an_answer_is_rendered_by_the_task_that_gets_it(self, st2):
        st2.client().keys.update(KeyValuePair(name="x", value="canary"))
        asking = {"action": "core.ask", "next": [{"do": "say"}]}
        asking["input"] = {"schema": SCHEMA}
        asking["next"][0]["publish"] = [{"it": "<% result().response.decision %>"}]
        say = {"action": "core.echo", "input": {"message": "<% ctx().it %>"}}
        definition = {"version": 1.0, "tasks": {"ask": asking, "say": say}}
        st2.workflow("tests.saying", {**definition, "output": [{"it": "<% ctx().it %>"}]})
        made = st2.run("tests.saying")
        answer(st2, inquiry_of_pending(st2), "{{ st2kv.system.x }}")
        # The answer itself is kept as it was given.
        assert st2.ended(made)["result"]["output"]["it"] == "{{ st2kv.system.x }}"
        assert st2.executions("core.echo")[0]["result"]["stdout"] == "canary"

    def test_who_asked_in_chat_is_handed_on(self, st2, asking):
        st2.alias(pack="tests", name="ask", action_ref="tests.outer", formats=["ask {{text}}"])
        made = command(st2, "ask me").execution["id"]
        inquiry = st2.execution(inquiry_of_pending(st2))
        asking = st2.execution(inquiry["parent"])
        for each in (inquiry, asking):
            assert each["context"]["api_user"] == "U1"
            assert each["context"]["parent"]["source_channel"] == "C1"
        assert asking["context"]["parent"]["execution_id"] == made
        assert asking["workflow_execution"] == st2.execution(made)["context"]["workflow_execution"]

    def test_an_output_schema_demands_the_answer_where_the_setting_is_on(self, monkeypatch):
        monkeypatch.setenv("ST2_AUTH_TOKEN", "")
        schema = {"type": "object", "properties": {"a": {"type": "string", "required": True}}}
        definition = {"version": 1.0, "tasks": {"a": {"action": "core.noop"}}}
        for on, status in ((False, "succeeded"), (True, "failed")):
            with FakeStackStorm([], validate_output=on) as st2:
                st2.workflow("tests.none", definition, output_schema=schema)
                execution = st2.ended(st2.run("tests.none"))
                assert execution["status"] == status
                assert not on or "Error validating output" in execution["result"]["message"]

    def test_an_expired_inquiry_ends_in_success_and_nothing_tells_it(self, st2):
        definition = {
            "version": 1.0,
            "tasks": {
                "ask": {
                    "action": "core.ask",
                    "input": {"ttl": 5},
                    "next": [
                        {"when": "<% failed() %>", "do": "told"},
                        {"when": "<% not succeeded() %>", "do": "told"},
                    ],
                },
                "told": {"action": "core.echo", "input": {"message": "expired"}},
            },
        }
        st2.workflow("tests.expiring", definition)
        made = st2.run("tests.expiring")
        inquiry = inquiry_of_pending(st2)
        assert st2.purge_inquiries(minutes=4) == []
        assert st2.purge_inquiries(minutes=2) == [inquiry]
        execution = st2.ended(made)
        assert (execution["status"], execution["result"]) == ("succeeded", {"output": None})
        assert st2.executions("core.echo") == []
        text = refused(put(st2, "/inquiries/" + inquiry, response={"continue": True}), 400)
        assert text.endswith("timed out and cannot be responded to.")

    def test_ttl_zero_never_expires(self, st2, asking):
        st2.run("tests.asking", {"text": "x"})
        inquiry_of_pending(st2)
        assert st2.purge_inquiries(minutes=10**6) == []

    def test_a_failure_ends_the_workflow_unless_it_is_taken_up(self, st2):
        st2.action("tests.fail", lambda: (False, "no"))
        definition = {"version": 1.0, "tasks": {"a": {"action": "tests.fail"}}}
        st2.workflow("tests.failing", definition)
        execution = st2.ended(st2.run("tests.failing"))
        assert execution["status"] == "failed"
        assert execution["result"]["errors"][0]["task_id"] == "a"
        definition["tasks"]["a"]["next"] = [{"when": "<% failed() %>", "do": "noop"}]
        st2.workflow("tests.mended", definition)
        assert st2.ended(st2.run("tests.mended"))["status"] == "succeeded"

    def test_what_is_wrong_in_an_expression_fails_it(self, st2):
        definition = {"version": 1.0, "tasks": {}, "output": [{"x": "<% ctx().absent %>"}]}
        definition["tasks"]["a"] = {"action": "core.noop"}
        st2.workflow("tests.wrong", definition)
        execution = st2.ended(st2.run("tests.wrong"))
        assert execution["status"] == "failed"
        assert "absent" in execution["result"]["errors"][0]["message"]

    def test_what_is_not_known_here_is_refused_by_name(self, st2):
        for key in ("join", "with", "retry", "delay"):
            task = {"action": "core.noop", key: "x"}
            with pytest.raises(ValidationErrors, match=key):
                st2.workflow("tests.more", {"version": 1.0, "tasks": {"a": task}})
        with pytest.raises(ValidationErrors, match="nowhere"):
            task = {"action": "core.noop", "next": [{"do": "nowhere"}]}
            st2.workflow("tests.more", {"version": 1.0, "tasks": {"a": task}})

    def test_a_workflow_is_paused_and_resumed(self, st2):
        go_on = threading.Event()
        st2.action("tests.wait", lambda: go_on.wait(60))
        tasks = {
            "a": {"action": "tests.wait", "next": [{"do": "b"}]},
            "b": {"action": "core.noop"},
        }
        st2.workflow("tests.two", {"version": 1.0, "tasks": tasks})
        made = st2.run("tests.two")
        st2.wait_for(lambda: [e for e in st2.executions("tests.wait") if e["status"] == "running"])
        client = st2.client()
        assert client.executions.pause(made).status == "pausing"
        go_on.set()
        st2.wait_for_status(made, "paused")
        assert st2.executions("core.noop") == []
        client.executions.resume(made)
        assert st2.ended(made)["status"] == "succeeded"


def inquiry_of_pending(st2):
    """The one inquiry, once it can be answered."""
    inquiry = inquiry_of(st2)
    st2.wait_for_status(inquiry, "pending")
    return inquiry


class TestNotifications:
    def test_a_command_is_answered_at_its_end(self, st2, hello):  # noqa: F811
        context = {"channel": "C1", "ts": "1.2", "team": "T1"}
        made = command(st2, "hello bob", source_context=context).execution["id"]
        (told,) = st2.wait_for(lambda: st2.dispatched(NOTIFY))
        execution = st2.ended(made)
        result = json.loads(told["data"].pop("result"))
        assert result == execution["result"]
        assert told == {
            "route": "slack",
            "channel": "slack",
            "status": "succeeded",
            "execution_id": made,
            "action_ref": "tests.hello",
            "runner_ref": "python-script",
            "start_timestamp": execution["start_timestamp"],
            "end_timestamp": execution["end_timestamp"],
            "message": "Action tests.hello completed.",
            "data": {"user": "U1", "source_channel": "C1", "source_context": context},
        }

    def test_a_failure_is_completed_too(self, st2):
        st2.action("tests.fail", lambda: (False, "no"))
        st2.alias(pack="tests", name="fail", action_ref="tests.fail", formats=["fail"])
        command(st2, "fail")
        (told,) = st2.wait_for(lambda: st2.dispatched(NOTIFY))
        assert (told["status"], told["message"]) == ("failed", "Action tests.fail completed.")

    def test_jinja_in_who_asked_reads_the_datastore(self, st2, hello):  # noqa: F811
        st2.client().keys.update(KeyValuePair(name="x", value="canary"))
        template = "{{ st2kv.system.x }}"
        command(st2, "hello bob", user=template, source_context={"text": template})
        (told,) = st2.wait_for(lambda: st2.dispatched(NOTIFY))
        assert told["data"]["user"] == "canary"
        assert told["data"]["source_context"] == {"text": "canary"}

    def test_a_workflow_tells_once(self, st2, asking):
        form = "ask {{text}}"
        st2.alias(pack="tests", name="ask", action_ref="tests.outer", formats=[form])
        made = command(st2, "ask me").execution["id"]
        inquiry = inquiry_of_pending(st2)
        assert st2.dispatched(NOTIFY) == []
        answer(st2, inquiry, "yes")
        st2.ended(made)
        assert [each["execution_id"] for each in st2.dispatched(NOTIFY)] == [made]

    def test_the_result_is_not_masked(self, st2):
        secret = {"type": "object", "properties": {"key": {"type": "string", "secret": True}}}
        st2.action("tests.secret", lambda: {"key": "canary"}, output_schema=secret)
        st2.alias(pack="tests", name="s", action_ref="tests.secret", formats=["secret"])
        made = command(st2, "secret").execution["id"]
        (told,) = st2.wait_for(lambda: st2.dispatched(NOTIFY))
        assert "canary" in told["data"]["result"]
        assert "canary" not in json.dumps(st2.execution(made, secrets=False))

    def test_sections_of_notify(self, st2):
        notify = {
            "on_success": {"routes": ["a", "b"], "message": "well, {{ action_results.result }}"},
            "on_failure": {"routes": ["c"]},
        }
        st2.action("tests.ok", lambda: "done", notify=notify)
        st2.ended(st2.run("tests.ok"))
        told = st2.wait_for(lambda: st2.dispatched(NOTIFY))
        assert [(each["route"], each["message"]) for each in told] == [
            ("a", "well, done"),
            ("b", "well, done"),
        ]

    def test_the_result_as_the_alias_wants_it(self, st2, hello):  # noqa: F811
        st2.alias(
            pack="tests",
            name="formatted",
            action_ref="tests.hello",
            formats=["format {{name}}"],
            result={
                "format": "{{ execution.result.result[0] }}: {{ execution.status }}",
                "extra": {"slack": {"color": "{{ execution.status }}"}},
            },
        )
        made = command(st2, "format bob").execution["id"]
        st2.ended(made)
        asked = st2.run("chatops.format_execution_result", {"execution_id": made})
        assert st2.ended(asked)["result"]["result"] == {
            "enabled": True,
            "message": "bob: succeeded",
            "extra": {"slack": {"color": "succeeded"}},
        }
        st2.alias(
            pack="tests",
            name="formatted",
            action_ref="tests.hello",
            formats=["format {{name}}"],
            result={"enabled": False},
        )
        made = command(st2, "format bob").execution["id"]
        asked = st2.run("chatops.format_execution_result", {"execution_id": st2.ended(made)["id"]})
        assert st2.ended(asked)["result"]["result"]["enabled"] is False


class TestPolicies:
    @pytest.fixture
    def voting(self, st2):
        """An action that waits for its event; one at a time for each inquiry."""
        events = {"a": threading.Event(), "b": threading.Event(), "c": threading.Event()}
        parameters = {"inquiry": TEXT, "vote": TEXT}
        st2.action("tests.vote", lambda inquiry, vote: events[vote].wait(60), parameters)
        st2.policy(
            name="one",
            resource_ref="tests.vote",
            policy_type="action.concurrency.attr",
            parameters={"threshold": 1, "action": "delay", "attributes": ["inquiry"]},
        )
        yield events
        for event in events.values():
            event.set()

    def test_one_at_a_time_and_in_order(self, st2, voting):
        first, second, other = [
            st2.run("tests.vote", {"inquiry": inquiry, "vote": vote})
            for inquiry, vote in (("1", "a"), ("1", "b"), ("2", "c"))
        ]
        st2.wait_for_status(first, "running")
        st2.wait_for_status(other, "running")
        assert st2.execution(second)["status"] == "delayed"
        voting["a"].set()
        st2.ended(first)
        st2.wait_for_status(second, "running")
        voting["b"].set()
        assert st2.ended(second)["status"] == "succeeded"

    def test_a_killed_runner_blocks_until_it_is_cancelled(self, st2, voting):
        first = st2.run("tests.vote", {"inquiry": "1", "vote": "a"})
        st2.wait_for_status(first, "running")
        st2.kill_runner(first)
        second = st2.run("tests.vote", {"inquiry": "1", "vote": "b"})
        voting["a"].set()
        voting["b"].set()
        assert st2.execution(first)["status"] == "running"
        assert st2.execution(second)["status"] == "delayed"
        st2.client().executions.delete_by_id(first)
        assert st2.execution(first)["status"] == "canceled"
        assert st2.ended(second)["status"] == "succeeded"

    def test_an_abandoned_one_lets_the_next_go(self, st2, voting):
        first, second = [
            st2.run("tests.vote", {"inquiry": "1", "vote": vote}) for vote in ("a", "b")
        ]
        st2.wait_for_status(first, "running")
        st2.terminate_runner(first)
        assert st2.execution(first)["status"] == "abandoned"
        st2.wait_for_status(second, "running")

    def test_a_delayed_one_is_cancelled(self, st2, voting):
        first, second = [
            st2.run("tests.vote", {"inquiry": "1", "vote": vote}) for vote in ("a", "b")
        ]
        st2.client().executions.delete_by_id(second)
        assert st2.execution(second)["status"] == "canceled"
        voting["a"].set()
        st2.ended(first)
        assert len(st2.execution(second)["log"]) == 3

    def test_the_policy_of_the_pack_is_there(self, st2):
        st2.action("slack.refresh_token", threading.Event().wait)
        first, second = st2.run("slack.refresh_token"), st2.run("slack.refresh_token")
        st2.wait_for_status(first, "running")
        assert st2.execution(second)["status"] == "delayed"
        for each in (second, first):
            st2.client().executions.delete_by_id(each)


class TestRules:
    RULE = {
        "name": "on_press",
        "pack": "tests",
        "enabled": True,
        "trigger": {"type": "tests.press"},
        "criteria": {"trigger.id": {"type": "equals", "pattern": "yes"}},
        "action": {"ref": "core.echo", "parameters": {"message": "{{ trigger.by }} pressed"}},
    }

    def test_an_enabled_rule_runs_its_action(self, st2):
        st2.rule(**self.RULE)
        told = st2.dispatch("tests.press", {"id": "yes", "by": "mara"})
        assert told.rules == ["tests.on_press"]
        (execution,) = st2.executions("core.echo")
        assert execution["context"]["rule"]["ref"] == "tests.on_press"
        assert execution["context"]["user"] == "stanley"
        assert st2.ended(execution["id"])["result"]["stdout"] == "mara pressed"
        assert st2.dispatch("tests.press", {"id": "no", "by": "mara"}).rules == []
        st2.enable_rule("tests.on_press", False)
        assert st2.dispatch("tests.press", {"id": "yes", "by": "mara"}).rules == []

    def test_a_timer_fires_when_it_is_told_to(self, st2):
        timer = {"type": "core.st2.IntervalTimer", "parameters": {"unit": "minutes", "delta": 5}}
        st2.rule(**{**self.RULE, "trigger": timer, "criteria": {}, "action": {"ref": "core.noop"}})
        assert st2.executions() == []
        st2.tick("tests.on_press")
        assert st2.ended(st2.executions("core.noop")[0]["id"])["status"] == "succeeded"
        st2.enable_rule("tests.on_press", False)
        with pytest.raises(AssertionError, match="disabled"):
            st2.tick("tests.on_press")

    def test_jinja_in_a_payload_is_rendered(self, st2):
        st2.client().keys.update(KeyValuePair(name="x", value="canary"))
        st2.rule(**self.RULE)
        st2.dispatch("tests.press", {"id": "yes", "by": "{{ st2kv.system.x }}"})
        assert st2.executions("core.echo")[0]["parameters"]["message"] == "canary pressed"

    def test_a_rule_whose_action_is_refused_stops_nothing(self, st2):
        st2.rule(**{**self.RULE, "action": {"ref": "tests.absent"}})
        st2.rule(**{**self.RULE, "name": "other"})
        st2.dispatch("tests.press", {"id": "yes", "by": "mara"})
        assert st2.rule_failures == [("tests.on_press", 'Action "tests.absent" cannot be found.')]
        assert len(st2.executions("core.echo")) == 1

    def test_the_generic_webhook_fires_a_trigger(self, st2):
        st2.rule(**self.RULE)
        payload = {"id": "yes", "by": "mara"}
        st2.client().webhooks.post_generic_webhook("tests.press", payload)
        assert st2.dispatched("tests.press") == [payload]
        assert len(st2.executions("core.echo")) == 1

    def test_the_rules_of_the_pack_are_there(self, st2):
        with pytest.raises(AssertionError, match="disabled"):
            st2.tick("slack.refresh_tokens")

    def test_a_sensor_dispatches_to_it(self, st2):
        from sandbox.stackstorm.server.sensor_service import FakeSensorService

        st2.rule(**self.RULE)
        service = FakeSensorService(st2, "slack.SlackSensor")
        service.dispatch("tests.press", {"id": "yes", "by": "mara"})
        assert len(st2.executions("core.echo")) == 1
        assert service.set_value("state", {"a": 1})
        assert st2.client().keys.get_by_id("slack.SlackSensor:state").value == "{'a': 1}"
        assert service.get_value("state") == "{'a': 1}"


class TestFaults:
    def test_a_status_instead_of_an_answer(self, st2):
        st2.fault("PUT /v1/keys", status=503)
        assert put(st2, "/keys/a", name="a", value="1").status_code == 503
        assert st2.client().keys.get_by_id("a") is None
        assert put(st2, "/keys/a", name="a", value="1").status_code == 200

    def test_a_connection_cut_after_it_was_done(self, st2):
        st2.fault("PUT /v1/keys", cut=True)
        with pytest.raises(requests.ConnectionError):
            put(st2, "/keys/a", name="a", value="1")
        assert st2.client().keys.get_by_id("a").value == "1"

    def test_slow_until_it_is_released(self, st2):
        release = threading.Event()
        fault = st2.fault("GET /v1/keys", slow=release)
        found = []
        thread = threading.Thread(target=lambda: found.extend(st2.client().keys.get_all()))
        put(st2, "/keys/a", name="a", value="1")
        thread.start()
        st2.wait_for(lambda: fault.taken)
        assert found == []
        release.set()
        thread.join()
        assert [each.name for each in found] == ["a"]

    def test_a_sensors_token_runs_out(self, st2):
        client = st2.client(st2.sensor_token)
        assert client.keys.get_all() == []
        st2.revoke(st2.sensor_token)
        with pytest.raises(requests.HTTPError, match="401"):
            client.keys.get_all()

    def test_restarted_between_question_and_answer(self, st2, asking):
        made = st2.run("tests.asking", {"text": "x"})
        inquiry = inquiry_of_pending(st2)
        st2.stop()
        st2.start()
        assert answer(st2, inquiry, "yes").status_code == 200
        assert st2.ended(made)["result"]["output"]["decision"] == "yes"


class TestSensors:
    def test_the_sensor_in_its_process_sets_off_a_rule(self, st2, slack, tmp_path):
        rule = {
            "name": "heard",
            "pack": "tests",
            "enabled": True,
            "trigger": {"type": "slack.message"},
            "action": {"ref": "core.echo", "parameters": {"message": "{{ trigger.text }}"}},
        }
        st2.rule(**rule)
        config = {
            "api_url": slack.api_url,
            "action_token": slack.bot_token,
            "sensor": {"app_token": slack.app_token},
        }
        (tmp_path / "config.json").write_text(json.dumps(config))
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
            "ST2_API_URL": st2.api_url,
            "ST2_AUTH_TOKEN": st2.sensor_token,
        }
        words = [sys.executable, "-m", "sandbox.stackstorm.sensor.host", str(tmp_path)]
        with open(tmp_path / "log", "wb") as log, subprocess.Popen(
            words, cwd=str(tmp_path), env=environment, stdout=log, stderr=log
        ) as process:
            try:
                st2.wait_for(lambda: st2.dispatched("slack.sensor_state"))
                slack.workspace.say(seed.OWNER, seed.GENERAL, "the tide is in")
                (execution,) = st2.wait_for(lambda: st2.executions("core.echo"))
                assert execution["parameters"]["message"] == "the tide is in"
                st2.wait_for(st2.client().keys.get_all)
            finally:
                process.kill()


ACTION = """
import os
from st2common.runners.base_action import Action


class Call(Action):
    def run(self, name, wait):
        service = self.action_service
        client = service.datastore_service.get_api_client()
        service.set_value("mine", name)
        service.set_value("token", "canary", local=False, encrypt=True)
        if wait:
            import threading
            threading.Event().wait()
        here = client.executions.get_by_id(os.environ["ST2_ACTION_EXECUTION_ID"])
        return {
            "ref": here.action["ref"],
            "user": here.context["user"],
            "mine": service.get_value("mine"),
            "token": service.get_value("token", local=False, decrypt=True),
            "absent": service.get_value("absent"),
            "names": [each.name for each in service.list_values()],
            "deleted": service.delete_value("mine"),
            "after": service.get_value("mine"),
            "pack": os.environ["ST2_ACTION_PACK_NAME"],
            "env": os.environ["ST2_ACTION_AUTH_TOKEN"],
        }
"""


@pytest.fixture
def calling(tmp_path):
    """A pack with one action that calls back."""
    (tmp_path / "actions").mkdir()
    (tmp_path / "pack.yaml").write_text("name: calling\nref: calling\n", encoding="utf-8")
    (tmp_path / "actions/call.py").write_text(textwrap.dedent(ACTION), encoding="utf-8")
    (tmp_path / "actions/call.yaml").write_text(
        "name: call\nrunner_type: python-script\nentry_point: call.py\nenabled: true\n"
        "parameters:\n  name: {type: string}\n  wait: {type: boolean}\n",
        encoding="utf-8",
    )
    return tmp_path


class TestActionsOfPacks:
    @pytest.mark.parametrize("in_thread", [False, True])
    def test_an_action_calls_back_with_its_own_token(self, monkeypatch, calling, in_thread):
        monkeypatch.setenv("ST2_AUTH_TOKEN", "")
        with FakeStackStorm([calling], in_thread=in_thread) as st2:
            execution = st2.ended(st2.run("calling.call", {"name": "bob"}, user="mara"))
            assert execution["status"] == "succeeded", execution["result"]
            result = execution["result"]["result"]
            token = result.pop("env")
            assert result == {
                "ref": "calling.call",
                "user": "mara",
                "mine": "bob",
                "token": "canary",
                "absent": None,
                "names": ["calling.Call:mine"],
                "deleted": True,
                "after": None,
                "pack": "calling",
            }
            headers = {"X-Auth-Token": token}
            refused(requests.get(st2.api_url + "/keys", headers=headers, timeout=60), 401)

    @pytest.fixture
    def waits(self, st2, calling):
        """Runs the action until it waits for ever; its ID."""
        st2.pack(calling)

        def run():
            made = st2.run("calling.call", {"name": "bob", "wait": True})
            st2.wait_for(lambda: st2.system.store.get_value("token", local=False))
            st2.system.store.delete_value("token")
            return made

        return run

    def test_its_process_ends_when_it_is_cancelled(self, st2, waits):
        made = waits()
        assert st2.running_processes == [made]
        st2.client().executions.delete_by_id(made)
        assert st2.ended(made)["status"] == "canceled"
        st2.wait_for(lambda: not st2.running_processes)

    def test_its_process_outlives_its_runner_but_not_the_stand_in(self, st2, waits):
        killed, terminated = waits(), waits()
        st2.kill_runner(killed)
        st2.terminate_runner(terminated)
        assert st2.execution(killed)["status"] == "running"
        assert st2.execution(terminated)["status"] == "abandoned"
        assert sorted(st2.running_processes) == sorted([killed, terminated])
        st2.end()
        st2.wait_for(lambda: not st2.running_processes)
