"""The config key `ldap`: how LDAP is asked for the groups of people."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from string import Formatter
from typing import Any, Dict, Mapping, Optional

from st2slack.base.errors import SettingsError
from st2slack.settings.values import object_of, seconds_of, text_of


@dataclass(frozen=True)
class LdapSettings:
    """Keys and meanings are those of StackStorm's `backend_kwargs`.

    `email_pattern`: filter that finds a person by e-mail address; `insecure`: whether a connection
    is allowed that others on the network can read and change; `max_wait`: seconds for all questions
    together.
    """

    host: str
    port: int
    bind_dn: str
    bind_password: str = field(repr=False)
    base_ou: str
    base_ou_group: Optional[str] = None
    scope: str = "subtree"
    id_attr: str = "uid"
    account_pattern: Optional[str] = None
    group_pattern: Optional[str] = None
    email_pattern: str = "(mail={username})"
    use_ssl: bool = False
    use_tls: bool = False
    cacert: Optional[str] = None
    insecure: bool = False
    chase_referrals: bool = False
    network_timeout: float = 5.0
    max_wait: float = 10.0


_REQUIRED_KEYS = ("host", "bind_dn", "bind_password", "base_ou")
_PATTERN_KEYS = ("account_pattern", "group_pattern", "email_pattern")
_OPTIONAL_KEYS = ("base_ou_group", "scope", "id_attr", "cacert", *_PATTERN_KEYS)
_FLAG_KEYS = ("use_ssl", "use_tls", "insecure", "chase_referrals")
_SECONDS_KEYS = ("network_timeout", "max_wait")
_SCOPES = ("base", "onelevel", "subtree")
# Pattern → the names in braces that it can contain.
_PATTERNS = {
    "account_pattern": ("username",),
    "email_pattern": ("username",),
    "group_pattern": ("username", "user_dn"),
}


def read_ldap(config: Mapping[str, Any]) -> LdapSettings:
    """The settings. Raises SettingsError if a key is missing, or the connection is not safe."""
    ldap = object_of(config, "ldap")
    texts = {key: text_of(ldap, key) for key in (*_REQUIRED_KEYS, *_OPTIONAL_KEYS)}
    missing = [key for key in _REQUIRED_KEYS if not texts[key]]
    port = ldap.get("port")
    if missing or port is None:
        names = ["`ldap.%s`" % key for key in (*missing, *(["port"] if port is None else []))]
        raise SettingsError("LDAP groups need %s in the pack's config." % ", ".join(names))
    if isinstance(port, bool) or not isinstance(port, int) or not 0 < port < 65536:
        raise SettingsError("Config key `ldap.port` must be a number such as 636.")
    values: Dict[str, Any] = {key: text for key, text in texts.items() if text}
    values.update({key: _read_flag(ldap, key) for key in _FLAG_KEYS if ldap.get(key) is not None})
    for key in _SECONDS_KEYS:
        if ldap.get(key) is not None:
            key_path = "ldap." + key
            values[key] = seconds_of({key_path: ldap[key]}, key_path, 0.0)
    return _check(LdapSettings(port=port, **values), ldap)


def _read_flag(ldap: Mapping[str, Any], key: str) -> bool:
    if not isinstance(ldap[key], bool):
        raise SettingsError("Config key `ldap.%s` must be true or false." % key)
    return bool(ldap[key])


def _check(settings: LdapSettings, config: Mapping[str, Any]) -> LdapSettings:
    known = {*_REQUIRED_KEYS, *_OPTIONAL_KEYS, *_FLAG_KEYS, *_SECONDS_KEYS, "port"}
    unknown = sorted(str(key) for key in config if key not in known)
    if unknown:
        raise SettingsError("Config key `ldap`: unknown key %s; remove it." % unknown[0])
    if settings.bind_password.startswith("{{"):
        raise SettingsError(
            "Config key `ldap.bind_password` still holds a template: StackStorm did not find its "
            "value in the datastore. Set that key (encrypted)."
        )
    if settings.scope not in _SCOPES:
        raise SettingsError("Config key `ldap.scope` must be one of %s." % ", ".join(_SCOPES))
    _check_patterns(settings)
    if settings.use_ssl and settings.use_tls:
        raise SettingsError("Config keys `ldap.use_ssl` and `ldap.use_tls` exclude each other.")
    if settings.insecure or ((settings.use_ssl or settings.use_tls) and settings.cacert):
        return settings
    raise SettingsError(
        "LDAP needs `ldap.use_ssl` or `ldap.use_tls`, and `ldap.cacert`, the file of the CA that "
        "signed the server's certificate: otherwise anyone between StackStorm and the server can "
        "grant themselves permissions. `ldap.insecure: true` allows a connection without them."
    )


def _check_patterns(settings: LdapSettings) -> None:
    for key, names in _PATTERNS.items():
        pattern = getattr(settings, key)
        if pattern is None:
            continue
        try:
            fields = {each[1] for each in Formatter().parse(pattern) if each[1] is not None}
        except ValueError:
            fields = {""}
        if not fields or not fields <= set(names):
            raise SettingsError(
                "Config key `ldap.%s` must hold %s, and no other braces."
                % (key, " or ".join("{%s}" % name for name in names))
            )
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9;.-]*", settings.id_attr):
        raise SettingsError("Config key `ldap.id_attr` must be the name of an attribute.")
