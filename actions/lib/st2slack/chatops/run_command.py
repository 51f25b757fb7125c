"""A command from Slack -> an alias of StackStorm, run for those who are authorized.

The checks, in this order: is the message a command; was it delivered before, or too late; is the
user allowed to run anything at all; can StackStorm read it; which alias does it match; is the user
allowed to run that; has it parameters that the alias's format does not name. Only after that
something is posted that everybody sees, and the alias runs.
"""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Callable, Iterator, Optional

from st2slack.api.client import Client
from st2slack.authorization.authorizer import AuthorizationSession, Authorizer
from st2slack.base.errors import SettingsError, SlackError, StackStormUnavailable
from st2slack.chatops import command_text, incoming
from st2slack.chatops.command_result import ActionResult, CommandResult, Rejected
from st2slack.chatops.incoming import IncomingCommand
from st2slack.chatops.match_alias import AliasMatcher
from st2slack.chatops.run_alias import AliasRunner, resource_of
from st2slack.messages.reply import Addressee, answer_privately, in_code
from st2slack.settings.chatops import ChatopsSettings
from st2slack.stackstorm.alias import MatchedAlias
from st2slack.stackstorm.client import StackStorm


@dataclass(frozen=True)
class ActionRun:
    """The run of slack.run_command. `workspace`: its name in the config, "" for the top level;
    `execution_id`: of this run; `log`: takes a line; `now`: Unix time, None for Slack's own clock.
    """

    workspace: str = ""
    execution_id: str = ""
    log: Callable[[str], None] = lambda line: None
    now: Optional[Callable[[], Optional[float]]] = None


class CommandRunner:
    """Runs commands in one workspace.

    `load_authorizer`: raises a SettingsError if `authorization` cannot be used.
    """

    def __init__(
        self,
        client: Client,
        stackstorm: StackStorm,
        load_authorizer: Callable[[], Authorizer],
        settings: ChatopsSettings,
        action_run: ActionRun = ActionRun(),
    ) -> None:
        self._client = client
        self._stackstorm = stackstorm
        self._load_authorizer = load_authorizer
        self._settings = settings
        self._workspace = action_run.workspace
        self._own_id = action_run.execution_id or uuid.uuid4().hex
        self._now = action_run.now or incoming.clock_for(client.settings)
        self._log = action_run.log

    def run(self, request: IncomingCommand) -> ActionResult:
        """(whether the action succeeded, {ran, why, execution_id, alias, record, message}).

        To run nothing is a success. Raises a SlackError if no decision was possible.
        """
        request, result = incoming.normalized(request), CommandResult()
        try:
            return self._run(request, result)
        except Rejected as rejected:
            if rejected.user_message:
                answer_privately(self._client, request.addressee, rejected.user_message)
            return True, result.to_json(reason=rejected.reason)

    def _run(self, request: IncomingCommand, result: CommandResult) -> ActionResult:
        command = self._find_command(request)
        incoming.check_format(request, self._workspace)
        with notify_on_failure(self._client, request.addressee):
            self._check_delivery(request)
            session = self._open_session(request, result)
            matcher = AliasMatcher(self._stackstorm, session, self._opening(request))
            matcher.check_help(command)
            match = matcher.match(command)
            result.alias = match.alias.ref
            matcher.check_name(match)
            self._authorize(command, match, session, result)
        runner = AliasRunner(self._client, self._stackstorm, self._workspace, self._log)
        return runner.run(command, match, request, result)

    def _find_command(self, request: IncomingCommand) -> str:
        """The command without its prefix. Raises Rejected if the message is none."""
        text = command_text.normalize(request.text)
        if request.is_bot:
            raise Rejected("a bot wrote the message")
        if request.command:
            if request.command != self._settings.command:
                raise Rejected("%s is not the command of `chatops.command`" % request.command)
            return text
        begins, rest = command_text.strip_prefix(text, self._settings.prefix)
        if not begins and text.startswith("<@"):
            bot = str(self._client.call("auth.test").get("user_id") or "")
            begins, rest = command_text.strip_mention(text, bot)
        if not begins:
            raise Rejected("it begins neither with `chatops.prefix` nor with a mention of the bot")
        return rest

    def _opening(self, request: IncomingCommand) -> str:
        """What a command begins with, for help texts."""
        return request.command or self._settings.prefix or "@..."

    # --- checks -----------------------------------------------------------------------------------

    def _check_delivery(self, request: IncomingCommand) -> None:
        """Raises Rejected if the same command was delivered before, or if it comes too late."""
        earlier = incoming.claim_delivery(self._stackstorm.datastore, request, self._own_id)
        if earlier is not None:
            raise Rejected("the execution %s already received the same command" % earlier)
        now = self._now()
        minutes = incoming.minutes_too_late(request, now) if now is not None else 0
        if minutes:
            raise Rejected(
                "the message is %d minutes old" % minutes,
                "Nothing was run: StackStorm received this message %d minutes after you wrote it. "
                "Send it again if you still need it." % minutes,
            )

    def _open_session(
        self, request: IncomingCommand, result: CommandResult
    ) -> AuthorizationSession:
        session = self._load_authorizer().session(request.user, request.channel)
        decision, result.record = session.decide_any_command()
        if not decision.allowed:
            raise Rejected("the user is not allowed to run anything here", self._denial(session))
        return session

    def _authorize(
        self,
        command: str,
        match: MatchedAlias,
        session: AuthorizationSession,
        result: CommandResult,
    ) -> None:
        """Raises Rejected if the alias, or a parameter of the command, is not allowed."""
        decision, result.record = session.decide(resource_of(match.alias))
        if not decision.allowed:
            raise Rejected("the user is not allowed to run this alias here", self._denial(session))
        extra = command_text.extra_keys(command, match.format)
        if extra and not decision.extra_parameters:
            raise Rejected(
                "parameters that the format does not name: " + ", ".join(extra),
                "Nothing was run: %s %s of the format %s. If this is part of a text, do not put it "
                "at the end of the command."
                % (
                    ", ".join(in_code(each + "=") for each in extra[:5]),
                    "is no parameter" if len(extra) == 1 else "are no parameters",
                    in_code(match.format),
                ),
            )

    def _denial(self, session: AuthorizationSession) -> str:
        contact = (" " + self._settings.contact) if self._settings.contact else ""
        if session.is_unresolved:
            return (
                "Nothing was run: it was not possible to check who you are or what you are allowed "
                "to do. Try again." + contact
            )
        return "You are not allowed to do that here. Nothing was run." + contact


@contextmanager
def notify_on_failure(client: Client, requester: Addressee) -> Iterator[None]:
    """Tells the requester if StackStorm or the pack's config prevents a decision."""
    try:
        yield
    except (StackStormUnavailable, SettingsError) as error:
        text = "Nothing was run: %s" % (
            "StackStorm does not answer. Try again later."
            if isinstance(error, StackStormUnavailable)
            else "an administrator must first correct the config of the pack `slack`."
        )
        try:
            answer_privately(client, requester, text)
        except SlackError as second:
            error.add(" (The user could not be notified: %s)" % second)
        raise
