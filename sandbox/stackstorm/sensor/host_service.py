"""The sensor service of a process of its own: triggers and values are lines of files.

    folder/dispatched.jsonl   a line for each trigger: at (Unix seconds), ref, payload, tag
    folder/datastore.json     what set_value stores
    folder/saves.jsonl        a line for each value: began, at, key, bytes
    folder/no-bus             while it exists, the message bus is away
    folder/no-database        while it exists, StackStorm's database is away
    folder/no-datastore       while it exists, set_value raises and get_value returns None

A line is written in one piece, so that a process may be killed at any time.
"""

from __future__ import annotations

import json
import logging
import os
import time
from pathlib import Path
from typing import Any, Dict, List, Optional

from sandbox.stackstorm.datastore import Datastore
from sandbox.stackstorm.runner.remote_service import RemoteDatastore
from sandbox.stackstorm.sensor.message_bus import MessageBus
from sandbox.stackstorm.sensor.service import SensorDatastore, SensorService
from sandbox.stackstorm.sensor.trigger_dispatcher import service_class

DISPATCHED, SAVES = "dispatched.jsonl", "saves.jsonl"
NO_BUS, NO_DATABASE, NO_DATASTORE = "no-bus", "no-database", "no-datastore"
# Where StackStorm's API is: sensors get both in their environment.
URL, TOKEN = "ST2_API_URL", "ST2_AUTH_TOKEN"
NAME = "slack.SlackSensor"


class RecordedDatastore:
    """A datastore in a file; every write is recorded, with its size and time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._store = Datastore(NAME, folder / "datastore.json")

    def get_value(self, name: str, local: bool, scope: str, decrypt: bool) -> Optional[str]:
        """The value; None where there is none, or while the datastore is away."""
        if (self._folder / NO_DATASTORE).exists():
            return None
        return self._store.get_value(name, local, scope, decrypt)

    def set_value(
        self, name: str, value: Any, ttl: Optional[float], local: bool, scope: str, encrypt: bool
    ) -> bool:
        """Store str(value)."""
        if (self._folder / NO_DATASTORE).exists():
            raise ConnectionError("the API is down")
        began = time.time()
        self._store.set_value(name, value, ttl, local, scope, encrypt)
        size = len(str(value).encode("utf-8"))
        line = {"began": began, "at": time.time(), "key": name, "bytes": size}
        append_line(self._folder / SAVES, line)
        return True


class HostSensorService(SensorService):
    """Triggers and values go to files of `folder`. `pause`: seconds that a dispatch takes."""

    def __init__(
        self, folder: Path, pause: float = 0.0, datastore: Optional[SensorDatastore] = None
    ) -> None:
        self._folder = folder
        self._pause = pause
        bus = MessageBus(self._publish, (folder / NO_BUS).exists)
        store = datastore or RecordedDatastore(folder)
        log = logging.getLogger("sensor")
        super().__init__(store, service_class(bus, self._schema)(log), log)

    def _schema(self, trigger: str) -> Dict[str, Any]:
        if (self._folder / NO_DATABASE).exists():
            raise ConnectionError("the database is down")
        return {}

    def _publish(self, trigger: str, payload: Any, trace_tag: Any) -> None:
        if self._pause:
            time.sleep(self._pause)
        line = {"at": time.time(), "ref": trigger, "payload": payload, "tag": trace_tag}
        append_line(self._folder / DISPATCHED, line)


class ConnectedSensorService(HostSensorService):
    """Beside StackStorm's API: each trigger is fired by the generic webhook and written down;
    values are in StackStorm's datastore. Raises where the API cannot be reached."""

    def __init__(self, folder: Path, pause: float = 0.0) -> None:
        self._remote = RemoteDatastore(NAME, os.environ[URL], os.environ[TOKEN])
        super().__init__(folder, pause, self._remote)

    def _publish(self, trigger: str, payload: Any, trace_tag: Any) -> None:
        """Fire it, then write it down."""
        client = self._remote.get_api_client()
        client.webhooks.post_generic_webhook(trigger, payload, trace_tag)
        super()._publish(trigger, payload, trace_tag)


def append_line(file: Path, line: Dict[str, Any]) -> None:
    """Add a line in one write."""
    data = (json.dumps(line) + "\n").encode("utf-8")
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, data)
    finally:
        os.close(descriptor)


def read_lines(file: Path) -> List[Dict[str, Any]]:
    """The whole lines of such a file."""
    if not file.exists():
        return []
    return [json.loads(line) for line in file.read_bytes().split(b"\n")[:-1]]
