"""An answer to a question: a press, a form, or none at all: then only what is due is done.

Runs one at a time per question. Order: how does the inquiry stand, may they, keep the vote, count,
answer, read back. A run that is killed anywhere is made good by the next: the vote is kept before
anything is counted, and what the inquiry says decides.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field
from typing import Any, List, Mapping, Optional
from urllib.parse import unquote

from st2slack.approvals import blocks as approvals_blocks
from st2slack.approvals import form, shared_roots, store
from st2slack.approvals.context import ApprovalContext, inquiry_fields
from st2slack.approvals.inquiry import ANSWERED, CANCELED, EXPIRED, NOTHING, OPEN, InquiryState
from st2slack.approvals.store import QuestionRecord
from st2slack.approvals.votes import Vote, due_response
from st2slack.base.errors import ApiFault, ApiRefusal, InputError, SlackError
from st2slack.base.mrkdwn import escape
from st2slack.messages.reply import Addressee
from st2slack.stackstorm.client import ENDED, Json

# Seconds until the inquiry says what it was answered.
READ_BACK_PAUSES = (0.1, 0.2, 0.4, 0.8, 1.5, 3.0)


@dataclass(frozen=True)
class ButtonPress:
    """What somebody did. `user`, `channel`, `message`, `workspace`: from Slack's envelope;
    `message`: timestamp of the question's message; `values`: what stands in the inputs of a form,
    None for a button.
    """

    user: str
    choice: str
    channel: str
    message: str
    values: Optional[Mapping[str, Any]] = field(default=None, repr=False)
    response_url: str = field(default="", repr=False)
    workspace: str = ""

    @property
    def addressee(self) -> Addressee:
        """Whom to tell about it, and where."""
        return Addressee(self.channel, self.user, response_url=self.response_url)


def parse_press(user: str, given: Mapping[str, Any]) -> ButtonPress:
    """A press as a rule hands it over: choice, channel, message, values, response_url, workspace.

    `choice` and `values` (JSON of Slack's `state`) are percent-encoded: StackStorm renders Jinja in
    what an action is given, so what somebody typed could read its datastore.
    """
    texts = {key: str(given.get(key) or "") for key in ("channel", "message", "workspace")}
    url = str(given.get("response_url") or "")
    return ButtonPress(
        user=user,
        choice=unquote(str(given.get("choice") or "")),
        values=_values(given.get("values")),
        response_url=url if url.startswith("http") else "",
        **texts,
    )


def _values(given: Any) -> Optional[Mapping[str, Any]]:
    if not given:
        return None
    try:
        state = json.loads(unquote(str(given)))
    except ValueError:
        raise InputError("Parameter `values` must be percent-encoded JSON.") from None
    values = state.get("values", state) if isinstance(state, dict) else None
    return values if isinstance(values, dict) else None


def answer(context: ApprovalContext, inquiry_id: str, press: Optional[ButtonPress] = None) -> Json:
    """Take an answer, and settle what is due. The result tells what was done, and the record.

    Raises a SlackError where something failed; a vote that was taken is kept all the same.
    """
    try:
        return _answer(context, inquiry_id, press)
    except SlackError:
        if press:
            context.send_privately(press.addressee, FAILED_TEXT)
        raise


def _answer(context: ApprovalContext, inquiry_id: str, press: Optional[ButtonPress]) -> Json:
    inquiry = context.load_inquiry(inquiry_id)
    if inquiry is None:
        return _reject(context, press, {"inquiry": inquiry_id}, UNKNOWN_TEXT)
    record = store.load_record(context.stackstorm, inquiry_id)
    result = inquiry_fields(inquiry)
    if (
        press
        and inquiry.state in (OPEN, EXPIRED)
        and not is_question_message(inquiry, record, press)
    ):
        return _reject(context, press, result, WRONG_MESSAGE_TEXT)
    root = (
        shared_roots.find_shared_root(context.stackstorm, inquiry)
        if inquiry.state in (OPEN, EXPIRED)
        else ""
    )
    if root and shared_roots.is_delivery_pending(context.stackstorm, inquiry_id):
        return _already_queued(context, result, press)
    if press and inquiry.state == OPEN:
        taken = _record_vote(context, inquiry, press)
        if not taken["counted"]:
            return {**result, **taken}
        result.update(taken)
    elif press:
        result.update(_reject(context, press, {}, _too_late(inquiry)))
    if root:
        return {**result, **_queue(context, inquiry, record, press, root)}
    return {**result, **_apply_votes(context, inquiry, record, press)}


def _already_queued(context: ApprovalContext, result: Json, press: Optional[ButtonPress]) -> Json:
    """It is decided, and an execution of slack.deliver_answer is to answer the inquiry."""
    if press is None:
        return {**result, "decided": False, "queued": True}
    return {**_reject(context, press, result, DECIDED_TEXT), "decided": False, "queued": True}


def _queue(
    context: ApprovalContext,
    inquiry: InquiryState,
    record: Optional[QuestionRecord],
    press: Optional[ButtonPress],
    root: str,
) -> Json:
    """Where the votes decide it: start what answers the inquiry after others of the same root.

    The message shows at once what was decided.
    """
    votes = store.load_votes(context.stackstorm, inquiry.id, inquiry.question.is_secret)
    response = due_response(inquiry.question, votes, inquiry.expired)
    if response is None:
        return _apply_votes(context, inquiry, record, press)
    given = {"inquiry": inquiry.id, "root": root, **(_address_of(press) if press else {})}
    started = context.stackstorm.start(shared_roots.DELIVER_ACTION, given)
    shown = ""
    if record:
        blocks = approvals_blocks.blocks_queued(inquiry.question, response, votes)
        shown = _try_to_show(lambda: context.update_message(record, inquiry, blocks))
    return {"decided": False, "queued": True, "delivery": started.get("id"), **_note_field(shown)}


def _address_of(press: ButtonPress) -> Json:
    """Whom slack.deliver_answer tells where StackStorm does not take the answer."""
    given = {"user": press.user, "channel": press.channel, "response_url": press.response_url}
    return {key: value for key, value in given.items() if value}


def deliver(context: ApprovalContext, inquiry_id: str, press: Optional[ButtonPress] = None) -> Json:
    """Answer an inquiry by its votes, when what is around it is at rest; wait until its workflow
    has ended and what is around that has taken notice. Runs one at a time per root.

    `press`: whom to tell where it is not taken. `settled`: whether all of that came about in time.
    """
    inquiry = context.load_inquiry(inquiry_id)
    if inquiry is None:
        return {"inquiry": inquiry_id, "decided": False, "why": UNKNOWN_TEXT}
    was_idle = inquiry.state not in (OPEN, EXPIRED) or shared_roots.wait_until_idle(
        context, inquiry
    )
    inquiry = context.load_inquiry(inquiry_id) or inquiry
    before = shared_roots.workflow_states(inquiry)
    record = store.load_record(context.stackstorm, inquiry_id)
    result = {**inquiry_fields(inquiry), **_apply_votes(context, inquiry, record, press)}
    if not result["decided"]:
        if record and inquiry.state == OPEN:
            result.update(
                _note_field(_try_to_show(lambda: context.show_votes(record, inquiry, [])))
            )
        return {**result, "settled": was_idle}
    with contextlib.suppress(SlackError):  # the answer counts
        return {
            **result,
            "settled": shared_roots.wait_until_processed(context, inquiry, before) and was_idle,
        }
    return {**result, "settled": False}


def is_question_message(
    inquiry: InquiryState, record: Optional[QuestionRecord], press: ButtonPress
) -> bool:
    """Whether they pressed in the message that asks this question, and in no other."""
    if record is None or press.workspace != inquiry.question.workspace:
        return False
    return (press.channel, press.message) == (record.channel, record.ts)


def _record_vote(context: ApprovalContext, inquiry: InquiryState, press: ButtonPress) -> Json:
    """Keep the vote of somebody who may. `counted`: whether it was; else they know why."""
    decision, record = context.authorize(press.user, inquiry, press.channel)
    if not decision.allowed:
        return {**_reject(context, press, {}, context.denial_text(decision)), "record": record}
    try:
        votes = _vote(context, inquiry, press)
    except InputError as error:
        return {**_reject(context, press, {}, str(error), escape(str(error))), "record": record}
    store.save_vote(context.stackstorm, inquiry.id, votes, inquiry.question.is_secret)
    return {"counted": True, "user": press.user, "choice": votes.choice, "record": record}


def _vote(context: ApprovalContext, inquiry: InquiryState, press: ButtonPress) -> Vote:
    """What they answer. Raises InputError for what is no answer to this question."""
    question = inquiry.question
    if question.choices and question.find_choice(press.choice) is None:
        raise InputError("That is none of the choices of this question.")
    at = context.clock()
    if question.is_from_ask:
        has_input = question.fields and (press.values is not None or question.fields[0].required)
        values = form.read_input(question.fields, press.values or {}) if has_input else {}
        return Vote(press.user, press.choice, at, reason=str(values.get("reason") or ""))
    if question.choices:
        return Vote(
            press.user,
            press.choice,
            at,
            answer=form.response_from_button(question.fields, press.choice),
        )
    return Vote(press.user, "", at, answer=form.read_input(question.fields, press.values or {}))


def _apply_votes(
    context: ApprovalContext,
    inquiry: InquiryState,
    record: Optional[QuestionRecord],
    press: Optional[ButtonPress],
) -> Json:
    """Answer the inquiry if that is due, and let the message show how things stand."""
    votes = store.load_votes(context.stackstorm, inquiry.id, inquiry.question.is_secret)
    if inquiry.state in (OPEN, EXPIRED):
        response = due_response(inquiry.question, votes, inquiry.expired)
        if response is None:
            shown = (
                _try_to_show(lambda: context.show_votes(record, inquiry, votes))
                if record and press
                else ""
            )
            return {"decided": False, **_note_field(shown)}
        try:
            inquiry = _answer_inquiry(context, inquiry, response)
        except InputError as error:
            _delete_votes(context, inquiry, votes)
            return {"decided": False, **_reject(context, press, {}, str(error), escape(str(error)))}
    return _finish(context, inquiry, record, votes)


def _finish(
    context: ApprovalContext,
    inquiry: InquiryState,
    record: Optional[QuestionRecord],
    votes: List[Vote],
) -> Json:
    """The question is over: lock its message. What cannot be locked now, the sweeper locks."""
    result = {"decided": inquiry.state == ANSWERED, "state": inquiry.state}
    if inquiry.state == ANSWERED:
        result["response"] = form.mask_secrets(inquiry.question.fields, inquiry.response)
        result["behind"] = context.is_verified(inquiry, votes)
    if record and not record.locked:
        result.update(
            _note_field(_try_to_show(lambda: context.lock_message(record, inquiry, votes)))
        )
    if inquiry.state == CANCELED:
        _cancel_question(context, inquiry)
    elif not inquiry.question.is_from_ask and "note" not in result:
        store.delete_question(context.stackstorm, inquiry.id)  # nobody comes for its votes
    return result


def _answer_inquiry(
    context: ApprovalContext, inquiry: InquiryState, response: Json
) -> InquiryState:
    """Answer the inquiry once, and read back what it says: that is the outcome.

    Raises InputError where StackStorm does not take this answer, and ApiFault where the inquiry
    still waits: the next run, or the sweeper, answers it by the votes that are kept.
    """
    fault: Optional[ApiFault] = None
    try:
        context.stackstorm.answer(inquiry.id, response)
    except ApiRefusal as refusal:
        fault = refusal
        if refusal.status in (400, 403) and not _is_over(context, inquiry):
            if inquiry.question.is_from_ask:
                raise
            raise InputError("StackStorm did not take it: %s" % refusal.reason) from None
    except ApiFault as error:
        fault = error  # it may have counted
    for pause in READ_BACK_PAUSES:
        after = context.load_inquiry(inquiry.id)
        if after is not None and after.state not in (OPEN, EXPIRED):
            return after
        context.sleep(pause)
    raise fault or ApiFault(
        "StackStorm took the answer to the inquiry %s, and it still waits for one. The votes are "
        "kept; slack.sweep_questions answers it again." % inquiry.id
    )


def _is_over(context: ApprovalContext, inquiry: InquiryState) -> bool:
    after = context.load_inquiry(inquiry.id)
    return after is None or after.state not in (OPEN, EXPIRED)


def _delete_votes(context: ApprovalContext, inquiry: InquiryState, votes: List[Vote]) -> None:
    """Forget votes that StackStorm refuses as an answer: they would be tried for ever."""
    for each in votes:
        context.stackstorm.delete("%s%s.%s" % (store.VOTE, inquiry.id, each.user))


def _cancel_question(context: ApprovalContext, inquiry: InquiryState) -> None:
    """Nobody waits any more: cancel the asking workflow, and forget the question.

    StackStorm cancels no inquiry. One of slack.ask is answered with nothing, once that can have no
    effect any more; of others nobody knows an answer, and they stay pending.
    """
    if inquiry.workflows:
        asking = str(inquiry.workflows[0]["id"])
        context.stackstorm.cancel(asking)
        if inquiry.question.is_from_ask and _is_canceled(context, asking):
            with contextlib.suppress(ApiRefusal):  # it has been already
                context.stackstorm.answer(inquiry.id, NOTHING)
    store.delete_question(context.stackstorm, inquiry.id)


def _is_canceled(context: ApprovalContext, execution_id: str) -> bool:
    for pause in READ_BACK_PAUSES:
        execution = context.stackstorm.execution(execution_id, whole=False) or {}
        if execution.get("status") in ENDED:
            return True
        context.sleep(pause)
    return False


def _reject(
    context: ApprovalContext, press: Optional[ButtonPress], result: Json, why: str, shown: str = ""
) -> Json:
    """Nothing counted; whoever pressed is told why. `shown`: the same as Slack markup."""
    note = context.send_privately(press.addressee, shown or why) if press else ""
    return {**result, "counted": False, "why": why, **_note_field(note)}


def _too_late(inquiry: InquiryState) -> str:
    if inquiry.state == CANCELED:
        return "Too late: the workflow that asked goes on no more."
    if inquiry.state == EXPIRED:
        return "Too late: the question has expired."
    return DECIDED_TEXT


def _note_field(text: str) -> Json:
    return {"note": text} if text else {}


def _try_to_show(show: Any) -> str:
    """What keeps a message from being shown, in words: what was decided counts all the same."""
    try:
        return str(show())
    except SlackError as error:
        return "the message could not be changed: %s" % error


UNKNOWN_TEXT = "This question is not known any more."
DECIDED_TEXT = "Too late: this is decided already."
WRONG_MESSAGE_TEXT = "This is not the message of an open question; look for a newer one."
UNKNOWN_TEXT = "This question is not known any more."
FAILED_TEXT = (
    "Something went wrong, and it is not sure that this counted. Whoever looks after StackStorm "
    "finds it among the executions of the pack slack."
)
