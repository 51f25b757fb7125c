"""PURE: what StackStorm can store, and how to tell cheaply.

StackStorm stores payloads by orjson, which refuses half surrogates, integers over 64 bits and more
than 254 levels. A trigger that held one of them could never be dispatched.
"""

from __future__ import annotations

import json
import re
from typing import Any

DEEPEST = 100  # levels of what Slack sent; the rest is cut off
_INTEGERS = range(-(2**63), 2**64)
_LONG_NUMBER = re.compile(r"\d{19}", re.ASCII)
_ENCODER = json.JSONEncoder(ensure_ascii=False, check_circular=False)


def storable(value: Any) -> Any:
    """`value` as it is, unless it holds what cannot be stored: then with that replaced.

    Half surrogates become question marks, integers that are too large floats (or None), what is too
    deep None.
    """
    try:
        # Writing JSON and looking at it is many times faster than walking.
        text = _ENCODER.encode(value)
        text.encode("utf-8")
    except (UnicodeEncodeError, RecursionError):
        return _cleaned(value, DEEPEST)
    too_deep = text.count("[") + text.count("{") > DEEPEST
    return _cleaned(value, DEEPEST) if too_deep or _LONG_NUMBER.search(text) else value


def is_plain(text: str) -> bool:
    r"""Whether the values that `decode` makes of this JSON text can be stored, seen at a glance.

    False may mean nothing but an emoji, for Slack writes it as `\ud83d\ude00`.
    """
    # A single character is found many times faster than several.
    if "\\" in text and ("\\ud" in text or "\\uD" in text):
        return False
    return text.count("[") + text.count("{") <= DEEPEST


def _integer(digits: str) -> Any:
    return int(digits) if len(digits) < 19 else _bounded_number(digits)


def _bounded_number(digits: str) -> Any:
    value = float(digits)
    if abs(value) < 2**63:
        return int(digits)
    return value if abs(value) < 1e300 else None


_DECODER = json.JSONDecoder(parse_int=_integer)


def decode(text: str) -> Any:
    """The value of a JSON text, with integers that can be stored. Raises as json.loads does."""
    try:
        value, end = _DECODER.raw_decode(text)
    except ValueError:
        return _DECODER.decode(text)  # it may begin with white space
    return value if end == len(text) else _DECODER.decode(text)


def _cleaned(value: Any, levels: int) -> Any:
    if isinstance(value, str):
        return _well_formed(value)
    if isinstance(value, int) and value not in _INTEGERS:
        return float(value) if abs(value) < 10**300 else None
    if isinstance(value, (dict, list)) and levels == 0:
        return None
    if isinstance(value, dict):
        return {_well_formed(key): _cleaned(each, levels - 1) for key, each in value.items()}
    if isinstance(value, list):
        return [_cleaned(each, levels - 1) for each in value]
    return value


def _well_formed(text: str) -> str:
    """`text` with a question mark for each half of a surrogate pair."""
    return text.encode("utf-8", "replace").decode("utf-8")
