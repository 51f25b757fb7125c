"""Dispatches a trigger to StackStorm so that one which it does not take is recognised.

`sensor_service.dispatch()` returns as if all were well when StackStorm's database cannot be asked
for the trigger's schema; after an outage of the message bus its pooled connection stays closed for
good; and where the bus breaks before it has confirmed a trigger, that is only logged. So the
service behind it is used: it raises on request, and a fresh one has fresh connections. That service
is internal to StackStorm. This was tried on the master of mid-2026 with RabbitMQ and the database
stopped and started again, and on the dispatchers of 3.8.1 (kombu 5.0.2) and 3.9.0 (kombu 5.5.4)
with a bus and a database on loopback. Where a StackStorm looks different,
`sensor_service.dispatch()` is used as it is, with one warning.
"""

from __future__ import annotations

import contextlib
import inspect
import logging
import threading
from typing import Any, Dict, Iterator, List, Optional

from st2slack.base.errors import PayloadRejected, TriggerTypeMissing
from st2slack.sensor.dispatcher import Dispatch, describe

ATTRIBUTE = "_trigger_dispatcher_service"
PARAMETERS = ("trigger", "payload", "trace_tag", "throw_on_validation_error")
PUBLISHER_LOG = (
    "st2.st2common.transport.publishers"  # where StackStorm logs a failed channel.close()
)
CLOSE_FAILED = "Error closing channel"


class LookupFailed(Exception):
    """StackStorm could not look up the trigger type: its database is away. Nothing was sent."""


class Unconfirmed(Exception):
    """The message bus broke before it had confirmed the trigger: it may or may not have it."""


def make_dispatch(sensor_service: Any, log: Any) -> Dispatch:
    """How this StackStorm's sensors dispatch: see `StackStormDispatch.dispatch`.

    `sensor_service`: what StackStorm gives to a sensor.
    """
    difference = find_difference(sensor_service)
    if not difference:
        return StackStormDispatch(sensor_service, log).dispatch
    log.warning(
        "Slack: this StackStorm dispatches triggers in a way that the pack does not know (%s). A "
        "trigger that it drops while its database is away is lost, and after an outage of its "
        "message bus st2sensorcontainer may have to be restarted.",
        difference,
    )

    def dispatch(ref: str, payload: Dict[str, Any], trace_tag: str) -> None:
        sensor_service.dispatch(trigger=ref, payload=payload, trace_tag=trace_tag)

    return dispatch


def find_difference(sensor_service: Any) -> str:
    """How the service behind `sensor_service` differs from what this module knows; "": not."""
    service = getattr(sensor_service, ATTRIBUTE, None)
    if service is None:
        return "the sensor service has no %s" % ATTRIBUTE
    try:
        parameters = inspect.signature(service.dispatch).parameters
    except (AttributeError, TypeError, ValueError):
        return "%s has no method `dispatch`" % type(service).__name__
    missing = [name for name in PARAMETERS if name not in parameters]
    if missing:
        return "%s.dispatch() has no `%s`" % (type(service).__name__, missing[0])
    try:
        inspect.signature(type(service)).bind(logger=None)
    except (TypeError, ValueError):
        return "%s is not made of a logger alone" % type(service).__name__
    if not hasattr(service, "_logger"):
        return "%s has no _logger" % type(service).__name__
    return ""


class StackStormDispatch:
    """One for the whole sensor; thread-safe."""

    def __init__(self, sensor_service: Any, log: Any) -> None:
        self._sensor_service = sensor_service
        self._log = log
        self._lock = threading.Lock()
        self._generation = 0
        self._users: Dict[int, int] = {}  # generation → dispatches that are under way with it
        self._replaced: Dict[int, Any] = {}  # generation → the old service, until nobody uses it
        self._close_failures = _CloseFailures()
        logging.getLogger(PUBLISHER_LOG).addFilter(self._close_failures)

    def dispatch(self, ref: str, payload: Dict[str, Any], trace_tag: str) -> None:
        """Return when the message bus has the trigger.

        Raises PayloadRejected where it breaks its schema; TriggerTypeMissing where StackStorm does
        not know the trigger; LookupFailed where its database is away; whatever the message bus
        raises where that is away. After the last, the next dispatch has fresh connections.
        """
        with self._service() as (generation, service):
            try:
                with self._close_failures.raised():
                    service.dispatch(
                        trigger=ref,
                        payload=payload,
                        trace_tag=trace_tag,
                        throw_on_validation_error=True,
                    )
            except Exception as error:
                if not is_of_bus(error, service):
                    raise _translated(error) from error
                self._replace(generation)
                raise

    @contextlib.contextmanager
    def _service(self) -> Iterator[Any]:
        with self._lock:
            generation = self._generation
            service = getattr(self._sensor_service, ATTRIBUTE)
            self._users[generation] = self._users.get(generation, 0) + 1
        try:
            yield generation, service
        finally:
            self._release(generation)

    def _release(self, generation: int) -> None:
        with self._lock:
            self._users[generation] -= 1
            unused = None
            if not self._users[generation]:
                del self._users[generation]
                unused = self._replaced.pop(generation, None)
        if unused is not None:
            self._close(unused)

    def _replace(self, generation: int) -> None:
        """Put a fresh service in the place of the one that failed, unless another thread has."""
        with self._lock:
            if generation != self._generation:
                return
            old = getattr(self._sensor_service, ATTRIBUTE)
            try:
                fresh = type(old)(logger=old._logger)
            except Exception as error:  # noqa: BLE001 (the next failure tries again)
                self._log.warning(
                    "Slack: StackStorm makes no fresh dispatcher (%s)", describe(error)
                )
                return
            setattr(self._sensor_service, ATTRIBUTE, fresh)
            self._replaced[generation] = old
            self._generation += 1

    def _close(self, service: Any) -> None:
        """Close the connections of a service that nobody uses any more."""
        try:
            service._dispatcher._publisher._publisher.pool.force_close_all()
        except Exception as error:  # noqa: BLE001 (they are broken, most likely)
            self._log.debug("Slack: old connections could not be closed (%s)", describe(error))


class _CloseFailures(logging.Filter):
    """Notices in which thread StackStorm failed to close a channel after it had published.

    The bus confirms a trigger by confirming that the channel is closed. StackStorm only logs where
    it does not, and returns as if all were well.
    """

    def __init__(self) -> None:
        super().__init__()
        self._threads: Dict[int, bool] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Nothing is held back."""
        thread = threading.get_ident()
        if thread in self._threads and str(record.msg).startswith(CLOSE_FAILED):
            self._threads[thread] = True
        return True

    @contextlib.contextmanager
    def raised(self) -> Iterator[None]:
        """Raise Unconfirmed at the end where it was noticed meanwhile in this thread."""
        thread = threading.get_ident()
        self._threads[thread] = False
        try:
            yield
        finally:
            has_failed = self._threads.pop(thread)
        if has_failed:
            raise Unconfirmed("the message bus broke before it had confirmed the trigger")


def is_of_bus(error: BaseException, service: Any) -> bool:
    """Whether publishing failed. What the service's own module raises, it raises before that."""
    modules: List[Any] = []
    traceback = error.__traceback__
    while traceback is not None:
        modules.append(traceback.tb_frame.f_globals.get("__name__"))
        traceback = traceback.tb_next
    own = type(service).__module__
    return not modules or modules[-1] != own


def _translated(error: Exception) -> Exception:
    """What an error of the validation means; a database that is away shows in its context."""
    cause: Optional[BaseException] = error.__context__
    if cause is not None and is_schema_violation(cause):
        return PayloadRejected(_violation(cause))
    if type(cause) is ValueError:
        return TriggerTypeMissing(describe(cause))
    return LookupFailed("the trigger type could not be looked up: %s" % describe(cause or error))


def is_schema_violation(error: BaseException) -> bool:
    """Whether it is jsonschema's ValidationError: others, mongoengine's too, have that name."""
    return any(
        kind.__name__ == "ValidationError" and kind.__module__.split(".")[0] == "jsonschema"
        for kind in type(error).__mro__
    )


def _violation(error: Any) -> str:
    """Where a payload breaks its schema, and what it breaks; none of the payload's values."""
    place = ".".join(str(each) for each in error.absolute_path) or "the payload"
    rule = "%s: %s" % (error.validator, error.validator_value)
    return "%s does not satisfy `%s`" % (place, rule if len(rule) <= 80 else error.validator)
