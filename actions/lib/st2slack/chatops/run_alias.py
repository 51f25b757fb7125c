"""Runs the alias that a user is allowed to run, and compares what started with what was allowed.

StackStorm runs an alias by its name, which is unique in its pack only, and what is at the end of a
command becomes parameters: so the answer is checked, and the execution is cancelled if it is not
the one that was allowed. The result can arrive before StackStorm's answer is read: so the message
that will show it is posted first.

The notifier renders what it gets as templates: only IDs and timestamps go there.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Callable, Optional

from st2slack.api.client import Client
from st2slack.authorization.decision import ACTION, ALIAS, Resource
from st2slack.base.errors import SlackError, StackStormError, StackStormUnavailable
from st2slack.base.json_access import JsonObject
from st2slack.base.mrkdwn import without_pings
from st2slack.base.templates import has_template
from st2slack.base.truncate import close_code_block, truncate_markup
from st2slack.base.typed_text import with_own_references
from st2slack.chatops import command_text
from st2slack.chatops.command_result import ActionResult, CommandResult
from st2slack.chatops.incoming import IncomingCommand
from st2slack.messages.reply import answer_openly, answer_privately, in_code
from st2slack.stackstorm.alias import Alias, AliasExecution, AliasRequest, MatchedAlias
from st2slack.stackstorm.client import StackStorm

ROUTE = "slack"  # of the notification: the rule for it posts the result
ACK_TIMEOUT = 2.0  # seconds to complete an acknowledgement
_MISMATCH_TEXT = "StackStorm started something other than your command. "


def resource_of(alias: Alias) -> Resource:
    """What rules of `authorization` name when they allow an alias."""
    return Resource({ALIAS: alias.ref, ACTION: alias.action})


class AliasRunner:
    """Runs aliases in one workspace. `log`: takes a line."""

    def __init__(
        self,
        client: Client,
        stackstorm: StackStorm,
        workspace: str = "",
        log: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._client = client
        self._stackstorm = stackstorm
        self._workspace = workspace
        self._log = log

    def run(
        self, command: str, match: MatchedAlias, request: IncomingCommand, result: CommandResult
    ) -> ActionResult:
        """Acknowledge the command, run the alias, check what StackStorm started."""
        ts = self._acknowledge(match, request)
        result.message = {"channel": request.channel, "ts": ts} if ts else None
        try:
            answer = self._stackstorm.run_alias(self._alias_request(command, match, request, ts))
        except StackStormUnavailable as fault:
            self._report_failure(request, ts, fault, _start_failure_text(fault))
            return False, result.to_json(reason=str(fault))
        result.execution_id = answer.execution.id or None
        mismatch = _find_mismatch(answer, match, command)
        if mismatch:
            return False, result.to_json(reason=self._cancel(request, ts, mismatch, answer))
        if ts:
            self._complete_acknowledgement(
                request, ts, _acknowledgement(request.user, command, match, answer)
            )
        return True, result.to_json(ran=True)

    def _alias_request(
        self, command: str, match: MatchedAlias, request: IncomingCommand, ts: Optional[str]
    ) -> AliasRequest:
        context: JsonObject = {
            "channel": request.channel,
            "thread_ts": request.thread_ts or request.ts or ts,
            "message": ts,
            "workspace": self._workspace,
        }
        return AliasRequest(
            name=match.alias.name,
            format=match.format,
            command=command,
            user=request.user,
            channel=request.channel,
            context={key: value for key, value in context.items() if value},
            route=ROUTE,
        )

    def _acknowledge(self, match: MatchedAlias, request: IncomingCommand) -> Optional[str]:
        """Timestamp of the acknowledgement, None if the alias wants none."""
        if not match.alias.ack.enabled:
            return None
        text = "<@%s> runs %s." % (request.user, in_code(match.alias.ref))
        return answer_openly(
            self._client, replace(request.addressee, thread_ts=request.thread), text
        )

    def _complete_acknowledgement(self, request: IncomingCommand, ts: str, text: str) -> None:
        """Failing here is no failure of what runs. It has little time: the result may already be in
        the message.
        """
        quick = Client(self._client.settings, time_left=lambda: ACK_TIMEOUT)
        try:
            quick.call("chat.update", {"channel": request.channel, "ts": ts, "text": text})
        except SlackError as error:
            self._log("The acknowledgement could not be completed. %s" % error)

    def _report_failure(
        self, request: IncomingCommand, ts: Optional[str], error: SlackError, text: str
    ) -> None:
        """Say in Slack that it failed. If Slack fails too, `error` says so."""
        try:
            if ts:
                arguments = {"channel": request.channel, "ts": ts}
                text = "<@%s>: %s" % (request.user, text)
                self._client.call("chat.update", {**arguments, "text": text})
            else:
                answer_privately(self._client, request.addressee, text)
        except SlackError as second:
            error.add(" (Slack could not be notified either: %s)" % second)

    def _cancel(
        self, request: IncomingCommand, ts: Optional[str], mismatch: str, answer: AliasExecution
    ) -> str:
        """Cancel what was not allowed, and report it. The reason, for the result."""
        error, text = SlackError(mismatch), _MISMATCH_TEXT + "It was cancelled."
        try:
            self._stackstorm.cancel(answer.execution.id)
        except StackStormUnavailable as fault:
            error.add(" It could not be cancelled: %s" % fault)
            text = _MISMATCH_TEXT + "Cancelling it failed: inform an administrator of StackStorm."
        self._report_failure(request, ts, error, text)
        return str(error)


def _start_failure_text(fault: StackStormUnavailable) -> str:
    if isinstance(fault, StackStormError) and fault.status < 500:
        return "Nothing was run. StackStorm answered: %s" % in_code(fault.reason)
    return (
        "StackStorm gave no clear answer, so it is not known whether the command runs. Check the "
        "history of executions before you send it again."
    )


def _find_mismatch(answer: AliasExecution, match: MatchedAlias, command: str) -> str:
    """What StackStorm started that was not allowed, in words; "" if it started what was allowed."""
    started, allowed = answer.alias, match.alias
    if (started.ref, started.action) != (allowed.ref, allowed.action):
        return "StackStorm ran the alias %s (%s) instead of the allowed %s." % (
            started.ref,
            started.action,
            allowed.ref,
        )
    fixed, parameters = started.immutable_parameters, answer.execution.parameters
    pairs, _ = command_text.parse_pairs(command)
    known = {*command_text.parameter_names(match.format), *(key for key, _ in pairs)}
    unknown = sorted(set(parameters) - known - fixed)
    if unknown:
        return (
            "StackStorm gave the action a parameter that the command does not have: %s."
            % unknown[0]
        )
    if has_template([value for key, value in parameters.items() if key not in fixed]):
        return "StackStorm gave the action a parameter that contains a template."
    return ""


def _acknowledgement(user: str, command: str, match: MatchedAlias, answer: AliasExecution) -> str:
    """Who asked for what, and the alias's own text. Secrets are not repeated."""
    shown = match.format if answer.execution.has_secret_parameter else command
    lines = ["<@%s> runs %s." % (user, in_code(shown))]
    if answer.message:
        text = without_pings(with_own_references(answer.message, [match.alias.ack.format]))
        lines.append(close_code_block(truncate_markup(text, command_text.MAX_ANSWER_LENGTH)))
    return "\n".join(lines)
