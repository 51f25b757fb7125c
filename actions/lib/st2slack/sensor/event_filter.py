"""PURE: which events become triggers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, FrozenSet, Mapping, Optional

from st2slack.base.ids import fold, is_certain_id, plain_id
from st2slack.base.json_access import get_object, get_text
from st2slack.sensor import model
from st2slack.sensor.fields import (
    BOTS,
    CHANNEL_TYPES,
    guess_type,
    is_bot_message,
    is_bots,
    known_type,
)
from st2slack.sensor.model import Event, Identity
from st2slack.settings.sensor import SensorSettings

# Subtypes of what people write; "" is a message without one.
_FROM_PEOPLE = frozenset(["", "file_share", "thread_broadcast", "me_message"])

# Why an event becomes no trigger.
NOT_WANTED, NOTICE, HIDDEN = "not wanted", "notice", "hidden"
OWN, BOT = "own message", "bot message"
OTHER_TYPE, OTHER_CHANNEL, NO_CHANNEL = "channel type", "channel", "no channel"
# `sensor.channels` has names, and this channel's could not be looked up: it may be wanted.
CHANNEL_UNKNOWN = "channel not known"
# A bot wrote it, and whether that is this app decides; it is not known yet who the app is.
IDENTITY_UNKNOWN = "identity of the app not known"


@dataclass(frozen=True)
class Verdict:
    """`ref`: the trigger that an event becomes, None where it becomes none, for this `reason`."""

    ref: Optional[str]
    reason: str = ""


class EventFilter:
    """Which events become triggers.

    Messages: those of people, and those of other apps that have no subtype, as in 2.x. Messages of
    bots that have one (`bot_message`, or a bot's file) and Slackbot's only with
    `allow_bot_messages`. Messages of this app never unless `allow_own_messages`. While it is not
    known who this app is, a message of a bot is IDENTITY_UNKNOWN where that decides.
    The kinds of channel and the channels are those of the settings. Where nothing tells the kind
    (no `channel_type`, no look-up), a channel counts as public, and as a direct message if its ID
    begins with D.

    Everything else, notices and hidden messages too (by their subtype), becomes `slack.event` if
    `settings.events` has its type. A change of a message of this app never does unless
    `allow_own_messages`: a rule that answers it by an update would run again and again. An
    `app_mention` is a message, too: its author counts as for messages.
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

    def evaluate(self, event: Event, channel: Optional[Mapping[str, Any]]) -> Verdict:
        """What becomes of `event`.

        `channel`: the answer of conversations.info, {"id": …} where there is none; None before the
        look-up: what only the look-up can decide is then accepted.
        """
        kind = get_text(event.body, "type")
        if kind == "message":
            return self._evaluate_message(event, channel)
        if kind not in self._events:
            return Verdict(None, NOT_WANTED)
        if kind == "app_mention":
            return _verdict(self._check_author(event.body), model.EVENT)
        return Verdict(model.EVENT)

    def needs_channel(self, event: Event) -> bool:
        """Whether the channel's look-up may change the verdict."""
        return bool(self._names) or get_text(event.body, "channel_type") not in CHANNEL_TYPES

    def _evaluate_message(self, event: Event, channel: Optional[Mapping[str, Any]]) -> Verdict:
        subtype = get_text(event.body, "subtype")
        hidden = bool(event.body.get("hidden"))
        if subtype == BOTS or (subtype in _FROM_PEOPLE and not hidden):
            reason, ref = self._check_author(event.body), model.MESSAGE
        elif subtype in self._events:
            reason, ref = self._check_change(event.body), model.EVENT
        else:
            return Verdict(None, HIDDEN if hidden else NOTICE)
        if reason in (
            "",
            IDENTITY_UNKNOWN,
        ):  # one of another channel needs not wait for the identity
            reason = self._check_channel(event, channel) or reason
        return _verdict(reason, ref)

    def _check_author(self, body: Mapping[str, Any]) -> str:
        needs_leave = is_bot_message(body) and not self._settings.allow_bot_messages
        if_own = "" if self._settings.allow_own_messages else OWN
        if_not = BOT if needs_leave else ""
        own = self._is_own(body)
        if own is None:
            return if_not if bool(if_own) == bool(if_not) else IDENTITY_UNKNOWN
        return if_own if own else if_not

    def _check_change(self, body: Mapping[str, Any]) -> str:
        if self._settings.allow_own_messages:
            return ""
        nested = [get_object(body, "message"), get_object(body, "previous_message")]
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
        profile = get_object(body, "bot_profile")
        return bool(
            (me.bot_id and me.bot_id in (body.get("bot_id"), profile.get("id")))
            or (me.app_id and me.app_id in (body.get("app_id"), profile.get("app_id")))
        )

    def _check_channel(self, event: Event, channel: Optional[Mapping[str, Any]]) -> str:
        kind = known_type(event.body, channel or {})
        # Not asked yet: the answer may tell another kind than the guess.
        if (kind or channel is not None) and (kind or guess_type(event.channel)) not in self._types:
            return OTHER_TYPE
        if not self._channels or event.channel in self._channels:
            return ""
        if not event.channel:
            return NO_CHANNEL
        return self._check_name(channel) if self._names else OTHER_CHANNEL

    def _check_name(self, channel: Optional[Mapping[str, Any]]) -> str:
        if channel is None:
            return ""
        if not set(channel) - {"id"}:
            return CHANNEL_UNKNOWN
        names = {fold(get_text(channel, key)) for key in ("name", "name_normalized")}
        return "" if names & self._names else OTHER_CHANNEL


_ACCEPTED = {ref: Verdict(ref) for ref in (model.MESSAGE, model.EVENT)}


def _verdict(reason: str, ref: str) -> Verdict:
    return Verdict(None, reason) if reason else _ACCEPTED[ref]
