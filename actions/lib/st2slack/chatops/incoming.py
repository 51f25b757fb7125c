"""What came from Slack, as a trigger tells it: of the right shape, and not for the second time.

Once: a key of the datastore for each delivery and execution, for KEPT seconds. Whoever finds no
other key than their own goes on. A policy lets executions of one delivery run one after the other;
where two run at once all the same, both find the other's key, and neither goes on.

In time: the sensor fetches what was written while it was away. A command that nobody waits for any
more must not run out of the blue, nor one whose key is forgotten.
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
from st2slack.stackstorm.client import StackStorm

DELIVERY_TTL = 3600  # seconds that a delivery is remembered; Slack repeats one for some minutes
MAX_AGE = 600  # seconds after which a message runs nothing
KEY_PREFIX = "slack.command."
_TIMESTAMP = re.compile(r"[0-9]{1,12}\.[0-9]{1,9}")
_TRIGGER = re.compile(r"[A-Za-z0-9._-]{1,200}")
_WORKSPACE = re.compile(r"[\w .@&+-]{0,100}")


@dataclass(frozen=True)
class IncomingCommand:
    """What came, as the trigger tells it. `command`: of a slash command, "" for a message.

    `thread_ts`: of the thread that a message stands in, else its own; `is_bot`: whether a bot wrote
    it. Templates write null as "None".
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
        """Who is answered: in the thread only where they wrote in one."""
        thread = self.thread_ts if self.thread_ts != self.ts else ""
        return Addressee(self.channel, self.user, thread, self.response_url)

    @property
    def thread(self) -> str:
        """The thread that an answer for all to see belongs into; "" where it begins one."""
        return "" if self.command else self.thread_ts or self.ts


def normalized(request: IncomingCommand) -> IncomingCommand:
    """What templates wrote for null, taken away."""

    def known(text: str) -> str:
        text = (text or "").strip()
        return "" if text == "None" else text

    return replace(
        request,
        command=known(request.command),
        trigger_id=known(request.trigger_id),
        response_url=known(request.response_url),
        ts=known(request.ts),
        thread_ts=known(request.thread_ts),
    )


def check_format(request: IncomingCommand, workspace: str) -> None:
    """Raises InputError for what is not of the shape that Slack gives it."""
    shapes = [
        ("user", request.user, PERSON_ID),
        ("channel", request.channel, CONVERSATION_ID),
        ("workspace", workspace, _WORKSPACE),
    ]
    shapes += [("trigger_id", request.trigger_id, _TRIGGER)] if request.command else []
    shapes += [] if request.command else [("ts", request.ts, _TIMESTAMP)]
    shapes += [("thread_ts", request.thread_ts, _TIMESTAMP)] if request.thread_ts else []
    for name, text, shape in shapes:
        if not shape.fullmatch(text):
            raise InputError(
                "Parameter `%s` is not what Slack gives: hand over what the trigger has." % name
            )


def minutes_too_late(request: IncomingCommand, now: float) -> int:
    """How long ago a message was written, in minutes; 0 where it is in time. `now`: Unix time."""
    age = 0.0 if request.command else now - float(request.ts)
    return int(age // 60) if age > MAX_AGE else 0


def clock_for(settings: Settings) -> Callable[[], Optional[float]]:
    """What tells the time; nothing where a Slack on loopback has times of its own."""
    return (lambda: None) if is_loopback(settings.api_url) else time.time


def claim_delivery(stackstorm: StackStorm, request: IncomingCommand, own_id: str) -> Optional[str]:
    """The execution that the same was delivered to before, None where this is the first.

    `own_id`: of the execution that asks.
    """
    prefix = "%s%s.%s." % (KEY_PREFIX, request.channel, request.trigger_id or request.ts)
    own = prefix + own_id
    stackstorm.write(own, own_id, DELIVERY_TTL)
    others = sorted(set(stackstorm.keys(prefix)) - {own})
    return others[0][len(prefix) :] if others else None
