"""PURE: which values are secret, and text without them.

`secret: true` hides a value and everything in it, wherever it stands in the schema. A parameter
that is itself called `secret` hides all of them: StackStorm does so too.
"""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, Iterable, Iterator, Set, Tuple

MASK = "********"
# Names that the st2 command hides whatever the schema says.
ALWAYS = ("password", "private_key")
# Shorter ones stand in harmless words too: taking them out would spoil all other text.
SHORTEST = 6

Schema = Dict[str, Any]


def mask(value: Any, schema: Schema) -> Any:
    """A copy of the value with MASK where the schema says secret."""
    return _replace(value, schema, lambda _: MASK)


def mask_parameters(values: Dict[str, Any], properties: Schema) -> Dict[str, Any]:
    """Parameters as they may be shown."""
    if "secret" in properties:
        return dict.fromkeys(values, MASK)
    masked = mask(values, {"type": "object", "properties": properties})
    return {name: MASK if name in ALWAYS else value for name, value in masked.items()}


def mask_result(result: Any, output_schema: Schema) -> Any:
    """A result as StackStorm shows it. A schema without a type is the older form: properties."""
    if output_schema and "type" not in output_schema:
        output_schema = {"type": "object", "properties": output_schema}
    return mask(result, output_schema)


def secret_texts(value: Any, schema: Schema) -> Set[str]:
    """Every text in the value that the schema says is secret."""
    found: Set[str] = set()

    def keep(secret: Any) -> Any:
        found.update(_texts(secret))
        return secret

    _replace(value, schema, keep)
    return found


class Scrubber:
    """Takes known secrets out of whatever is about to be shown."""

    def __init__(self, secrets: Iterable[str]) -> None:
        # Longest first: one may be part of another.
        secrets_by_length = sorted(
            {s for s in secrets if len(s) >= SHORTEST}, key=len, reverse=True
        )
        self._secrets = (
            re.compile("|".join(map(re.escape, secrets_by_length))) if secrets_by_length else None
        )

    def __call__(self, value: Any) -> Any:
        """The same value (text, or text anywhere in lists and dicts) without secrets."""
        if self._secrets is None:
            return value
        if isinstance(value, str):
            return self._secrets.sub(MASK, value)
        if isinstance(value, dict):
            return {self(key): self(inner) for key, inner in value.items()}
        return [self(inner) for inner in value] if isinstance(value, list) else value


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)


def _replace(value: Any, schema: Any, change: Callable[[Any], Any]) -> Any:
    if not isinstance(schema, dict):
        return value
    if schema.get("secret"):
        return change(value)
    if isinstance(value, dict):
        return {k: _replace(v, _property(k, schema), change) for k, v in value.items()}
    if isinstance(value, list):
        return [_replace(v, _item(i, schema), change) for i, v in enumerate(value)]
    return value


def _property(name: str, schema: Schema) -> Any:
    properties: Schema = schema.get("properties") or {}
    if name in properties:
        return properties[name]
    patterns: Iterable[Tuple[str, Any]] = (schema.get("patternProperties") or {}).items()
    matching = (inner for pattern, inner in patterns if re.search(pattern, str(name)))
    return next(matching, schema.get("additionalProperties"))


def _item(index: int, schema: Schema) -> Any:
    items = schema.get("items")
    if not isinstance(items, list):
        return items
    return items[index] if index < len(items) else schema.get("additionalItems")
