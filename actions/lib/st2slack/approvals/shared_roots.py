"""Root executions below which several questions are open at a time.

StackStorm takes two answers below one root within some seconds, and may then leave the root
`paused` for ever, though every sub-workflow succeeds: in a `with items` task the end of the first
pauses the root that the second has just resumed, and nothing resumes it again. So the answers of
such a root go through slack.deliver_answer, one after the other.

    slack_question_root.ROOT    {"channel", "ts", "workspace", "paused", "reported"}
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any, Dict, Iterable, List, Mapping, Optional, Set, Tuple

from st2slack.approvals.context import ApprovalContext
from st2slack.approvals.inquiry import InquiryState
from st2slack.approvals.store import ROOT, QuestionRecord
from st2slack.approvals.stuck_runs import STUCK_AFTER, parameters_of
from st2slack.base.errors import SlackError
from st2slack.stackstorm.client import ENDED, Json, StackStorm
from st2slack.stackstorm.timestamps import unix_seconds

DELIVER_ACTION = "slack.deliver_answer"
POST_ACTION = "slack.chat.postMessage"
FINISHED = (*ENDED, "canceling")
POLL_INTERVAL = 0.3  # seconds between two looks at an execution
IDLE_TIMEOUT = 10.0  # seconds for what is around the question to come to rest before it is answered
END_TIMEOUT = 30.0  # … for the asking workflow to end after it was answered
PROCESSED_TIMEOUT = 10.0  # … for what is around it to take notice of that
REPORT_AFTER = 50.0  # seconds until a root is reported; the sweeper comes every minute

STUCK_TEXT = (
    "The workflow `%(root)s` (%(action)s) is paused, and none of its questions is open: StackStorm "
    "took two answers at once and lost its place. It does not go on by itself, and `st2 execution "
    "resume` does not help. Look at what it has done (`st2 execution get %(root)s`), cancel it "
    "(`st2 execution cancel %(root)s`), then run it again (`st2 execution re-run %(root)s`: from "
    "its beginning) or do the rest by hand."
)


@dataclass(frozen=True)
class RootRecord:
    """Where one of its questions stands. `paused`: since when it is paused though nothing is to be
    answered, Unix seconds, 0.0 where it is not; `reported`: whether people were told.
    """

    channel: str
    ts: str
    workspace: str = ""
    paused: float = 0.0
    reported: bool = False


def find_root(inquiry: InquiryState) -> str:
    """ID of the outermost workflow around the one that asks; "" where there is none."""
    return str(inquiry.workflows[-1]["id"]) if len(inquiry.workflows) > 1 else ""


def find_shared_root(stackstorm: StackStorm, inquiry: InquiryState) -> str:
    """The root of a question, if it has, or had, other questions open at the same time; else ""."""
    root = find_root(inquiry)
    return root if root and stackstorm.read(ROOT + root) is not None else ""


def register_shared_roots(
    stackstorm: StackStorm, records: Mapping[str, Optional[QuestionRecord]], known: Iterable[str]
) -> None:
    """Note the roots of which more than one question is open. `known`: those already noted."""
    questions: Dict[str, List[QuestionRecord]] = {}
    for each in records.values():
        if each and each.root and not each.locked and each.root not in known:
            questions.setdefault(each.root, []).append(each)
    for root, of_root in questions.items():
        if len(of_root) > 1:
            last = max(of_root, key=lambda each: each.asked)
            _save_root(stackstorm, root, RootRecord(last.channel, last.ts, last.workspace))


# --- one answer after the other -------------------------------------------------------------------


def find_pending_deliveries(stackstorm: StackStorm) -> List[Json]:
    """Runs of slack.deliver_answer that have not ended."""
    running = stackstorm.executions(action=DELIVER_ACTION, status="running")
    latest = stackstorm.executions(action=DELIVER_ACTION)
    executions = {each["id"]: each for each in [*running, *latest]}
    return [each for each in executions.values() if each.get("status") not in FINISHED]


def is_delivery_pending(stackstorm: StackStorm, inquiry_id: str) -> bool:
    """Whether an answer to this inquiry is on its way already."""
    return any(
        parameters_of(each).get("inquiry") == inquiry_id
        for each in find_pending_deliveries(stackstorm)
    )


def workflow_states(inquiry: InquiryState) -> List[Tuple[str, int]]:
    """Status of each workflow around the one that asks, and how many states it has had."""
    return [_state_from(each) for each in inquiry.workflows[1:]]


def wait_until_idle(context: ApprovalContext, inquiry: InquiryState) -> bool:
    """Wait until what is around the question is at rest. Whether it is."""
    workflows = [str(each["id"]) for each in inquiry.workflows[1:]]
    return _wait(
        context,
        IDLE_TIMEOUT,
        lambda: all(_is_idle(_load_state(context, each)) for each in workflows),
    )


def wait_until_processed(
    context: ApprovalContext, inquiry: InquiryState, before: List[Tuple[str, int]]
) -> bool:
    """Wait until the answered question's workflow has ended and those around it have noticed.

    `before`: `states_of` from before it was answered. Whether they have; they may have other work.
    """
    asking = str(inquiry.workflows[0]["id"])
    if not _wait(context, END_TIMEOUT, lambda: _load_state(context, asking)[0] in ENDED):
        return False
    workflows = [str(each["id"]) for each in inquiry.workflows[1:]]

    def has_processed() -> bool:
        pairs = [(_load_state(context, each), earlier) for each, earlier in zip(workflows, before)]
        return all(_is_idle(now) and _has_moved(now, earlier) for now, earlier in pairs)

    return _wait(context, PROCESSED_TIMEOUT, has_processed)


def _wait(context: ApprovalContext, seconds: float, condition: Any) -> bool:
    waited = 0.0
    while not condition():
        if waited >= seconds:
            return False
        context.sleep(POLL_INTERVAL)
        waited += POLL_INTERVAL
    return True


def _load_state(context: ApprovalContext, execution_id: str) -> Tuple[str, int]:
    return _state_from(
        context.stackstorm.execution(execution_id, whole=False) or {"status": "canceled"}
    )


def _state_from(execution: Mapping[str, Any]) -> Tuple[str, int]:
    return str(execution.get("status")), len(execution.get("log") or ())


def _is_idle(state: Tuple[str, int]) -> bool:
    return state[0] == "paused" or state[0] in ENDED


def _has_moved(now: Tuple[str, int], earlier: Tuple[str, int]) -> bool:
    """`paused` from before the answer says nothing: it is resumed first, and paused again."""
    return earlier[0] != "paused" or now[1] > earlier[1] or now[0] in ENDED


# --- the sweeper ----------------------------------------------------------------------------------


def cancel_stuck_deliveries(context: ApprovalContext, report: Dict[str, Any]) -> Set[str]:
    """Cancel runs of slack.deliver_answer that were killed: later ones of their root wait for them.

    Returns the inquiries whose answer is on its way. What was killed is due again by its votes.
    """
    queued = set()
    for each in find_pending_deliveries(context.stackstorm):
        started = unix_seconds(each.get("start_timestamp"))
        if each.get("status") == "running" and context.clock() - started > STUCK_AFTER:
            context.stackstorm.cancel(str(each["id"]))
            report["canceled"].append(each["id"])
        else:
            queued.add(str(parameters_of(each).get("inquiry")))
    return queued


def process_roots(
    context: ApprovalContext, roots: Mapping[str, str], inquiries: Iterable[Json], report: Json
) -> None:
    """Forget roots that have ended, report those that are stuck. `roots`: root → stored text."""
    for root, text in sorted(roots.items()):
        try:
            _process_root(context, root, _parse_root(text), inquiries, report)
        except SlackError as error:
            report["faults"].append("%s: %s" % (root, error))


def _process_root(
    context: ApprovalContext, root: str, record: RootRecord, inquiries: Iterable[Json], report: Json
) -> None:
    execution = context.stackstorm.execution(root, whole=False)
    if execution is None or execution.get("status") in ENDED:
        context.stackstorm.delete(ROOT + root)
    elif not _is_paused_without_question(context, execution, root, inquiries):
        if record.paused:
            _save_root(context.stackstorm, root, replace(record, paused=0.0, reported=False))
    elif not record.paused:
        _save_root(context.stackstorm, root, replace(record, paused=context.clock()))
    elif context.clock() - record.paused >= REPORT_AFTER:
        _report(context, root, record, execution, report)


def _is_paused_without_question(
    context: ApprovalContext, execution: Json, root: str, inquiries: Iterable[Json]
) -> bool:
    """Whether it is paused, by nobody, and no inquiry below it waits for an answer."""
    details = execution.get("context")
    by_hand = isinstance(details, Mapping) and bool(details.get("paused_by"))
    if execution.get("status") != "paused" or by_hand:
        return False
    for each in inquiries:
        inquiry_id = context.stackstorm.execution(str(each.get("id")), whole=False) or {}
        if any(above["id"] == root for above in context.stackstorm.ancestors(inquiry_id)):
            return False
    return True


def _report(
    context: ApprovalContext, root: str, record: RootRecord, execution: Json, report: Json
) -> None:
    """Say what to do: in the sweeper's result each time, in the question's thread once."""
    action = execution.get("action")
    ref = str(action.get("ref") or "") if isinstance(action, Mapping) else ""
    text = STUCK_TEXT % {"root": root, "action": ref}
    report.setdefault("stuck", []).append({"execution": root, "action": ref, "what_to_do": text})
    if record.reported:
        return
    message = {"channel": record.channel, "thread_ts": record.ts, "text": ":warning: " + text}
    workspace = {"workspace": record.workspace} if record.workspace else {}
    started = context.stackstorm.start(
        POST_ACTION, {**message, **workspace}
    )  # its workspace may be another
    report["started"].append({"action": POST_ACTION, "root": root, "id": started.get("id")})
    _save_root(context.stackstorm, root, replace(record, reported=True))


def _save_root(stackstorm: StackStorm, root: str, record: RootRecord) -> None:
    stackstorm.write(ROOT + root, json.dumps(asdict(record), sort_keys=True))


def _parse_root(text: str) -> RootRecord:
    try:
        stored = json.loads(text)
        return RootRecord(
            channel=str(stored["channel"]),
            ts=str(stored["ts"]),
            workspace=str(stored.get("workspace") or ""),
            paused=float(stored.get("paused") or 0.0),
            reported=bool(stored.get("reported")),
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return RootRecord("", "", reported=True)
