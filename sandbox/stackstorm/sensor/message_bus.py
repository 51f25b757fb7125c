"""What StackStorm's sensors publish to: its pool of connections, and how that fails.

As kombu's pool behind `st2common.transport.publishers.PoolPublisher` was seen to behave: a bus that
is away refuses connections; a connection that an outage ended is dead for good, and publishing over
it raises AttributeError; where the bus goes away between a publish and the end of its channel, that
is only logged.
"""

from __future__ import annotations

import logging
import threading
from typing import Any, Callable

LOG = logging.getLogger("st2.st2common.transport.publishers")


class MessageBus:
    """`publish`: takes (trigger, payload, trace tag). `is_away`: whether it is away now."""

    def __init__(
        self, publish: Callable[[str, Any, Any], None], is_away: Callable[[], bool] = lambda: False
    ) -> None:
        self.publish = publish
        self.is_away = is_away
        self.outages = 0  # each ends the connections that are there
        self.swallows = 0  # so many of the next publishes are lost in an outage at that moment

    def go_away(self) -> None:
        """End all connections; whether new ones come about, `is_away` tells."""
        self.outages += 1


class Pool:
    """Connections to a bus; here one is enough."""

    def __init__(self, bus: MessageBus) -> None:
        self._bus = bus
        self._lock = threading.Lock()
        self._outages = -1  # how many there had been when the connection was made
        self._is_broken = False
        self.is_closed = False

    def publish(self, trigger: str, payload: Any, trace_tag: Any) -> None:
        """Connect where necessary, publish, wait for the end of the channel."""
        with self._lock:
            if self.is_closed:
                raise RuntimeError("Acquire on closed pool")
            if self._is_broken:
                raise AttributeError("'NoneType' object has no attribute 'channel'")
            self._connect()
            if self._bus.swallows:
                self._bus.swallows -= 1
                self._bus.go_away()
                LOG.warning("Error closing channel.")
                return
        self._bus.publish(trigger, payload, trace_tag)

    def _connect(self) -> None:
        if self._bus.is_away() and self._outages >= 0:
            self._is_broken = True
        if self._bus.is_away():
            raise ConnectionRefusedError(111, "ECONNREFUSED")
        self._outages = self._bus.outages

    def force_close_all(self) -> None:
        """As kombu's."""
        self.is_closed = True
