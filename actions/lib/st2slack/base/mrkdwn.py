"""PURE: Slack's markup: its tokens, plain text from it, and back. No I/O, no clock.

Only this module splits Slack's markup into tokens; other modules use `tokens`. Slack escapes `&`,
`<` and `>` in every text, so what stands between real angle brackets is a reference that Slack or
an app put there:

    <@U…> <@U…|name>              @name: the label, else looked up, else the ID
    <#C…> <#C…|name>              #name: likewise
    <!subteam^S…|@handle>         @handle: likewise
    <!here> <!channel> <!everyone>  @here …
    <!date^ts^tokens^link|text>   text; without one the timestamp, in Unix seconds
    <!other|label>                label
    <scheme:…|label>              label
    <scheme:…>                    the URL; of mailto: and tel: only the address or number
    &amp; &lt; &gt;               & < >, once: `&amp;lt;` is `&lt;`

Anything else in angle brackets is no reference and stays. An empty label counts as none: Slack
sends `<#C…|>`. The first `|` ends the target. `*bold*`, `_italic_`, `~strike~` and backticks stay.

In code (`…` on one line, ```…``` over any number) an operator expects what was typed. Slack escapes
and marks links there too (`git clone git@host` arrives with a `<mailto:…|…>`), so entities and
links are undone as everywhere; mentions, channels and dates stay as they are. A backtick
without a second one, or doubled, makes no code.

One pass, each token read once: the text that replaces a reference or an entity is not read again,
and the time grows with the length of the text, whatever is in it.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Callable, Iterator, Mapping, Match, NamedTuple, Optional, Union

# ID of a user, channel or user group → its name as plain text; None or "" where it is not known.
LookUp = Callable[[str], Optional[str]]
Names = Union[Mapping[str, str], LookUp]

# Linear: a match that fails stops at the next delimiter, where the next one starts; only an
# unclosed ``` is searched to the end, and that at most three times in a text (`````).
_CODE = r"(?P<code>```.*?```|(?<!`)`[^`\n]+`(?!`))"
_UNCLOSED_CODE = r"(?P<code>```.*?(?:```|\Z)|`[^`\n]*`)"
_REFERENCE = r"<(?P<target>[^<>|]*)(?:\|(?P<label>[^<>]*))?>"
_MARKUP = _REFERENCE + r"|(?P<entity>&(?:amp|lt|gt);)"
_IN_TEXT = re.compile(_CODE + "|" + _MARKUP, re.DOTALL)
_IN_CODE = re.compile(_MARKUP)
_REFERENCES = re.compile(_REFERENCE)
_REFERENCES_AND_CODE = re.compile(_UNCLOSED_CODE + "|" + _REFERENCE, re.DOTALL)

_ENTITIES = {"&amp;": "&", "&lt;": "<", "&gt;": ">"}
_ENTITY = re.compile("|".join(_ENTITIES))

_NAMED = re.compile(r"(?P<sign>[@#]|!subteam\^)(?P<id>\S+)")
_CHANNEL_PING = re.compile(r"!(here|channel|everyone)")
_DATE = re.compile(r"!date\^(?P<ts>[^\s^]+)(?:\^.*)?", re.DOTALL)
_OTHER = re.compile(r"!\S+")
_PING = re.compile(r"<(!(?!date\^)[^<>]*)(>?)")
_LINK = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S.*")
_WEB_LINK = re.compile(r"https?:[^\n]*")
_ADDRESS = re.compile(r"(?:mailto|tel):", re.IGNORECASE)


class TokenKind(Enum):
    """Kinds of tokens."""

    TEXT = "text"  # plain text, and what looks like a token and is none
    CODE = "code"  # with its backticks
    REFERENCE = "reference"  # a mention, a link, a date: all that is in angle brackets
    ENTITY = "entity"  # &amp; &lt; &gt;


class Token(NamedTuple):
    """A token of Slack's markup. `raw`: as it is in the text; `target`, `label`: of a reference, as
    it is there; `label`: None if it has none.
    """

    kind: TokenKind
    raw: str
    target: str = ""
    label: Optional[str] = None

    @property
    def inner(self) -> str:
        """What a reference has in its brackets."""
        return self.raw[1:-1]


class Grammar(Enum):
    """What is a token of its own. Everything else is text."""

    REFERENCES = "references"
    REFERENCES_AND_ENTITIES = "references and entities"
    REFERENCES_AND_CODE = "references and code, the unclosed code at the end of a text too"


_PATTERNS = {
    Grammar.REFERENCES: _REFERENCES,
    Grammar.REFERENCES_AND_ENTITIES: _IN_CODE,
    Grammar.REFERENCES_AND_CODE: _REFERENCES_AND_CODE,
}


def tokens(text: str, grammar: Grammar = Grammar.REFERENCES) -> Iterator[Token]:
    """The tokens of Slack's `text`, in order; together they are the text."""
    end = 0
    for match in _PATTERNS[grammar].finditer(text):
        if match.start() > end:
            yield Token(TokenKind.TEXT, text[end : match.start()])
        yield _token(match)
        end = match.end()
    if end < len(text):
        yield Token(TokenKind.TEXT, text[end:])


def _token(match: Match[str]) -> Token:
    groups = match.groupdict()
    if groups.get("code"):
        return Token(TokenKind.CODE, match[0])
    if groups.get("entity"):
        return Token(TokenKind.ENTITY, match[0])
    return Token(TokenKind.REFERENCE, match[0], match["target"], match["label"])


def decode_entities(text: str) -> str:
    """`text` without entities, in one pass: `&amp;lt;` is `&lt;`."""
    return _ENTITY.sub(lambda match: _ENTITIES[match[0]], text)


def is_channel_ping(target: str) -> bool:
    """Whether the target of a reference notifies a whole channel: !here, !channel, !everyone."""
    return bool(_CHANNEL_PING.fullmatch(target))


def to_plain(text: str, names: Optional[Names] = None) -> str:
    """Slack's `text` as people read it.

    `names` gives the name for an ID and is asked only if a reference has no label; what a callable
    raises comes through. Its names go in as they are. No text makes this raise.
    """
    look_up = _look_up(names)

    def piece(match: Match[str]) -> str:
        if match["code"]:
            return _IN_CODE.sub(_code_piece, match["code"])
        return _text_piece(match, look_up)

    return _IN_TEXT.sub(piece, text)


def labels_of_links(text: str) -> str:
    """Slack's `text` with the label in place of each labelled link to http:// or https://.

    Everything else stays as it is, links without a label too, and those of other schemes.
    """
    return _REFERENCES.sub(_label_of_link, text)


def _label_of_link(match: Match[str]) -> str:
    label = match["label"]
    if label is None or "\n" in label or not _WEB_LINK.fullmatch(match["target"]):
        return match[0]
    return label


def escape(text: str) -> str:
    """Plain `text` as Slack reads it, without references. `to_plain(escape(x)) == x`."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def without_pings(text: str) -> str:
    """Slack's `text`, in which nothing notifies a whole channel or group: `<!channel>`,
    `<!subteam^S…>` and so on are shown as text. A date (`<!date^…>`) stays: it notifies nobody.
    """
    return _PING.sub(lambda match: "&lt;%s%s" % (match[1], "&gt;" if match[2] else ""), text)


def _look_up(names: Optional[Names]) -> LookUp:
    if names is None:
        return lambda _: None
    return names.get if isinstance(names, Mapping) else names


def _code_piece(match: Match[str]) -> str:
    """A link or an entity in code, undone; any other reference as it is."""
    plain = None if match["entity"] else _link(match["target"], _label(match))
    return decode_entities(match[0]) if plain is None else plain


def _text_piece(match: Match[str], look_up: LookUp) -> str:
    plain = None if match["entity"] else _reference(match["target"], _label(match), look_up)
    return decode_entities(match[0]) if plain is None else plain


def _label(match: Match[str]) -> str:
    """The label of a reference, plain; empty if it has none or a blank one."""
    label = match["label"] or ""
    return decode_entities(label) if label.strip() else ""


def _reference(target: str, label: str, look_up: LookUp) -> Optional[str]:
    """The plain text for `<target|label>`; None if it is no reference."""
    if target.startswith(("@", "#", "!subteam^")):
        return _named(target, label, look_up)
    return _special(target, label) if target.startswith("!") else _link(target, label)


def _named(target: str, label: str, look_up: LookUp) -> Optional[str]:
    named = _NAMED.fullmatch(target)
    if not named:
        return None
    name = label or look_up(named["id"]) or decode_entities(named["id"])
    sign = "#" if named["sign"] == "#" else "@"
    return name if name.startswith(sign) else sign + name


def _special(target: str, label: str) -> Optional[str]:
    ping = _CHANNEL_PING.fullmatch(target)
    if ping:
        return "@" + ping[1]
    date = _DATE.fullmatch(target)
    if date:
        return label or decode_entities(date["ts"])
    return label or None if _OTHER.fullmatch(target) else None


def _link(target: str, label: str) -> Optional[str]:
    if not _LINK.fullmatch(target):
        return None
    scheme = _ADDRESS.match(target)
    return label or decode_entities(target[scheme.end() :] if scheme else target)
