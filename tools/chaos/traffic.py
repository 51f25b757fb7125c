"""What people and apps do in a busy workspace, and what Slack handed over of it.

Messages, replies to any of the last parents, replies that are sent to the channel too, files, edits
and messages of other bots; and a slash command now and then.
"""

from __future__ import annotations

import random
import time
from collections import defaultdict, deque
from typing import Any, Deque, Dict, Iterator, List, NamedTuple, Optional

from sandbox.slack import LoopbackSlack
from sandbox.slack.state.seed import BOT, OWNER
from sandbox.slack.state.workspace import Channel, User
from tools.real_time import RealTime

from .judge import Handed, Said
from .plan import Plan

WORD = "chaos"
PEOPLE = 2000  # so many speak that there is always somebody to look up
PARENTS = 30  # of a channel, that are replied to
BROADCASTS, FILES, EDITS, BOTS = 0.1, 0.05, 0.05, 0.05  # of replies; of messages


class Command(NamedTuple):
    """A slash command: when Slack handed it over, when it was acknowledged (None: never), and the
    number of its connection."""

    handed: float
    acknowledged: Optional[float]
    connection: int = 0


class Traffic:
    """Speaks in a loopback Slack, and notes what was handed over, and when."""

    def __init__(self, slack: LoopbackSlack, plan: Plan) -> None:
        self.slack = slack
        self.plan = plan
        self.chance = random.Random(plan.seed)
        self.said: List[Said] = []
        self.handed: Dict[int, List[Handed]] = defaultdict(list)
        self.edits = 0
        self._numbers: Dict[str, int] = {}
        self._command_handed: Dict[str, float] = {}
        self._command_done: Dict[str, float] = {}
        self._command_link: Dict[str, int] = {}
        self._ended: Dict[int, float] = {}  # connection → when it carried nothing more
        slack.workspace.next_ts = RealTime()  # type: ignore[method-assign]
        slack.socket.retry_after = (0, 2, 10)  # as Slack, in shorter time
        self._listen()
        self._people = [self._person(number) for number in range(PEOPLE)]
        self.channels = [self._channel(number) for number in range(plan.channels)]
        self._parents: Dict[str, Deque[str]] = {
            channel: deque(maxlen=PARENTS) for channel in self.channels
        }

    def talk(self) -> Iterator[int]:
        """All messages at the plan's rate, in bursts; yields how many there are so far."""
        began = time.monotonic()
        next_command = began
        while len(self.said) < self.plan.messages:
            most = max(2, int(self.plan.rate / 4))
            for _ in range(min(self.chance.randrange(1, most), self._left())):
                self._say()
            yield len(self.said)
            now = time.monotonic()
            if self.plan.commands and now >= next_command and self.plan.transport != "rtm":
                next_command = max(now, next_command) + 1.0 / self.plan.commands
                self.slack.socket.push_command("do %d" % len(self._command_handed))
            due = began + len(self.said) / self.plan.rate
            time.sleep(max(0.0, due - now))

    def burst(self, count: int) -> None:
        """So many messages as fast as they are read, in all channels in turn."""
        self.slack.socket.burst(count, self.channels, text=WORD).result(600)
        for channel in self.channels:
            for message in self.slack.workspace.channels[channel].messages:
                number = int(message["text"].split()[1])
                self.said.append(Said(number, (channel, ""), message["ts"]))

    def commands(self) -> List[Command]:
        """Those that were handed over on a connection that lived for at least a second more."""
        return [
            Command(handed, self._command_done.get(envelope), self._command_link[envelope])
            for envelope, handed in self._command_handed.items()
            if self._ended.get(self._command_link[envelope], handed + 9.0) - handed > 1.0
        ]

    def record_of(self, said: Said) -> Dict[str, Any]:
        """Everything that Slack did with a message, as JSON."""
        record = self.slack.socket.record
        ids = {event_id for event_id, number in self._numbers.items() if number == said.number}
        deliveries = [each for each in list(record.deliveries) if each.event_id in ids]
        envelopes = {each.envelope_id for each in deliveries}
        acknowledged = [each for each in list(record.acknowledged) if each.envelope_id in envelopes]
        return {
            "said": said._asdict(),
            "handed": [each._asdict() for each in self.handed.get(said.number, ())],
            "deliveries": [each._asdict() for each in deliveries],
            "acknowledged": [each._asdict() for each in acknowledged],
            "given_up": bool(ids & set(record.given_up)),
        }

    def link_dies(self, number: int) -> None:
        """What will be handed over on this connection is not read."""
        self._ended.setdefault(number, time.time())

    # --- saying ---------------------------------------------------------------------------------

    def _left(self) -> int:
        return self.plan.messages - len(self.said)

    def _say(self) -> None:
        number, channel = len(self.said), self.chance.choice(self.channels)
        parents = self._parents[channel]
        more: Dict[str, Any] = {}
        line = ""
        if parents and self.chance.random() < self.plan.replies:
            line = more["thread_ts"] = self.chance.choice(parents)
            if self.chance.random() < BROADCASTS:
                line, more["subtype"] = "", "thread_broadcast"
        elif self.chance.random() < FILES:
            more.update(subtype="file_share", files=[{"id": "F%d" % number, "name": "a.txt"}])
        text = "%s %d" % (WORD, number)
        user = self.chance.choice(self._people)
        if "subtype" not in more and self.chance.random() < BOTS:
            user = "U0OTHERBOT1"
            more.update(bot_id="B0OTHER001", app_id="A0OTHER001")
        posted = self.slack.workspace.say(user, channel, text, **more)
        self.said.append(Said(number, (channel, line), posted["ts"]))
        if self.plan.transport == "rtm":  # every connection is told at once
            self.handed[number].append(Handed(float(posted["ts"]), 0))
        if "thread_ts" not in more:
            parents.append(posted["ts"])
        if self.chance.random() < EDITS:
            self._edit(channel, posted)

    def _edit(self, channel: str, message: Dict[str, Any]) -> None:
        self.edits += 1
        ts = self.slack.workspace.next_ts()
        self.slack.socket.push_event(
            {
                "type": "message",
                "subtype": "message_changed",
                "hidden": True,
                "channel": channel,
                "channel_type": "channel",
                "ts": ts,
                "event_ts": ts,
                "message": {**message, "edited": {"user": message["user"], "ts": ts}},
                "previous_message": dict(message),
            }
        )

    def _person(self, number: int) -> str:
        user = User("U0CHAOS%04d" % number, "p%d" % number, "Person %d" % number)
        return self.slack.workspace.add_user(user).id

    def _channel(self, number: int) -> str:
        channel = Channel("C0CHAOS%04d" % number, "chaos-%d" % number, OWNER)
        channel.members = [OWNER, BOT]
        return self.slack.workspace.add_channel(channel).id

    # --- listening ------------------------------------------------------------------------------

    def _listen(self) -> None:
        """Note when each message and command is handed over, and over which connection."""
        record = self.slack.socket.record
        note, push = record.note, self.slack.socket.push_event
        left, joined = self.slack.socket._on_disconnect, self.slack.socket._on_connect

        def joining(connection: Any, debug: bool) -> None:
            # Slack's clients wait for hello: without one they read nothing and leave. A command
            # is not delivered again, so nobody can answer one on such a connection.
            if not connection._plan.hello:
                self.link_dies(connection.number)
            joined(connection, debug)

        def leaving(connection: Any) -> None:
            self.link_dies(connection.number)
            left(connection)

        self.slack.socket._on_connect = joining  # type: ignore[method-assign]
        self.slack.socket._on_disconnect = leaving  # type: ignore[method-assign]

        def noting(into: List[Any], what: Any) -> None:
            if into is record.deliveries and what.connection not in self._ended:
                number = self._numbers.get(what.event_id)
                if number is not None:
                    self.handed[number].append(Handed(time.time(), what.connection))
                elif what.type == "slash_commands":
                    self._command_handed[what.envelope_id] = time.time()
                    self._command_link[what.envelope_id] = what.connection
            elif into is record.acknowledged and what.envelope_id in self._command_handed:
                self._command_done.setdefault(what.envelope_id, time.time())
            note(into, what)

        def pushing(event: Any, **envelope: Any) -> str:
            text = str(event.get("text", "")).split()
            event_id = "EvChaos%d" % len(self._numbers)
            self._numbers[event_id] = int(text[1]) if text[:1] == [WORD] else -1
            return push(event, **{"event_id": event_id, **envelope})

        record.note = noting  # type: ignore[method-assign]
        self.slack.socket.push_event = pushing  # type: ignore[method-assign]
