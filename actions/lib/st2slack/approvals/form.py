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

MAX_FIELDS = 40
MAX_TEXT_LENGTH = 3000  # characters that an input of Slack's takes
MAX_OPTION_LENGTH = 75  # units (text_length.py)
MAX_OPTIONS = 100
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


def fields_from_schema(schema: Any) -> Tuple[Field, ...]:
    """The fields of a schema. Raises InputError for one that has none, or too many."""
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    if not isinstance(properties, Mapping) or not properties:
        raise InputError(
            "The inquiry's `schema` has no properties, so there is nothing to answer in Slack."
        )
    if len(properties) > MAX_FIELDS:
        raise InputError("The inquiry's `schema` has more than %d properties." % MAX_FIELDS)
    listed = schema.get("required")
    names = listed if isinstance(listed, list) else []
    return tuple(_field(str(key), each, key in names) for key, each in properties.items())


def _field(key: str, schema: Any, listed: bool) -> Field:
    schema = schema if isinstance(schema, Mapping) else {}
    kind, options = _kind(schema)
    return Field(
        key=key,
        label=key,
        kind=kind,
        required=listed or schema.get("required") is True,
        options=options,
        hint=str(schema.get("description") or ""),
        secret=schema.get("secret") is True,
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
    if not isinstance(values, list) or not 0 < len(values) <= MAX_OPTIONS:
        return ()
    if not all(
        isinstance(each, str) and 0 < text_length(each) <= MAX_OPTION_LENGTH for each in values
    ):
        return ()
    return tuple(values)


def read_input(fields: Tuple[Field, ...], values: Any) -> Dict[str, Any]:
    """What was put in, field by field. `values`: Slack's `state.values`.

    Raises InputError, naming the field, for what it cannot be, and for what is missing.
    """
    found: Dict[str, Any] = {}
    for each in fields:
        value = _read_value(each, _element(values, each.key))
        if value is not None:
            found[each.key] = value
        elif each.required:
            raise InputError("%s is needed." % each.label)
    return found


def response_from_button(fields: Tuple[Field, ...], value: str) -> Dict[str, Any]:
    """The answer that one button gives to a schema of one field."""
    field = fields[0]
    return {field.key: value == "true" if field.kind == "boolean" else value}


def mask_secrets(fields: Tuple[Field, ...], answer: Mapping[str, Any]) -> Dict[str, Any]:
    """An answer as it may be shown: as StackStorm masks what its schema calls secret."""
    secret = {each.key for each in fields if each.secret}
    return {key: MASK if key in secret else value for key, value in answer.items()}


def _element(values: Any, key: str) -> Mapping[str, Any]:
    block = values.get(PREFIX + key) if isinstance(values, Mapping) else None
    element = block.get(INPUT) if isinstance(block, Mapping) else None
    return element if isinstance(element, Mapping) else {}


def _read_value(field: Field, element: Mapping[str, Any]) -> Any:
    if field.kind == "choices":
        chosen = [str(each.get("value")) for each in element.get("selected_options") or ()]
        return _check_options(field, chosen) or None
    option = element.get("selected_option")
    if field.kind in ("boolean", "choice"):
        value = option.get("value") if isinstance(option, Mapping) else None
        if value is None:
            return None
        return (
            value == "true" if field.kind == "boolean" else _check_options(field, [str(value)])[0]
        )
    text = element.get("value")
    if not isinstance(text, str) or not text.strip():
        return None
    return _parse_text(field, text)


def _check_options(field: Field, chosen: List[str]) -> List[str]:
    unknown = [each for each in chosen if each not in field.options]
    if unknown:
        raise InputError("%s does not have the option that was chosen." % field.label)
    return chosen


def _parse_text(field: Field, text: str) -> Any:
    value = text if field.kind == "text" else _json(text)
    # As the workflow gets it: JSON may spell a template in a way that only decoding shows.
    why = find_template(value)
    if why:
        raise InputError(
            "%s must not hold %s: StackStorm could read it as a template, with its datastore at "
            "hand, wherever the workflow hands it on." % (field.label, why)
        )
    if field.kind == "text":
        return text
    if field.kind == "json":
        if value is None:
            raise InputError("%s must be JSON." % field.label)
        return value
    whole = isinstance(value, int) and not isinstance(value, bool)
    if field.kind == "integer" and not whole:
        raise InputError("%s must be a whole number." % field.label)
    if not whole and not isinstance(value, float):
        raise InputError("%s must be a number." % field.label)
    return value


def _json(text: str) -> Optional[Any]:
    try:
        return json.loads(text, parse_constant=lambda name: None)
    except (ValueError, RecursionError):
        return None
