"""A message that is posted once and changed from then on, by a key in StackStorm's datastore.

The value of the key is a record, see MessageRecord. Before a message is posted, the record says
when (`begun`) instead of the message's timestamp; a call that finds such a record searches the
conversation first, because the call before it may have ended between posting and storing. The
message is recognized by its metadata, which people do not see.

Two calls at the same time would both post: a policy of the action runs one after the other.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, replace
from typing import Callable, Iterator, Mapping, NamedTuple, Optional

from st2slack.api.client import Client
from st2slack.api.retry import TROUBLE
from st2slack.base.errors import (
    InputError,
    RequestNotSent,
    SlackApiError,
    SlackError,
    StackStormUnavailable,
)
from st2slack.base.ids import CONVERSATION_ID, PERSON_ID, plain_id
from st2slack.base.json_access import (
    JsonObject,
    as_object,
    get_number,
    get_object,
    get_objects,
    get_text,
    is_true,
)
from st2slack.people.channel_lookup import find_channel
from st2slack.stackstorm.datastore import Datastore, UnreadableRecord

EVENT = "st2_kept"  # type of the metadata
# The message cannot be changed (any more): deleted, of another app, or too old.
NOT_EDITABLE = ("message_not_found", "cant_update_message", "edit_window_closed")
# The author that a message shows is fixed when it is posted: chat.update has no argument for it.
POST_ONLY_ARGUMENTS = ("username", "icon_emoji", "icon_url")
NO_THREAD = ("thread_not_found", "cannot_reply_to_message", "message_not_found")
CLOCK_SKEW = 60.0  # seconds by which the clocks of Slack and StackStorm may differ
MAX_PAGES = 10  # of 200 messages each, that are searched


class Destination(NamedTuple):
    """Where a message goes. `channel`: as given; `thread_ts`: "" for none; `broadcast`: whether a
    reply is shown in the channel too.
    """

    channel: str
    thread_ts: str = ""
    broadcast: bool = False


class UpsertResult(NamedTuple):
    """The message as it is now. `created`: this call posted it; `remark`: all else there is to
    say, "" for nothing.
    """

    channel: str
    ts: str
    created: bool
    remark: str = ""


@dataclass(frozen=True)
class MessageRecord:
    """What the datastore holds of a message. `channel`: its ID, "" until the message is posted;
    `given_channel`: the channel as it was given; `begun`: Unix seconds at which posting began, None
    once it has ended; `reply`: key of the reply that was posted as this message; `uploaded`,
    `file`: whether the output was uploaded, and the ID of the file.
    """

    channel: str = ""
    ts: str = ""
    given_channel: str = ""
    thread_ts: str = ""
    begun: Optional[float] = None
    reply: str = ""
    uploaded: bool = False
    file: str = ""

    @classmethod
    def from_json(cls, record: JsonObject) -> MessageRecord:
        """The record as it is stored."""
        return cls(
            channel=get_text(record, "channel"),
            ts=get_text(record, "ts"),
            given_channel=get_text(record, "asked"),
            thread_ts=get_text(record, "thread_ts"),
            begun=get_number(record, "begun"),
            reply=get_text(record, "reply"),
            uploaded=is_true(record, "uploaded"),
            file=get_text(record, "file"),
        )

    def to_json(self) -> JsonObject:
        """What is stored: no empty member."""
        members: JsonObject = {
            "channel": self.channel,
            "ts": self.ts,
            "asked": self.given_channel,
            "thread_ts": self.thread_ts,
            "begun": self.begun,
            "reply": self.reply,
            "uploaded": self.uploaded,
            "file": self.file,
        }
        return {key: value for key, value in members.items() if value}


EMPTY = MessageRecord()


class UpsertedMessage:
    """The message under one key. `ttl`: seconds after which its record is deleted; `clock`: Unix
    time. Raises InputError if the key holds something else than a record.
    """

    def __init__(
        self,
        datastore: Datastore,
        client: Client,
        key: str,
        ttl: Optional[int] = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._datastore = datastore
        self._client = client
        self.key = key
        self._ttl = ttl
        self._clock = clock
        self.record = self._read()

    def derive(self, key: str, ttl: Optional[int]) -> UpsertedMessage:
        """The message under another key."""
        return UpsertedMessage(self._datastore, self._client, key, ttl, self._clock)

    def _read(self) -> MessageRecord:
        try:
            return MessageRecord.from_json(self._datastore.read_record(self.key) or {})
        except UnreadableRecord:
            raise InputError(
                "The datastore's key %s holds no record of a message. Delete it (st2 key delete "
                "%s) and try again." % (self.key, self.key)
            ) from None

    def save(self, record: MessageRecord) -> None:
        """Store the record."""
        self.record = record
        self._datastore.write_record(self.key, record.to_json(), self._ttl)

    def forget(self) -> None:
        """Delete the record: there is no message."""
        self.record = EMPTY
        with contextlib.suppress(
            StackStormUnavailable
        ):  # then the next call searches for a message
            self._datastore.delete(self.key)

    def upsert(
        self, content: JsonObject, destination: Destination, reply: str = ""
    ) -> UpsertResult:
        """Change the message to `content`; post it if there is none (any more).

        `reply`: goes into the record of a message that is posted now.
        """
        remark = self.find_interrupted()
        if not self.exists:
            return self._post(content, destination, remark, reply)
        try:
            return self._update(content)
        except SlackApiError as refusal:
            if refusal.code not in NOT_EDITABLE:
                raise
            remark = "posted as a new message: %s" % _NOT_EDITABLE_REASONS[refusal.code]
            return self._post(content, destination, remark, reply)

    @property
    def exists(self) -> bool:
        """Whether there is a message, as far as the datastore knows."""
        return bool(self.record.ts)

    def _update(self, content: JsonObject) -> UpsertResult:
        channel, ts = self.record.channel, self.record.ts
        arguments = {key: each for key, each in content.items() if key not in POST_ONLY_ARGUMENTS}
        arguments.update(channel=channel, ts=ts, metadata=self._metadata())
        self._client.call("chat.update", arguments)
        return UpsertResult(channel, ts, False)

    def _post(
        self, content: JsonObject, destination: Destination, remark: str, reply: str
    ) -> UpsertResult:
        # If this call is interrupted from here on, the next one searches for the message.
        channel, thread_ts = destination.channel, destination.thread_ts
        begun = MessageRecord(
            given_channel=channel, thread_ts=thread_ts, begun=self._clock(), reply=reply
        )
        self.save(begun)
        arguments = {name: value for name, value in content.items() if value not in (None, [])}
        arguments.update(channel=channel, thread_ts=thread_ts or None, metadata=self._metadata())
        arguments.update(reply_broadcast=destination.broadcast or None)
        try:
            answer = as_object(self._client.call("chat.postMessage", arguments))
        except SlackError as error:
            if _is_surely_not_posted(error):
                self.forget()
            raise
        self._save_posted(get_text(answer, "channel"), get_text(answer, "ts"))
        return UpsertResult(self.record.channel, self.record.ts, True, remark)

    def _save_posted(self, channel: str, ts: str) -> None:
        self.save(replace(self.record, begun=None, channel=channel, ts=ts))

    def _metadata(self) -> JsonObject:
        return {"event_type": EVENT, "event_payload": {"key": self.key}}

    # --- the message of an interrupted call -------------------------------------------------------

    def find_interrupted(self) -> str:
        """Search for a message whose posting was interrupted. Why that is not possible, else ""."""
        if self.exists or self.record == EMPTY:
            return ""
        try:
            channel = conversation_id(self._client, self.record.given_channel)
            found = next(filter(self._has_own_metadata, self._messages_since(channel)), None)
        except SlackApiError as refusal:
            return _SEARCH_REFUSED % refusal.code
        if found is not None:
            self._save_posted(channel, get_text(found, "ts"))
        return ""

    def _messages_since(self, channel: str) -> Iterator[JsonObject]:
        begun, thread = self.record.begun or 0.0, self.record.thread_ts
        method = "conversations.replies" if thread else "conversations.history"
        arguments: JsonObject = {"channel": channel, "limit": 200, "include_all_metadata": True}
        arguments.update({"ts": thread} if thread else {})
        arguments.update(oldest="%.6f" % max(0.0, begun - CLOCK_SKEW))
        for _ in range(MAX_PAGES):
            answer = as_object(self._client.call(method, arguments, verb="GET"))
            yield from get_objects(answer, "messages")
            cursor = get_text(get_object(answer, "response_metadata"), "next_cursor")
            if not cursor:
                return
            arguments["cursor"] = cursor

    def _has_own_metadata(self, message: Mapping[str, object]) -> bool:
        return message.get("metadata") == self._metadata()


_SEARCH_REFUSED = (
    "possibly posted twice: an earlier call was interrupted, and Slack refused the search (%s)"
)
_NOT_EDITABLE_REASONS = {
    "message_not_found": "the message was deleted",
    "cant_update_message": "the message was deleted, or another app's token had posted it",
    "edit_window_closed": "the message is too old to be changed",
}


def _is_surely_not_posted(error: SlackError) -> bool:
    if isinstance(error, SlackApiError):
        return error.code not in TROUBLE
    return isinstance(error, (RequestNotSent, InputError))


def conversation_id(client: Client, channel: str) -> str:
    """ID of the conversation that is given by ID, by name, or by the person it is with."""
    channel = plain_id(channel)
    if CONVERSATION_ID.fullmatch(channel):
        return channel
    if PERSON_ID.fullmatch(channel):
        answer = as_object(client.call("conversations.open", {"users": channel}))
        return get_text(get_object(answer, "channel"), "id")
    return str(find_channel(client, channel)["id"])
