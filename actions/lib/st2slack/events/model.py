"""PURE: what the parts of the sensor hand to each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, Mapping, Optional

MESSAGE = "slack.message"
EVENT = "slack.event"
COMMAND = "slack.command"
INTERACTION = "slack.interaction"
STATE = "slack.sensor_state"


@dataclass(frozen=True)
class Event:
    """One thing that happened, as Slack tells it.

    `body`: the event object (type, subtype, channel, user, ts, event_ts …). `event_id`: Socket
    Mode only. `team`: ID of the workspace it happened in. `workspace`: name in the config, "" for
    its top level. `source`: "socket_mode", "rtm" or "backfill".
    """

    body: Mapping[str, Any]
    event_id: Optional[str] = None
    team: str = ""
    workspace: str = ""
    source: str = "socket_mode"

    @property
    def channel(self) -> str:
        """ID of the conversation, "" where there is none. Some events nest it."""
        channel = self.body.get("channel")
        if isinstance(channel, Mapping):
            channel = channel.get("id")
        if not channel and isinstance(self.body.get("item"), Mapping):
            channel = self.body["item"].get("channel")
        channel = channel or self.body.get("channel_id")
        return channel if isinstance(channel, str) else ""

    @property
    def order(self) -> str:
        """When it happened, as Slack's timestamp text: events of a channel are in this order."""
        for key in ("ts", "event_ts"):
            value = self.body.get(key)
            if isinstance(value, str):
                return value
        return ""


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


@dataclass(frozen=True)
class Trigger:
    """What is dispatched into StackStorm. `trace_tag` names it for people."""

    ref: str
    payload: Dict[str, Any]
    trace_tag: str = field(default="")
