"""Who is allowed to answer a question."""

from __future__ import annotations

from typing import Tuple

from st2slack.approvals.context import ApprovalContext
from st2slack.approvals.inquiry import InquiryState
from st2slack.approvals.question import Question
from st2slack.approvals.requester import (
    OWN_REQUEST,
    UNCERTAIN_REQUESTER,
    is_requester_uncertain,
    is_started_by,
)
from st2slack.authorization.authorizer import RecordedDecision
from st2slack.authorization.decision import APPROVAL, Decision, Resource, covers
from st2slack.settings.entries import Entry

UNRESOLVED_TEXT = (
    "It could not be checked whether you are allowed to answer. Try again: your answer does not "
    "count yet."
)
UNCERTAIN_TEXT = (
    "Your answer does not count: this was started in StackStorm, and it is not certain that "
    "somebody else started it. A StackStorm administrator can name both of you in "
    "`ldap_usernames` in the config of the pack slack."
)


def authorize(
    context: ApprovalContext, person: str, inquiry: InquiryState, conversation: str
) -> RecordedDecision:
    """Whether a person is allowed to answer, and the record of that decision."""
    authorizer, question = context.make_authorizer(), inquiry.question
    resource = Resource({APPROVAL: question.name})
    names, requesters = authorizer.ldap_usernames, inquiry.requesters
    if not question.allow_own and is_started_by(person, requesters, names):
        return authorizer.deny(person, resource, conversation, OWN_REQUEST)
    session = authorizer.session(person, conversation, question.approvers)
    decision, record = session.decide(resource)
    if decision.allowed and not question.allow_own:
        email, by_rule = session.user.email, inquiry.is_started_by_rule
        if is_requester_uncertain(person, email, requesters, names, by_rule):
            return authorizer.deny(person, resource, conversation, UNCERTAIN_REQUESTER)
    return decision, record


def denial_text(context: ApprovalContext, decision: Decision) -> str:
    """The text for a person who is not allowed to answer; it does not reveal the rules."""
    if decision.is_unresolved:
        return ("%s %s" % (UNRESOLVED_TEXT, context.chatops.contact)).strip()
    if OWN_REQUEST in decision.reason:
        return "You started this: somebody else has to answer."
    if UNCERTAIN_REQUESTER in decision.reason:
        return UNCERTAIN_TEXT
    return ("You are not allowed to answer this. %s" % context.chatops.contact).strip()


def find_approvers(context: ApprovalContext, question: Question) -> Tuple[Entry, ...]:
    """Who is allowed to answer: the question's approvers, else those whom the rules name."""
    if question.approvers:
        return question.approvers
    resource = Resource({APPROVAL: question.name})
    rules = [each for each in context.make_authorizer().rules if covers(each, resource)]
    return tuple(dict.fromkeys(entry for rule in rules for entry in rule.who))
