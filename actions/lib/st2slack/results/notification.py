"""PURE: what the rule hands over of a notification -> the execution, and where its result goes.

A notification of an alias has in `source_context` what was sent with the alias: channel, thread_ts,
message, workspace. A notification of `notify:` has what its author wrote as data.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Mapping, Optional

from st2slack.base.errors import InputError
from st2slack.base.json_access import get_object, get_text
from st2slack.results.result_blocks import timestamp

_EXECUTION_ID = re.compile(r"[0-9A-Za-z-]{1,64}")
# The text of StackStorm's notifier if the operator sets none.
_DEFAULT_NOTE = re.compile(r"Action \S+ (completed|succeeded|failed)\.")


@dataclass(frozen=True)
class Notification:
    """A notification. `channel`, `thread_ts`, `message` (timestamp of the acknowledgement to
    change): "" if it names none; `user`: who asked; `note`: the operator's text.
    """

    execution_id: str
    channel: str = ""
    thread_ts: str = ""
    message: str = ""
    user: str = ""
    note: str = ""


def read_notification(parameters: Mapping[str, object]) -> Notification:
    """The notification in the action's parameters: as `source_context` has it, else as given."""
    execution_id = _text(parameters, "execution_id")
    if not _EXECUTION_ID.fullmatch(execution_id):
        raise InputError("Parameter `execution_id` must be the ID of an execution.")
    note = _text(parameters, "note")
    return Notification(
        execution_id=execution_id,
        channel=_text(parameters, "channel"),
        thread_ts=_timestamp(parameters, "thread_ts"),
        message=_timestamp(parameters, "message"),
        user=_text(parameters, "user"),
        note="" if _DEFAULT_NOTE.fullmatch(note) else note,
    )


def find_workspace(parameters: Mapping[str, object]) -> Optional[str]:
    """The workspace that the parameters name, in `source_context` or themselves."""
    return _text(parameters, "workspace") or None


def _text(parameters: Mapping[str, object], name: str) -> str:
    """What came with the command counts more than what the rule found in the execution."""
    context = get_object(parameters, "source_context")
    return (get_text(context, name) or get_text(parameters, name)).strip()


def _timestamp(parameters: Mapping[str, object], name: str) -> str:
    value = _text(parameters, name)
    if value and not timestamp(value):
        raise InputError(
            "Parameter `%s` must be the timestamp of a message, as text: 1503435956.000247." % name
        )
    return value
