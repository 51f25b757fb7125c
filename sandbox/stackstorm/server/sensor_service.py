"""The sensor service of a sensor that runs in this process beside the fake StackStorm."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Optional

from sandbox.stackstorm.datastore import Datastore
from sandbox.stackstorm.sensor.message_bus import MessageBus
from sandbox.stackstorm.sensor.service import SensorService
from sandbox.stackstorm.sensor.trigger_dispatcher import service_class

if TYPE_CHECKING:
    from sandbox.stackstorm.server.fake_stackstorm import FakeStackStorm


class FakeSensorService(SensorService):
    """Triggers go to the fake's rules, values into its datastore (`name`: pack.Class)."""

    def __init__(self, st2: FakeStackStorm, name: str) -> None:
        self._st2 = st2
        store = _LocalKeys(st2.system.store, name)
        log = logging.getLogger("sensor")
        super().__init__(store, service_class(MessageBus(self._publish))(log), log)

    def _publish(self, trigger: str, payload: Any, trace_tag: Any) -> None:
        self._st2.dispatch(trigger, payload or {})


class _LocalKeys:
    """The keys of one sensor in a datastore that is shared."""

    def __init__(self, store: Datastore, name: str) -> None:
        self._store = store
        self._name = name

    def get_value(self, name: str, local: bool, scope: str, decrypt: bool) -> Optional[str]:
        return self._store.get_value(self._key(name, local), False, scope, decrypt)

    def set_value(
        self, name: str, value: Any, ttl: Optional[float], local: bool, scope: str, encrypt: bool
    ) -> bool:
        return self._store.set_value(self._key(name, local), value, ttl, False, scope, encrypt)

    def _key(self, name: str, local: bool) -> str:
        return f"{self._name}:{name}" if local else name
