"""PURE: a text from Slack -> a command, and everything about it that needs no request.

The text is normalized, because StackStorm compares characters:

    curly quotes, odd spaces      straight quotes, spaces; characters without width are removed,
                                  except the joiners that Persian, Hindi and emoji need
    several spaces in a row       one, or a line break if one is among them; in quotes they stay
    long dashes of a word         what keyboards make them from: `--`, `-`
    &amp; &lt; &gt;               & < >, once
    <@U...|name> <#C...|name>     <@U...> <#C...>: the IDs. The pack's actions accept them, in a
    <!subteam^S...|@handle>       text they stay mentions, and a name can be false
    <https://x.y|x.y>, <mailto:…> what was typed; the URL, if the label is another text
    <!here> and so on             @here

How StackStorm reads a command (st2common/models/utils/action_alias_utils.py, tried): each
`key=value` at the end becomes a parameter, whatever the alias's format says, and is removed from
the rest, wherever else the same text occurs. Parameters of workflows and of their tasks are
evaluated if they are templates, with access to the datastore (render_input of Orquesta,
render_live_params of StackStorm): see templates.py. The search for pairs takes twice the time with
every pair: 14 pairs block the API for seconds. It grows with the third power of spaces in a row:
800 of them do the same. So a command that is too long or too complex is not sent to StackStorm.
"""

from __future__ import annotations

import bisect
import difflib
import re
from dataclasses import dataclass
from typing import Dict, Iterable, Iterator, List, Match, Optional, Sequence, Tuple

from st2slack.base.ids import parse_mention
from st2slack.base.mrkdwn import Token, TokenKind, decode_entities, is_channel_ping, tokens
from st2slack.base.templates import find_template, has_encoded
from st2slack.base.text_length import text_length
from st2slack.stackstorm.alias import Alias

MAX_LENGTH = 2000  # units (text_length.py) of a command
MAX_PARSES = 100_000  # ways to read the pairs, times possible ends of a value: 20 ms per format
MAX_GAP = 16  # spaces in a row, in quotes: some 200 steps of StackStorm per character
MAX_SUGGESTIONS = 3  # formats that are suggested if none matches
MIN_SIMILARITY = 0.6  # share of a format's words that a command needs for a suggestion
MAX_ANSWER_LENGTH = 3500  # units of a list; Slack shows 4,000 well

_CHARACTERS: Dict[int, Optional[str]] = {
    **dict.fromkeys(range(0x2018, 0x201C), "'"),  # curly quotes
    **dict.fromkeys(range(0x201C, 0x2020), '"'),
    # No width; U+200C and U+200D join or separate letters, and stay.
    **dict.fromkeys([0, 0xAD, 0xFEFF, 0x200B, 0x200E, 0x200F, *range(0x2060, 0x2065)]),
    **dict.fromkeys([0x0D, 0x85, 0x2028, 0x2029], "\n"),
}
_ODD_SPACE = re.compile(r"[^\S \n\t]")
# A dash that a keyboard made, at the beginning of a word or a value (iOS and macOS make — of --).
_DASHES = re.compile(r"""(?<![^\s"'=])[\u2010-\u2015\u2212]+(?=[-\w])""")
_DASH = {**dict.fromkeys([*range(0x2010, 0x2014), 0x2212], "-"), 0x2014: "--", 0x2015: "--"}
_GAP = re.compile(r"\s+")
# A quote opens where a word or a value begins, and closes where one ends: not as in "don't".
_GAP_OR_OPENING = re.compile(r"""\s{2,}|(?:(?<=[\s=:,{\[(])|\A)["']""")
_CLOSING = re.compile(r"""["'](?=[\s,:;.!?)\]}]|\Z)""")
_LINK = re.compile(r"(?:(?:mailto|tel):|[a-z][a-z0-9+.-]*://)(?P<rest>.+)", re.IGNORECASE)

_WORD = r"(\S+)"
# As in StackStorm, except for the spaces before a key, which it splits in every possible way.
_PAIR_OF = r"""(?:^\s*|(?<!\s)\s+)(\S+?)\s*=(?:""|''|"(.+?)"|'(.+?)'|(\{.+?\})|%s)""" % _WORD
_PAIR = re.compile(_PAIR_OF, re.DOTALL)
_ENDING = re.compile(r".*?((?:(?:%s)\s*)*)$" % _PAIR_OF, re.DOTALL)
_ENDS_WITH_VALUE = re.compile(r"\}\}\s*$")
_AFTER_VALUE = re.compile(r"\}\}([^\s\"'])")
_PARAMETER = re.compile(r"\{\{\s*(\S+?)\s*(?:=.*?)?\}\}|\(\?P<(\w+)>", re.DOTALL)
_PAIR_AT_END = re.compile(r"\s[^\s={}]+\s*=\s*\{\{[^{}]*\}\}\s*\Z")
# Where a value can end: after it, or after a quote after it, there is white space, or nothing.
_CUT = r"[{<][\"']?(?=\s|$%s)"


@dataclass(frozen=True)
class CommandFormat:
    """One format of an alias. `display`: for people; `format`: for StackStorm."""

    alias: Alias
    display: str
    format: str


def normalize(text: str) -> str:
    """The text as a command."""
    text = "".join(map(_as_typed, tokens(text))).translate(_CHARACTERS)
    text = _single_blanks(_ODD_SPACE.sub(" ", text).strip())
    return _DASHES.sub(lambda match: match[0].translate(_DASH), text)


def _single_blanks(text: str) -> str:
    """`text` with one space instead of several, except in quotes."""
    closings: Dict[str, List[int]] = {'"': [], "'": []}
    for match in _CLOSING.finditer(text):
        closings[match[0]].append(match.start())
    pieces: List[str] = []
    end = 0
    while True:
        edge = _GAP_OR_OPENING.search(text, end)
        if edge is None:
            return "".join([*pieces, text[end:]])
        pieces.append(text[end : edge.start()])
        end = edge.end()
        if edge[0].isspace():
            pieces.append("\n" if "\n" in edge[0] else " ")
            continue
        later = closings[edge[0]]
        at = bisect.bisect_left(later, end)
        end = later[at] + 1 if at < len(later) else end
        pieces.append(text[edge.start() : end])


def _as_typed(token: Token) -> str:
    """What the user typed where Slack sends this token."""
    if token.kind is not TokenKind.REFERENCE:
        return decode_entities(token.raw)
    mention = parse_mention("<%s>" % token.target)
    if mention:
        return mention.bare
    if is_channel_ping(token.target):
        return token.target.replace("!", "@", 1)
    if _LINK.fullmatch(token.target):
        target, label = decode_entities(token.target), decode_entities(token.label or "")
        return label if label and target.endswith(label) else target
    return decode_entities(token.raw)


# --- prefix and mention ---------------------------------------------------------------------------


def strip_prefix(command: str, prefix: str) -> Tuple[bool, str]:
    """Whether a plain text begins with the prefix, and the rest. A longer word does not count."""
    rest = command[len(prefix) :]
    begins = bool(prefix) and command.startswith(prefix)
    whole = not rest or rest[0].isspace() or not prefix[-1:].isalnum()
    return (True, rest.strip()) if begins and whole else (False, "")


def strip_mention(command: str, bot: str) -> Tuple[bool, str]:
    """Whether a plain text begins with a mention of the bot, and the rest."""
    match = re.match(r"<@%s>[:,]?" % re.escape(bot), command) if bot else None
    return (True, command[match.end() :].strip()) if match else (False, "")


# --- how StackStorm reads a command ---------------------------------------------------------------


def parse_pairs(command: str) -> Tuple[List[Tuple[str, str]], str]:
    """(the pairs `key=value` at the end of the command, what StackStorm leaves for the format)."""
    if "=" not in command:
        return [], command
    ending = _ENDING.match(command)
    tail = ending[1] if ending else ""
    if not tail:
        return [], command
    pairs = [(each[1], _value_of_pair(each)) for each in _PAIR.finditer(tail)]
    return pairs, command.replace(tail, "")


def _value_of_pair(match: Match[str]) -> str:
    return match[2] or match[3] or match[4] or match[5] or ""


def parameter_names(text: str) -> List[str]:
    """Parameters that a format names: `{{ name }}`, `{{ name = default }}`, `(?P<name>...)`."""
    return [first or second for first, second in _PARAMETER.findall(text)]


def extra_keys(command: str, text: str) -> List[str]:
    """Keys at the end of the command that the format `text` does not name."""
    known = set(parameter_names(text))
    return list(dict.fromkeys(key for key, _ in parse_pairs(command)[0] if key not in known))


def unusable_reason(command: str) -> str:
    """Why a command must not be sent to StackStorm, for users; "" if there is no reason."""
    if text_length(command) > MAX_LENGTH:
        return "the command is longer than %d characters" % MAX_LENGTH
    if any(len(gap) > MAX_GAP for gap in _GAP.findall(command)):
        return "the command has too many spaces in a row, more than %d; remove some" % MAX_GAP
    if _is_too_complex(command):
        return "the command has too many `=` and spaces; remove some"
    pairs, rest = parse_pairs(command)
    # StackStorm removes quotes around a value.
    reason = find_template([command, rest, rest.rstrip(" \n\t\"'"), pairs])
    if reason:
        return (
            "the command has %s, which StackStorm could read as the beginning of a template"
            % reason
        )
    if has_encoded(command):
        return (
            "the command has a character written as an escape sequence (such as \\u007b); write "
            "the character itself"
        )
    return ""


def unsafe_join_reason(command: str, text: str) -> str:
    """Why a command must not be run with the format `text`, for users; "" if there is no reason.

    The format splits a command into values, and a workflow can join them in another order: so no
    value is allowed to end in the first half of a template's opening. If the format has nothing
    after its only value, that value ends with the command, and `unusable_reason` checks that.
    """
    rest = parse_pairs(command)[1]
    values = _PARAMETER.findall(text)
    if not values or (len(values) == 1 and _ENDS_WITH_VALUE.search(text)):
        return ""
    delimiters = {re.escape(each) for each in _AFTER_VALUE.findall(text)}
    if re.search(_CUT % "".join("|" + each for each in sorted(delimiters)), rest):
        return "no word of this command can end with `{` or `<`; write no space after it"
    return ""


def _is_too_complex(command: str) -> bool:
    """Whether StackStorm would need too long. Counts more ways to read it than there are."""
    equals = command.count("=")
    gaps = sorted(map(len, _GAP.findall(command)), reverse=True)
    ways = 1 + sum(command.count(each) for each in "\"'}")
    for number in range(equals):
        gap = gaps[number] if number < len(gaps) else 1
        ways *= 3 * max(1, gap * (gap + 1) // 2)
        if ways > MAX_PARSES:
            return True
    return False


# --- aliases --------------------------------------------------------------------------------------


def command_formats(alias: Alias) -> Iterator[CommandFormat]:
    """The formats of an alias."""
    for each in alias.formats:
        for number, representation in enumerate(each.representations):
            yield CommandFormat(alias, each.display if number == 0 else "", representation)


def nearest_formats(command: str, formats: Iterable[CommandFormat]) -> Dict[str, CommandFormat]:
    """Display -> format of the most similar formats, at most MAX_SUGGESTIONS, best first."""
    typed_words = _leading_words(command)
    best: Dict[str, Tuple[float, CommandFormat]] = {}
    for each in formats:
        similarity = _similarity(typed_words, _leading_words(each.format or each.display))
        display = each.display or each.format
        if similarity >= MIN_SIMILARITY and similarity > best.get(display, (0.0, each))[0]:
            best[display] = (similarity, each)
    displays = sorted(best, key=lambda display: (-best[display][0], display))
    return {display: best[display][1] for display in displays[:MAX_SUGGESTIONS]}


def _leading_words(text: str) -> str:
    """The words that a format begins with, before its first parameter."""
    return " ".join(text.partition("{{")[0].lower().split())[:100]


def _similarity(typed_words: str, words: str) -> float:
    """0 to 1; the command can be longer than the words."""
    if not words:
        return 0.0
    return difflib.SequenceMatcher(None, typed_words[: len(words) + 2], words).ratio()


def rewrite_by_name(command: str, command_format: CommandFormat) -> str:
    """The command with the name of the format's last parameter: `open - url=x?a=b`.

    "" if the format does not end with a parameter, or if the command is not the format's words and
    one value.
    """
    text, (pairs, rest) = command_format.format, parse_pairs(command)
    words, names = text.partition("{{")[0].strip(), parameter_names(text)
    ends_with_its_only_parameter = text.count("{{") == 1 and text.endswith("}}")
    if rest.strip() != words or not ends_with_its_only_parameter or len(pairs) != 1 or not names:
        return ""
    return "%s - %s=%s" % (words, names[-1], command[len(rest) :].strip())


def is_never_matched(command_format: CommandFormat) -> bool:
    """Whether the format ends with `key={{name}}`: StackStorm removes that before it compares."""
    return bool(_PAIR_AT_END.search(command_format.format))


def help_lines(formats: Sequence[CommandFormat], word: str) -> List[Tuple[str, str]]:
    """(display, description) of the formats that contain the word, in their order."""
    descriptions: Dict[str, str] = {}
    for command_format in formats:
        description = command_format.alias.description
        about = "%s %s %s" % (command_format.display, description, command_format.alias.pack)
        if command_format.display and word.lower() in about.lower():
            descriptions.setdefault(command_format.display, description)
    return list(descriptions.items())


def fit_lines(lines: Sequence[str], room: int = MAX_ANSWER_LENGTH) -> Tuple[List[str], int]:
    """(the lines that fit into an answer, number of the others)."""
    fitting: List[str] = []
    for line in lines:
        room -= text_length(line) + 1
        if room < 0:
            break
        fitting.append(line)
    return fitting, len(lines) - len(fitting)
