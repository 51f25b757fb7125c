"""`sandbox listen` in a process of its own, for whoever acts and wants to see what comes of it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

from sandbox.stackstorm.metadata import PACK

ENDS_WITHIN = 10.0  # seconds after SIGTERM; the sensor itself promises 3


class SensorProcess:
    """`with SensorProcess(config_file) as listener: listener.wait_for("slack.message")`.

    `on_trigger(trigger, payload)` is called for each that comes, on another thread.
    """

    def __init__(
        self,
        config: Path,
        datastore: Optional[Path] = None,
        on_trigger: Callable[[str, Dict[str, Any]], Any] = lambda trigger, payload: None,
    ) -> None:
        self._on_trigger = on_trigger
        self._command = [sys.executable, "-m", "sandbox", "listen", "--config", str(config)]
        self._command += ["--json", *(["--datastore", str(datastore)] if datastore else [])]
        self._changed = threading.Condition()
        self._ended = False
        self.dispatched: List[Dict[str, Any]] = []  # as listen.Dispatched has them
        self.code: Optional[int] = None

    def __enter__(self) -> SensorProcess:
        self._process = subprocess.Popen(
            self._command, cwd=PACK, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._thread = threading.Thread(target=self._read, name="listener", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self._process.terminate()
        try:
            self.code = self._process.wait(ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self.code = self._process.wait()
        self._thread.join()

    def wait_for(
        self,
        trigger: str,
        accept: Callable[[Dict[str, Any]], bool] = lambda payload: True,
        timeout: float = 10.0,
    ) -> Optional[Dict[str, Any]]:
        """The payload of the first such trigger that is accepted; None where none came in time."""

        def found() -> Optional[Dict[str, Any]]:
            payloads = (each["payload"] for each in self.dispatched if each["trigger"] == trigger)
            return next((payload for payload in payloads if accept(payload)), None)

        with self._changed:
            self._changed.wait_for(lambda: self._ended or found() is not None, timeout)
            return found()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                trigger = json.loads(line)
                with self._changed:
                    self.dispatched.append(trigger)
                    self._changed.notify_all()
                self._on_trigger(trigger["trigger"], trigger["payload"])
        with self._changed:
            self._ended = True
            self._changed.notify_all()
