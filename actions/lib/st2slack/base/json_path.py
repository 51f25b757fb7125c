"""PURE: values at dotted paths in JSON, e.g. "messages.matches"."""

from __future__ import annotations

from st2slack.base.json_access import JsonObject, as_object, find_object


def read_path(value: object, path: str) -> object:
    """The value at a dotted path; None where there is none."""
    for key in path.split("."):
        value = as_object(value).get(key)
    return value


def write_path(value: JsonObject, path: str, new: object) -> None:
    """Set the value at a dotted path; objects that are missing on the way are added."""
    *parents, last = path.split(".")
    for key in parents:
        inner = find_object(value, key)
        if inner is None:
            inner = value[key] = {}
        value = inner
    value[last] = new
