"""PURE: the interactive elements of a message or a modal, and what acting on one says.

The browser tells which element was used and what was chosen, by value; everything else is taken
from the blocks as the app sent them.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, List, Mapping, Tuple

from sandbox.slack.state.workspace import Json

# Elements that hold no value of their own; an overflow menu tells one only when it is used.
STATELESS = ("button", "workflow_button", "overflow")
Given = Mapping[str, Mapping[str, Any]]  # block_id → action_id → what was chosen or typed


class BadRequest(ValueError):
    """What cannot be done, in words for the person at the page."""


def blocks_of(container: Json) -> List[Json]:
    """All blocks of a message or view, those of its attachments too."""
    found = list(container.get("blocks") or [])
    for attachment in container.get("attachments") or []:
        found += attachment.get("blocks") or []
    return [block for block in found if isinstance(block, dict)]


def elements(blocks: List[Json]) -> Iterator[Tuple[Json, Json]]:
    """(block, element) for each interactive element."""
    for block in blocks:
        inner = block.get("elements") if block.get("type") == "actions" else None
        for element in [block.get("accessory"), block.get("element"), *(inner or [])]:
            if isinstance(element, dict) and element.get("action_id"):
                yield block, element


def find(container: Json, block_id: str, action_id: str) -> Tuple[Json, Json]:
    """The block and the element of these IDs."""
    for block, element in elements(blocks_of(container)):
        if block.get("block_id") == block_id and element.get("action_id") == action_id:
            return block, element
    raise BadRequest("That is not there any more.")


def action(block: Json, element: Json, values: Any, ts: str) -> Json:
    """The item of `actions` that tells of a press or a choice."""
    text = ("text", "value", "style", "placeholder")
    return {
        "type": element["type"],
        "action_id": element["action_id"],
        "block_id": block["block_id"],
        **{key: element[key] for key in text if key in element},
        **({} if element["type"] in ("button", "workflow_button") else chosen(element, values)),
        "action_ts": ts,
    }


def state(container: Json, values: Given) -> Json:
    """`state` of an interaction: the value of every element that has one."""
    state_values: Dict[str, Json] = {}
    for block, element in elements(blocks_of(container)):
        if element.get("type") in STATELESS:
            continue
        block_id, action_id = block["block_id"], element["action_id"]
        of_block = values.get(block_id) or {}
        value = chosen(element, of_block[action_id]) if action_id in of_block else initial(element)
        state_values.setdefault(block_id, {})[action_id] = {"type": element["type"], **value}
    return {"values": state_values}


# --- what was chosen ------------------------------------------------------------------------------


def options(element: Json) -> List[Json]:
    """All options, those in groups too."""
    groups = [element, *(element.get("option_groups") or [])]
    found = [each for group in groups if isinstance(group, dict) for each in _flatten(group)]
    return [each for each in found if isinstance(each, dict)]


def _flatten(group: Json) -> List[Any]:
    return list(group.get("options") or [])


def _option(element: Json, value: Any) -> Any:
    if value in (None, ""):
        return None
    for option in options(element):
        if option.get("value") == value:
            return option
    raise BadRequest("There is no such option.")


def _options(element: Json, value: Any) -> List[Any]:
    value_wanted = value if isinstance(value, list) else []
    return [_option(element, each) for each in value_wanted]


def _as_it_is(element: Json, value: Any) -> Any:
    return value if value and isinstance(value, str) else None


def _several(element: Json, value: Any) -> List[Any]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


# Type of element → (key of its value, how the value is made, key of what it begins with).
KINDS: Dict[str, Tuple[str, Callable[[Json, Any], Any], str]] = {
    "static_select": ("selected_option", _option, "initial_option"),
    "overflow": ("selected_option", _option, ""),
    "radio_buttons": ("selected_option", _option, "initial_option"),
    "multi_static_select": ("selected_options", _options, "initial_options"),
    "checkboxes": ("selected_options", _options, "initial_options"),
    "users_select": ("selected_user", _as_it_is, "initial_user"),
    "multi_users_select": ("selected_users", _several, "initial_users"),
    "conversations_select": ("selected_conversation", _as_it_is, "initial_conversation"),
    "multi_conversations_select": (
        "selected_conversations",
        _several,
        "initial_conversations",
    ),
    "channels_select": ("selected_channel", _as_it_is, "initial_channel"),
    "multi_channels_select": ("selected_channels", _several, "initial_channels"),
    "datepicker": ("selected_date", _as_it_is, "initial_date"),
    "timepicker": ("selected_time", _as_it_is, "initial_time"),
    "plain_text_input": ("value", _as_it_is, "initial_value"),
    "number_input": ("value", _as_it_is, "initial_value"),
    "email_text_input": ("value", _as_it_is, "initial_value"),
    "url_text_input": ("value", _as_it_is, "initial_value"),
}


def chosen(element: Json, values: Any) -> Json:
    """The member that tells what was chosen or typed, e.g. {"selected_option": …}."""
    kind = KINDS.get(element["type"])
    if kind is None:
        raise BadRequest("The page cannot use an element of the type {}.".format(element["type"]))
    key, make, _ = kind
    return {key: make(element, values)}


def initial(element: Json) -> Json:
    """The same, where nobody has touched it."""
    key, make, begin = KINDS.get(element.get("type", ""), ("value", _as_it_is, "initial_value"))
    empty: Any = [] if key.endswith("s") else None
    return {key: element.get(begin, empty) if begin else empty}


# --- what a modal wants ---------------------------------------------------------------------------


def complaints(view: Json, values: Mapping[str, Mapping[str, Json]]) -> Dict[str, str]:
    """block_id → what is wrong with its input, before an app is asked."""
    found: Dict[str, str] = {}
    for block, element in elements(blocks_of(view)):
        if block.get("type") != "input" or element.get("type") not in KINDS:
            continue
        key = KINDS[element["type"]][0]
        value = values[block["block_id"]][element["action_id"]].get(key)
        wrong = _complaint(block, element, value)
        if wrong:
            found[block["block_id"]] = wrong
    return found


def _complaint(block: Json, element: Json, value: Any) -> str:
    if value in (None, "", []):
        return "" if block.get("optional") else "This has to be filled in."
    if element.get("type") == "number_input":
        return _of_number(element, str(value))
    if isinstance(value, str) and element.get("type") == "plain_text_input":
        return _of_length(element, len(value))
    return ""


def _of_length(element: Json, length: int) -> str:
    least, most = element.get("min_length"), element.get("max_length")
    if least is not None and length < least:
        return "At least {} characters.".format(least)
    if most is not None and length > most:
        return "At most {} characters; there are {}.".format(most, length)
    return ""


def _of_number(element: Json, text: str) -> str:
    try:
        number = float(text) if element.get("is_decimal_allowed") else int(text)
    except ValueError:
        return "A number." if element.get("is_decimal_allowed") else "A whole number."
    least, most = element.get("min_value"), element.get("max_value")
    if least not in (None, "") and number < float(str(least)):
        return "At least {}.".format(least)
    if most not in (None, "") and number > float(str(most)):
        return "At most {}.".format(most)
    return ""
