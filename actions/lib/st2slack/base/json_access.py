"""PURE: members of a JSON object that somebody else wrote; of another type counts as absent."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping


def get_text(values: Mapping[str, Any], key: str) -> str:
    """The text at `key`, "" where there is none."""
    value = values.get(key)
    return value if isinstance(value, str) else ""


def get_object(values: Mapping[str, Any], key: str) -> Dict[str, Any]:
    """The object at `key`, {} where there is none."""
    value = values.get(key)
    return value if isinstance(value, dict) else {}


def get_objects(values: Mapping[str, Any], key: str) -> List[Dict[str, Any]]:
    """The objects in the list at `key`; other elements are left out."""
    value = values.get(key)
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
