"""What stands behind a sensor's `sensor_service.dispatch()`.

The face and the behaviour of `st2common.services.trigger_dispatcher.TriggerDispatcherService`: the
payload is validated with the schema that the database has for the trigger; where that fails, for
whatever reason, nothing is published, and only on request something is raised.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Type

import jsonschema

from sandbox.stackstorm import schema
from sandbox.stackstorm.sensor.message_bus import MessageBus, Pool

Schema = Dict[str, Any]
# The schema of a trigger type, None where there is no such type; raises where the database is away.
FindSchema = Callable[[str], Optional[Schema]]


class TriggerDispatcherService:
    """Of one bus and one database: see `service_class`."""

    bus: MessageBus
    find_schema: FindSchema
    instances: List[TriggerDispatcherService]

    def __init__(self, logger: Any) -> None:
        self._logger = logger
        self._dispatcher = _TriggerDispatcher(self.bus)
        self.instances.append(self)

    def dispatch(
        self,
        trigger: str,
        payload: Any = None,
        trace_tag: Optional[str] = None,
        throw_on_validation_error: bool = False,
    ) -> None:
        """Publish it, where its payload is valid."""
        try:
            self._validate(trigger, payload)
        except Exception as error:  # as StackStorm does
            message = (
                "Trigger payload validation failed and validation is enabled, not "
                'dispatching a trigger "%s" (%s): %s' % (trigger, payload, error)
            )
            if throw_on_validation_error:
                raise ValueError(message)  # noqa: B904 (StackStorm's has a context, no cause)
            self._logger.warning(message)
            return
        self._dispatcher.pool.publish(trigger, payload, trace_tag)

    def _validate(self, trigger: str, payload: Any) -> None:
        found = type(self).find_schema(trigger)
        if found is None:
            raise ValueError(
                'Trigger type with reference "%s" doesn\'t exist in the database' % trigger
            )
        jsonschema.validate(payload, schema.nullable(found))


class _TriggerDispatcher:
    """So nested are StackStorm's: dispatcher, instance publisher, pool publisher, pool."""

    def __init__(self, bus: MessageBus) -> None:
        self.pool = Pool(bus)
        self._publisher = self

    # `_dispatcher._publisher._publisher.pool` leads to the pool.


def service_class(
    bus: MessageBus, find_schema: FindSchema = lambda trigger: {}
) -> Type[TriggerDispatcherService]:
    """The class of the services of a host; its `instances` are all of them, in order."""
    attributes = {"bus": bus, "find_schema": staticmethod(find_schema), "instances": []}
    return type("TriggerDispatcherService", (TriggerDispatcherService,), attributes)
