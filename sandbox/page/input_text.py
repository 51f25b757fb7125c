"""PURE: what a person types → the text that Slack makes of it."""

from __future__ import annotations

import re
from typing import Mapping, Optional, Tuple

CODE = re.compile(r"(```.*?```|`[^`\n]+`)", re.DOTALL)
ADDRESS = re.compile(r"\bhttps?://[^\s<>]+")
NAME = re.compile(r"(?<![\w&;])([@#])([\w.-]+)")
EVERYBODY = ("here", "channel", "everyone")
COMMAND = re.compile(r"/[a-z][\w-]*\Z")


def command(text: str) -> Optional[Tuple[str, str]]:
    """(`/st2`, what follows) where the text is a slash command, else None."""
    name, *rest = text.strip().split(None, 1)
    return (name, "".join(rest)) if COMMAND.match(name) else None


def as_slack_has_it(text: str, names: Mapping[str, str]) -> str:
    """Escaped, with names and addresses in angle brackets; code is left as it is.

    `names`: what may be typed, e.g. `@mara` or `#general` → what stands for it, e.g. `<@U1>`.
    """
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    pieces = CODE.split(escaped)
    pieces[::2] = [_linked(piece, names) for piece in pieces[::2]]
    return "".join(pieces)


def _linked(text: str, names: Mapping[str, str]) -> str:
    pieces, at = [], 0
    for found in ADDRESS.finditer(text):
        address = found.group().rstrip(".,;:!?)'\"")
        pieces += [_named(text[at : found.start()], names), "<{}>".format(address)]
        at = found.start() + len(address)
    return "".join([*pieces, _named(text[at:], names)])


def _named(text: str, names: Mapping[str, str]) -> str:
    def replaced(found: re.Match[str]) -> str:
        sign, word = found.groups()
        name = word.rstrip(".-")
        if sign == "@" and name in EVERYBODY:
            return "<!{}>{}".format(name, word[len(name) :])
        stands = names.get(sign + name)
        return stands + word[len(name) :] if stands else found.group()

    return NAME.sub(replaced, text)
