"""Runs of slack.answer_question whose action runner was killed or stopped: nobody pressed for
nothing, and nobody waits for ever.

A run that was killed (SIGKILL) stays `running`, and all later ones of its question wait for it; one
whose runner was stopped in the middle (SIGTERM) is `abandoned`. The press of either is tried again,
once, unless the same person has pressed again since.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Set

from st2slack.approvals.context import Desk
from st2slack.base.errors import SlackError
from st2slack.stackstorm.client import ENDED, Json
from st2slack.stackstorm.timestamps import unix_seconds as unix_of

ANSWER = "slack.answer_question"
# A run ends by its own timeout (120 s, actions/answer_question.yaml) long before.
STUCK_AFTER = 180.0


def free(desk: Desk, waiting: Set[str], done: Dict[str, Any]) -> Set[str]:
    """Clear runs away that were killed, and repeat lost presses; questions with a run on its way.

    `waiting`: inquiries that wait for an answer; `done`: what the sweeper did, to be added to.
    """
    running = desk.stackstorm.executions(action=ANSWER, status="running")
    latest = desk.stackstorm.executions(action=ANSWER)
    stuck = [each for each in running if _is_stuck(desk, each)]
    gone = {each["id"] for each in stuck}
    busy = {
        _inquiry(each)
        for each in [*running, *latest]
        if each.get("status") not in ENDED and each["id"] not in gone
    }
    for each in [*stuck, *(each for each in latest if each.get("status") == "abandoned")]:
        try:
            _clear(desk, each, latest, waiting, done)
        except SlackError as error:
            done["faults"].append("execution %s: %s" % (each["id"], error))
    return busy | {each["inquiry"] for each in done["started"]}


def _clear(
    desk: Desk, execution: Json, latest: List[Json], waiting: Set[str], done: Dict[str, Any]
) -> None:
    """First the press is repeated, where it is lost: what is cancelled already is not found again.
    The repeated run waits until the killed one is cancelled.
    """
    if _inquiry(execution) in waiting and _is_lost(execution, latest):
        again = desk.stackstorm.run_again(str(execution["id"]))
        started = {"action": ANSWER, "inquiry": _inquiry(execution), "id": again.get("id")}
        done["started"].append(started)
    if execution.get("status") not in ENDED:
        desk.stackstorm.cancel(str(execution["id"]))
        done["canceled"].append(execution["id"])


def _is_lost(execution: Json, latest: List[Json]) -> bool:
    """Whether it was a press that nothing has come of, and will come of."""
    if not given_of(execution).get("user"):
        return False
    if any(_repeats(each) == execution["id"] for each in latest):
        return False
    return not any(_is_later_press(each, execution) for each in latest)


def _repeats(execution: Mapping[str, Any]) -> str:
    """The execution that this one is a re-run of; "" for none."""
    context = execution.get("context")
    told = context.get("re-run") if isinstance(context, Mapping) else None
    return str(told.get("ref") or "") if isinstance(told, Mapping) else ""


def _is_later_press(each: Json, execution: Json) -> bool:
    same = ("inquiry", "user")
    if [given_of(each).get(key) for key in same] != [given_of(execution).get(key) for key in same]:
        return False
    return unix_of(each.get("start_timestamp")) > unix_of(execution.get("start_timestamp"))


def _is_stuck(desk: Desk, execution: Mapping[str, Any]) -> bool:
    return desk.clock() - unix_of(execution.get("start_timestamp")) > STUCK_AFTER


def _inquiry(execution: Mapping[str, Any]) -> str:
    return str(given_of(execution).get("inquiry"))


def given_of(execution: Mapping[str, Any]) -> Mapping[str, Any]:
    """The parameters of an execution."""
    given = execution.get("parameters")
    return given if isinstance(given, Mapping) else {}
