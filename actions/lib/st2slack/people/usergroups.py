"""What is done with people: write to them, put them into a user group, tell who is in one.

All people are found first; where one is not, nothing is opened, posted or changed.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional

from st2slack.api.client import Client
from st2slack.api.encoding import encode
from st2slack.base.errors import InputError, SlackError
from st2slack.people.lookup import Found, find_group, split_names
from st2slack.people.user_lookup import all_users, find_users

MAX_RECIPIENTS = 8  # of one direct message beside the app (docs.slack.dev, conversations.open)
CONTENT = ("text", "blocks", "attachments")
SINGLE_LOOKUPS = 20  # people; for more, the list of all is fewer calls


def send_direct_message(slack: Client, users: str, message: Mapping[str, Any]) -> Dict[str, Any]:
    """Write to one person, or to several in one conversation.

    `users`: IDs, e-mail addresses or names, comma-separated. `message`: arguments of
    chat.postMessage without its channel; None is not sent. Returns Slack's answer with `users`, the
    IDs of the people. Raises what the look-ups and the calls raise.
    """
    content = {name: value for name, value in message.items() if value not in (None, "", [])}
    if not any(content.get(name) for name in CONTENT):
        raise InputError("The message is empty. Give `text`, `blocks` or `attachments`.")
    encode(content)  # names what cannot be sent, before anything is opened
    people = _ids(find_users(slack, split_names(users, "users")))
    if len(people) > MAX_RECIPIENTS:
        raise InputError(
            "Parameter `users` names %d people; a direct message has %d at most. Use a channel."
            % (len(people), MAX_RECIPIENTS)
        )
    opened = slack.call("conversations.open", {"users": ",".join(people)})
    answer = slack.call("chat.postMessage", {**content, "channel": opened["channel"]["id"]})
    return {**answer, "users": people}


def set_usergroup(
    slack: Client, usergroup: str, users: str, enable: bool = False
) -> Dict[str, Any]:
    """Make these people, and nobody else, the members of a user group.

    Returns `id`, `handle`, `changed`, `was_disabled` (before; it is enabled now), and as lists of
    IDs `users`, `came`, `went` and `stayed`. Slack is told only what differs. Raises InputError for
    an empty list and a disabled group, unless `enable`.
    """
    names = _members(users)
    group = find_group(slack, usergroup)
    disabled = bool(group.get("date_delete"))
    if disabled and not enable:
        raise InputError(
            "The user group @%s (%s) is disabled, so its mention reaches nobody. Set `enable`, or "
            "enable it with slack.usergroups.enable." % (group.get("handle"), group["id"])
        )
    wanted = _ids(find_users(slack, names))
    before = members_of(slack, group)
    if disabled:
        slack.call("usergroups.enable", {"usergroup": group["id"]})
    if set(wanted) != set(before):
        _replace(slack, group, wanted, disabled)
    return {
        "id": group["id"],
        "handle": group.get("handle"),
        "changed": disabled or set(wanted) != set(before),
        "was_disabled": disabled,
        "users": wanted,
        "came": [each for each in wanted if each not in before],
        "went": [each for each in before if each not in wanted],
        "stayed": [each for each in wanted if each in before],
    }


def list_members(slack: Client, usergroup: str) -> Dict[str, Any]:
    """The members of a user group: `id`, `handle`, `name`, `disabled`, and `users`, each with
    `id`, `name`, `real_name` and `deleted`, as far as Slack tells."""
    group = find_group(slack, usergroup)
    people = _describe_members(slack, members_of(slack, group))
    told = ("id", "name", "real_name", "deleted")
    return {
        "id": group["id"],
        "handle": group.get("handle"),
        "name": group.get("name"),
        "disabled": bool(group.get("date_delete")),
        "users": [{key: each[key] for key in told if key in each} for each in people],
    }


def members_of(slack: Client, group: Found) -> List[str]:
    """The IDs of who is in the group, a disabled one too."""
    arguments = {"usergroup": group["id"], "include_disabled": True}
    return list(slack.call("usergroups.users.list", arguments).get("users") or ())


def _members(users: Optional[str]) -> List[str]:
    try:
        return split_names(users, "users")
    except InputError as error:
        raise InputError(
            "%s Slack allows no empty group; slack.usergroups.disable switches one off." % error
        ) from None


def _replace(slack: Client, group: Found, wanted: List[str], enabled: bool) -> None:
    try:
        slack.call("usergroups.users.update", {"usergroup": group["id"], "users": ",".join(wanted)})
    except SlackError as error:
        if enabled:
            error.add(" The group was enabled before; its members may be those of old.")
        raise


def _describe_members(slack: Client, ids: List[str]) -> List[Found]:
    """What Slack tells of these people, in their order; the ID alone where it tells nothing."""
    if len(ids) <= SINGLE_LOOKUPS:
        return [_fetch_user(slack, each) for each in ids]
    wanted = set(ids)
    found = {each["id"]: each for each in all_users(slack) if each["id"] in wanted}
    return [found.get(each, {"id": each}) for each in ids]


def _fetch_user(slack: Client, user_id: str) -> Found:
    answer = slack.call(
        "users.info", {"user": user_id}, ignore_errors=("user_not_found", "user_not_visible")
    )
    return {**(answer.get("user") or {}), "id": user_id}


def _ids(people: List[Found]) -> List[str]:
    return [each["id"] for each in people]
