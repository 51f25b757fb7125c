"""The table of all config keys in docs/configuration.md, from config.schema.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Iterator, List, Mapping, Tuple

import yaml

# Their keys are those of the top level and are described there.
_SAME_AS_ABOVE = "workspaces"


def table(root: Path) -> str:
    """One table: key, type, what it does. Keys inside of an object or a list are dotted."""
    schema = yaml.safe_load((root / "config.schema.yaml").read_text(encoding="utf-8"))
    lines = ["| key | type | what it does |", "| --- | --- | --- |"]
    lines += ["| `%s` | %s | %s |" % row for row in rows(schema)]
    return "\n".join(lines) + "\n"


def rows(schema: Mapping[str, Any], within: str = "") -> Iterator[Tuple[str, str, str]]:
    """Each key of the schema with its type and description, and the keys inside of it."""
    for name, described in schema.items():
        key = within + name
        yield key, _type(described), _cell(described["description"])
        if not within.startswith(_SAME_AS_ABOVE):
            yield from rows(_inner(described), key + ".")


def _inner(described: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema of the keys of an object, or of the objects in a list."""
    inner: Mapping[str, Any] = described.get("items", described).get("properties", {})
    return inner


def _type(described: Mapping[str, Any]) -> str:
    marks: List[str] = [described["type"]]
    marks += [mark for mark in ("required", "secret") if described.get(mark)]
    if described.get("default") is not None:
        marks.append("default `%s`" % described["default"])
    return ", ".join(marks)


def _cell(text: str) -> str:
    """One line, no bar that would end the cell."""
    return " ".join(text.split()).replace("|", "\\|")
