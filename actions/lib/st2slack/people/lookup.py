"""What people call a channel, a person or a user group → what Slack knows of it, its ID first.

| given (the forms: `ids.py`)                 | asked                                    |
|---------------------------------------------|------------------------------------------|
| ID of a channel (C…, G…, D…), `<#C…>`       | conversations.info                       |
| name of a channel, with or without #        | conversations.list, up to its page       |
| ID of a person (U…, W…), `<@U…>`            | users.info                               |
| e-mail address, `<mailto:…>`                | users.lookupByEmail                      |
| handle (with or without @), display name,   | users.list, the whole of it: display and |
| real name                                   | real names are not unique                |
| ID or handle of a user group, `<!subteam^…>`| usergroups.list                          |

What has the form of an ID is asked for as an ID, also behind # or @. Where Slack does not know it,
it may still be a channel's name or a user group's handle in capitals, but never a person's name:
people give themselves what names they like. Names are compared without regard to case and to the
kind of white space. Several people are looked for in one walk. What is archived, deactivated or
disabled is found on request only.
Facts: docs.slack.dev/reference/methods, the pages of these methods.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence

from st2slack.api.client import Client
from st2slack.api.methods import find_method
from st2slack.api.pagination import PAGE_SIZE, Progress, stream
from st2slack.base.errors import InputError, NotFound, SeveralMatch, SlackApiError
from st2slack.base.ids import Kind, Reference, fold, is_certain_id, parse_reference, split_list
from st2slack.base.redact import redact

Found = Dict[str, Any]  # a user, conversation or user group as Slack tells it; it has an `id`

SHOWN = 10  # candidates that a message names
# Kinds of channel in one list; where a scope is missing for one kind, the other alone.
_TYPES = ("public_channel,private_channel", "public_channel", "private_channel")


def find_channel(slack: Client, name: str, archived: bool = False) -> Found:
    """The channel of this name or ID, as Slack tells it.

    `archived`: whether an archived one will do. Private channels are found where the token's user
    is a member and a scope allows it. Raises NotFound if there is none, a SlackApiError or a
    TransportError if Slack could not be asked.
    """
    reference = parse_reference(name, Kind.CONVERSATION, "channel")
    known = _channel_by_id(slack, reference) if reference.id else None
    found = known or find_channels(slack, [reference.name], archived)[0]
    if found.get("is_archived") and not archived:
        raise NotFound(
            "The channel %s (%s) is archived. Set `archived` to find it all the same, or unarchive "
            "it with slack.conversations.unarchive." % (found.get("name"), found["id"])
        )
    return found


def find_channels(slack: Client, names: Sequence[str], archived: bool = False) -> List[Found]:
    """The channels of these names (without #), in their order. One walk for all, no further than
    needed: a name is unique in a workspace. Raises NotFound for the first that is none.
    """
    found: Dict[str, Found] = {}
    wanted = {fold(name): name for name in names}
    refused: List[SlackApiError] = []
    for types in _TYPES:
        arguments = {"types": types, "exclude_archived": not archived}
        try:
            _take_named(_all(slack, "conversations.list", arguments), wanted, found)
        except SlackApiError as refusal:
            if refusal.code != "missing_scope":
                raise
            refused.append(refusal)
            continue
        missing = [name for folded, name in wanted.items() if folded not in found]
        if missing:
            raise NotFound(_no_channel(missing[0], archived, refused))
        return [found[folded] for folded in map(fold, names)]
    raise refused[0]


def conversation_ids(slack: Client, given: Sequence[str], parameter: str) -> List[str]:
    """IDs of the conversations of these IDs, mentions and names, in their order.

    Slack is asked only for names and for what may be a name. Raises InputError, naming
    `parameter`, for what cannot be a conversation, NotFound for the first name of none.
    """
    references = [parse_reference(each, Kind.CONVERSATION, parameter) for each in given]
    ids = {each: each.id for each in references if each.id and _is_channel(slack, each)}
    named = [each for each in dict.fromkeys(references) if each not in ids]
    channels = find_channels(slack, [each.name for each in named]) if named else []
    ids.update(zip(named, (channel["id"] for channel in channels)))
    return [ids[each] for each in references]


def _is_channel(slack: Client, reference: Reference) -> bool:
    """Whether what has the form of an ID is one; without doubt, or for lack of a scope, it is.

    A private channel that the app is not in is unknown to it, so anybody could make a channel that
    has its ID for a name, and would be sent what is meant for it: only a short word is looked up.
    """
    if not reference.name or is_certain_id(reference.id):
        return True
    try:
        return _channel_by_id(slack, reference) is not None
    except SlackApiError:
        return True


def _channel_by_id(slack: Client, reference: Reference) -> Optional[Found]:
    """The channel of this ID; None where it may be a name instead."""
    try:
        return _by_id(slack, "conversations.info", "channel", reference.id)
    except NotFound:
        if reference.name:
            return None
        raise


def find_user(slack: Client, name: str, deleted: bool = False) -> Found:
    """The person of this ID, e-mail address, handle, display name or real name.

    `deleted`: whether a deactivated one will do. Raises NotFound where there is none, SeveralMatch
    where a name is that of more than one.
    """
    return find_users(slack, [name], deleted)[0]


def find_users(slack: Client, names: Sequence[str], deleted: bool = False) -> List[Found]:
    """The people of these names, in their order, each once. Raises for the first that is none."""
    people = {name: _asked(slack, name, deleted) for name in dict.fromkeys(names)}
    unseen = [name for name, person in people.items() if person is None]
    people.update(_named(slack, unseen, deleted) if unseen else {})
    found = [person for person in people.values() if person is not None]
    return list({person["id"]: person for person in found}.values())


def find_group(slack: Client, name: str) -> Found:
    """The user group of this handle or ID, a disabled one too (its `date_delete` is not 0)."""
    reference = parse_reference(name, Kind.USERGROUP, "usergroup")
    answer = slack.call("usergroups.list", {"include_disabled": True})
    groups = [dict(group) for group in answer.get("usergroups") or ()]
    by_id = [group for group in groups if reference.id and group.get("id") == reference.id]
    handle = fold(reference.name)
    by_handle = [group for group in groups if handle and fold(group.get("handle")) == handle]
    for group in by_id + by_handle:
        return group
    raise NotFound(
        "There is no user group %r. Give its handle (as in @on-call) or its ID (S...); "
        "slack.usergroups.list tells which there are." % _shown(name)
    )


def split_names(text: Optional[str], parameter: str) -> List[str]:
    """Comma-separated names, each once.

    Raises InputError where there is none, and where the list ends with a comma: then its rest was
    lost on the way, as by an alias that ends a parameter at the first space.
    """
    names = split_list(text)
    found = list(dict.fromkeys(each for each in names if each))
    if not found:
        raise InputError(
            "Parameter `%s` is empty. Give IDs, e-mail addresses or names, comma-separated."
            % parameter
        )
    if not names[-1]:
        raise InputError(
            "Parameter `%s` ends with a comma, so the rest of the list seems to be missing. Leave "
            "the comma out; in a command write the list without spaces, or in quotes." % parameter
        )
    return found


def all_users(
    slack: Client,
    size: int = PAGE_SIZE,
    verb: str = "POST",
    progress: Progress = lambda items, count: None,
) -> Iterator[Found]:
    """Every user of the workspace, page by page of `size`; no page is kept."""
    return _all(slack, "users.list", {}, size, verb, progress)


def _all(
    slack: Client,
    method: str,
    arguments: Mapping[str, Any],
    size: int = PAGE_SIZE,
    verb: str = "POST",
    progress: Progress = lambda items, count: None,
) -> Iterator[Found]:
    pages = find_method(method).pages
    assert pages is not None
    items = stream(
        lambda page: slack.call(method, page, verb=verb), pages, arguments, size, progress
    )
    return (item for item in items if isinstance(item, dict) and item.get("id"))


def _by_id(slack: Client, method: str, key: str, item_id: str) -> Found:
    try:
        found = slack.call(method, {key: item_id}).get(key)
    except SlackApiError as refusal:
        if refusal.code in ("channel_not_found", "user_not_found", "user_not_visible"):
            raise NotFound(str(refusal)) from None
        raise
    return {**(found or {}), "id": (found or {}).get("id") or item_id}


# --- channels -----------------------------------------------------------------------------------


def _take_named(
    channels: Iterator[Found], wanted: Mapping[str, str], found: Dict[str, Found]
) -> None:
    """Take those that are `wanted` (by folded name), until all are `found`."""
    if len(found) == len(wanted):
        return
    for channel in channels:
        for key in ("name", "name_normalized"):
            folded = fold(channel.get(key))
            if folded in wanted:
                found.setdefault(folded, channel)
        if len(found) == len(wanted):
            return


def _no_channel(name: str, archived: bool, refused: Sequence[SlackApiError]) -> str:
    text = "There is no channel %r that the token can see." % _shown(name)
    if not archived:
        text += " Archived ones were left out (`archived`)."
    if refused:
        text += (
            " Only a part of the channels could be looked through: the token lacks a scope "
            "(channels:read for public channels, groups:read for private ones)."
        )
    return text + " A private channel is seen by its members only: invite the app first."


# --- people -------------------------------------------------------------------------------------


def _asked(slack: Client, name: str, deleted: bool) -> Optional[Found]:
    """The person, where Slack can be asked for them alone; None where names must be compared."""
    reference = parse_reference(name, Kind.PERSON, "user")
    if reference.id:
        return _active(_person_by_id(slack, reference), deleted)
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
        "slack.find_user with `deleted`." % _shown(name)
    )


def _person_by_id(slack: Client, reference: Reference) -> Found:
    try:
        return _by_id(slack, "users.info", "user", reference.id)
    except NotFound as error:
        if not reference.is_mention:
            error.add(
                " %s has the form of an ID, so it is not compared with the names of people. If it "
                "is a name, do not write it in capitals." % _shown(reference.id)
            )
        raise


def _active(person: Found, deleted: bool) -> Found:
    if person.get("deleted") and not deleted:
        raise NotFound(
            "%s (%s) is deactivated. slack.find_user finds them with `deleted`."
            % (_title(person), person["id"])
        )
    return person


def _named(slack: Client, names: Sequence[str], deleted: bool) -> Dict[str, Found]:
    """name → person. One walk for all; to its end, for a second one may bear the same name."""
    wanted = {name: _name_of(name) for name in names}
    found: Dict[str, Dict[str, Found]] = {name: {} for name in names}
    for person in all_users(slack):
        if person.get("deleted") and not deleted:
            continue
        known = _names(person)
        for name, folded in wanted.items():
            if folded in known:
                # By ID: pages that shift under the walk bring somebody twice.
                found[name][person["id"]] = person
    return {name: _only(name, list(people.values())) for name, people in found.items()}


def _name_of(name: str) -> str:
    """A name as it is compared with those of people; an address is one of them."""
    reference = parse_reference(name, Kind.PERSON, "user")
    return fold(reference.name or reference.email)


def _names(person: Mapping[str, Any]) -> List[str]:
    """All that a person goes by, ready to be compared."""
    profile = person.get("profile") or {}
    names = [person.get("name"), person.get("real_name")]
    names += [profile.get(key) for key in ("display_name", "real_name", "email")]
    return [fold(name) for name in names if name]


def _only(name: str, people: Sequence[Found]) -> Found:
    if not people:
        raise NotFound(
            "Nobody goes by %r, neither as handle nor as display name or real name. "
            "Deactivated people are found by slack.find_user with `deleted`. Else give an e-mail "
            "address or an ID (U...)." % _shown(name)
        )
    if len(people) > 1:
        told = ", ".join("%s (%s)" % (each["id"], _title(each)) for each in people[:SHOWN])
        more = " and %d more" % (len(people) - SHOWN) if len(people) > SHOWN else ""
        raise SeveralMatch(
            "%d people go by %r: %s%s. Give the ID of the one you mean, or an e-mail address."
            % (len(people), _shown(name), told, more),
            [each["id"] for each in people],
        )
    return people[0]


def _shown(name: str) -> str:
    """A name as a message shows it: what was given by mistake may be a credential."""
    name = redact(name)
    return name if len(name) <= 100 else name[:100] + "..."


def _title(person: Mapping[str, Any]) -> str:
    """How a message calls a person, on one line."""
    name = str(person.get("real_name") or person.get("name") or "?")
    return " ".join(name.split())[:80]
