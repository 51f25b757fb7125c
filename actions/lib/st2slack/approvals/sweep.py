"""What no person presses: deadlines, workflows that were canceled, votes whose run was killed.

Reads every open question, and starts an execution of what is due, so that everything that answers
goes the same way, one at a time per question. With no question open: two requests.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Optional

from st2slack.approvals import shared_roots, store, stuck_runs
from st2slack.approvals.context import ApprovalContext
from st2slack.approvals.inquiry import InquiryState
from st2slack.approvals.question import channel_of_route
from st2slack.approvals.store import QuestionRecord
from st2slack.approvals.stuck_runs import ANSWER_ACTION
from st2slack.approvals.sweep_report import SweepReport
from st2slack.approvals.votes import due_response
from st2slack.base.errors import SlackError
from st2slack.base.json_access import JsonObject

POST_ACTION = "slack.post_question"
POST_AFTER = 45.0  # seconds after which a question without a message is posted
GIVE_UP_AFTER = 24 * 3600.0
FORGET_AFTER = 600.0  # seconds after which no action reads the votes of an answered question


def sweep(context: ApprovalContext) -> JsonObject:
    """Do what is due for every question. See SweepReport for the result."""
    inquiries = context.stackstorm.list_inquiries()
    open_ids = {each.id for each in inquiries if channel_of_route(each.route) is not None}
    records = store.list_records(context.stackstorm)
    report = SweepReport(open=len(open_ids))
    if not open_ids and not records.questions and not records.roots:
        return report.to_json()
    shared_roots.register_shared_roots(context.stackstorm, records)
    queued = shared_roots.cancel_stuck_deliveries(context, report) if records.roots else set()
    in_progress = stuck_runs.recover(context, open_ids, report) | queued
    for inquiry_id in sorted(open_ids | set(records.questions)):
        record = records.questions.get(inquiry_id)
        try:
            _process(context, inquiry_id, record, inquiry_id in in_progress, report)
        except SlackError as error:
            report.faults.append("%s: %s" % (inquiry_id, error))
    shared_roots.process_roots(context, records.roots, inquiries, report)
    return report.to_json()


def _process(
    context: ApprovalContext,
    inquiry_id: str,
    record: Optional[QuestionRecord],
    is_in_progress: bool,
    report: SweepReport,
) -> None:
    inquiry = context.load_inquiry(inquiry_id)
    if inquiry is None:
        store.delete_question(context.stackstorm, inquiry_id)  # its execution is gone
    elif is_in_progress:
        return  # an answer is on its way
    elif record is None and inquiry.is_open:
        _post(context, inquiry, report)
    elif _has_no_answer(inquiry, record):
        return
    elif _is_forgettable(context, inquiry, record):
        store.delete_question(context.stackstorm, inquiry_id)
    elif record is not None and record.locked and inquiry.is_answered:
        return
    elif not inquiry.is_open or _is_decided(context, inquiry):
        _start(context, report, ANSWER_ACTION, {"inquiry": inquiry_id})
    elif record is not None:
        _remind(context, inquiry, record, report)


def _has_no_answer(inquiry: InquiryState, record: Optional[QuestionRecord]) -> bool:
    """Whether it stays pending, because no valid answer to it is known."""
    return record is None and inquiry.is_canceled and not inquiry.question.is_from_ask


def _is_forgettable(
    context: ApprovalContext, inquiry: InquiryState, record: Optional[QuestionRecord]
) -> bool:
    """Whether no action reads its votes any more, or its message could not be locked for a day."""
    age = context.clock() - inquiry.ended
    if inquiry.is_answered and record is not None and record.locked:
        return age > FORGET_AFTER
    return bool(inquiry.ended) and age > GIVE_UP_AFTER


def _post(context: ApprovalContext, inquiry: InquiryState, report: SweepReport) -> None:
    """Post a question that has had no message for too long.

    Without a channel it is no question of this pack, see post.py.
    """
    execution = context.stackstorm.find_execution(inquiry.id, with_result=False)
    started = execution.started if execution else 0.0
    if inquiry.question.channel and context.clock() - started > POST_AFTER:
        _start(context, report, POST_ACTION, {"inquiry": inquiry.id})


def _is_decided(context: ApprovalContext, inquiry: InquiryState) -> bool:
    """Whether the votes decide it already: then the run that should have answered was killed."""
    votes = store.load_votes(context.stackstorm, inquiry.id, inquiry.question.is_secret)
    return due_response(inquiry.question, votes, inquiry.is_expired) is not None


def _start(
    context: ApprovalContext, report: SweepReport, action: str, parameters: JsonObject
) -> None:
    started = context.stackstorm.start_action(action, parameters)
    inquiry_id = parameters["inquiry"]
    report.started.append({"action": action, "inquiry": inquiry_id, "id": started.id})


def _remind(
    context: ApprovalContext, inquiry: InquiryState, record: QuestionRecord, report: SweepReport
) -> None:
    every, now = inquiry.question.remind_every, context.clock()
    if every is None or now - max(record.reminded, record.asked) < every:
        return
    store.save_record(context.stackstorm, inquiry.id, replace(record, reminded=now))
    _start(context, report, POST_ACTION, {"inquiry": inquiry.id, "remind": True})
