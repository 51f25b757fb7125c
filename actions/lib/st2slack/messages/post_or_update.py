"""Post, or change, or answer the message under an operator's key.

A key belongs to one conversation. An answer in the message's thread has a key of its own: from
`reply_key`, else from its content. So the same call again changes nothing and posts nothing.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from enum import Enum
from typing import Callable, Mapping

from st2slack.api.client import Client
from st2slack.base.errors import InputError, SlackApiError
from st2slack.base.ids import plain_id
from st2slack.base.json_access import JsonObject, get_text
from st2slack.messages.upsert import (
    EMPTY,
    NO_THREAD,
    Destination,
    UpsertedMessage,
    UpsertResult,
    conversation_id,
)
from st2slack.stackstorm.client import StackStorm

# A change states every part, so that nothing of the old message stays.
_EMPTY_CONTENT: JsonObject = {"text": "", "blocks": [], "attachments": []}
REPLY_TTL = 30 * 86400  # seconds after which the key of an answer is deleted
_KEY = re.compile(r"[\w.@+-]{1,100}", re.ASCII)
_POSTED_ANEW = "posted as a new message: the old one and its thread do not exist any more"


class Mode(str, Enum):
    """What a later call does; the first one always posts."""

    UPDATE = "update"
    REPLY = "reply"


def post_or_update(
    st2: StackStorm,
    client: Client,
    parameters: Mapping[str, object],
    clock: Callable[[], float] = time.time,
) -> JsonObject:
    """Do what the action's parameters say: key, channel, text, blocks, attachments, mode, reply_key
    and reply_broadcast.

    Returns channel, ts (of what was written), thread_ts (of the message under the key), created
    and why. Raises InputError if the key belongs to another channel; then nothing was written.
    """
    key = _datastore_key(client, get_text(parameters, "key"))
    content = _content(parameters)
    message = UpsertedMessage(st2.datastore, client, key, clock=clock)
    destination = Destination(_channel(client, message, parameters))
    if parameters.get("mode") != Mode.REPLY:
        return _to_json(message.upsert(content, destination))
    return _reply(message, destination, content, parameters)


def _reply(
    message: UpsertedMessage,
    destination: Destination,
    content: JsonObject,
    parameters: Mapping[str, object],
) -> JsonObject:
    """Answer in the message's thread; without a message, post the answer as the message."""
    reply_key = str(parameters.get("reply_key") or "") or _digest(content)
    remark = message.find_interrupted()
    if not message.exists or message.record.reply == reply_key:
        result = message.upsert(content, destination, reply_key)
        return _to_json(result._replace(remark=result.remark or remark))
    reply = message.derive(_reply_datastore_key(message, reply_key), REPLY_TTL)
    channel, thread_ts = message.record.channel, message.record.ts
    thread = Destination(channel, thread_ts, bool(parameters.get("reply_broadcast")))
    try:
        return _to_json(reply.upsert(content, thread), thread_ts)
    except SlackApiError as refusal:
        if refusal.code not in NO_THREAD:
            raise
    message.record = EMPTY
    result = message.upsert(content, destination, reply_key)
    return _to_json(result._replace(remark=_POSTED_ANEW))


def _to_json(result: UpsertResult, thread_ts: str = "") -> JsonObject:
    return {
        "ok": True,
        "channel": result.channel,
        "ts": result.ts,
        "thread_ts": thread_ts or result.ts,
        "created": result.created,
        "why": result.remark,
    }


# --- keys ---------------------------------------------------------------------------------------


def _datastore_key(client: Client, key: str) -> str:
    """The datastore's key for the operator's. That has no colon, so two workspaces share none."""
    if not _KEY.fullmatch(key):
        raise InputError(
            "Parameter `key` must be 1 to 100 letters, digits and any of . _ @ + -, for example "
            "incident-42."
        )
    return "slack_kept.%s:%s" % (client.settings.workspace or "", key)


def _reply_datastore_key(message: UpsertedMessage, reply_key: str) -> str:
    """The key of an answer in the thread of this very message."""
    return "slack_kept_reply.%s" % _digest([message.key, message.record.ts, reply_key])


def _digest(value: object) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:40]


# --- content and conversation -------------------------------------------------------------------


def _content(parameters: Mapping[str, object]) -> JsonObject:
    content = {name: parameters.get(name) or empty for name, empty in _EMPTY_CONTENT.items()}
    if not any(content.values()):
        raise InputError("The message is empty: give `text`, `blocks` or `attachments`.")
    return content


def _channel(client: Client, message: UpsertedMessage, parameters: Mapping[str, object]) -> str:
    """The conversation to post in, if it is needed: as given, else the one of the key."""
    key, channel = get_text(parameters, "key"), plain_id(get_text(parameters, "channel"))
    record = message.record
    if record == EMPTY and not channel:
        raise InputError("Parameter `channel` is required: there is no message under %s yet." % key)
    known = [each for each in (record.channel, record.given_channel) if each]
    if not known or channel in ("", *known):
        return channel or known[0]
    if conversation_id(client, channel) == conversation_id(client, known[0]):
        return channel
    raise InputError(
        "The message under the key %s is in %s. For %s use another key, or delete the record of "
        "that message: st2 key delete '%s'." % (key, known[0], channel, message.key)
    )
