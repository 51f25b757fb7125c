"""Executions from request to end. Everything happens under one lock; each runs in a thread.

A runner has `start(record)`, called on a thread of its own without the lock, and
`cancel(record)`, called with it. Whoever wants to know what happens adds to `on_change`.
"""

from __future__ import annotations

import copy
import threading
from typing import Any, Callable, Dict, List, Optional, Protocol

from sandbox.stackstorm.runner import parameters
from sandbox.stackstorm.schema import violations
from sandbox.stackstorm.server import statuses
from sandbox.stackstorm.server.api_error import ApiError, bad_request, not_found
from sandbox.stackstorm.server.clock import Clock
from sandbox.stackstorm.server.policies import Policies
from sandbox.stackstorm.server.records import Record
from sandbox.stackstorm.server.registry import Registry
from sandbox.stackstorm.server.times import iso
from sandbox.stackstorm.validation_errors import ValidationErrors

Json = Dict[str, Any]
OnChange = Callable[[Record], None]


class Runner(Protocol):
    """What runs executions of one kind."""

    def start(self, record: Record) -> None:
        """Run it; tell the engine what came of it."""

    def cancel(self, record: Record) -> None:
        """End it; tell the engine."""


class Engine:
    """Every execution there is, in the order of their requests."""

    def __init__(self, registry: Registry, policies: Policies, clock: Clock) -> None:
        self.registry = registry
        self.policies = policies
        self.clock = clock
        self.lock = threading.RLock()
        self.changes = 0
        self._changed = threading.Condition(self.lock)
        self.records: Dict[str, Record] = {}
        self.runners: Dict[str, Runner] = {}
        self.on_change: List[OnChange] = []
        self.webui: Optional[str] = None
        self.validate_output = False

    def get(self, execution_id: str) -> Record:
        """ApiError 404."""
        with self.lock:
            if execution_id == "last" and self.records:
                return list(self.records.values())[-1]
            if execution_id not in self.records:
                raise not_found(f'Unable to identify resource with id "{execution_id}".')
            return self.records[execution_id]

    def request(
        self,
        ref: str,
        values: Json,
        context: Json,
        parent: Optional[str] = None,
        notify: Optional[Json] = None,
        user: Optional[str] = None,
    ) -> Record:
        """A new execution, checked and on its way. ApiError 400 for what StackStorm refuses.

        `values` are taken literally: whoever renders templates has done so before.
        """
        entry = self.registry.get(ref)
        if not entry.action.enabled:
            raise bad_request(f'Unable to execute. Action "{ref}" is disabled.')
        try:
            checked = parameters.check(entry.action, values, literal=True)
        except ValidationErrors as error:
            raise bad_request(str(error)) from None
        context = {**context, "pack": entry.action.pack}
        context.setdefault("user", user)
        notify = notify or entry.notify
        record = Record(entry, checked, context, self.clock(), parent, copy.deepcopy(notify))
        with self.lock:
            self._runner(record)  # refuses what cannot be run here
            if self.webui:
                record.web_url = f"{self.webui}/#/history/{record.id}/general"
            self.records[record.id] = record
            if parent:
                self.records[parent].children.append(record.id)
            self.set_status(record, statuses.REQUESTED)
            self._schedule(record)
        return record

    def set_status(self, record: Record, status: str, result: Any = None) -> None:
        """Note it, and tell everybody."""
        with self.lock:
            record.status = status
            record.log.append({"status": status, "timestamp": iso(self.clock())})
            if result is not None:
                record.result = result
            if record.completed:
                record.end = self.clock()
            for notify_listener in list(self.on_change):
                notify_listener(record)
            if record.completed:
                self._release(record)
            self.changes += 1
            self._changed.notify_all()

    def wait_for_change(self, last_seen: int, seconds: float) -> bool:
        """Whether there was one since `changes` was `last_seen`, or is one in that time."""
        with self._changed:
            return self._changed.wait_for(lambda: self.changes != last_seen, seconds)

    def finish(self, record: Record, status: str, result: Any) -> None:
        """The end that its runner tells; too late where it was cancelled or its runner killed."""
        with self.lock:
            if record.completed or record.is_killed:
                return
            wrong = self._wrong_output(record, result) if status == statuses.SUCCEEDED else ""
            if wrong:
                text = "Error validating output. See error output for more details."
                status, result = statuses.FAILED, {"error": wrong, "message": text}
            self.set_status(record, status, result)

    def _wrong_output(self, record: Record, result: Any) -> str:
        """What breaks the action's output_schema, where StackStorm is told to look."""
        entry, schema = record.entry, record.entry.action.output_schema
        if not self.validate_output or "type" not in schema or entry.output_key not in result:
            return ""
        found = violations(
            {"output": result[entry.output_key]}, {"output": {**schema, "required": True}}
        )
        return "; ".join(str(each) for each in found)

    def cancel(self, record: Record, user: str) -> None:
        """As DELETE does; ApiError (of status 200, as in StackStorm) where it cannot be."""
        with self.lock:
            if record.status == statuses.CANCELED:
                return
            if record.status not in statuses.CANCELABLE:
                raise ApiError(200, f"Action cannot be canceled. State = {record.status}.")
            record.context["cancelled_by"] = user
            record.result = {"message": "Action canceled by user.", "user": user}
            # Paused at the top it is over at once, and nothing inside hears of it.
            if record.status == statuses.RUNNING or record.parent:
                self.set_status(record, statuses.CANCELING)
                self._runner(record).cancel(record)
            else:
                self.set_status(record, statuses.CANCELED)

    def kill_runner(self, execution_id: str, abandon: bool = False) -> None:
        """As a signal does to the process that runs it. What it has started goes on, unheard.

        SIGKILL: it says "running" until it is cancelled. SIGTERM (`abandon`): it is abandoned.
        """
        with self.lock:
            record = self.get(execution_id)
            assert record.status == statuses.RUNNING, record.status
            record.is_killed = True
            if abandon:
                self.set_status(record, statuses.ABANDONED)

    def end(self) -> None:
        """Nothing that still runs is heard any more."""
        with self.lock:
            for record in self.records.values():
                record.is_killed = True
            self.on_change.clear()

    def ancestors(self, record: Record) -> List[Record]:
        """Parent, its parent, and so on."""
        found = []
        while record.parent:
            record = self.records[record.parent]
            found.append(record)
        return found

    def _runner(self, record: Record) -> Runner:
        kind = "callable" if record.entry.run else record.runner
        if kind not in self.runners:
            raise bad_request(f"{record.ref} has the runner {kind}, which only StackStorm has.")
        return self.runners[kind]

    def _schedule(self, record: Record) -> None:
        others = [each for each in self.records.values() if each is not record]
        decision = self.policies.decide(record, others)
        if decision == statuses.REQUESTED:
            runner = self._runner(record)
            self.set_status(record, statuses.SCHEDULED)
            name = f"execution-{record.id}"
            threading.Thread(
                target=self._run, args=(runner, record), name=name, daemon=True
            ).start()
        elif record.status != decision:
            self.set_status(record, decision)

    def _run(self, runner: Runner, record: Record) -> None:
        with self.lock:
            if record.status != statuses.SCHEDULED:  # cancelled meanwhile
                return
            self.set_status(record, statuses.RUNNING)
        runner.start(record)

    def _release(self, ended: Record) -> None:
        """Those that waited for it, in the order in which they came."""
        for record in list(self.records.values()):
            if record.status == statuses.DELAYED and record.ref == ended.ref:
                self._schedule(record)
