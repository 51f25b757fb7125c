"""A cache of users and channels: looked up at their first event and kept for a while.

A look-up never holds a trigger up for long: where Slack does not answer in time, refuses or asks
to wait, the ID alone goes out. No list is ever read, so a workspace of 100,000 people costs no more
than the people who speak in it.

| what came                            | then                                                    |
|--------------------------------------|---------------------------------------------------------|
| the user or channel                  | kept for `ttl`, refreshed by Slack's own events         |
| there is no such user or channel     | not asked for again for a minute                        |
| too many calls                       | no look-up of this kind until Retry-After is over       |
| the token is not allowed to          | no look-up of this kind for a minute                    |
| no answer, or none in time           | the same, and no look-up at all for five times as long  |
|                                      | as it took: so they cost a sixth of the time at most    |
"""

from __future__ import annotations

import threading
import time
from typing import Any, Callable, Dict, Iterable, Mapping, Optional, Tuple

from cachetools import TTLCache

from st2slack.api.client import Client
from st2slack.api.retry import TROUBLE
from st2slack.base.errors import RateLimited, SettingsError, SlackApiError, SlackError
from st2slack.base.ids import Kind, kind_of
from st2slack.sensor.json_safe import storable

MISSING_FOR = 60.0  # seconds
DEFAULT_PAUSE, LONGEST_PAUSE = 30.0, 3600.0  # seconds: 429 without a Retry-After; the most believed
PAUSE_FACTOR = 5.0  # times as long as a look-up took in vain, none is made

# Refusals that concern the one ID only. A scope may be missing for one kind of channel.
_ITEM_REFUSALS = frozenset(
    ["user_not_found", "user_not_visible", "users_not_found", "channel_not_found"]
)
_CHANNEL_REFUSALS = frozenset(["missing_scope", "method_not_supported_for_channel_type"])

# Kept of each: what triggers tell, and what rules may ask for. Whole ones take ten times the room.
_USER_KEYS = (
    "id",
    "team_id",
    "name",
    "real_name",
    "first_name",
    "last_name",
    "deleted",
    "is_admin",
    "is_owner",
    "is_primary_owner",
    "is_restricted",
    "is_ultra_restricted",
    "is_bot",
    "is_app_user",
    "is_stranger",
    "tz",
)
_PROFILE_KEYS = (
    "first_name",
    "last_name",
    "real_name",
    "display_name",
    "email",
    "bot_id",
    "api_app_id",
)
_CHANNEL_KEYS = (
    "id",
    "name",
    "name_normalized",
    "user",
    "creator",
    "created",
    "is_channel",
    "is_group",
    "is_im",
    "is_mpim",
    "is_private",
    "is_archived",
    "is_general",
    "is_member",
    "is_shared",
    "is_ext_shared",
    "is_org_shared",
)

Known = Dict[str, Any]


class NameCache:
    """A cache of the users and channels of one workspace; thread-safe.

    `client`: tries once and takes `budget` seconds at the most (a SingleAttemptClient). `clock` in
    seconds. `looked_up`, `failed`, `passed_over` count calls made, calls that failed, and look-ups
    that were not tried; `last_failure` says why the last one failed.
    """

    def __init__(
        self,
        client: Client,
        clock: Callable[[], float] = time.monotonic,
        ttl: float = 3600.0,
        size: int = 20_000,
        budget: float = 2.0,
    ) -> None:
        self._client = client
        self._clock = clock
        self._budget = budget
        self._lock = threading.RLock()
        self._users = _TtlStore("users.info", "user", _slim_user, _ITEM_REFUSALS, clock, ttl, size)
        self._channels = _TtlStore(
            "conversations.info",
            "channel",
            _slim_channel,
            _ITEM_REFUSALS | _CHANNEL_REFUSALS,
            clock,
            ttl,
            size,
        )
        self._not_before: Optional[float] = None
        self.looked_up = self.failed = self.passed_over = 0
        self.last_failure = ""

    def user(self, user_id: str) -> Known:
        """The user as users.info tells it, `{"id": …}` where that cannot be had. Not to change."""
        return self._get(self._users, user_id)

    def channel(self, channel_id: str) -> Known:
        """The same for a channel, as conversations.info tells it."""
        return self._get(self._channels, channel_id)

    def names(self, ids: Iterable[str]) -> Dict[str, str]:
        """ID → name of these users and channels; those left out whose names cannot be had.

        All of them together have the time of one look-up, beside the one that is under way.
        """
        ends = self._clock() + self._budget
        found: Dict[str, str] = {}
        for each in dict.fromkeys(ids):
            store = self._channels if kind_of(each) is Kind.CONVERSATION else self._users
            name = _name(self._get(store, each, may_call=self._clock() < ends))
            if name:
                found[each] = name
        return found

    def on_event(self, body: Mapping[str, Any]) -> None:
        """Update or drop entries that an event changes. `body`: the event object."""
        kind = body.get("type")
        if kind == "message" and "subtype" not in body:
            return  # nearly all of them
        rule = _RULES.get(_kind(body))
        if rule is not None:
            with self._lock:
                rule(self, body)

    def _get(self, store: _TtlStore, item_id: Any, may_call: bool = True) -> Known:
        if not item_id or not isinstance(item_id, str):
            return {}
        with self._lock:
            known = store.get(item_id)
            if known is not None:
                return known
            if not may_call or self._is_pausing(store):
                self.passed_over += 1
                return {"id": item_id}
            self.looked_up += 1
        return self._look_up(store, item_id)

    def _is_pausing(self, store: _TtlStore) -> bool:
        now = self._clock()
        return any(each is not None and now < each for each in (store.not_before, self._not_before))

    def _look_up(self, store: _TtlStore, item_id: str) -> Known:
        began = self._clock()
        try:
            answer = self._client.call(store.method, {store.key: item_id})
        except SlackError as error:
            with self._lock:
                return self._note_failure(store, item_id, error, self._clock() - began)
        with self._lock:
            found = answer.get(store.key)
            return store.put(item_id, found if isinstance(found, Mapping) else {})

    def _note_failure(
        self, store: _TtlStore, item_id: str, error: SlackError, took: float
    ) -> Known:
        self.failed += 1
        self.last_failure = str(error)
        now = self._clock()
        if isinstance(error, RateLimited):
            asked = error.retry_after
            store.not_before = now + min(LONGEST_PAUSE, DEFAULT_PAUSE if asked is None else asked)
            return {"id": item_id}
        if isinstance(error, SlackApiError) and error.code in store.item_refusals:
            return store.mark_missing(item_id)
        if isinstance(error, SettingsError) or (
            isinstance(error, SlackApiError) and error.code not in TROUBLE
        ):
            store.not_before = now + MISSING_FOR
            return {"id": item_id}
        self._not_before = now + took * PAUSE_FACTOR
        return store.mark_missing(item_id)

    # --- updates by events ----------------------------------------------------------------------

    def _update_user(self, body: Mapping[str, Any]) -> None:
        user = body.get("user")
        if isinstance(user, Mapping):
            self._users.update(user.get("id"), user)

    def _rename_channel(self, body: Mapping[str, Any]) -> None:
        """channel_rename: {"channel": {"id", "name", "name_normalized", "created"}}."""
        channel = body.get("channel")
        if isinstance(channel, Mapping):
            self._channels.update(channel.get("id"), channel)

    def _update_channel(self, body: Mapping[str, Any]) -> None:
        """The message that tells of a new topic, purpose or name: {"channel": ID, "topic": …}."""
        changes: Known = {
            key: {"value": body[key]} for key in ("topic", "purpose") if _text(body, key)
        }
        if _text(body, "name"):
            changes["name"] = changes["name_normalized"] = body["name"]
        self._channels.update(body.get("channel"), changes)

    def _forget_channel(self, body: Mapping[str, Any]) -> None:
        channel = body.get("channel")
        channel_id = channel.get("id") if isinstance(channel, Mapping) else channel
        for each in (channel_id, body.get("old_channel_id"), body.get("new_channel_id")):
            self._channels.forget(each)


class _TtlStore:
    """Entries of one kind, users or channels, with a time to live. Not thread-safe.

    `method` is asked with the ID as its argument `key`, and answers under the same key.
    """

    def __init__(
        self,
        method: str,
        key: str,
        slim: Callable[[Mapping[str, Any]], Known],
        item_refusals: Iterable[str],
        clock: Callable[[], float],
        ttl: float,
        size: int,
    ) -> None:
        self.method = method
        self.key = key
        self.item_refusals = frozenset(item_refusals)
        self.not_before: Optional[float] = None
        self._slim = slim
        self._found: TTLCache[str, Known] = TTLCache(size, ttl, clock)
        self._missing: TTLCache[str, bool] = TTLCache(size, MISSING_FOR, clock)

    def get(self, item_id: str) -> Optional[Known]:
        """What is known, the ID alone of what is known to be missing, None where it is unknown."""
        try:
            return self._found[item_id]
        except KeyError:
            return {"id": item_id} if item_id in self._missing else None

    def put(self, item_id: str, item: Mapping[str, Any]) -> Known:
        """Store the item; returns the stored form."""
        slim: Known = storable({**self._slim(item), "id": item_id})
        self._found[item_id] = slim
        return slim

    def mark_missing(self, item_id: str) -> Known:
        """Do not look it up again for MISSING_FOR seconds."""
        self._missing[item_id] = True
        return {"id": item_id}

    def update(self, item_id: Any, news: Mapping[str, Any]) -> None:
        """Update a stored item; one that is not stored is looked up at its next event."""
        if not isinstance(item_id, str):
            return
        self._missing.pop(item_id, None)
        known = self._found.get(item_id)
        if known is not None:
            # Not changed in place: another thread may be reading it.
            self.put(item_id, {**known, **news})

    def forget(self, item_id: Any) -> None:
        """Drop the item: it is looked up again at its next event."""
        if isinstance(item_id, str):
            self._found.pop(item_id, None)
            self._missing.pop(item_id, None)


def _kind(body: Mapping[str, Any]) -> Tuple[Any, Any]:
    kind, subtype = body.get("type"), body.get("subtype")
    if not isinstance(kind, str):
        return None, None
    return kind, subtype if kind == "message" and isinstance(subtype, str) else None


Rule = Callable[[NameCache, Mapping[str, Any]], None]


def _rules(rule: Rule, kinds: Iterable[str], message: bool = False) -> Dict[Any, Rule]:
    return {("message", each) if message else (each, None): rule for each in kinds}


# (type, subtype of a message) → how the cache changes. Shapes: docs.slack.dev/reference/events.
_RULES: Dict[Any, Rule] = {
    **_rules(NameCache._update_user, ["user_change", "team_join", "user_profile_changed"]),
    **_rules(NameCache._rename_channel, ["channel_rename", "group_rename"]),
    **_rules(
        NameCache._update_channel,
        [
            "channel_topic",
            "channel_purpose",
            "channel_name",
            "group_topic",
            "group_purpose",
            "group_name",
        ],
        message=True,
    ),
    **_rules(
        NameCache._forget_channel,
        [
            "channel_archive",
            "channel_unarchive",
            "channel_created",
            "channel_deleted",
            "channel_id_changed",
            "channel_joined",
            "channel_left",
            "channel_shared",
            "channel_unshared",
            "group_archive",
            "group_unarchive",
            "group_deleted",
            "group_joined",
            "group_left",
            "im_created",
            "mpim_joined",
        ],
    ),
    **_rules(
        NameCache._forget_channel,
        ["channel_convert_to_private", "channel_convert_to_public"],
        message=True,
    ),
}


def _slim_user(user: Mapping[str, Any]) -> Known:
    profile = user.get("profile")
    slim = {key: user[key] for key in _USER_KEYS if key in user}
    if isinstance(profile, Mapping):
        slim["profile"] = {key: profile[key] for key in _PROFILE_KEYS if key in profile}
    return slim


def _slim_channel(channel: Mapping[str, Any]) -> Known:
    slim = {key: channel[key] for key in _CHANNEL_KEYS if key in channel}
    for key in ("topic", "purpose"):
        text = channel.get(key)
        if isinstance(text, Mapping):
            slim[key] = {"value": text.get("value")}
    return slim


def _name(item: Known) -> str:
    """The name that people see. A user's own choice first, as in Slack."""
    profile = item.get("profile") or {}
    found = (profile.get("display_name"), item.get("real_name"), item.get("name"))
    return next((each for each in found if each and isinstance(each, str)), "")


def _text(body: Mapping[str, Any], key: str) -> bool:
    return isinstance(body.get(key), str)
