"""One call of an action of ours → what must change in it.

What StackStorm would refuse is asked of the sandbox's own check of parameters; what to do instead
comes from the listed breaks. Expressions are not judged by type.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Tuple

from sandbox.stackstorm.metadata import Action
from sandbox.stackstorm.runner import parameters
from sandbox.stackstorm.validation_errors import ValidationError, ValidationErrors
from tools.upgrade_check import derived_breaks
from tools.upgrade_check.documents import ParsedValue
from tools.upgrade_check.finding import BREAK, NOTE
from tools.upgrade_check.interface import Interface
from tools.upgrade_check.references import Reference

Parameters = Mapping[str, ParsedValue]

_ASK = "see `st2 action get {}`"


class Problem(NamedTuple):
    """A finding without its file."""

    line: int
    level: str
    what: str
    instead: str = ""


def is_call_of_pack(interface: Interface, reference: Reference) -> bool:
    """Whether the call goes to an action of this pack, or may go to one."""
    return reference.is_open or reference.ref.startswith(f"{interface.ref}.")


def find_problems(interface: Interface, reference: Reference) -> Iterator[Problem]:
    """All there is to say about one call that concerns us."""
    if reference.is_open:
        yield Problem(
            reference.line,
            NOTE,
            "which action this is, is known at run time only",
            "look whether it can be one of slack, and which",
        )
        return
    name = reference.ref.partition(".")[2]
    action = interface.action(name)
    if action:
        yield from _current(interface, name, action, reference)
    elif name in interface.pending:
        why = interface.pending[name]
        yield Problem(reference.line, NOTE, f"{reference.ref} is not here yet, not judged", why)
    elif name in interface.old:
        yield from _retired(interface, name, reference)
    else:
        yield Problem(
            reference.line,
            BREAK,
            f"there is no action {reference.ref}",
            similar_names(interface, name),
        )


def similar_names(interface: Interface, name: str) -> str:
    """Actions of a similar name, in words."""
    close = difflib.get_close_matches(name, interface.names, n=3)
    suggestion = " or ".join(f"{interface.ref}.{each}" for each in close)
    return (
        f"did you mean {suggestion}?" if suggestion else f"see `st2 action list -p {interface.ref}`"
    )


def _current(
    interface: Interface, name: str, action: Action, reference: Reference
) -> Iterator[Problem]:
    if reference.parameters is None:
        return
    for error in _errors(action, reference.parameters):
        yield _refused(interface, name, action, reference, error)
    yield from _notes(interface, name, reference, reference.parameters)


def _refused(
    interface: Interface, name: str, action: Action, reference: Reference, error: ValidationError
) -> Problem:
    """What StackStorm would refuse, with what the listed breaks say to it."""
    parameter = _top(error.name)
    value = (reference.parameters or {}).get(parameter)
    where = f"`{error.name}` of {action.ref}"
    if value is None:
        entry = interface.kind_of(name, parameter, "required")
        why = f" ({entry['why']})" if entry else ""
        return Problem(reference.line, BREAK, f"{where} {error.text}{why}", "give it")
    if parameter not in action.schema:
        return Problem(value.line, BREAK, error_text(error), _ASK.format(action.ref))
    entry = interface.kind_of(name, parameter, *_TYPES)
    instead = _quoted(parameter, value, action) or (entry["instead"] if entry else "")
    return Problem(value.line, BREAK, f"{where} {error.text}", instead or _ASK.format(action.ref))


_TYPES = (
    "number to string",
    "integer to string",
    "string to array",
    "string to object",
    "string to boolean",
    "string to integer",
)


def error_text(error: ValidationError) -> str:
    """A mistake as part of a sentence, its name marked as such."""
    return f"`{error.name}` {error.text}"


def _quoted(parameter: str, value: ParsedValue, action: Action) -> str:
    """For a number where text is wanted: the text itself, digits as they were written."""
    schema = action.schema[parameter]
    number = isinstance(value.value, (int, float)) and not isinstance(value.value, bool)
    if schema["type"] != "string" or not number or schema.get("secret") or not value.written:
        return ""
    return f'quote it: {parameter}: "{value.written}"'


def _notes(
    interface: Interface, name: str, reference: Reference, parsed: Parameters
) -> Iterator[Problem]:
    changed = interface.kinds["changed defaults"]
    for parameter in changed["where"].get(name, ()):
        if parameter not in parsed or _is_null(parsed[parameter]):
            yield Problem(
                reference.line,
                NOTE,
                f"`{parameter}` of {reference.ref} is left to its default: {changed['change']}",
                changed["instead"],
            )
    result = interface.kinds["upload result"]
    if name in result["actions"]:
        yield Problem(
            reference.line, NOTE, f"{reference.ref}: {result['change']}", result["instead"]
        )
    for kind in ("files", "unsent", "filetype", "falsy"):
        for parameter, value in parsed.items():
            entry = interface.kind_of(name, parameter, kind)
            if entry and not _is_null(value) and (kind != "falsy" or _is_falsy(value)):
                what = f"`{parameter}` of {reference.ref}: {entry['change']}"
                yield Problem(value.line, NOTE, what, entry["instead"])


def _is_falsy(value: ParsedValue) -> bool:
    return str(value.value).lower() in ("false", "0")


def _retired(interface: Interface, name: str, reference: Reference) -> Iterator[Problem]:
    what = f"{reference.ref} is gone: Slack has retired the method"
    others = derived_breaks.replacements(interface, name)
    if not others:
        yield Problem(reference.line, BREAK, what, "nothing took its place")
        return
    instead = "use " + " or ".join(f"{interface.ref}.{other}" for other in others)
    action = interface.action(others[0])
    if action is None or reference.parameters is None:
        yield Problem(reference.line, BREAK, what, instead)
        return
    moved, hints = _moved(interface, action, reference.parameters)
    errors = _errors(action, moved)
    needed = [error.name for error in errors if error.name not in moved]
    hints += [f"it needs {', '.join(f'`{each}`' for each in needed)} too"] if needed else []
    yield Problem(reference.line, BREAK, what, "; ".join([instead, *hints]))
    there = dataclasses.replace(reference, parameters=moved)
    for error in errors:
        if _top(error.name) in moved:
            yield _refused(interface, others[0], action, there, error)
    yield from _notes(interface, others[0], dataclasses.replace(there, ref=action.ref), moved)


def _moved(
    interface: Interface, action: Action, parsed: Parameters
) -> Tuple[Dict[str, ParsedValue], List[str]]:
    """(the parameters by the names of the replacement, what is said about the others)."""
    moved: Dict[str, ParsedValue] = {}
    hints: List[str] = []
    for name, value in parsed.items():
        if name in action.schema:
            moved[name] = value
            continue
        rule: Mapping[str, Any] = interface.kinds["retired"]["parameters"].get(name) or {}
        other: Optional[str] = rule.get("to")
        if other in action.schema:
            moved.setdefault(str(other), value)
        hints.append(_hint(name, other if other in action.schema else None, rule.get("why")))
    return moved, hints


def _hint(name: str, other: Optional[str], why: Optional[str]) -> str:
    reason = f" ({why})" if why else ""
    return f"`{name}` is `{other}` there{reason}" if other else f"leave `{name}` out{reason}"


def _errors(action: Action, parsed: Parameters) -> List[ValidationError]:
    """What StackStorm would refuse of these parameters; expressions are taken for right."""
    schema = action.schema
    right = {
        name
        for name, value in parsed.items()
        if value.open and name in schema and not schema[name].get("immutable")
    }
    checked_schema = {name: each for name, each in action.parameters.items() if name not in right}
    checked_action = dataclasses.replace(action, parameters=checked_schema)
    # Placeholders of expressions under unknown names are never checked.
    values = {
        name: None if value.open else value.value
        for name, value in parsed.items()
        if name not in right
    }
    try:
        parameters.check(checked_action, values)
    except ValidationErrors as error:
        return error.errors
    return []


def _is_null(value: ParsedValue) -> bool:
    return value.value is None and not value.open


def _top(name: str) -> str:
    return re.split(r"[.\[]", name)[0]
