"""A command as a trigger hands it over: of the right format, once only, and in time.

Once: one key of the datastore for each pair of delivery and execution, for DELIVERY_TTL seconds. An
execution that finds no other key than its own continues. A policy runs executions of one delivery
one after the other; if two run at the same time all the same, both find the other's key, and
neither continues.

In time: the sensor fetches what was written while it was disconnected. A command that nobody waits
for any more must not run unexpectedly, nor one whose key is deleted.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field, replace
from typing import Callable, Optional

from st2slack.base.errors import InputError
from st2slack.base.ids import CONVERSATION_ID, PERSON_ID
from st2slack.base.urls import is_loopback
from st2slack.messages.reply import Addressee
from st2slack.settings.slack import Settings
from st2slack.stackstorm.datastore import Datastore

DELIVERY_TTL = 3600  # seconds that a delivery is remembered; Slack repeats one for some minutes
MAX_AGE = 600  # seconds after which a message runs nothing
KEY_PREFIX = "slack.command."
_TIMESTAMP = re.compile(r"[0-9]{1,12}\.[0-9]{1,9}")
_TRIGGER_ID = re.compile(r"[A-Za-z0-9._-]{1,200}")
_WORKSPACE = re.compile(r"[\w .@&+-]{0,100}")


@dataclass(frozen=True)
class IncomingCommand:
    """A command as the trigger describes it. `command`: name of the slash command, "" for a
    message; `thread_ts`: of the thread that a message is in, else its own; `is_bot`: whether a bot
    wrote it.
    """

    text: str
    user: str
    channel: str
    command: str = ""
    trigger_id: str = ""
    response_url: str = field(default="", repr=False)
    ts: str = ""
    thread_ts: str = ""
    is_bot: bool = False

    @property
    def addressee(self) -> Addressee:
        """Where the requester gets answers: in the thread only if they wrote in one."""
        thread = self.thread_ts if self.thread_ts != self.ts else ""
        return Addressee(self.channel, self.user, thread, self.response_url)

    @property
    def thread(self) -> str:
        """The thread for an answer that everybody sees; "" if the answer begins one."""
        return "" if self.command else self.thread_ts or self.ts


def normalized(request: IncomingCommand) -> IncomingCommand:
    """The command without the "None" that templates write for null."""

    def without_null(text: str) -> str:
        text = (text or "").strip()
        return "" if text == "None" else text

    return replace(
        request,
        command=without_null(request.command),
        trigger_id=without_null(request.trigger_id),
        response_url=without_null(request.response_url),
        ts=without_null(request.ts),
        thread_ts=without_null(request.thread_ts),
    )


def check_format(request: IncomingCommand, workspace: str) -> None:
    """Raises InputError for values that are not of the format that Slack sends."""
    values = [
        ("user", request.user, PERSON_ID),
        ("channel", request.channel, CONVERSATION_ID),
        ("workspace", workspace, _WORKSPACE),
    ]
    if request.command:
        values.append(("trigger_id", request.trigger_id, _TRIGGER_ID))
    else:
        values.append(("ts", request.ts, _TIMESTAMP))
    values += [("thread_ts", request.thread_ts, _TIMESTAMP)] if request.thread_ts else []
    for name, text, pattern in values:
        if not pattern.fullmatch(text):
            raise InputError(
                "Parameter `%s` is not a value of Slack's. Pass the one of the trigger unchanged."
                % name
            )


def minutes_too_late(request: IncomingCommand, now: float) -> int:
    """The age of a message in minutes if it is too old, else 0. `now`: Unix time."""
    age = 0.0 if request.command else now - float(request.ts)
    return int(age // 60) if age > MAX_AGE else 0


def clock_for(settings: Settings) -> Callable[[], Optional[float]]:
    """A clock; it answers None for a Slack on loopback, which has its own time."""
    return (lambda: None) if is_loopback(settings.api_url) else time.time


def claim_delivery(datastore: Datastore, request: IncomingCommand, own_id: str) -> Optional[str]:
    """Note that the execution `own_id` handles this delivery.

    Returns the ID of another execution that handles it already, None if there is none.
    """
    prefix = "%s%s.%s." % (KEY_PREFIX, request.channel, request.trigger_id or request.ts)
    own_key = prefix + own_id
    datastore.write(own_key, own_id, DELIVERY_TTL)
    others = sorted(set(datastore.list(prefix)) - {own_key})
    return others[0][len(prefix) :] if others else None
