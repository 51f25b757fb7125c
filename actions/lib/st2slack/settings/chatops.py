"""How people work from Slack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Optional

from st2slack.base.errors import SettingsError
from st2slack.settings.values import entry_of, object_of, text_of

DEFAULT_COMMAND = "/st2"


@dataclass(frozen=True)
class ChatopsSettings:
    """`command`: name of the slash command; `prefix`: what a message begins with that is a command,
    "" for none; `whom_to_ask`: text for those who may not; `questions_channel`: where questions go
    that name no channel, "" for nowhere.
    """

    command: str = DEFAULT_COMMAND
    prefix: str = ""
    whom_to_ask: str = ""
    questions_channel: str = ""


def read_chatops(config: Mapping[str, Any], workspace: Optional[str] = None) -> ChatopsSettings:
    """How people work from the Slack of a workspace; an entry has its own only."""
    own = entry_of(config, workspace) if workspace else config
    chatops = object_of(own, "chatops")
    command = text_of(chatops, "command") or DEFAULT_COMMAND
    if not command.startswith("/") or " " in command:
        raise SettingsError("Config key `chatops.command` must be a slash command such as /st2.")
    return ChatopsSettings(
        command=command,
        prefix=text_of(chatops, "prefix") or "",
        whom_to_ask=text_of(chatops, "whom_to_ask") or "",
        questions_channel=text_of(chatops, "questions_channel") or "",
    )
