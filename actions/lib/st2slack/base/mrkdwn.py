"""PURE: Slack's text → plain text, and back. No I/O, no clock.

Slack escapes `&`, `<` and `>` in every text, so what stands between real angle brackets is a form
that Slack or an app put there (SLACK.md, "Formatting of text"):

    <@U…> <@U…|name>              @name: the label, else looked up, else the ID
    <#C…> <#C…|name>              #name: likewise
    <!subteam^S…|@handle>         @handle: likewise
    <!here> <!channel> <!everyone>  @here …
    <!date^ts^tokens^link|text>   text; without one the timestamp, in Unix seconds
    <!other|label>                label
    <scheme:…|label>              label
    <scheme:…>                    the URL; of mailto: and tel: only the address or number
    &amp; &lt; &gt;               & < >, once: `&amp;lt;` is `&lt;`

Anything else in angle brackets is no form and stays. An empty label counts as none: Slack sends
`<#C…|>`. The first `|` ends the target. `*bold*`, `_italic_`, `~strike~` and backticks stay.

In code (`…` on one line, ```…``` over any number) an operator expects what was typed. Slack escapes
and marks links there too (`git clone git@host` arrives with a `<mailto:…|…>`), so entities and
links are undone as everywhere; mentions, channels and dates stay as they are. A backtick
without its partner, or doubled, makes no code.

One pass, each piece read once: what came out of a form or an entity is not read again, and the
time grows with the length of the text, whatever is in it.
"""

from __future__ import annotations

import re
from typing import Callable, Mapping, Match, Optional, Union

# ID of a user, channel or user group → its name as plain text; None or "" where it is not known.
LookUp = Callable[[str], Optional[str]]
Names = Union[Mapping[str, str], LookUp]

# Linear: a try that fails stops at the next delimiter, where the next one starts; only an unclosed
# ``` is looked for to the end, and that at most three times in a text (`````).
_CODE = r"(?P<code>```.*?```|(?<!`)`[^`\n]+`(?!`))"
_MARKUP = r"<(?P<target>[^<>|]+)(?:\|(?P<label>[^<>]*))?>|(?P<entity>&(?:amp|lt|gt);)"
_IN_TEXT = re.compile(_CODE + "|" + _MARKUP, re.DOTALL)
_IN_CODE = re.compile(_MARKUP)

_ENTITIES = {"&amp;": "&", "&lt;": "<", "&gt;": ">"}
_ENTITY = re.compile("|".join(_ENTITIES))

_NAMED = re.compile(r"(?P<sign>[@#]|!subteam\^)(?P<id>\S+)")
_EVERYBODY = re.compile(r"!(here|channel|everyone)")
_DATE = re.compile(r"!date\^(?P<ts>[^\s^]+)(?:\^.*)?", re.DOTALL)
_OTHER = re.compile(r"!\S+")
_PING = re.compile(r"<(!(?!date\^)[^<>]*)(>?)")
_LINK = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S.*")
_LABELLED_LINK = re.compile(r"<https?:[^<>|\n]*\|([^<>\n]*)>")
_ADDRESS = re.compile(r"(?:mailto|tel):", re.IGNORECASE)


def to_plain(text: str, names: Optional[Names] = None) -> str:
    """Slack's `text` as people read it.

    `names` gives the name for an ID and is asked only where a form has no label; what a callable
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
    return _LABELLED_LINK.sub(r"\1", text)


def escape(text: str) -> str:
    """Plain `text` as Slack reads it: nothing in it is a form. `to_plain(escape(x)) == x`."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def without_pings(text: str) -> str:
    """Slack's `text`, in which nothing calls a whole channel or group: `<!channel>`,
    `<!subteam^S…>` and their like are shown as text. A date (`<!date^…>`) stays: it calls nobody.
    """
    return _PING.sub(lambda match: "&lt;%s%s" % (match[1], "&gt;" if match[2] else ""), text)


def _look_up(names: Optional[Names]) -> LookUp:
    if names is None:
        return lambda _: None
    return names.get if isinstance(names, Mapping) else names


def _code_piece(match: Match[str]) -> str:
    """A link or an entity in code, undone; any other form as it is."""
    plain = None if match["entity"] else _link(match["target"], _label(match))
    return _decode(match[0]) if plain is None else plain


def _text_piece(match: Match[str], look_up: LookUp) -> str:
    plain = None if match["entity"] else _form(match["target"], _label(match), look_up)
    return _decode(match[0]) if plain is None else plain


def _label(match: Match[str]) -> str:
    """The label of a form, plain; empty if it has none or a blank one."""
    label = match["label"] or ""
    return _decode(label) if label.strip() else ""


def _form(target: str, label: str, look_up: LookUp) -> Optional[str]:
    """What stands for `<target|label>`; None if it is no form."""
    if target.startswith(("@", "#", "!subteam^")):
        return _named(target, label, look_up)
    return _special(target, label) if target.startswith("!") else _link(target, label)


def _named(target: str, label: str, look_up: LookUp) -> Optional[str]:
    named = _NAMED.fullmatch(target)
    if not named:
        return None
    name = label or look_up(named["id"]) or _decode(named["id"])
    sign = "#" if named["sign"] == "#" else "@"
    return name if name.startswith(sign) else sign + name


def _special(target: str, label: str) -> Optional[str]:
    everybody = _EVERYBODY.fullmatch(target)
    if everybody:
        return "@" + everybody[1]
    date = _DATE.fullmatch(target)
    if date:
        return label or _decode(date["ts"])
    return label or None if _OTHER.fullmatch(target) else None


def _link(target: str, label: str) -> Optional[str]:
    if not _LINK.fullmatch(target):
        return None
    scheme = _ADDRESS.match(target)
    return label or _decode(target[scheme.end() :] if scheme else target)


def _decode(text: str) -> str:
    """`text` without entities. In one pass, which is what decoding `&amp;` last comes to."""
    return _ENTITY.sub(lambda match: _ENTITIES[match[0]], text)
