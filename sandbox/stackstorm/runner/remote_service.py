"""`self.action_service` of an action that runs beside StackStorm's API: all of it over HTTP.

Loaded by its path in the action's process, as datastore.py is: standard library only, and
StackStorm's own client once it is needed.
"""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any, Dict, List, Optional

URL, TOKEN = "ST2_ACTION_API_URL", "ST2_ACTION_AUTH_TOKEN"
SYSTEM = "system"
MOST = 100


class RemoteDatastore:
    """Keys of the system scope, by `st2client`."""

    def __init__(self, prefix: str, url: str, token: str) -> None:
        self._prefix = prefix
        self._url = url
        self._token = token
        self._client: Any = None

    def get_api_client(self) -> Any:
        """A client of the API, with the token of this execution."""
        if self._client is None:
            from st2client.client import Client

            self._client = Client(api_url=self._url, token=self._token)
        return self._client

    def get_value(
        self, name: str, local: bool = True, scope: str = SYSTEM, decrypt: bool = False
    ) -> Optional[str]:
        """The value; None where there is none, or where it cannot be had."""
        params = {"decrypt": str(decrypt).lower(), "scope": _checked(scope)}
        client = self.get_api_client()
        try:
            pair = client.keys.get_by_id(id=self._key(name, local), params=params)
        except Exception:
            return None
        return pair.value if pair else None

    def set_value(  # noqa: PLR0917 (StackStorm's own order)
        self,
        name: str,
        value: Any,
        ttl: Optional[float] = None,
        local: bool = True,
        scope: str = SYSTEM,
        encrypt: bool = False,
    ) -> bool:
        """Keep str(value); raises where it cannot be kept."""
        client = self.get_api_client()
        key = self._key(name, local)
        members: Dict[str, Any] = {"name": key, "value": str(value), "scope": _checked(scope)}
        if encrypt:
            members["secret"] = True
        if ttl:
            members["ttl"] = ttl
        client.keys.update(instance=client.keys.resource(**members))
        return True

    def delete_value(self, name: str, local: bool = True, scope: str = SYSTEM) -> bool:
        """Whether it could be done; a key that is not there is no fault."""
        client = self.get_api_client()
        pair = client.keys.resource(name=self._key(name, local))
        try:
            client.keys.delete(instance=pair, params={"scope": _checked(scope)})
        except Exception:
            return False
        return True

    def list_values(
        self,
        local: bool = True,
        prefix: Optional[str] = None,
        limit: Optional[int] = None,
        offset: Optional[int] = None,
    ) -> List[Any]:
        """Objects with `name` (the whole key) and `value`."""
        whole = self._key(prefix or "", local) or None
        client = self.get_api_client()
        found: List[Any] = client.keys.get_all(
            prefix=whole, limit=limit or MOST, offset=offset or 0
        )
        return found

    def _key(self, name: str, local: bool) -> str:
        return f"{self._prefix}:{name}" if local else name


class ActionService:
    """What an action gets as `self.action_service`. URL and token come from the environment."""

    def __init__(self, pack: str, class_name: str, log_level: str = "debug") -> None:
        # StackStorm's Action reads pack and level here, under these names.
        self._action_wrapper = SimpleNamespace(
            _pack=pack, _class_name=class_name, _log_level=log_level
        )
        store = RemoteDatastore(f"{pack}.{class_name}", os.environ[URL], os.environ[TOKEN])
        self.datastore_service = store
        self.get_value = store.get_value
        self.set_value = store.set_value
        self.delete_value = store.delete_value
        self.list_values = store.list_values


def _checked(scope: str) -> str:
    if scope != SYSTEM:
        raise ValueError(f"Scope {scope} is unsupported.")
    return scope
