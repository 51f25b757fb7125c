"""Parameters of one execution: what the API refuses, and what `run()` gets in the end.

`check` is the API's part (templates, casts, schema), `complete` the runner's (defaults, fixed
values, None for the rest). `from_words` does what the st2 command does and then `check`.
"""

from __future__ import annotations

import difflib
import re
from typing import Any, Dict, List, Sequence, Tuple

from sandbox.stackstorm import coercion
from sandbox.stackstorm.masking import mask_parameters
from sandbox.stackstorm.metadata import RUNNER_PARAMETERS, Action
from sandbox.stackstorm.runner import command_words
from sandbox.stackstorm.schema import Schema, violations, with_defaults
from sandbox.stackstorm.validation_errors import Mistake, raise_any

_RAW = re.compile(r"\{%-?\s*raw\s*-?%\}(.*?)\{%-?\s*endraw\s*-?%\}", re.DOTALL)
_TEMPLATE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)


def from_words(action: Action, given: Sequence[str]) -> Dict[str, Any]:
    """Checked values of `name=value` words; Mistakes with all that is wrong with them."""
    values, mistakes = command_words.parse(given, action.schema)
    checked, more = _checked(action, values)
    named = {mistake.name.lstrip("@") for mistake in mistakes}
    raise_any(mistakes + [mistake for mistake in more if mistake.name not in named])
    return checked


def check(action: Action, values: Dict[str, Any], literal: bool = False) -> Dict[str, Any]:
    """Cast and checked values (name → value, only those given); Mistakes with all that is wrong.

    `values` are what a rule or a workflow hands over: any JSON value, text is cast. `literal`:
    what looks like a template in them is text, or was rendered before.
    """
    checked, mistakes = _checked(action, values, literal)
    raise_any(mistakes)
    return checked


def complete(action: Action, checked: Dict[str, Any]) -> Tuple[Dict[str, Any], Dict[str, Any]]:
    """(what `run()` gets: every parameter of the action, what the runner gets).

    Absent or null means the default, else None; a fixed parameter is always its default.
    """
    final, mistakes = {}, []
    for name, schema in action.schema.items():
        value = checked.get(name)
        if value is None or schema.get("immutable"):
            value = schema.get("default")
        try:
            final[name] = coercion.cast(schema["type"], value)
        except coercion.NotCast as error:
            mistakes.append(Mistake(name, f"its default {error.wanted}"))
    raise_any(mistakes)
    runner = {name: final.pop(name) for name in RUNNER_PARAMETERS if name in final}
    return final, runner


def masked(action: Action, values: Dict[str, Any]) -> Dict[str, Any]:
    """The values as they may be shown."""
    return mask_parameters(values, action.schema)


def _checked(
    action: Action, values: Dict[str, Any], literal: bool = False
) -> Tuple[Dict[str, Any], List[Mistake]]:
    schema, checked, mistakes = action.schema, {}, []
    for name, value in values.items():
        known = schema.get(name)
        if known is None:
            mistakes.append(Mistake(name, _unknown(name, action)))
        elif known.get("immutable"):
            mistakes.append(Mistake(name, "is fixed by the action and cannot be given"))
        else:
            try:
                checked[name] = coercion.cast(known["type"], value if literal else _rendered(value))
            except coercion.NotCast as error:
                mistakes.append(Mistake(name, _not_cast(error, known)))
    return checked, mistakes + _violations(schema, checked, mistakes)


def _violations(schema: Schema, checked: Schema, before: List[Mistake]) -> List[Mistake]:
    """What the schema says, except about what was refused already."""
    refused = {mistake.name for mistake in before}
    whole = with_defaults(checked, {"properties": schema})
    return [m for m in violations(whole, schema) if re.split(r"[.\[]", m.name)[0] not in refused]


def _not_cast(error: coercion.NotCast, known: Schema) -> str:
    if known.get("secret"):
        return f"{error.wanted}, not {error.kind}"
    return str(error)


def _unknown(name: str, action: Action) -> str:
    open_ones = [n for n, schema in action.schema.items() if not schema.get("immutable")]
    close = difflib.get_close_matches(name, open_ones, n=2)
    hint = f"; did you mean {' or '.join(close)}?" if close else ""
    return f"is not a parameter of {action.ref}{hint}"


def _rendered(value: Any) -> Any:
    """The value as StackStorm's templates leave it; only `raw` is rendered here."""
    if isinstance(value, dict):
        return {_rendered(key): _rendered(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_rendered(inner) for inner in value]
    if not isinstance(value, str) or not _TEMPLATE.search(value):
        return value
    if _TEMPLATE.search(_RAW.sub("", value)):
        raise coercion.Template(value)
    return _RAW.sub(r"\1", value)
