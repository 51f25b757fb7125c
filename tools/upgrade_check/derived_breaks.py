"""The breaks that follow from the interfaces of 2.x and of now. Nothing is written or judged here.

Each has the form in which etc/upgrade_2x.yaml lists it, so that the two can be compared: names of
actions, or action → names of parameters, all sorted.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Tuple, Union

from sandbox.stackstorm.metadata import Action
from tools.upgrade_check.interface import Interface

Where = Dict[str, List[str]]
Listing = Union[List[str], Where]
Schema = Mapping[str, Any]

# Kinds that are found by comparing the two interfaces; the others are seen on the wire only.
ALWAYS = ("retired", "lost", "required", "defaults", "changed defaults", "verb", "files")


def find_breaks(interface: Interface) -> Dict[str, Listing]:
    """Kind → where it is found. A kind of change that nobody listed yet shows as a new key."""
    found: Dict[str, Listing] = {kind: {} for kind in ALWAYS}
    found["retired"] = [name for name in sorted(interface.old) if is_retired(interface, name)]
    found["verb"] = verbs = []
    for name, action in current_actions(interface):
        for kind, parameter in _changes(interface, name, action):
            if kind == "verb":
                verbs.append(name)
            else:
                where = found.setdefault(kind, {})
                assert isinstance(where, dict)
                where.setdefault(name, []).append(parameter)
    return found


def is_retired(interface: Interface, name: str) -> bool:
    """Whether Slack retired the method of a 2.x action, and the action with it.

    What was written by hand in 2.x (files.upload) is kept, whatever becomes of the method.
    """
    old = interface.old[name]
    return bool(old["retired"]) and not old.get("hand_written") and name not in interface.names


def current_actions(interface: Interface) -> Iterator[Tuple[str, Action]]:
    """The actions of 2.x that are there now."""
    for name in sorted(interface.old):
        action = interface.action(name)
        if action:
            yield name, action


def missing(interface: Interface) -> List[str]:
    """Actions of 2.x that are not there although Slack retired nothing."""
    return [
        name
        for name in sorted(interface.old)
        if name not in interface.names and not is_retired(interface, name)
    ]


def parameters_without_replacement(interface: Interface) -> List[str]:
    """Parameters of retired actions that a replacement has not, by name."""
    missing_names = set()
    for name in filter(lambda each: is_retired(interface, each), interface.old):
        for other in replacements(interface, name):
            now = interface.action(other)
            missing_names |= set(interface.old[name]["parameters"]) - set(now.schema if now else ())
    return sorted(missing_names - {"token"})


def replacements(interface: Interface, name: str) -> List[str]:
    """The actions that took the place of a retired one."""
    facts = interface.facts.get(name) or {}
    return [each for each in facts.get("replaced_by") or () if each in interface.names]


def _changes(interface: Interface, name: str, action: Action) -> Iterator[Tuple[str, str]]:
    for parameter, old in sorted(interface.old[name]["parameters"].items()):
        new = action.parameters.get(parameter)
        # What is written by hand takes what its metadata says, whatever the method's facts are.
        fact = _fact(interface, name, parameter) if action.entry_point == "run.py" else {}
        if new is None:
            yield "lost", parameter
        elif parameter == "http_method":
            if old.get("default") != new.get("default"):
                yield "verb", parameter
        else:
            yield from ((kind, parameter) for kind in _kinds(interface, parameter, old, new, fact))
    for parameter, new in sorted(action.parameters.items()):
        if parameter not in interface.old[name]["parameters"] and _is_required(new):
            yield "required", parameter


def _kinds(
    interface: Interface, parameter: str, old: Schema, new: Schema, fact: Schema
) -> Iterator[str]:
    if old["type"] != new["type"]:
        yield f"{old['type']} to {new['type']}"
    if _is_required(new) and not _is_required(old):
        yield "required"
    if old.get("default") is not None and old["default"] != new.get("default"):
        yield "defaults"
        if not _same_effect(interface, parameter, old["default"], fact):
            yield "changed defaults"
    if fact.get("format") == "binary":
        yield "files"


def _is_required(schema: Schema) -> bool:
    """Whether somebody must give it: a default does as well."""
    return bool(schema.get("required")) and schema.get("default") is None


def _same_effect(interface: Interface, parameter: str, default: Any, fact: Schema) -> bool:
    """Whether Slack does without the 2.x default what it did with it."""
    if "default" in fact and _on_wire(default) == _on_wire(fact["default"]):
        return True
    ruled = interface.kinds["defaults"]["same_effect"]
    # Compared with their types: 0 is not the empty text, nor False.
    return any(
        (parameter, repr(default)) == (each["parameter"], repr(each["default"])) for each in ruled
    )


def _on_wire(value: Any) -> str:
    """A default as text in which equal meanings are equal: 0 is false, a list its pieces."""
    if isinstance(value, list):
        return ",".join(map(_on_wire, value))
    return {"true": "1", "false": "0"}.get(str(value).lower(), str(value))


def _fact(interface: Interface, name: str, parameter: str) -> Schema:
    facts = interface.facts.get(name) or {}
    found: Schema = (facts.get("args") or {}).get(parameter) or {}
    return found
