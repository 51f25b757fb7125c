"""Workflows on the fake StackStorm end as they do in StackStorm's own engine: `make test-st2`."""

import pytest
from helpers import NEEDS_STACKSTORM
from test_fake_stackstorm_yaql import CONTEXT, KNOWN

from sandbox.stackstorm.server.workflow_spec import render

expressions = pytest.importorskip("orquesta.expressions.base", reason=NEEDS_STACKSTORM)
conducting = pytest.importorskip("orquesta.conducting", reason=NEEDS_STACKSTORM)

HEAD = """
version: 1.0
vars: [{a: 0}]
tasks:
  t:
    action: tests.t
    next:
"""
OUTPUT = "output: [{a: <% ctx().a %>}]\n"
ACTIONS = "  u:\n    action: tests.u\n  w:\n    action: tests.w\n"
# Which tasks fail, and the workflow behind HEAD.
WORKFLOWS = [
    ("t", "      - when: <% failed() %>\n        publish: [{a: 1}]\n" + OUTPUT),
    ("t", "      - when: <% failed() %>\n        publish: [{a: 1}]\n        do: noop\n" + OUTPUT),
    ("t", "      - when: <% failed() %>\n        do: continue\n" + OUTPUT),
    ("", "      - when: <% succeeded() %>\n        publish: [{a: 1}]\n        do: fail\n" + OUTPUT),
    ("t", "      - when: <% failed() %>\n        do: u\n" + ACTIONS + OUTPUT),
    ("t", "      - when: <% succeeded() %>\n        do: u\n" + ACTIONS + OUTPUT),
    ("u", "      - do: [u, w]\n" + ACTIONS + OUTPUT),
    ("", "      - publish: [{a: 1}, {b: '<% ctx().a %>'}]\n        do: u, w\n" + ACTIONS + OUTPUT),
    ("", "      - publish: [{a: <% result().result %>}]\n" + OUTPUT),
    ("", "      - do: u\n  u:\n    action: tests.u\noutput: [{x: <% ctx().z %>}, {b: 1}]\n"),
    ("", "      - publish: [{a: <% ctx().z %>}]\n        do: noop\n" + OUTPUT),
    ("", "      - publish: [{a: '{{ ctx().a + 1 }}'}, {b: '{{ ctx(\"a\") }} y'}]\n" + OUTPUT),
    ("", "      - publish: [{a: 'x <% ctx().a %> <% 1 + 1 %>'}]\n" + OUTPUT),
]


def conducted(definition, failing):
    """(status, output, the tasks that were run) by StackStorm's engine."""
    from orquesta import events, statuses
    from orquesta.specs import native

    conductor = conducting.WorkflowConductor(native.WorkflowSpec(definition))
    conductor.request_workflow_status(statuses.RUNNING)
    ran = []
    while True:
        following = conductor.get_next_tasks()
        if not following:
            break
        for task in following:
            ran.append(task["id"])
            status = statuses.FAILED if task["id"] in failing else statuses.SUCCEEDED
            result = {"exit_code": 0, "result": task["id"], "stderr": "", "stdout": ""}
            for each in (statuses.RUNNING, status):
                event = events.ActionExecutionEvent(each, result)
                conductor.update_task_state(task["id"], task["route"], event)
    conductor.render_workflow_output()
    return conductor.get_workflow_status(), conductor.get_workflow_output(), sorted(ran)


@pytest.mark.parametrize("failing, rest", WORKFLOWS)
def test_a_workflow_ends_as_it_does_there(st2, failing, rest):
    for name in "tuw":
        st2.action("tests." + name, lambda name=name: (name not in failing, name))
    st2.workflow("tests.compared", HEAD + rest)
    execution = st2.ended(st2.run("tests.compared"))
    ran = [each["action"]["name"] for each in st2.executions() if each["action"]["name"] in "tuw"]
    ended = (execution["status"], execution["result"]["output"], sorted(ran))
    status, output, tasks = conducted(HEAD + rest, failing)
    assert ended == (status, output or None, tasks)


@pytest.mark.parametrize(
    "expression, value", [each for each in KNOWN if "ctx(" in each[0] and "ed()" not in each[0]]
)
def test_an_expression_comes_to_the_same(expression, value):
    found = expressions.evaluate("<%% %s %%>" % expression, CONTEXT)
    assert found == value


@pytest.mark.parametrize(
    "text, value",
    [
        ("<% ctx(t) %>", "deep {{ ctx().s }}"),
        ("x <% ctx(t) %>", "x deep {{ ctx().s }}"),
        ("{{ ctx('t') }}", "<% ctx().s %> deep"),
        ("<% ctx(o) %>", {"t": "<% ctx().s %>"}),
    ],
)
def test_text_that_comes_out_is_computed_again(text, value):
    context = {
        "t": "<% ctx().s %> {{ ctx().s }}",
        "s": "deep",
        "o": {"t": "<% ctx().s %>"},
    }
    functions = {"ctx": lambda name=None: context[name] if name else context}
    assert render(text, functions) == expressions.evaluate(text, context) == value
