"""The sensor of one workspace: its parts, and how they are wired.

    reader ──► Receiver ──► EventQueue ──► EventHandler ──► dispatch ──► acknowledge
       │          │             ▲
       │          │             └── CatchUp: what was missed or had no room, from the history
       │          └───────► CommandQueue ──► dispatch            commands, interactions, states
       └── ConnectionManager: opens, watches and replaces the connection

    GapLedger   what each channel lacks, and which lines of the queue wait for it
    Checkpoint  what of this survives a restart

An event is acknowledged when its trigger was dispatched, or when it is known or not wanted; or,
where there is no room for it, when a saved checkpoint says that it is to be fetched.
"""

from __future__ import annotations

import random
import threading
import time
from typing import Any, Callable, Dict, List, Mapping, Optional

from st2slack.api.proxy import proxy_for
from st2slack.sensor import event_filter, payloads
from st2slack.sensor.backfill import Backfill
from st2slack.sensor.catch_up import CatchUp
from st2slack.sensor.checkpoint import Checkpoint
from st2slack.sensor.command_queue import CommandQueue
from st2slack.sensor.connection import (
    CONNECTED,
    DEGRADED,
    LOST,
    Backoff,
    Connection,
    ConnectionManager,
)
from st2slack.sensor.deduplicator import Deduplicator
from st2slack.sensor.deferred_acknowledgements import DeferredAcknowledgements
from st2slack.sensor.dispatcher import Dispatcher, Outcome
from st2slack.sensor.event_handler import EventHandler, Sources
from st2slack.sensor.event_queue import EventQueue
from st2slack.sensor.fetcher import Parts
from st2slack.sensor.gap_ledger import GapLedger
from st2slack.sensor.identity import IdentityLookup
from st2slack.sensor.model import Identity, Trigger
from st2slack.sensor.name_cache import NameCache
from st2slack.sensor.rate_limiter import RateLimiter
from st2slack.sensor.receiver import Destinations, Receiver
from st2slack.sensor.rtm import RealTimeMessaging
from st2slack.sensor.slack_clients import SlackClients
from st2slack.sensor.socket_mode import SocketMode
from st2slack.sensor.spans import Missing
from st2slack.sensor.status import Status
from st2slack.sensor.transport import Transport
from st2slack.sensor.websocket import open_websocket
from st2slack.settings.sensor import SensorSettings, read_sensor
from st2slack.settings.slack import read_settings

REDELIVERY = 360.0  # seconds in which Slack delivers again what was not acknowledged
STATUS_EVERY, HEARTBEAT = 300.0, 15.0  # seconds between status lines, and between heartbeats
WATCH = 0.25  # seconds between two looks at whether StackStorm takes triggers


class Services:
    """What the sensor needs of its host (StackStorm, or the sandbox)."""

    def __init__(
        self,
        dispatch: Callable[[str, Dict[str, Any], str], None],
        read: Callable[[str], Optional[str]],
        write: Callable[[str, str], None],
        log: Any,
        read_secret: Callable[[str], Optional[str]] = lambda key: None,
    ) -> None:
        # All workspaces share it: (trigger ref, payload, trace tag), see `Dispatcher`.
        self.dispatcher = Dispatcher(dispatch, log)
        self.read = read  # datastore key → text or None
        self.write = write
        self.log = log
        self.read_secret = read_secret  # the same for an encrypted key


class WorkspaceSensor:
    """Everything that belongs to one workspace. `stop` is shared by all."""

    def __init__(
        self,
        config: Mapping[str, Any],
        name: str,
        services: Services,
        stop: threading.Event,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self._services = services
        self._stop = stop
        self._clock = clock
        self.sensor: SensorSettings = read_sensor(config, name)
        self._settings = read_settings(config, name)
        proxy_for(self._settings.api_url, self._settings)  # one that cannot be used: say so now
        kind = SocketMode if self.sensor.app_token else RealTimeMessaging
        self._transport: Transport = kind(self.sensor, name)
        self.status = Status(name, self._transport.name)
        self._clients = SlackClients(self._settings, self.sensor, services.read_secret, stop)
        lookup = self._clients.lookup
        self._directory = NameCache(lookup, budget=lookup.settings.max_wait)
        self._seen = Deduplicator(REDELIVERY + self.sensor.backfill_max_age)
        warn = services.log.warning
        self.checkpoint = Checkpoint(services.read, services.write, name, self._seen, warn)
        self._me = Identity()
        self._wanted = event_filter.EventFilter(self.sensor, self._me)
        self._identity = IdentityLookup(
            lookup,
            services.log,
            self._renew_lookup_token,
            self._set_identity,
            lambda held: self._receiver.receive_event(*held),
        )
        self.queue = EventQueue()
        self.commands = CommandQueue()
        self._changed = threading.Event()
        self._manager = ConnectionManager(
            self._open_connection, self, stop, self._changed, Backoff(random.random)
        )
        self._connect_catch_up(warn)
        self._threads: List[threading.Thread] = []
        self._connected = self._loaded = self._resumed = False
        self._resuming = threading.Lock()
        self._next_line = self._next_beat = 0.0

    def _connect_catch_up(self, warn: Callable[[str], None]) -> None:
        self.ledger = GapLedger(
            self.queue, self.sensor, lambda: self.checkpoint.watermarks, self._gaps_changed
        )
        self._deferred = DeferredAcknowledgements(self.ledger.is_readable, time.monotonic)
        to = Destinations(
            self.queue,
            self.commands,
            self._deferred,
            self.ledger,
            self.checkpoint,
            self._directory,
            self.status,
            self._identity.hold,
        )
        fetches = self.sensor.backfill_max_age > 0
        self._receiver = Receiver(to, lambda: self._wanted, fetches, self.name, self._clock)
        self._handler = EventHandler(
            Sources(self.queue, self.checkpoint, self._directory, self.status),
            self.sensor,
            lambda: self._wanted,
            lambda: self._me,
            self._dispatched,
            self._clock,
        )
        self._backfill = Backfill(self._clients.history, self.name)
        parts = Parts(
            self._backfill,
            self.ledger,
            self.queue,
            self.checkpoint,
            self._receiver.accept_fetched,
            self._report_progress,
        )
        self.catch_up = CatchUp(
            parts, self.sensor, RateLimiter(), self._clock, warn, self._renew_lookup_token
        )
        self.checkpoint.missing = self._missing
        self.checkpoint.on_saved = self._deferred.saved

    # --- life -----------------------------------------------------------------------------------

    def start(self) -> None:
        """Load what is remembered and start the threads."""
        self._load(self._clock())
        self._next_line = self._clock() + STATUS_EVERY
        works = (
            self._manager.run,
            self._handle_events,
            self._dispatch_commands,
            self._run_catch_up,
            self._acknowledge_deferred,
            self._watch_dispatching,
            self._look_up_identity,
        )
        for work in works:
            thread = threading.Thread(
                target=self._guarded,
                args=(work,),
                daemon=True,
                name="slack-%s" % work.__name__.strip("_"),
            )
            thread.start()
            self._threads.append(thread)

    def _load(self, now: float) -> None:
        # StackStorm reads nothing from a datastore that fails, without a word; writing tells.
        self._loaded = self.checkpoint.save_status(self.document()) and self.checkpoint.load(now)
        if self._loaded:
            self.ledger.restore(self.checkpoint.gaps)
            if self._connected:
                self._resume_from_checkpoint()

    def tick(self) -> None:
        """Once a second: save what is due, tell how it goes."""
        try:
            self._tick(self._clock())
        except Exception:  # noqa: BLE001 (the sensor must not end by it)
            self._services.log.exception("Slack: a fault in keeping the status; going on")

    def _tick(self, now: float) -> None:
        if not self._loaded:
            self._load(now)
        self._update_checkpoint(now)
        for _ in self.queue.let_late_go(time.monotonic()):
            self.status.count("lines_late")
        if self._loaded:  # what was remembered must not be overwritten before it was read
            self.checkpoint.save_if_due(now)
        if now >= self._next_beat:
            self._next_beat = now + HEARTBEAT
            self.checkpoint.save_status(self.document())
        if now >= self._next_line:
            self._next_line = now + STATUS_EVERY
            self._services.log.info("Slack status: %s", self.status.line(now, **self._figures()))

    def _update_checkpoint(self, now: float) -> None:
        """Up to when everything was read: that far back is looked after an absence."""
        connection = self._manager.connection
        all_came = self.ledger.unknown_since is None and not self._identity.waiting
        if self._connected and connection is not None and all_came:
            # A connection may be dead since its last byte, without having been noticed yet.
            self.checkpoint.heard(now - (time.monotonic() - connection.last_received))
        self.checkpoint.protect(self.ledger.oldest_by_this_clock())
        if "token_expired" in self._directory.last_failure:
            self._renew_lookup_token()

    def document(self) -> Dict[str, Any]:
        """The status as data."""
        return self.status.document(self._clock(), **self._figures())

    def finish(self, timeout: float) -> None:
        """The threads have been told to stop: wait for them, then save."""
        self.queue.close()
        self._changed.set()
        self.commands.wake()
        self.catch_up.wake()
        ends = time.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, ends - time.monotonic()))
        self._update_checkpoint(self._clock())
        if self._loaded:
            self.checkpoint.save(self._clock())
        self.status.set(state="stopped", reason="", since=self._clock())
        self.checkpoint.save_status(self.document())

    def _guarded(self, work: Callable[[], None]) -> None:
        """A fault of ours must not end the sensor: told, and gone on with."""
        while not self._stop.is_set():
            try:
                work()
                return
            except Exception:  # noqa: BLE001 (the last net: what falls through would be silence)
                self._services.log.exception("Slack: a fault in %s; going on", work.__name__)
                self._stop.wait(1.0)

    def _figures(self) -> Dict[str, Any]:
        connection = self._manager.connection
        return {
            "queue": len(self.queue),
            **self.catch_up.figures(),
            "reconnects": self._manager.reconnects,
            "look_ups": self._directory.looked_up,
            "waiting_for_identity": self._identity.waiting,
            "frames": connection.frames if connection else 0,
        }

    # --- connecting -----------------------------------------------------------------------------

    def _open_connection(self) -> Connection:
        self._identity.ask()
        wire = open_websocket(self._url(), self._settings)
        return Connection(
            wire, self._transport, self._receiver.receive, self._changed, time.monotonic
        )

    def _url(self) -> str:
        return self._clients.open_url(self._transport)

    def _renew_lookup_token(self) -> None:
        self._directory.last_failure = ""
        self._clients.renew_lookup_token()

    def _set_identity(self, identity: Identity) -> None:
        self._me = identity
        self._wanted = event_filter.EventFilter(self.sensor, identity)
        self.status.set(team=identity.team, bot=identity.user)

    def _look_up_identity(self) -> None:
        self._identity.run(self._stop)

    def on_state(self, state: str, why: str) -> None:
        """Report a change of the connection: status, log, trigger."""
        now = self._clock()
        if state == LOST == self.status.state:
            # The next try fails for another reason: worth a line, but no trigger.
            self._services.log.info("Slack: still lost: %s", why)
            self.status.set(reason=why)
            return
        is_connected = state == CONNECTED
        if self._connected and not is_connected:
            self._connected = self.catch_up.connected = False
            if self._manager.connection is not None and self._manager.connection.is_abandoned:
                self.ledger.abandon(now)
            self.ledger.open(now, self.checkpoint.alive)
        self.status.set(state=state, reason=why, since=now)
        self._next_beat = 0.0  # the kept status follows at once
        log = self._services.log
        if state == CONNECTED:
            log.info(
                "Slack: connected to %s as %s by %s",
                self._me.team or "its workspace",
                self._me.user or "the app",
                self._transport.name,
            )
            self._resume_from_checkpoint()
            self._connected = self.catch_up.connected = True
        else:
            log.warning("Slack: %s: %s", state, why)
        self._put_state(state, why, now)

    def _put_state(self, state: str, why: str, now: float) -> None:
        self.commands.put_state(
            payloads.state_trigger(
                state, why, now, self._me.team_id, self.name, self._transport.name
            )
        )

    # --- the threads ----------------------------------------------------------------------------

    def _handle_events(self) -> None:
        self._handler.run(self._stop)

    def _run_catch_up(self) -> None:
        self.catch_up.run(self._stop)

    def _acknowledge_deferred(self) -> None:
        self._deferred.run(self._stop)

    def _dispatch_commands(self) -> None:
        """What was acknowledged on reading is dispatched before the sensor leaves."""
        while not (self._stop.is_set() and len(self.commands) == 0):
            trigger = self.commands.get(1.0)
            if trigger is not None:
                self._dispatched(trigger)

    def _dispatched(self, trigger: Trigger) -> bool:
        """Dispatch, again and again until it is done; False only where the sensor stops.

        A payload that StackStorm rejects for good is done with, too.
        """
        outcome = self._services.dispatcher.dispatch(
            trigger, self._stop, lambda: self.status.count("dispatch_failures")
        )
        if outcome is Outcome.STOPPED:
            return False
        self.status.count(outcome.value)
        return True

    def _watch_dispatching(self) -> None:
        """Beside `tick`, which waits for the datastore: that may hang for the same reason."""
        while not self._stop.wait(WATCH):
            self._note_dispatch_problem(self._clock())

    def _note_dispatch_problem(self, now: float) -> None:
        """Tell it when StackStorm begins or ceases to take triggers."""
        problem = self._services.dispatcher.problem()
        if not self.status.set_problem(problem):
            return
        self._next_beat = 0.0  # the kept status follows at once
        if problem is not None:
            state, why = DEGRADED, problem.reason
            self._services.log.warning("Slack: %s: %s; trying again, nothing is lost", state, why)
            self._put_state(state, why, problem.since)
            return
        why = "StackStorm takes triggers again"
        self._services.log.info("Slack: %s", why)
        if self._connected:
            self._put_state(CONNECTED, why, now)

    # --- what was missed ------------------------------------------------------------------------

    def _resume_from_checkpoint(self) -> None:
        """A connection is there; or it is known at last what was remembered."""
        now = self._clock()
        self._backfill.team = self._me.team_id
        with self._resuming:
            if self.checkpoint.alive is None:  # new here: from now on everything is its business
                self.checkpoint.heard(now)
                self._resumed = self._loaded
                if self._loaded:  # at once: if it were killed, the next would take itself for new
                    self.checkpoint.save(now)
            elif self._loaded and not self._resumed:
                self._resumed = True
                self.ledger.open(now, self.checkpoint.alive, self.checkpoint.remembered)
                self._warn_of_channels_left_out(now)
            self.ledger.close(now)

    def on_missed(self) -> None:
        """Messages may be missing, although no connection was lost."""
        now = self._clock()
        self.ledger.open(now, self.checkpoint.alive)
        self.ledger.close(now)

    def on_overlap(self, begins: bool) -> None:
        """What both hold is read before any of it is dispatched: so it can be put in order."""
        if begins:
            self.queue.pause("two connections")
            self.ledger.remember_marks()
        else:
            self.queue.resume("two connections")
            self.ledger.forget_marks()

    def _gaps_changed(self) -> None:
        self.checkpoint.changed()
        self.catch_up.wake()

    def _missing(self) -> Dict[str, Missing]:
        """For the checkpoint that is about to be saved."""
        held = [event for event, _ in self._identity.held]  # before the queue: they move there
        with self.ledger.lock:
            self._deferred.saving(self.ledger.version)
            return self.ledger.missing(held, self._clock())

    def _warn_of_channels_left_out(self, now: float) -> None:
        line = self.ledger.left_out_line(now, self.checkpoint.alive)
        if line:
            self._services.log.warning("Slack: %s", line)

    def _report_progress(self, state: str, why: str) -> None:
        now = self._clock()
        self._services.log.info("Slack: %s: %s", state.replace("_", " "), why)
        self.status.set(catch_up=why)
        self._put_state(state, why, now)
