"""PURE: values at dotted paths in JSON, e.g. "messages.matches"."""

from __future__ import annotations

from typing import Any


def read_path(value: Any, path: str) -> Any:
    """What stands at a dotted path; None where nothing does."""
    for key in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def write_path(value: Any, path: str, what: Any) -> None:
    """Put `what` at a dotted path, making the objects on the way."""
    *way, last = path.split(".")
    for key in way:
        value = value.setdefault(key, {})
    value[last] = what
