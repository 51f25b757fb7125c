"""What nobody presses: deadlines, workflows that were cancelled, votes whose run was killed.

Looks at every open question, and starts an execution of what is due, so that everything that
answers goes the same way, one at a time per question. With no question open: two requests.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, Optional

from st2slack.approvals import shared_roots, store, stuck_runs
from st2slack.approvals.context import ApprovalContext
from st2slack.approvals.inquiry import ANSWERED, CANCELED, OPEN, InquiryState
from st2slack.approvals.question import channel_of_route
from st2slack.approvals.store import QuestionRecord
from st2slack.approvals.stuck_runs import ANSWER_ACTION
from st2slack.approvals.votes import due_response
from st2slack.base.errors import SlackError
from st2slack.stackstorm.client import Json
from st2slack.stackstorm.timestamps import unix_seconds

POST_ACTION = "slack.post_question"
POST_AFTER = 45.0  # seconds after which a question without a message is posted
GIVE_UP_AFTER = 24 * 3600.0
FORGET_AFTER = 600.0  # seconds after which nobody comes for the votes of an answered question


def sweep(context: ApprovalContext) -> Json:
    """Do what is due for every question. `faults`: what could not be done now, and why; `stuck`,
    where there are any: workflows that go on no more though all their questions are answered.
    """
    inquiries = context.stackstorm.inquiries()
    open_ids = {
        str(each.get("id")) for each in inquiries if channel_of_route(each.get("route")) is not None
    }
    records, root_texts = store.list_records(context.stackstorm)
    report: Json = {
        "open": len(open_ids),
        "started": [],
        "canceled": [],
        "faults": [],
    }
    if not open_ids and not records and not root_texts:
        return report
    shared_roots.register_shared_roots(context.stackstorm, records, root_texts)
    queued = shared_roots.cancel_stuck_deliveries(context, report) if root_texts else set()
    in_progress = stuck_runs.recover(context, open_ids, report) | queued
    for inquiry_id in sorted(open_ids | set(records)):
        try:
            _process(
                context, inquiry_id, records.get(inquiry_id), inquiry_id in in_progress, report
            )
        except SlackError as error:
            report["faults"].append("%s: %s" % (inquiry_id, error))
    shared_roots.process_roots(context, root_texts, inquiries, report)
    return report


def _process(
    context: ApprovalContext,
    inquiry_id: str,
    record: Optional[QuestionRecord],
    in_progress: bool,
    report: Dict[str, Any],
) -> None:
    inquiry = context.load_inquiry(inquiry_id)
    if inquiry is None:
        store.delete_question(
            context.stackstorm, inquiry_id
        )  # its execution is gone from StackStorm
    elif in_progress:
        return  # an answer is on its way
    elif record is None and inquiry.state == OPEN:
        # Without a channel it is none of ours: see post.py.
        if (
            inquiry.question.channel
            and context.clock() - _find_start_time(context, inquiry_id) > POST_AFTER
        ):
            _start(context, report, POST_ACTION, inquiry_id)
    elif inquiry.state == ANSWERED and record is not None and record.locked:
        if context.clock() - inquiry.ended > FORGET_AFTER:
            store.delete_question(context.stackstorm, inquiry_id)
    elif record is None and inquiry.state == CANCELED and not inquiry.question.is_from_ask:
        return  # it stays pending, for nobody knows an answer to it
    elif inquiry.ended and context.clock() - inquiry.ended > GIVE_UP_AFTER:
        store.delete_question(
            context.stackstorm, inquiry_id
        )  # nobody could lock its message in all that time
    elif inquiry.state != OPEN or _is_decided(context, inquiry):
        _start(context, report, ANSWER_ACTION, inquiry_id)
    elif record is not None:
        _remind(context, inquiry, record, report)


def _find_start_time(context: ApprovalContext, inquiry_id: str) -> float:
    execution = context.stackstorm.execution(inquiry_id, whole=False) or {}
    return unix_seconds(execution.get("start_timestamp"))


def _is_decided(context: ApprovalContext, inquiry: InquiryState) -> bool:
    """Whether the votes decide it already: then the run that should have answered was killed."""
    votes = store.load_votes(context.stackstorm, inquiry.id, inquiry.question.is_secret)
    return due_response(inquiry.question, votes, inquiry.expired) is not None


def _start(
    context: ApprovalContext, report: Dict[str, Any], action: str, inquiry_id: str, **more: Any
) -> None:
    started = context.stackstorm.start(action, {"inquiry": inquiry_id, **more})
    report["started"].append({"action": action, "inquiry": inquiry_id, "id": started.get("id")})


def _remind(
    context: ApprovalContext, inquiry: InquiryState, record: QuestionRecord, report: Dict[str, Any]
) -> None:
    every, now = inquiry.question.remind_every, context.clock()
    if every is None or now - max(record.reminded, record.asked) < every:
        return
    store.save_record(context.stackstorm, inquiry.id, replace(record, reminded=now))
    _start(context, report, POST_ACTION, inquiry.id, remind=True)
