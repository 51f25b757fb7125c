"""Which names a channel may have. The codes are those of conversations.create."""

from __future__ import annotations

from typing import Optional

from sandbox.slack.checks.slack_error import SlackError
from sandbox.slack.state.workspace import Channel, Workspace

LONGEST_NAME = 80
PUNCTUATION = "-_"


def check_name(workspace: Workspace, name: str, channel: Optional[Channel] = None) -> None:
    """SlackError a name that cannot be, or that another channel than `channel` has already."""
    if not name:
        raise SlackError("invalid_name_required")
    if len(name) > LONGEST_NAME:
        raise SlackError("invalid_name_maxlength")
    if all(letter in PUNCTUATION for letter in name):
        raise SlackError("invalid_name_punctuation")
    if name != name.lower() or not all(_allowed(letter) for letter in name):
        raise SlackError("invalid_name_specials")
    other = workspace.channel_named(name)
    if other is not None and other is not channel:
        raise SlackError("name_taken")


def _allowed(letter: str) -> bool:
    return letter.isalnum() or letter in PUNCTUATION
