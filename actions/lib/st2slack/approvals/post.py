"""Ask in Slack: look whether a question can be asked at all, post it, and open its form."""

from __future__ import annotations

import contextlib
from typing import Any, Dict, List, Mapping, Optional

from st2slack.approvals import blocks, shared_roots, store
from st2slack.approvals.answer import (
    ANOTHER_MESSAGE,
    FAILED,
    UNKNOWN,
    Press,
    is_its_message,
)
from st2slack.approvals.context import Desk, told
from st2slack.approvals.inquiry import OPEN, must_be
from st2slack.approvals.question import (
    Question,
    people_in,
    question_of_ask,
    response_schema,
)
from st2slack.approvals.store import Kept
from st2slack.authorization.decision import is_usergroup
from st2slack.base.errors import InputError, Refusal, SlackError
from st2slack.people.lookup import find_group
from st2slack.stackstorm.client import Json, StackStorm

# A modal came too late, or Slack has no use for this trigger_id: the form goes into the thread.
_TOO_LATE = ("expired_trigger_id", "trigger_expired", "exchanged_trigger_id", "invalid_trigger_id")


NO_CHANNEL = (
    "The inquiry names no channel. To ask it in Slack, set its route to slack:CHANNEL, or "
    "`chatops.questions_channel` in the pack's config."
)


def prepare(desk: Desk, given: Mapping[str, Any], execution_id: str) -> Json:
    """Check a question before anything waits for it. `given`: the parameters of slack.ask.

    Returns `schema` for the inquiry, and who may answer. Raises InputError, NotFound or
    SettingsError for a question that nobody could answer.
    """
    question = question_of_ask(given, _asker(desk.stackstorm, execution_id), desk.clock())
    approvers = desk.who_answers(question)
    if not approvers:
        raise InputError(
            "Nobody may answer: no rule of `authorization` in the pack's config covers "
            "approval:%s. Add one, or give `approvers`." % question.name
        )
    _check_enough(question)
    for each in question.approvers:
        if is_usergroup(each):
            find_group(desk.slack, each)
    return {
        "schema": response_schema(question),
        "channel": desk.channel_of(question.channel),
        "name": question.name,
        "may_answer": list(approvers),
    }


def post(desk: Desk, inquiry: str) -> Json:
    """Post a question, once. Answers where its message is."""
    found = must_be(desk.look(inquiry), inquiry)
    kept = store.kept_of(desk.stackstorm, inquiry)
    if kept:
        return {**told(found), "posted": False, "channel": kept.channel, "ts": kept.ts}
    if found.state != OPEN:
        return {**told(found), "posted": False}
    question = found.question
    if not question.channel:  # rules of the operator's own may look after this route
        return {**told(found), "posted": False, "why": NO_CHANNEL}
    channel = desk.channel_of(question.channel)
    who = blocks.format_approvers(desk.who_answers(question)) or "nobody (see README, Who may)"
    answer = desk.slack.call(
        "chat.postMessage",
        {
            "channel": channel,
            "text": blocks.fallback(question),
            "blocks": blocks.blocks_open(question, inquiry, (), who),
        },
    )
    place = Kept(
        channel=str(answer["channel"]),
        ts=str(answer["ts"]),
        workspace=question.workspace,
        asked=desk.clock(),
        root=shared_roots.root_of(found),
    )
    try:
        store.keep(desk.stackstorm, inquiry, place)
    except SlackError as error:
        _withdraw(desk, place, error)
        raise
    if place.root:
        with contextlib.suppress(SlackError):  # the sweeper makes it good
            shared_roots.note(desk.stackstorm, *store.all_kept(desk.stackstorm))
    return {**told(found), "posted": True, "channel": place.channel, "ts": place.ts}


def _withdraw(desk: Desk, place: Kept, error: SlackError) -> None:
    """Delete a message that nobody knows of: its buttons would lead nowhere for ever."""
    try:
        desk.slack.call("chat.delete", {"channel": place.channel, "ts": place.ts})
    except SlackError as second:
        error.add(" (Nor could its message be deleted: %s)" % second)


def open_form(desk: Desk, inquiry: str, press: Press, trigger_id: str) -> Json:
    """Open the form that a button asks for: as a modal, or in the thread where that is too late.

    Only for somebody who may answer. Nothing is answered yet.
    """
    try:
        return _open_form(desk, inquiry, press, trigger_id)
    except SlackError:
        desk.tell(press.addressee, FAILED)
        raise


def _open_form(desk: Desk, inquiry: str, press: Press, trigger_id: str) -> Json:
    found = desk.look(inquiry)
    if found is None:
        desk.tell(press.addressee, UNKNOWN)
        return {"inquiry": inquiry, "opened": "", "why": UNKNOWN}
    result: Dict[str, Any] = told(found)
    if found.state != OPEN:
        desk.tell(press.addressee, "Too late: the question is over.")
        return {**result, "opened": ""}
    if not is_its_message(found, store.kept_of(desk.stackstorm, inquiry), press):
        desk.tell(press.addressee, ANOTHER_MESSAGE)
        return {**result, "opened": "", "why": ANOTHER_MESSAGE}
    decision, record = desk.may(press.user, found, press.channel)
    result["record"] = record
    if not decision.allowed:
        desk.tell(press.addressee, desk.denial(decision))
        return {**result, "opened": ""}
    question = found.question
    view = blocks.modal(question, inquiry, press.choice, press.channel, press.message)
    try:
        desk.slack.call("views.open", {"trigger_id": trigger_id, "view": view})
    except Refusal as refusal:
        if refusal.code not in _TOO_LATE:
            raise
        _form_in_thread(desk, question, inquiry, press)
        return {**result, "opened": "thread", "why": refusal.code}
    return {**result, "opened": "modal"}


def remind(desk: Desk, inquiry: str) -> Json:
    """Remind those, in the question's thread, who may answer and have not."""
    found = must_be(desk.look(inquiry), inquiry)
    kept = store.kept_of(desk.stackstorm, inquiry)
    if found.state != OPEN or kept is None:
        return {**told(found), "reminded": []}
    voted = {each.user for each in store.votes_of(desk.stackstorm, inquiry)}
    people = _to_remind(desk, found.question, voted)
    if not people and len(people_in(desk.who_answers(found.question))) == len(voted):
        return {**told(found), "reminded": []}
    who = blocks.format_approvers(people) or "whoever may answer"
    until = found.question.deadline
    text = "%s: this still waits for an answer%s." % (
        who,
        ", until %s" % blocks.date(until) if until is not None else "",
    )
    arguments = {"channel": kept.channel, "thread_ts": kept.ts, "text": text}
    desk.slack.call("chat.postMessage", arguments)
    return {**told(found), "reminded": people}


def _to_remind(desk: Desk, question: Question, voted: Any) -> List[str]:
    """People one by one as far as they are known, groups of Slack as a whole."""
    asked = desk.who_answers(question)
    people = [each for each in people_in(asked) if each not in voted]
    groups = [str(find_group(desk.slack, each)["id"]) for each in asked if is_usergroup(each)]
    return [*people, *groups]


def _form_in_thread(desk: Desk, question: Question, inquiry: str, press: Press) -> None:
    desk.slack.call(
        "chat.postMessage",
        {
            "channel": press.channel,
            "thread_ts": press.message,
            "text": "<@%s>, what is your answer?" % press.user,
            "blocks": blocks.form_in_thread(question, inquiry, press.choice, press.user),
        },
    )


def _check_enough(question: Question) -> None:
    people = people_in(question.approvers)
    if len(people) < len(question.approvers) or not people:
        return
    most = max(each.needed for each in question.choices)
    if most > len(set(people)):
        raise InputError(
            "%d must agree, and `approvers` names %d people only." % (most, len(set(people)))
        )


def _asker(stackstorm: StackStorm, execution_id: str) -> str:
    """The action that asks: what is around slack.ask, else slack.ask itself."""
    own = stackstorm.execution(execution_id, whole=False) if execution_id else None
    around = list(stackstorm.ancestors(own)) if own else []
    outer: Optional[Json] = around[1] if len(around) > 1 else (around[0] if around else None)
    action = outer.get("action") if outer else None
    return str(action.get("ref") or "slack.ask") if isinstance(action, Mapping) else "slack.ask"
