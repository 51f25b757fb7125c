"""PURE: values to the types of their parameters, as StackStorm does it twice.

`from_text` is what the st2 command makes of the text behind `name=`; `coerce` is what the API (for
rules and workflows too) makes of any JSON value. Both raise CoercionError with what was expected.
Where StackStorm answers with an error of Python's ("malformed node or string on line 1: …"), or
with a status 500, these say in words what is wrong; what is taken and refused is the same, but
for `nan` and `inf`, which StackStorm takes and cannot send on.
"""

from __future__ import annotations

import ast
import json
import math
from typing import Any, Callable, Dict, NoReturn

from sandbox.stackstorm.schema import excerpt, expected, kind_of

# How a template writes null into text (NONE_MAGIC_VALUE of StackStorm).
NONE = "%*****__%NONE%__*****%"
_LITERAL_ERRORS = (ValueError, SyntaxError, TypeError, MemoryError, RecursionError)
_INTEGERS = range(-(2**63), 2**63)  # what the database can keep


class CoercionError(ValueError):
    """`expectation` is what was expected, the text also shows the value: not for secret ones."""

    def __init__(self, expectation: str, value: Any) -> None:
        self.expectation = expectation
        self.kind = kind_of(value)
        super().__init__(f"{expectation}, not {excerpt(value)}")


class Template(CoercionError):
    """Text that StackStorm would render as a template."""

    def __init__(self, value: Any) -> None:
        super().__init__(
            "must hold no template ({{ … }} or {% … %}), which only StackStorm renders; "
            "text that is to stay stands between {% raw %} and {% endraw %}",
            value,
        )


def from_text(kind: str, text: str) -> Any:
    """The value of a `name=text` word."""
    return _FROM_TEXT[kind](text)


def coerce(kind: str, value: Any) -> Any:
    """A JSON value as the type wants it. None stays None; the schema is not looked at."""
    return None if value is None else _COERCIONS[kind](value)


def _word_boolean(text: str) -> Any:
    try:
        return ast.literal_eval(text.capitalize())
    except _LITERAL_ERRORS:
        raise CoercionError("must be true or false", text) from None


def _word_integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise CoercionError("must be an integer", text) from None


def _word_number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise CoercionError("must be a number", text) from None


def _word_array(text: str) -> Any:
    """A lone integer, JSON, else pieces between commas."""
    try:
        return [int(text)]
    except ValueError:
        pass
    try:
        value = json.loads(text)
    except ValueError:
        return [piece.strip() for piece in text.split(",")]
    if value is None or isinstance(value, (bool, float)):
        raise CoercionError("must be JSON ([…]) or pieces between commas", value)
    return value


def _word_object(text: str) -> Any:
    """JSON if it begins with a brace, else key=value between commas; other pieces are dropped."""
    if not text.startswith("{"):
        return dict(pair.split("=", 1) for pair in text.split(",") if "=" in pair)
    try:
        return json.loads(text)
    except ValueError as error:
        raise CoercionError(f"must be JSON ({_why(error)}) or key=value,key=value", text) from None


def _cast_string(value: Any) -> Any:
    if not isinstance(value, str):
        raise CoercionError("must be a string", value)
    return None if value == NONE else value


def _cast_integer(value: Any) -> int:
    try:
        number = int(value)
    except (ValueError, TypeError, OverflowError):
        raise CoercionError("must be an integer", value) from None
    if number not in _INTEGERS:
        raise CoercionError("must be an integer of at most 8 bytes", value)
    return number


def _cast_number(value: Any) -> float:
    try:
        number = float(value)
    except (ValueError, TypeError, OverflowError):
        raise CoercionError("must be a number", value) from None
    if not math.isfinite(number):
        raise CoercionError("must be a finite number", value)
    return number


def _cast_boolean(value: Any) -> Any:
    if value == NONE:
        return None
    return _word_boolean(value) if isinstance(value, str) else value


def _cast_json(kind: str) -> Callable[[Any], Any]:
    """For text: JSON, else a Python literal."""

    def cast_json(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if value == NONE:
            return None
        try:
            return json.loads(value, parse_constant=_refuse)
        except ValueError as error:
            why = _why(error)
        try:
            return json.loads(json.dumps(ast.literal_eval(value)))  # a tuple becomes a list
        except _LITERAL_ERRORS:
            raise CoercionError(f"must be {expected(kind)} or JSON of one ({why})", value) from None

    return cast_json


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _why(error: ValueError) -> str:
    """Where JSON broke, without the text itself."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at line {error.lineno}, column {error.colno}"
    return str(error)


_FROM_TEXT: Dict[str, Callable[[str], Any]] = {
    "array": _word_array,
    "boolean": _word_boolean,
    "integer": _word_integer,
    "number": _word_number,
    "object": _word_object,
    "string": str,
}
_COERCIONS: Dict[str, Callable[[Any], Any]] = {
    "array": _cast_json("array"),
    "boolean": _cast_boolean,
    "integer": _cast_integer,
    "number": _cast_number,
    "object": _cast_json("object"),
    "string": _cast_string,
}
