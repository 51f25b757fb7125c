"""A message kept current: which one it is survives in StackStorm's datastore.

Under its key stands a record, as JSON: `channel` (ID), `ts`, `asked` (the channel as it was given)
and what else belongs to it. Before a message is posted the record says `begun` (Unix seconds) in
place of `ts`; a call that finds that there looks for the message first: the one before it may have
ended between posting and storing. It knows it by its metadata, which no person sees.

Two calls at once would both post: a policy of the action lets one run after the other.
"""

from __future__ import annotations

import contextlib
import json
import time
from typing import Any, Callable, Dict, Iterator, Mapping, NamedTuple, Optional

from st2slack.api.client import Client
from st2slack.api.retry import TROUBLE
from st2slack.base.errors import ApiFault, InputError, NotDelivered, Refusal, SlackError
from st2slack.base.ids import CONVERSATION_ID, PERSON_ID, plain_id
from st2slack.people.lookup import find_channel
from st2slack.stackstorm.client import StackStorm

Json = Dict[str, Any]
EVENT = "st2_kept"  # type of the metadata
# The message cannot be changed (any more): deleted, of another app, or too old.
GONE = ("message_not_found", "cant_update_message", "edit_window_closed")
# Whom a message seems to be from is fixed when it is posted: chat.update has no argument for it.
OF_A_NEW_ONE = ("username", "icon_emoji", "icon_url")
NO_THREAD = ("thread_not_found", "cannot_reply_to_message", "message_not_found")
MARGIN = 60.0  # seconds that the clocks of Slack and StackStorm may differ by
MOST_PAGES = 10  # that are looked through, 200 messages each


class Place(NamedTuple):
    """Where a message goes. `channel`: as given; `thread_ts`: "" for none; `broadcast`: whether a
    reply is shown in the channel too.
    """

    channel: str
    thread_ts: str = ""
    broadcast: bool = False


class Put(NamedTuple):
    """Which message it is now. `created`: this call posted it; `why`: what else there is to say."""

    channel: str
    ts: str
    created: bool
    why: str = ""


class KeptMessage:
    """The message under one key. `ttl`: seconds after which it is forgotten; `clock`: Unix time."""

    def __init__(
        self,
        st2: StackStorm,
        client: Client,
        key: str,
        ttl: Optional[int] = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._st2 = st2
        self._client = client
        self.key = key
        self._ttl = ttl
        self._clock = clock
        self.record = self._read()

    def _read(self) -> Json:
        text = self._st2.read(self.key)
        try:
            found = json.loads(text) if text else {}
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise InputError(
                "The datastore's key %s holds no record of a message. Delete it (st2 key delete "
                "%s) and try again." % (self.key, self.key)
            )
        return found

    def keep(self, **more: Any) -> None:
        """Store the record, with this in it."""
        self.record.update(more)
        self._st2.write(self.key, json.dumps(self.record), self._ttl)

    def forget(self) -> None:
        """There is no message."""
        self.record = {}
        with contextlib.suppress(ApiFault):  # a look more, next time
            self._st2.delete(self.key)

    def put(self, content: Mapping[str, Any], place: Place, **more: Any) -> Put:
        """Change the message to `content`; post it where there is none (any more).

        `more`: what else the record of a message has that is posted now.
        """
        why = self.look()
        if not self.is_known:
            return self._post(content, place, why, more)
        try:
            return self._update(content)
        except Refusal as refusal:
            if refusal.code not in GONE:
                raise
            why = "posted anew: %s" % _GONE_WORDS[refusal.code]
            return self._post(content, place, why, more)

    @property
    def is_known(self) -> bool:
        """Whether there is a message, as far as the datastore knows."""
        return bool(self.record.get("ts"))

    def _update(self, content: Mapping[str, Any]) -> Put:
        channel, ts = str(self.record["channel"]), str(self.record["ts"])
        what = {key: value for key, value in content.items() if key not in OF_A_NEW_ONE}
        what.update(channel=channel, ts=ts, metadata=self._metadata())
        self._client.call("chat.update", what)
        return Put(channel, ts, False)

    def _post(
        self, content: Mapping[str, Any], place: Place, why: str, more: Mapping[str, Any]
    ) -> Put:
        # What is lost between here and the end is looked for by the next call.
        self.record = {**more, "asked": place.channel, "thread_ts": place.thread_ts}
        self.keep(begun=self._clock())
        what = {name: value for name, value in content.items() if value not in (None, [])}
        what.update(channel=place.channel, thread_ts=place.thread_ts or None)
        what.update(reply_broadcast=place.broadcast or None)
        try:
            answer = self._client.call("chat.postMessage", {**what, "metadata": self._metadata()})
        except SlackError as error:
            if _surely_not_posted(error):
                self.forget()
            raise
        self._is(str(answer["channel"]), str(answer["ts"]))
        return Put(self.record["channel"], self.record["ts"], True, why)

    def _is(self, channel: str, ts: str) -> None:
        self.record.pop("begun", None)
        self.keep(channel=channel, ts=ts)

    def _metadata(self) -> Json:
        return {"event_type": EVENT, "event_payload": {"key": self.key}}

    # --- what an earlier call may have posted -----------------------------------------------------

    def look(self) -> str:
        """Look for a message that was begun. What there is to say where that cannot be done."""
        if self.is_known or not self.record:
            return ""
        try:
            channel = conversation_id(self._client, str(self.record.get("asked")))
            ts = next((each["ts"] for each in self._since(channel) if self._is_it(each)), None)
        except Refusal as refusal:
            return _NOT_LOOKED_UP % refusal.code
        if ts is not None:
            self._is(channel, str(ts))
        return ""

    def _since(self, channel: str) -> Iterator[Json]:
        begun, thread = float(self.record.get("begun") or 0), self.record.get("thread_ts")
        method = "conversations.replies" if thread else "conversations.history"
        how: Json = {"channel": channel, "limit": 200, "include_all_metadata": True}
        how.update(oldest="%.6f" % max(0.0, begun - MARGIN), **({"ts": thread} if thread else {}))
        for _ in range(MOST_PAGES):
            answer = self._client.call(method, how, verb="GET")
            yield from answer.get("messages") or ()
            how["cursor"] = (answer.get("response_metadata") or {}).get("next_cursor")
            if not how["cursor"]:
                return

    def _is_it(self, message: Mapping[str, Any]) -> bool:
        metadata = message.get("metadata")
        return isinstance(metadata, dict) and metadata == self._metadata()


_NOT_LOOKED_UP = "an earlier call may have posted it too; Slack did not let it be looked up (%s)"
_GONE_WORDS = {
    "message_not_found": "somebody has deleted the message",
    "cant_update_message": "the message was deleted, or another app's token had posted it",
    "edit_window_closed": "the message is too old to be changed",
}


def _surely_not_posted(error: SlackError) -> bool:
    if isinstance(error, Refusal):
        return error.code not in TROUBLE
    return isinstance(error, (NotDelivered, InputError))


def conversation_id(client: Client, channel: str) -> str:
    """ID of the conversation that is given by ID, by name, or by the person it is with."""
    channel = plain_id(channel)
    if CONVERSATION_ID.fullmatch(channel):
        return channel
    if PERSON_ID.fullmatch(channel):
        answer = client.call("conversations.open", {"users": channel})
        return str(answer["channel"]["id"])
    return str(find_channel(client, channel)["id"])
