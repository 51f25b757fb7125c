"""Running the alias that somebody may run: announced, started, compared with what was allowed.

StackStorm runs an alias by its name, which is unique in its pack only, and what stands at the end
of a command becomes parameters: so what it says it started is looked at, and cancelled where it is
something else. The result may come before StackStorm's answer is read: so the message that it will
be put into is posted first.

The notifier renders what it gets as templates: IDs and timestamps go there, nothing else.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Dict, Optional, Tuple

from st2slack.api.client import Client
from st2slack.authorization.decision import ACTION, ALIAS, Resource
from st2slack.base.errors import ApiFault, ApiRefusal, SlackError
from st2slack.base.mrkdwn import without_pings
from st2slack.base.templates import has_template
from st2slack.base.truncate import close_code_block, truncate_markup
from st2slack.base.typed_text import with_own_forms
from st2slack.chatops import command_text
from st2slack.chatops.incoming import IncomingCommand
from st2slack.messages.reply import answer_openly, answer_privately, in_code
from st2slack.stackstorm.alias import Alias, AliasExecution, AliasRequest, MatchedAlias
from st2slack.stackstorm.client import StackStorm

ROUTE = "slack"  # of the notification: whose rule posts the result
ACK_TIMEOUT = 2.0  # seconds to complete an acknowledgement
_MISMATCH_TEXT = "StackStorm started something else than you asked for. "

Result = Dict[str, Any]
Ran = Tuple[bool, Result]  # whether it is a success of the action that ran it, and its result


def resource_of(alias: Alias) -> Resource:
    """What rules of `authorization` name when they allow an alias."""
    return Resource({ALIAS: alias.ref, ACTION: alias.action})


class AliasRunner:
    """Runs aliases in one workspace. `say`: takes a line for the log."""

    def __init__(
        self,
        client: Client,
        stackstorm: StackStorm,
        workspace: str = "",
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._client = client
        self._stackstorm = stackstorm
        self._workspace = workspace
        self._say = say

    def start(
        self, command: str, chosen: MatchedAlias, request: IncomingCommand, result: Result
    ) -> Ran:
        """Acknowledge, run, compare. The result may come before the answer: so first the message
        that it will be put into.
        """
        who = "<@%s>" % request.user
        silent = not chosen.alias.ack.enabled
        ts = (
            None
            if silent
            else self._acknowledge(request, "%s runs %s." % (who, in_code(chosen.alias.ref)))
        )
        result["message"] = {"channel": request.channel, "ts": ts} if ts else None
        try:
            answer = self._stackstorm.run_alias(self._alias_request(command, chosen, request, ts))
        except ApiFault as fault:
            self._report_failure(request, ts, fault, _start_failure_text(fault))
            return False, {**result, "why": str(fault)}
        result["execution_id"] = answer.execution.id or None
        why = _mismatch(answer, chosen, command)
        if why:
            return self._cancel(request, ts, why, result)
        if ts:
            self._finish_acknowledgement(
                request, ts, _acknowledgement(who, command, chosen, answer)
            )
        return True, {**result, "ran": True}

    def _alias_request(
        self, command: str, chosen: MatchedAlias, request: IncomingCommand, ts: Optional[str]
    ) -> AliasRequest:
        context = {
            "channel": request.channel,
            "thread_ts": request.thread_ts or request.ts or ts,
            "message": ts,
            "workspace": self._workspace,
        }
        return AliasRequest(
            name=chosen.alias.name,
            format=chosen.format,
            command=command,
            user=request.user,
            channel=request.channel,
            context={key: value for key, value in context.items() if value},
            route=ROUTE,
        )

    def _acknowledge(self, request: IncomingCommand, text: str) -> Optional[str]:
        to = replace(request.addressee, thread_ts=request.thread)
        return answer_openly(self._client, to, text)

    def _finish_acknowledgement(self, request: IncomingCommand, ts: str, text: str) -> None:
        """Whatever comes here is no failure of what runs. Late is worse than never: the result may
        stand there meanwhile.
        """
        quick = Client(self._client.settings, limit=lambda: ACK_TIMEOUT)
        try:
            quick.call("chat.update", {"channel": request.channel, "ts": ts, "text": text})
        except SlackError as error:
            self._say("The acknowledgement could not be completed. %s" % error)

    def _report_failure(
        self, request: IncomingCommand, ts: Optional[str], why: SlackError, text: str
    ) -> None:
        """Say in Slack that it failed, whatever else fails."""
        try:
            if ts:
                text = "<@%s>: %s" % (request.user, text)
                self._client.call(
                    "chat.update", {"channel": request.channel, "ts": ts, "text": text}
                )
            else:
                answer_privately(self._client, request.addressee, text)
        except SlackError as error:
            why.add(" (Nor could Slack be told: %s)" % error)

    def _cancel(self, request: IncomingCommand, ts: Optional[str], why: str, result: Result) -> Ran:
        error, told = SlackError(why), _MISMATCH_TEXT + "It was stopped."
        try:
            self._stackstorm.cancel(str(result["execution_id"]))
        except ApiFault as fault:
            error.add(" It could not be cancelled: %s" % fault)
            told = _MISMATCH_TEXT + "Stopping it failed: tell whoever runs StackStorm."
        self._report_failure(request, ts, error, told)
        return False, {**result, "why": str(error)}


def _start_failure_text(fault: ApiFault) -> str:
    if isinstance(fault, ApiRefusal) and fault.status < 500:
        return "Nothing was run. StackStorm says: %s" % in_code(fault.reason)
    return (
        "StackStorm gave no clear answer, so it may run or not: look at its history before you "
        "ask again."
    )


def _mismatch(answer: AliasExecution, chosen: MatchedAlias, command: str) -> str:
    """What StackStorm started that was not allowed, in words; "" where all is as it was."""
    started, allowed = answer.alias, chosen.alias
    if (started.ref, started.action) != (allowed.ref, allowed.action):
        return "StackStorm ran the alias %s (%s) in place of the allowed %s." % (
            started.ref,
            started.action,
            allowed.ref,
        )
    fixed = started.immutable_parameters
    known = {
        *command_text.parameter_names(chosen.format),
        *(key for key, _ in command_text.parse_pairs(command)[0]),
    }
    given = answer.execution.parameters
    more = sorted(set(given) - known - fixed)
    if more:
        return "StackStorm gave the action parameters that were not asked for: %s." % more[0]
    if has_template([value for key, value in given.items() if key not in fixed]):
        return "StackStorm gave the action a parameter with a template in it."
    return ""


def _acknowledgement(who: str, command: str, chosen: MatchedAlias, answer: AliasExecution) -> str:
    """Who asked for what, and the alias's own words."""
    shown = chosen.format if answer.execution.has_secret_parameter else command
    lines = ["%s runs %s." % (who, in_code(shown))]
    if answer.message:
        shown = without_pings(with_own_forms(answer.message, [chosen.alias.ack.format]))
        lines.append(close_code_block(truncate_markup(shown, command_text.MAX_ANSWER_LENGTH)))
    return "\n".join(lines)
