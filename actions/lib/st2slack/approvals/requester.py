"""PURE: whether the person who votes is the one who started the workflow.

If the workflow began in Slack, the ID of who started it is known; if it began in StackStorm, the
name of a user of StackStorm. `ldap_usernames` says whose name that is; if it does not, the voter's
e-mail address has to prove that they are somebody else. Without proof the workflow counts as the
voter's own.
"""

from __future__ import annotations

from typing import Mapping, Sequence

from st2slack.authorization.directory_name import could_be_same, is_same, normalize_name
from st2slack.base.ids import PERSON_ID

OWN_REQUEST = "they started it, and somebody else has to answer"
UNCERTAIN_REQUESTER = "it is not certain that somebody else started it"


def is_started_by(
    person: str, requesters: Sequence[str], ldap_usernames: Mapping[str, str]
) -> bool:
    """Whether `person` started it, or that cannot be excluded: by Slack ID, or by the mapped name.

    `requesters`: Slack IDs and names of StackStorm's users.
    """
    if PERSON_ID.fullmatch(person) is None or person in requesters:
        return True
    own = ldap_usernames.get(person)
    return any(_is_own_name(own, each) for each in requesters if not PERSON_ID.fullmatch(each))


def _is_own_name(own: object, name: str) -> bool:
    if own is None:
        return normalize_name(name) is None
    return is_same(own, name) is not False


def is_requester_uncertain(
    person: str,
    email: str,
    requesters: Sequence[str],
    ldap_usernames: Mapping[str, str],
    is_machine: bool = False,
) -> bool:
    """Whether the person may be the one who started it, though `is_started_by` does not say so.

    `email`: their e-mail address, "" where none may stand for them. `is_machine`: whether a rule of
    StackStorm's started it, so that the name is no person's.
    """
    names = [each for each in requesters if not PERSON_ID.fullmatch(each)]
    others = [name for whose, name in ldap_usernames.items() if whose != person]
    unknown = [each for each in names if not any(is_same(each, other) for other in others)]
    own = [name for name in (ldap_usernames.get(person), email) if name]
    if any(could_be_same(each, name) for each in unknown for name in own):
        return True
    known_by_id = len(names) < len(requesters)
    return bool(unknown) and not own and not known_by_id and not is_machine
