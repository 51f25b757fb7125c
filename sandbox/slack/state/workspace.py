"""What a workspace remembers. IDs and timestamps are made by counting: the same every time."""

from __future__ import annotations

import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Iterable, List, Optional, Union

from sandbox.slack.state import mentions

# 2026-11-23 08:00 UTC. Real time would make every run another one.
START = 1795420800
Json = Dict[str, Any]
WHISPERS = 200  # messages of one conversation that one member only sees; older ones are forgotten


@dataclass
class User:
    """A member, or (`team`: ID of their workspace) somebody of another organization in a shared
    channel. `profile` holds what users.profile.set may change, in Slack's shape.
    """

    id: str
    name: str
    real_name: str
    email: str = ""
    is_bot: bool = False
    deleted: bool = False
    is_restricted: bool = False
    is_admin: bool = False
    is_owner: bool = False
    bot_id: str = ""
    tz: str = "Europe/Oslo"
    presence: str = "active"
    profile: Json = field(default_factory=dict)
    updated: int = START
    team: str = ""


@dataclass
class Channel:
    """A conversation of any kind: public_channel, private_channel, mpim or im.

    `messages`: in Slack's shape, oldest first; `pins`: {"ts", "by", "created"};
    `topic`, `purpose`: {"value", "creator", "last_set"}; `marks`: user ID → last read ts;
    `whispers`: ephemeral messages, each with its addressee in `_to`. No history tells of them.
    """

    id: str
    name: str
    creator: str
    kind: str = "public_channel"
    created: int = START
    members: List[str] = field(default_factory=list)
    topic: Json = field(default_factory=lambda: {"value": "", "creator": "", "last_set": 0})
    purpose: Json = field(default_factory=lambda: {"value": "", "creator": "", "last_set": 0})
    is_archived: bool = False
    is_general: bool = False
    previous_names: List[str] = field(default_factory=list)
    messages: List[Json] = field(default_factory=list)
    whispers: List[Json] = field(default_factory=list)
    pins: List[Json] = field(default_factory=list)
    bookmarks: List[Json] = field(default_factory=list)
    marks: Dict[str, str] = field(default_factory=dict)
    closed_by: List[str] = field(default_factory=list)

    def message(self, ts: str) -> Optional[Json]:
        """The message of this timestamp, None where there is none."""
        return next((message for message in self.messages if message["ts"] == ts), None)

    def thread(self, ts: str) -> List[Json]:
        """The replies to the parent of this timestamp, oldest first, without the parent."""
        return [
            message
            for message in self.messages
            if message.get("thread_ts") == ts and message["ts"] != ts
        ]


@dataclass
class Upload:
    """A file that was announced. `received`: bytes that came, None before; `content` is empty where
    it was too much to be kept. It is gone once its file is made."""

    id: str
    ticket: str
    name: str
    length: int
    user: str
    snippet_type: str = ""
    alt_txt: str = ""
    received: Optional[int] = None
    sha256: str = ""
    content: bytes = b""


@dataclass
class Answerable:
    """Where what is posted to a response_url goes. `message_ts`: the message that was acted on, ""
    after a command; `until`: seconds since the epoch; `uses`: how often it was posted to."""

    channel: str
    user: str
    until: float
    message_ts: str = ""
    thread_ts: str = ""
    uses: int = 0


class Workspace:
    """A team with all that is in it. `lock` is held while a call is carried out.

    `on_event` is called with each event, in the shape of the Events API, e.g. {"type":
    "message", "channel": …}. `clock` tells the real time, in seconds, for what lies ahead or
    behind of now (scheduled messages); nothing is named by it until `use_clock` is called.
    """

    def __init__(
        self, team_id: str, name: str, domain: str, clock: Callable[[], float] = time.time
    ) -> None:
        self.team: Json = {"id": team_id, "name": name, "domain": domain}
        self.clock = clock
        self.lock = threading.RLock()
        self.on_event: Optional[Callable[[Json], None]] = None
        self.users: Dict[str, User] = {}
        self.channels: Dict[str, Channel] = {}
        self.files: Dict[str, Json] = {}
        self.uploads: Dict[str, Upload] = {}
        self.contents: Dict[str, bytes] = {}
        self.usergroups: Dict[str, Json] = {}
        self.custom_emoji: Dict[str, str] = {}  # name → address of its image, or alias:NAME
        self.invited: List[str] = []
        self.views: Dict[str, Json] = {}
        self.scheduled: Dict[str, Json] = {}
        self.trigger_ids: Dict[str, str] = {}
        self.trigger_users: Dict[str, str] = {}
        self.response_urls: Dict[str, Answerable] = {}
        self._ticks = 0
        self._latest: Optional[int] = None  # microseconds, once timestamps are those of the clock
        self._numbers: Dict[str, int] = {}

    def next_ts(self) -> str:
        """A new timestamp, later than all before; two at a time share their second."""
        self._ticks += 1
        if self._latest is not None:
            self._latest = max(self._latest + 1, int(self.clock() * 1_000_000))
            return "{}.{:06d}".format(*divmod(self._latest, 1_000_000))
        return "{}.{:06d}".format(START + self._ticks // 2, 119 + self._ticks % 2 * 100)

    def now(self) -> int:
        """The workspace's own second: that of the latest timestamp, or of the clock."""
        if self._latest is not None:
            return int(self.clock())
        return START + self._ticks // 2

    def use_clock(self) -> None:
        """From now on timestamps are those of the clock.

        A sensor looks for what it missed in the last hour: it finds only such messages.
        """
        self._latest = 0

    def next_id(self, prefix: str) -> str:
        """A new ID, e.g. C0900000001 for prefix C."""
        self._numbers[prefix] = self._numbers.get(prefix, 0) + 1
        return "{}09{:08d}".format(prefix, self._numbers[prefix])

    def trigger_id(self, state: str = "fresh", user: str = "") -> str:
        """A trigger ID as a click would bring it; views.open and views.push take it once.

        `state`: fresh, or expired for one that came too late; `user`: whose click it was, who then
        sees the modal.
        """
        self._numbers["trigger"] = self._numbers.get("trigger", 0) + 1
        new_id = "{}.{}.loopback".format(START, self._numbers["trigger"])
        self.trigger_ids[new_id] = state
        self.trigger_users[new_id] = user
        return new_id

    def emit(self, kind: str, **fields: Any) -> None:
        """Tell `on_event` that something happened."""
        if self.on_event is not None:
            event_ts = fields.pop("event_ts", None) or self.next_ts()
            self.on_event({"type": kind, "event_ts": event_ts, **fields})

    def add_user(self, user: User) -> User:
        """Let a user join the team."""
        self.users[user.id] = user
        return user

    def add_crowd(self, count: int) -> None:
        """Let many join at once: crowd0, crowd1 …, every tenth of them deactivated."""
        for number in range(count):
            name = "crowd{}".format(number)
            email = name + "@crowd.example"
            user_id = "U9{:08d}".format(number)
            is_deactivated = number % 10 == 9
            self.add_user(
                User(user_id, name, "Crowd {}".format(number), email, deleted=is_deactivated)
            )

    def add_channel(self, channel: Channel) -> Channel:
        """Put a conversation into the team."""
        self.channels[channel.id] = channel
        return channel

    def channel_named(self, name: str) -> Optional[Channel]:
        """The channel of this name, with or without #; direct messages have no names."""
        wanted_name = name.lstrip("#")
        return next(
            (
                channel
                for channel in self.channels.values()
                if channel.name == wanted_name and channel.kind != "im"
            ),
            None,
        )

    def direct(self, members: Iterable[str], create: bool = True) -> Optional[Channel]:
        """The direct message of exactly these members; opened where there was none."""
        wanted_name = sorted(set(members))
        for channel in self.channels.values():
            if channel.kind in ("im", "mpim") and sorted(channel.members) == wanted_name:
                return channel
        if not create:
            return None
        kind = "im" if len(wanted_name) <= 2 else "mpim"
        names = "--".join(self.users[member].name for member in wanted_name)
        name = "" if kind == "im" else "mpdm-{}-1".format(names)
        channel = Channel(
            self.next_id("D" if kind == "im" else "C"),
            name,
            wanted_name[0],
            kind,
            self.now(),
            wanted_name,
        )
        return self.add_channel(channel)

    def post(self, channel: Channel, message: Json) -> Json:
        """Put a message into a conversation, at a new timestamp, and tell of it."""
        message = {"type": "message", "ts": self.next_ts(), "team": self.team["id"], **message}
        parent = channel.message(message["thread_ts"]) if message.get("thread_ts") else None
        if parent is not None and parent.get("user"):
            message.setdefault("parent_user_id", parent["user"])
        channel.messages.append(message)
        channel.closed_by.clear()
        self.recount(channel, message)
        more = (
            {"root": without_private_keys(parent)}
            if message.get("subtype") == "thread_broadcast"
            else {}
        )
        self.emit("message", **{**self._event_of(channel, message), **more})
        self._mention(channel, message)
        return message

    def _mention(self, channel: Channel, message: Json) -> None:
        """Tell a bot that it is mentioned; of a direct message the message itself tells it."""
        people = mentions.mentioned(message) if channel.kind != "im" else ()
        if any(self.users[each].is_bot for each in people if each in self.users):
            self.emit("app_mention", **mentions.event(channel.id, without_private_keys(message)))

    def whisper(self, channel: Channel, user_id: str, message: Json) -> Json:
        """Show a message to one person only. No event tells of it."""
        around = {"type": "message", "ts": self.next_ts(), "team": self.team["id"]}
        message = {**around, "is_ephemeral": True, **message, "_to": user_id}
        channel.whispers.append(message)
        del channel.whispers[:-WHISPERS]
        return message

    def say(self, user_id: str, channel: Union[str, Channel], text: str, **more: Any) -> Json:
        """Let a person post, from any thread; `channel`: an ID, a name or a Channel; `more`: other
        members of the message (thread_ts, files, subtype, blocks …). Returns the message."""
        with self.lock:
            return self.post(self._find_channel(channel), self._new_message(user_id, text, more))

    def unrecorded_message(self, user_id: str, channel: str, text: str) -> Json:
        """The event of a message by a person which no history remembers."""
        message = {
            "ts": self.next_ts(),
            "team": self.team["id"],
            **self._new_message(user_id, text, {}),
        }
        event = self._event_of(self._find_channel(channel), message)
        return {"type": "message", **event}

    def _new_message(self, user_id: str, text: str, more: Json) -> Json:
        self._numbers["client_msg"] = self._numbers.get("client_msg", 0) + 1
        new_id = str(uuid.UUID(int=self._numbers["client_msg"], version=4))
        return {"user": user_id, "text": text, "client_msg_id": new_id, **more}

    def _find_channel(self, channel: Union[str, Channel]) -> Channel:
        if isinstance(channel, Channel):
            return channel
        found = self.channels.get(channel) or self.channel_named(channel)
        if found is None:
            raise KeyError(channel)
        return found

    @staticmethod
    def _event_of(channel: Channel, message: Json) -> Json:
        """The members of the event that tells of a new message."""
        return {
            "channel": channel.id,
            "channel_type": CHANNEL_TYPES[channel.kind],
            "event_ts": message["ts"],
            **{key: value for key, value in without_private_keys(message).items() if key != "type"},
        }

    @staticmethod
    def recount(channel: Channel, message: Json) -> None:
        """Bring the counts of a reply's parent up to date, after the reply came or went."""
        if not message.get("thread_ts"):
            return  # soon: a history may be long
        parent = channel.message(message["thread_ts"])
        if parent is None or parent is message:
            return
        replies = channel.thread(parent["ts"])
        if not replies:
            for key in (
                "thread_ts",
                "reply_count",
                "reply_users",
                "reply_users_count",
                "latest_reply",
            ):
                parent.pop(key, None)
            return
        people = list(dict.fromkeys(reply.get("user", "") for reply in replies))
        parent.update(
            thread_ts=parent["ts"],
            reply_count=len(replies),
            reply_users=people,
            reply_users_count=len(people),
            latest_reply=replies[-1]["ts"],
        )


def without_private_keys(message: Optional[Json]) -> Json:
    """PURE: a message as others see it; names that begin with _ are the server's own."""
    return {key: value for key, value in (message or {}).items() if not key.startswith("_")}


CHANNEL_TYPES = {
    "public_channel": "channel",
    "private_channel": "group",
    "mpim": "mpim",
    "im": "im",
}
