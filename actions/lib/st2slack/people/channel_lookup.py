"""Channels by name or ID. See `lookup.py` for the forms."""

from __future__ import annotations

from typing import Dict, Iterator, List, Mapping, Optional, Sequence

from st2slack.api.client import Client
from st2slack.base.errors import NotFound, SlackApiError
from st2slack.base.ids import Kind, Reference, fold, is_certain_id, parse_reference
from st2slack.people.lookup import Found, fetch_by_id, list_all, shorten_name

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
            _collect_by_name(list_all(slack, "conversations.list", arguments), wanted, found)
        except SlackApiError as refusal:
            if refusal.code != "missing_scope":
                raise
            refused.append(refusal)
            continue
        missing = [name for folded, name in wanted.items() if folded not in found]
        if missing:
            raise NotFound(_not_found_text(missing[0], archived, refused))
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
        return fetch_by_id(slack, "conversations.info", "channel", reference.id)
    except NotFound:
        if reference.name:
            return None
        raise


def _collect_by_name(
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


def _not_found_text(name: str, archived: bool, refused: Sequence[SlackApiError]) -> str:
    text = "There is no channel %r that the token can see." % shorten_name(name)
    if not archived:
        text += " Archived ones were left out (`archived`)."
    if refused:
        text += (
            " Only a part of the channels could be looked through: the token lacks a scope "
            "(channels:read for public channels, groups:read for private ones)."
        )
    return text + " A private channel is seen by its members only: invite the app first."
