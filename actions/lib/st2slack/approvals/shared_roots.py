"""Root executions below which several questions are open at a time.

StackStorm takes two answers below one root within some seconds, and may then leave the root
`paused` for ever, though every sub-workflow succeeds: in a `with items` task the end of the first
pauses the root that the second has just resumed, and nothing resumes it again. So the answers of
such a root go through slack.deliver_answer, one after the other.

    slack_question_root.ROOT    {"channel", "ts", "workspace", "paused", "reported"}
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any, Dict, Iterable, List, Mapping, Optional, Set, Tuple

from st2slack.approvals.context import Desk
from st2slack.approvals.inquiry import Look
from st2slack.approvals.store import ROOT, Kept
from st2slack.approvals.stuck_runs import STUCK_AFTER, given_of
from st2slack.base.errors import SlackError
from st2slack.stackstorm.client import ENDED, Json, StackStorm
from st2slack.stackstorm.timestamps import unix_seconds as unix_of

DELIVER = "slack.deliver_answer"
POST = "slack.chat.postMessage"
OVER = (*ENDED, "canceling")
POLL = 0.3  # seconds between two looks at an execution
BEFORE = 10.0  # seconds for what is around the question to come to rest before it is answered
ASKING = 30.0  # … for the asking workflow to end after it was answered
AFTER = 10.0  # … for what is around it to take notice of that
PAUSED_FOR = 50.0  # seconds until a root is reported; the sweeper comes every minute

STUCK = (
    "The workflow `%(root)s` (%(action)s) is paused, and none of its questions is open: StackStorm "
    "took two answers at once and lost its place. It does not go on by itself, and `st2 execution "
    "resume` does not help. Look at what it has done (`st2 execution get %(root)s`), cancel it "
    "(`st2 execution cancel %(root)s`), then run it again (`st2 execution re-run %(root)s`: from "
    "its beginning) or do the rest by hand."
)


@dataclass(frozen=True)
class Root:
    """Where one of its questions stands. `paused`: since when it is paused though nothing is to be
    answered, Unix seconds, 0.0 where it is not; `reported`: whether people were told.
    """

    channel: str
    ts: str
    workspace: str = ""
    paused: float = 0.0
    reported: bool = False


def root_of(found: Look) -> str:
    """ID of the outermost workflow around the one that asks; "" where there is none."""
    return str(found.around[-1]["id"]) if len(found.around) > 1 else ""


def shared_root(stackstorm: StackStorm, found: Look) -> str:
    """The root of a question, if it has, or had, other questions open at the same time; else ""."""
    root = root_of(found)
    return root if root and stackstorm.read(ROOT + root) is not None else ""


def note(stackstorm: StackStorm, kept: Mapping[str, Optional[Kept]], known: Iterable[str]) -> None:
    """Note the roots of which more than one question is open. `known`: those already noted."""
    questions: Dict[str, List[Kept]] = {}
    for each in kept.values():
        if each and each.root and not each.locked and each.root not in known:
            questions.setdefault(each.root, []).append(each)
    for root, several in questions.items():
        if len(several) > 1:
            last = max(several, key=lambda each: each.asked)
            _keep(stackstorm, root, Root(last.channel, last.ts, last.workspace))


# --- one answer after the other -------------------------------------------------------------------


def deliveries(stackstorm: StackStorm) -> List[Json]:
    """Runs of slack.deliver_answer that have not ended."""
    running = stackstorm.executions(action=DELIVER, status="running")
    latest = stackstorm.executions(action=DELIVER)
    found = {each["id"]: each for each in [*running, *latest]}
    return [each for each in found.values() if each.get("status") not in OVER]


def is_queued(stackstorm: StackStorm, inquiry: str) -> bool:
    """Whether an answer to this inquiry is on its way already."""
    return any(given_of(each).get("inquiry") == inquiry for each in deliveries(stackstorm))


def states_of(found: Look) -> List[Tuple[str, int]]:
    """Status of each workflow around the one that asks, and how many states it has had."""
    return [_state_of(each) for each in found.around[1:]]


def wait_before(desk: Desk, found: Look) -> bool:
    """Wait until what is around the question is at rest. Whether it is."""
    around = [str(each["id"]) for each in found.around[1:]]
    return _wait(desk, BEFORE, lambda: all(_rests(_state(desk, each)) for each in around))


def wait_after(desk: Desk, found: Look, before: List[Tuple[str, int]]) -> bool:
    """Wait until the answered question's workflow has ended and those around it have noticed.

    `before`: `states_of` from before it was answered. Whether they have; they may have other work.
    """
    asking = str(found.around[0]["id"])
    if not _wait(desk, ASKING, lambda: _state(desk, asking)[0] in ENDED):
        return False
    around = [str(each["id"]) for each in found.around[1:]]

    def noticed() -> bool:
        pairs = [(_state(desk, each), earlier) for each, earlier in zip(around, before)]
        return all(_rests(now) and _has_moved(now, earlier) for now, earlier in pairs)

    return _wait(desk, AFTER, noticed)


def _wait(desk: Desk, seconds: float, condition: Any) -> bool:
    waited = 0.0
    while not condition():
        if waited >= seconds:
            return False
        desk.sleep(POLL)
        waited += POLL
    return True


def _state(desk: Desk, execution_id: str) -> Tuple[str, int]:
    return _state_of(desk.stackstorm.execution(execution_id, whole=False) or {"status": "canceled"})


def _state_of(execution: Mapping[str, Any]) -> Tuple[str, int]:
    return str(execution.get("status")), len(execution.get("log") or ())


def _rests(state: Tuple[str, int]) -> bool:
    return state[0] == "paused" or state[0] in ENDED


def _has_moved(now: Tuple[str, int], earlier: Tuple[str, int]) -> bool:
    """`paused` from before the answer says nothing: it is resumed first, and paused again."""
    return earlier[0] != "paused" or now[1] > earlier[1] or now[0] in ENDED


# --- the sweeper ----------------------------------------------------------------------------------


def clear_stuck(desk: Desk, done: Dict[str, Any]) -> Set[str]:
    """Cancel runs of slack.deliver_answer that were killed: later ones of their root wait for them.

    Returns the inquiries whose answer is on its way. What was killed is due again by its votes.
    """
    queued = set()
    for each in deliveries(desk.stackstorm):
        started = unix_of(each.get("start_timestamp"))
        if each.get("status") == "running" and desk.clock() - started > STUCK_AFTER:
            desk.stackstorm.cancel(str(each["id"]))
            done["canceled"].append(each["id"])
        else:
            queued.add(str(given_of(each).get("inquiry")))
    return queued


def look_after(desk: Desk, roots: Mapping[str, str], waiting: Iterable[Json], done: Json) -> None:
    """Forget roots that have ended, report those that are stuck. `roots`: root → stored text."""
    for root, text in sorted(roots.items()):
        try:
            _look_after(desk, root, _read(text), waiting, done)
        except SlackError as error:
            done["faults"].append("%s: %s" % (root, error))


def _look_after(desk: Desk, root: str, kept: Root, waiting: Iterable[Json], done: Json) -> None:
    execution = desk.stackstorm.execution(root, whole=False)
    if execution is None or execution.get("status") in ENDED:
        desk.stackstorm.delete(ROOT + root)
    elif not _waits_for_nothing(desk, execution, root, waiting):
        if kept.paused:
            _keep(desk.stackstorm, root, replace(kept, paused=0.0, reported=False))
    elif not kept.paused:
        _keep(desk.stackstorm, root, replace(kept, paused=desk.clock()))
    elif desk.clock() - kept.paused >= PAUSED_FOR:
        _report(desk, root, kept, execution, done)


def _waits_for_nothing(desk: Desk, execution: Json, root: str, waiting: Iterable[Json]) -> bool:
    """Whether it is paused, by nobody, and no inquiry below it waits for an answer."""
    context = execution.get("context")
    by_hand = isinstance(context, Mapping) and bool(context.get("paused_by"))
    if execution.get("status") != "paused" or by_hand:
        return False
    for each in waiting:
        inquiry = desk.stackstorm.execution(str(each.get("id")), whole=False) or {}
        if any(above["id"] == root for above in desk.stackstorm.ancestors(inquiry)):
            return False
    return True


def _report(desk: Desk, root: str, kept: Root, execution: Json, done: Json) -> None:
    """Say what to do: in the sweeper's result each time, in the question's thread once."""
    action = execution.get("action")
    ref = str(action.get("ref") or "") if isinstance(action, Mapping) else ""
    text = STUCK % {"root": root, "action": ref}
    done.setdefault("stuck", []).append({"execution": root, "action": ref, "what_to_do": text})
    if kept.reported:
        return
    message = {"channel": kept.channel, "thread_ts": kept.ts, "text": ":warning: " + text}
    workspace = {"workspace": kept.workspace} if kept.workspace else {}
    started = desk.stackstorm.start(POST, {**message, **workspace})  # its workspace may be another
    done["started"].append({"action": POST, "root": root, "id": started.get("id")})
    _keep(desk.stackstorm, root, replace(kept, reported=True))


def _keep(stackstorm: StackStorm, root: str, kept: Root) -> None:
    stackstorm.write(ROOT + root, json.dumps(asdict(kept), sort_keys=True))


def _read(text: str) -> Root:
    try:
        stored = json.loads(text)
        return Root(
            channel=str(stored["channel"]),
            ts=str(stored["ts"]),
            workspace=str(stored.get("workspace") or ""),
            paused=float(stored.get("paused") or 0.0),
            reported=bool(stored.get("reported")),
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return Root("", "", reported=True)
