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

from st2slack.approvals.votes import Vote, parse_vote, serialize_vote
from st2slack.stackstorm.client import StackStorm

QUESTION = "slack_question."
ROOT = "slack_question_root."
VOTE = "slack_vote."


@dataclass(frozen=True)
class QuestionRecord:
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


def save_record(stackstorm: StackStorm, inquiry_id: str, record: QuestionRecord) -> None:
    """Store where the message is."""
    stackstorm.write(QUESTION + inquiry_id, json.dumps(asdict(record), sort_keys=True))


def load_record(stackstorm: StackStorm, inquiry_id: str) -> Optional[QuestionRecord]:
    """Where the message of a question is; None where there is none."""
    text = stackstorm.read(QUESTION + inquiry_id)
    return _parse_record(text) if text else None


def list_records(
    stackstorm: StackStorm,
) -> Tuple[Dict[str, Optional[QuestionRecord]], Dict[str, str]]:
    """Every question that is kept, by the ID of its inquiry (None for what cannot be read), and
    what is stored of roots (see roots.py), by the ID of the root. One request.
    """
    stored = stackstorm.keys(QUESTION.rstrip("."))
    records = {
        key[len(QUESTION) :]: _parse_record(stored[key])
        for key in stored
        if key.startswith(QUESTION)
    }
    return records, {key[len(ROOT) :]: stored[key] for key in stored if key.startswith(ROOT)}


def save_vote(stackstorm: StackStorm, inquiry_id: str, vote: Vote, secret: bool = False) -> None:
    """Store a vote; it takes the place of an earlier one of this person. `secret`: encrypted."""
    key = "%s%s.%s" % (VOTE, inquiry_id, vote.user)
    stackstorm.write(key, serialize_vote(vote), encrypted=secret)


def load_votes(stackstorm: StackStorm, inquiry_id: str, secret: bool = False) -> List[Vote]:
    """The votes of a question, in the order in which they were cast."""
    prefix = "%s%s." % (VOTE, inquiry_id)
    record = stackstorm.keys(prefix, encrypted=secret)
    stored = [parse_vote(key[len(prefix) :], text) for key, text in record.items()]
    return sorted((each for each in stored if each), key=lambda each: (each.at, each.user))


def delete_question(stackstorm: StackStorm, inquiry_id: str) -> None:
    """Delete everything that is kept of a question; what says that it is there goes last."""
    for key in stackstorm.keys("%s%s." % (VOTE, inquiry_id)):
        stackstorm.delete(key)
    stackstorm.delete(QUESTION + inquiry_id)


def _parse_record(text: str) -> Optional[QuestionRecord]:
    try:
        values = json.loads(text)
        return QuestionRecord(
            channel=str(values["channel"]),
            ts=str(values["ts"]),
            workspace=str(values.get("workspace") or ""),
            asked=float(values.get("asked") or 0.0),
            reminded=float(values.get("reminded") or 0.0),
            locked=bool(values.get("locked")),
            root=str(values.get("root") or ""),
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
