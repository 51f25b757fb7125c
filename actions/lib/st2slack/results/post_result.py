"""Posting what came of an execution: which message, once only, long output as a file beside it.

The execution is read through StackStorm's API, which masks secrets; what a notification carries of
the result is not masked, and is not used.
"""

from __future__ import annotations

import re
import time
from functools import partial
from typing import Any, Callable, Dict, List, Mapping, NamedTuple

from st2slack.api.client import Client
from st2slack.base.errors import InputError, NotFound, Refusal, SlackError, Unanswered
from st2slack.base.ids import PERSON_ID, plain_id
from st2slack.files import upload
from st2slack.messages.upsert import NO_THREAD, KeptMessage, Place, Put, conversation_id
from st2slack.results.alias_format import format_result
from st2slack.results.notification import Notification
from st2slack.results.result_blocks import (
    FormattedAlias,
    ResultMessage,
    build_message,
    request_blocks,
)
from st2slack.stackstorm.client import StackStorm

Json = Dict[str, Any]
RESULT_TTL = 7 * 86400  # seconds that a result is known to be posted
# Slack does not take what the alias brought.
UNUSABLE_CONTENT = (
    "invalid_blocks",
    "invalid_blocks_format",
    "msg_blocks_too_long",
    "msg_too_long",
) + (
    "invalid_attachments",
    "too_many_attachments",
    "invalid_arguments",
    "no_text",
)
# The app is not there, as with a slash command in a conversation that it is no member of.
NOT_IN_CHANNEL = ("not_in_channel", "channel_not_found", "is_archived", "restricted_action")
_CHANNEL = re.compile(r"[^\s/]{1,100}")


class Clocks(NamedTuple):
    """`sleep`, `clock`: seconds; `now`: Unix time."""

    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time


SYSTEM_CLOCKS = Clocks()


def post_result(
    st2: StackStorm, client: Client, notice: Notification, times: Clocks = SYSTEM_CLOCKS
) -> Json:
    """Post what came of an execution, or change the message that is about it already.

    Returns posted, channel, ts, created, file (ID, "" for none) and why: all else there is to say.
    Raises NotFound without such an execution, InputError without a channel.
    """
    execution = st2.execution(notice.execution_id)
    if execution is None:
        raise NotFound("StackStorm has no execution %s (any more)." % notice.execution_id)
    alias, why = format_result(st2, execution, times.sleep, times.clock)
    if alias is None:
        return {"ok": True, "posted": False, "why": "the alias has `result.enabled: false`"}
    delivery = _ResultPoster(st2, client, notice, times)
    return delivery.run(execution, alias, why)


class _ResultPoster:
    """One result on its way."""

    def __init__(
        self, st2: StackStorm, client: Client, notice: Notification, times: Clocks
    ) -> None:
        self._st2 = st2
        self._client = client
        self._notice = notice
        self._times = times
        self._why: List[str] = []

    def run(self, execution: Mapping[str, Any], alias: FormattedAlias, why: str) -> Json:
        """Post, upload what is too long, and tell."""
        self._why = [why] if why else []
        made = self._report(execution, alias)
        bare = partial(self._report, execution, FormattedAlias(alias.text))
        place = self._place(made)
        kept = self._kept(place)
        try:
            put, made = self._put(kept, place, made, bare)
        except Refusal as refusal:
            place = self._in_person(refusal)
            kept = self._kept(place)
            put, made = self._put(kept, place, made, bare)
        file = self._upload(kept, put, made)
        if place.channel != self._notice.channel:
            self._point_to(put, made)
        told = {"ok": True, "posted": True, "channel": put.channel, "ts": put.ts}
        return {**told, "created": put.created, "file": file, "why": "; ".join(self._why)}

    # --- where ------------------------------------------------------------------------------------

    def _place(self, made: ResultMessage) -> Place:
        channel = plain_id(made.channel or self._notice.channel)
        if not _CHANNEL.fullmatch(channel):
            raise InputError(
                "There is no channel to post in. Name one in the data of the notification "
                "(channel: C0123456789), or in result.extra.slack.channel of the alias."
            )
        thread = self._notice.thread_ts or self._notice.message
        here = channel == self._notice.channel
        return Place(channel, made.thread_ts or (thread if here else ""))

    def _in_person(self, refusal: Refusal) -> Place:
        """A direct message to who asked, where the app may not post in the channel; else raises."""
        if refusal.code not in NOT_IN_CHANNEL or not PERSON_ID.fullmatch(self._notice.user):
            raise refusal
        self._why.append("sent to who asked, for in the channel it was refused: %s" % refusal.code)
        return Place(self._notice.user)

    def _kept(self, place: Place) -> KeptMessage:
        """The message about this execution there; the acknowledgement is one."""
        key = "slack_result.%s.%s" % (self._notice.execution_id, place.channel.lstrip("#"))
        kept = KeptMessage(self._st2, self._client, key, RESULT_TTL, self._times.now)
        if self._notice.message and place.channel == self._notice.channel and not kept.record:
            channel = conversation_id(self._client, place.channel)
            kept.record = {"channel": channel, "ts": self._notice.message}
        return kept

    # --- what -------------------------------------------------------------------------------------

    def _report(self, execution: Mapping[str, Any], alias: FormattedAlias) -> ResultMessage:
        notice = self._notice
        action = execution.get("action")
        ref = str(action.get("ref") or "") if isinstance(action, Mapping) else ""
        asked = request_blocks(self._acknowledgement(), notice.user, ref) if notice.message else []
        return build_message(execution, alias, asked, notice.user, notice.note)

    def _acknowledgement(self) -> Json:
        """The message that is to be changed; empty where the token may not read it."""
        ts, thread = self._notice.message, self._notice.thread_ts
        how: Json = {"oldest": ts, "latest": ts, "inclusive": True, "limit": 5}
        method = "conversations.replies" if thread else "conversations.history"
        how.update({"ts": thread} if thread else {})
        try:
            how["channel"] = conversation_id(self._client, self._notice.channel)
            found = self._client.call(method, how, verb="GET").get("messages") or ()
        except SlackError:
            return {}
        return next((dict(each) for each in found if each.get("ts") == ts), {})

    def _put(
        self,
        kept: KeptMessage,
        place: Place,
        made: ResultMessage,
        bare: Callable[[], ResultMessage],
    ) -> Any:
        """(the message, what it says): without what the alias brought if Slack takes it not so."""
        try:
            return self._put_somewhere(kept, place, made), made
        except Refusal as refusal:
            if refusal.code not in UNUSABLE_CONTENT and not _may_not_take_a_name(refusal):
                raise
            said = "Slack did not take the message as the alias wants it (%s)" % refusal.code
        self._why.append(said)
        made = bare()
        return self._put_somewhere(kept, place, made), made

    def _put_somewhere(self, kept: KeptMessage, place: Place, made: ResultMessage) -> Put:
        """In the thread, or beside it where the thread is gone."""
        content = made.content(_follows(made))
        try:
            put = kept.put(content, place)
        except Refusal as refusal:
            if refusal.code not in NO_THREAD or not place.thread_ts:
                raise
            put = kept.put(content, place._replace(thread_ts=""))
        self._why += [put.why] if put.why else []
        return put

    # --- what is too long -------------------------------------------------------------------------

    def _upload(self, kept: KeptMessage, put: Put, made: ResultMessage) -> str:
        """Share the whole output in the message's thread, once. ID of the file, "" for none."""
        if made.full_output is None or kept.record.get("uploaded"):
            kept.keep()
            return str(kept.record.get("file") or "")
        given = {
            "content": made.full_output.text,
            "filename": made.full_output.name,
            "channels": put.channel,
        }
        given["thread_ts"] = str(kept.record.get("thread_ts") or "") or self._thread(put)
        try:
            answer = upload.upload(self._client, given, lambda name, sent, size: None)
        except SlackError as error:
            return self._not_uploaded(kept, made, error)
        files = answer.get("files") or [{}]
        kept.keep(uploaded=True, file=str(files[0].get("id") or ""))
        return str(kept.record["file"])

    def _thread(self, put: Put) -> str:
        """Timestamp of the parent in whose thread the message is, else its own."""
        in_place = put.ts == self._notice.message
        return (self._notice.thread_ts if in_place else "") or put.ts

    def _not_uploaded(self, kept: KeptMessage, made: ResultMessage, error: SlackError) -> str:
        """The message says that it is not whole; so does the action's result."""
        self._why.append("the whole output could not be uploaded: %s" % error)
        # It may have arrived: then a second delivery would share it twice.
        kept.keep(uploaded=isinstance(error, Unanswered))
        code = error.code if isinstance(error, Refusal) else type(error).__name__
        try:
            kept.put(made.content(_cut(made, code)), Place(str(kept.record["channel"])))
        except SlackError as second:
            self._why.append("nor could the message be changed to say so: %s" % second)
        return ""

    # --- elsewhere --------------------------------------------------------------------------------

    def _point_to(self, put: Put, made: ResultMessage) -> None:
        """Where the alias wants the result elsewhere, the acknowledgement says where."""
        notice = self._notice
        if not notice.message:
            return
        where = {"channel": notice.channel, "ts": notice.message}
        try:
            self._client.call("chat.update", {**where, **made.pointing_to(put.channel)})
        except SlackError as error:
            self._why.append("the acknowledgement could not be changed: %s" % error)


def _may_not_take_a_name(refusal: Refusal) -> bool:
    """Whether Slack refused `username` and `icon_…`: they want a scope of their own."""
    needed = str(refusal.answer.get("needed") or "")
    return refusal.code == "missing_scope" and "chat:write.customize" in needed


def _follows(made: ResultMessage) -> str:
    if made.full_output is None:
        return ""
    size, name = len(made.full_output.text), made.full_output.name
    return "This is the beginning; all %d characters follow in the thread: %s" % (size, name)


def _cut(made: ResultMessage, code: str) -> str:
    size = len(made.full_output.text) if made.full_output else 0
    return (
        "This is the beginning of %d characters. The rest could not be uploaded (%s); it is in the "
        "execution." % (size, code)
    )
