"""A command from Slack → an alias of StackStorm's, run for those who may.

In this order, and nothing of it twice: is it ours; did it come before, or too late; may they run
anything at all; can StackStorm read it; which alias is it; may they run that; has it parameters
that the alias's format does not name. Only then something is posted for all to see, and the alias
runs.
"""

from __future__ import annotations

import uuid
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from st2slack.api.client import Client
from st2slack.authorization.authorizer import AuthorizationSession, Authorizer
from st2slack.base.errors import ApiFault, ApiRefusal, SettingsError, SlackError
from st2slack.base.mrkdwn import escape
from st2slack.chatops import command_text, incoming
from st2slack.chatops.command_text import CommandFormat
from st2slack.chatops.incoming import IncomingCommand
from st2slack.chatops.run_alias import AliasRunner, Ran, Result, resource_of
from st2slack.messages.reply import answer_privately, in_code
from st2slack.settings.chatops import ChatopsSettings
from st2slack.stackstorm.alias import MatchedAlias
from st2slack.stackstorm.client import StackStorm

HELP = "help"


class Rejected(Exception):
    """Nothing runs. `why`: for the result; `told`: what the person is told, "" for nothing."""

    def __init__(self, why: str, told: str = "", **more: Any) -> None:
        super().__init__(why)
        self.why = why
        self.told = told
        self.more = more


class CommandRunner:
    """Runs commands in one workspace.

    `may`: raises a SettingsError where `authorization` cannot be used. `workspace`: its name in the
    config, "" for the top level; `execution_id`: of this action; `say`: takes a line for the log;
    `now`: tells the Unix time.
    """

    def __init__(
        self,
        client: Client,
        stackstorm: StackStorm,
        may: Callable[[], Authorizer],
        settings: ChatopsSettings,
        workspace: str = "",
        execution_id: str = "",
        say: Callable[[str], None] = lambda line: None,
        now: Optional[Callable[[], Optional[float]]] = None,
    ) -> None:
        self._client = client
        self._stackstorm = stackstorm
        self._may = may
        self._settings = settings
        self._workspace = workspace
        self._own_id = execution_id or uuid.uuid4().hex
        self._now = now or incoming.clock_for(client.settings)
        self._alias_runner = AliasRunner(client, stackstorm, workspace, say)

    def run(self, request: IncomingCommand) -> Ran:
        """(whether it went well, {ran, why, execution_id, alias, record, message}).

        Nothing to run is well. Raises a SlackError where it could not be decided.
        """
        request = incoming.normalized(request)
        result: Result = {
            "ran": False,
            "why": "",
            "execution_id": None,
            "alias": None,
            "record": None,
            "message": None,
        }
        try:
            return self._run(request, result)
        except Rejected as stop:
            if stop.told:
                answer_privately(self._client, request.addressee, stop.told)
            return True, {**result, **stop.more, "why": stop.why}

    def _run(self, request: IncomingCommand, result: Result) -> Ran:
        command = self._command(request)
        incoming.check_format(request, self._workspace)
        with _NotifyOnFailure(self._client, request):
            self._claim(request)
            session, result["record"] = self._session(request)
            self._help(command, session, request)
            chosen = self._match(command, session, request)
            result["record"] = self._decide(command, chosen, session)
            result["alias"] = chosen.alias.ref
        return self._alias_runner.start(command, chosen, request, result)

    # --- whether ----------------------------------------------------------------------------------

    def _command(self, request: IncomingCommand) -> str:
        """What is asked for. Stop where it is not for us."""
        text = command_text.normalize(request.text)
        if request.is_bot:
            raise Rejected("a bot wrote it")
        if request.command:
            if request.command != self._settings.command:
                raise Rejected("%s is not the command of `chatops.command`" % request.command)
            return text
        begins, rest = command_text.strip_prefix(text, self._settings.prefix)
        if not begins and text.startswith("<@"):
            bot = str(self._client.call("auth.test").get("user_id") or "")
            begins, rest = command_text.strip_mention(text, bot)
        if not begins:
            raise Rejected("it begins neither with the prefix (`chatops.prefix`) nor with the bot")
        return rest

    def _claim(self, request: IncomingCommand) -> None:
        """Stop where the same was delivered before, or comes too late."""
        earlier = incoming.claim_delivery(self._stackstorm, request, self._own_id)
        if earlier is not None:
            raise Rejected("it came before, to the execution %s" % earlier)
        now = self._now()
        minutes = incoming.minutes_too_late(request, now) if now is not None else 0
        if minutes:
            raise Rejected(
                "it was written %d minutes ago" % minutes,
                "You wrote that %d minutes ago, and StackStorm heard of it only now. Nothing was "
                "run. Write it again if it is still to be done." % minutes,
            )

    def _session(self, request: IncomingCommand) -> Tuple[AuthorizationSession, Dict[str, Any]]:
        session = self._may().session(request.user, request.channel)
        decision, record = session.decide_any_command()
        if not decision.allowed:
            raise Rejected("nothing is allowed", self._denial(session), record=record)
        return session, record

    def _decide(
        self, command: str, chosen: MatchedAlias, session: AuthorizationSession
    ) -> Dict[str, Any]:
        """The record of the decision. Stop where it is a no, or no to what was given."""
        decision, record = session.decide(resource_of(chosen.alias))
        if not decision.allowed:
            raise Rejected(
                "not allowed", self._denial(session), record=record, alias=chosen.alias.ref
            )
        extra = command_text.extra_keys(command, chosen.format)
        if extra and not decision.extra_parameters:
            raise Rejected(
                "parameters that the format does not name: " + ", ".join(extra),
                "Nothing was run: %s %s not part of %s. If it belongs into a text, do not let the "
                "command end with it."
                % (
                    ", ".join(in_code(each + "=") for each in extra[:5]),
                    "is" if len(extra) == 1 else "are",
                    in_code(chosen.format),
                ),
                record=record,
                alias=chosen.alias.ref,
            )
        return record

    def _denial(self, session: AuthorizationSession) -> str:
        whom = (" " + self._settings.whom_to_ask) if self._settings.whom_to_ask else ""
        if session.is_unresolved:
            return (
                "That could not be checked, try again: it could not be found out who you are, or "
                "what you are allowed to do. Nothing was run." + whom
            )
        return "You may not do that here. Nothing was run." + whom

    # --- what -------------------------------------------------------------------------------------

    def _help(self, command: str, session: AuthorizationSession, request: IncomingCommand) -> None:
        first, _, word = command.partition(" ")
        if command and first.lower() != HELP:
            return
        word = word.strip()
        lines = command_text.help_lines(self._forms(session), word)
        about = " with %s in it" % in_code(word) if word else ""
        if not lines:
            raise Rejected("help", "There is no command%s that you may use here." % about)
        texts = [in_code(shown) + (": " + escape(said) if said else "") for shown, said in lines]
        shown, more = command_text.fit_lines(["- " + each for each in texts])
        head = "What you may use here%s, behind %s:" % (about, in_code(self._opening(request)))
        tail = "%d more: narrow it down by %s." % (
            more,
            in_code(self._opening(request) + " help WORD"),
        )
        raise Rejected("help", "\n".join([head, *shown, *([tail] if more else [])]))

    def _opening(self, request: IncomingCommand) -> str:
        return request.command or self._settings.prefix or "@..."

    def _forms(self, session: AuthorizationSession) -> List[command_text.CommandFormat]:
        """What the person may say here."""
        allowed = [
            alias
            for alias in self._stackstorm.list_aliases()
            if alias.enabled and session.is_allowed(resource_of(alias))
        ]
        return [form for alias in allowed for form in command_text.command_formats(alias)]

    def _match(
        self, command: str, session: AuthorizationSession, request: IncomingCommand
    ) -> MatchedAlias:
        why = command_text.unusable_reason(command)
        if why:
            raise Rejected("unusable: " + why, "Nothing was run: %s." % escape(why))
        try:
            found = self._stackstorm.match_alias(command)
        except ApiRefusal as refusal:
            if refusal.status >= 500:
                raise
            raise Rejected(
                "StackStorm refused to match it: " + refusal.reason,
                "Nothing was run: %s" % in_code(refusal.reason),
            ) from None
        if found is None:
            raise Rejected("no alias fits", self._no_match(command, session, request))
        why = command_text.unsafe_join_reason(command, found.format)
        if why:
            raise Rejected("unusable: " + why, "Nothing was run: %s." % escape(why))
        return self._unique(found)

    def _no_match(
        self, command: str, session: AuthorizationSession, request: IncomingCommand
    ) -> str:
        near = command_text.nearest_formats(command, self._forms(session))
        said = "There is no command %s." % in_code(command)
        if command_text.parse_pairs(command)[0]:
            said += _about_pairs(command, list(near.values()))
        elif near:
            said += " Did you mean %s?" % " or ".join(in_code(each) for each in near)
        return said + " %s tells what you may use." % in_code(self._opening(request) + " help")

    def _unique(self, chosen: MatchedAlias) -> MatchedAlias:
        """StackStorm runs an alias by its name alone, whichever pack it is of."""
        name = chosen.alias.name
        packs = {each.pack for each in self._stackstorm.list_aliases() if each.name == name}
        others = sorted(packs - {chosen.alias.pack})
        if not others:
            return chosen
        raise Rejected(
            "the alias %s has the same name in %s" % (chosen.alias.ref, ", ".join(others)),
            "Nothing was run: several packs have an alias named %s, and StackStorm cannot tell "
            "them apart. One of them has to be renamed." % in_code(name),
            alias=chosen.alias.ref,
        )


def _about_pairs(command: str, near: Sequence[CommandFormat]) -> str:
    """What StackStorm does with `key=value`, and how to write the command so that it fits."""
    found, rest = command_text.parse_pairs(command)
    key, value = found[0]
    said = (
        " StackStorm takes `key=value` at the end of a command for a parameter, here %s with the "
        "value %s, and looks for a command that is only %s."
        % (in_code(key), in_code(value) or "nothing", in_code(rest) or "empty")
    )
    broken = next((form for form in near if command_text.is_never_matched(form)), None)
    if broken is not None:
        return said + (
            " So %s never fits: who wrote that alias has to leave out what stands before the `=`."
            % in_code(broken.format)
        )
    named = next(filter(None, (command_text.rewrite_by_name(command, form) for form in near)), "")
    if named:
        return said + " Write %s." % in_code(named)
    if near:
        said += " Did you mean %s?" % " or ".join(in_code(form.format) for form in near)
    return said + (
        " Write something behind it, or give the value by its parameter's name, with a `-` in its "
        "place: `open - url=https://...`."
    )


class _NotifyOnFailure:
    """Tells the person where StackStorm or the pack's config does not let it be decided."""

    def __init__(self, client: Client, request: IncomingCommand) -> None:
        self._client = client
        self._came = request

    def __enter__(self) -> None:
        """Nothing to begin."""

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if not isinstance(error, (ApiFault, SettingsError)):
            return
        text = "Nothing was run: %s" % (
            "StackStorm gives no answer. Try again later."
            if isinstance(error, ApiFault)
            else "the config of the pack `slack` in StackStorm has to be put right first."
        )
        try:
            answer_privately(self._client, self._came.addressee, text)
        except SlackError as second:
            error.add(" (Nor could the person be told: %s)" % second)
