"""What a sensor gets as `self.sensor_service`: triggers go to a dispatcher, values are stored."""

from __future__ import annotations

import logging
from typing import Any, Optional, Protocol

from sandbox.stackstorm.datastore import SYSTEM


class SensorDatastore(Protocol):
    """Where the values of a sensor are stored."""

    def get_value(self, name: str, local: bool, scope: str, decrypt: bool) -> Optional[str]:
        """The value, None if there is none."""

    def set_value(
        self, name: str, value: Any, ttl: Optional[float], local: bool, scope: str, encrypt: bool
    ) -> bool:
        """Store str(value)."""


class SensorService:
    """The interface that StackStorm's own has, as far as sensors use it.

    `dispatcher`: a TriggerDispatcherService, StackStorm's or that of trigger_dispatcher.
    """

    def __init__(self, datastore: SensorDatastore, dispatcher: Any, log: logging.Logger) -> None:
        self._datastore = datastore
        self._log = log
        self._trigger_dispatcher_service = dispatcher

    def get_logger(self, name: str) -> logging.Logger:
        """The sensor's logger."""
        return self._log.getChild(name)

    def dispatch(self, trigger: str, payload: Any = None, trace_tag: Optional[str] = None) -> None:
        """Publish a trigger; as in StackStorm, one with an invalid payload is dropped."""
        self._trigger_dispatcher_service.dispatch(
            trigger=trigger, payload=payload, trace_tag=trace_tag, throw_on_validation_error=False
        )

    def get_value(
        self, name: str, local: bool = True, scope: str = SYSTEM, decrypt: bool = False
    ) -> Optional[str]:
        """The value; None where there is none, and, as in StackStorm, where it cannot be read."""
        return self._datastore.get_value(name, local, scope, decrypt)

    def set_value(
        self,
        name: str,
        value: Any,
        ttl: Optional[float] = None,
        local: bool = True,
        scope: str = SYSTEM,
        encrypt: bool = False,
    ) -> bool:
        """Store str(value); raises where that is not possible."""
        return self._datastore.set_value(name, value, ttl, local, scope, encrypt)
