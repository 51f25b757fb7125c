"""The decided answer of a question whose root has other open questions, one after the other."""

from __future__ import annotations

from typing import Optional

from st2slack.approvals import shared_roots, store
from st2slack.approvals.answer import UNKNOWN_TEXT, apply_votes
from st2slack.approvals.context import ApprovalContext
from st2slack.approvals.inquiry import InquiryState
from st2slack.approvals.message import show_votes, try_to
from st2slack.approvals.press import ButtonPress
from st2slack.base.errors import SlackError
from st2slack.base.json_access import JsonObject


def deliver(
    context: ApprovalContext, inquiry_id: str, press: Optional[ButtonPress] = None
) -> JsonObject:
    """Answer an inquiry by its votes as soon as the workflows around it are idle; wait until its
    workflow has ended and those around that have processed it. Runs one at a time per root.

    `press`: whom to reply to if it is not accepted. `settled`: whether all of that was in time.
    """
    inquiry = context.load_inquiry(inquiry_id)
    if inquiry is None:
        return {"inquiry": inquiry_id, "decided": False, "why": UNKNOWN_TEXT}
    was_idle = not inquiry.is_waiting or shared_roots.wait_until_idle(context, inquiry)
    inquiry = context.reload_inquiry(inquiry) or inquiry
    before = shared_roots.workflow_states(inquiry)
    record = store.load_record(context.stackstorm, inquiry_id)
    result = {**inquiry.header(), **apply_votes(context, inquiry, record, press)}
    if not result["decided"]:
        if record and inquiry.is_open:
            result.update(try_to(show_votes, context, record, inquiry, []))
        return {**result, "settled": was_idle}
    return {**result, "settled": _is_processed(context, inquiry, before) and was_idle}


def _is_processed(
    context: ApprovalContext, inquiry: InquiryState, before: shared_roots.WorkflowStates
) -> bool:
    """Whether the workflows have processed the answer in time. The answer counts in any case."""
    try:
        return shared_roots.wait_until_processed(context, inquiry, before)
    except SlackError:
        return False
