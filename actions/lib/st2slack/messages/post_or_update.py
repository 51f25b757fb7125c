"""Post, or change, or answer the message that an operator's key stands for.

A key belongs to one conversation. An answer in its thread has a key of its own, `reply_key`, else
one made of what it says: the same call again changes it to what it is already, and posts nothing.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from typing import Any, Callable, Dict, Mapping, Optional

from st2slack.api.client import Client
from st2slack.base.errors import InputError, Refusal
from st2slack.base.ids import plain_id
from st2slack.messages.upsert import NO_THREAD, KeptMessage, Place, Put, conversation_id
from st2slack.stackstorm.client import StackStorm

Json = Dict[str, Any]
REPLY, BROADCAST = "reply", "reply_broadcast"
# What a change has to say so that nothing old stays.
_EMPTY: Mapping[str, Any] = {"text": "", "blocks": [], "attachments": []}
REPLIES_LAST = 30 * 86400  # seconds that an answer is known by its key
_KEY = re.compile(r"[\w.@+-]{1,100}", re.ASCII)


def post_or_update(
    st2: StackStorm,
    client: Client,
    given: Mapping[str, Any],
    clock: Callable[[], float] = time.time,
) -> Json:
    """Do what the action's parameters say: key, channel, text, blocks, attachments, mode, reply_key
    and reply_broadcast.

    Returns channel, ts (of what was written), thread_ts (of the message under the key), created
    and why. Raises InputError where the key belongs to another channel; nothing was written then.
    """
    key = _key(client, given.get("key"))
    content = _content(given)
    kept = KeptMessage(st2, client, key, clock=clock)
    channel = _channel(client, kept, given.get("channel"), str(given["key"]))
    step = str(given.get("reply_key") or "") or _digest(content)
    if given.get("mode") != REPLY:
        return _told(kept.put(content, Place(channel)))
    why = kept.look()
    if not kept.is_known or kept.record.get("reply") == step:
        put = kept.put(content, Place(channel), reply=step)
        return _told(put._replace(why=put.why or why))
    reply = KeptMessage(st2, client, _reply_key(kept, step), REPLIES_LAST, clock)
    thread = Place(str(kept.record["channel"]), str(kept.record["ts"]), bool(given.get(BROADCAST)))
    try:
        return _told(reply.put(content, thread), thread.thread_ts)
    except Refusal as refusal:
        if refusal.code not in NO_THREAD:
            raise
    kept.record = {}
    put = kept.put(content, Place(channel), reply=step)
    return _told(put._replace(why="posted anew: the message and its thread are gone"))


def _told(put: Put, thread_ts: str = "") -> Json:
    return {
        "ok": True,
        "channel": put.channel,
        "ts": put.ts,
        "thread_ts": thread_ts or put.ts,
        "created": put.created,
        "why": put.why,
    }


# --- keys ---------------------------------------------------------------------------------------


def _key(client: Client, key: Any) -> str:
    """The datastore's key for the operator's. It has no colon, so none fits two workspaces."""
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise InputError(
            "Parameter `key` must be 1 to 100 letters, digits and any of . _ @ + -, for example "
            "incident-42."
        )
    return "slack_kept.%s:%s" % (client.settings.workspace or "", key)


def _reply_key(kept: KeptMessage, step: str) -> str:
    """Of an answer in the thread of this very message."""
    return "slack_kept_reply.%s" % _digest([kept.key, kept.record["ts"], step])


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:40]


# --- what it says, and where --------------------------------------------------------------------


def _content(given: Mapping[str, Any]) -> Json:
    parts = {name: given.get(name) or empty for name, empty in _EMPTY.items()}
    if not any(parts.values()):
        raise InputError("The message is empty: give `text`, `blocks` or `attachments`.")
    return parts


def _channel(client: Client, kept: KeptMessage, given: Optional[str], key: str) -> str:
    """The conversation to post in, where that is needed: as given, else the one of the key."""
    channel = plain_id(given or "")
    record = kept.record
    if not record and not channel:
        raise InputError("Parameter `channel` is needed: there is no message under %s yet." % key)
    known = [str(record[name]) for name in ("channel", "asked") if record.get(name)]
    if not known or channel in ("", *known):
        return channel or known[0]
    if conversation_id(client, channel) == conversation_id(client, known[0]):
        return channel
    raise InputError(
        "The message under the key %s is in %s; for %s take another key, or forget that message: "
        "st2 key delete '%s'." % (key, known[0], channel, kept.key)
    )
