"""Rules as far as the sandbox knows them: which payload matches, and what the action is given.

Of StackStorm's operators there are `equals`, `contains`, `startswith` and `regex`, each with its
short forms and the ones that ignore case or deny, `exists` and `nexists`; of its templates those of
Jinja over `trigger`, with Jinja's own filters and a few of StackStorm's. Anything else is refused
by name, never guessed: it takes a real StackStorm.
"""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, List

from sandbox.stackstorm import rendering
from sandbox.stackstorm.metadata import PACK, load_yaml
from sandbox.stackstorm.validation_errors import ValidationError, ValidationErrors, raise_if_any

Payload = Dict[str, Any]

_PATH = r"trigger(?:\.\w+|\[\d+\])+"
_WHOLE_PATH = re.compile(_PATH + r"\Z", re.ASCII)
_TEMPLATE = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_OTHER_TEMPLATE = re.compile(r"\{%.*?%\}|\{#.*?#\}|<%.*?%>", re.DOTALL)
_FILTERS = ("default", "urlencode", "replace", "tojson", "to_json_string")
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]", re.ASCII)


def _search(value: str, pattern: str) -> bool:
    return re.search(pattern, value) is not None


def _ignoring_case(compare: Callable[[str, str], bool]) -> Callable[[str, str], bool]:
    return lambda value, pattern: compare(value.lower(), pattern.lower())


OPERATORS: Dict[str, Callable[[Any, Any], bool]] = {
    "equals": operator.eq,
    "eq": operator.eq,
    "iequals": _ignoring_case(operator.eq),
    "ieq": _ignoring_case(operator.eq),
    "nequals": operator.ne,
    "neq": operator.ne,
    "contains": operator.contains,
    "icontains": _ignoring_case(operator.contains),
    "ncontains": lambda value, pattern: pattern not in value,
    "regex": _search,
    "iregex": lambda value, pattern: re.search(pattern, value, re.IGNORECASE) is not None,
    "startswith": lambda value, pattern: value.startswith(pattern),
    "istartswith": lambda value, pattern: value.lower().startswith(pattern.lower()),
    "exists": lambda value, pattern: value is not None,
    "nexists": lambda value, pattern: value is None,
}


@dataclass(frozen=True)
class Rule:
    """One rule. `criteria`: path of the payload → {"type": operator, "pattern": …}."""

    pack: str
    name: str
    trigger: str
    action: str
    description: str = ""
    enabled: bool = False
    criteria: Dict[str, Dict[str, Any]] = field(default_factory=dict)
    parameters: Dict[str, Any] = field(default_factory=dict)

    @property
    def ref(self) -> str:
        """pack.name, as StackStorm names it."""
        return f"{self.pack}.{self.name}"

    def matches(self, trigger: str, payload: Payload) -> bool:
        """Whether the payload of such a trigger meets every criterion; `enabled` is not looked at.

        A value that is not there, or that the operator cannot compare, does not match.
        """
        return trigger == self.trigger and all(
            _meets(_value(key, payload), criterion) for key, criterion in self.criteria.items()
        )

    def action_parameters(self, payload: Payload) -> Dict[str, Any]:
        """The action's parameters, rendered with the payload."""
        rendered: Dict[str, Any] = _rendered(self.parameters, payload)
        return rendered


def load_rules(pack: Path = PACK) -> List[Rule]:
    """Every rule of a pack, in the order of the files' names; ValidationErrors."""
    return [
        read_rule(load_yaml(path), path.name) for path in sorted((pack / "rules").glob("*.y*ml"))
    ]


def read_rule(loaded: Any, where: str = "rule") -> Rule:
    """The rule in a YAML document; ValidationErrors for what cannot be used here."""
    if not isinstance(loaded, dict):
        raise ValidationErrors([ValidationError(where, "is no rule")])
    trigger, action = loaded.get("trigger") or {}, loaded.get("action") or {}
    rule = Rule(
        pack=str(loaded.get("pack") or "default"),
        name=str(loaded.get("name") or ""),
        trigger=str(trigger.get("type") or ""),
        action=str(action.get("ref") or ""),
        description=str(loaded.get("description") or ""),
        enabled=bool(loaded.get("enabled")),
        criteria=loaded.get("criteria") or {},
        parameters=action.get("parameters") or {},
    )
    required = {"name": rule.name, "trigger.type": rule.trigger, "action.ref": rule.action}
    errors = [
        ValidationError(f"{where}: {key}", "is required") for key, it in required.items() if not it
    ]
    for key, criterion in rule.criteria.items():
        errors += [ValidationError(f"{where}: {key}", text) for text in _faults(key, criterion)]
    errors += [ValidationError(f"{where}: {text}", _UNKNOWN) for text in _unknown(rule.parameters)]
    raise_if_any(errors)
    return rule


_UNKNOWN = "is a template that only StackStorm renders"


def _faults(key: str, criterion: Any) -> List[str]:
    if not isinstance(criterion, dict) or criterion.get("pattern") is None:
        return ["needs `type` and `pattern`"]
    found = []
    if criterion.get("type") not in OPERATORS:
        found.append(f"has the operator {criterion.get('type')!r}; here are {', '.join(OPERATORS)}")
    if not _WHOLE_PATH.match(_without_mark(key)):
        found.append("is a path that only StackStorm follows")
    if isinstance(criterion["pattern"], str) and _templates_in(criterion["pattern"]):
        found.append("has a template as its pattern, which only StackStorm renders")
    return found


def _without_mark(key: str) -> str:
    """`trigger.text#2` is a second criterion for `trigger.text`."""
    return key.split("#", 1)[0]


def _meets(value: Any, criterion: Dict[str, Any]) -> bool:
    try:
        return bool(OPERATORS[criterion["type"]](value, criterion["pattern"]))
    except (TypeError, AttributeError):
        return False


def _value(key: str, payload: Payload) -> Any:
    """What stands at a path such as trigger.user.name; None where nothing does."""
    value: Any = payload
    for name, index in _STEP.findall(_without_mark(key)):
        try:
            value = value[name] if name else value[int(index)]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _rendered(value: Any, payload: Payload) -> Any:
    if isinstance(value, dict):
        return {key: _rendered(inner, payload) for key, inner in value.items()}
    if isinstance(value, list):
        return [_rendered(inner, payload) for inner in value]
    if not isinstance(value, str):
        return value
    try:
        return rendering.render(value, {"trigger": payload})
    except rendering.UndefinedError as error:
        raise ValidationErrors([ValidationError(value, f"cannot be rendered: {error}")]) from None


def _unknown(value: Any) -> List[str]:
    """The templates in a value that need more than the payload and what is known here."""
    if isinstance(value, dict):
        return [text for inner in value.values() for text in _unknown(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in _unknown(inner)]
    found = _templates_in(value) if isinstance(value, str) else []
    return [text for text in found if not _is_simple(text)]


def _templates_in(text: str) -> List[str]:
    return [each.group() for each in _TEMPLATE.finditer(text)] + _OTHER_TEMPLATE.findall(text)


def _is_simple(template: str) -> bool:
    return template.startswith("{{") and rendering.needs_only(template, "trigger", _FILTERS)
