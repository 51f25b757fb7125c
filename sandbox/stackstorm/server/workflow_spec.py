"""PURE: the definition of an Orquesta workflow, as far as it is known here.

Tasks follow one another and may branch, and may have items (`with: NAME in <% … %>`); `join`,
`retry`, `delay` and the concurrency of items are refused by name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Tuple

from sandbox.stackstorm import rendering
from sandbox.stackstorm.server import yaql_expressions
from sandbox.stackstorm.validation_errors import ValidationError, ValidationErrors

Json = Dict[str, Any]
Pairs = List[Tuple[str, Any]]
Functions = Mapping[str, Callable[..., Any]]

COMMANDS = ("noop", "continue", "fail")
_WORKFLOW = {"version", "description", "input", "vars", "tasks", "output", "tags"}
_TASK = {"action", "input", "next", "with"}
_NEXT = {"when", "publish", "do"}
_ITEMS = re.compile(r"\s*(?:(\w+)\s+in\s+)?(<%.*%>|\{\{.*\}\})\s*", re.DOTALL)
_EXPRESSION = re.compile(r"<%\s*(.*?)\s*%>", re.DOTALL)
_JINJA = re.compile(r"\{\{\s*(.*?)\s*\}\}", re.DOTALL)


@dataclass(frozen=True)
class Transition:
    """What follows a task: `when` (always if None), what is published, the tasks to do."""

    when: Optional[str]
    publish: Pairs
    do: List[str]


@dataclass(frozen=True)
class Task:
    """One task. `input` and `action` may hold expressions. `items`: the expression of the items, ""
    for a task without; `item`: the name by which `item(NAME)` gives one, "" for `item()`.
    """

    name: str
    action: str
    input: Any = field(default_factory=dict)
    next: List[Transition] = field(default_factory=list)
    items: str = ""
    item: str = ""


@dataclass(frozen=True)
class Spec:
    """A workflow: inputs and variables with what they begin as, tasks, output."""

    input: Pairs
    vars: Pairs
    tasks: Dict[str, Task]
    output: Pairs

    def first(self) -> List[Task]:
        """The tasks that no other leads to."""
        led_to = {name for task in self.tasks.values() for each in task.next for name in each.do}
        return [task for task in self.tasks.values() if task.name not in led_to]


def read(document: Any, where: str) -> Spec:
    """The definition in a document; ValidationErrors with all that is not known here."""
    errors = list(_errors(document))
    if errors:
        raise ValidationErrors([ValidationError(where, text) for text in errors])
    tasks = {name: _task(name, task) for name, task in document["tasks"].items()}
    known_keys = {*tasks, *COMMANDS}
    for task in tasks.values():
        for name in [each for after in task.next for each in after.do if each not in known_keys]:
            errors.append(f"task {task.name} leads to {name}, which is no task")
    if errors:
        raise ValidationErrors([ValidationError(where, text) for text in errors])
    return Spec(
        input=_pairs(document.get("input")),
        vars=_pairs(document.get("vars")),
        tasks=tasks,
        output=_pairs(document.get("output")),
    )


def render(value: Any, functions: Functions) -> Any:
    """A value with its expressions computed; one that is a whole text keeps its type.

    Text that an expression comes to is computed again, as StackStorm's engine does: whoever may
    write `<% … %>` into a variable is heard.
    """
    if isinstance(value, dict):
        return {key: render(inner, functions) for key, inner in value.items()}
    if isinstance(value, list):
        return [render(inner, functions) for inner in value]
    if not isinstance(value, str):
        return value
    return _yaql(value, functions) if "<%" in value else _jinja(value, functions)


def _yaql(text: str, functions: Functions) -> Any:
    def computed(expression: str) -> Any:
        found = yaql_expressions.evaluate(expression, functions)
        return _yaql(found, functions) if isinstance(found, str) else found

    whole = _EXPRESSION.fullmatch(text)
    if whole and "%>" not in whole[1]:
        return computed(whole[1])
    return _EXPRESSION.sub(lambda found: str(computed(found[1])), text)


def _jinja(text: str, functions: Functions) -> Any:
    whole = _JINJA.fullmatch(text)
    if whole and "}}" not in whole[1]:
        found = rendering.evaluate(whole[1], dict(functions))
        return _jinja(found, functions) if isinstance(found, str) else found
    return rendering.render(text, dict(functions))


def _errors(document: Any) -> Iterator[str]:
    if not isinstance(document, dict) or not isinstance(document.get("tasks"), dict):
        yield "is no workflow with tasks"
        return
    yield from _unknown("the workflow", document, _WORKFLOW)
    for key in ("input", "vars", "output"):
        yield from _no_list(key, document)
    for name, task in document["tasks"].items():
        yield from _unknown(f"task {name}", task or {}, _TASK)
        if re.search(r"\s", _EXPRESSION.sub("", str((task or {}).get("action") or "")).strip()):
            yield f"task {name}: parameters stand under `input` here, not behind the action"
        items = (task or {}).get("with")
        if items is not None and not (isinstance(items, str) and _ITEMS.fullmatch(items)):
            yield f"task {name}: `with` is `NAME in <% … %>` here"
        for each in (task or {}).get("next") or []:
            yield from _unknown(f"task {name}, next", each, _NEXT)
            yield from _no_list("publish", each)


def _unknown(where: str, document: Json, known_keys: Any) -> Iterator[str]:
    for key in document:
        if key not in known_keys:
            yield f"{where}: `{key}` is not known here, only a whole StackStorm has it"


def _no_list(key: str, document: Json) -> Iterator[str]:
    if not isinstance(document.get(key) or [], list):
        yield f"`{key}` must be a list of names and values here"


def _task(name: str, document: Optional[Json]) -> Task:
    whole = document or {}
    items = _ITEMS.fullmatch(whole.get("with") or "")
    return Task(
        name=name,
        action=whole.get("action") or "core.noop",
        input=whole.get("input") or {},
        next=[_transition(each) for each in whole.get("next") or []],
        items=items[2] if items else "",
        item=(items[1] or "") if items else "",
    )


def _transition(document: Json) -> Transition:
    do = document.get("do") or []
    names = [each.strip() for each in do.split(",")] if isinstance(do, str) else list(do)
    return Transition(document.get("when"), _pairs(document.get("publish")), names)


def _pairs(entries: Any) -> Pairs:
    """[{"a": 1}, "b"] → [("a", 1), ("b", None)]."""
    found: Pairs = []
    for each in entries or []:
        found += [(each, None)] if isinstance(each, str) else list(each.items())
    return found
