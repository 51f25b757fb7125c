"""StackStorm's datastore as actions use it: `self.action_service`.

Standard library only: the wrapper loads this file by its path, without the sandbox package.
Values are text, kept in memory or in a JSON file {key: [value, end of life or null, true where it
is encrypted]} (0600). Nothing is really encrypted; what is read without `decrypt` is of no use.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable, Dict, List, Optional, Tuple

SYSTEM = "system"
Entry = Tuple[str, Optional[float], bool]


class Datastore:
    """Keys of one scope. Several threads may use it: a write does not undo that of another.

    `prefix`: put before local keys, with a colon; with "" the keys are whole names.
    """

    def __init__(
        self,
        prefix: str,
        path: Optional[Path] = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._prefix = prefix
        self._path = path
        self._clock = clock
        self._memory: Dict[str, Entry] = {}
        self._lock = threading.Lock()

    def get_value(
        self, name: str, local: bool = True, scope: str = SYSTEM, decrypt: bool = False
    ) -> Optional[str]:
        """The value, None if there is none; of an encrypted one without `decrypt` other text."""
        entry = self._alive(scope).get(self._key(name, local))
        if entry and entry[2] and not decrypt:
            return hashlib.sha256(entry[0].encode("utf-8", "replace")).hexdigest().upper()
        return entry[0] if entry else None

    def is_encrypted(self, name: str) -> bool:
        """Whether the value of this whole key was given to be encrypted."""
        return self._alive(SYSTEM)[name][2]

    def set_value(  # noqa: PLR0917 (StackStorm's own order)
        self,
        name: str,
        value: Any,
        ttl: Optional[float] = None,
        local: bool = True,
        scope: str = SYSTEM,
        encrypt: bool = False,
    ) -> bool:
        """Keep str(value), for `ttl` seconds or for good."""
        with self._lock:
            entries = self._alive(scope)
            end = self._clock() + ttl if ttl else None
            entries[self._key(name, local)] = (str(value), end, encrypt)
            self._write(entries)
        return True

    def delete_value(self, name: str, local: bool = True, scope: str = SYSTEM) -> bool:
        """Whether the key was there."""
        with self._lock:
            entries = self._alive(scope)
            found = entries.pop(self._key(name, local), None) is not None
            self._write(entries)
        return found

    def list_values(
        self,
        local: bool = True,
        prefix: Optional[str] = None,
        limit: Optional[int] = None,
        offset: Optional[int] = None,
    ) -> List[SimpleNamespace]:
        """Objects with `name` (the whole key) and `value`, sorted by name."""
        start, whole = offset or 0, self._key(prefix or "", local)
        found = [
            SimpleNamespace(name=key, value=entry[0])
            for key, entry in sorted(self._alive(SYSTEM).items())
            if key.startswith(whole)
        ]
        return found[start : start + limit] if limit else found[start:]

    def _key(self, name: str, local: bool) -> str:
        return f"{self._prefix}:{name}" if local and self._prefix else name

    def _alive(self, scope: str) -> Dict[str, Entry]:
        if scope not in (SYSTEM, "st2kv.system"):
            raise ValueError(f'Scope "{scope}" is not supported, only "{SYSTEM}"')
        now = self._clock()
        return {k: e for k, e in self._read().items() if e[1] is None or e[1] > now}

    def _read(self) -> Dict[str, Entry]:
        if not self._path:
            return dict(self._memory)
        if not self._path.exists():
            return {}
        loaded = json.loads(self._path.read_text(encoding="utf-8"))
        return {key: (each[0], each[1], each[2:] == [True]) for key, each in loaded.items()}

    def _write(self, entries: Dict[str, Entry]) -> None:
        self._memory = entries
        if not self._path:
            return
        draft = self._path.with_name(self._path.name + f".{os.getpid()}")
        with open(os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
            json.dump(entries, file)
        os.replace(draft, self._path)


class ActionService:
    """What an action gets as `self.action_service`."""

    def __init__(
        self,
        pack: str,
        class_name: str,
        log_level: str = "debug",
        path: Optional[Path] = None,
    ) -> None:
        # StackStorm's Action reads pack and level here, under these names.
        self._action_wrapper = SimpleNamespace(
            _pack=pack, _class_name=class_name, _log_level=log_level
        )
        self.datastore_service = Datastore(f"{pack}.{class_name}", path)
        self.get_value = self.datastore_service.get_value
        self.set_value = self.datastore_service.set_value
        self.delete_value = self.datastore_service.delete_value
        self.list_values = self.datastore_service.list_values
