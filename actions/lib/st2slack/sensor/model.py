"""PURE: what the parts of the sensor hand to each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Mapping, NamedTuple, Optional

from st2slack.base.json_access import get_object, get_text

MESSAGE = "slack.message"
EVENT = "slack.event"
COMMAND = "slack.command"
INTERACTION = "slack.interaction"
STATE = "slack.sensor_state"


def key_of(what: str, workspace: str) -> str:
    """The datastore key of the "memory" or "status" of a workspace; "": the config's top level.

    The name comes last, so that no name of a workspace can make the key of something else.
    """
    return "slack_sensor.%s%s" % (what, "." + workspace if workspace else "")


@dataclass
class Event:
    """One thing that happened, as Slack tells it.

    `body`: the event object (type, subtype, channel, user, ts, event_ts …). `event_id`: Socket
    Mode only. `team`: ID of the workspace that the app is installed in; `sender_team`: of the one
    that the event came from, another one with Slack Connect, "" where that is not said.
    `workspace`: name in the config, "" for its top level. `source`: "socket_mode", "rtm" or
    "backfill". `is_storable`: that StackStorm can store whatever is in it was seen already
    (json_safe.py). Not to be changed; a frozen one takes three times as long to make.

    `channel`: ID of the conversation, "" where there is none. `order`: when it happened, as Slack's
    timestamp text: events of a channel are in this order.
    """

    body: Mapping[str, Any]
    event_id: Optional[str] = None
    team: str = ""
    workspace: str = ""
    source: str = "socket_mode"
    is_storable: bool = False
    sender_team: str = ""

    def __post_init__(self) -> None:
        body = self.body
        channel, ts = body.get("channel"), body.get("ts")
        is_given = isinstance(channel, str) and channel
        self.channel: str = is_given or _nested_channel(body)
        self.order: str = ts if isinstance(ts, str) else get_text(body, "event_ts")

    @property
    def user(self) -> str:
        """ID of the user who did it, "" where there is none. For an edit: who wrote the message."""
        body = self.body
        user = body.get("user")
        if user and isinstance(user, str):
            return user
        found = _id(user) or _id(body.get("user_id"))
        for key in () if found else ("message", "previous_message"):
            nested = body.get(key)
            found = found or _id(nested.get("user") if isinstance(nested, dict) else "")
        return found


def _nested_channel(body: Mapping[str, Any]) -> str:
    """Of an event that has its channel as an object, in an item, or under another key."""
    channel = get_object(body, "channel").get("id") or get_object(body, "item").get("channel")
    channel = channel or body.get("channel_id")
    return channel if isinstance(channel, str) else ""


def _id(value: Any) -> str:
    """Of a user: told as text, or as an object."""
    found = value.get("id") if isinstance(value, dict) else value
    return found if isinstance(found, str) else ""


@dataclass(frozen=True)
class Identity:
    """Who we are in a workspace, from `auth.test`. Empty texts where Slack did not say.

    `team`, `user`: names, for people; `url`: the workspace's own address, for permalinks.
    """

    team_id: str = ""
    user_id: str = ""
    bot_id: str = ""
    app_id: str = ""
    team: str = ""
    user: str = ""
    url: str = ""

    @property
    def is_known(self) -> bool:
        """Whether messages of the app can be told from those of others."""
        return bool(self.user_id or self.bot_id)


class Trigger(NamedTuple):
    """What is dispatched into StackStorm. `trace_tag` names it for people."""

    ref: str
    payload: Dict[str, Any]
    trace_tag: str = ""
