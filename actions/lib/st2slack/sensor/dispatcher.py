"""Hands triggers to StackStorm until it takes them, and knows whether it does.

StackStorm takes no trigger while its database or its message bus is away, and each try then costs
3 to 22 seconds. So all threads of all workspaces share one circuit: while it is open one of them
tries at a time, and the others go on as soon as a try succeeds.
"""

from __future__ import annotations

import threading
import time
from enum import Enum
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Set, Tuple

from st2slack.base.errors import PayloadRejected, TriggerTypeMissing
from st2slack.base.redact import redact
from st2slack.sensor.model import Trigger

Dispatch = Callable[[str, Dict[str, Any], str], None]  # trigger ref, payload, trace tag

FIRST_WAIT, LONGEST_WAIT = 0.5, 5.0  # seconds between two tries
HANGING = 10.0  # seconds after which a dispatch that does not return is a problem
STOP_CHECK = 0.25  # seconds between two looks at `stop` while another thread tries
REPORTED = 200  # rejections that are remembered, so that each is logged once


class Outcome(Enum):
    """What became of a trigger."""

    DISPATCHED = "dispatched"
    REJECTED = "rejected"  # StackStorm will never take it
    STOPPED = "stopped"  # the sensor stops; StackStorm has not taken it


class Problem(NamedTuple):
    """Why StackStorm takes no triggers; `since`: Unix seconds."""

    reason: str
    since: float


class Circuit:
    """Closed: everyone tries. Open: one at a time does, after a pause that grows."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._changed = threading.Condition()
        self._monotonic = monotonic
        self._failures = 0
        self._next_try = 0.0
        self._is_trying = False

    def wait_for_turn(self, stop: threading.Event) -> bool:
        """Return when the caller is to try; True: it is the only one, and must report back.

        Returns at once when `stop` is set.
        """
        if not self._failures:  # without the lock: nearly always
            return False
        with self._changed:
            while self._failures and not stop.is_set():
                pause = self._next_try - self._monotonic()
                if not self._is_trying and pause <= 0:
                    self._is_trying = True
                    return True
                self._changed.wait(STOP_CHECK if pause <= 0 else min(pause, STOP_CHECK))
            return False

    def close(self) -> None:
        """A try succeeded: all go on."""
        if not self._failures:
            return
        with self._changed:
            self._failures = 0
            self._is_trying = False
            self._changed.notify_all()

    def open(self, only: bool) -> None:
        """A try failed. `only`: what wait_for_turn returned for it."""
        with self._changed:
            if only or not self._failures:
                self._failures += 1
                self._next_try = self._monotonic() + wait_after(self._failures)
            if only:
                self._is_trying = False
            self._changed.notify_all()

    def pass_on(self, only: bool) -> None:
        """A try told nothing about the others: the next one tries."""
        with self._changed:
            if only:
                self._is_trying = False
            self._changed.notify_all()


class Dispatcher:
    """Dispatches for all workspaces; thread-safe. `dispatch` raises where a trigger is not taken:

    PayloadRejected where it never will be, TriggerTypeMissing where only this trigger is concerned,
    anything else where no trigger is taken now.
    """

    def __init__(
        self,
        dispatch: Dispatch,
        log: Any,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._dispatch = dispatch
        self._log = log
        self._clock = clock
        self._monotonic = monotonic
        self._circuit = Circuit(monotonic)
        self._lock = threading.Lock()
        self._problems: Dict[str, Problem] = {}  # by trigger ref; "" concerns all triggers
        self._running: Dict[int, float] = {}  # thread → monotonic start of its dispatch
        self._rejections: Set[Tuple[str, str]] = set()

    def dispatch(
        self, trigger: Trigger, stop: threading.Event, on_failure: Callable[[], None]
    ) -> Outcome:
        """Try until StackStorm takes it, rejects it for good, or `stop` is set.

        When `stop` is set it is tried once more. `on_failure` is called for each try that fails.
        """
        tries = 0
        while True:
            only = self._circuit.wait_for_turn(stop)
            began = self._clock()
            try:
                self._dispatch_once(trigger)
            except PayloadRejected as error:
                self._circuit.pass_on(only)
                self._forget_problem(
                    trigger.ref
                )  # its type is known; of the bus this tells nothing
                self._log_rejection(trigger.ref, str(error))
                return Outcome.REJECTED
            except TriggerTypeMissing as error:
                tries += 1
                self._note_problem(trigger.ref, error, began)
                self._circuit.pass_on(only)
                on_failure()
                stop.wait(wait_after(tries))
            except Exception as error:  # noqa: BLE001 (StackStorm raises what its bus raises)
                self._note_problem("", error, began)
                self._circuit.open(only)
                on_failure()
            else:
                self._succeeded(trigger.ref)
                return Outcome.DISPATCHED
            if stop.is_set():
                return Outcome.STOPPED

    def problem(self) -> Optional[Problem]:
        """Why triggers are not taken now; None where they are, as far as is known."""
        with self._lock:
            known = [self._problems[ref] for ref in sorted(self._problems)]
        started = min(list(self._running.values()), default=None)
        if known:
            return known[0]
        if started is None or self._monotonic() - started < HANGING:
            return None
        age = self._monotonic() - started
        return Problem(
            "StackStorm does not answer when a trigger is dispatched", self._clock() - age
        )

    def _dispatch_once(self, trigger: Trigger) -> None:
        # Each thread has an entry of its own, so no lock is needed.
        thread = threading.get_ident()
        self._running[thread] = self._monotonic()
        try:
            self._dispatch(trigger.ref, trigger.payload, trigger.trace_tag)
        finally:
            del self._running[thread]

    def _succeeded(self, ref: str) -> None:
        self._circuit.close()
        if self._problems:
            self._forget_problem("", ref)

    def _forget_problem(self, *refs: str) -> None:
        with self._lock:
            for ref in refs:
                self._problems.pop(ref, None)

    def _note_problem(self, ref: str, error: Exception, began: float) -> None:
        why = "StackStorm does not take %s (%s)" % (ref or "triggers", describe(error))
        with self._lock:
            known = self._problems.get(ref)
            self._problems[ref] = Problem(why, known.since if known else began)

    def _log_rejection(self, ref: str, detail: str) -> None:
        with self._lock:
            is_new = (ref, detail) not in self._rejections and len(self._rejections) < REPORTED
            if is_new:
                self._rejections.add((ref, detail))
        if is_new:
            self._log.error(
                "Slack: StackStorm rejects a payload of %s: %s. It is not dispatched; the next "
                "ones with this fault are only counted (`rejected` in slack.sensor_status). If the "
                "pack was updated, register its triggers again (st2ctl reload --register-sensors)",
                ref,
                detail,
            )


def wait_after(failures: int) -> float:
    """Seconds until the next try."""
    return min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(failures - 1, 10))


def describe(error: BaseException, longest: int = 200) -> str:
    """The kind of an error and the beginning of what it says, on one line, nothing secret."""
    words: List[str] = redact(str(error)).split()
    text = "%s: %s" % (type(error).__name__, " ".join(words)) if words else type(error).__name__
    return text if len(text) <= longest else text[: longest - 3] + "..."
