"""Runs Orquesta workflows: as much of it as packs' workflows around an inquiry need.

What is tried on a StackStorm and the same here: a workflow whose only open tasks wait for an
answer is `paused`, and so are those around it; `core.ask` as the last task ends in a null output;
an expired inquiry ends the workflow in success with a null output, and no `when` tells it; two
answers at once leave it `running`; a cancelled outer workflow leaves the inner one `paused`. Of two
sub-workflows below one root that are answered before the first has ended, the end of the first
pauses the root, and the end of the last does not resume it: see `Items`.
"""

from __future__ import annotations

from typing import Any, Dict, Optional

import yaml

from sandbox.stackstorm.datastore import Datastore
from sandbox.stackstorm.metadata import load_yaml
from sandbox.stackstorm.server import statuses
from sandbox.stackstorm.server.engine import Engine
from sandbox.stackstorm.server.records import Record
from sandbox.stackstorm.server.registry import ORQUESTA, Entry, make_action
from sandbox.stackstorm.server.rendered_parameters import ParameterRenderer
from sandbox.stackstorm.server.workflow_run import WorkflowRun
from sandbox.stackstorm.server.workflow_spec import Functions, Spec, read
from sandbox.stackstorm.validation_errors import ValidationErrors

Json = Dict[str, Any]
CANCELED = (statuses.CANCELING, statuses.CANCELED)


class Workflows:
    """The runner of `orquesta` actions."""

    def __init__(
        self, engine: Engine, store: Datastore, render_parameters: ParameterRenderer
    ) -> None:
        self.api_url = ""
        self._render_parameters = render_parameters
        self._engine = engine
        self._store = store
        self._defined: Dict[str, Any] = {}
        self._runs: Dict[str, WorkflowRun] = {}

    def define(self, ref: str, definition: Any, schema: Optional[Json] = None, **rest: Any) -> None:
        """A workflow that has no file. ValidationErrors for what is not known here."""
        document = yaml.safe_load(definition) if isinstance(definition, str) else definition
        read(document, ref)
        self._defined[ref] = document
        entry = Entry(make_action(ref, schema, runner_type=ORQUESTA, **rest))
        self._engine.registry.add(entry)

    def start(self, record: Record) -> None:
        """Begin; what its tasks do moves it on."""
        with self._engine.lock:
            if record.status != statuses.RUNNING:
                return
            try:
                run = WorkflowRun(
                    self._engine,
                    record,
                    self._spec(record),
                    self._functions(),
                    self._render_parameters,
                )
            except ValidationErrors as error:
                failed = {"errors": [{"message": str(error)}], "output": None}
                self._engine.finish(record, statuses.FAILED, failed)
                return
            self._runs[record.id] = run
            run.begin()

    def on_change(self, child: Record) -> None:
        """A task's execution has a new status."""
        run = self._runs.get(child.parent or "")
        if run is not None:
            run.child_changed(child)

    def cancel(self, record: Record) -> None:
        """Ends at once, or when the tasks that run have ended. Those that wait are left so."""
        run = self._runs.get(record.id)
        if run is None or record.is_killed:
            self._engine.set_status(record, statuses.CANCELED)
        elif record.status == statuses.CANCELING:
            run.cancel()

    def pause(self, record: Record) -> None:
        """No further task begins."""
        if record.status == statuses.RUNNING:
            self._engine.set_status(record, statuses.PAUSING)
            self._runs[record.id].pause_if_idle()

    def resume(self, record: Record) -> None:
        """Go on."""
        if record.status in (statuses.PAUSING, statuses.PAUSED):
            self._engine.set_status(record, statuses.RESUMING)
            self._engine.set_status(record, statuses.RUNNING)
            self._runs[record.id].go_on()

    def wake(self, asking: Record, hangs: bool) -> None:
        """An inquiry of this workflow is answered: it and those around it go on.

        Not where one of them was cancelled. `hangs`: it says "running" from now on, for good.
        """
        run = self._runs[asking.id]
        around = [asking, *self._engine.ancestors(asking)]
        if any(each.status in CANCELED or each.completed for each in around):
            run.ignores_events = True
            return
        below: Optional[Record] = None
        for each in around:
            if below is not None and each.id in self._runs:
                self._runs[each.id].resumed_by(below)
            if each.status in (statuses.PAUSING, statuses.PAUSED):
                self._engine.set_status(each, statuses.RESUMING)
                self._engine.set_status(each, statuses.RUNNING)
            below = each
        run.ignores_events = hangs

    def _spec(self, record: Record) -> Spec:
        if record.ref in self._defined:
            return read(self._defined[record.ref], record.ref)
        action = record.entry.action
        path = action.path.parent / action.entry_point
        return read(load_yaml(path), path.name)

    def _functions(self) -> Functions:
        def st2kv(key: str, default: Any = None, decrypt: bool = False) -> Any:
            name = key[len("system.") :] if key.startswith("system.") else key
            value = self._store.get_value(name, local=False, decrypt=decrypt)
            return default if value is None else value

        return {"st2kv": st2kv, "_api_url": lambda: self.api_url}
