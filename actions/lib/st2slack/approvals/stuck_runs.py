"""Runs of slack.answer_question whose action runner was killed or stopped.

A run that was killed (SIGKILL) stays `running`, and all later ones of its question wait for it; one
whose runner was stopped while it ran (SIGTERM) is `abandoned`. Both are repeated once, so that no
press is lost, unless the same person has pressed again since.
"""

from __future__ import annotations

from typing import List, Set

from st2slack.approvals.context import ApprovalContext
from st2slack.approvals.sweep_report import SweepReport
from st2slack.base.errors import SlackError
from st2slack.base.json_access import get_text
from st2slack.stackstorm.execution import Execution, Status

ANSWER_ACTION = "slack.answer_question"
# A run ends by its own timeout (120 s, actions/answer_question.yaml) long before.
STUCK_AFTER = 180.0


def recover(context: ApprovalContext, open_ids: Set[str], report: SweepReport) -> Set[str]:
    """Cancel runs that were killed, and repeat lost presses. Questions with a run on its way.

    `open_ids`: inquiries that wait for an answer.
    """
    running = context.stackstorm.list_executions(action=ANSWER_ACTION, status="running")
    latest = context.stackstorm.list_executions(action=ANSWER_ACTION)
    stuck = [each for each in running if context.clock() - each.started > STUCK_AFTER]
    stuck_ids = {each.id for each in stuck}
    in_progress = {
        _inquiry_id(each)
        for each in [*running, *latest]
        if not each.has_ended and each.id not in stuck_ids
    }
    abandoned = [each for each in latest if each.status == Status.ABANDONED.value]
    for each in [*stuck, *abandoned]:
        try:
            _recover_run(context, each, latest, open_ids, report)
        except SlackError as error:
            report.faults.append("execution %s: %s" % (each.id, error))
    return in_progress | {get_text(each, "inquiry") for each in report.started}


def _recover_run(
    context: ApprovalContext,
    execution: Execution,
    latest: List[Execution],
    open_ids: Set[str],
    report: SweepReport,
) -> None:
    """Repeat the press first, if it is lost: a canceled run is not found again. The repeated run
    waits until the killed one is canceled.
    """
    inquiry_id = _inquiry_id(execution)
    if inquiry_id in open_ids and _is_lost(execution, latest):
        rerun = context.stackstorm.rerun(execution.id)
        report.started.append({"action": ANSWER_ACTION, "inquiry": inquiry_id, "id": rerun.id})
    if not execution.has_ended:
        context.stackstorm.cancel(execution.id)
        report.canceled.append(execution.id)


def _is_lost(execution: Execution, latest: List[Execution]) -> bool:
    """Whether it was a press that has had no effect, and that nobody has repeated."""
    if not execution.parameters.get("user"):
        return False
    if any(each.context.rerun_of == execution.id for each in latest):
        return False
    return not any(_is_later_press(each, execution) for each in latest)


def _is_later_press(execution: Execution, earlier: Execution) -> bool:
    """Whether the same person pressed for the same question later."""
    for key in ("inquiry", "user"):
        if execution.parameters.get(key) != earlier.parameters.get(key):
            return False
    return execution.started > earlier.started


def _inquiry_id(execution: Execution) -> str:
    return get_text(execution.parameters, "inquiry")
