"""PURE: the config's keys: those that nothing reads, and those that have no value.

StackStorm registers unknown keys without a word, and turns a datastore key that does not exist into
null. Both look well until an action fails for want of the value.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any, Dict, Iterator, Mapping, Tuple

Keys = Mapping[str, Any]

_WEBHOOK: Keys = dict.fromkeys(
    ["webhook_url", "channel", "username", "icon_emoji", "icon_url", "plain_http_hosts"]
)
_ROTATION: Keys = dict.fromkeys(
    [
        "client_id",
        "client_secret",
        "refresh_token_key",
        "user_token_key",
        "user_refresh_token_key",
        "config_token_key",
        "config_refresh_token_key",
        "rescue_folder",
    ]
)
_ADMIN: Keys = dict.fromkeys(
    ["admin_token", "organization", "set_active", "attempts", "auto_join_channels"]
)
_OWN: Dict[str, Any] = {
    **dict.fromkeys(["action_token", "user_token", "config_token", "action_token_key", "team_id"]),
    **dict.fromkeys(["api_url", "proxy", "ca_bundle", "file_hosts"]),
    "post_message_action": _WEBHOOK,
    "rotation": _ROTATION,
    "admin": _ADMIN,
    "authorization": dict.fromkeys(["name", "who", "where", "what", "extra_parameters"]),
    "ldap_usernames": dict.fromkeys(["person", "name"]),
    "chatops": dict.fromkeys(["command", "prefix", "contact", "questions_channel"]),
}
# Config key → the keys below it (of each element, where it is a list), None where there are none.
# A test holds this against config.schema.yaml, which is not read here: it takes a YAML parser.
KNOWN: Keys = {
    **_OWN,
    "max_wait": None,
    "sensor": dict.fromkeys(
        [
            "app_token",
            "token",
            "token_key",
            "events",
            "channel_types",
            "channels",
            "allow_bot_messages",
            "allow_own_messages",
            "strip_formatting",
            "plain_text",
            "backfill_max_age",
            "backfill_max_channels",
        ]
    ),
    "ldap": dict.fromkeys(
        [
            "host",
            "port",
            "bind_dn",
            "bind_password",
            "base_ou",
            "base_ou_group",
            "scope",
            "id_attr",
            "account_pattern",
            "email_pattern",
            "group_pattern",
            "use_ssl",
            "use_tls",
            "cacert",
            "insecure",
            "chase_referrals",
            "network_timeout",
            "max_wait",
        ]
    ),
    "workspaces": {**_OWN, **dict.fromkeys(["name", "app_token", "token", "token_key"])},
}


def find_unknown_keys(config: Mapping[str, Any]) -> Iterator[Tuple[str, str]]:
    """(place of a key that nothing reads, the known key that it resembles, "" for none)."""
    for place, key, _, known in _walk(config, KNOWN, ""):
        if key not in known:
            near = get_close_matches(key, list(known), n=1, cutoff=0.6)
            yield place, near[0] if near else ""


def find_empty_keys(config: Mapping[str, Any]) -> Iterator[str]:
    """Places of known keys that stand in the config with null as their value."""
    for place, key, value, known in _walk(config, KNOWN, ""):
        if key in known and value is None:
            yield place


def find_hidden_empty_keys(
    config: Mapping[str, Any], registered: Mapping[str, Any]
) -> Iterator[str]:
    """Places of the two credentials with a default (2.x's empty text) that came out empty.

    `registered`: the config before StackStorm looked values up and filled defaults in.
    """
    for section, key in (("sensor", "token"), ("admin", "admin_token")):
        before, after = (values.get(section) or {} for values in (registered, config))
        if before.get(key) and not after.get(key):
            yield "%s.%s" % (section, key)


def _walk(values: Any, known: Keys, prefix: str) -> Iterator[Tuple[str, str, Any, Keys]]:
    """Every key: its place, its name, its value, and the keys that are known there."""
    for key, value in values.items() if isinstance(values, Mapping) else ():
        place = prefix + str(key)
        yield place, str(key), value, known
        below = known.get(str(key))
        if below is None:
            continue
        if isinstance(value, list):
            for number, element in enumerate(value):
                yield from _walk(element, below, "%s[%s]." % (place, _name_of(element, number)))
        else:
            yield from _walk(value, below, place + ".")


def _name_of(element: Any, number: int) -> str:
    """Of a workspace its name, of anything else its position."""
    name = element.get("name") if isinstance(element, Mapping) else None
    return name if isinstance(name, str) and name else str(number)
