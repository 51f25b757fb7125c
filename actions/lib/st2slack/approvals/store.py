"""Records of questions in StackStorm's datastore.

    slack_question.INQUIRY        QuestionRecord: where the question's message is
    slack_question_root.ROOT      RootRecord: a workflow with several open questions (shared_roots)
    slack_vote.INQUIRY.PERSON     a vote (votes)

One key per voter: the datastore has no compare-and-set, and two people who vote at once must not
lose each other's vote. All keys of a question are deleted when it is over.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Dict, List, NamedTuple, Optional

from st2slack.approvals.votes import Vote, parse_vote, serialize_vote
from st2slack.base.json_access import JsonObject, get_number, get_text
from st2slack.stackstorm.client import StackStorm
from st2slack.stackstorm.datastore import UnreadableRecord, parse_record

QUESTION = "slack_question."
ROOT = "slack_question_root."
VOTE = "slack_vote."


@dataclass(frozen=True)
class QuestionRecord:
    """Where a question's message is. `reminded`: when people were last reminded, Unix seconds;
    `locked`: whether the message shows the outcome; `asked`: when it was posted; `root`: ID of the
    outermost workflow around the one that asks, "" for none.
    """

    channel: str
    ts: str
    workspace: str = ""
    asked: float = 0.0
    reminded: float = 0.0
    locked: bool = False
    root: str = ""


@dataclass(frozen=True)
class RootRecord:
    """Where one of the root's questions is. `paused`: since when the root is paused though none of
    its questions is open, Unix seconds, 0.0 if it is not; `reported`: whether people know.
    """

    channel: str
    ts: str
    workspace: str = ""
    paused: float = 0.0
    reported: bool = False


class Records(NamedTuple):
    """All records. `questions`: by the ID of the inquiry, None for one that cannot be read."""

    questions: Dict[str, Optional[QuestionRecord]]
    roots: Dict[str, RootRecord]


def save_record(stackstorm: StackStorm, inquiry_id: str, record: QuestionRecord) -> None:
    """Store where the question's message is."""
    stackstorm.datastore.write_record(QUESTION + inquiry_id, asdict(record))


def load_record(stackstorm: StackStorm, inquiry_id: str) -> Optional[QuestionRecord]:
    """Where the message of a question is; None if it has none."""
    text = stackstorm.datastore.read(QUESTION + inquiry_id)
    return _parse_question(text) if text else None


def list_records(stackstorm: StackStorm) -> Records:
    """All questions and roots that are stored. One request."""
    texts = stackstorm.datastore.list(QUESTION.rstrip("."))
    questions = {key: text for key, text in texts.items() if key.startswith(QUESTION)}
    roots = {key: text for key, text in texts.items() if key.startswith(ROOT)}
    return Records(
        {key[len(QUESTION) :]: _parse_question(text) for key, text in questions.items()},
        {key[len(ROOT) :]: _parse_root(text) for key, text in roots.items()},
    )


def delete_question(stackstorm: StackStorm, inquiry_id: str) -> None:
    """Delete everything that is stored of a question; the record goes last."""
    for key in stackstorm.datastore.list("%s%s." % (VOTE, inquiry_id)):
        stackstorm.datastore.delete(key)
    stackstorm.datastore.delete(QUESTION + inquiry_id)


# --- roots ----------------------------------------------------------------------------------------


def save_root(stackstorm: StackStorm, root: str, record: RootRecord) -> None:
    """Store that a workflow has several open questions."""
    stackstorm.datastore.write_record(ROOT + root, asdict(record))


def is_root_stored(stackstorm: StackStorm, root: str) -> bool:
    """Whether a workflow has, or had, several open questions."""
    return stackstorm.datastore.read(ROOT + root) is not None


def delete_root(stackstorm: StackStorm, root: str) -> None:
    """Delete the record of a root."""
    stackstorm.datastore.delete(ROOT + root)


# --- votes ----------------------------------------------------------------------------------------


def save_vote(stackstorm: StackStorm, inquiry_id: str, vote: Vote, secret: bool = False) -> None:
    """Store a vote; it replaces an earlier one of this person. `secret`: encrypted."""
    key = "%s%s.%s" % (VOTE, inquiry_id, vote.user)
    stackstorm.datastore.write(key, serialize_vote(vote), encrypted=secret)


def load_votes(stackstorm: StackStorm, inquiry_id: str, secret: bool = False) -> List[Vote]:
    """The votes of a question, in the order in which they were cast."""
    prefix = "%s%s." % (VOTE, inquiry_id)
    stored = stackstorm.datastore.list(prefix, encrypted=secret)
    votes = [parse_vote(key[len(prefix) :], text) for key, text in stored.items()]
    return sorted((each for each in votes if each), key=lambda vote: (vote.at, vote.user))


def delete_vote(stackstorm: StackStorm, inquiry_id: str, user: str) -> None:
    """Delete a person's vote."""
    stackstorm.datastore.delete("%s%s.%s" % (VOTE, inquiry_id, user))


# --- parsing --------------------------------------------------------------------------------------


def _parse_question(text: str) -> Optional[QuestionRecord]:
    values = _parse(text)
    if not values:
        return None
    return QuestionRecord(
        channel=get_text(values, "channel"),
        ts=get_text(values, "ts"),
        workspace=get_text(values, "workspace"),
        asked=get_number(values, "asked") or 0.0,
        reminded=get_number(values, "reminded") or 0.0,
        locked=bool(values.get("locked")),
        root=get_text(values, "root"),
    )


def _parse_root(text: str) -> RootRecord:
    """The record of a root; one that cannot be read has no message to report in."""
    values = _parse(text)
    if not values:
        return RootRecord("", "", reported=True)
    return RootRecord(
        channel=get_text(values, "channel"),
        ts=get_text(values, "ts"),
        workspace=get_text(values, "workspace"),
        paused=get_number(values, "paused") or 0.0,
        reported=bool(values.get("reported")),
    )


def _parse(text: str) -> JsonObject:
    """The record, {} for one that cannot be read."""
    try:
        values = parse_record(text)
    except UnreadableRecord:
        return {}
    return values if get_text(values, "channel") and get_text(values, "ts") else {}
