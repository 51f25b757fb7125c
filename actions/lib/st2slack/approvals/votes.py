"""PURE: votes, and what they come to.

Of each person the last vote counts, until the question is decided. A choice is decided on when as
many as it needs have chosen it; of two that have, the one that had them first.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence

from st2slack.approvals.question import Choice, Question
from st2slack.base.ids import PERSON_ID


@dataclass(frozen=True)
class Vote:
    """What somebody chose. `at`: Unix seconds; `answer`: what they put into a form."""

    user: str
    choice: str = ""
    at: float = 0.0
    reason: str = ""
    answer: Optional[Dict[str, Any]] = field(default=None, repr=False)  # parts may be secret


def serialize_vote(vote: Vote) -> str:
    """The vote as text."""
    return json.dumps(asdict(vote), sort_keys=True)


def parse_vote(user: str, text: str) -> Optional[Vote]:
    """The vote that `text` holds; None where it holds none of this person."""
    try:
        votes_as_json = json.loads(text)
        vote = Vote(
            user=str(votes_as_json["user"]),
            choice=str(votes_as_json["choice"]),
            at=float(votes_as_json["at"]),
            reason=str(votes_as_json["reason"]),
            answer=votes_as_json["answer"],
        )
    except (ValueError, TypeError, KeyError):
        return None
    return vote if vote.user == user and PERSON_ID.fullmatch(user) else None


def find_decided_choice(question: Question, votes: Iterable[Vote]) -> Optional[Choice]:
    """The choice that has as many as it needs; None while there is none."""
    reached: Dict[str, float] = {}
    for choice in question.choices:
        times = sorted(each.at for each in votes_for(votes, choice))
        if len(times) >= choice.needed:
            reached[choice.value] = times[choice.needed - 1]
    if not reached:
        return None
    return question.find_choice(min(reached, key=lambda value: reached[value]))


def votes_for(votes: Iterable[Vote], choice: Choice) -> List[Vote]:
    """Those who chose it, in the order of their votes."""
    return sorted((each for each in votes if each.choice == choice.value), key=lambda each: each.at)


def votes_as_json(votes: Sequence[Vote]) -> List[Dict[str, Any]]:
    """Votes as they stand in the answer of an inquiry, and in the result of slack.ask."""
    ordered = sorted(votes, key=lambda each: (each.at, each.user))
    return [
        {"user": each.user, "choice": each.choice, "at": each.at, "reason": each.reason}
        for each in ordered
    ]


def due_response(
    question: Question, votes: Sequence[Vote], expired: bool
) -> Optional[Dict[str, Any]]:
    """What is to be answered to the inquiry now; None where it is not decided.

    `expired`: whether the deadline has passed. Only questions of slack.ask can expire.
    """
    if not question.is_from_ask:
        last = min(votes, key=lambda each: each.at, default=None)
        return dict(last.answer) if last and last.answer is not None else None
    choice = find_decided_choice(question, votes)
    if choice:
        return {"choice": choice.value, "expired": False, "votes": votes_as_json(votes)}
    return {"choice": "", "expired": True, "votes": votes_as_json(votes)} if expired else None


def matches_votes(question: Question, votes: Sequence[Vote], response: Any, expired: bool) -> bool:
    """Whether the stored votes, or the deadline, come to what the inquiry was answered."""
    response = response if isinstance(response, Mapping) else {}
    if not question.is_from_ask:
        return any(each.answer == dict(response) for each in votes)
    if response.get("expired"):
        return expired and not response.get("choice")
    choice = find_decided_choice(question, votes)
    return choice is not None and choice.value == response.get("choice")
