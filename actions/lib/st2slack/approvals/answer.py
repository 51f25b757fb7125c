"""An answer to a question: a button, a form, or neither: then only what is due is done.

Runs one at a time per question. Order: read the inquiry, authorize, store the vote, count, answer,
read back. If a run is killed anywhere, the next one completes it: the vote is stored before
anything is counted, and what the inquiry says is the outcome.
"""

from __future__ import annotations

import contextlib
from typing import List, Optional

from st2slack.approvals import blocks, form, shared_roots, store
from st2slack.approvals.approvers import authorize, denial_text
from st2slack.approvals.context import ApprovalContext
from st2slack.approvals.inquiry import EMPTY_RESPONSE, InquiryState, is_verified
from st2slack.approvals.message import lock_message, show_votes, try_to, update_message
from st2slack.approvals.press import ButtonPress
from st2slack.approvals.store import QuestionRecord
from st2slack.approvals.votes import Vote, due_response
from st2slack.base.errors import InputError, SlackError, StackStormError, StackStormUnavailable
from st2slack.base.json_access import JsonObject, get_text
from st2slack.base.mrkdwn import escape

# Seconds until the inquiry says what it was answered.
READ_BACK_PAUSES = (0.1, 0.2, 0.4, 0.8, 1.5, 3.0)
UNKNOWN_TEXT = "This question does not exist any more."
DECIDED_TEXT = "Too late: this question is already decided."
WRONG_MESSAGE_TEXT = "This message does not belong to an open question. Look for a newer message."
FAILED_TEXT = (
    "Something failed, and it is not certain that your answer was recorded. A StackStorm "
    "administrator finds the error in the executions of the pack slack."
)


def answer(
    context: ApprovalContext, inquiry_id: str, press: Optional[ButtonPress] = None
) -> JsonObject:
    """Record an answer, and do what is due. The result: what was done, and the record.

    Raises a SlackError if something failed; a vote that was stored counts all the same.
    """
    try:
        inquiry = context.load_inquiry(inquiry_id)
        if inquiry is None:
            return _reject(context, press, {"inquiry": inquiry_id}, UNKNOWN_TEXT)
        record = store.load_record(context.stackstorm, inquiry_id)
        return {**inquiry.header(), **_answer(context, inquiry, record, press)}
    except SlackError:
        if press:
            context.reply(press, FAILED_TEXT)
        raise


def _answer(
    context: ApprovalContext,
    inquiry: InquiryState,
    record: Optional[QuestionRecord],
    press: Optional[ButtonPress],
) -> JsonObject:
    root = ""
    if inquiry.is_waiting:
        if press and not is_question_message(inquiry, record, press):
            return _reject(context, press, {}, WRONG_MESSAGE_TEXT)
        root = shared_roots.find_shared_root(context.stackstorm, inquiry)
        if root and shared_roots.is_delivery_pending(context.stackstorm, inquiry.id):
            return _already_queued(context, press)
    result: JsonObject = {}
    if press and inquiry.is_open:
        result = _record_vote(context, inquiry, press)
        if not result["counted"]:
            return result
    elif press:
        result = _reject(context, press, {}, _too_late_text(inquiry))
    if root:
        return {**result, **_queue(context, inquiry, record, press, root)}
    return {**result, **apply_votes(context, inquiry, record, press)}


def _already_queued(context: ApprovalContext, press: Optional[ButtonPress]) -> JsonObject:
    """It is decided, and an execution of slack.deliver_answer is to answer the inquiry."""
    result: JsonObject = {"decided": False, "queued": True}
    return _reject(context, press, result, DECIDED_TEXT) if press else result


def _queue(
    context: ApprovalContext,
    inquiry: InquiryState,
    record: Optional[QuestionRecord],
    press: Optional[ButtonPress],
    root: str,
) -> JsonObject:
    """If the votes decide it: start the action that answers after others of the same root.

    The message shows at once what was decided.
    """
    votes = store.load_votes(context.stackstorm, inquiry.id, inquiry.question.is_secret)
    response = due_response(inquiry.question, votes, inquiry.is_expired)
    if response is None:
        return apply_votes(context, inquiry, record, press)
    parameters = {"inquiry": inquiry.id, "root": root, **(_address_of(press) if press else {})}
    started = context.stackstorm.start_action(shared_roots.DELIVER_ACTION, parameters)
    result: JsonObject = {"decided": False, "queued": True, "delivery": started.id}
    if record:
        shown = blocks.blocks_queued(inquiry.question, response, votes)
        result.update(try_to(update_message, context, record, inquiry, shown))
    return result


def _address_of(press: ButtonPress) -> JsonObject:
    """Whom slack.deliver_answer replies to if StackStorm does not accept the answer."""
    address = {"user": press.user, "channel": press.channel, "response_url": press.response_url}
    return {key: value for key, value in address.items() if value}


def is_question_message(
    inquiry: InquiryState, record: Optional[QuestionRecord], press: ButtonPress
) -> bool:
    """Whether the press was in the message that asks this question, and in no other."""
    if record is None or press.workspace != inquiry.question.workspace:
        return False
    return (press.channel, press.message) == (record.channel, record.ts)


def _record_vote(context: ApprovalContext, inquiry: InquiryState, press: ButtonPress) -> JsonObject:
    """Store the vote of an authorized person. `counted`: whether it was; else they know why."""
    decision, record = authorize(context, press.user, inquiry, press.channel)
    result: JsonObject = {"record": record}
    if not decision.allowed:
        return _reject(context, press, result, denial_text(context, decision))
    try:
        vote = _make_vote(context, inquiry, press)
    except InputError as error:
        return _reject(context, press, result, str(error), escape(str(error)))
    store.save_vote(context.stackstorm, inquiry.id, vote, inquiry.question.is_secret)
    return {"counted": True, "user": press.user, "choice": vote.choice, **result}


def _make_vote(context: ApprovalContext, inquiry: InquiryState, press: ButtonPress) -> Vote:
    """The vote. Raises InputError for what is no answer to this question."""
    question, at = inquiry.question, context.clock()
    fields, values = question.fields, press.values
    if question.choices and question.find_choice(press.choice) is None:
        raise InputError("This is not one of the choices of this question.")
    if question.is_from_ask:
        has_input = fields and (values is not None or fields[0].required)
        entered = form.read_input(fields, values) if has_input else {}
        return Vote(press.user, press.choice, at, reason=get_text(entered, "reason"))
    if question.choices:
        response = form.response_from_button(fields, press.choice)
        return Vote(press.user, press.choice, at, answer=response)
    return Vote(press.user, "", at, answer=form.read_input(fields, values))


def apply_votes(
    context: ApprovalContext,
    inquiry: InquiryState,
    record: Optional[QuestionRecord],
    press: Optional[ButtonPress],
) -> JsonObject:
    """Answer the inquiry if that is due, and let the message show the new state."""
    votes = store.load_votes(context.stackstorm, inquiry.id, inquiry.question.is_secret)
    if not inquiry.is_waiting:
        return _finish(context, inquiry, record, votes)
    response = due_response(inquiry.question, votes, inquiry.is_expired)
    if response is None:
        has_changed = record and press
        shown = try_to(show_votes, context, record, inquiry, votes) if has_changed else {}
        return {"decided": False, **shown}
    try:
        answered = _answer_inquiry(context, inquiry, response)
    except InputError as error:
        for each in votes:  # StackStorm would refuse them forever
            store.delete_vote(context.stackstorm, inquiry.id, each.user)
        return _reject(context, press, {"decided": False}, str(error), escape(str(error)))
    return _finish(context, answered, record, votes)


def _finish(
    context: ApprovalContext,
    inquiry: InquiryState,
    record: Optional[QuestionRecord],
    votes: List[Vote],
) -> JsonObject:
    """The question is over: lock its message. What cannot be locked now, the sweeper locks."""
    result: JsonObject = {"decided": inquiry.is_answered, "state": inquiry.status.value}
    if inquiry.is_answered:
        result["response"] = form.mask_secrets(inquiry.question.fields, inquiry.response)
        result["behind"] = is_verified(inquiry, votes)
    if record and not record.locked:
        result.update(try_to(lock_message, context, record, inquiry, votes))
    if inquiry.is_canceled:
        _cancel_workflow(context, inquiry)
    elif not inquiry.question.is_from_ask and "note" not in result:
        store.delete_question(context.stackstorm, inquiry.id)  # no action reads its votes later
    return result


def _answer_inquiry(
    context: ApprovalContext, inquiry: InquiryState, response: JsonObject
) -> InquiryState:
    """Answer the inquiry once, and read back what it says: that is the outcome.

    Raises InputError if StackStorm does not accept this answer, and StackStormUnavailable if the
    inquiry still waits: the next run, or the sweeper, answers it by the stored votes.
    """
    fault: Optional[StackStormUnavailable] = None
    try:
        context.stackstorm.answer(inquiry.id, response)
    except StackStormError as refusal:
        fault = refusal
        _check_refusal(context, inquiry, refusal)
    except StackStormUnavailable as error:
        fault = error  # it may have counted
    for pause in READ_BACK_PAUSES:
        current = context.reload_inquiry(inquiry)
        if current is not None and not current.is_waiting:
            return current
        context.sleep(pause)
    raise fault or StackStormUnavailable(
        "StackStorm accepted the answer to the inquiry %s, but the inquiry still waits for one. "
        "The votes are stored; slack.sweep_questions answers it again." % inquiry.id
    )


def _check_refusal(
    context: ApprovalContext, inquiry: InquiryState, refusal: StackStormError
) -> None:
    """Raise if StackStorm refuses this answer, and not because it has another one already."""
    if refusal.status not in (400, 403):
        return
    current = context.reload_inquiry(inquiry)
    if current is None or not current.is_waiting:
        return
    if inquiry.question.is_from_ask:
        raise refusal
    raise InputError("StackStorm did not accept the answer: %s" % refusal.reason) from None


def _cancel_workflow(context: ApprovalContext, inquiry: InquiryState) -> None:
    """No workflow waits any more: cancel the one that asks, and delete the question.

    StackStorm cannot cancel an inquiry. One of slack.ask gets an empty answer as soon as that has
    no effect any more; for others no valid answer is known, and they stay pending.
    """
    if inquiry.workflows:
        asking = inquiry.workflows[0].id
        context.stackstorm.cancel(asking)
        if inquiry.question.is_from_ask and _has_ended(context, asking):
            with contextlib.suppress(StackStormError):  # it has an answer already
                context.stackstorm.answer(inquiry.id, EMPTY_RESPONSE)
    store.delete_question(context.stackstorm, inquiry.id)


def _has_ended(context: ApprovalContext, execution_id: str) -> bool:
    for pause in READ_BACK_PAUSES:
        execution = context.stackstorm.find_execution(execution_id, with_result=False)
        if execution and execution.has_ended:
            return True
        context.sleep(pause)
    return False


def _reject(
    context: ApprovalContext,
    press: Optional[ButtonPress],
    result: JsonObject,
    reason: str,
    markup: str = "",
) -> JsonObject:
    """Nothing counted; the person who pressed reads why. `markup`: the reason as Slack markup."""
    note = context.reply(press, markup or reason) if press else ""
    rejected: JsonObject = {**result, "counted": False, "why": reason}
    return {**rejected, "note": note} if note else rejected


def _too_late_text(inquiry: InquiryState) -> str:
    if inquiry.is_canceled:
        return "Too late: the workflow that asked has ended."
    if inquiry.is_expired:
        return "Too late: the question has expired."
    return DECIDED_TEXT
