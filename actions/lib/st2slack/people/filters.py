"""PURE: which users are wanted, and what of them. No I/O.

A filter is an object: dotted key of the user → what must stand there, e.g.
`{"profile.email": "*@example.com", "is_admin": true}`. All of its keys must match.

| wanted        | matches                                                                   |
|---------------|---------------------------------------------------------------------------|
| a text        | a text, by shell wildcards (`*`, `?`, `[ab]`, `[!ab]`), case as given     |
| null          | null, and a key that is not there                                         |
| anything else | what is equal; 1 is true and 0 is false, as in 2.x                       |

A key that is not there counts as null. To a text, null is the empty text, as in 2.x: `*` and the
empty text match it, `?*` only what is there.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any, Dict, List, Mapping, Optional

from st2slack.base.errors import InputError


def check_attributes(attributes: Any) -> Mapping[str, Any]:
    """`attributes` if it is a filter; without one, the filter that everybody passes."""
    if attributes is None:
        return {}
    if not isinstance(attributes, Mapping) or not all(_is_path(key) for key in attributes):
        raise InputError(
            "Parameter `attributes` must be an object of dotted keys, "
            'e.g. {"profile.email": "*@example.com", "is_admin": true}.'
        )
    return attributes


def matches(user: Mapping[str, Any], attributes: Mapping[str, Any]) -> bool:
    """Whether the user passes the filter."""
    return all(_fits(_at(user, key), wanted) for key, wanted in attributes.items())


def keep(user: Mapping[str, Any], fields: Optional[List[str]]) -> Dict[str, Any]:
    """The user with these keys only, dotted ones in their objects; whole where none are chosen."""
    if not fields:
        return dict(user)
    kept: Dict[str, Any] = {}
    for path in fields:
        _copy(user, kept, path.split("."))
    return kept


def _is_path(key: Any) -> bool:
    return isinstance(key, str) and all(key.split("."))


def _at(user: Any, path: str) -> Any:
    for key in path.split("."):
        if not isinstance(user, Mapping):
            return None
        user = user.get(key)
    return user


def _fits(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, str) and (value is None or isinstance(value, str)):
        return fnmatchcase(value or "", wanted)
    return bool(value == wanted)


def _copy(source: Any, target: Dict[str, Any], path: List[str]) -> None:
    """Copy what stands at the path, if anything does, with the objects on the way."""
    key, rest = path[0], path[1:]
    if not isinstance(source, Mapping) or key not in source:
        return
    if not rest:
        target[key] = source[key]
        return
    inner = dict(target[key]) if isinstance(target.get(key), Mapping) else {}
    _copy(source[key], inner, rest)
    if inner:
        target[key] = inner
