"""PURE: executions and inquiries, as StackStorm's API describes them.

They hold only what this pack reads. What the API leaves out, or sends as another type, counts as
absent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Optional

from st2slack.base.json_access import (
    JsonObject,
    as_object,
    as_text,
    find_object,
    get_list,
    get_number,
    get_object,
    get_text,
)
from st2slack.stackstorm.timestamps import unix_seconds


class Status(str, Enum):
    """Statuses of an execution that this pack tells apart; StackStorm has more."""

    RUNNING = "running"
    PENDING = "pending"
    PAUSED = "paused"
    CANCELING = "canceling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMEOUT = "timeout"
    ABANDONED = "abandoned"
    CANCELED = "canceled"


ENDED = (
    Status.SUCCEEDED.value,
    Status.FAILED.value,
    Status.TIMEOUT.value,
    Status.ABANDONED.value,
    Status.CANCELED.value,
)
# A workflow with one of these statuses does not continue, whatever the answer to its inquiry is.
GIVEN_UP = (
    Status.FAILED.value,
    Status.TIMEOUT.value,
    Status.ABANDONED.value,
    Status.CANCELED.value,
    Status.CANCELING.value,
)


@dataclass(frozen=True)
class ExecutionContext:
    """What started an execution, "" for what StackStorm does not name.

    `user`: user of StackStorm; `api_user`: the person for whom an alias ran, a Slack ID; `rule`:
    name of the rule; `alias_id`: ID of the alias; `rerun_of`: ID of the execution that this one
    repeats; `paused_by`: user who paused it.
    """

    user: str = ""
    api_user: str = ""
    rule: str = ""
    alias_id: str = ""
    rerun_of: str = ""
    paused_by: str = ""

    @classmethod
    def from_json(cls, context: JsonObject) -> ExecutionContext:
        """The context in an execution."""
        return cls(
            user=as_text(context.get("user")),
            api_user=as_text(context.get("api_user")),
            rule=get_text(get_object(context, "rule"), "name"),
            alias_id=get_text(get_object(context, "action_alias_ref"), "id"),
            rerun_of=get_text(get_object(context, "re-run"), "ref"),
            paused_by=get_text(context, "paused_by"),
        )


@dataclass(frozen=True)
class Execution:
    """One run of an action.

    `status`: see Status, "" if unknown; `action`: its ref; `runner`: name of the action's runner;
    `parameters`: the given ones; `action_parameters`: the action's declared parameters, None if the
    API does not describe the action; `result`: None if it was not read; `parent`: ID of the
    workflow that it is a task of, "" for none; `started`, `ended`: Unix seconds, 0.0 if unknown;
    `elapsed`: seconds; `timeout`: seconds that the action has, None for no limit; `web_url`: its
    page in StackStorm; `log_length`: how many statuses it has had.
    """

    id: str
    status: str = ""
    action: str = ""
    runner: str = ""
    parameters: JsonObject = field(default_factory=dict)
    action_parameters: Optional[JsonObject] = None
    result: object = None
    parent: str = ""
    context: ExecutionContext = ExecutionContext()
    started: float = 0.0
    ended: float = 0.0
    elapsed: Optional[float] = None
    timeout: Optional[float] = None
    web_url: str = ""
    log_length: int = 0

    @classmethod
    def from_json(cls, document: JsonObject) -> Execution:
        """An execution as the API sends it."""
        action, runner = get_object(document, "action"), get_object(document, "runner")
        return cls(
            id=get_text(document, "id"),
            status=get_text(document, "status"),
            action=get_text(action, "ref"),
            runner=get_text(runner, "name"),
            parameters=get_object(document, "parameters"),
            action_parameters=find_object(action, "parameters"),
            result=document.get("result"),
            parent=get_text(document, "parent"),
            context=ExecutionContext.from_json(get_object(document, "context")),
            started=unix_seconds(document.get("start_timestamp")),
            ended=unix_seconds(document.get("end_timestamp")),
            elapsed=get_number(document, "elapsed_seconds"),
            timeout=_timeout(document, action, runner),
            web_url=get_text(document, "web_url"),
            log_length=len(get_list(document, "log")),
        )

    @property
    def has_ended(self) -> bool:
        """Whether nothing happens in it any more."""
        return self.status in ENDED

    @property
    def is_given_up(self) -> bool:
        """Whether it does not continue, whatever the answer to an inquiry in it is."""
        return self.status in GIVEN_UP

    @property
    def has_secret_parameter(self) -> bool:
        """Whether a given parameter is a secret one; also if the API does not describe them."""
        declared = self.action_parameters
        if declared is None:
            return True
        return any(as_object(declared.get(name)).get("secret") for name in self.parameters)


@dataclass(frozen=True)
class Inquiry:
    """An inquiry that waits for an answer. It has the ID of its execution."""

    id: str
    route: str = ""

    @classmethod
    def from_json(cls, document: JsonObject) -> Inquiry:
        """An inquiry as the API lists it."""
        return cls(id=get_text(document, "id"), route=get_text(document, "route"))


def _timeout(document: JsonObject, action: JsonObject, runner: JsonObject) -> Optional[float]:
    """The given parameter, else the default of the action, else that of its runner."""
    of_action = get_object(get_object(action, "parameters"), "timeout")
    of_runner = get_object(get_object(runner, "runner_parameters"), "timeout")
    candidates = (
        get_number(get_object(document, "parameters"), "timeout"),
        get_number(of_action, "default"),
        get_number(of_runner, "default"),
    )
    return next((each for each in candidates if each), None)
