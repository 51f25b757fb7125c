"""How slack.users.admin.invite invites."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Optional, Tuple

from st2slack.base.errors import SettingsError
from st2slack.settings.values import entry_of, object_of, text_of, texts_of


@dataclass(frozen=True)
class InviteSettings:
    """How people are invited. `organization`: NAME of NAME.slack.com; `channels`: IDs to join."""

    organization: Optional[str] = None
    set_active: bool = True
    attempts: int = 1
    channels: Tuple[str, ...] = ()


def read_invite(config: Mapping[str, Any], workspace: Optional[str] = None) -> InviteSettings:
    """The settings of slack.users.admin.invite for a workspace; an entry has its own only."""
    own: Mapping[str, Any] = entry_of(config, workspace) if workspace else config
    admin = object_of(own, "admin")
    set_active, attempts = admin.get("set_active"), admin.get("attempts")
    if attempts is not None and (isinstance(attempts, bool) or not isinstance(attempts, int)):
        raise SettingsError("Config key `admin.attempts` must be a whole number.")
    return InviteSettings(
        organization=text_of(admin, "organization"),
        set_active=True if set_active is None else bool(set_active),
        attempts=1 if attempts is None else attempts,
        channels=texts_of(admin, "auto_join_channels", "admin"),
    )
