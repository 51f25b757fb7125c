"""The alias that a command matches, and the help for commands that match none."""

from __future__ import annotations

from typing import List, Sequence

from st2slack.authorization.authorizer import AuthorizationSession
from st2slack.base.errors import StackStormError
from st2slack.base.mrkdwn import escape
from st2slack.chatops import command_text
from st2slack.chatops.command_result import Rejected
from st2slack.chatops.command_text import CommandFormat
from st2slack.chatops.run_alias import resource_of
from st2slack.messages.reply import in_code
from st2slack.stackstorm.alias import MatchedAlias
from st2slack.stackstorm.client import StackStorm

HELP = "help"


class AliasMatcher:
    """Matches the commands of one user in one conversation.

    `opening`: what a command begins with there, for help texts.
    """

    def __init__(self, stackstorm: StackStorm, session: AuthorizationSession, opening: str) -> None:
        self._stackstorm = stackstorm
        self._session = session
        self._opening = opening

    def check_help(self, command: str) -> None:
        """Raises Rejected with the help if the command asks for it, or is empty."""
        first, _, word = command.partition(" ")
        if not command or first.lower() == HELP:
            raise Rejected("help", self._help(word.strip()))

    def match(self, command: str) -> MatchedAlias:
        """The alias that StackStorm finds. Raises Rejected if there is none, or it is unsafe."""
        self._check_usable(command_text.unusable_reason(command))
        try:
            match = self._stackstorm.match_alias(command)
        except StackStormError as refusal:
            if refusal.status >= 500:
                raise
            raise Rejected(
                "StackStorm refused to match the command: " + refusal.reason,
                "Nothing was run: %s" % in_code(refusal.reason),
            ) from None
        if match is None:
            raise Rejected("no alias matches", self._explain_no_match(command))
        self._check_usable(command_text.unsafe_join_reason(command, match.format))
        return match

    def check_name(self, match: MatchedAlias) -> None:
        """Raises Rejected if another pack has an alias of the same name.

        StackStorm runs an alias by its name alone, whichever pack it is of.
        """
        name, pack = match.alias.name, match.alias.pack
        packs = {each.pack for each in self._stackstorm.list_aliases() if each.name == name}
        others = sorted(packs - {pack})
        if others:
            raise Rejected(
                "the alias %s has the same name in %s" % (match.alias.ref, ", ".join(others)),
                "Nothing was run: several packs have an alias named %s, and StackStorm cannot "
                "distinguish them. An administrator must rename one of them." % in_code(name),
            )

    @staticmethod
    def _check_usable(reason: str) -> None:
        if reason:
            raise Rejected("unusable: " + reason, "Nothing was run: %s." % escape(reason))

    def _allowed_formats(self) -> List[CommandFormat]:
        """The commands that the user is allowed to run here."""
        return [
            command_format
            for alias in self._stackstorm.list_aliases()
            if alias.enabled and self._session.is_allowed(resource_of(alias))
            for command_format in command_text.command_formats(alias)
        ]

    def _help(self, word: str) -> str:
        """The allowed commands that have a word in them."""
        entries = command_text.help_lines(self._allowed_formats(), word)
        about = " with %s in it" % in_code(word) if word else ""
        if not entries:
            return "There is no command%s that you are allowed to use here." % about
        lines = [_help_line(display, description) for display, description in entries]
        shown, hidden = command_text.fit_lines(lines)
        header = "Commands that you are allowed to use here%s, after %s:" % (
            about,
            in_code(self._opening),
        )
        narrower = in_code(self._opening + " help WORD")
        footer = ["%d more: search with %s." % (hidden, narrower)] if hidden else []
        return "\n".join([header, *shown, *footer])

    def _explain_no_match(self, command: str) -> str:
        suggestions = command_text.nearest_formats(command, self._allowed_formats())
        text = "There is no command %s." % in_code(command)
        if command_text.parse_pairs(command)[0]:
            text += explain_pairs(command, list(suggestions.values()))
        elif suggestions:
            text += " Did you mean %s?" % " or ".join(map(in_code, suggestions))
        return text + " %s lists the commands that you are allowed to use." % in_code(
            self._opening + " help"
        )


def _help_line(display: str, description: str) -> str:
    return "- " + in_code(display) + (": " + escape(description) if description else "")


def explain_pairs(command: str, suggestions: Sequence[CommandFormat]) -> str:
    """What StackStorm does with `key=value`, and how to write the command so that it matches."""
    pairs, rest = command_text.parse_pairs(command)
    key, value = pairs[0]
    text = (
        " StackStorm reads `key=value` at the end of a command as a parameter, here %s with the "
        "value %s, and matches only the rest of the command: %s."
        % (in_code(key), in_code(value) or "nothing", in_code(rest) or "empty")
    )
    return text + _suggest_without_pairs(command, suggestions)


def _suggest_without_pairs(command: str, suggestions: Sequence[CommandFormat]) -> str:
    broken = next(filter(command_text.is_never_matched, suggestions), None)
    if broken is not None:
        return (
            " So the format %s never matches: its author must remove the name and the `=`."
            % in_code(broken.format)
        )
    rewritten = (command_text.rewrite_by_name(command, each) for each in suggestions)
    by_name = next(filter(None, rewritten), "")
    if by_name:
        return " Write %s." % in_code(by_name)
    formats = " or ".join(in_code(each.format) for each in suggestions)
    return (" Did you mean %s?" % formats if suggestions else "") + (
        " Write more text after it, or give the value by its parameter's name, with a `-` in its "
        "place: `open - url=https://...`."
    )
