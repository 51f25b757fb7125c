"""PURE: StackStorm's dialect of JSON schema, and its refusals in words that name the place.

Draft 4, except that `required: true` stands inside the property (as in draft 3), and that an
optional property, or one whose default is null, may be null. An `enum` is not widened so:
null for an optional parameter with an enum is refused, as StackStorm refuses it.
"""

from __future__ import annotations

import copy
import json
from typing import Any, Dict, Iterable, Iterator, List, Sequence

import jsonschema
from jsonschema import Draft4Validator

from sandbox.stackstorm.validation_errors import ValidationError

Schema = Dict[str, Any]

_NAMES = {
    "array": "an array",
    "boolean": "true or false",
    "integer": "an integer",
    "null": "null",
    "number": "a number",
    "object": "an object",
    "string": "a string",
}
_KINDS = {
    bool: "a boolean",
    dict: "an object",
    float: "a number",
    int: "an integer",
    list: "an array",
    str: "a string",
    type(None): "null",
}
_SHOWN = 60


def violations(
    value: Dict[str, Any], properties: Schema, extra: bool = False
) -> List[ValidationError]:
    """Everything that is wrong with an object of these properties; `extra`: others allowed."""
    schema = nullable({"type": "object", "properties": properties, "additionalProperties": extra})
    errors = _VALIDATOR(schema).iter_errors(value)
    return [found for error in errors for found in _errors(error, properties)]


def with_defaults(value: Any, schema: Schema) -> Any:
    """A copy in which absent or null properties have their defaults, nested ones too."""
    if isinstance(value, dict):
        filled = dict(value)
        for name, inner in schema.get("properties", {}).items():
            if filled.get(name) is None and "default" in inner:
                filled[name] = copy.deepcopy(inner["default"])
            if filled.get(name) is not None:
                filled[name] = with_defaults(filled[name], inner)
        return filled
    items = schema.get("items")
    if isinstance(value, list) and isinstance(items, dict):
        return [with_defaults(item, items) for item in value]
    return value


def nullable(schema: Schema) -> Schema:
    """A copy in which null is allowed where StackStorm takes it for "not given"."""
    changed = dict(schema)
    if isinstance(schema.get("items"), dict):
        changed["items"] = nullable(schema["items"])
    if "properties" in schema:
        changed["properties"] = {
            name: _or_null(nullable(inner)) for name, inner in schema["properties"].items()
        }
    return changed


def _or_null(schema: Schema) -> Schema:
    may_be_absent = not schema.get("required") or "default" in schema
    kind = schema.get("type", "string")
    if not may_be_absent or schema.get("default") is not None or not isinstance(kind, str):
        return schema
    return {**schema, "type": [kind, "null"]}


def kind_of(value: Any) -> str:
    """What a value is, in the words of JSON."""
    return _KINDS.get(type(value), f"a {type(value).__name__}")


def excerpt(value: Any) -> str:
    """A value for a message: as JSON, not too long."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def expected(kind: str) -> str:
    """The name of a type after "must be"."""
    return _NAMES.get(kind, kind)


def is_secret(path: Sequence[Any], properties: Schema) -> bool:
    """Whether a value at this path, or anything around it, is marked secret."""
    schema: Schema = {"properties": properties}
    for step in path:
        items = schema.get("items", {})
        inner = items if isinstance(step, int) else schema.get("properties", {}).get(step)
        schema = inner if isinstance(inner, dict) else {}
        if schema.get("secret"):
            return True
    return False


def _errors(error: Any, properties: Schema) -> Iterator[ValidationError]:
    path = list(error.absolute_path)
    hidden = is_secret(path, properties)
    name = _dotted(path)
    if error.validator == "required":
        yield ValidationError(name, "is required")
    elif error.validator == "additionalProperties":
        for key in [k for k in error.instance if k not in error.schema.get("properties", {})]:
            yield ValidationError(_dotted(path + [key]), "is not known")
    else:
        yield ValidationError(name, _text(error, hidden))


def _text(error: Any, hidden: bool) -> str:
    value = "" if hidden else f": {excerpt(error.instance)}"
    if error.validator == "type":
        kinds = error.validator_value
        kinds_not_null = [k for k in ([kinds] if isinstance(kinds, str) else kinds) if k != "null"]
        names = " or ".join(expected(kind) for kind in kinds_not_null)
        return f"must be {names}, not {kind_of(error.instance)}{value}"
    if error.validator == "enum":
        choices = ", ".join(excerpt(choice) for choice in error.validator_value)
        return f"must be one of {choices}" + ("" if hidden else f", not {excerpt(error.instance)}")
    if hidden:
        return f"does not satisfy {error.validator} {excerpt(error.validator_value)}"
    return str(error.message)


def _dotted(path: Iterable[Any]) -> str:
    """["blocks", 0, "type"] → "blocks[0].type"."""
    steps = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in path]
    return "".join(steps).lstrip(".")


def _properties(validator: Any, properties: Schema, instance: Any, schema: Schema) -> Iterator[Any]:
    """Draft 3's keyword: `required: true` inside the property."""
    for name, inner in properties.items() if isinstance(instance, dict) else ():
        if name in instance:
            yield from validator.descend(instance[name], inner, path=name, schema_path=name)
        elif inner.get("required"):
            yield jsonschema.ValidationError("is required", validator="required", path=[name])


def _nothing(validator: Any, value: Any, instance: Any, schema: Schema) -> Iterator[Any]:
    """Draft 4's list of required names: no keyword to StackStorm."""
    return iter(())


_extend: Any = jsonschema.validators.extend  # untyped in some of its releases
_VALIDATOR = _extend(Draft4Validator, {"properties": _properties, "required": _nothing})
