"""PURE: names of people in a directory (LDAP, StackStorm's users), compared as a directory does.

LDAP matches names without case, without blanks around them, and with any run of blanks within them
as one (caseIgnoreMatch: RFC 4517, 4.2.11; RFC 4518, 2), and StackStorm's authentication backends
take them from there. So `SOME.ONE`, `some.one ` and `some.one` are one person.

A name with a control character cannot be compared: `name\\0x` finds `name` in some directories.
"""

from __future__ import annotations

import unicodedata
from typing import Optional, Tuple

# Control and format characters, surrogates, private use, unassigned code points.
_REFUSED = ("Cc", "Cf", "Cs", "Co", "Cn")


def normalize_name(name: object) -> Optional[str]:
    """`name` in the form in which equal names are equal; None where it cannot be compared."""
    if not isinstance(name, str):
        return None
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    if any(unicodedata.category(each) in _REFUSED for each in name + folded):
        return None
    return " ".join(folded.split()) or None


def is_same(one: object, other: object) -> Optional[bool]:
    """Whether two names are of one person; None if that is not certain."""
    left, right = normalize_name(one), normalize_name(other)
    if left is None or right is None:
        return None
    return left == right


def could_be_same(one: object, other: object) -> bool:
    """Whether two names could be of one person: equal, not comparable, or equal but for a domain.

    `CORP\\name`, `name@corp.example` and `name` are ways to write one account.
    """
    left, right = normalize_name(one), normalize_name(other)
    if left is None or right is None or left == right:
        return True
    (account, kind), (other_account, other_kind) = _account(left), _account(right)
    return account == other_account and kind != other_kind


def _account(name: str) -> Tuple[str, str]:
    """(the name without its domain, how the domain is written: a backslash, an @, "" for none)."""
    if "\\" in name:
        return name.rpartition("\\")[2].strip(), "\\"
    account, at, _ = name.partition("@")
    return account.strip(), at
