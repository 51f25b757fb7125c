"""State of an inquiry in StackStorm. It is read anew each time: nothing stored is believed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import List, Optional, Sequence, Tuple

from st2slack.approvals.ask_parameters import question_from_ask
from st2slack.approvals.question import (
    ASK_ACTION,
    Question,
    channel_of_route,
    question_from_schema,
)
from st2slack.approvals.votes import Vote, matches_votes
from st2slack.base.errors import InputError
from st2slack.base.json_access import JsonObject, as_object, as_objects, get_object
from st2slack.base.typed_text import (
    object_without_typed_references,
    texts_in,
    without_typed_references,
)
from st2slack.stackstorm.client import StackStorm
from st2slack.stackstorm.execution import Execution, Status

RUNNER = "inquirer"
CLOCK_SKEW = 60.0  # seconds by which the clocks of StackStorm's machines may differ
# slack.answer_question answers an inquiry with it if its workflow was canceled.
EMPTY_RESPONSE: JsonObject = {"choice": "", "expired": False}


class InquiryStatus(Enum):
    """CANCELED: a workflow around the inquiry does not continue. EXPIRED: the deadline has passed,
    and the inquiry is not answered yet.
    """

    OPEN = "open"
    ANSWERED = "answered"
    CANCELED = "canceled"
    EXPIRED = "expired"


@dataclass(frozen=True)
class InquiryState:
    """An inquiry, the workflows around it (the innermost first), and what it asks.

    `response`: what it was answered; `ended`: when, Unix seconds.
    """

    id: str
    question: Question
    status: InquiryStatus
    response: JsonObject = field(default_factory=dict)
    workflows: Tuple[Execution, ...] = ()
    ended: float = 0.0

    @property
    def is_open(self) -> bool:
        """Whether people can answer it."""
        return self.status is InquiryStatus.OPEN

    @property
    def is_waiting(self) -> bool:
        """Whether it waits for an answer: of people, or the one that it has expired."""
        return self.status in (InquiryStatus.OPEN, InquiryStatus.EXPIRED)

    @property
    def is_expired(self) -> bool:
        """Whether the deadline has passed."""
        return self.status is InquiryStatus.EXPIRED

    @property
    def is_answered(self) -> bool:
        """Whether it has an answer."""
        return self.status is InquiryStatus.ANSWERED

    @property
    def is_canceled(self) -> bool:
        """Whether a workflow around it does not continue."""
        return self.status is InquiryStatus.CANCELED

    @property
    def requesters(self) -> List[str]:
        """Slack ID of the person for whom it is asked, and users of StackStorm who started it."""
        names = [self.question.requester]
        for each in self.workflows:
            names += [each.context.api_user, each.context.user]
        return list(dict.fromkeys(each for each in names if each))

    @property
    def is_started_by_rule(self) -> bool:
        """Whether a rule of StackStorm's started it."""
        return any(each.context.rule for each in self.workflows)

    def header(self) -> JsonObject:
        """The beginning of a result: which question, and its state."""
        return {"inquiry": self.id, "question": self.question.name, "state": self.status.value}


def load_inquiry(
    stackstorm: StackStorm, inquiry_id: str, now: float, questions_channel: str = ""
) -> Optional[InquiryState]:
    """The state of an inquiry; None if it is none that is asked in Slack.

    `now`: Unix seconds; `questions_channel`: where a question goes that names no channel. Raises
    InputError for a question that cannot be asked.
    """
    execution = stackstorm.find_execution(inquiry_id)
    if execution is None or execution.runner != RUNNER:
        return None
    # What the inquiry itself says takes the place of what it was started with.
    request = {**execution.parameters, **as_object(execution.result)}
    channel = channel_of_route(request.get("route"))
    if channel is None:
        return None
    workflows = tuple(stackstorm.list_ancestors(execution))
    question = _read_question(execution, request, workflows, channel or questions_channel)
    return _state_of(execution, question, workflows, now)


def reload_inquiry(
    stackstorm: StackStorm, inquiry: InquiryState, now: float
) -> Optional[InquiryState]:
    """The state of an inquiry now: its question is the same. None if it is gone."""
    execution = stackstorm.find_execution(inquiry.id)
    if execution is None:
        return None
    is_answered = execution.status == Status.SUCCEEDED.value
    workflows = inquiry.workflows if is_answered else tuple(stackstorm.list_ancestors(execution))
    return _state_of(execution, inquiry.question, workflows, now)


def require_inquiry(inquiry: Optional[InquiryState], inquiry_id: str) -> InquiryState:
    """The inquiry. Raises InputError that names it if there is none."""
    if inquiry is None:
        raise InputError(
            "There is no question %r: no inquiry with the route slack has this ID."
            % inquiry_id[:100]
        )
    return inquiry


def is_verified(inquiry: InquiryState, votes: Sequence[Vote]) -> bool:
    """Whether the votes, or the deadline, decide what the inquiry was answered."""
    deadline = inquiry.question.deadline
    is_late = deadline is not None and inquiry.ended >= deadline - CLOCK_SKEW
    return matches_votes(inquiry.question, votes, inquiry.response, is_late)


def _state_of(
    execution: Execution, question: Question, workflows: Tuple[Execution, ...], now: float
) -> InquiryState:
    response = get_object(as_object(execution.result), "response")
    return InquiryState(
        id=execution.id,
        question=question,
        status=_status_of(execution, response, question, workflows, now),
        response=response,
        workflows=workflows,
        ended=execution.ended,
    )


def _status_of(
    execution: Execution,
    response: JsonObject,
    question: Question,
    workflows: Tuple[Execution, ...],
    now: float,
) -> InquiryStatus:
    if execution.status == Status.SUCCEEDED.value:
        is_cleared = question.is_from_ask and response == EMPTY_RESPONSE
        return InquiryStatus.CANCELED if is_cleared else InquiryStatus.ANSWERED
    if execution.status != Status.PENDING.value or any(each.is_given_up for each in workflows):
        return InquiryStatus.CANCELED
    if question.deadline is not None and now >= question.deadline:
        return InquiryStatus.EXPIRED
    return InquiryStatus.OPEN


def _read_question(
    execution: Execution,
    request: JsonObject,
    workflows: Tuple[Execution, ...],
    channel: str,
) -> Question:
    if not workflows or workflows[0].action != ASK_ACTION:
        requesting_action = workflows[0].action if workflows else execution.action
        return question_from_schema(request.get("schema"), requesting_action, channel)
    outer = workflows[min(1, len(workflows) - 1)]
    question = question_from_ask(workflows[0].parameters, outer.action, execution.started)
    typed = _texts_typed_in_slack(workflows)
    return _without_typed_forms(question, typed) if typed else question


def _texts_typed_in_slack(workflows: Tuple[Execution, ...]) -> List[str]:
    """What a person typed in a chat command that started the workflow around the question."""
    outermost = workflows[-1]
    if len(workflows) < 2 or not outermost.context.alias_id:
        return []
    return [each for each in texts_in(outermost.parameters) if "<" in each]


def _without_typed_forms(question: Question, typed: List[str]) -> Question:
    """The question, where mentions and links that a person typed are shown as text."""
    blocks: object = [object_without_typed_references(each, typed, ()) for each in question.blocks]
    text = without_typed_references(question.text, typed)
    return replace(question, text=text, blocks=tuple(as_objects(blocks)))
