"""PURE: the parts of a payload that messages and other events have in common."""

from __future__ import annotations

import re
from typing import Any, Dict, Mapping, Optional

from st2slack.base.ids import SLACKBOT, is_direct_message
from st2slack.base.json_access import get_object, get_text
from st2slack.sensor.model import Event

BOTS = "bot_message"

# `channel_type` of an event → the word that the config has for it.
CHANNEL_TYPES = {
    "channel": "public_channel",
    "group": "private_channel",
    "im": "im",
    "mpim": "mpim",
    "app_home": "im",
    "public_channel": "public_channel",
    "private_channel": "private_channel",
}

_TS = re.compile(r"(\d{1,12})(?:\.\d+)?\Z", re.ASCII)


def is_bots(body: Mapping[str, Any]) -> bool:
    """Whether a bot wrote the message."""
    return bool(
        body.get("bot_id")
        or body.get("bot_profile")
        or body.get("subtype") == BOTS
        or body.get("user") == SLACKBOT  # which has no bot_id
    )


def is_bot_message(body: Mapping[str, Any]) -> bool:
    """Whether a bot's message is one of those that wait for `allow_bot_messages`."""
    has_subtype = bool(get_text(body, "subtype"))
    return body.get("user") == SLACKBOT or (has_subtype and is_bots(body))


def is_bot_user(body: Mapping[str, Any], user: Mapping[str, Any]) -> bool:
    """`user.is_bot` of a message, as in 2.x: what users.info tells of its user.

    Where that is not known, it is whether a bot wrote the message.
    """
    is_known = len(user) > 1 or (len(user) == 1 and "id" not in user)
    return user.get("is_bot") is True if is_known else is_bots(body)


def channel_type(event: Event, channel: Mapping[str, Any]) -> str:
    """public_channel, private_channel, im or mpim: by the event, the look-up, or the ID."""
    return known_type(event.body, channel) or guess_type(event.channel)


def user_fields(event: Event, user: Mapping[str, Any]) -> Dict[str, Any]:
    """Who did it: as looked up, else what the event itself says."""
    body = event.body
    own = get_object(body, "user_profile")
    profile = get_object(user, "profile") or own
    real = get_text(user, "real_name") or get_text(profile, "real_name")
    return {
        "id": event.user or get_text(user, "id") or None,
        "name": get_text(user, "name") or get_text(own, "name") or _bot_name(body),
        "first_name": get_text(profile, "first_name") or None,
        "last_name": get_text(profile, "last_name") or None,
        "real_name": real or None,
        "is_admin": user.get("is_admin") is True,
        "is_owner": user.get("is_owner") is True,
        "is_bot": user.get("is_bot") is True or is_bots(body),
    }


def _bot_name(body: Mapping[str, Any]) -> Optional[str]:
    return get_text(body, "username") or get_text(get_object(body, "bot_profile"), "name") or None


def channel_fields(event: Event, channel: Mapping[str, Any]) -> Dict[str, Any]:
    """Where it was: as looked up, else what the event itself says."""
    own = get_object(event.body, "channel")
    name = (
        get_text(channel, "name") or get_text(own, "name") or get_text(event.body, "channel_name")
    )
    found = event.channel or get_text(channel, "id")
    kind = channel_type(event, channel or own) if found else None
    return {
        "id": found or None,
        "name": name or None,
        "topic": get_text(get_object(channel, "topic"), "value"),
        "is_group": kind == "private_channel",
        "type": kind,
    }


def known_type(body: Mapping[str, Any], channel: Mapping[str, Any]) -> str:
    """The kind of a channel by the event or the look-up; "" where neither says it."""
    named = CHANNEL_TYPES.get(get_text(body, "channel_type"))
    if named:
        return named
    for flag, kind in (("is_im", "im"), ("is_mpim", "mpim"), ("is_private", "private_channel")):
        if channel.get(flag) is True:
            return kind
    return "private_channel" if _is_old_group(channel) else _public_if_known(channel)


def _is_old_group(channel: Mapping[str, Any]) -> bool:
    return channel.get("is_group") is True and channel.get("is_private") is None


def _public_if_known(channel: Mapping[str, Any]) -> str:
    is_public = channel.get("is_private") is False or channel.get("is_channel") is True
    return "public_channel" if is_public else ""


def guess_type(channel_id: str) -> str:
    """The first letter of an ID proves nothing; D counts as a direct message to be careful."""
    return "im" if is_direct_message(channel_id) else "public_channel"


def origin_fields(event: Event, user: Mapping[str, Any]) -> Dict[str, Any]:
    """Where it came from: keys that every event's payload has."""
    team = event.team or get_text(event.body, "team")
    return {
        "event_id": event.event_id or None,
        "team": team,
        "user_team": _user_team(event, user, team),
        "workspace": event.workspace,
    }


def _user_team(event: Event, user: Mapping[str, Any], team: str) -> Optional[str]:
    """The workspace or organization of who did it, where it is not the app's own.

    The event or the look-up names it. Only where neither does, the team that the event came from
    counts: a channel may belong to the other organization, and the author to this one.
    """
    body = event.body
    own = get_text(body, "user_team") or get_text(body, "source_team")
    own = own or get_text(user, "team_id") or get_text(get_object(body, "user_profile"), "team")
    if own:
        return own if own != team else None
    others = (get_text(body, "team"), event.sender_team)
    return next((each for each in others if each and each != team), None)


def permalink(event: Event, team_url: str) -> Optional[str]:
    """As chat.getPermalink answers it."""
    ts, thread = event.body.get("ts"), event.body.get("thread_ts")
    if not team_url or not event.channel or not isinstance(ts, str):
        return None
    slash = "" if team_url[-1] == "/" else "/"
    link = "%s%sarchives/%s/p%s" % (team_url, slash, event.channel, ts.replace(".", ""))
    if thread and thread != ts and isinstance(thread, str):
        link += "?thread_ts=%s&cid=%s" % (thread, event.channel)
    return link


def unix_seconds(ts: str) -> int:
    """The whole seconds of a Slack timestamp, 0 where it is none."""
    if len(ts) == 17 and ts[10] == "." and ts.isascii() and (ts[:10] + ts[11:]).isdigit():
        return int(ts[:10])  # nearly all of them
    match = _TS.match(ts)
    return int(match.group(1)) if match else 0
