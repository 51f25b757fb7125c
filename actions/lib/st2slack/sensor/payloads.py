"""PURE: which event becomes which trigger, and with what payload.

Every key of a payload is always there, but for `attachments` and `blocks` of `slack.message`: as in
2.x they are left out where Slack sent none, so that criteria `exists` and `nexists` work. What
Slack did not say is None, or empty where rules work with it as it is: text "", arrays [], objects
{}, flags false. The shapes are those of sensors/slack_sensor.yaml; a payload that breaks them would
be dropped by StackStorm.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Dict, FrozenSet, Iterable, List, Mapping, Optional

from st2slack.base.ids import (
    SLACKBOT,
    Kind,
    fold,
    is_certain_id,
    is_direct_message,
    mentions_in,
    plain_id,
)
from st2slack.base.json_access import get_object as _object
from st2slack.base.json_access import get_objects as _objects
from st2slack.base.json_access import get_text as _text
from st2slack.base.mrkdwn import labels_of_links, to_plain
from st2slack.sensor import interactions, model
from st2slack.sensor.interactions import without_secrets
from st2slack.sensor.json_safe import storable
from st2slack.sensor.model import Event, Identity, Trigger
from st2slack.settings.sensor import SensorSettings

# Subtypes of what people write; "" is a message without one.
PEOPLES = frozenset(["", "file_share", "thread_broadcast", "me_message"])
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

# Why an event is none of ours.
NOT_WANTED, NOTICE, HIDDEN = "not wanted", "notice", "hidden"
OWN, BOT = "own message", "bot message"
OTHER_TYPE, OTHER_CHANNEL, NO_CHANNEL = "channel type", "channel", "no channel"
# `sensor.channels` has names, and this channel's could not be looked up: it may be wanted.
NOT_KNOWN = "channel not known"
# A bot wrote it, and whether that is this app decides; auth.test has not told yet who the app is.
IDENTITY_UNKNOWN = "identity of the app not known"

_TS = re.compile(r"(\d{1,12})(?:\.\d+)?\Z", re.ASCII)
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_TAG = 100
_SAFE = re.compile(r"[A-Za-z0-9._-]{,%d}\Z" % _LONGEST_TAG)


@dataclass(frozen=True)
class Judgement:
    """`ref` of the trigger that an event becomes; None where it is none of ours, and `why`."""

    ref: Optional[str]
    why: str = ""


class Wanted:
    """Which events become triggers.

    Messages: those of people, and those of other apps that have no subtype, as in 2.x. Messages of
    bots that have one (`bot_message`, or a bot's file) and Slackbot's only with
    `allow_bot_messages`. Messages of this app never unless `allow_own_messages`. While it is not
    known who this app is, a message of a bot is IDENTITY_UNKNOWN where that decides.
    The kinds of channel and the channels are those of the settings. Where nothing tells the kind
    (no `channel_type`, no look-up), a channel counts as public, and as a direct message if its ID
    begins with D.

    Everything else, notices and hidden messages too (by their subtype), becomes `slack.event` if
    `settings.events` has its type. A change of a message of our own never does unless
    `allow_own_messages`: a rule that answers it by an update would run for ever. An `app_mention`
    is a message in another dress: who wrote it counts as for messages.
    """

    def __init__(self, settings: SensorSettings, me: Identity) -> None:
        self._settings = settings
        self._me = me
        self._events = frozenset(settings.events)
        self._types = frozenset(settings.channel_types)
        channels = [plain_id(each).lstrip("#") for each in settings.channels]
        self._channels: FrozenSet[str] = frozenset(channels)
        # Anybody can give a new channel the letters of an ID for a name.
        self._names = frozenset(fold(each) for each in channels if not is_certain_id(each))

    def judge(self, event: Event, channel: Optional[Mapping[str, Any]]) -> Judgement:
        """What becomes of `event`.

        `channel`: as conversations.info tells it, {"id": …} where it did not; None if it was not
        asked yet: what only a look-up can decide is then let through.
        """
        kind = _text(event.body, "type")
        if kind == "message":
            return self._judge_message(event, channel)
        if kind not in self._events:
            return Judgement(None, NOT_WANTED)
        if kind == "app_mention":
            return _judgement(self._author(event.body), model.EVENT)
        return Judgement(model.EVENT)

    def looks_at_channel(self, event: Event) -> bool:
        """Whether the channel's look-up may change the judgement."""
        return bool(self._names) or _text(event.body, "channel_type") not in CHANNEL_TYPES

    def _judge_message(self, event: Event, channel: Optional[Mapping[str, Any]]) -> Judgement:
        subtype = _text(event.body, "subtype")
        hidden = bool(event.body.get("hidden"))
        if subtype == BOTS or (subtype in PEOPLES and not hidden):
            why, ref = self._author(event.body), model.MESSAGE
        elif subtype in self._events:
            why, ref = self._changed(event.body), model.EVENT
        else:
            return Judgement(None, HIDDEN if hidden else NOTICE)
        if why in ("", IDENTITY_UNKNOWN):  # one of another channel needs not wait for the identity
            why = self._place(event, channel) or why
        return _judgement(why, ref)

    def _author(self, body: Mapping[str, Any]) -> str:
        needs_leave = _is_bot_message(body) and not self._settings.allow_bot_messages
        if_own = "" if self._settings.allow_own_messages else OWN
        if_not = BOT if needs_leave else ""
        own = self._is_own(body)
        if own is None:
            return if_not if bool(if_own) == bool(if_not) else IDENTITY_UNKNOWN
        return if_own if own else if_not

    def _changed(self, body: Mapping[str, Any]) -> str:
        if self._settings.allow_own_messages:
            return ""
        nested = [_object(body, "message"), _object(body, "previous_message")]
        own = [self._is_own(each) for each in nested]
        if True in own:
            return OWN
        return IDENTITY_UNKNOWN if None in own else ""

    def _is_own(self, body: Mapping[str, Any]) -> Optional[bool]:
        """Whether this app wrote the message; None where that cannot be told yet."""
        me = self._me
        if not me.is_known:
            return None if is_bots(body) else False
        if me.user_id and body.get("user") == me.user_id:
            return True
        profile = _object(body, "bot_profile")
        return bool(
            (me.bot_id and me.bot_id in (body.get("bot_id"), profile.get("id")))
            or (me.app_id and me.app_id in (body.get("app_id"), profile.get("app_id")))
        )

    def _place(self, event: Event, channel: Optional[Mapping[str, Any]]) -> str:
        kind = _told_type(event.body, channel or {})
        # Not asked yet: the answer may tell another kind than the guess.
        if (kind or channel is not None) and (kind or _guess(event.channel)) not in self._types:
            return OTHER_TYPE
        if not self._channels or event.channel in self._channels:
            return ""
        if not event.channel:
            return NO_CHANNEL
        return self._name_is_wanted(channel) if self._names else OTHER_CHANNEL

    def _name_is_wanted(self, channel: Optional[Mapping[str, Any]]) -> str:
        if channel is None:
            return ""
        if not set(channel) - {"id"}:
            return NOT_KNOWN
        names = {fold(_text(channel, key)) for key in ("name", "name_normalized")}
        return "" if names & self._names else OTHER_CHANNEL


def is_bots(body: Mapping[str, Any]) -> bool:
    """Whether a bot wrote the message."""
    return bool(
        body.get("bot_id")
        or body.get("bot_profile")
        or body.get("subtype") == BOTS
        or body.get("user") == SLACKBOT  # which has no bot_id
    )


def _is_bot_message(body: Mapping[str, Any]) -> bool:
    """Whether a bot's message is one of those that wait for `allow_bot_messages`."""
    has_subtype = bool(_text(body, "subtype"))
    return body.get("user") == SLACKBOT or (has_subtype and is_bots(body))


def channel_type(event: Event, channel: Mapping[str, Any]) -> str:
    """public_channel, private_channel, im or mpim: as told, else looked up, else guessed."""
    return _told_type(event.body, channel) or _guess(event.channel)


def user_ids_in(text: str) -> List[str]:
    """IDs of the users that `text` mentions without their name, each once, as they come."""
    return list(
        dict.fromkeys(
            each.id for each in mentions_in(text) if each.kind is Kind.PERSON and each.label is None
        )
    )


def message_trigger(
    event: Event,
    user: Mapping[str, Any],
    channel: Mapping[str, Any],
    names: Mapping[str, str],
    settings: SensorSettings,
    team_url: str = "",
) -> Trigger:
    """`slack.message`.

    `user`, `channel`: as users.info and conversations.info tell them, {"id": …} or {} where they
    did not. `names`: user ID → name, for the mentions. `team_url`: `url` of auth.test; with it the
    permalink costs no call.
    """
    body, text = event.body, _text(event.body, "text")
    ts = event.order
    seconds = _seconds(ts)
    sender = _user(event, user)
    sender["is_bot"] = _is_bots_user(body, user)
    payload = {
        "user": sender,
        "channel": _channel(event, channel),
        "timestamp": seconds,
        "timestamp_raw": ts,
        "text": _converted(text, names, settings),
        **_if_sent(body),
        "files": _objects(body, "files"),
        "thread_ts": _text(body, "thread_ts") or None,
        "subtype": _text(body, "subtype") or None,
        "bot_id": _text(body, "bot_id") or _text(_object(body, "bot_profile"), "id") or None,
        "permalink": _text(body, "permalink") or (_permalink(event, team_url) if seconds else None),
        **_origin(event, user),
    }
    tag = (event.channel, ts or event.event_id)
    return _trigger(model.MESSAGE, payload, *tag, is_storable=event.is_storable)


def event_trigger(event: Event, user: Mapping[str, Any], channel: Mapping[str, Any]) -> Trigger:
    """`slack.event`: any event but a message; `event` is what Slack sent."""
    kind = _text(event.body, "type")
    payload = {
        "type": kind,
        "subtype": _text(event.body, "subtype") or None,
        "event": _sent(event.body),
        "user": _user(event, user),
        "channel": _channel(event, channel),
        "timestamp_raw": event.order,
        **_origin(event, user),
    }
    tag = (payload["subtype"] or kind, event.channel, event.order or event.event_id)
    return _trigger(model.EVENT, payload, *tag, is_storable=event.is_storable)


def command_trigger(sent: Mapping[str, Any], workspace: str) -> Trigger:
    """`slack.command`, from what Slack sent of a slash command."""
    sent = storable(dict(sent))
    made = interactions.command_payload(sent, workspace)
    return _trigger(model.COMMAND, made, "command", *_number_of(sent), is_storable=True)


def interaction_trigger(sent: Mapping[str, Any], workspace: str) -> Trigger:
    """`slack.interaction`, from what Slack sent of a button, menu, modal or shortcut."""
    sent = storable(dict(sent))
    made = interactions.interaction_payload(sent, workspace)
    return _trigger(model.INTERACTION, made, "interaction", *_number_of(sent), is_storable=True)


def state_trigger(
    state: str, reason: str, since: float, team: str, workspace: str, transport: str = ""
) -> Trigger:
    """`slack.sensor_state`: how the connection is. `since`: Unix seconds."""
    payload = {
        "state": state,
        "reason": reason,
        "since": since,
        "team": team,
        "workspace": workspace,
        "transport": transport,
    }
    return _trigger(model.STATE, payload, "state", workspace or team, state, "%.3f" % since)


# --- parts of a payload ---------------------------------------------------------------------------


def _if_sent(body: Mapping[str, Any]) -> Dict[str, Any]:
    """`attachments` and `blocks`, each only where Slack sent some."""
    sent: Dict[str, Any] = {}
    for key in ("attachments", "blocks"):
        found = _objects(body, key) if key in body else None
        if found:
            sent[key] = found
    return sent


def _converted(text: str, names: Mapping[str, str], settings: SensorSettings) -> str:
    """The text of a message as `sensor.plain_text` and `sensor.strip_formatting` want it."""
    if settings.plain_text:
        return to_plain(text, names)
    return labels_of_links(text) if settings.strip_formatting else text


def _is_bots_user(body: Mapping[str, Any], user: Mapping[str, Any]) -> bool:
    """`user.is_bot` of a message, as in 2.x: what users.info tells of its user.

    Where that is not known, it is whether a bot wrote the message.
    """
    is_known = len(user) > 1 or (len(user) == 1 and "id" not in user)
    return user.get("is_bot") is True if is_known else is_bots(body)


def _sent(body: Mapping[str, Any]) -> Dict[str, Any]:
    """The event as Slack sent it. A step of a workflow brings a token of its own: without that."""
    return without_secrets(dict(body)) if "bot_access_token" in body else dict(body)


def _origin(event: Event, user: Mapping[str, Any]) -> Dict[str, Any]:
    """Where it came from: keys that every event's payload has."""
    team = event.team or _text(event.body, "team")
    return {
        "event_id": event.event_id or None,
        "team": team,
        "user_team": _user_team(event, user, team),
        "workspace": event.workspace,
    }


def _user_team(event: Event, user: Mapping[str, Any], team: str) -> Optional[str]:
    """The workspace or organization of who did it, where it is another one than ours.

    The event names it, or the look-up does; only then what says where the event came from: a
    channel may be the other organization's, and the author ours.
    """
    body = event.body
    own = _text(body, "user_team") or _text(body, "source_team")
    own = own or _text(user, "team_id") or _text(_object(body, "user_profile"), "team")
    if own:
        return own if own != team else None
    others = (_text(body, "team"), event.sender_team)
    return next((each for each in others if each and each != team), None)


def _user(event: Event, user: Mapping[str, Any]) -> Dict[str, Any]:
    """Who did it: as looked up, else as far as the event itself tells."""
    body = event.body
    own = _object(body, "user_profile")
    profile = _object(user, "profile") or own
    real = _text(user, "real_name") or _text(profile, "real_name")
    return {
        "id": event.user or _text(user, "id") or None,
        "name": _text(user, "name") or _text(own, "name") or _bot_name(body),
        "first_name": _text(profile, "first_name") or None,
        "last_name": _text(profile, "last_name") or None,
        "real_name": real or None,
        "is_admin": user.get("is_admin") is True,
        "is_owner": user.get("is_owner") is True,
        "is_bot": user.get("is_bot") is True or is_bots(body),
    }


def _bot_name(body: Mapping[str, Any]) -> Optional[str]:
    return _text(body, "username") or _text(_object(body, "bot_profile"), "name") or None


def _channel(event: Event, channel: Mapping[str, Any]) -> Dict[str, Any]:
    """Where it was: as looked up, else as far as the event itself tells."""
    own = _object(event.body, "channel")
    name = _text(channel, "name") or _text(own, "name") or _text(event.body, "channel_name")
    found = event.channel or _text(channel, "id")
    kind = channel_type(event, channel or own) if found else None
    return {
        "id": found or None,
        "name": name or None,
        "topic": _text(_object(channel, "topic"), "value"),
        "is_group": kind == "private_channel",
        "type": kind,
    }


def _told_type(body: Mapping[str, Any], channel: Mapping[str, Any]) -> str:
    told = CHANNEL_TYPES.get(_text(body, "channel_type"))
    if told:
        return told
    for flag, kind in (("is_im", "im"), ("is_mpim", "mpim"), ("is_private", "private_channel")):
        if channel.get(flag) is True:
            return kind
    return "private_channel" if _is_old_group(channel) else _public_if_told(channel)


def _is_old_group(channel: Mapping[str, Any]) -> bool:
    return channel.get("is_group") is True and channel.get("is_private") is None


def _public_if_told(channel: Mapping[str, Any]) -> str:
    told = channel.get("is_private") is False or channel.get("is_channel") is True
    return "public_channel" if told else ""


def _guess(channel_id: str) -> str:
    """The letter proves nothing; where nothing else is known, D is the careful side."""
    return "im" if is_direct_message(channel_id) else "public_channel"


def _permalink(event: Event, team_url: str) -> Optional[str]:
    """As chat.getPermalink answers it."""
    ts, thread = event.body.get("ts"), event.body.get("thread_ts")
    if not team_url or not event.channel or not isinstance(ts, str):
        return None
    slash = "" if team_url[-1] == "/" else "/"
    link = "%s%sarchives/%s/p%s" % (team_url, slash, event.channel, ts.replace(".", ""))
    if thread and thread != ts and isinstance(thread, str):
        link += "?thread_ts=%s&cid=%s" % (thread, event.channel)
    return link


# --- a trigger that StackStorm can take -----------------------------------------------------------


def _trigger(
    ref: str, payload: Dict[str, Any], *tag: Optional[str], is_storable: bool = False
) -> Trigger:
    made = payload if is_storable else storable(payload)
    told = "-".join(["slack", *filter(None, tag)])
    if not _SAFE.match(told):
        told = _UNSAFE.sub("_", told)[:_LONGEST_TAG]
    return Trigger(ref, made, told)


def _number_of(payload: Mapping[str, Any]) -> Iterable[str]:
    """The unique part of a trigger ID, without the part that makes it a credential."""
    return [".".join(_text(payload, "trigger_id").split(".")[:2])]


# --- reading what others wrote --------------------------------------------------------------------


_OURS = {ref: Judgement(ref) for ref in (model.MESSAGE, model.EVENT)}


def _judgement(why: str, ref: str) -> Judgement:
    return Judgement(None, why) if why else _OURS[ref]


def _seconds(ts: str) -> int:
    if len(ts) == 17 and ts[10] == "." and ts.isascii() and (ts[:10] + ts[11:]).isdigit():
        return int(ts[:10])  # nearly all of them
    match = _TS.match(ts)
    return int(match.group(1)) if match else 0
