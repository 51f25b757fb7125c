"""How a question stands in StackStorm now. Looked at anew each time: nothing else is believed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Dict, List, Mapping, Optional, Tuple

from st2slack.approvals.question import (
    ASK,
    Question,
    channel_of_route,
    question_from_ask,
    question_from_schema,
)
from st2slack.base.errors import InputError
from st2slack.base.typed_text import (
    object_without_typed_references,
    texts_in,
    without_typed_references,
)
from st2slack.stackstorm.client import GIVEN_UP, Json, StackStorm
from st2slack.stackstorm.timestamps import unix_seconds

RUNNER = "inquirer"
# How an inquiry stands.
OPEN, ANSWERED, CANCELED, EXPIRED = "open", "answered", "canceled", "expired"
# How slack.answer_question clears an inquiry away that nobody waits for.
NOTHING = {"choice": "", "expired": False}


@dataclass(frozen=True)
class InquiryState:
    """An inquiry, the workflows around it (the innermost first), and what it asks.

    `state`: OPEN, ANSWERED, CANCELED (a workflow around it goes on no more) or EXPIRED (its
    deadline has passed, and nobody has told it yet). `response`: what it was answered.
    """

    id: str
    question: Question
    state: str
    response: Mapping[str, Any] = field(default_factory=dict)
    workflows: Tuple[Json, ...] = ()
    ended: float = 0.0

    @property
    def expired(self) -> bool:
        """Whether the deadline has passed."""
        return self.state == EXPIRED

    @property
    def requesters(self) -> List[str]:
        """Slack IDs of those for whom it is asked, and StackStorm's names of those who started."""
        return _requesters(self.question, self.workflows)

    @property
    def is_started_by_rule(self) -> bool:
        """Whether a rule of StackStorm's started it."""
        contexts = [each.get("context") for each in self.workflows]
        return any(isinstance(each, Mapping) and bool(each.get("rule")) for each in contexts)


def load_inquiry(
    stackstorm: StackStorm, inquiry_id: str, now: float, questions_channel: str = ""
) -> Optional[InquiryState]:
    """How the inquiry of this ID stands; None where it is none that is asked in Slack.

    `now`: Unix seconds; `questions_channel`: where a question goes that names no channel. Raises
    InputError for a question that cannot be asked.
    """
    execution = stackstorm.execution(inquiry_id)
    if execution is None or not is_inquiry(execution):
        return None
    request = inquiry_request(execution)
    channel = channel_of_route(request.get("route"))
    if channel is None:
        return None
    workflows = tuple(stackstorm.ancestors(execution))
    question = _question(execution, request, workflows, channel or questions_channel)
    return InquiryState(
        id=inquiry_id,
        question=question,
        state=_state(execution, workflows, question, now),
        response=_response(execution),
        workflows=workflows,
        ended=unix_seconds(execution.get("end_timestamp")),
    )


def is_inquiry(execution: Mapping[str, Any]) -> bool:
    """Whether an execution is an inquiry."""
    runner = execution.get("runner")
    return isinstance(runner, Mapping) and runner.get("name") == RUNNER


def inquiry_request(execution: Mapping[str, Any]) -> Dict[str, Any]:
    """`schema`, `route` and so on of an inquiry: as it says itself, else as it was asked."""
    result, given = execution.get("result"), execution.get("parameters")
    return {
        **(given if isinstance(given, Mapping) else {}),
        **(result if isinstance(result, Mapping) else {}),
    }


def is_slack_ask(workflows: Tuple[Json, ...]) -> bool:
    """Whether it is slack.ask that asks."""
    return bool(workflows) and _ref(workflows[0]) == ASK


def _question(
    execution: Json, request: Mapping[str, Any], workflows: Tuple[Json, ...], channel: str
) -> Question:
    if is_slack_ask(workflows):
        outer = workflows[1] if len(workflows) > 1 else workflows[0]
        given = workflows[0].get("parameters") or {}
        asked_at = unix_seconds(execution.get("start_timestamp"))
        question = question_from_ask(given, _ref(outer), asked_at)
        typed = _typed_in_slack(workflows)
        return replace(
            question,
            text=without_typed_references(question.text, typed) if typed else question.text,
            blocks=tuple(
                object_without_typed_references(each, typed, ()) for each in question.blocks
            )
            if typed
            else question.blocks,
        )
    asker = _ref(workflows[0]) if workflows else _ref(execution)
    return question_from_schema(request.get("schema"), asker, channel)


def _typed_in_slack(workflows: Tuple[Json, ...]) -> List[str]:
    """What somebody typed in a chat command that started the workflow around the question."""
    started = workflows[-1] if len(workflows) > 1 else {}
    context = started.get("context")
    is_chat = isinstance(context, Mapping) and bool(context.get("action_alias_ref"))
    return [each for each in texts_in(started.get("parameters")) if "<" in each] if is_chat else []


def _state(execution: Json, workflows: Tuple[Json, ...], question: Question, now: float) -> str:
    status = execution.get("status")
    if status == "succeeded":
        cleared = question.is_from_ask and dict(_response(execution)) == NOTHING
        return CANCELED if cleared else ANSWERED
    if status != "pending" or any(each.get("status") in GIVEN_UP for each in workflows):
        return CANCELED
    if question.deadline is not None and now >= question.deadline:
        return EXPIRED
    return OPEN


def _response(execution: Mapping[str, Any]) -> Mapping[str, Any]:
    result = execution.get("result")
    response = result.get("response") if isinstance(result, Mapping) else None
    return response if isinstance(response, Mapping) else {}


def _ref(execution: Mapping[str, Any]) -> str:
    action = execution.get("action")
    return str(action.get("ref") or "") if isinstance(action, Mapping) else ""


def _requesters(question: Question, workflows: Tuple[Json, ...]) -> List[str]:
    found = [question.requester]
    for each in workflows:
        context = each.get("context")
        if isinstance(context, Mapping):
            found += [str(context.get(key) or "") for key in ("api_user", "user")]
    return list(dict.fromkeys(each for each in found if each))


def require_inquiry(found: Optional[InquiryState], inquiry_id: str) -> InquiryState:
    """`found`, if there is one. Raises InputError that names the inquiry."""
    if found is None:
        raise InputError(
            "There is no question %r: no inquiry with the route slack has this ID."
            % inquiry_id[:100]
        )
    return found
