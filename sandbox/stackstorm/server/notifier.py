"""What StackStorm tells when an execution has ended: two triggers.

`core.st2.generic.notifytrigger` for each route of the execution's `notify`, and
`core.st2.generic.actiontrigger` for every execution. The Jinja in message and data is rendered
with the datastore at hand, so that whoever may write into them may read keys.
"""

from __future__ import annotations

import json
import logging
from typing import Any, Callable, Dict, Iterator, Tuple

from sandbox.stackstorm import rendering
from sandbox.stackstorm.datastore import Datastore
from sandbox.stackstorm.server import statuses
from sandbox.stackstorm.server.records import Record
from sandbox.stackstorm.server.times import iso

Json = Dict[str, Any]
LOG = logging.getLogger(__name__)

NOTIFY = "core.st2.generic.notifytrigger"
ACTION = "core.st2.generic.actiontrigger"


class Notifier:
    """Hears of every change, and speaks at the end."""

    def __init__(self, store: Datastore, dispatch: Callable[[str, Json], None]) -> None:
        self._store = store
        self._dispatch = dispatch

    def on_change(self, record: Record) -> None:
        """Called with each new status."""
        if record.completed:
            for section, suffix in sections(record):
                self._notify(record, section, suffix)
            self._dispatch(ACTION, _action_payload(record))

    def _notify(self, record: Record, section: Json, suffix: str) -> None:
        context = {
            **rendering.datastore(self._store),
            "action_parameters": record.parameters,
            "action_context": record.context,
            "action_results": record.result,
        }
        message = section.get("message") or f"Action {record.ref} {suffix}"
        data = _rendered(section.get("data") or {}, context)
        for route in section.get("routes") or section.get("channels") or []:
            payload = {
                "message": _rendered(message, context),
                "data": {**data, "result": json.dumps(record.result)},
                "execution_id": record.id,
                "status": record.status,
                "start_timestamp": iso(record.start),
                "end_timestamp": iso(record.end or record.start),
                "action_ref": record.ref,
                "runner_ref": record.runner,
                "route": route,
                "channel": route,
            }
            self._dispatch(NOTIFY, payload)


def sections(record: Record) -> Iterator[Tuple[Json, str]]:
    """The parts of `notify` that this end is for, each with what the usual message ends with."""
    succeeded = record.status == statuses.SUCCEEDED
    failed = record.status in statuses.UNSUCCESSFUL
    for key, holds, suffix in (
        ("on_complete", True, "completed."),
        ("on_success", succeeded, "succeeded."),
        ("on_failure", failed, "failed."),
    ):
        section = record.notify.get(key) or record.notify.get(key.replace("_", "-"))
        if section and holds:
            yield section, suffix


def _rendered(value: Any, context: Json) -> Any:
    """What cannot be rendered goes out as it is; StackStorm logs it and goes on, too."""
    try:
        return rendering.render(value, context)
    except Exception:
        LOG.exception("a notification cannot be rendered")
        return value


def _action_payload(record: Record) -> Json:
    return {
        "execution_id": record.id,
        "status": record.status,
        "start_timestamp": iso(record.start),
        "action_name": record.ref,
        "action_ref": record.ref,
        "runner_ref": record.runner,
        "parameters": record.visible_parameters(),
        "result": record.result,
    }
