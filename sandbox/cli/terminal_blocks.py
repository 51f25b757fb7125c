"""Messages of Slack in a terminal, roughly as Slack shows them: mrkdwn, blocks, buttons."""

from __future__ import annotations

import re
from typing import Any, Dict, Iterator, Mapping, Tuple

from rich.text import Text

EMOJI = {
    "rocket": "🚀",
    "eyes": "👀",
    "white_check_mark": "✅",
    "tada": "🎉",
    "x": "❌",
    "hourglass": "⌛",
    "no_entry_sign": "🚫",
    "warning": "⚠️",
}
_BUTTONS = {"primary": "bold green", "danger": "bold red"}
_FORM = re.compile(r"<([@#])(\w+)(?:\|[^>]*)?>|<!date\^[^|>]*\|([^>]*)>|:(\w+):")
_STYLED = re.compile(r"(\*[^*\n]+\*|`[^`\n]+`)")

Names = Mapping[str, str]


def message(message_json: Mapping[str, Any], names: Names) -> Text:
    """A message: author, then its blocks, or its text where it has none; reactions."""
    author = names.get(message_json.get("user", ""), message_json.get("username", "somebody"))
    text = Text.assemble((author, "bold"), "  ")
    blocks = message_json.get("blocks") or []
    if blocks:
        text.append_text(Text("\n").join(_block(each, names) for each in blocks))
    else:
        text.append_text(mrkdwn(message_json.get("text", ""), names))
    for each in message_json.get("reactions") or []:
        emoji = EMOJI.get(each["name"], ":%s:" % each["name"])
        text.append("\n  %s %d" % (emoji, each["count"]), style="yellow")
    return text


def mrkdwn(text: str, names: Names) -> Text:
    """Slack's markup: bold, code, people, dates, a few emoji."""
    plain = _FORM.sub(lambda found: _form(found, names), text)
    for entity, sign in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        plain = plain.replace(entity, sign)
    return Text.assemble(*(_piece(each) for each in _STYLED.split(plain) if each))


def _form(found: re.Match[str], names: Names) -> str:
    if found[1]:
        return found[1] + names.get(found[2], found[2])
    return found[3] if found[3] is not None else EMOJI.get(found[4], found[0])


def _piece(text: str) -> Tuple[str, str]:
    if text.startswith("*"):
        return text.strip("*"), "bold"
    return (text.strip("`"), "cyan") if text.startswith("`") else (text, "")


def _block(block: Mapping[str, Any], names: Names) -> Text:
    kind = block["type"]
    if kind == "section":
        return mrkdwn(block["text"]["text"], names)
    if kind == "context":
        text = mrkdwn(" ".join(each.get("text", "") for each in block["elements"]), names)
        text.stylize("dim")
        return text
    if kind == "actions":
        return Text("  ").join(_button(each) for each in block["elements"])
    if kind == "rich_text":
        return Text("".join(_texts(block)), style="cyan")
    return Text("(%s)" % kind, style="dim")


def _button(element: Mapping[str, Any]) -> Text:
    style = _BUTTONS.get(str(element.get("style")), "bold")
    return Text("[ %s ]" % element["text"]["text"], style=style)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if value.get("type") == "text":
            yield str(value["text"])
        for inner in value.get("elements") or []:
            yield from _texts(inner)


def people(workspace: Any) -> Dict[str, str]:
    """ID → name of everybody."""
    return {each.id: each.real_name or each.name for each in workspace.users.values()}
