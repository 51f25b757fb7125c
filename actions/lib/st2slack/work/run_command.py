"""A command from Slack → an alias of StackStorm's, run for those who may.

In this order, and nothing of it twice: is it ours; did it come before; may they run anything at
all; can StackStorm read it; which alias is it; may they run that; has it parameters that the
alias's format does not name. Only then something is posted for all to see, and the alias runs.

Once: a key of the datastore per delivery and execution, for KEPT seconds. Whoever finds no other
key than their own goes on. A policy lets executions of one delivery run one after the other; where
two run at once all the same, both find the other's key and neither goes on.

What StackStorm renders as a template gets IDs and timestamps only, each of a known shape.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from st2slack.errors import ApiFault, ApiRefusal, InputError, SettingsError, SlackError
from st2slack.mrkdwn import escape, without_pings
from st2slack.settings.access import CONVERSATION_ID, PERSON_ID
from st2slack.settings.chatops import ChatopsSettings
from st2slack.web.call import Client
from st2slack.work import commands
from st2slack.work.answers import Addressee, answer_openly, answer_privately
from st2slack.work.authorization import ACTION, ALIAS, Thing
from st2slack.work.may import Asker, WhoMay
from st2slack.work.stackstorm import StackStorm

ROUTE = "slack"  # of the notification: whose rule posts the result
KEPT = 3600  # seconds that a delivery is remembered; Slack repeats one for some minutes
KEY = "slack.command."
QUICK = 5.0  # seconds to complete an acknowledgement
SHOWN = 300  # characters of a command in a message
HELP = "help"
_TIMESTAMP = re.compile(r"[0-9]{1,12}\.[0-9]{1,9}")
_TRIGGER = re.compile(r"[A-Za-z0-9._-]{1,200}")
_WORKSPACE = re.compile(r"[\w .@&+-]{0,100}")
_REF = re.compile(r"[\w.@-]{1,200}")


@dataclass(frozen=True)
class Came:
    """What came, as the trigger tells it. `command`: of a slash command, "" for a message.

    `thread_ts`: of the thread that a message stands in, else its own; `is_bot`: whether a bot wrote
    it. Templates write null as "None".
    """

    text: str
    user: str
    channel: str
    command: str = ""
    trigger_id: str = ""
    response_url: str = field(default="", repr=False)
    ts: str = ""
    thread_ts: str = ""
    is_bot: bool = False


@dataclass(frozen=True)
class _Chosen:
    """The alias that a command fits."""

    alias: Mapping[str, Any]
    format: str

    @property
    def ref(self) -> str:
        return "%s.%s" % (self.alias.get("pack"), self.alias.get("name"))

    @property
    def thing(self) -> Thing:
        return Thing({ALIAS: self.ref, ACTION: str(self.alias.get("action_ref"))})

    def setting(self, section: str, key: str) -> Any:
        """A setting of `ack`, None where none is."""
        found = self.alias.get(section)
        return found.get(key) if isinstance(found, dict) else None


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
    config, "" for the top level; `execution_id`: of this action; `say`: takes a line for the log.
    """

    def __init__(
        self,
        client: Client,
        stackstorm: StackStorm,
        may: Callable[[], WhoMay],
        settings: ChatopsSettings,
        workspace: str = "",
        execution_id: str = "",
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._client = client
        self._stackstorm = stackstorm
        self._may = may
        self._settings = settings
        self._workspace = workspace
        self._own_id = execution_id or uuid.uuid4().hex
        self._say = say

    def run(self, came: Came) -> Any:
        """{ran, why, execution_id, alias, record, message}; with False before it where it failed
        after it was decided. Raises a SlackError where it could not be decided.
        """
        came = _cleaned(came)
        result: Dict[str, Any] = {
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
                answer_privately(self._client, _alone(came), stop.told)
            return {**result, **stop.more, "why": stop.why}

    def _run(self, came: Came, result: Dict[str, Any]) -> Any:
        command = self._command(came)
        _check(came, self._workspace)
        with _Telling(self._client, came):
            self._claim(came)
            asker, result["record"] = self._asker(came)
            self._help(command, asker, came)
            chosen = self._match(command, asker, came)
            result["record"] = self._decide(command, chosen, asker)
            result["alias"] = chosen.ref
        return self._start(command, chosen, came, result)

    # --- whether ----------------------------------------------------------------------------------

    def _command(self, came: Came) -> str:
        """What is asked for. Stop where it is not for us."""
        text = commands.plain(came.text)
        if came.is_bot:
            raise Stop("a bot wrote it")
        if came.command:
            if came.command != self._settings.command:
                raise Stop("%s is not the command of `chatops.command`" % came.command)
            return text
        begins, rest = commands.after_prefix(text, self._settings.prefix)
        if not begins and text.startswith("<@"):
            bot = str(self._client.call("auth.test").get("user_id") or "")
            begins, rest = commands.after_mention(text, bot)
        if not begins:
            raise Stop("it begins neither with the prefix (`chatops.prefix`) nor with the bot")
        return rest

    def _claim(self, came: Came) -> None:
        """Stop where the same was delivered before."""
        prefix = "%s%s.%s." % (KEY, came.channel, came.trigger_id or came.ts)
        own = prefix + self._own_id
        self._stackstorm.write(own, self._own_id, KEPT)
        others = sorted(set(self._stackstorm.keys(prefix)) - {own})
        if others:
            raise Stop("it came before, to the execution %s" % others[0][len(prefix) :])

    def _asker(self, came: Came) -> Tuple[Asker, Dict[str, Any]]:
        asker = self._may().asker(came.user, came.channel)
        decision, record = asker.may_run_something()
        if not decision.allowed:
            raise Stop("nothing is allowed", self._denial(asker), record=record)
        return asker, record

    def _decide(self, command: str, chosen: _Chosen, asker: Asker) -> Dict[str, Any]:
        """The record of the decision. Stop where it is a no, or no to what was given."""
        decision, record = asker.decide(chosen.thing)
        if not decision.allowed:
            raise Stop("not allowed", self._denial(asker), record=record, alias=chosen.ref)
        extra = commands.extra(command, chosen.format)
        if extra and not decision.extra_parameters:
            raise Stop(
                "parameters that the format does not name: " + ", ".join(extra),
                "Nothing was run: %s %s not part of %s. If it belongs into a text, do not let the "
                "command end with it."
                % (
                    ", ".join(_code(each + "=") for each in extra[:5]),
                    "is" if len(extra) == 1 else "are",
                    _code(chosen.format),
                ),
                record=record,
                alias=chosen.ref,
            )
        return record

    def _denial(self, asker: Asker) -> str:
        whom = (" " + self._settings.whom_to_ask) if self._settings.whom_to_ask else ""
        if asker.unclear:
            return (
                "You may not do that now: it could not be found out who you are and what you may. "
                "Nothing was run. Try again later." + whom
            )
        return "You may not do that here. Nothing was run." + whom

    # --- what -------------------------------------------------------------------------------------

    def _help(self, command: str, asker: Asker, came: Came) -> None:
        first, _, word = command.partition(" ")
        if command and first.lower() != HELP:
            return
        word = word.strip()
        lines = commands.help_lines(self._forms(asker), word)
        about = " with %s in it" % _code(word) if word else ""
        if not lines:
            raise Stop("help", "There is no command%s that you may use here." % about)
        texts = [_code(shown) + (": " + escape(said) if said else "") for shown, said in lines]
        shown, more = commands.fitting(["- " + each for each in texts])
        head = "What you may use here%s, behind %s:" % (about, _code(self._opening(came)))
        tail = "%d more: narrow it down by %s." % (more, _code(self._opening(came) + " help WORD"))
        raise Stop("help", "\n".join([head, *shown, *([tail] if more else [])]))

    def _opening(self, came: Came) -> str:
        return came.command or self._settings.prefix or "@..."

    def _forms(self, asker: Asker) -> List[commands.Form]:
        """What the person may say here."""
        allowed = [
            alias
            for alias in self._stackstorm.aliases()
            if alias.get("enabled") and asker.allows(_Chosen(alias, "").thing)
        ]
        return [form for alias in allowed for form in commands.forms(alias)]

    def _match(self, command: str, asker: Asker, came: Came) -> _Chosen:
        why = commands.unusable(command)
        if why:
            raise Stop("unusable: " + why, "Nothing was run: %s." % why)
        try:
            found = self._stackstorm.match(command)
        except ApiRefusal as refusal:
            if refusal.status >= 500:
                raise
            raise Stop(
                "StackStorm refused to match it: " + refusal.reason,
                "Nothing was run: %s" % _code(refusal.reason),
            ) from None
        if found is None:
            raise Stop("no alias fits", self._no_match(command, asker, came))
        return self._unique(_Chosen(found.alias, found.representation))

    def _no_match(self, command: str, asker: Asker, came: Came) -> str:
        near = commands.nearest(command, self._forms(asker))
        said = "There is no command %s." % _code(command)
        if near:
            said += " Did you mean %s?" % " or ".join(_code(each) for each in near)
        return said + " %s tells what you may use." % _code(self._opening(came) + " help")

    def _unique(self, chosen: _Chosen) -> _Chosen:
        """StackStorm runs an alias by its name alone, whichever pack it is of."""
        name = chosen.alias.get("name")
        packs = {
            each.get("pack") for each in self._stackstorm.aliases() if each.get("name") == name
        }
        others = sorted(str(each) for each in packs - {chosen.alias.get("pack")})
        if not others:
            return chosen
        raise Stop(
            "the alias %s has the same name in %s" % (chosen.ref, ", ".join(others)),
            "Nothing was run: several packs have an alias named %s, and StackStorm cannot tell "
            "them apart. One of them has to be renamed." % _code(str(name)),
            alias=chosen.ref,
        )

    # --- run --------------------------------------------------------------------------------------

    def _start(self, command: str, chosen: _Chosen, came: Came, result: Dict[str, Any]) -> Any:
        """Acknowledge, run, compare. The result may come before the answer: so first the message
        that it will be put into.
        """
        who = "<@%s>" % came.user
        silent = chosen.setting("ack", "enabled") is False
        ts = None if silent else self._acknowledge(came, "%s runs %s." % (who, _code(chosen.ref)))
        result["message"] = {"channel": came.channel, "ts": ts} if ts else None
        try:
            answer = self._stackstorm.run_alias(self._asked(command, chosen, came, ts))
        except ApiFault as fault:
            self._not_run(came, ts, fault, _not_started(fault))
            return False, {**result, "why": str(fault)}
        execution = answer.get("execution")
        execution = execution if isinstance(execution, dict) else {}
        result["execution_id"] = execution.get("id")
        why = _another(answer, execution, chosen, command)
        if why:
            return self._stop_it(came, ts, why, result)
        if ts:
            self._update(came, ts, _acknowledgement(who, command, chosen, answer, execution))
        return {**result, "ran": True}

    def _asked(
        self, command: str, chosen: _Chosen, came: Came, ts: Optional[str]
    ) -> Dict[str, Any]:
        context = {
            "channel": came.channel,
            "thread_ts": came.thread_ts or came.ts or ts,
            "message": ts,
            "workspace": self._workspace,
        }
        return {
            "name": chosen.alias.get("name"),
            "format": chosen.format,
            "command": command,
            "user": came.user,
            "source_channel": came.channel,
            "source_context": {key: value for key, value in context.items() if value},
            "notification_route": ROUTE,
        }

    def _acknowledge(self, came: Came, text: str) -> Optional[str]:
        thread = "" if came.command else came.thread_ts or came.ts
        return answer_openly(self._client, replace(_alone(came), thread_ts=thread), text)

    def _update(self, came: Came, ts: str, text: str) -> None:
        """Whatever comes here is no failure of what runs. Late is worse than never: the result may
        stand there meanwhile.
        """
        quick = Client(self._client.settings, limit=lambda: QUICK)
        try:
            quick.call("chat.update", {"channel": came.channel, "ts": ts, "text": text})
        except SlackError as error:
            self._say("The acknowledgement could not be completed. %s" % error)

    def _not_run(self, came: Came, ts: Optional[str], fault: SlackError, text: str) -> None:
        """Say in Slack that it failed, whatever else fails."""
        try:
            if ts:
                self._update(came, ts, "<@%s>: %s" % (came.user, text))
            else:
                answer_privately(self._client, _alone(came), text)
        except SlackError as error:
            fault.add(" (Nor could Slack be told: %s)" % error)

    def _stop_it(self, came: Came, ts: Optional[str], why: str, result: Dict[str, Any]) -> Any:
        error = SlackError(why)
        if result["execution_id"]:
            try:
                self._stackstorm.cancel(str(result["execution_id"]))
            except ApiFault as fault:
                error.add(" It could not be cancelled: %s" % fault)
        told = "StackStorm started something else than you asked for. It was stopped."
        self._not_run(came, ts, error, told)
        return False, {**result, "why": str(error)}


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
            answer_privately(self._client, _alone(self._came), text)
        except SlackError as second:
            error.add(" (Nor could the person be told: %s)" % second)


# --- parts ----------------------------------------------------------------------------------------


def _cleaned(came: Came) -> Came:
    """What templates wrote for null, taken away."""

    def cleaned(text: str) -> str:
        text = (text or "").strip()
        return "" if text == "None" else text

    return replace(
        came,
        command=cleaned(came.command),
        trigger_id=cleaned(came.trigger_id),
        response_url=cleaned(came.response_url),
        ts=cleaned(came.ts),
        thread_ts=cleaned(came.thread_ts),
    )


def _check(came: Came, workspace: str) -> None:
    """Raises InputError for what is not of the shape that Slack gives it."""
    shapes = [
        ("user", came.user, PERSON_ID),
        ("channel", came.channel, CONVERSATION_ID),
        ("workspace", workspace, _WORKSPACE),
    ]
    shapes += [("trigger_id", came.trigger_id, _TRIGGER)] if came.command else []
    shapes += [] if came.command else [("ts", came.ts, _TIMESTAMP)]
    shapes += [("thread_ts", came.thread_ts, _TIMESTAMP)] if came.thread_ts else []
    for name, text, shape in shapes:
        if not shape.fullmatch(text):
            raise InputError(
                "Parameter `%s` is not what Slack gives: hand over what the trigger has." % name
            )


def _alone(came: Came) -> Addressee:
    """The person; in the thread only where they wrote in one."""
    thread = came.thread_ts if came.thread_ts != came.ts else ""
    return Addressee(came.channel, came.user, thread, came.response_url)


def _code(text: str) -> str:
    """Somebody's text in a message: on one line, and nothing in it works."""
    line = " ".join(text.replace("`", "'").split())
    line = line if len(line) <= SHOWN else line[:SHOWN] + "..."
    return "`%s`" % escape(line) if line else ""


def _not_started(fault: ApiFault) -> str:
    if isinstance(fault, ApiRefusal) and fault.status < 500:
        return "Nothing was run. StackStorm says: %s" % _code(fault.reason)
    return (
        "StackStorm gave no clear answer, so it may run or not: look at its history before you "
        "ask again."
    )


def _another(
    answer: Mapping[str, Any], execution: Mapping[str, Any], chosen: _Chosen, command: str
) -> str:
    """What StackStorm started that was not allowed, in words; "" where all is as it was."""
    alias = answer.get("actionalias")
    alias = alias if isinstance(alias, dict) else {}
    started = (alias.get("pack"), alias.get("name"), alias.get("action_ref"))
    allowed = tuple(chosen.alias.get(key) for key in ("pack", "name", "action_ref"))
    if started != allowed:
        return "StackStorm ran the alias %s.%s (%s) in place of the allowed %s." % (
            *started,
            chosen.ref,
        )
    known = {*commands.named(chosen.format), *(key for key, _ in commands.pairs(command)[0])}
    known.update(alias.get("immutable_parameters") or {})
    given = execution.get("parameters") or {}
    more = sorted(set(given) - known)
    if more:
        return "StackStorm gave the action parameters that were not asked for: %s." % more[0]
    return ""


def _acknowledgement(
    who: str,
    command: str,
    chosen: _Chosen,
    answer: Mapping[str, Any],
    execution: Mapping[str, Any],
) -> str:
    """Who asked for what, and the alias's own words."""
    shown = chosen.format if _has_secret(execution) else command
    lines = ["%s runs %s." % (who, _code(shown))]
    message = answer.get("message")
    if message and isinstance(message, str):
        lines.append(without_pings(message)[: commands.LONGEST_ANSWER])
    return "\n".join(lines)


def _has_secret(execution: Mapping[str, Any]) -> bool:
    """Whether a parameter that was given is a secret one, by the action's own metadata."""
    action = execution.get("action")
    known = action.get("parameters") if isinstance(action, dict) else None
    if not isinstance(known, dict):
        return True
    given: Callable[[str], Any] = (execution.get("parameters") or {}).__contains__
    return any(each.get("secret") and given(name) for name, each in known.items())
