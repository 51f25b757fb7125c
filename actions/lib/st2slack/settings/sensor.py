"""What the sensor is to listen to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, List, Mapping, Optional, Tuple

from st2slack.base.errors import SettingsError
from st2slack.base.ids import plain_id
from st2slack.settings.values import (
    entry_of,
    number_of,
    object_of,
    text_of,
    texts_of,
    token_of,
    workspace_names,
)


@dataclass(frozen=True)
class SensorSettings:
    """What the sensor is to listen to in one workspace.

    `app_token`: Socket Mode; `token`: RTM of a classic app. `events`: types of other events that
    are wanted. `channel_types`: public_channel, private_channel, im, mpim. `channels`: IDs or
    names, empty for all. `token_key`, `action_token_key`: datastore keys where a token that has
    expired is read afresh. `backfill_max_age`: seconds, 0 switches it off. `strip_formatting`: each
    labelled link of a text becomes its label; `plain_text`: the whole text becomes plain.
    """

    app_token: Optional[str] = field(default=None, repr=False)
    token: Optional[str] = field(default=None, repr=False)
    token_key: Optional[str] = None
    action_token_key: Optional[str] = None
    events: Tuple[str, ...] = ()
    channel_types: Tuple[str, ...] = ("public_channel", "private_channel")
    channels: Tuple[str, ...] = ()
    allow_bot_messages: bool = False
    allow_own_messages: bool = False
    strip_formatting: bool = False
    plain_text: bool = False
    backfill_max_age: float = 3600.0
    backfill_max_channels: int = 100


CHANNEL_TYPES = ("public_channel", "private_channel", "im", "mpim")


def read_sensor(config: Mapping[str, Any], workspace: str = "") -> SensorSettings:
    """The sensor's settings for a workspace; its credentials come from its own entry only."""
    sensor = object_of(config, "sensor")
    own: Mapping[str, Any] = entry_of(config, workspace) if workspace else sensor
    default = SensorSettings()
    types = texts_of(sensor, "channel_types") or default.channel_types
    unknown = sorted(set(types) - set(CHANNEL_TYPES))
    if unknown:
        raise SettingsError(
            "Config key `sensor.channel_types` has %s; it knows %s."
            % (", ".join(unknown), ", ".join(CHANNEL_TYPES))
        )
    return SensorSettings(
        app_token=token_of(own, "app_token"),
        token_key=text_of(own, "token_key"),
        action_token_key=text_of(own if workspace else config, "action_token_key"),
        token=token_of(own, "token"),
        events=texts_of(sensor, "events"),
        channel_types=types,
        channels=tuple(plain_id(each).lstrip("#") for each in texts_of(sensor, "channels")),
        allow_bot_messages=bool(sensor.get("allow_bot_messages")),
        allow_own_messages=bool(sensor.get("allow_own_messages")),
        strip_formatting=bool(sensor.get("strip_formatting")),
        plain_text=bool(sensor.get("plain_text")),
        backfill_max_age=number_of(sensor, "backfill_max_age", default.backfill_max_age),
        backfill_max_channels=int(
            number_of(sensor, "backfill_max_channels", default.backfill_max_channels)
        ),
    )


def sensed_workspaces(config: Mapping[str, Any]) -> List[str]:
    """Workspaces that the sensor is to connect to; "" is the config's top level."""
    names = ["", *workspace_names(config)]
    found = [(name, read_sensor(config, name)) for name in names]
    return [name for name, sensor in found if sensor.app_token or sensor.token]
