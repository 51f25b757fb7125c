"""The last task of slack.ask: what came of the question, and whether the votes stand behind it."""

from __future__ import annotations

from typing import Any, Dict, List

from st2slack.approvals import store
from st2slack.approvals.context import ApprovalContext
from st2slack.approvals.inquiry import ANSWERED, InquiryState, is_inquiry
from st2slack.approvals.votes import Vote, votes_as_json, votes_for
from st2slack.base.errors import ApiFault, ApiRefusal, InputError, SlackError
from st2slack.stackstorm.client import Json, StackStorm

RETRY_PAUSES = (2.0, 5.0, 10.0, 20.0)  # seconds between tries


def conclude(context: ApprovalContext, execution_id: str) -> Json:
    """The outcome of the question whose workflow this execution belongs to.

    `choice`, `label`, `expired`, `by` (IDs of those whose votes decided), `votes`, `at` (Unix
    seconds), `verified`: whether votes, or the deadline, stand behind it; where not, somebody
    answered by StackStorm's API. Locks the message and forgets the votes.
    """
    inquiry = _with_retries(context, execution_id)
    record = store.load_record(context.stackstorm, inquiry.id)
    votes = store.load_votes(context.stackstorm, inquiry.id)
    outcome = outcome_of(inquiry, votes, context.is_verified(inquiry, votes))
    if record:
        outcome["message"] = {"channel": record.channel, "ts": record.ts}
        try:
            outcome["note"] = "" if record.locked else context.lock_message(record, inquiry, votes)
        except SlackError as error:  # the outcome counts; the sweeper locks the message
            return {**outcome, "note": "the message could not be locked: %s" % error}
    store.delete_question(context.stackstorm, inquiry.id)
    return outcome


def outcome_of(inquiry: InquiryState, votes: List[Vote], verified: bool) -> Dict[str, Any]:
    """What slack.ask returns."""
    choice = inquiry.question.find_choice(str(inquiry.response.get("choice") or ""))
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
    """The question, even where StackStorm's API is away for a while: what was decided must not
    fail for that.
    """
    for pause in RETRY_PAUSES:
        try:
            return _load_answered_inquiry(context, execution_id)
        except ApiRefusal as refusal:
            if refusal.status < 500:
                raise
        except ApiFault:
            pass
        context.sleep(pause)
    return _load_answered_inquiry(context, execution_id)


def _load_answered_inquiry(context: ApprovalContext, execution_id: str) -> InquiryState:
    """The answered question of the workflow around this execution."""
    stackstorm = context.stackstorm
    own = stackstorm.execution(execution_id, whole=False) if execution_id else None
    parent = str(own.get("parent") or "") if own else ""
    for inquiry_id in _inquiries(stackstorm, parent) if parent else ():
        inquiry = context.load_inquiry(inquiry_id)
        if inquiry is not None and inquiry.state == ANSWERED:
            return inquiry
    raise InputError(
        "There is no answered question here: slack.conclude_question is the last task of slack.ask "
        "and of no use by itself."
    )


def _inquiries(stackstorm: StackStorm, parent: str) -> List[str]:
    inquiry = stackstorm.executions(parent=parent)
    return [str(each["id"]) for each in inquiry if is_inquiry(each)]
