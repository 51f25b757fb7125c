"""Inquiries: `core.ask`, its answers, and what StackStorm gets wrong when two come at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Optional

from sandbox.stackstorm.runner import parameters
from sandbox.stackstorm.schema import violations
from sandbox.stackstorm.server import statuses
from sandbox.stackstorm.server.api_error import ApiError, bad_request, not_found
from sandbox.stackstorm.server.engine import Engine
from sandbox.stackstorm.server.records import Record
from sandbox.stackstorm.server.registry import INQUIRER
from sandbox.stackstorm.server.tokens import Caller

Json = Dict[str, Any]
Dispatch = Callable[[str, Json], None]

TRIGGER = "core.st2.generic.inquiry"
INQUIRY_KEYS = ("route", "ttl", "users", "roles", "schema")


@dataclass
class InquiryAnswer:
    """One answer that was taken (200). `by`: the execution whose token gave it, if any.

    `stored`: whether it is the one that the inquiry kept.
    """

    inquiry: str
    response: Json
    user: str
    by: Optional[str] = None
    stored: bool = False


class Inquiries:
    """The runner of `core.ask`, and what is done about its executions.

    `window`: seconds in which a second answer is taken too, as StackStorm's own checks leave it.
    With two or more in it one is stored, and, while `hangs` is set, the workflow stays `running`:
    on a StackStorm two at once did that to one of three, six at once to all.
    """

    def __init__(self, engine: Engine, dispatch: Dispatch) -> None:
        self.window = 0.05
        self.hangs = True
        self.answers: List[InquiryAnswer] = []
        self.resume: Callable[[Record, bool], None] = lambda asking, hangs: None
        self._engine = engine
        self._dispatch = dispatch
        self._open: Dict[str, List[InquiryAnswer]] = {}

    def start(self, record: Record) -> None:
        """Ask, and wait."""
        values, _ = parameters.complete(record.entry.action, record.parameters)
        result = {name: values[name] for name in INQUIRY_KEYS}
        with self._engine.lock:
            if record.status == statuses.RUNNING:
                self._dispatch(TRIGGER, {"id": record.id, "route": values["route"]})
                self._engine.set_status(record, statuses.PENDING, result)

    def cancel(self, record: Record) -> None:
        """While it is being asked."""
        self._engine.set_status(record, statuses.CANCELED)

    def pending(self) -> List[Json]:
        """What GET /v1/inquiries lists."""
        with self._engine.lock:
            return [
                inquiry_json(record)
                for record in self._engine.records.values()
                if record.runner == INQUIRER and record.status == statuses.PENDING
            ]

    def get(self, inquiry_id: str) -> Record:
        """One that can still be answered; ApiError."""
        try:
            record = self._engine.get(inquiry_id)
        except ApiError:
            raise not_found("The resource could not be found.") from None
        if record.runner != INQUIRER:
            raise bad_request(f'Action execution "{inquiry_id}" is not an inquiry.')
        if record.status == statuses.TIMED_OUT:
            raise bad_request(f'Inquiry "{inquiry_id}" timed out and cannot be responded to.')
        if record.status != statuses.PENDING:
            raise bad_request(f'Inquiry "{inquiry_id}" has already been responded to.')
        return record

    def take(self, inquiry_id: str, response: Json, caller: Caller) -> InquiryAnswer:
        """Check an answer; it has its effect when `settle` is called, `window` seconds later."""
        with self._engine.lock:
            record = self.get(inquiry_id)
            users = record.result["users"]
            if users and caller.user not in users:
                raise ApiError(
                    403,
                    f'User "{caller.user}" does not have permission to respond to inquiry '
                    f'"{inquiry_id}".',
                )
            self._check(record, response)
            answer = InquiryAnswer(inquiry_id, response, caller.user, caller.execution)
            self.answers.append(answer)
            self._open.setdefault(inquiry_id, []).append(answer)
            return answer

    def is_open(self, inquiry_id: str) -> bool:
        """Whether answers were taken that have had no effect yet."""
        with self._engine.lock:
            return inquiry_id in self._open

    def settle(self, inquiry_id: str) -> None:
        """Let what was taken have its effect. The first call does it, the others nothing."""
        with self._engine.lock:
            answers = self._open.pop(inquiry_id, None)
            if not answers:
                return
            record = self._engine.get(inquiry_id)
            answers[-1].stored = True
            self._resume(record, hangs=self.hangs and len(answers) > 1)
            result = {**record.result, "response": answers[-1].response}
            self._engine.set_status(record, statuses.SUCCEEDED, result)

    def settle_all(self) -> None:
        """Every one that has been answered: nobody is left to do it later."""
        for inquiry_id in list(self._open):
            self.settle(inquiry_id)

    def purge(self) -> List[str]:
        """What the garbage collector does, where it is told to: end those past their ttl."""
        with self._engine.lock:
            late = [record for record in self._engine.records.values() if self._is_late(record)]
            for record in late:
                self._resume(record, hangs=False)
                self._engine.set_status(record, statuses.TIMED_OUT)
            return [record.id for record in late]

    def _is_late(self, record: Record) -> bool:
        if record.runner != INQUIRER or record.status != statuses.PENDING:
            return False
        ttl = record.result["ttl"]
        return bool(ttl > 0 and self._engine.clock() - record.start > ttl * 60)

    def _resume(self, record: Record, hangs: bool) -> None:
        if record.parent:
            self.resume(self._engine.records[record.parent], hangs)

    @staticmethod
    def _check(record: Record, response: Json) -> None:
        found = violations(response, record.result["schema"].get("properties") or {}, extra=True)
        if found:
            text = "; ".join(str(each) for each in found)
            raise bad_request(
                f'Response for inquiry "{record.id}" did not pass schema validation. {text}'
            )


def inquiry_json(record: Record) -> Json:
    """An inquiry as the API shows it."""
    return {"id": record.id, **{name: record.result[name] for name in INQUIRY_KEYS}}
