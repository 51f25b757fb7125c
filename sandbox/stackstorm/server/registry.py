"""The actions that can be run: a pack's own, StackStorm's, and Python callables of a test."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

from sandbox.stackstorm.metadata import (
    PYTHON_RUNNER,
    RUNNER_PARAMETERS,
    Action,
    load_action,
    pack_ref,
)
from sandbox.stackstorm.server.api_error import bad_request
from sandbox.stackstorm.validation_errors import ActionNotFound

Json = Dict[str, Any]

INQUIRER, ORQUESTA = "inquirer", "orquesta"
OUTPUT_KEYS = {PYTHON_RUNNER: "result", ORQUESTA: "output"}
# Of contrib/runners/inquirer_runner: what `core.ask` may be given.
YES_OR_NO: Json = {
    "title": "response_data",
    "type": "object",
    "properties": {
        "continue": {"type": "boolean", "description": "Whether to go on.", "required": True}
    },
}
ASK: Json = {
    "schema": {"type": "object", "default": YES_OR_NO, "required": True},
    "route": {"type": "string", "default": ""},
    "roles": {"type": "array", "default": []},
    "users": {"type": "array", "default": []},
    "ttl": {"type": "integer", "default": 1440, "required": True},
}


# Actions that wait for others to end: always in a process, for in threads only one runs at a time.
WAIT_FOR_OTHERS = ("slack.deliver_answer",)


@dataclass(frozen=True)
class Entry:
    """An action and how it is run: by `run`, or by the runner of its `runner_type`.

    `pack`: the folder of its pack; None for an action without one.
    """

    action: Action
    run: Optional[Callable[..., Any]] = None
    pack: Optional[Path] = None
    notify: Json = field(default_factory=dict)
    in_thread: bool = False

    @property
    def ref(self) -> str:
        """pack.name."""
        return self.action.ref

    @property
    def schema(self) -> Json:
        """Every parameter that may be given."""
        return self.action.schema

    @property
    def output_key(self) -> str:
        """Where in the result stands what the action itself returned."""
        return OUTPUT_KEYS.get(self.action.runner_type, "")

    def document(self) -> Json:
        """`action` of an execution; also what GET /v1/actions/REF answers."""
        action = self.action
        return {
            "id": hashlib.sha256(action.ref.encode("utf-8")).hexdigest()[:24],
            "ref": action.ref,
            "uid": f"action:{action.pack}:{action.name}",
            "name": action.name,
            "pack": action.pack,
            "description": action.description,
            "enabled": action.enabled,
            "entry_point": action.entry_point,
            "runner_type": action.runner_type,
            "parameters": action.parameters,
            "output_schema": action.output_schema,
            "notify": self.notify,
            "tags": [],
        }

    def runner_document(self) -> Json:
        """`runner` of an execution."""
        kind = self.action.runner_type
        return {
            "name": kind,
            "uid": f"runner_type:{kind}",
            "enabled": True,
            "runner_module": f"{kind.replace('-script', '').replace('-', '_')}_runner",
            "runner_parameters": RUNNER_PARAMETERS if kind == PYTHON_RUNNER else {},
            "output_key": self.output_key,
        }


class Registry:
    """Every action that is known, by its ref. A pack's own are read when they are asked for."""

    def __init__(self) -> None:
        self.packs: List[Path] = []
        self.in_thread = False
        self._entries: Dict[str, Entry] = {}

    def add(self, entry: Entry) -> Entry:
        """Know it from now on; one that was known is replaced."""
        self._entries[entry.ref] = entry
        return entry

    def get(self, ref: str) -> Entry:
        """ApiError 400 where there is none, in StackStorm's words."""
        if ref not in self._entries:
            found = self._of_a_pack(ref)
            if found is None:
                raise bad_request(f'Action "{ref}" cannot be found.')
            self._entries[ref] = found
        return self._entries[ref]

    def _of_a_pack(self, ref: str) -> Optional[Entry]:
        for folder in self.packs:
            if ref.startswith(pack_ref(folder) + "."):
                try:
                    action = load_action(ref, folder)
                except ActionNotFound:
                    continue
                in_thread = self.in_thread and ref not in WAIT_FOR_OTHERS
                return Entry(action, pack=folder, in_thread=in_thread)
        return None


def make_action(ref: str, parameters: Optional[Json] = None, **rest: Any) -> Action:
    """Metadata of an action that has no file."""
    pack, _, name = ref.partition(".")
    return Action(pack=pack, name=name, path=Path(ref), parameters=parameters or {}, **rest)
