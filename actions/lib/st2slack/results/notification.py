"""PURE: what the rule hands over of a notification → which execution, and where its message goes.

A notification of an alias has what was put along with it in `source_context`: channel, thread_ts,
message, workspace. One of `notify:` has what its author wrote as data.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Mapping, Optional

from st2slack.base.errors import InputError
from st2slack.results.result_blocks import timestamp

_EXECUTION_ID = re.compile(r"[0-9A-Za-z-]{1,64}")
# What StackStorm's notifier says where the operator says nothing.
_NOTIFIERS_WORDS = re.compile(r"Action \S+ (completed|succeeded|failed)\.")


@dataclass(frozen=True)
class Notification:
    """What a notification says. `channel`, `thread_ts`, `message` (timestamp of the acknowledgement
    to change): "" where it does not say; `user`: who asked; `note`: the operator's words.
    """

    execution_id: str
    channel: str = ""
    thread_ts: str = ""
    message: str = ""
    user: str = ""
    note: str = ""


def read_notification(given: Mapping[str, Any]) -> Notification:
    """The notice in the action's parameters: as `source_context` has it, else as given."""
    context = given.get("source_context")
    context = context if isinstance(context, Mapping) else {}

    def text(name: str) -> str:
        # What came with the command is nearer than what the rule found beside it.
        value = context.get(name) or given.get(name) or ""
        return value.strip() if isinstance(value, str) else ""

    execution_id = text("execution_id")
    if not _EXECUTION_ID.fullmatch(execution_id):
        raise InputError("Parameter `execution_id` must be the ID of an execution.")
    note = text("note")
    return Notification(
        execution_id=execution_id,
        channel=text("channel"),
        thread_ts=_checked_ts("thread_ts", text("thread_ts")),
        message=_checked_ts("message", text("message")),
        user=text("user"),
        note="" if _NOTIFIERS_WORDS.fullmatch(note) else note,
    )


def find_workspace(given: Mapping[str, Any]) -> Optional[str]:
    """The workspace that the parameters name, themselves or in `source_context`."""
    context = given.get("source_context")
    named = context.get("workspace") if isinstance(context, Mapping) else None
    found = named or given.get("workspace")
    return found if isinstance(found, str) else None


def _checked_ts(name: str, value: str) -> str:
    if value and not timestamp(value):
        raise InputError(
            "Parameter `%s` must be the timestamp of a message, as text: 1503435956.000247." % name
        )
    return value
