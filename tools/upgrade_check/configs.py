"""The pack's config (configs/slack.yaml) → what must change in it. No value is ever shown."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional

from yaml.nodes import Node

from sandbox.stackstorm import config as configs
from sandbox.stackstorm.schema import Schema, violations, with_defaults
from sandbox.stackstorm.validation_errors import ValidationError
from tools.upgrade_check.call_findings import Problem
from tools.upgrade_check.documents import (
    is_expression,
    line_of,
    members,
    parsed_value,
    text_of,
    walk,
)
from tools.upgrade_check.finding import BREAK, NOTE
from tools.upgrade_check.interface import Interface

Schemas = Dict[str, Schema]


def schema_of(interface: Interface) -> Schemas:
    """config.schema.yaml of the pack, or what 2.x had as long as there is none."""
    return configs.load_schema(interface.pack) or dict(interface.old_config)


def is_config(path: Path, document: Optional[Node], ref: str, schema: Mapping[str, Any]) -> bool:
    """Whether the file is the config of the pack `ref`: by name and place, or by its keys."""
    if path.stem != ref:
        return False
    return path.parent.name == "configs" or bool(set(members(document)) & set(schema))


def check_config(document: Node, schema: Schemas) -> Iterator[Problem]:
    """Keys that are not known, values that StackStorm would refuse."""
    if not members(document):
        if text_of(document):
            yield Problem(line_of(document), BREAK, "the config must hold keys and values")
        return
    lines = {path: line_of(key) for path, key, _ in walk(document)}
    open_ones = {path for path, _, value in walk(document) if is_expression(text_of(value))}
    for error in _violations(document, schema):
        if error.name in open_ones and error.text != "is not known":
            continue
        parent = error.name.rpartition(".")[0]
        line = lines.get(error.name) or lines.get(parent) or line_of(document)
        yield Problem(line, BREAK, f"config key `{error.name}` {error.text}", _near(error, schema))
    for path, line in lines.items():
        if _is_unknown(path, schema):
            yield Problem(line, NOTE, f"config key `{path}` is not known and has no effect")


def _violations(document: Node, schema: Schemas) -> List[ValidationError]:
    # Every value counts as secret in a message: a token may stand under the wrong key.
    hidden = {name: {**each, "secret": True} for name, each in schema.items()}
    value = {name: parsed_value(key, node).value for name, (key, node) in members(document).items()}
    return violations(with_defaults(value, {"properties": hidden}), hidden)


def _near(error: ValidationError, schema: Schemas) -> str:
    if error.text != "is not known":
        return ""
    close = difflib.get_close_matches(error.name, schema, n=2)
    return f"did you mean {' or '.join(close)}?" if close else "leave it out"


def _is_unknown(path: str, schema: Mapping[str, Any]) -> bool:
    """Whether a nested key is one that the schema does not describe (at the top: a violation)."""
    steps = path.replace("[", ".[").split(".")
    inner: Any = {"properties": schema}
    for number, step in enumerate(steps):
        inner_schema = (
            inner.get("items") if step.startswith("[") else inner.get("properties", {}).get(step)
        )
        if not isinstance(inner_schema, dict):
            # Only the first unknown key on the way down, and only where keys are described.
            return 0 < number == len(steps) - 1 and bool(inner.get("properties"))
        inner = inner_schema
    return False
