"""An answer to a question: a press, a form, or none at all: then only what is due is done.

Runs one at a time per question. Order: how does the inquiry stand, may they, keep the vote, count,
answer, read back. A run that is killed anywhere is made good by the next: the vote is kept before
anything is counted, and what the inquiry says decides.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field
from typing import Any, List, Mapping, Optional
from urllib.parse import unquote

from st2slack.approvals import blocks as approvals_blocks
from st2slack.approvals import form, shared_roots, store, votes
from st2slack.approvals.context import Desk, told
from st2slack.approvals.inquiry import ANSWERED, CANCELED, EXPIRED, NOTHING, OPEN, Look
from st2slack.approvals.store import Kept
from st2slack.approvals.votes import Vote
from st2slack.base.errors import ApiFault, ApiRefusal, InputError, SlackError
from st2slack.base.mrkdwn import escape
from st2slack.messages.reply import Addressee
from st2slack.stackstorm.client import ENDED, Json

# Seconds until the inquiry says what it was answered.
READ_BACK = (0.1, 0.2, 0.4, 0.8, 1.5, 3.0)


@dataclass(frozen=True)
class Press:
    """What somebody did. `user`, `channel`, `message`, `workspace`: from Slack's envelope;
    `message`: timestamp of the question's message; `values`: what stands in the inputs of a form,
    None for a button.
    """

    user: str
    choice: str
    channel: str
    message: str
    values: Optional[Mapping[str, Any]] = field(default=None, repr=False)
    response_url: str = field(default="", repr=False)
    workspace: str = ""

    @property
    def addressee(self) -> Addressee:
        """Whom to tell about it, and where."""
        return Addressee(self.channel, self.user, response_url=self.response_url)


def press_of(user: str, given: Mapping[str, Any]) -> Press:
    """A press as a rule hands it over: choice, channel, message, values, response_url, workspace.

    `choice` and `values` (JSON of Slack's `state`) are percent-encoded: StackStorm renders Jinja in
    what an action is given, so what somebody typed could read its datastore.
    """
    texts = {key: str(given.get(key) or "") for key in ("channel", "message", "workspace")}
    url = str(given.get("response_url") or "")
    return Press(
        user=user,
        choice=unquote(str(given.get("choice") or "")),
        values=_values(given.get("values")),
        response_url=url if url.startswith("http") else "",
        **texts,
    )


def _values(given: Any) -> Optional[Mapping[str, Any]]:
    if not given:
        return None
    try:
        state = json.loads(unquote(str(given)))
    except ValueError:
        raise InputError("Parameter `values` must be percent-encoded JSON.") from None
    values = state.get("values", state) if isinstance(state, dict) else None
    return values if isinstance(values, dict) else None


def answer(desk: Desk, inquiry: str, press: Optional[Press] = None) -> Json:
    """Take an answer, and settle what is due. The result tells what was done, and the record.

    Raises a SlackError where something failed; a vote that was taken is kept all the same.
    """
    try:
        return _answer(desk, inquiry, press)
    except SlackError:
        if press:
            desk.tell(press.addressee, FAILED)
        raise


def _answer(desk: Desk, inquiry: str, press: Optional[Press]) -> Json:
    found = desk.look(inquiry)
    if found is None:
        return _told_off(desk, press, {"inquiry": inquiry}, UNKNOWN)
    kept = store.kept_of(desk.stackstorm, inquiry)
    result = told(found)
    if press and found.state in (OPEN, EXPIRED) and not is_its_message(found, kept, press):
        return _told_off(desk, press, result, ANOTHER_MESSAGE)
    root = (
        shared_roots.shared_root(desk.stackstorm, found) if found.state in (OPEN, EXPIRED) else ""
    )
    if root and shared_roots.is_queued(desk.stackstorm, inquiry):
        return _queued_already(desk, result, press)
    if press and found.state == OPEN:
        taken = _take(desk, found, press)
        if not taken["counted"]:
            return {**result, **taken}
        result.update(taken)
    elif press:
        result.update(_told_off(desk, press, {}, _too_late(found)))
    if root:
        return {**result, **_queue(desk, found, kept, press, root)}
    return {**result, **_settle(desk, found, kept, press)}


def _queued_already(desk: Desk, result: Json, press: Optional[Press]) -> Json:
    """It is decided, and an execution of slack.deliver_answer is to answer the inquiry."""
    if press is None:
        return {**result, "decided": False, "queued": True}
    return {**_told_off(desk, press, result, DECIDED), "decided": False, "queued": True}


def _queue(
    desk: Desk, found: Look, kept: Optional[Kept], press: Optional[Press], root: str
) -> Json:
    """Where the votes decide it: start what answers the inquiry after others of the same root.

    The message shows at once what was decided.
    """
    cast = store.votes_of(desk.stackstorm, found.inquiry, found.question.is_secret)
    response = votes.answer_of(found.question, cast, found.expired)
    if response is None:
        return _settle(desk, found, kept, press)
    given = {"inquiry": found.inquiry, "root": root, **(_address_of(press) if press else {})}
    started = desk.stackstorm.start(shared_roots.DELIVER, given)
    shown = ""
    if kept:
        blocks = approvals_blocks.blocks_queued(found.question, response, cast)
        shown = _noted(lambda: desk.show(kept, found, blocks))
    return {"decided": False, "queued": True, "delivery": started.get("id"), **_note(shown)}


def _address_of(press: Press) -> Json:
    """Whom slack.deliver_answer tells where StackStorm does not take the answer."""
    given = {"user": press.user, "channel": press.channel, "response_url": press.response_url}
    return {key: value for key, value in given.items() if value}


def deliver(desk: Desk, inquiry: str, press: Optional[Press] = None) -> Json:
    """Answer an inquiry by its votes, when what is around it is at rest; wait until its workflow
    has ended and what is around that has taken notice. Runs one at a time per root.

    `press`: whom to tell where it is not taken. `settled`: whether all of that came about in time.
    """
    found = desk.look(inquiry)
    if found is None:
        return {"inquiry": inquiry, "decided": False, "why": UNKNOWN}
    rested = found.state not in (OPEN, EXPIRED) or shared_roots.wait_before(desk, found)
    found = desk.look(inquiry) or found
    before = shared_roots.states_of(found)
    kept = store.kept_of(desk.stackstorm, inquiry)
    result = {**told(found), **_settle(desk, found, kept, press)}
    if not result["decided"]:
        if kept and found.state == OPEN:
            result.update(_note(_noted(lambda: desk.show_open(kept, found, []))))
        return {**result, "settled": rested}
    with contextlib.suppress(SlackError):  # the answer counts
        return {**result, "settled": shared_roots.wait_after(desk, found, before) and rested}
    return {**result, "settled": False}


def is_its_message(found: Look, kept: Optional[Kept], press: Press) -> bool:
    """Whether they pressed in the message that asks this question, and in no other."""
    if kept is None or press.workspace != found.question.workspace:
        return False
    return (press.channel, press.message) == (kept.channel, kept.ts)


def _take(desk: Desk, found: Look, press: Press) -> Json:
    """Keep the vote of somebody who may. `counted`: whether it was; else they know why."""
    decision, record = desk.may(press.user, found, press.channel)
    if not decision.allowed:
        return {**_told_off(desk, press, {}, desk.denial(decision)), "record": record}
    try:
        cast = _vote(desk, found, press)
    except InputError as error:
        return {**_told_off(desk, press, {}, str(error), escape(str(error))), "record": record}
    store.vote(desk.stackstorm, found.inquiry, cast, found.question.is_secret)
    return {"counted": True, "user": press.user, "choice": cast.choice, "record": record}


def _vote(desk: Desk, found: Look, press: Press) -> Vote:
    """What they answer. Raises InputError for what is no answer to this question."""
    question = found.question
    if question.choices and question.choice(press.choice) is None:
        raise InputError("That is none of the choices of this question.")
    at = desk.clock()
    if question.ours:
        wants = question.fields and (press.values is not None or question.fields[0].required)
        typed = form.typed(question.fields, press.values or {}) if wants else {}
        return Vote(press.user, press.choice, at, reason=str(typed.get("reason") or ""))
    if question.choices:
        return Vote(
            press.user, press.choice, at, answer=form.from_button(question.fields, press.choice)
        )
    return Vote(press.user, "", at, answer=form.typed(question.fields, press.values or {}))


def _settle(desk: Desk, found: Look, kept: Optional[Kept], press: Optional[Press]) -> Json:
    """Answer the inquiry if that is due, and let the message show how things stand."""
    cast = store.votes_of(desk.stackstorm, found.inquiry, found.question.is_secret)
    if found.state in (OPEN, EXPIRED):
        response = votes.answer_of(found.question, cast, found.expired)
        if response is None:
            shown = _noted(lambda: desk.show_open(kept, found, cast)) if kept and press else ""
            return {"decided": False, **_note(shown)}
        try:
            found = _respond(desk, found, response)
        except InputError as error:
            _take_back(desk, found, cast)
            return {"decided": False, **_told_off(desk, press, {}, str(error), escape(str(error)))}
    return _over(desk, found, kept, cast)


def _over(desk: Desk, found: Look, kept: Optional[Kept], cast: List[Vote]) -> Json:
    """The question is over: lock its message. What cannot be locked now, the sweeper locks."""
    result = {"decided": found.state == ANSWERED, "state": found.state}
    if found.state == ANSWERED:
        result["response"] = form.masked(found.question.fields, found.response)
        result["behind"] = desk.is_behind(found, cast)
    if kept and not kept.locked:
        result.update(_note(_noted(lambda: desk.close(kept, found, cast))))
    if found.state == CANCELED:
        _clear(desk, found)
    elif not found.question.ours and "note" not in result:
        store.forget(desk.stackstorm, found.inquiry)  # nobody comes for its votes
    return result


def _respond(desk: Desk, found: Look, response: Json) -> Look:
    """Answer the inquiry once, and read back what it says: that is the outcome.

    Raises InputError where StackStorm does not take this answer, and ApiFault where the inquiry
    still waits: the next run, or the sweeper, answers it by the votes that are kept.
    """
    fault: Optional[ApiFault] = None
    try:
        desk.stackstorm.answer(found.inquiry, response)
    except ApiRefusal as refusal:
        fault = refusal
        if refusal.status in (400, 403) and not _is_over(desk, found):
            if found.question.ours:
                raise
            raise InputError("StackStorm did not take it: %s" % refusal.reason) from None
    except ApiFault as error:
        fault = error  # it may have counted
    for pause in READ_BACK:
        after = desk.look(found.inquiry)
        if after is not None and after.state not in (OPEN, EXPIRED):
            return after
        desk.sleep(pause)
    raise fault or ApiFault(
        "StackStorm took the answer to the inquiry %s, and it still waits for one. The votes are "
        "kept; slack.sweep_questions answers it again." % found.inquiry
    )


def _is_over(desk: Desk, found: Look) -> bool:
    after = desk.look(found.inquiry)
    return after is None or after.state not in (OPEN, EXPIRED)


def _take_back(desk: Desk, found: Look, cast: List[Vote]) -> None:
    """Forget votes that StackStorm refuses as an answer: they would be tried for ever."""
    for each in cast:
        desk.stackstorm.delete("%s%s.%s" % (store.VOTE, found.inquiry, each.user))


def _clear(desk: Desk, found: Look) -> None:
    """Nobody waits any more: cancel the asking workflow, and forget the question.

    StackStorm cancels no inquiry. One of slack.ask is answered with nothing, once that can have no
    effect any more; of others nobody knows an answer, and they stay pending.
    """
    if found.around:
        asking = str(found.around[0]["id"])
        desk.stackstorm.cancel(asking)
        if found.question.ours and _is_canceled(desk, asking):
            with contextlib.suppress(ApiRefusal):  # it has been already
                desk.stackstorm.answer(found.inquiry, NOTHING)
    store.forget(desk.stackstorm, found.inquiry)


def _is_canceled(desk: Desk, execution_id: str) -> bool:
    for pause in READ_BACK:
        execution = desk.stackstorm.execution(execution_id, whole=False) or {}
        if execution.get("status") in ENDED:
            return True
        desk.sleep(pause)
    return False


def _told_off(desk: Desk, press: Optional[Press], result: Json, why: str, shown: str = "") -> Json:
    """Nothing counted; whoever pressed is told why. `shown`: the same as Slack markup."""
    untold = desk.tell(press.addressee, shown or why) if press else ""
    return {**result, "counted": False, "why": why, **_note(untold)}


def _too_late(found: Look) -> str:
    if found.state == CANCELED:
        return "Too late: the workflow that asked goes on no more."
    if found.state == EXPIRED:
        return "Too late: the question has expired."
    return DECIDED


def _note(text: str) -> Json:
    return {"note": text} if text else {}


def _noted(show: Any) -> str:
    """What keeps a message from being shown, in words: what was decided counts all the same."""
    try:
        return str(show())
    except SlackError as error:
        return "the message could not be changed: %s" % error


UNKNOWN = "This question is not known any more."
DECIDED = "Too late: this is decided already."
ANOTHER_MESSAGE = "This is not the message of an open question; look for a newer one."
UNKNOWN = "This question is not known any more."
FAILED = (
    "Something went wrong, and it is not sure that this counted. Whoever looks after StackStorm "
    "finds it among the executions of the pack slack."
)
