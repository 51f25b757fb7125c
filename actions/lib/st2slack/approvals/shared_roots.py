"""Root executions below which several questions are open at a time.

If StackStorm gets two answers below one root within some seconds, it can leave the root `paused`
forever, though every sub-workflow succeeds: in a `with items` task the end of the first pauses the
root that the second has just resumed, and nothing resumes it again. So the answers of such a root
go through slack.deliver_answer, one after the other.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, Iterator, List, NamedTuple, Sequence, Set

from st2slack.approvals import store
from st2slack.approvals.context import ApprovalContext
from st2slack.approvals.inquiry import InquiryState
from st2slack.approvals.store import QuestionRecord, Records, RootRecord
from st2slack.approvals.stuck_runs import STUCK_AFTER
from st2slack.approvals.sweep_report import SweepReport
from st2slack.base.errors import SlackError
from st2slack.base.json_access import get_text
from st2slack.stackstorm.client import StackStorm
from st2slack.stackstorm.execution import ENDED, Execution, Inquiry, Status

DELIVER_ACTION = "slack.deliver_answer"
POST_ACTION = "slack.chat.postMessage"
POLL_INTERVAL = 0.3  # seconds between two reads of an execution
IDLE_TIMEOUT = 10.0  # seconds until the workflows around a question are idle before it is answered
END_TIMEOUT = 30.0  # … until the workflow that asks has ended after it was answered
PROCESSED_TIMEOUT = 10.0  # … until the workflows around that have processed it
REPORT_AFTER = 50.0  # seconds until a paused root is reported; the sweeper runs every minute

STUCK_TEXT = (
    "The workflow `%(root)s` (%(action)s) is paused, and none of its questions is open: "
    "StackStorm received two answers at once and did not resume it. It does not continue by "
    "itself, and `st2 execution resume` does not help. Check what it has done (`st2 execution get "
    "%(root)s`), cancel it (`st2 execution cancel %(root)s`), then run it again from its "
    "beginning (`st2 execution re-run %(root)s`) or do the remaining steps by hand."
)


class WorkflowState(NamedTuple):
    """Status of a workflow, and how many statuses it has had."""

    status: str
    log_length: int

    @property
    def is_idle(self) -> bool:
        """Whether it does nothing now."""
        return self.status == Status.PAUSED.value or self.has_ended

    @property
    def has_ended(self) -> bool:
        """Whether it does nothing any more."""
        return self.status in ENDED

    def has_moved(self, earlier: WorkflowState) -> bool:
        """Whether it has processed an answer since.

        `paused` from before the answer proves nothing: StackStorm resumes it first and pauses it
        again.
        """
        was_paused = earlier.status == Status.PAUSED.value
        return not was_paused or self.log_length > earlier.log_length or self.has_ended


WorkflowStates = List[WorkflowState]
_GONE = WorkflowState(Status.CANCELED.value, 0)


def find_root(inquiry: InquiryState) -> str:
    """ID of the outermost workflow around the one that asks; "" if there is none."""
    return inquiry.workflows[-1].id if len(inquiry.workflows) > 1 else ""


def find_shared_root(stackstorm: StackStorm, inquiry: InquiryState) -> str:
    """The root of a question, if it has, or had, other questions open at the same time; else ""."""
    root = find_root(inquiry)
    return root if root and store.is_root_stored(stackstorm, root) else ""


def register_shared_roots(stackstorm: StackStorm, records: Records) -> None:
    """Store the roots of which more than one question is open."""
    questions: Dict[str, List[QuestionRecord]] = {}
    for each in records.questions.values():
        if each and each.root and not each.locked and each.root not in records.roots:
            questions.setdefault(each.root, []).append(each)
    for root, of_root in questions.items():
        if len(of_root) > 1:
            last = max(of_root, key=lambda each: each.asked)
            store.save_root(stackstorm, root, RootRecord(last.channel, last.ts, last.workspace))


# --- one answer after the other -------------------------------------------------------------------


def find_pending_deliveries(stackstorm: StackStorm) -> List[Execution]:
    """Runs of slack.deliver_answer that have not ended."""
    running = stackstorm.list_executions(action=DELIVER_ACTION, status="running")
    latest = stackstorm.list_executions(action=DELIVER_ACTION)
    executions = {each.id: each for each in [*running, *latest]}
    return [each for each in executions.values() if not _is_finished(each)]


def is_delivery_pending(stackstorm: StackStorm, inquiry_id: str) -> bool:
    """Whether an answer to this inquiry is on its way already."""
    pending = find_pending_deliveries(stackstorm)
    return any(each.parameters.get("inquiry") == inquiry_id for each in pending)


def workflow_states(inquiry: InquiryState) -> WorkflowStates:
    """State of each workflow around the one that asks."""
    return [WorkflowState(each.status, each.log_length) for each in inquiry.workflows[1:]]


def wait_until_idle(context: ApprovalContext, inquiry: InquiryState) -> bool:
    """Wait until the workflows around the one that asks are idle. Whether they are."""
    for _ in _polls(context, IDLE_TIMEOUT):
        if all(each.is_idle for each in _load_states(context, inquiry)):
            return True
    return False


def wait_until_processed(
    context: ApprovalContext, inquiry: InquiryState, before: WorkflowStates
) -> bool:
    """Wait until the answered question's workflow has ended and those around have processed it.

    `before`: `workflow_states` from before the answer. Whether they have; they may do other work.
    """
    asking = inquiry.workflows[0].id
    has_ended = any(_load_state(context, asking).has_ended for _ in _polls(context, END_TIMEOUT))
    return has_ended and any(
        _have_processed(_load_states(context, inquiry), before)
        for _ in _polls(context, PROCESSED_TIMEOUT)
    )


def _have_processed(states: WorkflowStates, before: WorkflowStates) -> bool:
    pairs = zip(states, before)
    return all(state.is_idle and state.has_moved(earlier) for state, earlier in pairs)


def _polls(context: ApprovalContext, seconds: float) -> Iterator[None]:
    """Once at first, then every POLL_INTERVAL, for some seconds."""
    waited = 0.0
    yield
    while waited < seconds:
        context.sleep(POLL_INTERVAL)
        waited += POLL_INTERVAL
        yield


def _load_states(context: ApprovalContext, inquiry: InquiryState) -> WorkflowStates:
    return [_load_state(context, each.id) for each in inquiry.workflows[1:]]


def _load_state(context: ApprovalContext, execution_id: str) -> WorkflowState:
    execution = context.stackstorm.find_execution(execution_id, with_result=False)
    return WorkflowState(execution.status, execution.log_length) if execution else _GONE


def _is_finished(execution: Execution) -> bool:
    return execution.has_ended or execution.status == Status.CANCELING.value


# --- the sweeper ----------------------------------------------------------------------------------


def cancel_stuck_deliveries(context: ApprovalContext, report: SweepReport) -> Set[str]:
    """Cancel runs of slack.deliver_answer that were killed: later ones of their root wait for them.

    Returns the inquiries whose answer is on its way. A killed one is due again by its votes.
    """
    queued = set()
    for each in find_pending_deliveries(context.stackstorm):
        is_late = context.clock() - each.started > STUCK_AFTER
        if each.status == Status.RUNNING.value and is_late:
            context.stackstorm.cancel(each.id)
            report.canceled.append(each.id)
        else:
            queued.add(get_text(each.parameters, "inquiry"))
    return queued


def process_roots(
    context: ApprovalContext,
    roots: Dict[str, RootRecord],
    inquiries: Sequence[Inquiry],
    report: SweepReport,
) -> None:
    """Delete roots that have ended, report those that are stuck. `inquiries`: all that wait."""
    for root, record in sorted(roots.items()):
        try:
            _process_root(context, root, record, inquiries, report)
        except SlackError as error:
            report.faults.append("%s: %s" % (root, error))


def _process_root(
    context: ApprovalContext,
    root: str,
    record: RootRecord,
    inquiries: Sequence[Inquiry],
    report: SweepReport,
) -> None:
    execution = context.stackstorm.find_execution(root, with_result=False)
    if execution is None or execution.has_ended:
        store.delete_root(context.stackstorm, root)
    elif not _is_paused_without_question(context, execution, inquiries):
        if record.paused:
            running = replace(record, paused=0.0, reported=False)
            store.save_root(context.stackstorm, root, running)
    elif not record.paused:
        store.save_root(context.stackstorm, root, replace(record, paused=context.clock()))
    elif context.clock() - record.paused >= REPORT_AFTER:
        _report(context, execution, record, report)


def _is_paused_without_question(
    context: ApprovalContext, root: Execution, inquiries: Sequence[Inquiry]
) -> bool:
    """Whether it is paused, by nobody, and no inquiry below it waits for an answer."""
    if root.status != Status.PAUSED.value or root.context.paused_by:
        return False
    for each in inquiries:
        inquiry = context.stackstorm.find_execution(each.id, with_result=False)
        ancestors = context.stackstorm.list_ancestors(inquiry) if inquiry else ()
        if any(workflow.id == root.id for workflow in ancestors):
            return False
    return True


def _report(
    context: ApprovalContext, root: Execution, record: RootRecord, report: SweepReport
) -> None:
    """Say what to do: in the sweeper's result each time, in the question's thread once."""
    text = STUCK_TEXT % {"root": root.id, "action": root.action}
    report.stuck.append({"execution": root.id, "action": root.action, "what_to_do": text})
    if record.reported:
        return
    message = {"channel": record.channel, "thread_ts": record.ts, "text": ":warning: " + text}
    if record.workspace:  # the sweeper's own may be another
        message["workspace"] = record.workspace
    started = context.stackstorm.start_action(POST_ACTION, message)
    report.started.append({"action": POST_ACTION, "root": root.id, "id": started.id})
    store.save_root(context.stackstorm, root.id, replace(record, reported=True))
