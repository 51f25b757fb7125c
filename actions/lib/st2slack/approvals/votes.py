"""PURE: votes, and what they decide.

Of each person the last vote counts, until the question is decided. A choice is decided when as many
people as it needs have chosen it; of two such choices, the one that was complete first.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Dict, Iterable, List, Optional, Sequence

from st2slack.approvals.question import Choice, Question
from st2slack.base.ids import PERSON_ID
from st2slack.base.json_access import JsonObject, as_number, as_object, find_object


@dataclass(frozen=True)
class Vote:
    """What one person chose. `at`: Unix seconds; `answer`: what they put into a form."""

    user: str
    choice: str = ""
    at: float = 0.0
    reason: str = ""
    answer: Optional[JsonObject] = field(default=None, repr=False)  # parts may be secret


def serialize_vote(vote: Vote) -> str:
    """The vote as text."""
    return json.dumps(asdict(vote), sort_keys=True)


def parse_vote(user: str, text: str) -> Optional[Vote]:
    """The vote in `text`; None if it is none of this person."""
    try:
        values = as_object(json.loads(text))
    except ValueError:
        return None
    at = as_number(values.get("at"))
    texts = [values.get(key) for key in ("user", "choice", "reason")]
    if at is None or "answer" not in values or not all(isinstance(each, str) for each in texts):
        return None
    if texts[0] != user or not PERSON_ID.fullmatch(user):
        return None
    return Vote(user, str(texts[1]), at, str(texts[2]), find_object(values, "answer"))


def find_decided_choice(question: Question, votes: Iterable[Vote]) -> Optional[Choice]:
    """The choice that has as many votes as it needs; None while there is none."""
    decided: Dict[float, Choice] = {}
    for choice in question.choices:
        chosen = votes_for(votes, choice)
        if len(chosen) >= choice.needed:
            decided.setdefault(chosen[choice.needed - 1].at, choice)
    return decided[min(decided)] if decided else None


def votes_for(votes: Iterable[Vote], choice: Choice) -> List[Vote]:
    """The votes for a choice, in the order in which they were cast."""
    return sorted((each for each in votes if each.choice == choice.value), key=lambda vote: vote.at)


def votes_as_json(votes: Sequence[Vote]) -> List[JsonObject]:
    """Votes as the answer of an inquiry has them, and the result of slack.ask."""
    return [
        {"user": each.user, "choice": each.choice, "at": each.at, "reason": each.reason}
        for each in sorted(votes, key=lambda vote: (vote.at, vote.user))
    ]


def due_response(question: Question, votes: Sequence[Vote], expired: bool) -> Optional[JsonObject]:
    """The answer that the inquiry gets now; None if nothing is decided.

    `expired`: whether the deadline has passed. Only questions of slack.ask can expire.
    """
    if not question.is_from_ask:
        first = min(votes, key=lambda vote: vote.at, default=None)
        return dict(first.answer) if first and first.answer is not None else None
    choice = find_decided_choice(question, votes)
    if choice:
        return {"choice": choice.value, "expired": False, "votes": votes_as_json(votes)}
    return {"choice": "", "expired": True, "votes": votes_as_json(votes)} if expired else None


def matches_votes(
    question: Question, votes: Sequence[Vote], response: object, expired: bool
) -> bool:
    """Whether the stored votes, or the deadline, decide what the inquiry was answered."""
    answer = as_object(response)
    if not question.is_from_ask:
        return any(each.answer == answer for each in votes)
    if answer.get("expired"):
        return expired and not answer.get("choice")
    choice = find_decided_choice(question, votes)
    return choice is not None and choice.value == answer.get("choice")
