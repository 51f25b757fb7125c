"""One value of the config, checked. Errors name the key, never what stood there."""

from __future__ import annotations

import math
from typing import Any, List, Mapping, Optional, Tuple

from st2slack.base.errors import SettingsError
from st2slack.base.urls import UnclearUrl, parse_address
from st2slack.settings.token_form import find_token_fault


def whose(workspace: Optional[str]) -> str:
    """Of which workspace, for the end of a sentence; "" for the top level."""
    return ", workspace %r" % workspace if workspace else ""


def workspace_names(config: Mapping[str, Any]) -> List[str]:
    """Names of the entries of `workspaces`, in their order."""
    return [str(entry["name"]) for entry in entries_of_workspaces(config)]


def entries_of_workspaces(config: Mapping[str, Any]) -> List[Mapping[str, Any]]:
    """The entries of `workspaces`. Raises SettingsError where one has no name."""
    entries = objects_of(config, "workspaces")
    if not all(each.get("name") for each in entries):
        raise SettingsError("Config key `workspaces`: every entry needs a `name`.")
    return entries


def entry_of(config: Mapping[str, Any], workspace: str) -> Mapping[str, Any]:
    """The entry of a workspace. Raises SettingsError unless there is exactly one."""
    found = [each for each in entries_of_workspaces(config) if each["name"] == workspace]
    if len(found) == 1:
        return found[0]
    if found:
        raise SettingsError(
            "Config key `workspaces` has %d entries named %r; names must be unique."
            % (len(found), workspace)
        )
    known = ", ".join(workspace_names(config)) or "none; add it under `workspaces`"
    raise SettingsError(
        "Workspace %r is not in the pack's config. Configured there: %s." % (workspace, known)
    )


def object_of(values: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """An object, {} where none is set."""
    value = values.get(key) or {}
    if not isinstance(value, dict):
        raise SettingsError("Config key `%s` must be an object." % key)
    return value


def objects_of(values: Mapping[str, Any], key: str) -> List[Mapping[str, Any]]:
    """A list of objects, [] where none is set."""
    value = values.get(key) or []
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        what = "objects with a `name`" if key == "workspaces" else "objects"
        raise SettingsError("Config key `%s` must be a list of %s." % (key, what))
    return value


def is_set_empty(values: Mapping[str, Any], key: str) -> bool:
    """Whether a key stands there without a value: StackStorm's answer for a datastore key that does
    not exist is null, and it says so nowhere."""
    value = values.get(key, "absent")
    return value is None or (isinstance(value, str) and not value.strip())


def token_of(values: Mapping[str, Any], key: str) -> Optional[str]:
    """A token, None where none is set."""
    token = text_of(values, key)
    return check_token(token, "Config key `%s`" % key) if token else None


def check_token(token: str, where: str) -> str:
    """`token` stripped, if it can stand in a header. The error names `where`, never the token."""
    token = token.strip()
    if token.startswith("{{"):
        raise SettingsError(
            "%s still holds a template: StackStorm did not find its value in the "
            "datastore. Set that key (encrypted), or put the token here." % where
        )
    fault = find_token_fault(token)
    if fault:
        raise SettingsError("%s %s" % (where, fault))
    if not token.isascii() or not token.isprintable() or " " in token:
        raise SettingsError(
            "%s is not a token: it has spaces or characters that no token has. "
            "Copy it again from the app's page." % where
        )
    return token


def text_of(values: Mapping[str, Any], key: str) -> Optional[str]:
    """A text without blanks around it, None where none is set."""
    value = values.get(key)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise SettingsError("Config key `%s` must be text, not %s." % (key, type(value).__name__))
    return value.strip() or None


def texts_of(values: Mapping[str, Any], key: str, section: str = "sensor") -> Tuple[str, ...]:
    """A list of texts, () where none is set. `section`: where the key stands, for the error."""
    value = values.get(key) or []
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise SettingsError("Config key `%s.%s` must be a list of texts." % (section, key))
    return tuple(value)


def hosts_of(values: Mapping[str, Any], key: str, section: str = "") -> Tuple[str, ...]:
    """A list of host names without scheme, port or path, in lower case; () where none is set.

    `section`: where the key stands, for the error.
    """
    place = "%s.%s" % (section, key) if section else key
    value = values.get(key) or []
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise SettingsError("Config key `%s` must be a list of host names." % place)
    hosts = tuple(each.strip().lower().rstrip(".") for each in value)
    for host in hosts:
        try:
            is_name = parse_address("https://%s/" % host).host == host
        except UnclearUrl:
            is_name = False
        if not is_name:
            raise SettingsError(
                "Config key `%s` must have host names such as files.example.com only, not %r."
                % (place, host)
            )
    return hosts


def number_of(values: Mapping[str, Any], key: str, default: float) -> float:
    """A number of the section `sensor`, 0 or more."""
    value = values.get(key)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0:
        raise SettingsError("Config key `sensor.%s` must be a number, 0 or more." % key)
    return float(value)


def seconds_of(values: Mapping[str, Any], key: str, default: float) -> float:
    """Seconds above 0."""
    value = values.get(key)
    if value is None:
        return default
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float))
        or not math.isfinite(value)
        or value <= 0
    ):
        raise SettingsError("Config key `%s` must be a number of seconds above 0." % key)
    return float(value)
