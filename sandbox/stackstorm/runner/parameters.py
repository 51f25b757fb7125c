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
from sandbox.stackstorm.validation_errors import ValidationError, raise_if_any

_RAW = re.compile(r"\{%-?\s*raw\s*-?%\}(.*?)\{%-?\s*endraw\s*-?%\}", re.DOTALL)
_TEMPLATE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)


def from_words(action: Action, words: Sequence[str]) -> Dict[str, Any]:
    """Checked values of `name=value` words; ValidationErrors with all that is wrong with them."""
    values, errors = command_words.parse(words, action.schema)
    checked, more = _checked(action, values)
    named = {error.name.lstrip("@") for error in errors}
    raise_if_any(errors + [error for error in more if error.name not in named])
    return checked


def check(action: Action, values: Dict[str, Any], literal: bool = False) -> Dict[str, Any]:
    """Coerced and checked values (name → value, only those given); ValidationErrors.

    `values` are what a rule or a workflow hands over: any JSON value, text is cast. `literal`:
    what looks like a template in them is text, or was rendered before.
    """
    checked, errors = _checked(action, values, literal)
    raise_if_any(errors)
    return checked


def complete(action: Action, checked: Dict[str, Any]) -> Tuple[Dict[str, Any], Dict[str, Any]]:
    """(what `run()` gets: every parameter of the action, what the runner gets).

    Absent or null means the default, else None; a fixed parameter is always its default.
    """
    final, errors = {}, []
    for name, schema in action.schema.items():
        value = checked.get(name)
        if value is None or schema.get("immutable"):
            value = schema.get("default")
        try:
            final[name] = coercion.coerce(schema["type"], value)
        except coercion.CoercionError as error:
            errors.append(ValidationError(name, f"its default {error.expectation}"))
    raise_if_any(errors)
    runner = {name: final.pop(name) for name in RUNNER_PARAMETERS if name in final}
    return final, runner


def masked(action: Action, values: Dict[str, Any]) -> Dict[str, Any]:
    """The values as they may be shown."""
    return mask_parameters(values, action.schema)


def _checked(
    action: Action, values: Dict[str, Any], literal: bool = False
) -> Tuple[Dict[str, Any], List[ValidationError]]:
    schema, checked, errors = action.schema, {}, []
    for name, value in values.items():
        parameter_schema = schema.get(name)
        if parameter_schema is None:
            errors.append(ValidationError(name, _unknown(name, action)))
        elif parameter_schema.get("immutable"):
            errors.append(ValidationError(name, "is fixed by the action and cannot be given"))
        else:
            try:
                checked[name] = coercion.coerce(
                    parameter_schema["type"], value if literal else _rendered(value)
                )
            except coercion.CoercionError as error:
                errors.append(ValidationError(name, _coercion_error(error, parameter_schema)))
    return checked, errors + _violations(schema, checked, errors)


def _violations(
    schema: Schema, checked: Schema, before: List[ValidationError]
) -> List[ValidationError]:
    """What the schema says, except about what was refused already."""
    refused = {error.name for error in before}
    whole = with_defaults(checked, {"properties": schema})
    return [m for m in violations(whole, schema) if re.split(r"[.\[]", m.name)[0] not in refused]


def _coercion_error(error: coercion.CoercionError, parameter_schema: Schema) -> str:
    if parameter_schema.get("secret"):
        return f"{error.expectation}, not {error.kind}"
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
