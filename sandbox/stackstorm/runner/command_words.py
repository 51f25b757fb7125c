"""The words behind `run`: `name=value`, `@name=file`, as the st2 command reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

from sandbox.stackstorm.coercion import NotCast, from_word
from sandbox.stackstorm.validation_errors import Mistake

Schema = Dict[str, Dict[str, Any]]


def parse(words: Sequence[str], schema: Schema) -> Tuple[Dict[str, Any], List[Mistake]]:
    """(name → value, mistakes). A name that the schema lacks keeps its text: the API refuses it.

    Repeated arrays add up; of other repeated parameters the last one counts. From the first word
    without "=" on, all are one text for a parameter `cmd`, where the action has that.
    """
    values: Dict[str, Any] = {}
    mistakes: List[Mistake] = []
    for number, word in enumerate(words, start=1):
        if "=" in word:
            mistake = _take(word, schema, values)
        elif "cmd" in schema:
            values["cmd"] = " ".join(words[number - 1 :])
            break
        else:
            mistake = _not_a_pair(number, word, schema)
        mistakes += [mistake] if mistake else []
    return values, mistakes


def _take(word: str, schema: Schema, values: Dict[str, Any]) -> Optional[Mistake]:
    name, text = word.split("=", 1)
    known = schema.get(name.lstrip("@"), {})
    try:
        if name.startswith("@"):
            values[name[1:]] = _file_text(text)
        else:
            _add(name, from_word(known.get("type", "string"), text), known, values)
    except NotCast as error:
        return Mistake(name, _hidden(error) if known.get("secret") else str(error))
    except (OSError, UnicodeDecodeError) as error:
        return Mistake(name, f"the file cannot be read: {error}")
    return None


def _add(name: str, value: Any, known: Dict[str, Any], values: Dict[str, Any]) -> None:
    before = values.get(name)
    if known.get("type") == "array" and isinstance(before, list):
        if not isinstance(value, list):
            raise NotCast("must be an array each time it is given", value)
        value = before + value
    values[name] = value


def _file_text(path: str) -> str:
    """The text of a file, not cast: the API does that."""
    return Path(path).read_bytes().decode("utf-8")


def _hidden(error: NotCast) -> str:
    return f"{error.wanted} (the value is secret and not shown)"


def _not_a_pair(number: int, word: str, schema: Schema) -> Mistake:
    # The word is shown only where it is a known name: it may be a credential gone astray.
    if word in schema:
        return Mistake(word, f"has no value: write {word}=…")
    return Mistake(f"word {number}", "is not name=value")
