"""PURE: a message → the event `app_mention` for the bot that it mentions.

https://docs.slack.dev/reference/events/app_mention: an event of its own beside that of the message;
not in a direct message, which the app is told of anyway.
"""

from __future__ import annotations

import re
from typing import Any, Dict, Iterator, Set

# A message of these subtypes is something that somebody says; all others are notices.
SAID = (None, "file_share", "me_message", "thread_broadcast", "bot_message")
MENTION = re.compile(r"<@([A-Z0-9]+)(?:\|[^<>]*)?>")
KEYS = (
    "user",
    "text",
    "ts",
    "thread_ts",
    "client_msg_id",
    "team",
    "blocks",
    "attachments",
    "files",
    "bot_id",
    "app_id",
)


def mentioned(message: Dict[str, Any]) -> Set[str]:
    """IDs of the users whom a message mentions, its author aside: nobody is told of themselves."""
    if message.get("subtype") not in SAID:
        return set()
    found = set(MENTION.findall(str(message.get("text") or "")))
    found.update(_in_blocks(message.get("blocks")))
    return found - {message.get("user")}


def event(channel: str, message: Dict[str, Any]) -> Dict[str, Any]:
    """The members of the event."""
    members = {key: message[key] for key in KEYS if key in message}
    return {**members, "channel": channel, "event_ts": message["ts"]}


def _in_blocks(part: Any) -> Iterator[str]:
    """Who is mentioned anywhere in blocks: in texts, and as `user` elements of rich text."""
    if isinstance(part, list):
        for each in part:
            yield from _in_blocks(each)
    elif isinstance(part, dict):
        if part.get("type") == "user" and isinstance(part.get("user_id"), str):
            yield part["user_id"]
        for each in part.values():
            yield from _in_blocks(each)
    elif isinstance(part, str):
        yield from MENTION.findall(part)
