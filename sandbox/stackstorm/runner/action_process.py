"""One execution of an action, as StackStorm's runner for Python actions does it.

The action runs in a process of its own whose import path is that of a default install: packages
of this interpreter, actions/lib, what the parent had on PYTHONPATH (without the pack's own
folders), StackStorm or its stubs, the standard library, actions/ last. Config and parameters
go there by stdin, never by the command line, where anyone could read them.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import sysconfig
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Callable, Dict, List, Mapping, Optional, Sequence

from sandbox.stackstorm import package_path
from sandbox.stackstorm.config import complete
from sandbox.stackstorm.metadata import PACK, PYTHON_RUNNER, Action, load_action
from sandbox.stackstorm.runner import parameters
from sandbox.stackstorm.validation_errors import NotRunnable, ValidationError, raise_if_any

SUCCEEDED, FAILED, TIMED_OUT = "succeeded", "failed", "timeout"
WRAPPER = Path(__file__).resolve().with_name("wrapper.py")
LARGEST_DOCUMENT = 16 * 1024 * 1024
# How long the pipes may stay open after the process itself has ended.
_LAST_WORDS = 5.0

OnLine = Callable[[str, str], None]


@dataclass(frozen=True)
class Execution:
    """What came of it. `result` is None where there was none; `error` says why, if not stderr."""

    status: str
    result: Any
    stdout: str
    stderr: str
    seconds: float
    exit_code: int = 0
    error: Optional[str] = None

    @property
    def succeeded(self) -> bool:
        """Whether StackStorm would call it so."""
        return self.status == SUCCEEDED

    def document(self) -> Dict[str, Any]:
        """`result` of the execution as StackStorm stores it (no result is the text "None")."""
        answered = self.error is None and self.exit_code == 0
        stored = {
            "exit_code": self.exit_code,
            "result": self.result if answered or self.result is not None else "None",
            "stderr": self.stderr,
            "stdout": self.stdout,
        }
        return {**stored, "error": self.error} if self.error else stored


def run_action(
    ref: str,
    values: Optional[Dict[str, Any]] = None,
    config: Optional[Dict[str, Any]] = None,
    on_line: Optional[OnLine] = None,
    timeout: Optional[float] = None,
    *,
    pack: Path = PACK,
    datastore: Optional[Path] = None,
) -> Execution:
    """Run an action of the pack; ValidationErrors for what StackStorm would refuse beforehand.

    `values`: name → JSON value, cast as the API does. `config`: as in the pack's config file.
    `on_line(stream, text)` is called, on another thread, for each line while it is written.
    `timeout`: seconds, instead of the action's own.
    """
    action = load_action(ref, pack)
    checked = parameters.check(action, values or {})
    whole = complete(config or {}, pack)
    return execute(action, checked, whole, on_line, timeout, datastore=datastore)


def execute(
    action: Action,
    checked: Dict[str, Any],
    config: Dict[str, Any],
    on_line: Optional[OnLine] = None,
    timeout: Optional[float] = None,
    *,
    datastore: Optional[Path] = None,
    around: Optional[Mapping[str, str]] = None,
    on_start: Optional[Callable[[int], None]] = None,
) -> Execution:
    """Run with parameters that were checked and a config that is complete.

    `around`: what StackStorm itself puts into the environment. `on_start(pid)` is called once the
    process is there; it leads a group of its own.
    """
    raise_if_not_runnable(action)
    values, runner = parameters.complete(action, checked)
    entry = action.path.parent / action.entry_point
    raise_if_any(_runner_mistakes(action, runner, entry))
    process = _Process(
        order={
            "pack": action.pack,
            "file": str(entry.resolve()),
            "config": config,
            "parameters": values,
            "log_level": runner["log_level"],
            "datastore": str(datastore) if datastore else None,
        },
        env={**environment(action, runner["env"] or {}), **(around or {})},
        on_line=on_line or (lambda stream, line: None),
        on_start=on_start or (lambda pid: None),
    )
    return process.run(runner["timeout"] if timeout is None else timeout)


def raise_if_not_runnable(action: Action) -> None:
    """NotRunnable if the action is disabled or no Python action."""
    if not action.enabled:
        raise NotRunnable([ValidationError(action.ref, "is disabled")])
    if action.runner_type != PYTHON_RUNNER:
        raise NotRunnable(
            [
                ValidationError(
                    action.ref, f"is run by StackStorm's {action.runner_type}, not by the sandbox"
                )
            ]
        )


def environment(action: Action, extra: Dict[str, str]) -> Dict[str, str]:
    """The environment of the action's process. PYTHONPATH cannot be given by `env`."""
    programs = os.path.join(sys.prefix, "bin")
    return {
        **os.environ,
        "PATH": os.pathsep.join([programs, os.environ.get("PATH", os.defpath)]),
        "PYTHONPATH": os.pathsep.join(import_path(action)),
        **{name: value for name, value in extra.items() if name.lower() != "pythonpath"},
        "ST2_ACTION_PACK_NAME": action.pack,
        "ST2_ACTION_EXECUTION_ID": uuid.uuid4().hex[:24],
    }


def import_path(action: Action) -> List[str]:
    """PYTHONPATH of the action's process."""
    actions = action.path.parent.resolve()
    inherited = [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]
    folders = (actions.parent, PACK)
    foreign = [part for part in inherited if not _within(Path(part).resolve(), folders)]
    return [sysconfig.get_path("platlib"), str(actions / "lib"), *foreign, *package_path.folders()]


def _within(part: Path, folders: Sequence[Path]) -> bool:
    """Whether a folder is the pack or in it; virtual environments there are no part of it."""
    inside = any(part == folder or folder in part.parents for folder in folders)
    return inside and "site-packages" not in part.parts


def _runner_mistakes(action: Action, runner: Dict[str, Any], entry: Path) -> List[ValidationError]:
    found = []
    if not action.entry_point or not entry.is_file():
        found.append(
            ValidationError(action.path.name, f'entry_point "{action.entry_point}" is no file')
        )
    if runner["content_version"]:
        found.append(ValidationError("content_version", "the sandbox runs the files as they are"))
    for name, value in (runner["env"] or {}).items():
        if not isinstance(value, str):
            found.append(ValidationError(f"env.{name}", "must be a string"))
    return found


class _Process:
    """The process of one execution, its two streams and its end."""

    def __init__(
        self,
        order: Dict[str, Any],
        env: Dict[str, str],
        on_line: OnLine,
        on_start: Callable[[int], None],
    ) -> None:
        # A fresh delimiter each time: the action cannot know it, so it cannot forge a result.
        self._delimiter = f"<{uuid.uuid4().hex}>"
        self._order = json.dumps({**order, "delimiter": self._delimiter}).encode("utf-8")
        self._env = env
        self._on_line = on_line
        self._on_start = on_start
        self._answer: Optional[str] = None
        self._text: Dict[str, List[str]] = {"stdout": [], "stderr": []}

    def run(self, timeout: float) -> Execution:
        """Start, wait, kill at the timeout, and tell what came of it."""
        started = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-u", str(WRAPPER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self._env,
            # A group of its own, so that children of the action are killed with it.
            start_new_session=True,
        )
        self._on_start(process.pid)
        threads = self._start_threads(process)
        try:
            timed_out = self._wait(process, started + timeout)
            _join(threads)
        finally:
            if process.poll() is None or any(thread.is_alive() for thread in threads):
                _kill(process)
                _join(threads)
        return self._execution(process.returncode, timed_out, timeout, time.monotonic() - started)

    def _start_threads(self, process: subprocess.Popen[bytes]) -> List[threading.Thread]:
        threads = [
            threading.Thread(target=self._write, args=(process.stdin,), daemon=True),
            threading.Thread(target=self._read, args=("stdout", process.stdout), daemon=True),
            threading.Thread(target=self._read, args=("stderr", process.stderr), daemon=True),
        ]
        for thread in threads:
            thread.start()
        return threads

    def _write(self, pipe: IO[bytes]) -> None:
        try:
            with pipe:
                pipe.write(self._order)
        except BrokenPipeError:
            pass  # it died before it read: its exit code and stderr tell why

    def _read(self, stream: str, pipe: IO[bytes]) -> None:
        with pipe:
            for raw in pipe:
                line = raw.decode("utf-8", errors="replace")
                if stream == "stdout" and self._delimiter in line:
                    before, self._answer, after = line.split(self._delimiter)
                    line = before + after.rstrip("\n")
                if line:
                    self._text[stream].append(line)
                    self._on_line(stream, line)

    def _wait(self, process: subprocess.Popen[bytes], deadline: float) -> bool:
        """True if it had to be killed."""
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
            return False
        except subprocess.TimeoutExpired:
            _kill(process)
            return True

    def _execution(self, code: int, timed_out: bool, limit: float, seconds: float) -> Execution:
        answer = json.loads(self._answer) if self._answer and not timed_out else {}
        good = code == 0 and answer.get("status") is not False
        status, error = (SUCCEEDED if good else FAILED), None
        if timed_out:
            status, error = TIMED_OUT, f"The action did not end within {limit:g} seconds"
        elif self._size() > LARGEST_DOCUMENT:
            status, answer = FAILED, {}
            error = "The result is larger than the 16 MB that StackStorm can store"
        out, err = ("".join(self._text[name]) for name in ("stdout", "stderr"))
        return Execution(status, answer.get("result"), out, err, seconds, code, error)

    def _size(self) -> int:
        """Characters of what StackStorm would have to store."""
        printed = sum(len(line) for lines in self._text.values() for line in lines)
        return printed + len(self._answer or "")


def _kill(process: subprocess.Popen[bytes]) -> None:
    """The action and whatever it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _join(threads: List[threading.Thread]) -> None:
    deadline = time.monotonic() + _LAST_WORDS
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
