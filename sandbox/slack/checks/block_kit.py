"""PURE: what is wrong with blocks and views, in Slack's words with JSON pointers.

The kinds, required members and limits are those of @slack/types (npm, 2.x: block-kit/*.d.ts,
views.d.ts) and of slack_sdk's models; where the two differ, the wider one holds. What neither knows
is refused as an unsupported type. Lengths are UTF-16 code units.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, List, Mapping, Sequence, Tuple

Problems = Iterator[str]
Check = Callable[[Any, str], Problems]

MOST_IN_MESSAGE = 50
MOST_IN_VIEW = 100


def length(text: str) -> int:
    """How many UTF-16 code units a text has."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def problem(message: str, pointer: str) -> str:
    """One problem, as Slack writes it."""
    return "{} [json-pointer:{}]".format(message, pointer)


# What a member of a block can be. Each makes a check: (value, pointer) → problems.


def anything(value: Any, pointer: str) -> Problems:
    """Whatever it is."""
    return iter(())


def string(most: int = 0, least: int = 1) -> Check:
    """A text of `least` to `most` characters; 0: as many as one likes."""

    def check(value: Any, pointer: str) -> Problems:
        if not isinstance(value, str):
            yield problem("must be a string", pointer)
        elif length(value) < least:
            yield problem("must be more than {} characters".format(least - 1), pointer)
        elif most and length(value) > most:
            yield problem("must be less than {} characters".format(most + 1), pointer)

    return check


def text(most: int, *kinds: str) -> Check:
    """A text object of one of these kinds (all two, where none is named)."""
    return objects({kind: {"text!": string(most)} for kind in kinds or ("plain_text", "mrkdwn")})


def plain(most: int) -> Check:
    """A text object without markup."""
    return text(most, "plain_text")


def many(most: int, each: Check, least: int = 1) -> Check:
    """A list of `least` to `most` items; 0: as many as one likes."""

    def check(value: Any, pointer: str) -> Problems:
        if not isinstance(value, list):
            yield problem("must be an array", pointer)
            return
        if len(value) < least:
            yield problem("no less than {} items allowed".format(least), pointer)
        if most and len(value) > most:
            yield problem("no more than {} items allowed".format(most), pointer)
        for number, item in enumerate(value):
            yield from each(item, "{}/{}".format(pointer, number))

    return check


def members(kinds: Mapping[str, Check]) -> Check:
    """An object. `name!` is required; `one|other` says that one of these must be there."""

    def check(value: Any, pointer: str) -> Problems:
        if not isinstance(value, dict):
            yield problem("must be an object", pointer)
            return
        for name, kind in kinds.items():
            key = name.rstrip("!")
            if "|" in name:
                if not any(value.get(each) for each in name.split("|")):
                    yield problem("missing required field: " + name.replace("|", " or "), pointer)
            elif value.get(key) is not None:
                yield from kind(value[key], "{}/{}".format(pointer, key))
            elif name != key:
                yield problem("missing required field: " + key, pointer)

    return check


def objects(kinds: Mapping[str, Mapping[str, Check]]) -> Check:
    """An object whose `type` is one of these, with its members."""

    def check(value: Any, pointer: str) -> Problems:
        if not isinstance(value, dict):
            yield problem("must be an object", pointer)
        elif not isinstance(value.get("type"), str):
            yield problem("missing required field: type", pointer)
        elif value["type"] not in kinds:
            yield problem("unsupported type: " + value["type"], pointer + "/type")
        else:
            yield from members(kinds[value["type"]])(value, pointer)

    return check


def one_of(*values: str) -> Check:
    """One of these words."""

    def check(value: Any, pointer: str) -> Problems:
        if value not in values:
            yield problem("must be one of: " + ", ".join(values), pointer)

    return check


Members = Dict[str, Check]
OBJECT = members({})
STYLE = one_of("primary", "danger")
PICTURE: Members = {
    "alt_text!": string(2000),
    "image_url": string(3000),
    "slack_file": OBJECT,
    "image_url|slack_file": anything,
}
CONFIRM = members(
    {
        "title": plain(100),
        "text!": text(300),
        "confirm": plain(30),
        "deny": plain(30),
        "style": STYLE,
    }
)
USED: Members = {"action_id": string(255), "confirm": CONFIRM, "placeholder": plain(150)}


def option(label: Check) -> Check:
    """One choice."""
    return members({"text!": label, "value": string(150), "description": text(75)})


CHOICES = many(100, option(plain(75)))
GROUPS = many(100, members({"label!": plain(75), "options!": CHOICES}))
SELECT: Members = {
    **USED,
    "options": CHOICES,
    "option_groups": GROUPS,
    "options|option_groups": anything,
}
FEW: Members = {**USED, "options!": many(10, option(text(75)))}
BUTTON: Members = {
    **USED,
    "text!": plain(75),
    "value": string(2000, least=0),
    "url": string(3000),
    "style": STYLE,
    "accessibility_label": string(75),
}
FEEDBACK = members({"text!": plain(75), "value!": string(2000)})

PICKERS: Dict[str, Members] = {
    "checkboxes": FEW,
    "datepicker": USED,
    "datetimepicker": USED,
    "radio_buttons": FEW,
    "rich_text_input": USED,
    "timepicker": USED,
    **{
        prefix + kind: SELECT if kind.startswith("static") else USED
        for prefix in ("", "multi_")
        for kind in (
            "static_select",
            "external_select",
            "users_select",
            "conversations_select",
            "channels_select",
        )
    },
}
BUTTONS: Dict[str, Members] = {
    "button": BUTTON,
    "overflow": {**USED, "options!": many(5, option(plain(75)))},
    "workflow_button": {**BUTTON, "workflow!": OBJECT},
}
FIELDS: Dict[str, Members] = {
    "email_text_input": USED,
    "file_input": USED,
    "number_input": USED,
    "plain_text_input": USED,
    "url_text_input": USED,
}
IMAGE: Dict[str, Members] = {"image": PICTURE}
TEXTS: Dict[str, Members] = {kind: {"text!": string(3000)} for kind in ("plain_text", "mrkdwn")}
RICH: Dict[str, Members] = {
    "rich_text_" + kind: {"elements!": many(0, OBJECT, least=0)}
    for kind in ("section", "list", "quote", "preformatted")
}
RICH_TEXT: Members = {"elements!": many(0, objects(RICH))}
CELL = objects(
    {
        "rich_text": RICH_TEXT,
        "raw_text": {"text!": string()},
        "raw_number": {"value!": anything},
    }
)
CARD: Members = {
    "title": text(150),
    "subtitle": text(150),
    "body": text(200),
    "hero_image": OBJECT,
    "actions": many(0, objects(BUTTONS)),
    "hero_image|title|actions|body": anything,
}
BLOCKS: Dict[str, Members] = {
    "actions": {"elements!": many(25, objects({**PICKERS, **BUTTONS, **FIELDS}))},
    "alert": {"text!": text(3000)},
    "auth_provider": {"name!": plain(75)},
    "call": {"call_id!": string()},
    "card": CARD,
    "carousel": {"elements!": many(10, objects({"card": CARD}))},
    "context": {"elements!": many(10, objects({**IMAGE, **TEXTS}))},
    "context_actions": {
        "elements!": many(
            5,
            objects(
                {
                    "feedback_buttons": {
                        **USED,
                        "positive_button!": FEEDBACK,
                        "negative_button!": FEEDBACK,
                    },
                    "icon_button": {**USED, "icon!": string(), "text!": plain(75)},
                }
            ),
        )
    },
    "data_table": {"caption!": string(), "rows!": many(0, many(0, CELL))},
    "divider": {},
    "file": {"external_id!": string(), "source!": string()},
    "header": {"text!": plain(150)},
    "image": {**PICTURE, "title": plain(2000)},
    "input": {
        "label!": plain(2000),
        "hint": plain(2000),
        "element!": objects({**PICKERS, **FIELDS}),
    },
    "markdown": {"text!": string(12000)},
    "plan": {"title!": anything},
    "rich_text": RICH_TEXT,
    "section": {
        "text": text(3000),
        "fields": many(10, text(2000)),
        "text|fields": anything,
        "accessory": objects({**PICKERS, **BUTTONS, **IMAGE}),
    },
    "table": {"rows!": many(100, many(20, CELL))},
    "task_card": {"task_id!": string(), "title!": anything},
    "video": {
        "alt_text!": string(),
        "title!": plain(200),
        "video_url!": string(),
        "thumbnail_url!": string(),
        "author_name": string(50),
    },
}
for _members in BLOCKS.values():
    _members["block_id"] = string(255)
BLOCKS["container"] = {
    "block_id": string(255),
    "title": plain(150),
    "subtitle": text(150),
    "title|rich_text_title": anything,
    "child_blocks!": many(10, objects(BLOCKS)),
}
BLOCK = objects(BLOCKS)
VIEW: Members = {
    "blocks!": many(MOST_IN_VIEW, BLOCK, least=0),
    "private_metadata": string(3000, least=0),
    "callback_id": string(255, least=0),
    "external_id": string(255, least=0),
}
MODAL: Members = {**VIEW, "title!": plain(24), "submit": plain(24), "close": plain(24)}


def of_message(blocks: Sequence[Any], pointer: str = "/blocks") -> List[str]:
    """What is wrong with the blocks of a message."""
    return list(many(MOST_IN_MESSAGE, BLOCK, least=0)(blocks, pointer))


def of_view(view: Mapping[str, Any], pointer: str = "/view") -> List[str]:
    """What is wrong with a view of type `modal` or `home`."""
    modal = view.get("type") == "modal"
    found = list(members(MODAL if modal else VIEW)(view, pointer))
    unknown: Tuple[str, ...] = () if modal else ("submit", "close")
    found += [
        problem("additional property: " + name, pointer) for name in unknown if view.get(name)
    ]
    if not found and modal and not view.get("submit") and _has_input(view["blocks"]):
        found.append(problem("missing required field: submit", pointer))
    return found


def _has_input(blocks: Sequence[Mapping[str, Any]]) -> bool:
    return any(block["type"] == "input" for block in blocks)
