"""What a connection's reader does with a frame. Nothing in here waits: not for room, not for Slack,
not for StackStorm; so pings are answered and commands acknowledged whatever happens elsewhere.

    event        not wanted, or known: acknowledged at once. Else into the queue, and acknowledged
                 when it was dispatched. Without room: see event_queue.py and
                 deferred_acknowledgements.py.
    command,     acknowledged as soon as it is in the queue of commands, for nobody delivers it
    interaction  again and people wait for it. Without room it is not acknowledged.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Callable, NamedTuple, Optional

from st2slack.sensor import event_filter, frames, payloads
from st2slack.sensor.checkpoint import Checkpoint
from st2slack.sensor.command_queue import CommandQueue
from st2slack.sensor.connection import Connection
from st2slack.sensor.deferred_acknowledgements import DeferredAcknowledgements
from st2slack.sensor.event_queue import Acknowledge, EventQueue, Outcome, line_of
from st2slack.sensor.frames import Frame
from st2slack.sensor.gap_ledger import GapLedger
from st2slack.sensor.model import MESSAGE, Event, Trigger
from st2slack.sensor.name_cache import NameCache
from st2slack.sensor.status import Status


class Destinations(NamedTuple):
    """Where frames go, and what is asked about them."""

    events: EventQueue
    commands: CommandQueue
    deferred: DeferredAcknowledgements
    ledger: GapLedger
    checkpoint: Checkpoint
    directory: NameCache
    status: Status
    hold: Callable[[Any], bool]  # until it is known who the app is: (event, acknowledge)


class Receiver:
    """`event_filter_now()`: the current one. `fetches`: whether missed messages are fetched at all.
    `now`: Unix seconds."""

    def __init__(
        self,
        to: Destinations,
        event_filter_now: Callable[[], event_filter.EventFilter],
        fetches: bool,
        workspace: str,
        now: Callable[[], float],
    ) -> None:
        self._to = to
        self._filter = event_filter_now
        self._fetches = fetches
        self._workspace = workspace
        self._now = now

    def receive(self, connection: Connection, frame: Frame) -> None:
        """Take a frame that was read."""
        answer = frame.answer
        if frame.kind == frames.EVENT and frame.event is not None:
            self.receive_event(
                frame.event, None if answer is None else partial(connection.send, answer)
            )
        elif frame.kind == frames.COMMAND:
            self._receive_command(
                "commands",
                payloads.command_trigger(frame.payload, self._workspace),
                connection,
                answer,
            )
        elif frame.kind == frames.INTERACTION:
            trigger = payloads.interaction_trigger(frame.payload, self._workspace)
            self._receive_command("interactions", trigger, connection, answer)
        else:
            if answer is not None:
                connection.send(answer)
            self._to.status.ignore(frame.reason or "frame")

    def receive_event(self, event: Event, acknowledge: Optional[Acknowledge]) -> None:
        """Take an event. `acknowledge` is None where Slack does not deliver it again."""
        to, now = self._to, self._now()
        to.status.event_at(now)
        to.directory.on_event(event.body)
        verdict = self._evaluate(event, acknowledge)
        if verdict is None:
            return
        if verdict.ref is None:
            to.status.ignore(verdict.reason)
            _call(acknowledge)
            return
        hashes = to.checkpoint.hashes(event, verdict.ref)
        if to.checkpoint.is_known(hashes):
            to.status.count("known")
            _call(acknowledge)
            return
        is_message = verdict.ref == MESSAGE
        if is_message:
            to.ledger.clock_offset.observe(event.order, now)
        if event.channel and to.ledger.unknown_since is not None:
            to.ledger.meet(event.channel, now)
        in_history = is_message and self._is_in_history(event)
        outcome = to.events.put(event, verdict.ref, hashes, in_history, acknowledge)
        if outcome is Outcome.DROPPED:
            self._dropped(event, acknowledge)
        elif outcome is Outcome.REFUSED:
            self._refused(event, acknowledge)
        if is_message and outcome is not Outcome.REFUSED:
            to.checkpoint.received(event)

    def accept_fetched(self, event: Event) -> Any:
        """The trigger that a fetched message becomes, and its keys; None where it is not wanted, or
        known."""
        verdict = self._evaluate(event, None)
        if verdict is None or verdict.ref is None:
            self._to.status.ignore(verdict.reason if verdict else event_filter.IDENTITY_UNKNOWN)
            return None
        hashes = self._to.checkpoint.hashes(event, verdict.ref)
        return None if self._to.checkpoint.is_known(hashes) else (verdict.ref, hashes)

    def _evaluate(
        self, event: Event, acknowledge: Optional[Acknowledge]
    ) -> Optional[event_filter.Verdict]:
        """None for a bot's message that was put aside, or found no room: it is not known yet who
        the app is."""
        verdict = self._filter().evaluate(event, None)
        if verdict.reason != event_filter.IDENTITY_UNKNOWN or self._to.hold((event, acknowledge)):
            return None if verdict.reason == event_filter.IDENTITY_UNKNOWN else verdict
        again = self._filter().evaluate(event, None)  # it may have become known just now
        if again.reason != event_filter.IDENTITY_UNKNOWN:
            return again
        self._to.status.ignore(again.reason)
        return None

    def _receive_command(
        self, what: str, trigger: Trigger, connection: Connection, answer: Optional[str]
    ) -> None:
        if not self._to.commands.put(trigger):
            self._to.status.count(what + "_refused")
            return
        self._to.status.count(what)
        if answer is not None:
            connection.send(answer)

    def _is_in_history(self, event: Event) -> bool:
        """Whether it can be fetched, should there be no room for it."""
        return (
            self._fetches
            and bool(event.channel and event.order)
            and self._to.ledger.is_readable(event.channel) is not False
        )

    def _dropped(self, event: Event, acknowledge: Optional[Acknowledge]) -> None:
        self._to.status.count("overflowed")
        version = self._to.ledger.overflowed(line_of(event, MESSAGE), event.order)
        if acknowledge is not None:
            self._to.deferred.add(event.channel, version, acknowledge)
        self._to.checkpoint.changed()

    def _refused(self, event: Event, acknowledge: Optional[Acknowledge]) -> None:
        if acknowledge is not None:
            self._to.status.count("left_unacknowledged")
        else:
            self._to.status.lose(str(event.body.get("subtype") or event.body.get("type")))


def _call(acknowledge: Optional[Acknowledge]) -> None:
    if acknowledge is not None:
        acknowledge()
