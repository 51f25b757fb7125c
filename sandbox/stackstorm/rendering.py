"""Jinja as StackStorm renders it: in parameters, notifications, acknowledgements and results.

Text that is one whole template stays text. In lists and objects each text is rendered by itself.
"""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, Iterable, Iterator

import jinja2
from jinja2 import meta

from sandbox.stackstorm.datastore import Datastore

Json = Dict[str, Any]
UndefinedError = jinja2.UndefinedError


class KeyValueLookup:
    """`st2kv.system`: attributes are looked up as keys, with dots between them."""

    def __init__(self, store: Datastore, name: str = "") -> None:
        self._store = store
        self._name = name

    def __getattr__(self, name: str) -> KeyValueLookup:
        if name.startswith("__"):
            raise AttributeError(name)
        return self[name]

    def __getitem__(self, name: str) -> KeyValueLookup:
        return KeyValueLookup(self._store, f"{self._name}.{name}" if self._name else name)

    def __str__(self) -> str:
        return self._store.get_value(self._name, local=False) or ""

    def decrypted(self) -> str:
        """The value of an encrypted key."""
        return self._store.get_value(self._name, local=False, decrypt=True) or ""


def datastore(store: Datastore) -> Json:
    """What `st2kv` is in a template."""
    return {"st2kv": {"system": KeyValueLookup(store)}}


def render(value: Any, context: Json, lenient: bool = False) -> Any:
    """The value with its templates rendered; UndefinedError unless `lenient`."""
    if isinstance(value, dict):
        return {key: render(inner, context, lenient) for key, inner in value.items()}
    if isinstance(value, list):
        return [render(inner, context, lenient) for inner in value]
    if not isinstance(value, str) or not ("{{" in value or "{%" in value):
        return value
    return (_LENIENT if lenient else _STRICT).from_string(value).render(context)


def evaluate(expression: str, context: Json) -> Any:
    """The value itself of what stands between the braces."""
    compiled: Callable[..., Any] = _STRICT.compile_expression(expression, undefined_to_none=False)
    return compiled(**context)


def needs_only(template: str, name: str, filters: Iterable[str]) -> bool:
    """Whether it is Jinja that uses no other name, and none but these filters."""
    try:
        parsed = _STRICT.parse(template)
    except jinja2.TemplateError:
        return False
    used = {each.name for each in parsed.find_all(jinja2.nodes.Filter)}
    return meta.find_undeclared_variables(parsed) <= {name} and used <= set(filters)


def _seconds(value: Any) -> str:
    """1h2m3s, with the units that are not zero."""
    return "".join(_parts(int(float(value)))) or "0s"


def _parts(seconds: int) -> Iterator[str]:
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        number, seconds = divmod(seconds, size)
        if number:
            yield f"{number}{unit}"


def _decrypt(value: Any) -> str:
    return value.decrypted() if isinstance(value, KeyValueLookup) else str(value)


def _environment(undefined: type) -> jinja2.Environment:
    environment = jinja2.Environment(undefined=undefined, trim_blocks=False, lstrip_blocks=False)
    environment.filters.update(
        to_json_string=json.dumps,
        from_json_string=lambda value: json.loads(str(value)),
        to_human_time_from_seconds=_seconds,
        decrypt_kv=_decrypt,
    )
    return environment


_STRICT = _environment(jinja2.StrictUndefined)
_LENIENT = _environment(jinja2.Undefined)
