"""PURE: values → the form that Slack reads. No I/O.

Slack takes every argument as form text; structured ones as JSON text in it. None means "not given"
(StackStorm hands every omitted parameter as None) and is dropped; an empty text is a value.
"""

from __future__ import annotations

import json
from typing import Any, List, Mapping, Tuple

from st2slack.base.errors import InputError

_LISTS_OF_OBJECTS = ("blocks", "attachments")


def encode(arguments: Mapping[str, Any]) -> List[Tuple[str, str]]:
    """Form fields in the order of `arguments`. Raises InputError naming what cannot be sent."""
    for name in _LISTS_OF_OBJECTS:
        check_objects(name, arguments.get(name))
    return [
        (name, encode_value(name, value)) for name, value in arguments.items() if value is not None
    ]


def check_objects(name: str, value: Any) -> None:
    """Raises InputError where an element of the list is text.

    The command line makes such lists of JSON that was cut: it splits at commas what it cannot
    parse.
    """
    for number, element in enumerate(value if isinstance(value, list) else ()):
        if isinstance(element, str):
            raise InputError(
                "Parameter `%s`: %s[%d] is text, not an object. Is the JSON whole, and in quotes?"
                % (name, name, number)
            )


def encode_value(name: str, value: Any) -> str:
    """One value as text: text as it is, booleans as `true`/`false`, all else as compact JSON."""
    text = value if isinstance(value, str) else _json(name, value)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise InputError(
            "Parameter `%s` holds half of a character (a lone surrogate), which "
            "cannot be sent. Repair the text where it comes from." % name
        ) from None
    return text


def _json(name: str, value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError("Parameter `%s` cannot be written as JSON: %s." % (name, error)) from None
