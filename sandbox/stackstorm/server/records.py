"""One execution as it is kept, and as the API shows it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional

from sandbox.stackstorm import masking
from sandbox.stackstorm.server import statuses
from sandbox.stackstorm.server.registry import ORQUESTA, Entry
from sandbox.stackstorm.server.times import iso

Json = Dict[str, Any]


def new_id() -> str:
    """24 hexadecimal digits, as MongoDB has it."""
    return uuid.uuid4().hex[:24]


@dataclass
class Record:
    """An execution. `start` and `end` are Unix seconds; `notify` as in the action's metadata.

    `is_killed`: its runner was killed, so it stays as it is whatever the action still does.
    """

    entry: Entry
    parameters: Json
    context: Json
    start: float
    parent: Optional[str] = None
    notify: Json = field(default_factory=dict)
    status: str = statuses.REQUESTED
    end: Optional[float] = None
    result: Any = None
    web_url: Optional[str] = None
    is_killed: bool = False
    log: List[Json] = field(default_factory=list)
    children: List[str] = field(default_factory=list)
    id: str = field(default_factory=new_id)

    @property
    def ref(self) -> str:
        """The action's."""
        return self.entry.ref

    @property
    def runner(self) -> str:
        """The name of the action's runner."""
        return self.entry.action.runner_type

    @property
    def completed(self) -> bool:
        """Whether it has ended."""
        return self.status in statuses.COMPLETED

    def visible_parameters(self, secrets: bool = False) -> Json:
        """The parameters, the secret ones masked unless `secrets`."""
        if secrets:
            return dict(self.parameters)
        return masking.mask_parameters(self.parameters, self.entry.schema)

    def document(self, secrets: bool = False) -> Json:
        """What the API answers. Attributes that are empty are left out, as StackStorm does."""
        parameters = self.visible_parameters(secrets)
        of_workflow = self.context.get("orquesta") or {}
        whole = {
            "id": self.id,
            "status": self.status,
            "action": self.entry.document(),
            "runner": self.entry.runner_document(),
            "liveaction": {
                "id": self.id[::-1],
                "action": self.ref,
                "action_is_workflow": self.runner == ORQUESTA,
                "parameters": parameters,
            },
            "parameters": parameters,
            "context": self.context,
            "parent": self.parent,
            "children": list(self.children),
            "start_timestamp": iso(self.start),
            "result": self._visible_result(secrets),
            "log": list(self.log),
            "web_url": self.web_url,
            "workflow_execution": of_workflow.get("workflow_execution_id"),
            "task_execution": of_workflow.get("task_execution_id"),
        }
        if self.end is not None:
            whole["end_timestamp"] = iso(self.end)
            whole["elapsed_seconds"] = self.end - self.start
        return {name: value for name, value in whole.items() if value}

    def _visible_result(self, secrets: bool) -> Any:
        """`output_schema` speaks of what stands under the runner's key in the result."""
        key, schema = self.entry.output_key, self.entry.action.output_schema
        if secrets or not schema or not isinstance(self.result, dict) or key not in self.result:
            return self.result
        return {**self.result, key: masking.mask_result(self.result[key], schema)}
