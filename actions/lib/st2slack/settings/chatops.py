"""The config keys of `chatops`: commands and questions in Slack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Optional

from st2slack.base.errors import SettingsError
from st2slack.settings.values import entry_of, object_of, text_of

DEFAULT_COMMAND = "/st2"


@dataclass(frozen=True)
class ChatopsSettings:
    """`command`: name of the slash command; `prefix`: what commands begin with that are messages,
    "" for none; `contact`: text for users who are not allowed to do something; `questions_channel`:
    where questions go that name no channel, "" for nowhere.
    """

    command: str = DEFAULT_COMMAND
    prefix: str = ""
    contact: str = ""
    questions_channel: str = ""


def read_chatops(config: Mapping[str, Any], workspace: Optional[str] = None) -> ChatopsSettings:
    """The settings of a workspace. An entry of `workspaces` inherits none of the top level."""
    own = entry_of(config, workspace) if workspace else config
    chatops = object_of(own, "chatops")
    command = text_of(chatops, "command") or DEFAULT_COMMAND
    if not command.startswith("/") or " " in command:
        raise SettingsError("Config key `chatops.command` must be a slash command such as /st2.")
    return ChatopsSettings(
        command=command,
        prefix=text_of(chatops, "prefix") or "",
        contact=text_of(chatops, "contact") or "",
        questions_channel=text_of(chatops, "questions_channel") or "",
    )
