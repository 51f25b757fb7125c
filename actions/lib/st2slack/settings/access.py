"""Who is allowed to do what from Slack: the rules in the config."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Dict, List, Mapping, Optional, Tuple

from st2slack.base.errors import SettingsError
from st2slack.base.ids import CONVERSATION_ID, PERSON_ID, plain_id
from st2slack.settings.entries import Entry, parse_entry
from st2slack.settings.values import entry_of, objects_of, text_of


@dataclass(frozen=True)
class Rule:
    """One entry of `authorization`: who is allowed to do what, and where.

    `who`: see `entries.py`. `where`: IDs of conversations, `channels` (every channel),
    `direct_messages`; a mention counts as its ID. `what`: shell patterns over references and names,
    see `authorization/decision.py`. `extra_parameters`: whether parameters are allowed that the
    format of an alias does not name.
    """

    name: str
    who: Tuple[Entry, ...]
    what: Tuple[str, ...]
    where: Tuple[str, ...] = ("channels",)
    extra_parameters: bool = False


@dataclass(frozen=True)
class Access:
    """The rules of one workspace. `ldap_usernames`: ID of a person → their name in LDAP."""

    rules: Tuple[Rule, ...] = ()
    ldap_usernames: Mapping[str, str] = field(default_factory=dict)


CHANNELS, DIRECT_MESSAGES = "channels", "direct_messages"
_WHERE = (CONVERSATION_ID, re.compile(CHANNELS), re.compile(DIRECT_MESSAGES))
_RULE_KEYS = ("name", "who", "where", "what", "extra_parameters")


def read_access(config: Mapping[str, object], workspace: Optional[str] = None) -> Access:
    """The rules of a workspace, in their order; those of another never count for it.

    Raises SettingsError for a rule that cannot be used, so that none is taken for a wider one.
    """
    own = entry_of(config, workspace) if workspace else config
    rules = [_read_rule(entry) for entry in objects_of(own, "authorization")]
    names = [rule.name for rule in rules]
    duplicates = sorted({name for name in names if names.count(name) > 1})
    if duplicates:
        raise SettingsError(
            "Config key `authorization` has more than one rule named %r; names must be unique."
            % duplicates[0]
        )
    return Access(tuple(rules), _read_ldap_usernames(own))


def _read_rule(entry: Mapping[str, object]) -> Rule:
    name = text_of(entry, "name")
    if not name:
        raise SettingsError("Config key `authorization`: every rule needs a `name`.")
    place = "Config key `authorization`, rule %r" % name
    unknown = sorted(str(key) for key in entry if key not in _RULE_KEYS)
    if unknown:
        raise SettingsError(
            "%s: unknown key %s. A rule has %s." % (place, unknown[0], ", ".join(_RULE_KEYS))
        )
    extra = entry.get("extra_parameters", False)
    if not isinstance(extra, bool):
        raise SettingsError("%s: `extra_parameters` must be true or false." % place)
    return Rule(
        name=name,
        who=tuple(_read_who(entry, place)),
        what=_read_texts(entry, "what", place),
        where=_read_where(entry, place) if "where" in entry else (CHANNELS,),
        extra_parameters=extra,
    )


def _read_texts(entry: Mapping[str, object], key: str, place: str) -> Tuple[str, ...]:
    value = entry.get(key)
    entries = value if isinstance(value, list) else []
    texts = [each.strip() for each in entries if isinstance(each, str)]
    if not texts or not all(texts) or len(texts) != len(entries):
        raise SettingsError("%s: `%s` must be a list of texts with at least one." % (place, key))
    return tuple(texts)


def _read_who(entry: Mapping[str, object], place: str) -> List[Entry]:
    parsed: List[Entry] = []
    for text in _read_texts(entry, "who", place):
        who = parse_entry(text)
        if who is None:
            raise SettingsError(
                "%s: `who` has %r. It takes IDs of people (U...), IDs (S...) or handles (@...) of "
                "user groups, DNs of LDAP groups, and everyone; never names or e-mail addresses."
                % (place, plain_id(text))
            )
        parsed.append(who)
    return parsed


def _read_where(entry: Mapping[str, object], place: str) -> Tuple[str, ...]:
    values = tuple(map(plain_id, _read_texts(entry, "where", place)))
    for value in values:
        if not any(shape.fullmatch(value) for shape in _WHERE):
            raise SettingsError(
                "%s: `where` has %r. It takes IDs of conversations (C..., below the channel's "
                "details in Slack), channels and direct_messages; never names, which people change."
                % (place, value)
            )
    return values


def _read_ldap_usernames(own: Mapping[str, object]) -> Dict[str, str]:
    usernames: Dict[str, str] = {}
    for entry in objects_of(own, "ldap_usernames"):
        person, name = plain_id(text_of(entry, "person") or ""), text_of(entry, "name")
        if not person or not name or not PERSON_ID.fullmatch(person):
            raise SettingsError(
                "Config key `ldap_usernames`: every entry needs `person`, the ID of a person in "
                "Slack (U...), and `name`, their name in LDAP."
            )
        if not name.isprintable():
            raise SettingsError(
                (
                    "Config key `ldap_usernames`: the name of %s contains a character that is not "
                    "printable."
                )
                % person
            )
        if person in usernames:
            raise SettingsError("Config key `ldap_usernames` has %s more than once." % person)
        usernames[person] = name
    return usernames
