"""PURE: an entry of a list of people: of `who` in a rule, of `approvers` of a question.

    U..., W...  the person of this ID
    S..., @...  members of this user group of Slack, by its ID or its handle
    a DN        members of this LDAP group
    everyone    full members of the workspace

The types are here and not in `authorization/`, because the settings hold parsed entries and import
nothing but `base/`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Iterable, List, Optional, Union

from st2slack.base.ids import PERSON_ID, USERGROUP_HANDLE, USERGROUP_ID, plain_id

EVERYONE = "everyone"
LDAP_GROUP = re.compile(r"[A-Za-z0-9.-]+\s*=.+", re.DOTALL)


@dataclass(frozen=True)
class Person:
    """One person. `text`: the ID."""

    text: str


@dataclass(frozen=True)
class UserGroup:
    """A user group of Slack. `text`: its ID or its @handle."""

    text: str


@dataclass(frozen=True)
class LdapGroup:
    """A group in LDAP. `text`: its DN as it was written."""

    text: str


@dataclass(frozen=True)
class Everyone:
    """Every full member of the workspace."""

    text: str = EVERYONE


Group = Union[UserGroup, LdapGroup]
Entry = Union[Person, UserGroup, LdapGroup, Everyone]


def parse_entry(text: str) -> Optional[Entry]:
    """The entry that was written, an ID or a mention of it; None if it is none of the four."""
    plain = plain_id(text)
    if plain == EVERYONE:
        return Everyone()
    if PERSON_ID.fullmatch(plain):
        return Person(plain)
    if USERGROUP_ID.fullmatch(plain) or USERGROUP_HANDLE.fullmatch(plain):
        return UserGroup(plain)
    return LdapGroup(plain) if LDAP_GROUP.fullmatch(plain) else None


def texts_of(entries: Iterable[Entry]) -> List[str]:
    """The entries as they were written."""
    return [each.text for each in entries]
