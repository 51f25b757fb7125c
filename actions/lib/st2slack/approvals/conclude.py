"""The last task of slack.ask: what came of the question, and whether the votes stand behind it."""

from __future__ import annotations

from typing import Any, Dict, List

from st2slack.approvals import store
from st2slack.approvals.context import Desk
from st2slack.approvals.inquiry import ANSWERED, Look, is_inquiry
from st2slack.approvals.votes import Vote, of_choice, told
from st2slack.base.errors import ApiFault, ApiRefusal, InputError, SlackError
from st2slack.stackstorm.client import Json, StackStorm

PATIENCE = (2.0, 5.0, 10.0, 20.0)  # seconds between tries


def conclude(desk: Desk, execution_id: str) -> Json:
    """The outcome of the question whose workflow this execution belongs to.

    `choice`, `label`, `expired`, `by` (IDs of those whose votes decided), `votes`, `at` (Unix
    seconds), `verified`: whether votes, or the deadline, stand behind it; where not, somebody
    answered by StackStorm's API. Locks the message and forgets the votes.
    """
    found = _patiently(desk, execution_id)
    kept = store.kept_of(desk.stackstorm, found.inquiry)
    cast = store.votes_of(desk.stackstorm, found.inquiry)
    outcome = outcome_of(found, cast, desk.is_behind(found, cast))
    if kept:
        outcome["message"] = {"channel": kept.channel, "ts": kept.ts}
        try:
            outcome["note"] = "" if kept.locked else desk.close(kept, found, cast)
        except SlackError as error:  # the outcome counts; the sweeper locks the message
            return {**outcome, "note": "the message could not be locked: %s" % error}
    store.forget(desk.stackstorm, found.inquiry)
    return outcome


def outcome_of(found: Look, cast: List[Vote], behind: bool) -> Dict[str, Any]:
    """What slack.ask returns."""
    choice = found.question.choice(str(found.response.get("choice") or ""))
    expired = bool(found.response.get("expired")) or choice is None
    counted = cast if behind else []
    by = of_choice(counted, choice) if choice else []
    return {
        "choice": choice.value if choice else "",
        "label": choice.label if choice else "",
        "expired": expired,
        "by": [each.user for each in by],
        "votes": told(counted),
        "at": found.ended,
        "verified": behind,
        "name": found.question.name,
        "inquiry": found.inquiry,
        "message": {},
        "note": "",
    }


def _patiently(desk: Desk, execution_id: str) -> Look:
    """The question, even where StackStorm's API is away for a while: what was decided must not
    fail for that.
    """
    for pause in PATIENCE:
        try:
            return _asked(desk, execution_id)
        except ApiRefusal as refusal:
            if refusal.status < 500:
                raise
        except ApiFault:
            pass
        desk.sleep(pause)
    return _asked(desk, execution_id)


def _asked(desk: Desk, execution_id: str) -> Look:
    """The answered question of the workflow around this execution."""
    stackstorm = desk.stackstorm
    own = stackstorm.execution(execution_id, whole=False) if execution_id else None
    parent = str(own.get("parent") or "") if own else ""
    for inquiry in _inquiries(stackstorm, parent) if parent else ():
        found = desk.look(inquiry)
        if found is not None and found.state == ANSWERED:
            return found
    raise InputError(
        "There is no answered question here: slack.conclude_question is the last task of slack.ask "
        "and of no use by itself."
    )


def _inquiries(stackstorm: StackStorm, parent: str) -> List[str]:
    found = stackstorm.executions(parent=parent)
    return [str(each["id"]) for each in found if is_inquiry(each)]
