"""Slack's history, one call at a time: what the catch-up asks for, and what the answers mean.

Nothing waits in here, and nothing is tried again: when a call is made, and whether once more, is
decided in catch_up.py.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional

from st2slack.api.client import Client
from st2slack.base.errors import SlackApiError, SlackError
from st2slack.base.timestamps import seconds, timestamp
from st2slack.sensor.history_pass import is_message
from st2slack.sensor.model import Event
from st2slack.settings.sensor import SensorSettings

HISTORY, REPLIES, MINE = "conversations.history", "conversations.replies", "users.conversations"
PAGE = 999  # messages, the most that Slack gives: calls are what is scarce
LISTED = 200  # conversations of a page
DAY = 86400.0

TYPES = {"public_channel": "channel", "private_channel": "group", "im": "im", "mpim": "mpim"}


class Page(NamedTuple):
    """Objects of one page; `cursor` of the next, "" at the end. `leads_nowhere`: there are more,
    but the cursor is none."""

    items: List[Dict[str, Any]]
    cursor: str
    leads_nowhere: bool = False


class Backfill:
    """Asks for what one workspace's channels hold. `client`: tries once and does not wait itself (a
    SingleAttemptClient). Every method makes one call, and raises what the client raises."""

    def __init__(self, client: Client, workspace: str = "", team: str = "") -> None:
        self._client = client
        self._workspace = workspace
        self.team = team

    def conversations(self, types: Iterable[str], cursor: str) -> Page:
        """What the app is in, of these types."""
        arguments = {"types": ",".join(types), "exclude_archived": True, "limit": LISTED}
        return self._page(MINE, arguments, cursor, "channels")

    def history(self, channel: str, oldest: str, latest: str, cursor: str) -> Page:
        """Messages between the bounds, newest first; no replies but those sent to the channel."""
        arguments = {"channel": channel, "oldest": oldest, "latest": latest, "limit": PAGE}
        return self._page(HISTORY, arguments, cursor, "messages")

    def probe(self, channel: str) -> None:
        """Raises where the channel's history cannot be read."""
        self._client.call(HISTORY, {"channel": channel, "limit": 1})

    def replies(self, channel: str, thread: str, oldest: str, cursor: str, now: float) -> Page:
        """Replies of a thread that are newer than `oldest`, oldest first. The end is left open:
        this machine's clock is not Slack's."""
        latest = timestamp(max(now, seconds(oldest) or 0.0) + DAY)
        arguments = {
            "channel": channel,
            "ts": thread,
            "oldest": oldest,
            "latest": latest,
            "limit": PAGE,
        }
        page = self._page(REPLIES, arguments, cursor, "messages")
        found = [
            each
            for each in page.items
            if is_message(each) and each["ts"] != thread and each.get("subtype") != "tombstone"
        ]
        return page._replace(items=sorted(found, key=lambda each: str(each["ts"])))

    def event(self, channel: str, kind: str, message: Mapping[str, Any]) -> Event:
        """The message as the event that would have told of it. `kind`: channel_type as events have
        it, "" where it is not known."""
        body = {
            "type": "message",
            **message,
            "channel": channel,
            "event_ts": message["ts"],
            **({"channel_type": kind} if kind else {}),
        }
        if body.get("thread_ts") == body["ts"]:  # a parent: when it came live it had no replies
            del body["thread_ts"]
        return Event(body, None, self.team, self._workspace, "backfill")

    def _page(self, method: str, arguments: Dict[str, Any], cursor: str, items: str) -> Page:
        answer = self._client.call(method, {**arguments, **({"cursor": cursor} if cursor else {})})
        found = answer.get(items)
        metadata = answer.get("response_metadata")
        following = metadata.get("next_cursor") if isinstance(metadata, dict) else None
        is_broken = bool(following) and (not isinstance(following, str) or following == cursor)
        return Page(
            [each for each in found if isinstance(each, dict)] if isinstance(found, list) else [],
            following if isinstance(following, str) and not is_broken else "",
            is_broken,
        )


def is_wanted(channel: str, known: Optional[Mapping[str, Any]], settings: SensorSettings) -> bool:
    """PURE: whether a message there could be wanted. Of a channel whose name is unknown: perhaps.

    `known`: the channel as users.conversations tells it, None where it did not.
    """
    if known is not None and known.get("is_archived"):
        return False
    if known is not None and _type_of(known) not in settings.channel_types:
        return False
    names = {each.lstrip("#") for each in settings.channels}
    return not names or channel in names or known is None or known.get("name") in names


def event_type(known: Optional[Mapping[str, Any]]) -> str:
    """PURE: the `channel_type` that events of the channel have; "" where that is not known."""
    return TYPES[_type_of(known)] if known is not None else ""


def _type_of(known: Mapping[str, Any]) -> str:
    if known.get("is_im"):
        return "im"
    if known.get("is_mpim"):
        return "mpim"
    return "private_channel" if known.get("is_private") else "public_channel"


class Warnings:
    """Tells the operator what could not be fetched: once for a scope, once for a channel, once for
    anything else."""

    def __init__(self, warn: Any) -> None:
        self._warn = warn
        self._given: Dict[Any, None] = {}

    def refused(self, error: SlackError, channel: str, what: str) -> None:
        """`what` is the beginning of a sentence that ends in "the catch-up"."""
        key = (type(error).__name__, channel)
        if isinstance(error, SlackApiError):
            of_channel = error.code in OF_CHANNEL
            key = (error.code, channel if of_channel else str(error.answer.get("needed") or ""))
        if key not in self._given:
            self._given[key] = None
            self._warn("%s the catch-up: %s" % (what, error))

    def leads_nowhere(self, method: str, channel: str) -> None:
        """Pages are missing, for Slack gave a cursor that is none, or the same again."""
        key = (method, channel)
        if key not in self._given:
            self._given[key] = None
            self._warn(
                "The pages of %s of %s lead nowhere; what lies beyond them is left out."
                % (method, channel or "the app")
            )

    def works(self, channel: str) -> None:
        """The channel could be read: if it fails again, that is worth a line."""
        for key in [each for each in self._given if channel and each[1] == channel]:
            del self._given[key]


# Refusals that concern the one channel, the one thread, and those that concern the token: these are
# mended by the operator, and then nothing must have been given up.
OF_CHANNEL = frozenset(
    ["not_in_channel", "channel_not_found", "is_archived", "channel_is_limited_access"]
)
OF_THREAD = frozenset(["thread_not_found", "message_not_found"])
OF_TOKEN = frozenset(
    ["token_expired", "token_revoked", "invalid_auth", "not_authed", "account_inactive"]
)
