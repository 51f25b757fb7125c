"""How tokens that expire are renewed."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any, Mapping, Optional

from st2slack.base.errors import SettingsError
from st2slack.settings.values import check_token, entry_of, object_of, text_of, whose

# Config key of a token that expires → where its datastore keys stand: its own, its refresh token's.
RENEWED = {
    "action_token": ("action_token_key", "rotation.refresh_token_key"),
    "user_token": ("rotation.user_token_key", "rotation.user_refresh_token_key"),
    "config_token": ("rotation.config_token_key", "rotation.config_refresh_token_key"),
}
DEFAULT_RESCUE_FOLDER = "/var/tmp"


@dataclass(frozen=True)
class RotationSettings:
    """How a token that expires is renewed. `renews`: the config key that reads it.

    `token_key`, `refresh_token_key`: datastore keys. `client_id`, `client_secret`: of the app; the
    token of app configurations needs none. `rescue_folder`: where tokens are kept that the
    datastore did not take.
    """

    renews: str
    token_key: str
    refresh_token_key: str
    workspace: Optional[str] = None
    client_id: Optional[str] = None
    client_secret: Optional[str] = field(default=None, repr=False)
    rescue_folder: str = DEFAULT_RESCUE_FOLDER

    @property
    def needs_client(self) -> bool:
        """Whether Slack wants to know which app renews: not for tokens of app configurations."""
        return self.renews != "config_token"


def read_rotation(
    config: Mapping[str, Any], workspace: Optional[str] = None, renews: Optional[str] = None
) -> RotationSettings:
    """How `renews` of a workspace is renewed. Raises a SettingsError that names what lacks."""
    renews = renews or "action_token"
    if renews not in RENEWED:
        raise SettingsError("Parameter `renews` must be one of %s." % ", ".join(RENEWED))
    own = entry_of(config, workspace) if workspace else config
    rotation = object_of(own, "rotation")
    places = RENEWED[renews]
    found = {
        place: text_of(rotation if "." in place else own, place.rpartition(".")[2])
        for place in places
    }
    found["rotation.client_id"] = text_of(rotation, "client_id")
    found["rotation.client_secret"] = text_of(rotation, "client_secret")
    needed = places if renews == "config_token" else tuple(found)
    missing = ["`%s`" % place for place in needed if not found[place]]
    if missing:
        raise SettingsError(
            "Renewing %s needs %s in the pack's config%s; see docs/configuration.md."
            % (renews, ", ".join(missing), whose(workspace))
        )
    if found[places[0]] == found[places[1]]:
        raise SettingsError(
            "Config keys `%s` and `%s`%s must name different datastore keys."
            % (*places, whose(workspace))
        )
    secret = found["rotation.client_secret"]
    where = "Config key `rotation.client_secret`"
    return RotationSettings(
        renews=renews,
        token_key=str(found[places[0]]),
        refresh_token_key=str(found[places[1]]),
        workspace=workspace or None,
        client_id=found["rotation.client_id"],
        client_secret=check_token(secret, where) if secret else None,
        rescue_folder=_folder(rotation, object_of(config, "rotation")),
    )


def _folder(*places: Mapping[str, Any]) -> str:
    named = [text_of(place, "rescue_folder") for place in places]
    folder = next((each for each in named if each), DEFAULT_RESCUE_FOLDER)
    if not os.path.isabs(folder):
        raise SettingsError("Config key `rotation.rescue_folder` must be an absolute path.")
    return folder
