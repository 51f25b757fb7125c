"""StackStorm's datastore: keys of the system scope. Values are text; records are JSON objects."""

from __future__ import annotations

import json
from typing import Dict, Optional
from urllib.parse import quote

from st2slack.base.errors import StackStormError
from st2slack.base.json_access import JsonObject, as_object, get_text
from st2slack.stackstorm.transport import ApiRequest, ApiTransport


class UnreadableRecord(ValueError):
    """The value of a key is not a JSON object."""


class Datastore:
    """Reads and writes keys. All of it is repeatable, so a restart of the API does not lose it."""

    def __init__(self, transport: ApiTransport) -> None:
        self._transport = transport

    def read(self, key: str) -> Optional[str]:
        """The value of a key; None if the key does not exist."""
        found = as_object(self._transport.read(_path(key), {"scope": "system"}))
        return str(found["value"]) if found else None

    def write(
        self, key: str, text: str, ttl: Optional[int] = None, encrypted: bool = False
    ) -> None:
        """Store `text` under a key, for `ttl` seconds or until it is deleted."""
        body: JsonObject = {"name": key, "value": text, "scope": "system"}
        body.update({"ttl": ttl} if ttl else {})
        body.update({"secret": True} if encrypted else {})
        self._transport.send(ApiRequest("PUT", _path(key), body, is_repeatable=True))

    def delete(self, key: str) -> None:
        """Delete a key, if it exists."""
        try:
            path = _path(key) + "?scope=system"
            self._transport.send(ApiRequest("DELETE", path, is_repeatable=True))
        except StackStormError as refusal:
            if refusal.status != 404:
                raise

    def list(self, prefix: str, encrypted: bool = False) -> Dict[str, str]:
        """Every key that begins with `prefix`, and its value. `encrypted`: decrypt the values."""
        params = {"prefix": prefix, "scope": "system"}
        params.update({"decrypt": "true"} if encrypted else {})
        keys = self._transport.read_all("/keys", params)
        return {get_text(each, "name"): str(each.get("value")) for each in keys}

    def read_record(self, key: str) -> Optional[JsonObject]:
        """The record under a key; None if the key does not exist. Raises UnreadableRecord."""
        text = self.read(key)
        return parse_record(text) if text else None

    def write_record(self, key: str, record: JsonObject, ttl: Optional[int] = None) -> None:
        """Store a record under a key."""
        self.write(key, json.dumps(record, sort_keys=True), ttl)


def parse_record(text: str) -> JsonObject:
    """The record that was stored as `text`. Raises UnreadableRecord."""
    try:
        record: object = json.loads(text)
    except ValueError:
        record = None
    if not isinstance(record, dict):
        raise UnreadableRecord("not a JSON object")
    return record


def _path(key: str) -> str:
    return "/keys/" + quote(key, safe="")
