"""Takes events out of the queue, makes triggers of them, dispatches these and acknowledges."""

from __future__ import annotations

import threading
from typing import Any, Callable, Mapping, NamedTuple

from st2slack.sensor import event_filter, model, payloads
from st2slack.sensor.checkpoint import Checkpoint
from st2slack.sensor.event_queue import EventQueue, Item
from st2slack.sensor.model import Event, Identity, Trigger
from st2slack.sensor.name_cache import NameCache
from st2slack.sensor.status import Status
from st2slack.settings.sensor import SensorSettings


class Sources(NamedTuple):
    """What the handler needs to know, and where it tells what it did."""

    queue: EventQueue
    checkpoint: Checkpoint
    directory: NameCache
    status: Status


class EventHandler:
    """`event_filter_now()`, `me()`: the current ones. `dispatch(trigger)` returns when it is done,
    False only where the sensor stops. `now`: Unix seconds."""

    def __init__(
        self,
        sources: Sources,
        settings: SensorSettings,
        event_filter_now: Callable[[], event_filter.EventFilter],
        me: Callable[[], Identity],
        dispatch: Callable[[Trigger], bool],
        now: Callable[[], float],
    ) -> None:
        self._sources = sources
        self._settings = settings
        self._filter = event_filter_now
        self._me = me
        self._dispatch = dispatch
        self._now = now

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set."""
        while not stop.is_set():
            item = self._sources.queue.get(1.0)
            if item is not None:
                self._handle(item)

    def _handle(self, item: Item) -> None:
        """An event that is not dispatched because the sensor stops stays pending: the checkpoint
        that is saved last has it as missing."""
        event, status = item.event, self._sources.status
        channel: Mapping[str, Any] = {}
        if event.channel:
            channel = self._sources.directory.channel(event.channel)
        current = self._filter()
        if current.needs_channel(event):
            verdict = current.evaluate(event, channel)
            if verdict.ref is None:
                status.ignore(verdict.reason)
                if verdict.reason != event_filter.CHANNEL_UNKNOWN:
                    self._done(item)
                    return
                # It may be one of `sensor.channels`: rather once too often than lost.
                if item.acknowledge:
                    self._sources.queue.done(item)
                    return
        if not self._dispatch(self._trigger(event, item.ref, channel)):
            return
        self._sources.checkpoint.dispatched(event, item.ref, item.keys, self._now())
        if item.late:
            status.count("late")
        if item.fetched:
            status.count("caught_up")
        self._done(item)

    def _done(self, item: Item) -> None:
        self._sources.queue.done(item)
        if len(item.acknowledge) > 1:  # it was delivered again while it waited
            self._sources.status.count("known", len(item.acknowledge) - 1)
        for acknowledge in item.acknowledge:
            acknowledge()

    def _trigger(self, event: Event, ref: str, channel: Mapping[str, Any]) -> Trigger:
        directory = self._sources.directory
        user = directory.user(event.user) if event.user else {}
        if ref != model.MESSAGE:
            return payloads.event_trigger(event, user, channel)
        names: Mapping[str, str] = {}
        if self._settings.plain_text:
            names = directory.names(payloads.user_ids_in(str(event.body.get("text") or "")))
        return payloads.message_trigger(event, user, channel, names, self._settings, self._me().url)
