"""Posts the result of an execution: one message, once only, long output as a file beside it.

The execution is read through StackStorm's API, which masks secrets. The result that a notification
carries is not masked, and is not used.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from typing import Callable, List, Tuple

from st2slack.api.client import Client
from st2slack.base.errors import InputError, NotFound, ResponseLost, SlackApiError, SlackError
from st2slack.base.ids import PERSON_ID, plain_id
from st2slack.base.json_access import JsonObject, as_object, get_objects, get_text
from st2slack.files import upload
from st2slack.messages.upsert import (
    EMPTY,
    NO_THREAD,
    Destination,
    MessageRecord,
    UpsertedMessage,
    UpsertResult,
    conversation_id,
)
from st2slack.results.alias_format import SYSTEM_CLOCKS, Clocks, format_result
from st2slack.results.notification import Notification
from st2slack.results.result_blocks import (
    FormattedAlias,
    ResultMessage,
    build_message,
    request_blocks,
)
from st2slack.stackstorm.client import StackStorm
from st2slack.stackstorm.execution import Execution

RESULT_TTL = 7 * 86400  # seconds after which the record of a posted result is deleted
# Slack does not accept what the alias adds.
UNUSABLE_CONTENT = (
    "invalid_blocks",
    "invalid_blocks_format",
    "msg_blocks_too_long",
    "msg_too_long",
    "invalid_attachments",
    "too_many_attachments",
    "invalid_arguments",
    "no_text",
)
# The app is not in the channel, as with a slash command where it is no member.
NOT_IN_CHANNEL = ("not_in_channel", "channel_not_found", "is_archived", "restricted_action")
_CHANNEL = re.compile(r"[^\s/]{1,100}")


def post_result(
    st2: StackStorm, client: Client, notification: Notification, clocks: Clocks = SYSTEM_CLOCKS
) -> JsonObject:
    """Post the result of an execution, or change the message that is about it already.

    Returns posted, channel, ts, created, file (ID, "" for none) and why: all else there is to say.
    Raises NotFound without such an execution, InputError without a channel.
    """
    execution = st2.find_execution(notification.execution_id)
    if execution is None:
        raise NotFound("StackStorm has no execution %s (any more)." % notification.execution_id)
    alias, failure = format_result(st2, execution, clocks)
    if alias is None:
        return {"ok": True, "posted": False, "why": "the alias has `result.enabled: false`"}
    poster = _ResultPoster(st2, client, notification, clocks)
    return poster.run(execution, alias, [failure] if failure else [])


class _ResultPoster:
    """Posts one result."""

    def __init__(
        self, st2: StackStorm, client: Client, notification: Notification, clocks: Clocks
    ) -> None:
        self._st2 = st2
        self._client = client
        self._notification = notification
        self._clocks = clocks
        self._remarks: List[str] = []

    def run(self, execution: Execution, alias: FormattedAlias, remarks: List[str]) -> JsonObject:
        """Post, upload what is too long, and describe what was done."""
        self._remarks = list(remarks)
        build = partial(self._build, execution)
        message = build(alias)
        destination = self._destination(message)
        target = self._target(destination)
        bare = partial(build, FormattedAlias(alias.text))
        try:
            posted, message = self._post(target, destination, message, bare)
        except SlackApiError as refusal:
            destination = self._direct_message(refusal)
            target = self._target(destination)
            posted, message = self._post(target, destination, message, bare)
        file = self._upload(target, posted, message)
        if destination.channel != self._notification.channel:
            self._point_to(posted, message)
        return {
            "ok": True,
            "posted": True,
            "channel": posted.channel,
            "ts": posted.ts,
            "created": posted.created,
            "file": file,
            "why": "; ".join(self._remarks),
        }

    # --- destination ------------------------------------------------------------------------------

    def _destination(self, message: ResultMessage) -> Destination:
        channel = plain_id(message.channel or self._notification.channel)
        if not _CHANNEL.fullmatch(channel):
            raise InputError(
                "There is no channel to post in. Name one in the data of the notification "
                "(channel: C0123456789), or in result.extra.slack.channel of the alias."
            )
        thread = self._notification.thread_ts or self._notification.message
        is_same_channel = channel == self._notification.channel
        return Destination(channel, message.thread_ts or (thread if is_same_channel else ""))

    def _direct_message(self, refusal: SlackApiError) -> Destination:
        """To the requester, if the app is not allowed to post in the channel; else raises."""
        user = self._notification.user
        if refusal.code not in NOT_IN_CHANNEL or not PERSON_ID.fullmatch(user):
            raise refusal
        self._remarks.append(
            "sent to the requester, because Slack refused the channel: %s" % refusal.code
        )
        return Destination(user)

    def _target(self, destination: Destination) -> UpsertedMessage:
        """The message about this execution there; the acknowledgement is one."""
        notification, channel = self._notification, destination.channel
        key = "slack_result.%s.%s" % (notification.execution_id, channel.lstrip("#"))
        target = UpsertedMessage(
            self._st2.datastore, self._client, key, RESULT_TTL, self._clocks.now
        )
        is_acknowledged = notification.message and channel == notification.channel
        if is_acknowledged and target.record == EMPTY:
            channel_id = conversation_id(self._client, channel)
            target.record = MessageRecord(channel=channel_id, ts=notification.message)
        return target

    # --- content ----------------------------------------------------------------------------------

    def _build(self, execution: Execution, alias: FormattedAlias) -> ResultMessage:
        user, note = self._notification.user, self._notification.note
        request: List[JsonObject] = []
        if self._notification.message:
            request = request_blocks(self._acknowledgement(), user, execution.action)
        return build_message(execution, alias, request, user, note)

    def _acknowledgement(self) -> JsonObject:
        """The message that is to be changed; empty if the token is not allowed to read it."""
        ts, thread = self._notification.message, self._notification.thread_ts
        method = "conversations.replies" if thread else "conversations.history"
        arguments: JsonObject = {"oldest": ts, "latest": ts, "inclusive": True, "limit": 5}
        arguments.update({"ts": thread} if thread else {})
        try:
            arguments["channel"] = conversation_id(self._client, self._notification.channel)
            answer = as_object(self._client.call(method, arguments, verb="GET"))
        except SlackError:
            return {}
        messages = get_objects(answer, "messages")
        return next((each for each in messages if each.get("ts") == ts), {})

    def _post(
        self,
        target: UpsertedMessage,
        destination: Destination,
        message: ResultMessage,
        build_bare: Callable[[], ResultMessage],
    ) -> Tuple[UpsertResult, ResultMessage]:
        """Post `message`; without the alias's additions if Slack does not accept those."""
        try:
            return self._upsert(target, destination, message), message
        except SlackApiError as refusal:
            if refusal.code not in UNUSABLE_CONTENT and not _needs_customize_scope(refusal):
                raise
            remark = "Slack refused what the alias adds to the message (%s)" % refusal.code
        self._remarks.append(remark)
        message = build_bare()
        return self._upsert(target, destination, message), message

    def _upsert(
        self, target: UpsertedMessage, destination: Destination, message: ResultMessage
    ) -> UpsertResult:
        """In the thread, or in the channel if the thread is gone."""
        content = message.content(_continuation_note(message))
        try:
            posted = target.upsert(content, destination)
        except SlackApiError as refusal:
            if refusal.code not in NO_THREAD or not destination.thread_ts:
                raise
            posted = target.upsert(content, destination._replace(thread_ts=""))
        self._remarks += [posted.remark] if posted.remark else []
        return posted

    # --- long output ------------------------------------------------------------------------------

    def _upload(self, target: UpsertedMessage, posted: UpsertResult, message: ResultMessage) -> str:
        """Share the full output in the message's thread, once. ID of the file, "" for none."""
        record, output = target.record, message.full_output
        if output is None or record.uploaded:
            target.save(record)
            return record.file
        parameters = {
            "content": output.text,
            "filename": output.name,
            "channels": posted.channel,
            "thread_ts": record.thread_ts or self._thread(posted),
        }
        try:
            answer = upload.upload(self._client, parameters, lambda name, sent, size: None)
        except SlackError as error:
            return self._report_failed_upload(target, message, error)
        file = next((get_text(each, "id") for each in get_objects(answer, "files")), "")
        target.save(replace(record, uploaded=True, file=file))
        return file

    def _thread(self, posted: UpsertResult) -> str:
        """Timestamp of the parent in whose thread the message is, else its own."""
        is_acknowledgement = posted.ts == self._notification.message
        return (self._notification.thread_ts if is_acknowledgement else "") or posted.ts

    def _report_failed_upload(
        self, target: UpsertedMessage, message: ResultMessage, error: SlackError
    ) -> str:
        """The message says that it is not complete; so does the action's result."""
        self._remarks.append("the complete output could not be uploaded: %s" % error)
        # It may have arrived: then a second notification would share it twice.
        target.save(replace(target.record, uploaded=isinstance(error, ResponseLost)))
        code = error.code if isinstance(error, SlackApiError) else type(error).__name__
        try:
            note = _truncation_note(message, code)
            target.upsert(message.content(note), Destination(target.record.channel))
        except SlackError as second:
            self._remarks.append("the message could not be changed to say so: %s" % second)
        return ""

    # --- another conversation ---------------------------------------------------------------------

    def _point_to(self, posted: UpsertResult, message: ResultMessage) -> None:
        """If the alias wants the result elsewhere, the acknowledgement says where it is."""
        notification = self._notification
        if not notification.message:
            return
        arguments: JsonObject = {"channel": notification.channel, "ts": notification.message}
        arguments.update(message.pointing_to(posted.channel))
        try:
            self._client.call("chat.update", arguments)
        except SlackError as error:
            self._remarks.append("the acknowledgement could not be changed: %s" % error)


def _needs_customize_scope(refusal: SlackApiError) -> bool:
    """Whether Slack refused `username` and `icon_...`: they need a scope of their own."""
    needed = str(refusal.answer.get("needed") or "")
    return refusal.code == "missing_scope" and "chat:write.customize" in needed


def _continuation_note(message: ResultMessage) -> str:
    if message.full_output is None:
        return ""
    size, name = len(message.full_output.text), message.full_output.name
    return "This is the beginning. All %d characters are in the thread: %s" % (size, name)


def _truncation_note(message: ResultMessage, code: str) -> str:
    size = len(message.full_output.text) if message.full_output else 0
    return (
        "This is the beginning of %d characters. The file could not be uploaded (%s); the complete "
        "output is in the execution." % (size, code)
    )
