"""PURE: the name of a key → a value that such a key could have. Counted, so always the same."""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, List, Optional, Tuple

from sandbox.slack.state.workspace import START

TEAM = "T0123456789"
USER = "U0HARBOUR02"
CHANNEL = "C0GENERAL01"

# Prefixes of IDs, as Slack's own begin.
PREFIXES = {
    "team": "T",
    "user": "U",
    "channel": "C",
    "file": "F",
    "app": "A",
    "bot": "B",
    "list": "F",
    "canvas": "F",
    "enterprise": "E",
    "org": "E",
    "usergroup": "S",
    "subteam": "S",
    "view": "V",
    "call": "R",
    "invite": "I",
    "function": "Fn",
    "workflow": "Wf",
    "trigger": "Ft",
    "reminder": "Rm",
    "record": "Rec",
    "job": "Job",
    "skill": "Sk",
    "session": "Se",
    "scheduled_message": "Q",
    "bulk_action": "Ba",
    "role": "Rl",
    "barrier": "Bar",
    "request": "Ar",
    "item": "It",
    "group": "S",
    "admin": "U",
    "owner": "U",
    "billable_info": "U",
}
# Keys whose name deceives: they end as a list or an ID does, or tell nothing.
KNOWN: Dict[str, Any] = {
    "response_metadata": {"next_cursor": ""},
    "paging": {"count": 0, "total": 0, "page": 1, "pages": 1},
    "args": {},
    "bot": {"id": "B0HARBOUR01", "name": "harbourbot", "user_id": "U0HARBOUR06"},
    "authed_user": {
        "id": USER,
        "scope": "users:read",
        "access_token": "xoxp-loopback-made",
        "token_type": "user",
    },
    "incoming_webhook": {
        "channel": "#general",
        "channel_id": CHANNEL,
        "configuration_url": "https://harbour-works.slack.com/services/B09",
        "url": "https://hooks.example/services/T0123456789/B09/made",
    },
    "credentials": {
        "client_id": "1.2",
        "client_secret": "made-secret",
        "signing_secret": "made-signing-secret",
        "verification_token": "made",
    },
    "prefs": {},
    "permissions": {"type": "everyone"},
    "metadata": {},
    "datastore": "made",
    "latest_updates": {},
    "unchanged_messages": [],
    "user_id_map": {USER: "W0HARBOUR02"},
    "team": {"id": TEAM, "name": "Harbour Works", "domain": "harbour-works"},
    "enterprise": None,
    "self": {"id": "U0HARBOUR06", "name": "harbourbot"},
    "status": "ok",
    "locale": "en-GB",
    "email": "tomasz@harbour-works.example",
    "token_type": "bot",
    "scope": "chat:write,users:read",
    "iat": START,
    "exp": START + 43200,
    "expires_in": 43200,
    "sub": USER,
    "presence": "active",
    "errors": [],
    "warnings": [],
    "access_token": "xoxe.xoxb-loopback-made",
    "refresh_token": "xoxe-1-loopback-made",
    "token": "xoxe.xoxp-loopback-made",
    "id_token": "e30.e30.made",
    "app_token": "xapp-made",
    "not_added": [],
    "not_updated": [],
    "query": "",
    "who_can_post_general": "ra",
    "is_enterprise_install": False,
    "deleted": [],
    "detail": {},
    "state": "",
    "status_text": "",
    "duration_days": 30,
    "next_dnd_start_ts": START,
    "next_dnd_end_ts": START + 28800,
    "posts": {"matches": [], "total": 0},
    "revoked": True,
    "uninstalled": True,
    "emoji": {"seal": "https://emoji.example/seal.png"},
    "failures": [],
}
TRUTHS = re.compile(
    r"(is|has|can|no|display|public)_|(dnd|snooze)_enabled\Z|snooze_is_indefinite\Z|"
    r"(manual|auto)_away\Z|"
    r"(editable|online|already_\w+|not_in_channel|show_feedback|disable_file_uploads|"
    r"\w+_(enqueued|pending|updated|approval|pref|shared)|email_verified)\Z"
)
NUMBERS = re.compile(
    r"(count|total|offset|size|image_exif_rotation|original_[hw]|created|timestamp|post_at|"
    r"\w*_(count|display|found|mins|secs|asns|version|remaining|endtime)|thumb_\w+_[hw]|"
    r"date_\w+|last_activity)\Z"
)
OBJECTS = re.compile(
    r"(app_home|barrier|bookmark|call|channel|comment|file|group|home_view|item|list_metadata|"
    r"manifest|message|plan|profile|record|reminder|session_settings|skill|usergroup|user|view|"
    r"dnd_profile_status|file_data|agent_status|token_response_extras|installer_user|"
    r"authorizing_user)\Z"
)
# What went wrong with some of many: nothing did.
NOTHING = re.compile(r"(failed|invalid|rejected|not)_\w+s\Z")
ADDRESSES = re.compile(r"(\w*url\w*|permalink\w*|picture|\w+_image_\w+|thumb_\w+)\Z")
NO_LISTS = re.compile(r"(\w*status|\w+_ts|expires|exp|\w*address|canvas)\Z")

# Keys that mean something else in this method's answer than elsewhere.
OF_METHOD: Dict[Tuple[str, str], Any] = {
    ("admin.conversations.invite", "failed_user_ids"): {},
    ("admin.conversations.setTeams", "channel"): CHANNEL,
    ("admin.functions.permissions.lookup", "errors"): {},
    ("admin.teams.create", "team"): TEAM,
    ("admin.users.session.getSettings", "no_settings_applied"): [],
    ("admin.users.session.getSettings", "session_settings"): [{"user_id": USER, "duration": 3600}],
    ("agents.sessions.setStatus", "agent_status"): "active",
    ("canvases.edit", "detail"): "",
    ("oauth.access", "scopes"): {},
    ("search.all", "files"): {"matches": [], "total": 0},
    ("slackLists.items.info", "list"): {"id": "F0900000001", "name": "list 1"},
    ("team.billing.info", "plan"): "",
    ("team.preferences.list", "disable_file_uploads"): "allow_all",
}

Source = Callable[[str], str]


def value(key: str, next_id: Source, next_ts: Callable[[], str], url: str) -> Any:
    """A value for this key. `next_id` takes a prefix; `url` is the root of the server."""
    key = key.rsplit("/", 1)[-1]  # openid.connect.userInfo has keys that are addresses
    if key in KNOWN:
        return KNOWN[key]
    for pattern, make in (
        (TRUTHS, lambda: False),
        (NOTHING, list),
        (re.compile(r"(\w+_)?ts\Z"), next_ts),
        (re.compile(r"(\w+_)?ids\Z"), lambda: [_id(key[:-1], next_id)]),
        (re.compile(r"(\w+_)?id\Z"), lambda: _id(key, next_id)),
        (NUMBERS, lambda: 0),
        (ADDRESSES, lambda: url + "made/" + key),
        (OBJECTS, lambda: item(key, 1)),
    ):
        if pattern.match(key):
            return make()
    if key.endswith("s") and not NO_LISTS.match(key):
        return [item(singular(key), 1)]
    return "made {}".format(key.replace("_", " "))


def echoed(key: str, argument: Any) -> Any:
    """What an argument of the same name is in the answer: of a thing whose ID was sent, the thing;
    of a file, its name."""
    if isinstance(KNOWN.get(key), dict) and isinstance(argument, str):
        return {**KNOWN[key], "id": argument}
    if OBJECTS.match(key) and isinstance(argument, str):
        return {**item(key, 1), "id": argument}
    return argument[0] if isinstance(argument, tuple) else argument


def _id(key: str, next_id: Source) -> str:
    stem = key[:-3] if key.endswith("_id") else ""
    if stem == "team":
        return TEAM
    return next_id(prefix(stem))


def prefix(stem: str) -> str:
    """The prefix of IDs of this kind of thing, by the end of its name (bot_user → U)."""
    for name, found in PREFIXES.items():
        if stem == name or stem.endswith("_" + name):
            return found
    return "X"


def singular(key: str) -> str:
    """entities → entity, teams → team."""
    if key.endswith("ies"):
        return key[:-3] + "y"
    return key[:-1] if key.endswith("s") else key


def item(name: str, number: int) -> Dict[str, Any]:
    """One made thing of this kind, e.g. {"id": "T09000001", "name": "team 1", …}."""
    item_json = {
        "id": "{}09{:08d}".format(prefix(name), number),
        "name": "{} {}".format(name.replace("_", " "), number),
        "date_created": START + number,
    }
    if name in ("message", "match"):
        item_json.update(
            type="message",
            text="made message {}".format(number),
            user=USER,
            ts="{}.000119".format(START + number),
            channel={"id": CHANNEL},
        )
    return item_json


def items(key: str, count: int) -> List[Any]:
    """So many made things for a list of this name: IDs for …_ids, else objects."""
    last = key.rsplit(".", 1)[-1]
    if last == "matches":
        name = singular(key.split(".", 1)[0])
        return [item(name, number) for number in range(1, count + 1)]
    if last.endswith("_ids"):
        return ["{}09{:08d}".format(prefix(last[:-4]), number) for number in range(1, count + 1)]
    return [item(singular(last), number) for number in range(1, count + 1)]


def entries(key: str, count: int) -> List[Tuple[str, Any]]:
    """So many made entries of an object of this name: emoji by name, all else by ID."""
    numbers = range(1, count + 1)
    if key == "emoji":
        return [("made-{}".format(number), _emoji(number)) for number in numbers]
    values = {"billable_info": {"billing_active": True}}
    item_json = (item(singular(key), number) for number in numbers)
    return [(each["id"], dict(values.get(key, each))) for each in item_json]


def _emoji(number: int) -> Dict[str, Any]:
    url = "https://emoji.example/made-{}.png".format(number)
    return {"url": url, "date_created": START + number, "uploaded_by": USER}


def split(path: Optional[str]) -> Tuple[str, ...]:
    """messages.matches → ("messages", "matches")."""
    return tuple(path.split(".")) if path else ()
