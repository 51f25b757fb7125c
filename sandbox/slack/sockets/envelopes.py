"""PURE: an event, a command, an interaction → the frame that brings it; and who may see an event.

The keys are those of etc/slack/events.json, `events_api_wrapper` and `socket_mode`.
"""

from __future__ import annotations

import json
from typing import Any, Dict, Iterable, Mapping, Optional, Set

from sandbox.slack.state.workspace import Answerable, Channel, Json, Workspace

EVENTS_API = "events_api"
SLASH_COMMANDS = "slash_commands"
INTERACTIVE = "interactive"
HOST = "applink-loopback"
TOKEN = "loopback-verification"
# Members of the envelope itself; what else push_event is told belongs to its payload.
OF_ENVELOPE = frozenset(
    ("envelope_id", "type", "accepts_response_payload", "retry_attempt", "retry_reason")
)
# The interactions that may be answered by the acknowledgement: those for which Bolt's types let
# `ack` take something (@slack/bolt, types/actions, options, view).
ANSWERABLE = (
    "view_submission",
    "block_suggestion",
    "dialog_submission",
    "dialog_suggestion",
    "interactive_message",
)
# Seconds that a response_url can be used:
# https://docs.slack.dev/interactivity/handling-user-interaction, "Message responses".
RESPONSE_LIFETIME = 1800
# What all members of the workspace are told, whichever public channel it is about.
OF_EVERYBODY = ("channel_created", "channel_rename", "channel_archive", "channel_unarchive")


def text_of(frame: Any) -> str:
    """The frame as it is sent."""
    return json.dumps(frame, separators=(",", ":"))


def hello(app_id: str, connections: int, debug_reconnects: bool) -> Json:
    """The first frame of a Socket Mode connection."""
    lives = 360 if debug_reconnects else 18060
    return {
        "type": "hello",
        "num_connections": connections,
        "debug_info": {"host": HOST, "build_number": 1, "approximate_connection_time": lives},
        "connection_info": {"app_id": app_id},
    }


def disconnect(reason: str, app_id: str = "", connections: Optional[int] = None) -> Json:
    """The announcement of an end; `too_many_websockets` tells how many there are."""
    frame: Json = {"type": "disconnect", "reason": reason, "debug_info": {"host": HOST}}
    if connections is not None:
        frame.update(num_websockets=connections, connection_info={"app_id": app_id})
    return frame


def event_callback(
    team_id: str, app_id: str, bot_user: str, event: Any, event_id: str, time: int
) -> Json:
    """The payload of an `events_api` envelope."""
    return {
        "token": TOKEN,
        "team_id": team_id,
        "context_team_id": team_id,
        "context_enterprise_id": None,
        "api_app_id": app_id,
        "event": event,
        "type": "event_callback",
        "event_id": event_id,
        "event_time": time,
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": team_id,
                "user_id": bot_user,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": False,
        "event_context": "4-loopback-{}".format(event_id),
    }


def shared(workspace: Workspace, event: Any) -> Json:
    """What differs in the payload of an event that somebody of another organization caused: the
    workspace it came from, while `authorizations` names the app's own (slackapi/bolt-js#935).
    """
    name = event.get("user") if isinstance(event, dict) else None
    user = workspace.users.get(name) if isinstance(name, str) else None
    if user is None or not user.team:
        return {}
    return {"team_id": user.team, "is_ext_shared_channel": True}


def envelope(kind: str, envelope_id: str, payload: Any, attempt: int = 0, reason: str = "") -> Json:
    """An envelope; only events tell how often they were tried before."""
    frame: Json = {"envelope_id": envelope_id, "type": kind, "payload": payload}
    if kind == EVENTS_API:
        return {
            **frame,
            "accepts_response_payload": False,
            "retry_attempt": attempt,
            "retry_reason": reason,
        }
    answerable = kind == SLASH_COMMANDS or payload.get("type") in ANSWERABLE
    return {**frame, "accepts_response_payload": answerable}


def command(
    workspace: Workspace, app_id: str, text: str, name: str, user: str, channel: str, url: str
) -> Json:
    """The payload of a slash command; `url` is the server's root."""
    team, trigger_id = workspace.team, workspace.trigger_id(user=user)
    place = Answerable(channel, user, workspace.clock() + RESPONSE_LIFETIME)
    return {
        "token": TOKEN,
        "team_id": team["id"],
        "team_domain": team["domain"],
        "channel_id": channel,
        "channel_name": name_of(workspace.channels.get(channel)),
        "user_id": user,
        "user_name": workspace.users[user].name if user in workspace.users else "",
        "command": name,
        "text": text,
        "api_app_id": app_id,
        "is_enterprise_install": "false",
        "response_url": _response_url(workspace, url, "commands", trigger_id, place),
        "trigger_id": trigger_id,
    }


def _response_url(
    workspace: Workspace, url: str, kind: str, trigger_id: str, place: Answerable
) -> str:
    """A new response_url that leads to this place."""
    path = "{}/{}/{}/loopback".format(kind, workspace.team["id"], trigger_id)
    workspace.response_urls["/" + path] = place
    return url + path


def name_of(channel: Optional[Channel]) -> str:
    """The name as a command tells it: private conversations are not told by theirs."""
    if channel is None:
        return ""
    recipients = {"im": "directmessage", "private_channel": "privategroup"}
    return recipients.get(channel.kind, channel.name)


def interaction(
    workspace: Workspace, app_id: str, payload: Mapping[str, Any], user: str, url: str
) -> Json:
    """The payload of an interaction: what was given, and around it what every one has."""
    team, who = workspace.team, workspace.users[user]
    around: Dict[str, Any] = {
        "type": "block_actions",
        "user": {"id": user, "username": who.name, "name": who.name, "team_id": team["id"]},
        "api_app_id": app_id,
        "token": TOKEN,
        "team": {"id": team["id"], "domain": team["domain"]},
        "enterprise": None,
        "is_enterprise_install": False,
        "trigger_id": payload.get("trigger_id") or workspace.trigger_id(user=user),
    }
    kind = payload.get("type", "block_actions")
    if kind in ("block_actions", "message_action") and "view" not in payload:
        around["response_url"] = _response_url(
            workspace, url, "actions", around["trigger_id"], _place(workspace, payload, user)
        )
    return {**around, **payload}


def _place(workspace: Workspace, payload: Mapping[str, Any], user: str) -> Answerable:
    """Where answers to an interaction with a message go."""
    container = payload.get("container") or {}
    return Answerable(
        str(container.get("channel_id") or (payload.get("channel") or {}).get("id") or ""),
        user,
        workspace.clock() + RESPONSE_LIFETIME,
        str(container.get("message_ts") or ""),
        str(container.get("thread_ts") or ""),
    )


def is_for(workspace: Workspace, event: Mapping[str, Any], bots: Iterable[str]) -> bool:
    """True where one of these bots is told of the event: it is in the conversation, or the event
    is about no conversation, about a public channel as such, or about the bot itself."""
    channel = workspace.channels.get(_channel_of(event))
    if channel is None:
        return True
    if event.get("type") in OF_EVERYBODY and channel.kind == "public_channel":
        return True
    recipients: Set[str] = set(bots)
    return bool(recipients.intersection(channel.members)) or event.get("user") in recipients


def is_for_rtm(event: Any) -> bool:
    """False for what only the Events API brings; a message that mentions comes by RTM as such."""
    return not (isinstance(event, dict) and event.get("type") == "app_mention")


def _channel_of(event: Mapping[str, Any]) -> str:
    """ID of the conversation that the event is about, "" where there is none."""
    item = event.get("item")
    found = event.get("channel") or event.get("channel_id")
    if found is None and isinstance(item, dict):
        found = item.get("channel")
    if isinstance(found, dict):
        found = found.get("id")
    return found if isinstance(found, str) else ""
