"""The last task of slack.ask: what came of the question, and whether its votes verify it."""

from __future__ import annotations

from typing import List

from st2slack.approvals import store
from st2slack.approvals.context import ApprovalContext
from st2slack.approvals.inquiry import RUNNER, InquiryState, is_verified
from st2slack.approvals.message import lock_message
from st2slack.approvals.votes import Vote, votes_as_json, votes_for
from st2slack.base.errors import InputError, SlackError, StackStormError, StackStormUnavailable
from st2slack.base.json_access import JsonObject

RETRY_PAUSES = (2.0, 5.0, 10.0, 20.0)  # seconds between attempts


def conclude(context: ApprovalContext, execution_id: str) -> JsonObject:
    """The outcome of the question whose workflow this execution belongs to.

    `choice`, `label`, `expired`, `by` (IDs of those whose votes decided), `votes`, `at` (Unix
    seconds), `verified`: whether votes, or the deadline, decided it; else somebody answered by
    StackStorm's API. Locks the message and deletes the votes.
    """
    inquiry = _with_retries(context, execution_id)
    record = store.load_record(context.stackstorm, inquiry.id)
    votes = store.load_votes(context.stackstorm, inquiry.id)
    outcome = outcome_of(inquiry, votes, is_verified(inquiry, votes))
    if record:
        outcome["message"] = {"channel": record.channel, "ts": record.ts}
        try:
            outcome["note"] = "" if record.locked else lock_message(context, record, inquiry, votes)
        except SlackError as error:  # the outcome counts; the sweeper locks the message
            return {**outcome, "note": "the message could not be locked: %s" % error}
    store.delete_question(context.stackstorm, inquiry.id)
    return outcome


def outcome_of(inquiry: InquiryState, votes: List[Vote], verified: bool) -> JsonObject:
    """What slack.ask returns."""
    choice = inquiry.question.find_choice(inquiry.response.get("choice"))
    expired = bool(inquiry.response.get("expired")) or choice is None
    counted = votes if verified else []
    by = votes_for(counted, choice) if choice else []
    return {
        "choice": choice.value if choice else "",
        "label": choice.label if choice else "",
        "expired": expired,
        "by": [each.user for each in by],
        "votes": votes_as_json(counted),
        "at": inquiry.ended,
        "verified": verified,
        "name": inquiry.question.name,
        "inquiry": inquiry.id,
        "message": {},
        "note": "",
    }


def _with_retries(context: ApprovalContext, execution_id: str) -> InquiryState:
    """The question, even if StackStorm's API is away for a while: a decision must not get lost."""
    for pause in RETRY_PAUSES:
        try:
            return _load_answered_inquiry(context, execution_id)
        except StackStormError as refusal:
            if refusal.status < 500:
                raise
        except StackStormUnavailable:
            pass
        context.sleep(pause)
    return _load_answered_inquiry(context, execution_id)


def _load_answered_inquiry(context: ApprovalContext, execution_id: str) -> InquiryState:
    """The answered question of the workflow around this execution."""
    own = context.stackstorm.find_execution(execution_id, with_result=False)
    siblings = context.stackstorm.list_executions(parent=own.parent) if own and own.parent else []
    for each in siblings:
        inquiry = context.load_inquiry(each.id) if each.runner == RUNNER else None
        if inquiry is not None and inquiry.is_answered:
            return inquiry
    raise InputError(
        "This execution belongs to no answered question: slack.conclude_question works only as "
        "the last task of slack.ask."
    )
