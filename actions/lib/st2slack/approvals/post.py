"""Ask in Slack: look whether a question can be asked at all, post it, and open its form."""

from __future__ import annotations

import contextlib
from typing import Any, Dict, List, Mapping, Optional

from st2slack.approvals import blocks, shared_roots, store
from st2slack.approvals.answer import (
    FAILED_TEXT,
    UNKNOWN_TEXT,
    WRONG_MESSAGE_TEXT,
    ButtonPress,
    is_question_message,
)
from st2slack.approvals.context import ApprovalContext, inquiry_fields
from st2slack.approvals.inquiry import OPEN, require_inquiry
from st2slack.approvals.question import (
    Question,
    find_person_ids,
    question_from_ask,
    response_schema,
)
from st2slack.approvals.store import QuestionRecord
from st2slack.authorization.decision import is_usergroup
from st2slack.base.errors import InputError, Refusal, SlackError
from st2slack.people.lookup import find_group
from st2slack.stackstorm.client import Json, StackStorm

# A modal came too late, or Slack has no use for this trigger_id: the form goes into the thread.
_TOO_LATE = ("expired_trigger_id", "trigger_expired", "exchanged_trigger_id", "invalid_trigger_id")


NO_CHANNEL_TEXT = (
    "The inquiry names no channel. To ask it in Slack, set its route to slack:CHANNEL, or "
    "`chatops.questions_channel` in the pack's config."
)


def prepare(context: ApprovalContext, given: Mapping[str, Any], execution_id: str) -> Json:
    """Check a question before anything waits for it. `given`: the parameters of slack.ask.

    Returns `schema` for the inquiry, and who may answer. Raises InputError, NotFound or
    SettingsError for a question that nobody could answer.
    """
    question = question_from_ask(
        given, _find_requesting_action(context.stackstorm, execution_id), context.clock()
    )
    approvers = context.find_approvers(question)
    if not approvers:
        raise InputError(
            "Nobody may answer: no rule of `authorization` in the pack's config covers "
            "approval:%s. Add one, or give `approvers`." % question.name
        )
    _check_enough_approvers(question)
    for each in question.approvers:
        if is_usergroup(each):
            find_group(context.slack, each)
    return {
        "schema": response_schema(question),
        "channel": context.resolve_channel(question.channel),
        "name": question.name,
        "may_answer": list(approvers),
    }


def post(context: ApprovalContext, inquiry_id: str) -> Json:
    """Post a question, once. Answers where its message is."""
    inquiry = require_inquiry(context.load_inquiry(inquiry_id), inquiry_id)
    record = store.load_record(context.stackstorm, inquiry_id)
    if record:
        return {
            **inquiry_fields(inquiry),
            "posted": False,
            "channel": record.channel,
            "ts": record.ts,
        }
    if inquiry.state != OPEN:
        return {**inquiry_fields(inquiry), "posted": False}
    question = inquiry.question
    if not question.channel:  # rules of the operator's own may look after this route
        return {**inquiry_fields(inquiry), "posted": False, "why": NO_CHANNEL_TEXT}
    channel = context.resolve_channel(question.channel)
    who = (
        blocks.format_approvers(context.find_approvers(question)) or "nobody (see README, Who may)"
    )
    answer = context.slack.call(
        "chat.postMessage",
        {
            "channel": channel,
            "text": blocks.fallback(question),
            "blocks": blocks.blocks_open(question, inquiry_id, (), who),
        },
    )
    record = QuestionRecord(
        channel=str(answer["channel"]),
        ts=str(answer["ts"]),
        workspace=question.workspace,
        asked=context.clock(),
        root=shared_roots.find_root(inquiry),
    )
    try:
        store.save_record(context.stackstorm, inquiry_id, record)
    except SlackError as error:
        _withdraw(context, record, error)
        raise
    if record.root:
        with contextlib.suppress(SlackError):  # the sweeper makes it good
            shared_roots.register_shared_roots(
                context.stackstorm, *store.list_records(context.stackstorm)
            )
    return {**inquiry_fields(inquiry), "posted": True, "channel": record.channel, "ts": record.ts}


def _withdraw(context: ApprovalContext, record: QuestionRecord, error: SlackError) -> None:
    """Delete a message that nobody knows of: its buttons would lead nowhere for ever."""
    try:
        context.slack.call("chat.delete", {"channel": record.channel, "ts": record.ts})
    except SlackError as second:
        error.add(" (Nor could its message be deleted: %s)" % second)


def open_form(
    context: ApprovalContext, inquiry_id: str, press: ButtonPress, trigger_id: str
) -> Json:
    """Open the form that a button asks for: as a modal, or in the thread where that is too late.

    Only for somebody who may answer. Nothing is answered yet.
    """
    try:
        return _open_form(context, inquiry_id, press, trigger_id)
    except SlackError:
        context.send_privately(press.addressee, FAILED_TEXT)
        raise


def _open_form(
    context: ApprovalContext, inquiry_id: str, press: ButtonPress, trigger_id: str
) -> Json:
    inquiry = context.load_inquiry(inquiry_id)
    if inquiry is None:
        context.send_privately(press.addressee, UNKNOWN_TEXT)
        return {"inquiry": inquiry_id, "opened": "", "why": UNKNOWN_TEXT}
    result: Dict[str, Any] = inquiry_fields(inquiry)
    if inquiry.state != OPEN:
        context.send_privately(press.addressee, "Too late: the question is over.")
        return {**result, "opened": ""}
    if not is_question_message(inquiry, store.load_record(context.stackstorm, inquiry_id), press):
        context.send_privately(press.addressee, WRONG_MESSAGE_TEXT)
        return {**result, "opened": "", "why": WRONG_MESSAGE_TEXT}
    decision, record = context.authorize(press.user, inquiry, press.channel)
    result["record"] = record
    if not decision.allowed:
        context.send_privately(press.addressee, context.denial_text(decision))
        return {**result, "opened": ""}
    question = inquiry.question
    view = blocks.modal(question, inquiry_id, press.choice, press.channel, press.message)
    try:
        context.slack.call("views.open", {"trigger_id": trigger_id, "view": view})
    except Refusal as refusal:
        if refusal.code not in _TOO_LATE:
            raise
        _form_in_thread(context, question, inquiry_id, press)
        return {**result, "opened": "thread", "why": refusal.code}
    return {**result, "opened": "modal"}


def remind(context: ApprovalContext, inquiry_id: str) -> Json:
    """Remind those, in the question's thread, who may answer and have not."""
    inquiry = require_inquiry(context.load_inquiry(inquiry_id), inquiry_id)
    record = store.load_record(context.stackstorm, inquiry_id)
    if inquiry.state != OPEN or record is None:
        return {**inquiry_fields(inquiry), "reminded": []}
    voted = {each.user for each in store.load_votes(context.stackstorm, inquiry_id)}
    people = _to_remind(context, inquiry.question, voted)
    if not people and len(find_person_ids(context.find_approvers(inquiry.question))) == len(voted):
        return {**inquiry_fields(inquiry), "reminded": []}
    who = blocks.format_approvers(people) or "whoever may answer"
    until = inquiry.question.deadline
    text = "%s: this still waits for an answer%s." % (
        who,
        ", until %s" % blocks.format_date(until) if until is not None else "",
    )
    arguments = {"channel": record.channel, "thread_ts": record.ts, "text": text}
    context.slack.call("chat.postMessage", arguments)
    return {**inquiry_fields(inquiry), "reminded": people}


def _to_remind(context: ApprovalContext, question: Question, voted: Any) -> List[str]:
    """People one by one as far as they are known, groups of Slack as a whole."""
    approvers = context.find_approvers(question)
    people = [each for each in find_person_ids(approvers) if each not in voted]
    groups = [
        str(find_group(context.slack, each)["id"]) for each in approvers if is_usergroup(each)
    ]
    return [*people, *groups]


def _form_in_thread(
    context: ApprovalContext, question: Question, inquiry_id: str, press: ButtonPress
) -> None:
    context.slack.call(
        "chat.postMessage",
        {
            "channel": press.channel,
            "thread_ts": press.message,
            "text": "<@%s>, what is your answer?" % press.user,
            "blocks": blocks.form_in_thread(question, inquiry_id, press.choice, press.user),
        },
    )


def _check_enough_approvers(question: Question) -> None:
    people = find_person_ids(question.approvers)
    if len(people) < len(question.approvers) or not people:
        return
    most = max(each.needed for each in question.choices)
    if most > len(set(people)):
        raise InputError(
            "%d must agree, and `approvers` names %d people only." % (most, len(set(people)))
        )


def _find_requesting_action(stackstorm: StackStorm, execution_id: str) -> str:
    """The action that asks: what is around slack.ask, else slack.ask itself."""
    own = stackstorm.execution(execution_id, whole=False) if execution_id else None
    workflows = list(stackstorm.ancestors(own)) if own else []
    outer: Optional[Json] = (
        workflows[1] if len(workflows) > 1 else (workflows[0] if workflows else None)
    )
    action = outer.get("action") if outer else None
    return str(action.get("ref") or "slack.ask") if isinstance(action, Mapping) else "slack.ask"
