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

from typing import Any, Dict, Iterator, List, Mapping, Optional

from st2slack.api.client import Client
from st2slack.api.item_stream import stream_items
from st2slack.api.methods import find_method
from st2slack.api.pages import PAGE_SIZE
from st2slack.api.progress import Progress
from st2slack.base.errors import InputError, NotFound, SlackApiError
from st2slack.base.ids import Kind, fold, parse_reference, split_list
from st2slack.base.redact import redact

Found = Dict[str, Any]  # a user, conversation or user group as Slack tells it; it has an `id`


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
        "slack.usergroups.list tells which there are." % shorten_name(name)
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


def list_all(
    slack: Client,
    method: str,
    arguments: Mapping[str, Any],
    size: int = PAGE_SIZE,
    verb: str = "POST",
    progress: Progress = lambda items, count: None,
) -> Iterator[Found]:
    pages = find_method(method).pages
    assert pages is not None
    items = stream_items(
        lambda page: slack.call(method, page, verb=verb), pages, arguments, size, progress
    )
    return (item for item in items if isinstance(item, dict) and item.get("id"))


def fetch_by_id(slack: Client, method: str, key: str, item_id: str) -> Found:
    try:
        found = slack.call(method, {key: item_id}).get(key)
    except SlackApiError as refusal:
        if refusal.code in ("channel_not_found", "user_not_found", "user_not_visible"):
            raise NotFound(str(refusal)) from None
        raise
    return {**(found or {}), "id": (found or {}).get("id") or item_id}


def shorten_name(name: str) -> str:
    """A name as a message shows it: what was given by mistake may be a credential."""
    name = redact(name)
    return name if len(name) <= 100 else name[:100] + "..."
