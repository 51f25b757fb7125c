"""What a sensor gets as `self.sensor_service`, where StackStorm's API is: rules and keys are there.

The address and the token come from the environment, as StackStorm gives them to sensors.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Optional

from sandbox.stackstorm.datastore import SYSTEM
from sandbox.stackstorm.runner.remote_service import RemoteDatastore
from sandbox.stackstorm.sensor.service import SensorService

URL, TOKEN = "ST2_API_URL", "ST2_AUTH_TOKEN"


class ConnectedSensorService(SensorService):
    """Writes each trigger down and fires it, by the generic webhook. Raises where it cannot."""

    def __init__(self, folder: Path, pause: float = 0.0, name: str = "slack.SlackSensor") -> None:
        super().__init__(folder, pause, name)
        self._remote = RemoteDatastore(name, os.environ[URL], os.environ[TOKEN])

    def _publish(self, trigger: str, payload: Any, trace_tag: Any) -> None:
        """Fire it, then write it down."""
        client = self._remote.get_api_client()
        client.webhooks.post_generic_webhook(trigger, payload, trace_tag)
        super()._publish(trigger, payload, trace_tag)

    def get_value(
        self, name: str, local: bool = True, scope: str = SYSTEM, decrypt: bool = False
    ) -> Optional[str]:
        """The value; None where there is none, or where it cannot be had."""
        return self._remote.get_value(name, local, scope, decrypt)

    def set_value(
        self,
        name: str,
        value: Any,
        ttl: Optional[float] = None,
        local: bool = True,
        scope: str = SYSTEM,
        encrypt: bool = False,
    ) -> bool:
        """Keep str(value); raises where it cannot be kept."""
        return self._remote.set_value(name, value, ttl, local, scope, encrypt)
