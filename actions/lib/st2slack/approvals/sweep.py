"""What nobody presses: deadlines, workflows that were cancelled, votes whose run was killed.

Looks at every open question, and starts an execution of what is due, so that everything that
answers goes the same way, one at a time per question. With no question open: two requests.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, Optional

from st2slack.approvals import shared_roots, store, votes
from st2slack.approvals.context import Desk
from st2slack.approvals.inquiry import ANSWERED, CANCELED, OPEN, Look
from st2slack.approvals.question import route_of
from st2slack.approvals.store import Kept
from st2slack.approvals.stuck_runs import ANSWER, free
from st2slack.base.errors import SlackError
from st2slack.stackstorm.client import Json
from st2slack.stackstorm.timestamps import unix_seconds as unix_of

POST = "slack.post_question"
POST_AFTER = 45.0  # seconds after which a question without a message is posted
GIVE_UP_AFTER = 24 * 3600.0
FORGET_AFTER = 600.0  # seconds after which nobody comes for the votes of an answered question


def sweep(desk: Desk) -> Json:
    """Do what is due for every question. `faults`: what could not be done now, and why; `stuck`,
    where there are any: workflows that go on no more though all their questions are answered.
    """
    inquiries = desk.stackstorm.inquiries()
    waiting = {str(each.get("id")) for each in inquiries if route_of(each.get("route")) is not None}
    kept, shared = store.all_kept(desk.stackstorm)
    done: Json = {
        "open": len(waiting),
        "started": [],
        "canceled": [],
        "faults": [],
    }
    if not waiting and not kept and not shared:
        return done
    shared_roots.note(desk.stackstorm, kept, shared)
    queued = shared_roots.clear_stuck(desk, done) if shared else set()
    busy = free(desk, waiting, done) | queued
    for inquiry in sorted(waiting | set(kept)):
        try:
            _look_after(desk, inquiry, kept.get(inquiry), inquiry in busy, done)
        except SlackError as error:
            done["faults"].append("%s: %s" % (inquiry, error))
    shared_roots.look_after(desk, shared, inquiries, done)
    return done


def _look_after(
    desk: Desk, inquiry: str, kept: Optional[Kept], busy: bool, done: Dict[str, Any]
) -> None:
    found = desk.look(inquiry)
    if found is None:
        store.forget(desk.stackstorm, inquiry)  # its execution is gone from StackStorm
    elif busy:
        return  # an answer is on its way
    elif kept is None and found.state == OPEN:
        # Without a channel it is none of ours: see post.py.
        if found.question.channel and desk.clock() - _asked_at(desk, inquiry) > POST_AFTER:
            _start(desk, done, POST, inquiry)
    elif found.state == ANSWERED and kept is not None and kept.locked:
        if desk.clock() - found.ended > FORGET_AFTER:
            store.forget(desk.stackstorm, inquiry)
    elif kept is None and found.state == CANCELED and not found.question.ours:
        return  # it stays pending, for nobody knows an answer to it
    elif found.ended and desk.clock() - found.ended > GIVE_UP_AFTER:
        store.forget(desk.stackstorm, inquiry)  # nobody could lock its message in all that time
    elif found.state != OPEN or _is_decided(desk, found):
        _start(desk, done, ANSWER, inquiry)
    elif kept is not None:
        _remind(desk, found, kept, done)


def _asked_at(desk: Desk, inquiry: str) -> float:
    execution = desk.stackstorm.execution(inquiry, whole=False) or {}
    return unix_of(execution.get("start_timestamp"))


def _is_decided(desk: Desk, found: Look) -> bool:
    """Whether the votes decide it already: then the run that should have answered was killed."""
    cast = store.votes_of(desk.stackstorm, found.inquiry, found.question.is_secret)
    return votes.answer_of(found.question, cast, found.expired) is not None


def _start(desk: Desk, done: Dict[str, Any], action: str, inquiry: str, **more: Any) -> None:
    started = desk.stackstorm.start(action, {"inquiry": inquiry, **more})
    done["started"].append({"action": action, "inquiry": inquiry, "id": started.get("id")})


def _remind(desk: Desk, found: Look, kept: Kept, done: Dict[str, Any]) -> None:
    every, now = found.question.remind_every, desk.clock()
    if every is None or now - max(kept.reminded, kept.asked) < every:
        return
    store.keep(desk.stackstorm, found.inquiry, replace(kept, reminded=now))
    _start(desk, done, POST, found.inquiry, remind=True)
