"""Runs of slack.answer_question whose action runner was killed or stopped: nobody pressed for
nothing, and nobody waits for ever.

A run that was killed (SIGKILL) stays `running`, and all later ones of its question wait for it; one
whose runner was stopped in the middle (SIGTERM) is `abandoned`. The press of either is tried again,
once, unless the same person has pressed again since.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Set

from st2slack.approvals.context import ApprovalContext
from st2slack.base.errors import SlackError
from st2slack.stackstorm.client import ENDED, Json
from st2slack.stackstorm.timestamps import unix_seconds

ANSWER_ACTION = "slack.answer_question"
# A run ends by its own timeout (120 s, actions/answer_question.yaml) long before.
STUCK_AFTER = 180.0


def recover(context: ApprovalContext, open_ids: Set[str], report: Dict[str, Any]) -> Set[str]:
    """Clear runs away that were killed, and repeat lost presses; questions with a run on its way.

    `waiting`: inquiries that wait for an answer; `done`: what the sweeper did, to be added to.
    """
    running = context.stackstorm.executions(action=ANSWER_ACTION, status="running")
    latest = context.stackstorm.executions(action=ANSWER_ACTION)
    stuck = [each for each in running if _is_stuck(context, each)]
    stuck_ids = {each["id"] for each in stuck}
    in_progress = {
        _inquiry_id(each)
        for each in [*running, *latest]
        if each.get("status") not in ENDED and each["id"] not in stuck_ids
    }
    for each in [*stuck, *(each for each in latest if each.get("status") == "abandoned")]:
        try:
            _recover_run(context, each, latest, open_ids, report)
        except SlackError as error:
            report["faults"].append("execution %s: %s" % (each["id"], error))
    return in_progress | {each["inquiry"] for each in report["started"]}


def _recover_run(
    context: ApprovalContext,
    execution: Json,
    latest: List[Json],
    open_ids: Set[str],
    report: Dict[str, Any],
) -> None:
    """First the press is repeated, where it is lost: what is cancelled already is not found again.
    The repeated run waits until the killed one is cancelled.
    """
    if _inquiry_id(execution) in open_ids and _is_lost(execution, latest):
        rerun = context.stackstorm.run_again(str(execution["id"]))
        started = {
            "action": ANSWER_ACTION,
            "inquiry": _inquiry_id(execution),
            "id": rerun.get("id"),
        }
        report["started"].append(started)
    if execution.get("status") not in ENDED:
        context.stackstorm.cancel(str(execution["id"]))
        report["canceled"].append(execution["id"])


def _is_lost(execution: Json, latest: List[Json]) -> bool:
    """Whether it was a press that nothing has come of, and will come of."""
    if not parameters_of(execution).get("user"):
        return False
    if any(_repeats(each) == execution["id"] for each in latest):
        return False
    return not any(_is_later_press(each, execution) for each in latest)


def _repeats(execution: Mapping[str, Any]) -> str:
    """The execution that this one is a re-run of; "" for none."""
    context = execution.get("context")
    rerun_of = context.get("re-run") if isinstance(context, Mapping) else None
    return str(rerun_of.get("ref") or "") if isinstance(rerun_of, Mapping) else ""


def _is_later_press(each: Json, execution: Json) -> bool:
    same = ("inquiry", "user")
    if [parameters_of(each).get(key) for key in same] != [
        parameters_of(execution).get(key) for key in same
    ]:
        return False
    return unix_seconds(each.get("start_timestamp")) > unix_seconds(
        execution.get("start_timestamp")
    )


def _is_stuck(context: ApprovalContext, execution: Mapping[str, Any]) -> bool:
    return context.clock() - unix_seconds(execution.get("start_timestamp")) > STUCK_AFTER


def _inquiry_id(execution: Mapping[str, Any]) -> str:
    return str(parameters_of(execution).get("inquiry"))


def parameters_of(execution: Mapping[str, Any]) -> Mapping[str, Any]:
    """The parameters of an execution."""
    given = execution.get("parameters")
    return given if isinstance(given, Mapping) else {}
