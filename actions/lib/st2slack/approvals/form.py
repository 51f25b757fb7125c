"""PURE: what people type: inputs from an inquiry's schema, and what they typed as its answer.

A schema is StackStorm's: JSON Schema of an object whose properties say `required` themselves.
Inputs are in a modal, or in a message if the modal came too late.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from typing import List, Mapping, Tuple

from st2slack.base.errors import InputError
from st2slack.base.json_access import (
    JsonObject,
    as_object,
    find_object,
    get_list,
    get_object,
    get_objects,
    get_text,
)
from st2slack.base.templates import find_template
from st2slack.base.text_length import text_length

MAX_FIELDS = 40
MAX_TEXT_LENGTH = 3000  # characters that an input of Slack's takes
MAX_OPTION_LENGTH = 75  # units (text_length.py)
MAX_OPTIONS = 100
MASK = "********"
INPUT = "st2_input"  # action_id of every input; its block_id is PREFIX + the field's key
PREFIX = "st2_field:"


class FieldKind(str, Enum):
    """What a field takes: CHOICE one of its options, CHOICES any of them."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    CHOICES = "choices"
    JSON = "json"


_KINDS = {
    "string": FieldKind.TEXT,
    "integer": FieldKind.INTEGER,
    "number": FieldKind.NUMBER,
    "boolean": FieldKind.BOOLEAN,
}


@dataclass(frozen=True)
class Field:
    """One value. `key`: of the property; `hint`: below the input; `long`: several lines."""

    key: str
    label: str
    kind: FieldKind = FieldKind.TEXT
    required: bool = False
    options: Tuple[str, ...] = ()
    hint: str = ""
    secret: bool = False
    long: bool = False


def fields_from_schema(schema: object) -> Tuple[Field, ...]:
    """The fields of a schema. Raises InputError for one that has none, or too many."""
    properties = get_object(as_object(schema), "properties")
    if not properties:
        raise InputError(
            "The inquiry's `schema` has no properties, so there is nothing to answer in Slack."
        )
    if len(properties) > MAX_FIELDS:
        raise InputError("The inquiry's `schema` has more than %d properties." % MAX_FIELDS)
    required = get_list(as_object(schema), "required")
    return tuple(
        _field(str(key), as_object(each), key in required) for key, each in properties.items()
    )


def _field(key: str, schema: JsonObject, is_listed: bool) -> Field:
    kind, options = _kind(schema)
    return Field(
        key=key,
        label=key,
        kind=kind,
        required=is_listed or schema.get("required") is True,
        options=options,
        hint=str(schema.get("description") or ""),
        secret=schema.get("secret") is True,
    )


def _kind(schema: JsonObject) -> Tuple[FieldKind, Tuple[str, ...]]:
    options = _options(get_list(schema, "enum"))
    if options:
        return FieldKind.CHOICE, options
    kind = schema.get("type")
    if kind == "array":
        options = _options(get_list(get_object(schema, "items"), "enum"))
        return (FieldKind.CHOICES, options) if options else (FieldKind.JSON, ())
    return _KINDS.get(str(kind), FieldKind.JSON), ()


def _options(values: List[object]) -> Tuple[str, ...]:
    """Texts to choose from; () if they do not fit into a menu of Slack's."""
    options = [each for each in values if isinstance(each, str)]
    fits = all(0 < text_length(each) <= MAX_OPTION_LENGTH for each in options)
    is_menu = len(options) == len(values) and 0 < len(options) <= MAX_OPTIONS
    return tuple(options) if is_menu and fits else ()


def read_input(fields: Tuple[Field, ...], values: object) -> JsonObject:
    """What a person entered, field by field. `values`: Slack's `state.values`.

    Raises InputError, naming the field, for a value that is not allowed or missing.
    """
    answer: JsonObject = {}
    for each in fields:
        value = _read_value(each, _element(as_object(values), each.key))
        if value is not None:
            answer[each.key] = value
        elif each.required:
            raise InputError("%s is required." % each.label)
    return answer


def response_from_button(fields: Tuple[Field, ...], value: str) -> JsonObject:
    """The answer that one button gives to a schema of one field."""
    field = fields[0]
    return {field.key: value == "true" if field.kind is FieldKind.BOOLEAN else value}


def mask_secrets(fields: Tuple[Field, ...], answer: Mapping[str, object]) -> JsonObject:
    """An answer that is safe to show: what the schema calls secret is masked."""
    secret = {each.key for each in fields if each.secret}
    return {key: MASK if key in secret else value for key, value in answer.items()}


def _element(values: JsonObject, key: str) -> JsonObject:
    return get_object(get_object(values, PREFIX + key), INPUT)


def _read_value(field: Field, element: JsonObject) -> object:
    if field.kind is FieldKind.CHOICES:
        chosen = [str(each.get("value")) for each in get_objects(element, "selected_options")]
        return _check_options(field, chosen) or None
    if field.kind in (FieldKind.BOOLEAN, FieldKind.CHOICE):
        option = find_object(element, "selected_option") or {}
        value = option.get("value")
        if value is None or field.kind is FieldKind.BOOLEAN:
            return None if value is None else value == "true"
        return _check_options(field, [str(value)])[0]
    text = get_text(element, "value")
    return _parse_text(field, text) if text.strip() else None


def _check_options(field: Field, chosen: List[str]) -> List[str]:
    if not set(chosen) <= set(field.options):
        raise InputError("%s does not have the chosen option." % field.label)
    return chosen


def _parse_text(field: Field, text: str) -> object:
    value: object = text if field.kind is FieldKind.TEXT else _parse_json(text)
    # As the workflow gets it: JSON can hide a template that only parsing shows.
    template = find_template(value)
    if template:
        raise InputError(
            "%s must not contain %s: StackStorm could render it as a template that reads its "
            "datastore, wherever the workflow uses it." % (field.label, template)
        )
    if field.kind is FieldKind.TEXT:
        return text
    if field.kind is FieldKind.JSON:
        if value is None:
            raise InputError("%s must be JSON." % field.label)
        return value
    return _check_number(field, value)


def _check_number(field: Field, value: object) -> object:
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    if field.kind is FieldKind.INTEGER and not is_whole:
        raise InputError("%s must be a whole number." % field.label)
    if not is_whole and not isinstance(value, float):
        raise InputError("%s must be a number." % field.label)
    return value


def _parse_json(text: str) -> object:
    """What the JSON says; None for what is no JSON, NaN and Infinity among it."""
    try:
        parsed: object = json.loads(text, parse_constant=lambda name: None)
    except (ValueError, RecursionError):
        return None
    return parsed
