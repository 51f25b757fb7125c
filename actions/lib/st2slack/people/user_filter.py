"""The whole list of users, filtered while it is read: what is kept is what was asked for."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from st2slack.api.client import Client
from st2slack.api.pages import PAGE_SIZE, check_fields
from st2slack.api.progress import Progress
from st2slack.api.result_limit import RESULT_LIMIT, json_size, too_large
from st2slack.base.errors import InputError
from st2slack.people.filters import check_attributes, keep, matches
from st2slack.people.user_lookup import all_users

LARGEST_PAGE = 1000  # docs.slack.dev/reference/methods/users.list


def filter_users(
    slack: Client,
    attributes: Any = None,
    *,
    fields: Any = None,
    max_items: Optional[int] = None,
    size: Optional[int] = None,
    verb: str = "POST",
    progress: Progress = lambda items, count: None,
) -> List[Dict[str, Any]]:
    """The users that pass the filter `attributes` (see filters.py), each once, in Slack's order.

    `fields`: dotted keys to keep of each. `max_items`: stop after so many. `size`: users of a page.
    """
    wanted, fields = check_attributes(attributes), check_fields(fields)
    _check_number("max_items", max_items)
    _check_number("limit", size, LARGEST_PAGE)
    found: Dict[str, Dict[str, Any]] = {}
    total = 0
    for user in all_users(slack, size or PAGE_SIZE, verb, progress):
        if user["id"] in found or not matches(user, wanted):
            continue
        found[user["id"]] = kept = keep(user, fields)
        total += json_size([kept])
        if total > RESULT_LIMIT:
            raise too_large("%d users" % len(found))
        if len(found) == max_items:
            break
    return list(found.values())


def _check_number(name: str, value: Optional[int], greatest: Optional[int] = None) -> None:
    if value is None or (value >= 1 and (greatest is None or value <= greatest)):
        return
    reach = "1 or more" if greatest is None else "1 to %d" % greatest
    raise InputError("Parameter `%s` must be %s." % (name, reach))
