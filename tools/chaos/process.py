"""The sensor in a process of its own; what it dispatches lands in a file."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, List, Optional

from sandbox.stackstorm.sensor.host_service import DISPATCHED, SAVES, read_lines

from .judge import Dispatched
from .plan import Plan
from .traffic import WORD

DATASTORE = "datastore.json"
ROOT = Path(__file__).resolve().parents[2]


class SensorProcess:
    """`folder` is its host's."""

    def __init__(self, folder: Path, config: Dict[str, Any], plan: Plan) -> None:
        self.folder = folder
        self._options = ["--hurry", "--pause", str(plan.pause)]
        self._options += ["--eventlet"] if plan.eventlet else []
        self._options += ["--keep-limits"] if plan.limits else []
        self.peak = 0  # bytes of memory, of all processes so far
        self._starts = 0
        self._process: Optional[subprocess.Popen[bytes]] = None
        (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")

    def start(self) -> None:
        """Returns at once."""
        command = [sys.executable, "-m", "sandbox.stackstorm.sensor.host", str(self.folder)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self._starts += 1
        store = self.folder / DATASTORE
        if store.exists():  # what this process finds, for whoever looks for a lost message
            shutil.copy(store, self.folder / ("datastore_%d.json" % self._starts))
        with open(self.folder / "log", "ab") as log:
            log.write(b"--- process %d, at %.3f\n" % (self._starts, time.time()))
            log.flush()
            self._process = subprocess.Popen(
                command + self._options, cwd=self.folder, env=environment, stdout=log, stderr=log
            )

    def kill(self) -> float:
        """Unix seconds when it surely was dead."""
        assert self._process is not None
        self.measure()
        self._process.kill()
        self._process.wait()
        return time.time()

    def terminate(self) -> float:
        """Seconds that it took to leave. RuntimeError where it did not in order."""
        assert self._process is not None
        self.measure()
        began = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(20)
        # Before the sensor has begun there is nothing that it could save: the signal just ends it.
        if code not in (0, -signal.SIGTERM):
            raise RuntimeError("the sensor ended with %s; see %s" % (code, self.folder / "log"))
        return time.monotonic() - began

    def measure(self) -> None:
        """Take note of the most memory that the process has had."""
        file = Path("/proc/%d/status" % self._process.pid) if self._process is not None else None
        if file is None or not file.exists():
            return
        for line in file.read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM"):
                self.peak = max(self.peak, int(line.split()[1]) * 1024)

    def end(self) -> None:
        """However it is."""
        if self._process is not None and self._process.poll() is None:
            self.kill()

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    def lines(self) -> List[Dict[str, Any]]:
        """All dispatches so far."""
        return read_lines(self.folder / DISPATCHED)

    def messages(self) -> List[Dispatched]:
        """The dispatches of our messages."""
        return [
            Dispatched(int(line["payload"]["text"].split()[1]), line["at"])
            for line in self.lines()
            if line["ref"] == "slack.message" and line["payload"]["text"].startswith(WORD + " ")
        ]

    def count(self) -> int:
        """How many lines there are."""
        file = self.folder / DISPATCHED
        return file.read_bytes().count(b"\n") if file.exists() else 0

    def saves(self) -> List[Dict[str, Any]]:
        """What was written to the datastore of what the sensor remembers."""
        return [each for each in read_lines(self.folder / SAVES) if ".status" not in each["key"]]

    def errors(self) -> int:
        """Faults of ours that its log tells of."""
        return (self.folder / "log").read_bytes().count(b"Traceback")
