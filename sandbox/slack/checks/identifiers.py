"""PURE: whether an argument that is an ID has the form of one.

The forms are those of Slack's OpenAPI description (slackapi/slack-api-specs, `defs_user_id` and its
like). A mention, a name or an e-mail address is no ID: Slack knows nobody and nothing by it.
"""

from __future__ import annotations

import re
from typing import Any, Dict, Mapping, Optional, Tuple

from sandbox.slack.checks.facts import Method
from sandbox.slack.checks.slack_error import SlackError

FORMS = {
    "channel": re.compile(r"[CDG][A-Z0-9]{2,}\Z"),
    "user": re.compile(r"[UW][A-Z0-9]{2,}\Z"),
    "usergroup": re.compile(r"S[A-Z0-9]{2,}\Z"),
}
# Codes for an ID of nothing; the first that the method documents is its answer.
UNKNOWN = {
    "channel": ("channel_not_found", "channels_not_found", "invalid_channel", "invalid_channel_id"),
    "user": ("user_not_found", "users_not_found", "invalid_user_id", "invalid_user"),
    "usergroup": ("no_such_subteam", "subteam_not_found", "usergroup_not_found", "invalid_group"),
}
# Slack's word for a value, or the name of an argument → whose ID it is.
OF: Dict[str, str] = {
    **dict.fromkeys(("channel", "channels", "channel_group"), "channel"),
    **dict.fromkeys(("channel_id", "channel_ids"), "channel"),
    **dict.fromkeys(("user", "users", "enterprise_user_id", "user_id", "user_ids"), "user"),
    **dict.fromkeys(("subteam_id", "user_group", "usergroup_id", "usergroup_ids"), "usergroup"),
}


def check(method: Method, args: Mapping[str, Any]) -> None:
    """SlackError an ID that is none, with the code that the method has for an ID of nothing."""
    for name, value in args.items():
        kind = id_owner(name, method.args[name])
        values = value if isinstance(value, list) else [value]
        if kind and not all(isinstance(each, str) and FORMS[kind].match(each) for each in values):
            raise SlackError(method.code(*UNKNOWN[kind]))


def id_owner(name: str, facts: Mapping[str, Any]) -> Optional[str]:
    """Whose ID the argument of this name and these facts is; None where it is no ID."""
    kinds: Tuple[Any, ...] = (facts["type"], (facts.get("items") or {}).get("type"))
    if kinds not in (("string", None), ("array", "string")):
        return None
    return OF.get(facts.get("value_kind", "")) or OF.get(name)
