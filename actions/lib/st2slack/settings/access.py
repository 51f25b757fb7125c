"""Who may what from Slack."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Dict, Mapping, Optional, Pattern, Tuple

from st2slack.base.errors import SettingsError
from st2slack.base.ids import CONVERSATION_ID, PERSON_ID, USERGROUP_HANDLE, USERGROUP_ID, plain_id
from st2slack.settings.values import entry_of, objects_of, text_of


@dataclass(frozen=True)
class Rule:
    """Who may what, and where: one entry of `authorization`.

    `who`: IDs of people, IDs or @handles of user groups, DNs of LDAP groups, `everyone`. `where`:
    IDs of conversations, `channels` (every channel), `direct_messages`. Mentions of these are read
    as their IDs. `what`: shell patterns over references and names, see
    `authorization/decision.py`. `extra_parameters`: whether parameters are allowed that an alias's
    format does not name.
    """

    name: str
    who: Tuple[str, ...]
    what: Tuple[str, ...]
    where: Tuple[str, ...] = ("channels",)
    extra_parameters: bool = False


@dataclass(frozen=True)
class Access:
    """Who may what in one workspace. `ldap_names`: ID of a person → their name in LDAP."""

    rules: Tuple[Rule, ...] = ()
    ldap_names: Mapping[str, str] = field(default_factory=dict)


EVERYONE = "everyone"
CHANNELS, DIRECT_MESSAGES = "channels", "direct_messages"
LDAP_GROUP = re.compile(r"[A-Za-z0-9.-]+\s*=.+", re.DOTALL)
_WHO = (PERSON_ID, USERGROUP_ID, USERGROUP_HANDLE, LDAP_GROUP, re.compile(EVERYONE))
_WHERE = (CONVERSATION_ID, re.compile(CHANNELS), re.compile(DIRECT_MESSAGES))
_RULE_KEYS = ("name", "who", "where", "what", "extra_parameters")


def read_access(config: Mapping[str, Any], workspace: Optional[str] = None) -> Access:
    """The rules of a workspace, in their order; those of another never count for it.

    Raises SettingsError for a rule that cannot be used, so that none is taken for a wider one.
    """
    own = entry_of(config, workspace) if workspace else config
    rules = [_rule(entry) for entry in objects_of(own, "authorization")]
    names = [rule.name for rule in rules]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SettingsError(
            "Config key `authorization` has more than one rule named %r; names must be unique."
            % twice[0]
        )
    return Access(tuple(rules), _ldap_names(own))


def _rule(entry: Mapping[str, Any]) -> Rule:
    name = text_of(entry, "name")
    if not name:
        raise SettingsError("Config key `authorization`: every rule needs a `name`.")
    place = "Config key `authorization`, rule %r" % name
    unknown = sorted(str(key) for key in entry if key not in _RULE_KEYS)
    if unknown:
        raise SettingsError(
            "%s: %s is not known. A rule has %s." % (place, unknown[0], ", ".join(_RULE_KEYS))
        )
    extra = entry.get("extra_parameters", False)
    if not isinstance(extra, bool):
        raise SettingsError("%s: `extra_parameters` must be true or false." % place)
    return Rule(
        name=name,
        who=_known(
            _ids_of(entry, "who", place),
            _WHO,
            "%s: `who` has %%r. It takes IDs of people (U...), IDs (S...) or handles (@...) of "
            "user groups, DNs of LDAP groups, and everyone; never names or e-mail addresses."
            % place,
        ),
        what=_entries_of(entry, "what", place),
        where=_known(
            _ids_of(entry, "where", place) if "where" in entry else (CHANNELS,),
            _WHERE,
            "%s: `where` has %%r. It takes IDs of conversations (C..., below the channel's details "
            "in Slack), channels and direct_messages; never names, which people change." % place,
        ),
        extra_parameters=extra,
    )


def _entries_of(entry: Mapping[str, Any], key: str, place: str) -> Tuple[str, ...]:
    value = entry.get(key)
    if (
        not isinstance(value, list)
        or not value
        or not all(isinstance(each, str) and each.strip() for each in value)
    ):
        raise SettingsError("%s: `%s` must be a list of texts with at least one." % (place, key))
    return tuple(each.strip() for each in value)


def _ids_of(entry: Mapping[str, Any], key: str, place: str) -> Tuple[str, ...]:
    """The entries, with IDs in place of mentions."""
    return tuple(plain_id(each) for each in _entries_of(entry, key, place))


def _known(
    values: Tuple[str, ...], shapes: Tuple[Pattern[str], ...], error: str
) -> Tuple[str, ...]:
    for value in values:
        if not any(shape.fullmatch(value) for shape in shapes):
            raise SettingsError(error % value)
    return values


def _ldap_names(own: Mapping[str, Any]) -> Dict[str, str]:
    found: Dict[str, str] = {}
    for entry in objects_of(own, "ldap_names"):
        person, name = plain_id(text_of(entry, "person") or ""), text_of(entry, "name")
        if not person or not name or not PERSON_ID.fullmatch(person):
            raise SettingsError(
                "Config key `ldap_names`: every entry needs `person`, the ID of a person in Slack "
                "(U...), and `name`, their name in LDAP."
            )
        if not name.isprintable():
            raise SettingsError(
                "Config key `ldap_names`: the name of %s has a character that no name has." % person
            )
        if person in found:
            raise SettingsError("Config key `ldap_names` has %s more than once." % person)
        found[person] = name
    return found
