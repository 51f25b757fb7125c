"""Runs Python: a pack's action in a process or in a thread, or a callable of a test."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import traceback
from typing import Any, Callable, Dict, List

from sandbox.stackstorm.config import complete
from sandbox.stackstorm.datastore import Datastore
from sandbox.stackstorm.metadata import PYTHON_RUNNER
from sandbox.stackstorm.runner import action_process, parameters, wrapper
from sandbox.stackstorm.runner.remote_service import ActionService
from sandbox.stackstorm.server import statuses
from sandbox.stackstorm.server.engine import Engine
from sandbox.stackstorm.server.records import Record
from sandbox.stackstorm.server.tokens import Tokens
from sandbox.stackstorm.validation_errors import ValidationErrors

Json = Dict[str, Any]


class Callables:
    """Runs `entry.run(**parameters)`; what it returns or raises is read as StackStorm does."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def start(self, record: Record) -> None:
        assert record.entry.run is not None
        values, _ = parameters.complete(record.entry.action, record.parameters)
        run = record.entry.run
        status, result = outcome(lambda: run(**values))
        if record.runner != PYTHON_RUNNER and status == statuses.SUCCEEDED:
            result = result["result"]  # other runners have no frame around it
        self._engine.finish(record, status, result)

    def cancel(self, record: Record) -> None:
        if record.status == statuses.CANCELING:
            self._engine.set_status(record, statuses.CANCELED)


LONGEST_END = 10.0  # seconds that the end waits for an action in a thread


class PackActions:
    """Runs the Python actions of packs, with the environment that StackStorm gives them.

    `configs`: pack → its config, as in its file. In a thread an action shares this process, so
    only one of them runs at a time: one that waits for another needs a process (registry.py).
    """

    def __init__(
        self, engine: Engine, configs: Dict[str, Json], store: Datastore, tokens: Tokens
    ) -> None:
        self.api_url = ""
        self._engine = engine
        self.configs = configs
        self._store = store
        self._tokens = tokens
        self._processes: Dict[str, int] = {}
        self._ended = False
        self._one_at_a_time = threading.Lock()
        self._environment: Dict[str, str] = {}  # what an action in a thread has in it now

    def start(self, record: Record) -> None:
        try:
            status, result = self._run(record)
        except ValidationErrors as error:
            status, result = statuses.FAILED, {"error": str(error)}
        self._processes.pop(record.id, None)
        self._engine.finish(record, status, result)

    def cancel(self, record: Record) -> None:
        pid = self._processes.get(record.id)
        if pid is not None:
            _kill(pid)
        if record.status == statuses.CANCELING:
            self._engine.set_status(record, statuses.CANCELED)

    def end(self) -> None:
        """No process is left, and nothing of an action in the environment of this one."""
        self._ended = True
        for pid in list(self._processes.values()):
            _kill(pid)
        if self._one_at_a_time.acquire(timeout=LONGEST_END):
            self._one_at_a_time.release()
        else:  # it goes on, with nothing to talk to
            self._clear_environment()

    @property
    def running(self) -> List[str]:
        """IDs of the executions that have a process."""
        return list(self._processes)

    def environment(self, record: Record) -> Dict[str, str]:
        """What StackStorm puts into the environment of an action."""
        return {
            "ST2_ACTION_PACK_NAME": record.entry.action.pack,
            "ST2_ACTION_EXECUTION_ID": record.id,
            "ST2_ACTION_API_URL": self.api_url,
            "ST2_ACTION_AUTH_TOKEN": self._tokens.issue(record.context["user"], record.id),
        }

    def _run(self, record: Record) -> Any:
        assert record.entry.pack is not None
        action, pack = record.entry.action, record.entry.pack
        config = complete(self.configs.get(action.pack, {}), pack, self._keys())
        around = self.environment(record)
        if record.entry.in_thread:
            return self._in_thread(record, config, around)

        def started(pid: int) -> None:
            self._processes[record.id] = pid
            if record.completed or self._ended:  # while it was being started
                _kill(pid)

        execution = action_process.execute(
            action, record.parameters, config, around=around, on_start=started
        )
        return execution.status, execution.document()

    def _in_thread(self, record: Record, config: Json, around: Dict[str, str]) -> Any:
        action = record.entry.action
        values, _ = parameters.complete(action, record.parameters)

        def run() -> Any:
            path = str(action.path.parent / action.entry_point)
            found = wrapper.action_class(wrapper.load(path), path)
            service = ActionService(action.pack, found.__name__)
            return found(config=config, action_service=service).run(**values)

        with self._one_at_a_time:
            if self._ended:
                return statuses.ABANDONED, {}
            token = os.environ.get("ST2_AUTH_TOKEN", "")
            self._environment = around
            os.environ.update(around)
            try:
                return outcome(run)
            finally:
                self._clear_environment()
                if not self._ended:  # st2client puts its token there: it is taken out again
                    os.environ["ST2_AUTH_TOKEN"] = token

    def _clear_environment(self) -> None:
        """Take out what is there of ours; another fake may have put its own there since."""
        for name, value in self._environment.items():
            if os.environ.get(name) == value:
                del os.environ[name]

    def _keys(self) -> Dict[str, str]:
        """Every key, decrypted, for the templates in a config."""
        names: List[str] = [each.name for each in self._store.list_values(local=False)]
        values = {name: self._store.get_value(name, local=False, decrypt=True) for name in names}
        return {name: value for name, value in values.items() if value is not None}


def outcome(run: Callable[[], Any]) -> Any:
    """(status, result of the execution) of a call."""
    try:
        flag, returned = wrapper.outcome(run())
        status = statuses.FAILED if flag is False else statuses.SUCCEEDED
        return status, _document(wrapper.jsonable(returned), 0, "")
    except Exception:
        return statuses.FAILED, _document("None", 1, traceback.format_exc())
    except SystemExit:
        return statuses.FAILED, _document("None", wrapper.NO_STATUS, "")


def _document(result: Any, code: int, stderr: str) -> Json:
    return {"exit_code": code, "result": result, "stderr": stderr, "stdout": ""}


def _kill(pid: int) -> None:
    """The process and what it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
