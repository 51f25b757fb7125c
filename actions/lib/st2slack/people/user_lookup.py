"""People by name, e-mail address or ID. See `lookup.py` for the forms."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence

from st2slack.api.client import Client
from st2slack.api.pages import PAGE_SIZE
from st2slack.api.progress import Progress
from st2slack.base.errors import NotFound, SeveralMatch, SlackApiError
from st2slack.base.ids import Kind, Reference, fold, parse_reference
from st2slack.people.lookup import Found, fetch_by_id, list_all, shorten_name

SHOWN = 10  # candidates that a message names


def find_user(slack: Client, name: str, deleted: bool = False) -> Found:
    """The person of this ID, e-mail address, handle, display name or real name.

    `deleted`: whether a deactivated one will do. Raises NotFound where there is none, SeveralMatch
    where a name is that of more than one.
    """
    return find_users(slack, [name], deleted)[0]


def find_users(slack: Client, names: Sequence[str], deleted: bool = False) -> List[Found]:
    """The people of these names, in their order, each once. Raises for the first that is none."""
    people = {name: _find_directly(slack, name, deleted) for name in dict.fromkeys(names)}
    unseen = [name for name, person in people.items() if person is None]
    people.update(_find_by_names(slack, unseen, deleted) if unseen else {})
    found = [person for person in people.values() if person is not None]
    return list({person["id"]: person for person in found}.values())


def all_users(
    slack: Client,
    size: int = PAGE_SIZE,
    verb: str = "POST",
    progress: Progress = lambda items, count: None,
) -> Iterator[Found]:
    """Every user of the workspace, page by page of `size`; no page is kept."""
    return list_all(slack, "users.list", {}, size, verb, progress)


def _find_directly(slack: Client, name: str, deleted: bool) -> Optional[Found]:
    """The person, where Slack can be asked for them alone; None where names must be compared."""
    reference = parse_reference(name, Kind.PERSON, "user")
    if reference.id:
        return _check_active(_person_by_id(slack, reference), deleted)
    if not reference.email:
        return None
    try:
        return dict(slack.call("users.lookupByEmail", {"email": reference.email})["user"])
    except SlackApiError as refusal:
        if refusal.code != "users_not_found":
            raise
    if deleted:
        return None  # Slack finds active ones only; the list has the others
    raise NotFound(
        "Nobody has the e-mail address %r. Deactivated people are found by "
        "slack.find_user with `deleted`." % shorten_name(name)
    )


def _person_by_id(slack: Client, reference: Reference) -> Found:
    try:
        return fetch_by_id(slack, "users.info", "user", reference.id)
    except NotFound as error:
        if not reference.is_mention:
            error.add(
                " %s has the form of an ID, so it is not compared with the names of people. If it "
                "is a name, do not write it in capitals." % shorten_name(reference.id)
            )
        raise


def _check_active(person: Found, deleted: bool) -> Found:
    if person.get("deleted") and not deleted:
        raise NotFound(
            "%s (%s) is deactivated. slack.find_user finds them with `deleted`."
            % (_title(person), person["id"])
        )
    return person


def _find_by_names(slack: Client, names: Sequence[str], deleted: bool) -> Dict[str, Found]:
    """name → person. One walk for all; to its end, for a second one may bear the same name."""
    wanted = {name: _folded_name(name) for name in names}
    found: Dict[str, Dict[str, Found]] = {name: {} for name in names}
    for person in all_users(slack):
        if person.get("deleted") and not deleted:
            continue
        known = _names(person)
        for name, folded in wanted.items():
            if folded in known:
                # By ID: pages that shift under the walk bring somebody twice.
                found[name][person["id"]] = person
    return {name: _single_match(name, list(people.values())) for name, people in found.items()}


def _folded_name(name: str) -> str:
    """A name as it is compared with those of people; an address is one of them."""
    reference = parse_reference(name, Kind.PERSON, "user")
    return fold(reference.name or reference.email)


def _names(person: Mapping[str, Any]) -> List[str]:
    """All that a person goes by, ready to be compared."""
    profile = person.get("profile") or {}
    names = [person.get("name"), person.get("real_name")]
    names += [profile.get(key) for key in ("display_name", "real_name", "email")]
    return [fold(name) for name in names if name]


def _single_match(name: str, people: Sequence[Found]) -> Found:
    if not people:
        raise NotFound(
            "Nobody goes by %r, neither as handle nor as display name or real name. "
            "Deactivated people are found by slack.find_user with `deleted`. Else give an e-mail "
            "address or an ID (U...)." % shorten_name(name)
        )
    if len(people) > 1:
        told = ", ".join("%s (%s)" % (each["id"], _title(each)) for each in people[:SHOWN])
        more = " and %d more" % (len(people) - SHOWN) if len(people) > SHOWN else ""
        raise SeveralMatch(
            "%d people go by %r: %s%s. Give the ID of the one you mean, or an e-mail address."
            % (len(people), shorten_name(name), told, more),
            [each["id"] for each in people],
        )
    return people[0]


def _title(person: Mapping[str, Any]) -> str:
    """How a message calls a person, on one line."""
    name = str(person.get("real_name") or person.get("name") or "?")
    return " ".join(name.split())[:80]
