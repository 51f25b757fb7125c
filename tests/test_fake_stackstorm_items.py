"""Tasks with items on the fake StackStorm, and what becomes of a root that is resumed twice."""

import threading

import pytest
from helpers import NEEDS_STACKSTORM

IN_TURN = [("answer", 0), ("end", 0), ("answer", 1), ("end", 1), ("answer", 2), ("end", 2)]
AT_ONCE = [("answer", 0), ("answer", 1), ("answer", 2), ("end", 0), ("end", 1), ("end", 2)]
TWO_OF_THREE = [("answer", 0), ("answer", 1), ("end", 1), ("end", 0), ("answer", 2), ("end", 2)]
LAST_TWO = [("answer", 0), ("end", 0), ("answer", 1), ("answer", 2), ("end", 1), ("end", 2)]
ORDERS = [IN_TURN, AT_ONCE, TWO_OF_THREE, LAST_TWO]
ITEMS = {"version": 1.0, "vars": [{"names": [0, 1, 2]}]}
# As on a StackStorm (gaps of 0.1 and 6 s between the answers), and in Orquesta's own conductor.
PAUSED, RUNNING = "paused", "running"
STATES = [
    [PAUSED, RUNNING, PAUSED, RUNNING, PAUSED, RUNNING, "succeeded"],
    [PAUSED, RUNNING, RUNNING, RUNNING, PAUSED, PAUSED, PAUSED],
    [PAUSED, RUNNING, RUNNING, PAUSED, PAUSED, RUNNING, "succeeded"],
    [PAUSED, RUNNING, PAUSED, RUNNING, RUNNING, PAUSED, PAUSED],
]


def ran(st2, order):
    """Status of the outer workflow when all ask, and after each step."""
    going = [threading.Event() for _ in range(3)]
    st2.action("tests.work", lambda n: going[n].wait(60), {"n": {"type": "integer"}})
    tasks = {
        "ask": {"action": "core.ask", "next": [{"do": "work"}]},
        "work": {"action": "tests.work", "input": {"n": "<% ctx(n) %>"}},
    }
    document = {"version": 1.0, "input": ["n"], "tasks": tasks}
    st2.workflow("tests.sub", document, {"n": {"type": "integer"}})
    task = {"with": "n in <% ctx(names) %>", "action": "tests.sub"}
    task["input"] = {"n": "<% item(n) %>"}
    st2.workflow("tests.items", {**ITEMS, "tasks": {"t": task}})
    root = st2.run("tests.items")
    subs = st2.wait_for(lambda: paused_subs(st2))
    found = [st2.wait_for_status(root, PAUSED)["status"]]
    for what, place in order:
        if what == "answer":
            answer(st2, subs[place])
        else:
            going[place].set()
            st2.ended(subs[place])
        found.append(st2.execution(root)["status"])
    return found


def paused_subs(st2):
    found = st2.executions("tests.sub")
    waiting = [each["id"] for each in found if each["status"] == PAUSED]
    return waiting if len(waiting) == 3 else []


def answer(st2, sub):
    inquiries = [each["id"] for each in st2.executions("core.ask") if each["parent"] == sub]
    st2.client().inquiries.respond(inquiry_id=inquiries[0], inquiry_response={"continue": True})
    st2.settle(inquiries[0])
    st2.wait_for(lambda: any(e["parent"] == sub for e in st2.executions("tests.work")))


@pytest.mark.parametrize("order, states", list(zip(ORDERS, STATES)))
def test_a_root_that_is_resumed_before_the_first_has_ended(st2, order, states):
    assert ran(st2, order) == states


def conducted(order):
    """The same by StackStorm's engine (`make test-st2`)."""
    conducting = pytest.importorskip("orquesta.conducting", reason=NEEDS_STACKSTORM)
    from orquesta import events, statuses
    from orquesta.specs import native

    tasks = {"t": {"action": "tests.sub", "with": "<% ctx(names) %>"}}
    conductor = conducting.WorkflowConductor(native.WorkflowSpec({**ITEMS, "tasks": tasks}))
    conductor.request_workflow_status(statuses.RUNNING)
    (task,) = conductor.get_next_tasks()

    def item(place, status):
        event = events.TaskItemActionExecutionEvent(place, status)
        conductor.update_task_state("t", task["route"], event)

    for status in (statuses.RUNNING, statuses.PAUSED):
        for place in range(3):
            item(place, status)
    found = [conductor.get_workflow_status()]
    for what, place in order:
        if what == "answer":
            conductor.request_workflow_status(statuses.RUNNING)
            event = events.ActionExecutionEvent(statuses.RUNNING)
            conductor.update_task_state("t", task["route"], event)
        else:
            item(place, statuses.SUCCEEDED)
        found.append(conductor.get_workflow_status())
    return found


@pytest.mark.parametrize("order, states", list(zip(ORDERS, STATES)))
def test_it_is_the_same_in_stackstorms_engine(order, states):
    assert conducted(order) == states


def test_items_end_with_a_list_of_results(st2):
    st2.action("tests.double", lambda n: 2 * n, {"n": {"type": "integer"}})
    task = {"with": "<% ctx(names) %>", "action": "tests.double", "input": {"n": "<% item() %>"}}
    task["next"] = [{"publish": [{"found": "<% result() %>"}]}]
    document = {**ITEMS, "tasks": {"t": task}, "output": [{"found": "<% ctx(found) %>"}]}
    st2.workflow("tests.doubled", document)
    output = st2.ended(st2.run("tests.doubled"))["result"]["output"]
    assert [each["result"] for each in output["found"]] == [0, 2, 4]


def test_items_of_which_one_fails(st2):
    st2.action("tests.picky", lambda n: (n != 1, n), {"n": {"type": "integer"}})
    task = {"with": "n in <% ctx(names) %>", "action": "tests.picky"}
    task["input"] = {"n": "<% item(n) %>"}
    st2.workflow("tests.picked", {**ITEMS, "tasks": {"t": task}})
    assert st2.ended(st2.run("tests.picked"))["status"] == "failed"


def test_no_items_at_all(st2):
    task = {"with": "<% ctx(names) %>", "action": "tests.none"}
    document = {"version": 1.0, "vars": [{"names": []}], "tasks": {"t": task}}
    st2.workflow("tests.empty", document)
    assert st2.ended(st2.run("tests.empty"))["status"] == "succeeded"
