"""What a sensor gets as `self.sensor_service`, when it runs in this process beside the stand-in."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Optional

from sandbox.stackstorm.datastore import SYSTEM
from sandbox.stackstorm.sensor.message_bus import MessageBus
from sandbox.stackstorm.sensor.trigger_dispatcher import service_class

if TYPE_CHECKING:
    from sandbox.stackstorm.server.fake_stackstorm import FakeStackStorm


class SensorService:
    """Triggers go to the stand-in's rules, values into its datastore (`name`: pack.Class)."""

    def __init__(self, st2: FakeStackStorm, name: str) -> None:
        self._st2 = st2
        self._name = name
        service = service_class(MessageBus(self._publish))
        self._trigger_dispatcher_service = service(logging.getLogger("sensor"))

    def get_logger(self, name: str) -> logging.Logger:
        """A logger of the host's."""
        return logging.getLogger("sensor." + name)

    def dispatch(self, trigger: str, payload: Any = None, trace_tag: Optional[str] = None) -> None:
        """Fire a trigger."""
        self._trigger_dispatcher_service.dispatch(trigger, payload, trace_tag)

    def _publish(self, trigger: str, payload: Any, trace_tag: Any) -> None:
        self._st2.dispatch(trigger, payload or {})

    def get_value(
        self, name: str, local: bool = True, scope: str = SYSTEM, decrypt: bool = False
    ) -> Optional[str]:
        """The value, None if there is none."""
        return self._st2.system.store.get_value(self._key(name, local), False, scope, decrypt)

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
        key = self._key(name, local)
        return self._st2.system.store.set_value(key, value, ttl, False, scope, encrypt)

    def _key(self, name: str, local: bool) -> str:
        return f"{self._name}:{name}" if local else name
