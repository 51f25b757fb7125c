"""The message of a question: shows the votes while it is open, and then the outcome."""

from __future__ import annotations

from dataclasses import replace
from typing import Callable, List, Sequence

from st2slack.approvals import blocks, store
from st2slack.approvals.approvers import find_approvers
from st2slack.approvals.context import ApprovalContext
from st2slack.approvals.inquiry import InquiryState, is_verified
from st2slack.approvals.store import QuestionRecord
from st2slack.approvals.votes import Vote
from st2slack.base.errors import SlackApiError, SlackError
from st2slack.base.json_access import JsonObject

# The message is gone, or cannot be changed any more: trying again does not help.
_PERMANENT_ERRORS = (
    "message_not_found",
    "cant_update_message",
    "channel_not_found",
    "is_archived",
    "is_inactive",
    "edit_window_closed",
    "not_in_channel",
)


def update_message(
    context: ApprovalContext,
    record: QuestionRecord,
    inquiry: InquiryState,
    new_blocks: Sequence[JsonObject],
) -> str:
    """Show `new_blocks`. Why that is not possible any more, else "".

    Raises a SlackError for what can be tried again.
    """
    arguments = {
        "channel": record.channel,
        "ts": record.ts,
        "text": blocks.fallback(inquiry.question),
        "blocks": list(new_blocks),
    }
    try:
        context.slack.call("chat.update", arguments)
    except SlackApiError as refusal:
        if refusal.code not in _PERMANENT_ERRORS:
            raise
        return "the message cannot be changed any more (%s)" % refusal.code
    return ""


def show_votes(
    context: ApprovalContext, record: QuestionRecord, inquiry: InquiryState, votes: List[Vote]
) -> str:
    """Show the open question with its votes."""
    who = blocks.format_approvers(find_approvers(context, inquiry.question))
    shown = blocks.blocks_open(inquiry.question, inquiry.id, votes, who)
    return update_message(context, record, inquiry, shown)


def lock_message(
    context: ApprovalContext, record: QuestionRecord, inquiry: InquiryState, votes: List[Vote]
) -> str:
    """Show the outcome, without buttons. Why the message cannot show it, else ""."""
    outcome = blocks.outcome_canceled()
    if inquiry.is_answered:
        verified = is_verified(inquiry, votes)
        outcome = blocks.outcome_of(
            inquiry.question, inquiry.response, votes, inquiry.ended, verified
        )
    locked = blocks.blocks_locked(inquiry.question, outcome, votes)
    note = update_message(context, record, inquiry, locked)
    store.save_record(context.stackstorm, inquiry.id, replace(record, locked=True))
    return note


def try_to(update: Callable[..., str], *arguments: object) -> JsonObject:
    """Update the message. If that fails, a `note` for the result: what was decided counts."""
    try:
        note = update(*arguments)
    except SlackError as error:
        note = "the message could not be changed: %s" % error
    return {"note": note} if note else {}
