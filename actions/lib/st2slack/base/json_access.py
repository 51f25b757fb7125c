"""PURE: reads JSON that another program wrote. A value of another type than the one asked for
counts as absent, so that a surprise in one member cannot end the whole.

`JsonObject` is what a parsed object is before it has a type of its own.
"""

from __future__ import annotations

from typing import Dict, List, Mapping, Optional

JsonObject = Dict[str, object]


def as_object(value: object) -> JsonObject:
    """The value if it is an object, else {}."""
    return value if isinstance(value, dict) else {}


def find_as_object(value: object) -> Optional[JsonObject]:
    """The value if it is an object, else None."""
    return value if isinstance(value, dict) else None


def as_list(value: object) -> List[object]:
    """The value if it is a list, else []."""
    return value if isinstance(value, list) else []


def as_objects(value: object) -> List[JsonObject]:
    """The objects in the value if it is a list; other elements are left out."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def as_text(value: object) -> str:
    """The value if it is text, else ""."""
    return value if isinstance(value, str) else ""


def as_number(value: object) -> Optional[float]:
    """The value if it is a number, else None; true and false are none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value


def get_text(values: Mapping[str, object], key: str) -> str:
    """The text at `key`, "" where there is none."""
    value = values.get(key)  # without as_text: a sensor comes here 20 times for each event
    return value if isinstance(value, str) else ""


def get_texts(values: Mapping[str, object], key: str) -> List[str]:
    """The texts in the list at `key`; other elements are left out."""
    value = values.get(key)
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def get_number(values: Mapping[str, object], key: str) -> Optional[float]:
    """The number at `key`, None where there is none."""
    return as_number(values.get(key))


def is_true(values: Mapping[str, object], key: str) -> bool:
    """Whether `key` holds true itself; 1 and "true" do not count."""
    return values.get(key) is True


def get_object(values: Mapping[str, object], key: str) -> JsonObject:
    """The object at `key`, {} where there is none."""
    value = values.get(key)
    return value if isinstance(value, dict) else {}


def find_object(values: Mapping[str, object], key: str) -> Optional[JsonObject]:
    """The object at `key`, None where there is none."""
    value = values.get(key)
    return value if isinstance(value, dict) else None


def get_list(values: Mapping[str, object], key: str) -> List[object]:
    """The list at `key`, [] where there is none."""
    value = values.get(key)
    return value if isinstance(value, list) else []


def get_objects(values: Mapping[str, object], key: str) -> List[JsonObject]:
    """The objects in the list at `key`; other elements are left out."""
    return as_objects(values.get(key))
