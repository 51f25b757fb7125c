"""The words behind `run`: `name=value`, `@name=file`, as the st2 command reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

from sandbox.stackstorm.coercion import CoercionError, from_text
from sandbox.stackstorm.validation_errors import ValidationError

Schema = Dict[str, Dict[str, Any]]


def parse(words: Sequence[str], schema: Schema) -> Tuple[Dict[str, Any], List[ValidationError]]:
    """(name → value, mistakes). A name that the schema lacks keeps its text: the API refuses it.

    Repeated arrays add up; of other repeated parameters the last one counts. From the first word
    without "=" on, all are one text for a parameter `cmd`, where the action has that.
    """
    values: Dict[str, Any] = {}
    errors: List[ValidationError] = []
    for number, word in enumerate(words, start=1):
        if "=" in word:
            error = _take(word, schema, values)
        elif "cmd" in schema:
            values["cmd"] = " ".join(words[number - 1 :])
            break
        else:
            error = _not_a_pair(number, word, schema)
        errors += [error] if error else []
    return values, errors


def _take(word: str, schema: Schema, values: Dict[str, Any]) -> Optional[ValidationError]:
    name, text = word.split("=", 1)
    parameter_schema = schema.get(name.lstrip("@"), {})
    try:
        if name.startswith("@"):
            values[name[1:]] = _file_text(text)
        else:
            _add(
                name,
                from_text(parameter_schema.get("type", "string"), text),
                parameter_schema,
                values,
            )
    except CoercionError as error:
        return ValidationError(
            name, _hidden(error) if parameter_schema.get("secret") else str(error)
        )
    except (OSError, UnicodeDecodeError) as error:
        return ValidationError(name, f"the file cannot be read: {error}")
    return None


def _add(name: str, value: Any, parameter_schema: Dict[str, Any], values: Dict[str, Any]) -> None:
    before = values.get(name)
    if parameter_schema.get("type") == "array" and isinstance(before, list):
        if not isinstance(value, list):
            raise CoercionError("must be an array each time it is given", value)
        value = before + value
    values[name] = value


def _file_text(path: str) -> str:
    """The text of a file, not cast: the API does that."""
    return Path(path).read_bytes().decode("utf-8")


def _hidden(error: CoercionError) -> str:
    return f"{error.expectation} (the value is secret and not shown)"


def _not_a_pair(number: int, word: str, schema: Schema) -> ValidationError:
    # The word is shown only where it is a known name: it may be a credential gone astray.
    if word in schema:
        return ValidationError(word, f"has no value: write {word}=…")
    return ValidationError(f"word {number}", "is not name=value")
