"""The form in front of an answer: a modal, or a message in the thread if a modal is too late."""

from __future__ import annotations

from st2slack.approvals import blocks, store
from st2slack.approvals.answer import (
    FAILED_TEXT,
    UNKNOWN_TEXT,
    WRONG_MESSAGE_TEXT,
    is_question_message,
)
from st2slack.approvals.approvers import authorize, denial_text
from st2slack.approvals.context import ApprovalContext
from st2slack.approvals.inquiry import InquiryState
from st2slack.approvals.press import ButtonPress
from st2slack.base.errors import SlackApiError, SlackError
from st2slack.base.json_access import JsonObject

# Slack cannot open a modal with this trigger_id any more.
_TOO_LATE = ("expired_trigger_id", "trigger_expired", "exchanged_trigger_id", "invalid_trigger_id")


def open_form(
    context: ApprovalContext, inquiry_id: str, press: ButtonPress, trigger_id: str
) -> JsonObject:
    """Open the form for a person who is allowed to answer. Nothing is answered yet."""
    try:
        inquiry = context.load_inquiry(inquiry_id)
        if inquiry is None:
            context.reply(press, UNKNOWN_TEXT)
            return {"inquiry": inquiry_id, "opened": "", "why": UNKNOWN_TEXT}
        return {**inquiry.header(), **_open_form(context, inquiry, press, trigger_id)}
    except SlackError:
        context.reply(press, FAILED_TEXT)
        raise


def _open_form(
    context: ApprovalContext, inquiry: InquiryState, press: ButtonPress, trigger_id: str
) -> JsonObject:
    if not inquiry.is_open:
        context.reply(press, "Too late: the question is closed.")
        return {"opened": ""}
    record = store.load_record(context.stackstorm, inquiry.id)
    if not is_question_message(inquiry, record, press):
        context.reply(press, WRONG_MESSAGE_TEXT)
        return {"opened": "", "why": WRONG_MESSAGE_TEXT}
    decision, decision_record = authorize(context, press.user, inquiry, press.channel)
    if not decision.allowed:
        context.reply(press, denial_text(context, decision))
        return {"record": decision_record, "opened": ""}
    return {"record": decision_record, **_show_form(context, inquiry, press, trigger_id)}


def _show_form(
    context: ApprovalContext, inquiry: InquiryState, press: ButtonPress, trigger_id: str
) -> JsonObject:
    question = inquiry.question
    view = blocks.modal(question, inquiry.id, press.choice, press.channel, press.message)
    try:
        context.slack.call("views.open", {"trigger_id": trigger_id, "view": view})
    except SlackApiError as refusal:
        if refusal.code not in _TOO_LATE:
            raise
        _post_form_in_thread(context, inquiry, press)
        return {"opened": "thread", "why": refusal.code}
    return {"opened": "modal"}


def _post_form_in_thread(
    context: ApprovalContext, inquiry: InquiryState, press: ButtonPress
) -> None:
    form = blocks.form_in_thread(inquiry.question, inquiry.id, press.choice, press.user)
    message = {
        "channel": press.channel,
        "thread_ts": press.message,
        "text": "<@%s>, what is your answer?" % press.user,
        "blocks": form,
    }
    context.slack.call("chat.postMessage", message)
