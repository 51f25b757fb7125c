"""What is kept of a question in StackStorm's datastore: where its message is, and one key per vote.

    slack_question.INQUIRY        {"channel", "ts", "workspace", "reminded", "locked", "root"}
    slack_question_root.ROOT      see roots.py
    slack_vote.INQUIRY.PERSON     a vote, see ballot.py

One key per voter: the datastore has no compare-and-set, and two who vote at once must not lose
each other's vote. All of it goes when the question is over.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Dict, List, Optional, Tuple

from st2slack.approvals import votes
from st2slack.approvals.votes import Vote
from st2slack.stackstorm.client import StackStorm

QUESTION = "slack_question."
ROOT = "slack_question_root."
VOTE = "slack_vote."


@dataclass(frozen=True)
class Kept:
    """Where a question's message is. `reminded`: when people were last reminded, Unix seconds;
    `locked`: whether the message shows the outcome; `asked`: when it was posted; `root`: ID of the
    outermost workflow around the one that asks, "" where there is none.
    """

    channel: str
    ts: str
    workspace: str = ""
    asked: float = 0.0
    reminded: float = 0.0
    locked: bool = False
    root: str = ""


def keep(stackstorm: StackStorm, inquiry: str, kept: Kept) -> None:
    """Store where the message is."""
    stackstorm.write(QUESTION + inquiry, json.dumps(asdict(kept), sort_keys=True))


def kept_of(stackstorm: StackStorm, inquiry: str) -> Optional[Kept]:
    """Where the message of a question is; None where there is none."""
    text = stackstorm.read(QUESTION + inquiry)
    return _kept(text) if text else None


def all_kept(stackstorm: StackStorm) -> Tuple[Dict[str, Optional[Kept]], Dict[str, str]]:
    """Every question that is kept, by the ID of its inquiry (None for what cannot be read), and
    what is stored of roots (see roots.py), by the ID of the root. One request.
    """
    found = stackstorm.keys(QUESTION.rstrip("."))
    kept = {key[len(QUESTION) :]: _kept(found[key]) for key in found if key.startswith(QUESTION)}
    return kept, {key[len(ROOT) :]: found[key] for key in found if key.startswith(ROOT)}


def vote(stackstorm: StackStorm, inquiry: str, cast: Vote, secret: bool = False) -> None:
    """Store a vote; it takes the place of an earlier one of this person. `secret`: encrypted."""
    key = "%s%s.%s" % (VOTE, inquiry, cast.user)
    stackstorm.write(key, votes.stored(cast), encrypted=secret)


def votes_of(stackstorm: StackStorm, inquiry: str, secret: bool = False) -> List[Vote]:
    """The votes of a question, in the order in which they were cast."""
    prefix = "%s%s." % (VOTE, inquiry)
    kept = stackstorm.keys(prefix, encrypted=secret)
    found = [votes.read(key[len(prefix) :], text) for key, text in kept.items()]
    return sorted((each for each in found if each), key=lambda each: (each.at, each.user))


def forget(stackstorm: StackStorm, inquiry: str) -> None:
    """Delete everything that is kept of a question; what says that it is there goes last."""
    for key in stackstorm.keys("%s%s." % (VOTE, inquiry)):
        stackstorm.delete(key)
    stackstorm.delete(QUESTION + inquiry)


def _kept(text: str) -> Optional[Kept]:
    try:
        told = json.loads(text)
        return Kept(
            channel=str(told["channel"]),
            ts=str(told["ts"]),
            workspace=str(told.get("workspace") or ""),
            asked=float(told.get("asked") or 0.0),
            reminded=float(told.get("reminded") or 0.0),
            locked=bool(told.get("locked")),
            root=str(told.get("root") or ""),
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
