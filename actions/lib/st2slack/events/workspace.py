"""One workspace, sensed: a keeper holds the connection, a pump what was read, a worker dispatches.

    reader ──► pump ──► worker ──► dispatch ──► acknowledge      events, in order within a channel
       └─────► lane ──► dispatch                                 commands, interactions, states

An event is acknowledged when its trigger was dispatched, or when it is known or none of ours; never
before, for Slack delivers again what is not. Commands and interactions are acknowledged on reading:
nobody delivers them again, and people wait for them.
"""

from __future__ import annotations

import contextlib
import queue
import random
import threading
import time
from dataclasses import replace
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Tuple

from st2slack.errors import Refusal
from st2slack.events import connection, frames, model, triggers
from st2slack.events.backfill import Backfill, Plan, plan
from st2slack.events.connection import Keeper, Link
from st2slack.events.dispatcher import Dispatcher, Outcome
from st2slack.events.frames import Frame
from st2slack.events.identity import IdentityLookup
from st2slack.events.memory import Memory
from st2slack.events.model import Event, Identity, Trigger
from st2slack.events.names import Directory
from st2slack.events.one_try import OneTry
from st2slack.events.pump import Pump
from st2slack.events.rtm import RealTimeMessaging
from st2slack.events.seen import Seen
from st2slack.events.socket import open_wire
from st2slack.events.socket_mode import SocketMode
from st2slack.events.status import Status
from st2slack.settings.sensor import SensorSettings, read_sensor
from st2slack.settings.slack import read_settings
from st2slack.settings.values import check_token
from st2slack.web.call import Client
from st2slack.web.proxy import proxy_for

OPENING = 10.0  # seconds for all tries of one opening; the keeper backs off between them
LOOK_UP = 2.0  # seconds for a look-up, after which the trigger goes out with IDs only
REDELIVERY = 360.0  # seconds in which Slack delivers again what was not acknowledged
STATUS_EVERY, HEARTBEAT = 300.0, 15.0  # seconds between status lines, and between heartbeats
WATCH = 0.25  # seconds between two looks at whether StackStorm takes triggers
LONGEST_SILENCE = 3.0  # seconds in which nothing is dispatched, until it is known what was missed


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


class SensedWorkspace:
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
        self._transport: Any = kind(self.sensor, name)
        self.status = Status(name, self._transport.name)
        self._opening = Client(replace(self._settings, max_wait=OPENING), sleep=self._sleep)
        # Neither waits by itself: a look-up can do without its answer, and the catch-up waits where
        # the sensor's end can interrupt it.
        self._asking = OneTry(self._with_lookup_token(LOOK_UP))
        self._fetching = OneTry(self._with_lookup_token(OPENING))
        self._directory = Directory(self._asking, budget=LOOK_UP)
        self._seen = Seen(REDELIVERY + self.sensor.backfill_max_age)
        warn = services.log.warning
        self.memory = Memory(services.read, services.write, name, self._seen, warn)
        self._me = Identity()
        self._wanted = triggers.Wanted(self.sensor, self._me)
        self._identity = IdentityLookup(
            self._asking,
            services.log,
            self._renew_lookup_token,
            self._use_identity,
            self._release,
        )
        self.pump = Pump()
        self._lane: queue.Queue[Optional[Trigger]] = queue.Queue(1000)
        self._changed = threading.Event()
        self._keeper = Keeper(
            self._open_link,
            self._tell,
            lambda: len(self.pump) == 0,
            stop,
            self._changed,
            random.random,
            missed=self._missed,
            both=lambda begins: (self.pump.pause if begins else self.pump.resume)("both"),
        )
        self._backfill = Backfill(
            self._fetching, self.sensor, clock, warn, wait=stop.wait, workspace=name
        )
        self._threads: List[threading.Thread] = []
        self._catching_lock = threading.Lock()
        self._catching_up = self._missed_more = False
        self._left_off: Optional[Tuple[Dict[str, str], Optional[float]]] = None
        self._connected = self._busy = self._loaded = False
        self._next_line = self._next_beat = 0.0

    # --- life -----------------------------------------------------------------------------------

    def start(self) -> None:
        """Load what is remembered and start the threads."""
        self._load(self._clock())
        self._next_line = self._clock() + STATUS_EVERY
        works = (self._keeper.run, self._work, self._work_lane)
        for work in (*works, self._watch_dispatching, self._learn_identity):
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
        self._loaded = self.memory.save_status(self.document()) and self.memory.load(now)
        if self._loaded and self._connected:
            marks = {**self.memory.watermarks, **self.memory.remembered}
            self._left_off = marks, self.memory.alive
            self._start_catching_up()

    def tick(self) -> None:
        """Once a second: save what is due, tell how it goes."""
        try:
            self._tick(self._clock())
        except Exception:  # noqa: BLE001 (the sensor must not end by it)
            self._services.log.exception("Slack: a fault in keeping the status; going on")

    def _tick(self, now: float) -> None:
        if not self._loaded:
            self._load(now)
        self._take_note(now)
        if self._loaded:  # what was remembered must not be overwritten before it was read
            self.memory.save_if_due(now)
        if now >= self._next_beat:
            self._next_beat = now + HEARTBEAT
            self.memory.save_status(self.document())
        if now >= self._next_line:
            self._next_line = now + STATUS_EVERY
            self._services.log.info("Slack status: %s", self.status.line(now, **self._figures()))

    def _take_note(self, now: float) -> None:
        """Up to when everything was dealt with: that far back is looked after an absence."""
        at_rest = len(self.pump) == 0 and not self._busy and not self._catching_up
        at_rest = at_rest and not self._identity.waiting
        link = self._keeper.link
        if self._connected and at_rest and link is not None:
            # A connection may be dead since its last byte, without having been noticed yet.
            self.memory.heard(now - (time.monotonic() - link.heard))
        if "token_expired" in self._directory.last_failure:
            self._renew_lookup_token()

    def document(self) -> Dict[str, Any]:
        """The status as data."""
        return self.status.document(self._clock(), **self._figures())

    def finish(self, timeout: float) -> None:
        """The threads have been told to stop: wait for them, then save."""
        self.pump.close()
        self._changed.set()
        self._put_in_lane(None)
        ends = time.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, ends - time.monotonic()))
        self._take_note(self._clock())
        if self._loaded:
            self.memory.save(self._clock())
        self.status.set(state="stopped", why="", since=self._clock())
        self.memory.save_status(self.document())

    def _guarded(self, work: Callable[[], None]) -> None:
        """A fault of ours must not end the sensor: told, and gone on with."""
        while not self._stop.is_set():
            try:
                work()
                return
            except Exception:  # noqa: BLE001 (the last net: what falls through would be silence)
                self._services.log.exception("Slack: a fault in %s; going on", work.__name__)
                self._stop.wait(1.0)

    def _sleep(self, seconds: float) -> None:
        self._stop.wait(seconds)

    def _with_lookup_token(self, max_wait: float) -> Any:
        """A classic app has one token for everything."""
        own = self._settings.token_for(("bot",)) or self.sensor.token
        settings = self._settings.with_bot_token(own) if own else self._settings
        return replace(settings, max_wait=max_wait)

    def _figures(self) -> Dict[str, Any]:
        link = self._keeper.link
        return {
            "queue": len(self.pump),
            "reconnects": self._keeper.reconnects,
            "look_ups": self._directory.looked_up,
            "waiting_for_identity": self._identity.waiting,
            "frames": link.frames if link else 0,
        }

    # --- connecting -----------------------------------------------------------------------------

    def _open_link(self) -> Link:
        self._identity.ask()
        wire = open_wire(self._url(), self._settings)
        return Link(wire, self._transport, self._sink, self._changed, time.monotonic)

    def _url(self) -> str:
        try:
            return str(self._transport.open_url(self._opening))
        except Refusal as refusal:
            fresh = self._fresh_token(self.sensor.token_key)
            if refusal.code != "token_expired" or fresh is None:
                raise
            return str(self._transport.open_url(self._opening, fresh))

    def _fresh_token(self, key: Optional[str]) -> Optional[str]:
        """The token that the datastore holds now; None where no key is named or none is there."""
        text = self._services.read_secret(key) if key else None
        return check_token(text, "The datastore key %s" % key) if text else None

    def _renew_lookup_token(self) -> None:
        self._directory.last_failure = ""
        fresh = self._fresh_token(self.sensor.action_token_key)
        if fresh is not None:
            for client in (self._asking, self._fetching):
                client.settings = client.settings.with_bot_token(fresh)

    def _use_identity(self, identity: Identity) -> None:
        self._me = identity
        self._wanted = triggers.Wanted(self.sensor, identity)
        self.status.set(team=identity.team, bot=identity.user)

    def _release(self, content: Tuple[Optional[Link], Frame]) -> None:
        """A message that was held until the identity was known is judged anew."""
        event = content[1].event
        if event is not None:
            self.pump.put(content, event.channel, event.order, wait=False)

    def _learn_identity(self) -> None:
        self._identity.run(self._stop)

    def _tell(self, state: str, why: str) -> None:
        now = self._clock()
        if state == connection.LOST == self.status.state:
            # The next try fails for another reason: worth a line, but no trigger.
            self._services.log.info("Slack: still lost: %s", why)
            self.status.set(why=why)
            return
        with self._catching_lock:
            if self._connected and state != connection.CONNECTED:
                self._note_where_it_left_off()
            self._connected = state == connection.CONNECTED
        self.status.set(state=state, why=why, since=now)
        self._next_beat = 0.0  # the kept status follows at once
        log = self._services.log
        if state == connection.CONNECTED:
            log.info(
                "Slack: connected to %s as %s by %s",
                self._me.team or "its workspace",
                self._me.user or "the app",
                self._transport.name,
            )
            self._start_catching_up()
        else:
            log.warning("Slack: %s: %s", state, why)
        self._put_in_lane(
            triggers.state_trigger(
                state, why, now, self._me.team_id, self.name, self._transport.name
            )
        )

    # --- reading --------------------------------------------------------------------------------

    def _sink(self, link: Link, frame: Frame) -> None:
        """Called by the reader for each frame; waits where the pump is full."""
        if frame.kind == frames.EVENT and frame.event is not None:
            self.status.event_at(self._clock())
            self._directory.learn(frame.event.body)
            self.pump.put((link, frame), frame.event.channel, frame.event.order)
            return
        if frame.answer is not None:
            link.send(frame.answer)
        if frame.kind == frames.COMMAND:
            self.status.count("commands")
            self._put_in_lane(triggers.command_trigger(frame.payload, self.name))
        elif frame.kind == frames.INTERACTION:
            self.status.count("interactions")
            self._put_in_lane(triggers.interaction_trigger(frame.payload, self.name))
        else:
            self.status.ignore(frame.reason or "frame")

    def _put_in_lane(self, trigger: Optional[Trigger]) -> None:
        while True:
            try:
                self._lane.put(trigger, timeout=0.5)
                return
            except queue.Full:
                if self._stop.is_set():
                    return

    # --- dispatching ----------------------------------------------------------------------------

    def _work(self) -> None:
        while not self._stop.is_set():
            item = self.pump.get(1.0)
            if item is None:
                continue
            self._busy = True
            link, frame = item.content
            can_come_again = link is not None and frame.answer is not None
            is_held = self._waits_for_identity(item.content)
            if not is_held and self._handled(frame.event, can_come_again) and can_come_again:
                link.send(frame.answer)
            self._busy = False

    def _work_lane(self) -> None:
        """What was acknowledged on reading is dispatched before the sensor leaves."""
        while not (self._stop.is_set() and self._lane.empty()):
            with contextlib.suppress(queue.Empty):
                trigger = self._lane.get(timeout=1.0)
                if trigger is not None:
                    self._dispatched(trigger)

    def _waits_for_identity(self, content: Any) -> bool:
        """Whether it was put aside: a bot's message while it is not known who the app is."""
        if self._identity.is_known:
            return False
        judgement = self._wanted.judge(content[1].event, None)
        return judgement.why == triggers.IDENTITY_UNKNOWN and self._identity.hold(content)

    def _handled(self, event: Event, can_come_again: bool) -> bool:
        """True where the event needs no other delivery: dispatched, known, or none of ours."""
        judgement = self._wanted.judge(event, None)
        if judgement.ref is not None and self.memory.known(event, judgement.ref):
            self.status.count("known")
            return True
        channel: Mapping[str, Any] = {}
        if judgement.ref is not None:
            channel = self._directory.channel(event.channel) if event.channel else {}
            if self._wanted.looks_at_channel(event):
                judgement = self._wanted.judge(event, channel)
        if judgement.ref is None:
            self.status.ignore(judgement.why)
            if judgement.why == triggers.IDENTITY_UNKNOWN:
                return False
            if judgement.why != triggers.NOT_KNOWN:
                return True
            # It may be one of `sensor.channels`: rather once too often than lost.
            if can_come_again:
                return False
        ref = judgement.ref or model.MESSAGE
        if not self._dispatched(self._trigger(event, ref, channel)):
            return False
        self.memory.dispatched(event, ref, self._clock())
        return True

    def _trigger(self, event: Event, ref: str, channel: Mapping[str, Any]) -> Trigger:
        user = self._directory.user(event.user) if event.user else {}
        if ref != model.MESSAGE:
            return triggers.event_trigger(event, user, channel)
        names: Mapping[str, str] = {}
        if self.sensor.plain_text:
            names = self._directory.names(triggers.user_ids_in(str(event.body.get("text") or "")))
        return triggers.message_trigger(event, user, channel, names, self.sensor, self._me.url)

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
        untold: List[Trigger] = []
        while not self._stop.wait(WATCH):
            untold += self._note_dispatch_problem(self._clock())
            with contextlib.suppress(queue.Full):  # commands wait there: later, then
                while untold:
                    self._lane.put_nowait(untold[0])
                    del untold[0]

    def _note_dispatch_problem(self, now: float) -> List[Trigger]:
        """What is to be told when StackStorm begins or ceases to take triggers."""
        problem = self._services.dispatcher.problem()
        if not self.status.set_problem(problem):
            return []
        self._next_beat = 0.0  # the kept status follows at once
        if problem is not None:
            state, why, since = connection.DEGRADED, problem.why, problem.since
            self._services.log.warning("Slack: %s: %s; trying again, nothing is lost", state, why)
        else:
            state, why, since = connection.CONNECTED, "StackStorm takes triggers again", now
            self._services.log.info("Slack: %s", why)
            if not self._connected:
                return []
        workspace = (self._me.team_id, self.name, self._transport.name)
        return [triggers.state_trigger(state, why, since, *workspace)]

    # --- what was missed ------------------------------------------------------------------------

    def _note_where_it_left_off(self) -> None:
        """Watermarks go on while one absence is caught up; the next begins where they are now."""
        marks, alive = self.memory.watermarks, self.memory.alive
        if self._left_off is not None:
            marks, alive = {**marks, **self._left_off[0]}, self._left_off[1]
        self._left_off = marks, alive

    def _missed(self) -> None:
        """Without having been disconnected."""
        with self._catching_lock:
            self._note_where_it_left_off()
        self._start_catching_up()

    def _start_catching_up(self) -> None:
        """Before anything new is read: what is older has to come first."""
        if self.sensor.backfill_max_age <= 0:
            return
        if self.memory.alive is None:  # new here: from now on everything is its business
            self.memory.heard(self._clock())
            if self._loaded:  # at once: if it were killed, the next would take itself for new
                self.memory.save(self._clock())
            return
        with self._catching_lock:
            self.pump.pause()
            self._missed_more = True  # where one runs, it is followed by another
            if self._catching_up:
                return
            self._catching_up = True
        threading.Thread(target=self._catch_up, daemon=True, name="slack-catch-up").start()

    def _catch_up(self) -> None:
        while self._more_was_missed():
            try:
                self._fetch_what_was_missed(self._clock())
            except Exception:
                self._services.log.exception("Slack: what was missed could not be fetched")

    def _more_was_missed(self) -> bool:
        with self._catching_lock:
            if self._missed_more and not self._stop.is_set():
                self._missed_more = False
                return True
            self.pump.release()
            self.pump.resume()
            self._catching_up = False
            return False

    def _let_go_on(self, but: Iterable[str]) -> None:
        """Dispatch again, but for these channels; unless more was missed meanwhile."""
        with self._catching_lock:
            if self._catching_up and not self._missed_more:
                self.pump.hold(but)
                self.pump.resume()

    def _fetch_what_was_missed(self, now: float) -> None:
        marks, alive = self._left_off or (self.memory.watermarks, self.memory.alive)
        failed = self._backfill.failed
        known = self._conversations(marks)
        todo = plan(marks, alive, now, self.sensor, known)
        count = self._fetch(todo, now)
        if known is None:
            # Those that nothing was dispatched from yet: late, but not lost.
            known = self._backfill.conversations() or []
            new = [each for each in known if each.get("id") not in marks]
            rest = plan({}, alive, now, self.sensor, new)
            count += self._fetch(rest, now)
            todo = Plan([*todo.gaps, *rest.gaps])
        with self._catching_lock:
            done = not (self._missed_more or self._stop.is_set())
            if done and self._connected:  # else the next one begins there again
                self._left_off = None
        if done:
            self._say_caught_up(len(todo.gaps), count, self._backfill.failed - failed, now)

    def _conversations(self, marks: Mapping[str, str]) -> Optional[List[Dict[str, Any]]]:
        """What the app is in; None where Slack does not tell in time. All wait for that."""
        relief = threading.Timer(LONGEST_SILENCE, self._let_go_on, (marks,))
        relief.daemon = True
        relief.start()
        try:
            return self._backfill.conversations(LONGEST_SILENCE)
        finally:
            relief.cancel()

    def _fetch(self, todo: Plan, now: float) -> int:
        """Put what the channels have into the pump, one after the other; how much it was."""
        if todo.left_out:
            self._services.log.warning("Slack: %s", todo.left_out)
        self._let_go_on([gap.channel for gap in todo.gaps])
        count = 0
        for gap in todo.gaps:
            if self._stop.is_set() or self._missed_more:
                break
            threads = self.memory.threads(gap.channel, now - self.sensor.backfill_max_age)
            for event in self._backfill.fetch(gap, now, threads):
                frame = Frame(frames.EVENT, event=replace(event, team=self._me.team_id))
                self.pump.put((None, frame), gap.channel, event.order, wait=False)
                count += 1
            self.pump.release(gap.channel)
        return count

    def _say_caught_up(self, channels: int, count: int, failed: int, now: float) -> None:
        self.status.count("caught_up", count)
        line = "%d messages found in %d channels" % (count, channels)
        line += "; %d times something could not be fetched" % failed if failed else ""
        self._services.log.info("Slack: caught up: %s", line)
        trigger = triggers.state_trigger(
            "caught_up", line, now, self._me.team_id, self.name, self._transport.name
        )
        self._put_in_lane(trigger)
