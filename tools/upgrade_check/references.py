"""Documents → the actions they name, with the parameters they give.

A document is known by what it holds, not by its folder: a rule has `action.ref`, an Orquesta
workflow `tasks`, an ActionChain `chain`, an alias `action_ref`, a policy `resource_ref`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Dict, Iterator, Optional

from yaml.nodes import MappingNode, Node

from tools.upgrade_check.documents import (
    ParsedValue,
    is_expression,
    items,
    line_of,
    member,
    members,
    parsed_value,
    text_of,
)

_INLINE = re.compile(r"(\w+)=(\"[^\"]*\"|'[^']*'|\[.*\]|<%.*?%>|\{\{.*?\}\}|\S+)", re.DOTALL)
_ALIAS_PARAMETER = re.compile(r"\{\{\s*([\w-]+)\s*(?:=.*?)?\}\}", re.DOTALL)


@dataclass(frozen=True)
class Reference:
    """One call of an action. `parameters`: None where the document does not tell them."""

    ref: str
    line: int
    parameters: Optional[Dict[str, ParsedValue]]

    @property
    def is_open(self) -> bool:
        """Whether the action is known at run time only."""
        return is_expression(self.ref)


def references(document: Optional[Node]) -> Iterator[Reference]:
    """Every action that the document names."""
    yield from _rule(document)
    yield from _workflow(document)
    yield from _chain(document)
    yield from _alias(document)
    yield from _policy(document)


def is_mistral(document: Optional[Node]) -> bool:
    """Whether it is a workflow of Mistral, which StackStorm no longer runs."""
    version = text_of(member(document, "version"))
    if not re.match(r"2(\.0)?\Z", version):
        return False
    parts = [value for _, value in members(document).values()]
    # A workbook holds several workflows, and actions made of others.
    parts += [value for _, value in members(member(document, "workflows")).values()]
    actions = [value for _, value in members(member(document, "actions")).values()]
    is_workflow = any(member(part, "tasks") or member(part, "type") for part in [document, *parts])
    return is_workflow or any(member(part, "base") for part in actions)


def _rule(document: Optional[Node]) -> Iterator[Reference]:
    action = member(document, "action")
    ref = member(action, "ref")
    if ref is not None:
        yield Reference(text_of(ref), line_of(ref), _parameters(member(action, "parameters")))


def _workflow(document: Optional[Node]) -> Iterator[Reference]:
    if is_mistral(document):
        return
    for _, task in members(member(document, "tasks")).values():
        action = member(task, "action")
        if action is None:
            continue
        ref, words = _split(text_of(action))
        parameters = _parameters(member(task, "input"))
        if parameters is not None:
            parameters = {**_inline(words, line_of(action)), **parameters}
        yield Reference(ref, line_of(action), parameters)


def _split(action: str) -> Any:
    """("slack.x", "text=…") of `slack.x text=…`; an expression stays whole."""
    if is_expression(action.partition("=")[0]):
        return action, ""
    ref, _, words = action.strip().partition(" ")
    return ref, words


def _inline(words: str, line: int) -> Dict[str, ParsedValue]:
    """Parameters behind the action's name, as Orquesta reads them."""
    return {name: _inline_value(text, line) for name, text in _INLINE.findall(words)}


def _inline_value(text: str, line: int) -> ParsedValue:
    if is_expression(text):
        return ParsedValue(text, line, text, True)
    if text[0] in "\"'":
        return ParsedValue(text[1:-1], line, text[1:-1])
    try:
        return ParsedValue(
            json.loads(text.lower() if text.lower() in ("true", "false") else text), line
        )
    except ValueError:
        return ParsedValue(text, line, text)


def _chain(document: Optional[Node]) -> Iterator[Reference]:
    for step in items(member(document, "chain")):
        ref = member(step, "ref")
        if ref is not None:
            parameters = member(step, "parameters") or member(step, "params")
            yield Reference(text_of(ref), line_of(ref), _parameters(parameters))


def _alias(document: Optional[Node]) -> Iterator[Reference]:
    ref = member(document, "action_ref")
    if ref is None:
        return
    parameters = _parameters(member(document, "immutable_parameters"))
    if parameters is not None:
        parameters = {**_of_formats(member(document, "formats")), **parameters}
    yield Reference(text_of(ref), line_of(ref), parameters)


def _of_formats(formats: Optional[Node]) -> Dict[str, ParsedValue]:
    """The parameters that people type, by the formats of the alias."""
    found: Dict[str, ParsedValue] = {}
    for each in items(formats):
        forms = member(each, "representation") or each
        for form in items(forms) or [forms]:
            for name in _ALIAS_PARAMETER.findall(text_of(form)):
                found.setdefault(name, ParsedValue("", line_of(form), "", True))
    return found


def _policy(document: Optional[Node]) -> Iterator[Reference]:
    ref = member(document, "resource_ref")
    if ref is not None:
        yield Reference(text_of(ref), line_of(ref), None)


def _parameters(node: Optional[Node]) -> Optional[Dict[str, ParsedValue]]:
    """Parameters by name: none where nothing stands, None where an expression yields them."""
    if node is None or not text_of(node) and not isinstance(node, MappingNode):
        return {}
    if not isinstance(node, MappingNode):
        return None if is_expression(text_of(node)) else {}
    return {name: parsed_value(key, value) for name, (key, value) in members(node).items()}
