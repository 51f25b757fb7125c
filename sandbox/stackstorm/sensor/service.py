"""What a sensor gets as `self.sensor_service`, its host's files instead of StackStorm.

    folder/dispatched.jsonl   a line for each trigger: at (Unix seconds), ref, payload, tag
    folder/datastore.json     what set_value keeps
    folder/saves.jsonl        a line for each value: began, at, key, bytes
    folder/no-bus             as long as it is there, the message bus is away
    folder/no-database        as long as it is there, StackStorm's database is away
    folder/no-datastore       as long as it is there, set_value raises and get_value tells None

A line is written in one piece, so that a process may be killed at any time.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from pathlib import Path
from typing import Any, Dict, List, Optional

from sandbox.stackstorm.datastore import SYSTEM, Datastore
from sandbox.stackstorm.sensor.message_bus import MessageBus
from sandbox.stackstorm.sensor.trigger_dispatcher import service_class

DISPATCHED, SAVES = "dispatched.jsonl", "saves.jsonl"
NO_BUS, NO_DATABASE, NO_DATASTORE = "no-bus", "no-database", "no-datastore"


class SensorService:
    """The face that StackStorm's own has, as far as sensors use it. `pause`: seconds that a
    dispatch takes."""

    def __init__(self, folder: Path, pause: float = 0.0, name: str = "slack.SlackSensor") -> None:
        self._folder = folder
        self._pause = pause
        self._lock = threading.Lock()
        self._store = Datastore(name, folder / "datastore.json")
        bus = MessageBus(self._publish, (folder / NO_BUS).exists)
        service = service_class(bus, self._schema)
        self._trigger_dispatcher_service = service(logging.getLogger("sensor"))

    def get_logger(self, name: str) -> logging.Logger:
        """A logger of the host's."""
        return logging.getLogger("sensor." + name)

    def dispatch(self, trigger: str, payload: Any = None, trace_tag: Optional[str] = None) -> None:
        """Write it down, after the time that it takes; as StackStorm, drop it where it must."""
        self._trigger_dispatcher_service.dispatch(trigger, payload, trace_tag)

    def _schema(self, trigger: str) -> Dict[str, Any]:
        if (self._folder / NO_DATABASE).exists():
            raise ConnectionError("the database is down")
        return {}

    def _publish(self, trigger: str, payload: Any, trace_tag: Any) -> None:
        if self._pause:
            time.sleep(self._pause)
        line = {"at": time.time(), "ref": trigger, "payload": payload, "tag": trace_tag}
        self._append(DISPATCHED, line)

    def get_value(
        self, name: str, local: bool = True, scope: str = SYSTEM, decrypt: bool = False
    ) -> Optional[str]:
        """The value; None where there is none, and, as in StackStorm, where it cannot be had."""
        if (self._folder / NO_DATASTORE).exists():
            return None
        with self._lock:
            return self._store.get_value(name, local, scope, decrypt)

    def set_value(
        self,
        name: str,
        value: Any,
        ttl: Optional[float] = None,
        local: bool = True,
        scope: str = SYSTEM,
        encrypt: bool = False,
    ) -> bool:
        """Keep str(value)."""
        if (self._folder / NO_DATASTORE).exists():
            raise ConnectionError("the API is down")
        began = time.time()
        with self._lock:
            self._store.set_value(name, value, ttl, local, scope, encrypt)
        size = len(str(value).encode("utf-8"))
        self._append(SAVES, {"began": began, "at": time.time(), "key": name, "bytes": size})
        return True

    def _append(self, name: str, line: Dict[str, Any]) -> None:
        data = (json.dumps(line) + "\n").encode("utf-8")
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        file = os.open(self._folder / name, flags, 0o600)
        try:
            os.write(file, data)
        finally:
            os.close(file)


def read_lines(file: Path) -> List[Dict[str, Any]]:
    """The whole lines of such a file."""
    if not file.exists():
        return []
    return [json.loads(line) for line in file.read_bytes().split(b"\n")[:-1]]
