"""PURE: what people type: inputs from an inquiry's schema, and what they typed as its answer.

A schema is StackStorm's: JSON Schema of an object whose properties say `required` themselves.
Inputs stand in a modal, or in a message where a modal came too late.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Tuple

from st2slack.base.errors import InputError
from st2slack.base.templates import find_template
from st2slack.base.text_length import text_length

MOST_FIELDS = 40
LONGEST_TEXT = 3000  # characters that an input of Slack's takes
LONGEST_OPTION = 75  # units (text_length.py)
MOST_OPTIONS = 100
MASK = "********"
INPUT = "st2_input"  # action_id of every input; its block_id is PREFIX + the field's key
PREFIX = "st2_field:"


@dataclass(frozen=True)
class Field:
    """One value. `kind`: text, integer, number, boolean, choice, choices or json."""

    key: str
    label: str
    kind: str = "text"
    required: bool = False
    options: Tuple[str, ...] = ()
    hint: str = ""
    secret: bool = False
    long: bool = False


def fields_of(schema: Any) -> Tuple[Field, ...]:
    """The fields of a schema. Raises InputError for one that has none, or too many."""
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    if not isinstance(properties, Mapping) or not properties:
        raise InputError(
            "The inquiry's `schema` has no properties, so there is nothing to answer in Slack."
        )
    if len(properties) > MOST_FIELDS:
        raise InputError("The inquiry's `schema` has more than %d properties." % MOST_FIELDS)
    listed = schema.get("required")
    names = listed if isinstance(listed, list) else []
    return tuple(_field(str(key), each, key in names) for key, each in properties.items())


def _field(key: str, schema: Any, listed: bool) -> Field:
    told = schema if isinstance(schema, Mapping) else {}
    kind, options = _kind(told)
    return Field(
        key=key,
        label=key,
        kind=kind,
        required=listed or told.get("required") is True,
        options=options,
        hint=str(told.get("description") or ""),
        secret=told.get("secret") is True,
    )


def _kind(schema: Mapping[str, Any]) -> Tuple[str, Tuple[str, ...]]:
    options = _options(schema.get("enum"))
    if options:
        return "choice", options
    kind = schema.get("type")
    if kind == "array":
        items = schema.get("items")
        options = _options(items.get("enum")) if isinstance(items, Mapping) else ()
        return ("choices", options) if options else ("json", ())
    known = {"string": "text", "integer": "integer", "number": "number", "boolean": "boolean"}
    return known.get(str(kind), "json"), ()


def _options(values: Any) -> Tuple[str, ...]:
    """Texts to choose from; () where they do not fit into a menu of Slack's."""
    if not isinstance(values, list) or not 0 < len(values) <= MOST_OPTIONS:
        return ()
    if not all(
        isinstance(each, str) and 0 < text_length(each) <= LONGEST_OPTION for each in values
    ):
        return ()
    return tuple(values)


def typed(fields: Tuple[Field, ...], values: Any) -> Dict[str, Any]:
    """What was put in, field by field. `values`: Slack's `state.values`.

    Raises InputError, naming the field, for what it cannot be, and for what is missing.
    """
    found: Dict[str, Any] = {}
    for each in fields:
        value = _value(each, _element(values, each.key))
        if value is not None:
            found[each.key] = value
        elif each.required:
            raise InputError("%s is needed." % each.label)
    return found


def from_button(fields: Tuple[Field, ...], value: str) -> Dict[str, Any]:
    """The answer that one button gives to a schema of one field."""
    asked = fields[0]
    return {asked.key: value == "true" if asked.kind == "boolean" else value}


def masked(fields: Tuple[Field, ...], answer: Mapping[str, Any]) -> Dict[str, Any]:
    """An answer as it may be shown: as StackStorm masks what its schema calls secret."""
    secret = {each.key for each in fields if each.secret}
    return {key: MASK if key in secret else value for key, value in answer.items()}


def _element(values: Any, key: str) -> Mapping[str, Any]:
    block = values.get(PREFIX + key) if isinstance(values, Mapping) else None
    element = block.get(INPUT) if isinstance(block, Mapping) else None
    return element if isinstance(element, Mapping) else {}


def _value(asked: Field, element: Mapping[str, Any]) -> Any:
    if asked.kind == "choices":
        chosen = [str(each.get("value")) for each in element.get("selected_options") or ()]
        return _known(asked, chosen) or None
    option = element.get("selected_option")
    if asked.kind in ("boolean", "choice"):
        value = option.get("value") if isinstance(option, Mapping) else None
        if value is None:
            return None
        return value == "true" if asked.kind == "boolean" else _known(asked, [str(value)])[0]
    text = element.get("value")
    if not isinstance(text, str) or not text.strip():
        return None
    return _read(asked, text)


def _known(asked: Field, chosen: List[str]) -> List[str]:
    strange = [each for each in chosen if each not in asked.options]
    if strange:
        raise InputError("%s does not have the option that was chosen." % asked.label)
    return chosen


def _read(asked: Field, text: str) -> Any:
    value = text if asked.kind == "text" else _json(text)
    # As the workflow gets it: JSON may spell a template in a way that only decoding shows.
    why = find_template(value)
    if why:
        raise InputError(
            "%s must not hold %s: StackStorm could read it as a template, with its datastore at "
            "hand, wherever the workflow hands it on." % (asked.label, why)
        )
    if asked.kind == "text":
        return text
    if asked.kind == "json":
        if value is None:
            raise InputError("%s must be JSON." % asked.label)
        return value
    whole = isinstance(value, int) and not isinstance(value, bool)
    if asked.kind == "integer" and not whole:
        raise InputError("%s must be a whole number." % asked.label)
    if not whole and not isinstance(value, float):
        raise InputError("%s must be a number." % asked.label)
    return value


def _json(text: str) -> Optional[Any]:
    try:
        return json.loads(text, parse_constant=lambda name: None)
    except (ValueError, RecursionError):
        return None
