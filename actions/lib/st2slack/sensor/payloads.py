"""PURE: the triggers that events, commands, interactions and states become.

Every key of a payload is always there, but for `attachments` and `blocks` of `slack.message`: as in
2.x they are left out where Slack sent none, so that criteria `exists` and `nexists` work. What
Slack did not say is None, or empty where rules work with it as it is: text "", arrays [], objects
{}, flags false. The shapes are those of sensors/slack_sensor.yaml; a payload that breaks them would
be dropped by StackStorm.
"""

from __future__ import annotations

import re
from typing import Any, Dict, Iterable, List, Mapping, Optional

from st2slack.base.ids import Kind, mentions_in
from st2slack.base.json_access import get_object, get_objects, get_text
from st2slack.base.mrkdwn import labels_of_links, to_plain
from st2slack.sensor import fields, interactions, model
from st2slack.sensor.interactions import without_secrets
from st2slack.sensor.json_safe import storable
from st2slack.sensor.model import Event, Trigger
from st2slack.settings.sensor import SensorSettings

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_TAG = 100
_SAFE = re.compile(r"[A-Za-z0-9._-]{,%d}\Z" % _LONGEST_TAG)


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

    `user`, `channel`: answers of users.info and conversations.info, {"id": …} or {} where there is
    none. `names`: user ID → name, for the mentions. `team_url`: `url` of auth.test; with it the
    permalink costs no call.
    """
    body, text = event.body, get_text(event.body, "text")
    ts = event.order
    seconds = fields.unix_seconds(ts)
    sender = fields.user_fields(event, user)
    sender["is_bot"] = fields.is_bot_user(body, user)
    payload = {
        "user": sender,
        "channel": fields.channel_fields(event, channel),
        "timestamp": seconds,
        "timestamp_raw": ts,
        "text": _converted(text, names, settings),
        **_if_sent(body),
        "files": get_objects(body, "files"),
        "thread_ts": get_text(body, "thread_ts") or None,
        "subtype": get_text(body, "subtype") or None,
        "bot_id": get_text(body, "bot_id")
        or get_text(get_object(body, "bot_profile"), "id")
        or None,
        "permalink": get_text(body, "permalink")
        or (fields.permalink(event, team_url) if seconds else None),
        **fields.origin_fields(event, user),
    }
    tag = (event.channel, ts or event.event_id)
    return _trigger(model.MESSAGE, payload, *tag, is_storable=event.is_storable)


def event_trigger(event: Event, user: Mapping[str, Any], channel: Mapping[str, Any]) -> Trigger:
    """`slack.event`: any event but a message; `event` is what Slack sent."""
    kind = get_text(event.body, "type")
    payload = {
        "type": kind,
        "subtype": get_text(event.body, "subtype") or None,
        "event": _sent(event.body),
        "user": fields.user_fields(event, user),
        "channel": fields.channel_fields(event, channel),
        "timestamp_raw": event.order,
        **fields.origin_fields(event, user),
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
        found = get_objects(body, key) if key in body else None
        if found:
            sent[key] = found
    return sent


def _converted(text: str, names: Mapping[str, str], settings: SensorSettings) -> str:
    """The text of a message as `sensor.plain_text` and `sensor.strip_formatting` want it."""
    if settings.plain_text:
        return to_plain(text, names)
    return labels_of_links(text) if settings.strip_formatting else text


def _sent(body: Mapping[str, Any]) -> Dict[str, Any]:
    """The event as Slack sent it. A step of a workflow brings a token of its own: without that."""
    return without_secrets(dict(body)) if "bot_access_token" in body else dict(body)


# --- a trigger that StackStorm can take -----------------------------------------------------------


def _trigger(
    ref: str, payload: Dict[str, Any], *tag: Optional[str], is_storable: bool = False
) -> Trigger:
    made = payload if is_storable else storable(payload)
    trace_tag = "-".join(["slack", *filter(None, tag)])
    if not _SAFE.match(trace_tag):
        trace_tag = _UNSAFE.sub("_", trace_tag)[:_LONGEST_TAG]
    return Trigger(ref, made, trace_tag)


def _number_of(payload: Mapping[str, Any]) -> Iterable[str]:
    """The unique part of a trigger ID, without the part that makes it a credential."""
    return [".".join(get_text(payload, "trigger_id").split(".")[:2])]
