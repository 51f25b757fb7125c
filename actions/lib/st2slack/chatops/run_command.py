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
from st2slack.chatops.command_text import Form
from st2slack.chatops.incoming import Came
from st2slack.chatops.run_alias import AliasRun, Ran, Result, resource_of
from st2slack.messages.reply import answer_privately, in_code
from st2slack.settings.chatops import ChatopsSettings
from st2slack.stackstorm.alias import MatchedAlias
from st2slack.stackstorm.client import StackStorm

HELP = "help"


class Stop(Exception):
    """Nothing runs. `why`: for the result; `told`: what the person is told, "" for nothing."""

    def __init__(self, why: str, told: str = "", **more: Any) -> None:
        super().__init__(why)
        self.why = why
        self.told = told
        self.more = more


class Commands:
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
        self._now = now or incoming.clock_of(client.settings)
        self._alias_run = AliasRun(client, stackstorm, workspace, say)

    def run(self, came: Came) -> Ran:
        """(whether it went well, {ran, why, execution_id, alias, record, message}).

        Nothing to run is well. Raises a SlackError where it could not be decided.
        """
        came = incoming.cleaned(came)
        result: Result = {
            "ran": False,
            "why": "",
            "execution_id": None,
            "alias": None,
            "record": None,
            "message": None,
        }
        try:
            return self._run(came, result)
        except Stop as stop:
            if stop.told:
                answer_privately(self._client, came.addressee, stop.told)
            return True, {**result, **stop.more, "why": stop.why}

    def _run(self, came: Came, result: Result) -> Ran:
        command = self._command(came)
        incoming.check(came, self._workspace)
        with _Telling(self._client, came):
            self._claim(came)
            session, result["record"] = self._session(came)
            self._help(command, session, came)
            chosen = self._match(command, session, came)
            result["record"] = self._decide(command, chosen, session)
            result["alias"] = chosen.alias.ref
        return self._alias_run.start(command, chosen, came, result)

    # --- whether ----------------------------------------------------------------------------------

    def _command(self, came: Came) -> str:
        """What is asked for. Stop where it is not for us."""
        text = command_text.plain(came.text)
        if came.is_bot:
            raise Stop("a bot wrote it")
        if came.command:
            if came.command != self._settings.command:
                raise Stop("%s is not the command of `chatops.command`" % came.command)
            return text
        begins, rest = command_text.after_prefix(text, self._settings.prefix)
        if not begins and text.startswith("<@"):
            bot = str(self._client.call("auth.test").get("user_id") or "")
            begins, rest = command_text.after_mention(text, bot)
        if not begins:
            raise Stop("it begins neither with the prefix (`chatops.prefix`) nor with the bot")
        return rest

    def _claim(self, came: Came) -> None:
        """Stop where the same was delivered before, or comes too late."""
        earlier = incoming.earlier(self._stackstorm, came, self._own_id)
        if earlier is not None:
            raise Stop("it came before, to the execution %s" % earlier)
        now = self._now()
        minutes = incoming.minutes_late(came, now) if now is not None else 0
        if minutes:
            raise Stop(
                "it was written %d minutes ago" % minutes,
                "You wrote that %d minutes ago, and StackStorm heard of it only now. Nothing was "
                "run. Write it again if it is still to be done." % minutes,
            )

    def _session(self, came: Came) -> Tuple[AuthorizationSession, Dict[str, Any]]:
        session = self._may().session(came.user, came.channel)
        decision, record = session.decide_any_command()
        if not decision.allowed:
            raise Stop("nothing is allowed", self._denial(session), record=record)
        return session, record

    def _decide(
        self, command: str, chosen: MatchedAlias, session: AuthorizationSession
    ) -> Dict[str, Any]:
        """The record of the decision. Stop where it is a no, or no to what was given."""
        decision, record = session.decide(resource_of(chosen.alias))
        if not decision.allowed:
            raise Stop("not allowed", self._denial(session), record=record, alias=chosen.alias.ref)
        extra = command_text.extra(command, chosen.format)
        if extra and not decision.extra_parameters:
            raise Stop(
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

    def _help(self, command: str, session: AuthorizationSession, came: Came) -> None:
        first, _, word = command.partition(" ")
        if command and first.lower() != HELP:
            return
        word = word.strip()
        lines = command_text.help_lines(self._forms(session), word)
        about = " with %s in it" % in_code(word) if word else ""
        if not lines:
            raise Stop("help", "There is no command%s that you may use here." % about)
        texts = [in_code(shown) + (": " + escape(said) if said else "") for shown, said in lines]
        shown, more = command_text.fitting(["- " + each for each in texts])
        head = "What you may use here%s, behind %s:" % (about, in_code(self._opening(came)))
        tail = "%d more: narrow it down by %s." % (
            more,
            in_code(self._opening(came) + " help WORD"),
        )
        raise Stop("help", "\n".join([head, *shown, *([tail] if more else [])]))

    def _opening(self, came: Came) -> str:
        return came.command or self._settings.prefix or "@..."

    def _forms(self, session: AuthorizationSession) -> List[command_text.Form]:
        """What the person may say here."""
        allowed = [
            alias
            for alias in self._stackstorm.list_aliases()
            if alias.enabled and session.is_allowed(resource_of(alias))
        ]
        return [form for alias in allowed for form in command_text.forms(alias)]

    def _match(self, command: str, session: AuthorizationSession, came: Came) -> MatchedAlias:
        why = command_text.unusable(command)
        if why:
            raise Stop("unusable: " + why, "Nothing was run: %s." % escape(why))
        try:
            found = self._stackstorm.match_alias(command)
        except ApiRefusal as refusal:
            if refusal.status >= 500:
                raise
            raise Stop(
                "StackStorm refused to match it: " + refusal.reason,
                "Nothing was run: %s" % in_code(refusal.reason),
            ) from None
        if found is None:
            raise Stop("no alias fits", self._no_match(command, session, came))
        why = command_text.unsafe_join(command, found.format)
        if why:
            raise Stop("unusable: " + why, "Nothing was run: %s." % escape(why))
        return self._unique(found)

    def _no_match(self, command: str, session: AuthorizationSession, came: Came) -> str:
        near = command_text.nearest_forms(command, self._forms(session))
        said = "There is no command %s." % in_code(command)
        if command_text.pairs(command)[0]:
            said += _about_pairs(command, list(near.values()))
        elif near:
            said += " Did you mean %s?" % " or ".join(in_code(each) for each in near)
        return said + " %s tells what you may use." % in_code(self._opening(came) + " help")

    def _unique(self, chosen: MatchedAlias) -> MatchedAlias:
        """StackStorm runs an alias by its name alone, whichever pack it is of."""
        name = chosen.alias.name
        packs = {each.pack for each in self._stackstorm.list_aliases() if each.name == name}
        others = sorted(packs - {chosen.alias.pack})
        if not others:
            return chosen
        raise Stop(
            "the alias %s has the same name in %s" % (chosen.alias.ref, ", ".join(others)),
            "Nothing was run: several packs have an alias named %s, and StackStorm cannot tell "
            "them apart. One of them has to be renamed." % in_code(name),
            alias=chosen.alias.ref,
        )


def _about_pairs(command: str, near: Sequence[Form]) -> str:
    """What StackStorm does with `key=value`, and how to write the command so that it fits."""
    found, rest = command_text.pairs(command)
    key, value = found[0]
    said = (
        " StackStorm takes `key=value` at the end of a command for a parameter, here %s with the "
        "value %s, and looks for a command that is only %s."
        % (in_code(key), in_code(value) or "nothing", in_code(rest) or "empty")
    )
    broken = next((form for form in near if command_text.never_fits(form)), None)
    if broken is not None:
        return said + (
            " So %s never fits: who wrote that alias has to leave out what stands before the `=`."
            % in_code(broken.format)
        )
    named = next(filter(None, (command_text.by_name(command, form) for form in near)), "")
    if named:
        return said + " Write %s." % in_code(named)
    if near:
        said += " Did you mean %s?" % " or ".join(in_code(form.format) for form in near)
    return said + (
        " Write something behind it, or give the value by its parameter's name, with a `-` in its "
        "place: `open - url=https://...`."
    )


class _Telling:
    """Tells the person where StackStorm or the pack's config does not let it be decided."""

    def __init__(self, client: Client, came: Came) -> None:
        self._client = client
        self._came = came

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
