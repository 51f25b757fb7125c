"""One Orquesta workflow that runs: its context, its tasks, what follows them, its end.

Everything happens under the engine's lock.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Optional, Tuple

from sandbox.stackstorm import rendering
from sandbox.stackstorm.runner import parameters
from sandbox.stackstorm.server import statuses
from sandbox.stackstorm.server.api_error import ApiError
from sandbox.stackstorm.server.engine import Engine
from sandbox.stackstorm.server.records import Record, new_id
from sandbox.stackstorm.server.registry import INQUIRER, ORQUESTA
from sandbox.stackstorm.server.rendered_parameters import ParameterRenderer
from sandbox.stackstorm.server.workflow_spec import Functions, Spec, Task, Transition, render

Json = Dict[str, Any]

# What a workflow hands on to its tasks of a command in chat.
FROM_CHAT = ("api_user", "source_channel")
# What an expression may raise, and a request that is refused.
WRONG = (ApiError, ValueError, LookupError, TypeError, AttributeError, rendering.UndefinedError)
WAITING = (statuses.PENDING, statuses.PAUSED)


@dataclass
class Outcome:
    """What a task came to, as the expressions behind it see it."""

    status: str
    result: Any
    runner: str = ""


@dataclass
class Items:
    """A task with items. As in Orquesta an item is noted as waiting or ended, and not as resumed;
    and a task that is `paused` takes no notice of the end of its last item: it has to be resumed.
    """

    task: Task
    statuses: List[str] = field(default_factory=list)
    results: List[Any] = field(default_factory=list)
    paused: bool = False

    def note(self, place: int, child: Record) -> None:
        """An item waits, or has ended."""
        self.statuses[place] = child.status
        if child.completed:
            self.results[place] = child.result
        if not self.ended and statuses.RUNNING not in self.statuses:
            self.paused = True

    @property
    def ended(self) -> bool:
        """Whether every item has."""
        return all(each in statuses.COMPLETED for each in self.statuses)

    @property
    def outcome(self) -> Outcome:
        """What all of them came to."""
        well = all(each == statuses.SUCCEEDED for each in self.statuses)
        return Outcome(statuses.SUCCEEDED if well else statuses.FAILED, self.results)


class WorkflowRun:
    """`begin` it; `child_changed` moves it on. `ignores_events`: nothing moves it any more."""

    def __init__(
        self,
        engine: Engine,
        record: Record,
        spec: Spec,
        functions: Functions,
        render_parameters: ParameterRenderer,
    ) -> None:
        self.ignores_events = False
        self._engine = engine
        self._record = record
        self._spec = spec
        self._functions = functions
        self._render_parameters = render_parameters
        self._context: Json = {}
        self._active: Dict[str, Task] = {}
        self._items: Dict[str, Tuple[Items, int]] = {}
        self._next_tasks: List[Task] = []
        self._errors: List[Json] = []
        self._results: Dict[str, Any] = {}
        self._without_output = False

    def begin(self) -> None:
        """Inputs, variables, and the tasks that no other leads to."""
        inputs, _ = parameters.complete(self._record.entry.action, self._record.parameters)
        self._record.context["workflow_execution"] = new_id()
        self._context = {"st2": self._st2(), "parent": self._record.context}

        def first() -> None:
            for name, default in self._spec.input:
                value = inputs.get(name)
                self._context[name] = self._rendered(default) if value is None else value
            for name, value in self._spec.vars:
                self._context[name] = self._rendered(value)
            self._next_tasks = self._spec.first()

        if self._succeeds(first):
            self.go_on()

    def go_on(self) -> None:
        """Begin what is to be done next, or end."""
        while self._next_tasks and self._record.status == statuses.RUNNING:
            task = self._next_tasks.pop(0)
            if not self._succeeds(lambda: self._begin_task(task)):  # noqa: B023 (called at once)
                return
        if not self._active and not self._next_tasks:
            self._end()
        else:
            self.pause_if_idle()

    def child_changed(self, child: Record) -> None:
        """Move on with a task that has ended; be paused where all that is left waits."""
        if self.ignores_events or self._record.completed or child.id not in self._active:
            return
        if child.id in self._items:
            self._item_changed(*self._items[child.id], child)
        elif child.completed:
            outcome = Outcome(child.status, child.result, child.runner)
            self._task_ended(self._active.pop(child.id), outcome)
        elif child.status in WAITING:
            self.pause_if_idle()

    def resumed_by(self, child: Record) -> None:
        """An execution of a task goes on, and with it the task."""
        if child.id in self._items:
            self._items[child.id][0].paused = False

    def _item_changed(self, items: Items, place: int, child: Record) -> None:
        if not child.completed and child.status not in WAITING:
            return
        was_paused = items.paused
        items.note(place, child)
        if self._record.status == statuses.CANCELING:
            self._cancelled_if_idle()
        elif items.ended and not was_paused:
            item_ids = [each for each, (found, _) in self._items.items() if found is items]
            for each in item_ids:
                self._active.pop(each)
            self._task_ended(items.task, items.outcome)
        else:
            self.pause_if_idle()

    def pause_if_idle(self) -> None:
        """Paused, when no task runs and there is one that waits, or a pause was asked for."""
        running = [each for each in self._children() if self._runs(each)]
        is_inquiry = self._record.status == statuses.PAUSING
        waits = (
            bool(self._active) and self._record.status == statuses.RUNNING and not self._next_tasks
        )
        if not running and (is_inquiry or waits):
            self._engine.set_status(self._record, statuses.PAUSED, {"output": None})

    def _runs(self, child: Record) -> bool:
        """Whether this keeps the workflow from being paused: of items, what their task says."""
        if child.id in self._items:
            return not self._items[child.id][0].paused
        return child.status in statuses.ACTIVE

    def cancel(self) -> None:
        """Sub-workflows are cancelled too, what else runs is waited for."""
        self._next_tasks = []
        for child in self._children():
            workflow = child.runner == ORQUESTA and child.status in statuses.CANCELABLE
            if workflow or child.status == statuses.DELAYED:
                self._engine.cancel(child, self._record.context["cancelled_by"])
        self._cancelled_if_idle()

    def _cancelled_if_idle(self) -> None:
        if not any(each.status in statuses.ACTIVE for each in self._children()):
            self._engine.set_status(self._record, statuses.CANCELED)

    def _children(self) -> List[Record]:
        return [self._engine.records[each] for each in self._active]

    def _begin_task(self, task: Task) -> None:
        if not task.items:
            self._begin_action(task, self._functions)
            return
        values = self._rendered(task.items)
        if not isinstance(values, (list, tuple)):
            raise TypeError(f"The items of task {task.name} are no list.")
        count = len(values)
        items = Items(task, [statuses.RUNNING] * count, [None] * count)
        for place, value in enumerate(values):
            child = self._begin_action(task, {**self._functions, "item": _item_of(task, value)})
            self._items[child.id] = (items, place)
        if not values:
            self._task_ended(task, items.outcome)

    def _begin_action(self, task: Task, functions: Functions) -> Record:
        known_functions = {**self._with_task(None, None), **functions}
        ref, values = (
            copy.deepcopy(render(each, known_functions)) for each in (task.action, task.input)
        )
        above = self._record.context
        chat = {key: above[key] for key in FROM_CHAT if above.get(key)}
        context = {
            "user": above.get("user"),
            **chat,
            "parent": {
                "execution_id": self._record.id,
                "user": above.get("user"),
                "pack": above["pack"],
                **chat,
            },
            "orquesta": {
                "workflow_execution_id": above["workflow_execution"],
                "task_execution_id": new_id(),
                "task_name": task.name,
                "task_id": task.name,
                "task_route": 0,
            },
        }
        inputs = {key: value for key, value in values.items() if value is not None}
        inputs = self._render_parameters(inputs, context)
        child = self._engine.request(ref, inputs, context, parent=self._record.id)
        self._active[child.id] = task
        return child

    def _task_ended(self, task: Task, child: Outcome) -> None:
        if self._record.status == statuses.CANCELING:
            self._cancelled_if_idle()
        elif child.status == statuses.CANCELED:
            self._finish(statuses.CANCELED, {"output": None})
        elif child.status == statuses.TIMED_OUT and child.runner == INQUIRER:
            self._finish(statuses.SUCCEEDED, {"output": None})
        else:
            self._results[task.name] = child.result
            self._succeeds(lambda: self._follow(task, child))
            if not self._record.completed:
                self.go_on()

    def _follow(self, task: Task, child: Outcome) -> None:
        """Publish, and note what is next. A failure that nothing takes up is the workflow's."""
        succeeded = child.status == statuses.SUCCEEDED
        following = [each for each in task.next if self._applies(each, child, succeeded)]
        for each in following:
            for name, value in each.publish:
                self._context[name] = self._rendered(value, child, succeeded)
        todo = [name for each in following for name in each.do]
        self._next_tasks += [self._spec.tasks[name] for name in todo if name in self._spec.tasks]
        failed = not succeeded and not any(name != "continue" for name in todo)
        if failed or "fail" in todo:
            self._next_tasks = []
            self._errors.append(
                {
                    "type": "error",
                    "message": "Execution failed. See result for details.",
                    "task_id": task.name,
                    "result": child.result,
                }
            )
        is_inquiry = child.runner == INQUIRER
        self._without_output = is_inquiry and not any(name in self._spec.tasks for name in todo)

    def _applies(self, transition: Transition, child: Outcome, succeeded: bool) -> bool:
        return transition.when is None or bool(self._rendered(transition.when, child, succeeded))

    def _end(self) -> None:
        status = statuses.FAILED if self._errors else statuses.SUCCEEDED
        result: Json = {"output": None}
        if self._errors:
            result["errors"] = self._errors
        if not self._without_output:
            result["output"] = self._output() or None
            if self._errors:
                status, result["errors"] = statuses.FAILED, self._errors
        self._finish(status, result)

    def _output(self) -> Json:
        """As far as it can be computed; what cannot is an error more."""
        found: Json = {}
        for name, value in self._spec.output:
            try:
                found[name] = self._rendered(value)
            except WRONG as error:
                self._errors.append(_error_json(error))
        return found

    def _finish(self, status: str, result: Json) -> None:
        self._next_tasks = []
        self._engine.finish(self._record, status, result)

    def _succeeds(self, work: Callable[[], None]) -> bool:
        """Whether it went well; what is wrong in an expression fails the workflow."""
        try:
            work()
        except WRONG as error:
            self._errors.append(_error_json(error))
            output = self._output() or None
            self._finish(statuses.FAILED, {"output": output, "errors": self._errors})
            return False
        return True

    def _rendered(
        self, value: Any, child: Optional[Outcome] = None, succeeded: Optional[bool] = None
    ) -> Any:
        return copy.deepcopy(render(value, self._with_task(child, succeeded)))

    def _with_task(self, child: Optional[Outcome], succeeded: Optional[bool]) -> Functions:
        def ctx(name: Optional[str] = None) -> Any:
            if name is not None and name not in self._context:
                raise LookupError(f'The variable "{name}" is undefined.')
            return self._context if name is None else self._context[name]

        def result(task: Optional[str] = None) -> Any:
            return self._results[task] if task else (child.result if child else None)

        return {
            **self._functions,
            "ctx": ctx,
            "result": result,
            "succeeded": lambda: succeeded is True,
            "failed": lambda: succeeded is False,
            "completed": lambda: succeeded is not None,
        }

    def _st2(self) -> Json:
        record = self._record
        chat = {key: record.context[key] for key in FROM_CHAT if record.context.get(key)}
        return {
            "action_execution_id": record.id,
            "api_url": self._functions["_api_url"](),
            "user": record.context.get("user"),
            "pack": record.entry.action.pack,
            "action": record.ref,
            "runner": ORQUESTA,
            **chat,
        }


def _item_of(task: Task, value: Any) -> Callable[..., Any]:
    """`item()` and `item(NAME)`."""

    def item(name: Optional[str] = None) -> Any:
        if name not in (None, task.item):
            raise LookupError(f'The item "{name}" is undefined.')
        return value

    return item


def _error_json(error: BaseException) -> Json:
    return {"type": "error", "message": f"{type(error).__name__}: {error}"}
