"""What the questions' actions work with: Slack, StackStorm, who may, the config, a clock."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from st2slack.api.client import Client
from st2slack.approvals import blocks, store
from st2slack.approvals.inquiry import ANSWERED, InquiryState, is_slack_ask, load_inquiry
from st2slack.approvals.question import Question
from st2slack.approvals.requester import (
    OWN_REQUEST,
    UNCERTAIN_REQUESTER,
    is_requester_uncertain,
    is_started_by,
)
from st2slack.approvals.store import QuestionRecord
from st2slack.approvals.votes import Vote, matches_votes
from st2slack.authorization.authorizer import AuthorizationSession, Authorizer
from st2slack.authorization.decision import APPROVAL, Decision, Resource, covers
from st2slack.base.errors import NotFound, Refusal, SlackError
from st2slack.base.ids import PERSON_ID, parse_mention, plain_argument, trim
from st2slack.messages.reply import Addressee, answer_privately
from st2slack.people.lookup import conversation_ids, find_user
from st2slack.settings.chatops import ChatopsSettings
from st2slack.stackstorm.client import Json, StackStorm

UNRESOLVED_TEXT = (
    "That could not be checked, try again: it could not be found out whether you are allowed to "
    "answer. Your answer does not count yet."
)
UNCERTAIN_TEXT = (
    "Your answer does not count: it was started in StackStorm, and it is not certain that this was "
    "somebody else. Whoever looks after StackStorm can name both of you in `ldap_names` of the "
    "config of the pack slack."
)
CLOCK_SKEW = 60.0  # seconds by which the clocks of StackStorm's machines may differ

# The message is gone, or is one that cannot be changed any more: trying again does not help.
_GONE = (
    "message_not_found",
    "cant_update_message",
    "channel_not_found",
    "is_archived",
    "is_inactive",
    "edit_window_closed",
    "not_in_channel",
)


@dataclass(frozen=True)
class ApprovalContext:
    """`who_may`: made when it is needed, for reading the rules may fail; `clock`: Unix seconds;
    `sleep`: takes seconds.
    """

    stackstorm: StackStorm
    slack: Client
    authorizer: Callable[[], Authorizer]
    chatops: ChatopsSettings = field(default_factory=ChatopsSettings)
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep

    def load_inquiry(self, inquiry_id: str) -> Optional[InquiryState]:
        """How an inquiry stands; None where it is none that is asked in Slack."""
        return load_inquiry(
            self.stackstorm, inquiry_id, self.clock(), self.chatops.questions_channel
        )

    def authorize(
        self, person: str, inquiry: InquiryState, conversation: str
    ) -> Tuple[Decision, Dict[str, Any]]:
        """Whether this person may answer, and the record of that decision."""
        authorizer, question = self.authorizer(), inquiry.question
        resource = Resource({APPROVAL: question.name})
        checks_starter = not question.allow_own
        if checks_starter and is_started_by(person, inquiry.requesters, authorizer.ldap_names):
            return authorizer.deny(person, resource, conversation, OWN_REQUEST)
        session = authorizer.session_among(person, conversation, question.approvers)
        decision, record = session.decide(resource)
        if (
            decision.allowed
            and checks_starter
            and self._is_requester_uncertain(inquiry, session, authorizer)
        ):
            return authorizer.deny(person, resource, conversation, UNCERTAIN_REQUESTER)
        return decision, record

    @staticmethod
    def _is_requester_uncertain(
        inquiry: InquiryState, session: AuthorizationSession, authorizer: Authorizer
    ) -> bool:
        person = session.person
        return is_requester_uncertain(
            person.id,
            person.email,
            inquiry.requesters,
            authorizer.ldap_names,
            inquiry.is_started_by_rule,
        )

    def denial_text(self, decision: Decision) -> str:
        """What somebody is told who is not allowed to answer; it tells nothing about the rules."""
        why = decision.reason
        if decision.is_unresolved:
            return ("%s %s" % (UNRESOLVED_TEXT, self.chatops.contact)).strip()
        if OWN_REQUEST in why:
            return "You started this: somebody else has to answer."
        if UNCERTAIN_REQUESTER in why:
            return UNCERTAIN_TEXT
        return ("You may not answer this. %s" % self.chatops.contact).strip()

    def find_approvers(self, question: Question) -> Tuple[str, ...]:
        """Who may answer, as in `who` of a rule: the question's approvers, else the rules'."""
        if question.approvers:
            return question.approvers
        resource = Resource({APPROVAL: question.name})
        named = [each.who for each in self.authorizer().rules if covers(each, resource)]
        return tuple(dict.fromkeys(entry for who in named for entry in who))

    def send_privately(self, to: Addressee, text: str) -> str:
        """Tell one person. Why they could not be told, "" where they were."""
        try:
            answer_privately(self.slack, to, text)
        except SlackError as error:
            return "they could not be told (%s)" % error
        return ""

    def resolve_channel(self, given: str) -> str:
        """The ID of a conversation, or of a person to write to, that goes by this."""
        if parse_mention(given):
            return str(plain_argument("channel", given, "channel"))
        bare = trim(given).lstrip("@#")
        if PERSON_ID.fullmatch(bare):
            return bare
        if "@" in given:
            return str(find_user(self.slack, given)["id"])
        try:
            return conversation_ids(self.slack, [given], "channel")[0]
        except NotFound as error:
            error.add(" A person goes by ID, @handle or e-mail address.")
            raise

    def update_message(
        self, record: QuestionRecord, inquiry: InquiryState, new_blocks: Sequence[Mapping[str, Any]]
    ) -> str:
        """Show `new_blocks` in the question's message. Why that is not possible any more, else "".

        Raises what else keeps Slack from doing it: then it has to be tried again.
        """
        try:
            self.slack.call(
                "chat.update",
                {
                    "channel": record.channel,
                    "ts": record.ts,
                    "text": blocks.fallback(inquiry.question),
                    "blocks": list(new_blocks),
                },
            )
        except Refusal as refusal:
            if refusal.code not in _GONE:
                raise
            return "the message cannot be changed any more (%s)" % refusal.code
        return ""

    def show_votes(self, record: QuestionRecord, inquiry: InquiryState, votes: List[Vote]) -> str:
        """Show how the votes stand."""
        who = blocks.format_approvers(self.find_approvers(inquiry.question))
        return self.update_message(
            record, inquiry, blocks.blocks_open(inquiry.question, inquiry.id, votes, who)
        )

    def lock_message(self, record: QuestionRecord, inquiry: InquiryState, votes: List[Vote]) -> str:
        """Lock the message: it shows what came of it, and nothing can be pressed any more.

        Returns why the message cannot show it, "" where it does. Nothing else is changed.
        """
        outcome = (
            blocks.outcome_of(
                inquiry.question,
                inquiry.response,
                votes,
                inquiry.ended,
                self.is_verified(inquiry, votes),
            )
            if inquiry.state == ANSWERED
            else blocks.outcome_canceled()
        )
        why = self.update_message(
            record, inquiry, blocks.blocks_locked(inquiry.question, outcome, votes)
        )
        store.save_record(self.stackstorm, inquiry.id, replace(record, locked=True))
        return why

    def is_verified(self, inquiry: InquiryState, votes: Sequence[Vote]) -> bool:
        """Whether the votes, or the deadline, stand behind what the inquiry was answered."""
        deadline = inquiry.question.deadline
        expired = deadline is not None and inquiry.ended >= deadline - CLOCK_SKEW
        return matches_votes(inquiry.question, votes, inquiry.response, expired)


def inquiry_fields(inquiry: InquiryState) -> Json:
    """The beginning of a result: which question, and how it stands."""
    return {"inquiry": inquiry.id, "question": inquiry.question.name, "state": inquiry.state}


def find_workspace(stackstorm: StackStorm, inquiry_id: str) -> Optional[str]:
    """The workspace in which an inquiry is asked; None for the config's top level."""
    execution = stackstorm.execution(inquiry_id, whole=False)
    parent = next(stackstorm.ancestors(execution), None) if execution else None
    given = parent.get("parameters") if parent and is_slack_ask((parent,)) else None
    return str(given.get("workspace") or "") or None if isinstance(given, Mapping) else None
