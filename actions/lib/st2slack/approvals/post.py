"""Asks in Slack: checks a question before anything waits for it, posts it, and reminds of it."""

from __future__ import annotations

import contextlib
from typing import List, Mapping, Optional, Set, Tuple

from st2slack.approvals import blocks, shared_roots, store
from st2slack.approvals.approvers import find_approvers
from st2slack.approvals.ask_parameters import question_from_ask
from st2slack.approvals.context import ApprovalContext
from st2slack.approvals.inquiry import require_inquiry
from st2slack.approvals.question import ASK_ACTION, Question, find_people, response_schema
from st2slack.approvals.store import QuestionRecord
from st2slack.base.errors import InputError, NotFound, SlackError
from st2slack.base.ids import PERSON_ID, parse_mention, plain_argument, trim
from st2slack.base.json_access import JsonObject, as_object, get_text
from st2slack.people.channel_lookup import conversation_ids
from st2slack.people.lookup import find_group
from st2slack.people.user_lookup import find_user
from st2slack.settings.entries import Entry, Person, UserGroup, texts_of
from st2slack.stackstorm.client import StackStorm

NO_CHANNEL_TEXT = (
    "The inquiry names no channel. To ask it in Slack, set its route to slack:CHANNEL, or "
    "`chatops.questions_channel` in the pack's config."
)


def prepare(
    context: ApprovalContext, parameters: Mapping[str, object], execution_id: str
) -> JsonObject:
    """Check a question before anything waits for it. `parameters`: those of slack.ask.

    Returns `schema` for the inquiry, and who is allowed to answer. Raises InputError, NotFound or
    SettingsError for a question that nobody could answer.
    """
    requesting_action = _find_requesting_action(context.stackstorm, execution_id)
    question = question_from_ask(parameters, requesting_action, context.clock())
    approvers = find_approvers(context, question)
    if not approvers:
        raise InputError(
            "Nobody is authorized to answer: no rule of `authorization` in the pack's config "
            "covers approval:%s. Add a rule, or give `approvers`." % question.name
        )
    _check_enough_approvers(question)
    for each in question.approvers:
        if isinstance(each, UserGroup):
            find_group(context.slack, each.text)
    return {
        "schema": response_schema(question),
        "channel": resolve_channel(context, question.channel),
        "name": question.name,
        "may_answer": texts_of(approvers),
    }


def resolve_channel(context: ApprovalContext, channel: str) -> str:
    """The ID of a conversation, or of a person to write to: by ID, name, @handle or e-mail."""
    if parse_mention(channel):
        return str(plain_argument("channel", channel, "channel"))
    bare = trim(channel).lstrip("@#")
    if PERSON_ID.fullmatch(bare):
        return bare
    if "@" in channel:
        return get_text(find_user(context.slack, channel), "id")
    try:
        return conversation_ids(context.slack, [channel], "channel")[0]
    except NotFound as error:
        error.add(" Name a person by ID, @handle or e-mail address.")
        raise


def post(context: ApprovalContext, inquiry_id: str) -> JsonObject:
    """Post a question, once. The result says where its message is."""
    inquiry = require_inquiry(context.load_inquiry(inquiry_id), inquiry_id)
    record = store.load_record(context.stackstorm, inquiry_id)
    result: JsonObject = {**inquiry.header(), "posted": False}
    if record:
        return {**result, "channel": record.channel, "ts": record.ts}
    if not inquiry.is_open:
        return result
    if not inquiry.question.channel:  # rules of the operator can process this route
        return {**result, "why": NO_CHANNEL_TEXT}
    message = _post_message(context, inquiry.question, inquiry_id)
    record = QuestionRecord(
        channel=get_text(message, "channel"),
        ts=get_text(message, "ts"),
        workspace=inquiry.question.workspace,
        asked=context.clock(),
        root=shared_roots.find_root(inquiry),
    )
    _save(context, inquiry_id, record)
    return {**result, "posted": True, "channel": record.channel, "ts": record.ts}


def _post_message(context: ApprovalContext, question: Question, inquiry_id: str) -> JsonObject:
    approvers = find_approvers(context, question)
    who = blocks.format_approvers(approvers) or "nobody (no rule of `authorization` covers it)"
    arguments = {
        "channel": resolve_channel(context, question.channel),
        "text": blocks.fallback(question),
        "blocks": blocks.blocks_open(question, inquiry_id, (), who),
    }
    return as_object(context.slack.call("chat.postMessage", arguments))


def _save(context: ApprovalContext, inquiry_id: str, record: QuestionRecord) -> None:
    try:
        store.save_record(context.stackstorm, inquiry_id, record)
    except SlackError as error:
        _delete_message(context, record, error)
        raise
    if record.root:
        with contextlib.suppress(SlackError):  # the sweeper registers it later
            records = store.list_records(context.stackstorm)
            shared_roots.register_shared_roots(context.stackstorm, records)


def _delete_message(context: ApprovalContext, record: QuestionRecord, error: SlackError) -> None:
    """Delete a message without a record: its buttons would never work."""
    try:
        context.slack.call("chat.delete", {"channel": record.channel, "ts": record.ts})
    except SlackError as second:
        error.add(" (Its message could not be deleted either: %s)" % second)


def remind(context: ApprovalContext, inquiry_id: str) -> JsonObject:
    """Remind those, in the question's thread, who are allowed to answer and have not."""
    inquiry = require_inquiry(context.load_inquiry(inquiry_id), inquiry_id)
    record = store.load_record(context.stackstorm, inquiry_id)
    if not inquiry.is_open or record is None:
        return {**inquiry.header(), "reminded": []}
    votes = store.load_votes(context.stackstorm, inquiry_id)
    voted = {each.user for each in votes}
    people, groups = _find_people_to_remind(context, inquiry.question, voted)
    named = find_people(find_approvers(context, inquiry.question))
    if not people and not groups and len(named) == len(voted):
        return {**inquiry.header(), "reminded": []}
    entries: List[Entry] = [*map(Person, people), *map(UserGroup, groups)]
    text = _reminder_text(blocks.format_approvers(entries), inquiry.question.deadline)
    arguments = {"channel": record.channel, "thread_ts": record.ts, "text": text}
    context.slack.call("chat.postMessage", arguments)
    return {**inquiry.header(), "reminded": [*people, *groups]}


def _reminder_text(who: str, deadline: Optional[float]) -> str:
    until = ", until %s" % blocks.format_date(deadline) if deadline is not None else ""
    return "%s: this question still waits for an answer%s." % (
        who or "everyone who is allowed to answer",
        until,
    )


def _find_people_to_remind(
    context: ApprovalContext, question: Question, voted: Set[str]
) -> Tuple[List[str], List[str]]:
    """(IDs of people, IDs of user groups): of a group, all its members."""
    approvers = find_approvers(context, question)
    people = [each for each in find_people(approvers) if each not in voted]
    groups = [each.text for each in approvers if isinstance(each, UserGroup)]
    return people, [get_text(find_group(context.slack, each), "id") for each in groups]


def _check_enough_approvers(question: Question) -> None:
    people = find_people(question.approvers)
    if len(people) < len(question.approvers) or not people:
        return
    most = max(each.needed for each in question.choices)
    if most > len(set(people)):
        raise InputError(
            "%d people must agree, but `approvers` names only %d." % (most, len(set(people)))
        )


def _find_requesting_action(stackstorm: StackStorm, execution_id: str) -> str:
    """The action that asks: the workflow around slack.ask, else slack.ask itself."""
    own = stackstorm.find_execution(execution_id, with_result=False)
    workflows = list(stackstorm.list_ancestors(own)) if own else []
    return workflows[min(1, len(workflows) - 1)].action or ASK_ACTION if workflows else ASK_ACTION
