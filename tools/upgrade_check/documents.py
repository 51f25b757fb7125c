"""A YAML file of somebody else's, with the line of every part of it.

Read as nodes, not as values: a node knows its line, and a number still has the text it was written
as. `{{ … }}` and `<% … %>` are expressions: nobody knows their value before they run.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_EXPRESSION = re.compile(r"\{\{|\{%|<%")
_PLACEHOLDER = "expression"
_PLAIN_TAGS = "tag:yaml.org,2002:"


class Unreadable(ValueError):
    """A file that is passed over. `line` is None where there is none to tell."""

    def __init__(self, text: str, line: Optional[int] = None) -> None:
        super().__init__(text)
        self.line = line


class ParsedValue(NamedTuple):
    """A value with its place. `written`: a scalar's own text; `open`: the whole is an expression.

    Expressions inside a list or an object are replaced by some text.
    """

    value: Any
    line: int
    written: str = ""
    open: bool = False


def read(path: Path) -> Optional[Node]:
    """The root of the one document in the file, None for an empty one; Unreadable."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise Unreadable("is not UTF-8", line) from None
    try:
        node: Optional[Node] = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        # Not the whole error: it quotes the text around the fault, which may be a credential.
        raise Unreadable(f"is not YAML: {error.problem}", mark.line + 1 if mark else None) from None
    except yaml.YAMLError as error:  # a character that YAML does not know
        place = getattr(error, "position", None)
        line = text.count("\n", 0, place) + 1 if isinstance(place, int) else 1
        raise Unreadable("is not YAML: it has a character that may not stand there", line) from None
    except RecursionError:
        raise Unreadable("is nested too deeply") from None
    return node


def line_of(node: Node) -> int:
    """The line on which it begins, from 1."""
    return int(node.start_mark.line) + 1


def members(node: Optional[Node]) -> Dict[str, Tuple[Node, Node]]:
    """key → (node of the key, node of the value); empty for what is no mapping. `<<` is merged."""
    if not isinstance(node, MappingNode):
        return {}
    own_members: Dict[str, Tuple[Node, Node]] = {}
    merged: Dict[str, Tuple[Node, Node]] = {}
    for key, value in node.value:
        if key.tag == _PLAIN_TAGS + "merge":
            for each in value.value if isinstance(value, SequenceNode) else [value]:
                if each is not node:
                    merged = {**members(each), **merged}
        elif isinstance(key, ScalarNode):
            own_members[key.value] = (key, value)
    return {**merged, **own_members}


def member(node: Optional[Node], name: str) -> Optional[Node]:
    """The value under that key."""
    found = members(node).get(name)
    return found[1] if found else None


def items(node: Optional[Node]) -> List[Node]:
    """The nodes of a list; empty for what is none."""
    return list(node.value) if isinstance(node, SequenceNode) else []


def text_of(node: Optional[Node]) -> str:
    """A scalar's text; empty for anything else."""
    return str(node.value) if isinstance(node, ScalarNode) else ""


def is_expression(text: str) -> bool:
    """Whether StackStorm renders something in this text."""
    return bool(_EXPRESSION.search(text))


def parsed_value(key: Node, node: Node) -> ParsedValue:
    """The value with the line of its key. Unreadable if it is no plain YAML."""
    written = text_of(node)
    if is_expression(written):
        return ParsedValue(written, line_of(key), written, True)
    return ParsedValue(_value(node, ()), line_of(key), written)


def walk(node: Optional[Node], path: str = "") -> Iterator[Tuple[str, Node, Node]]:
    """(dotted path, key node, value node) of everything in nested mappings and lists."""
    for name, (key, value) in members(node).items():
        inner = f"{path}.{name}" if path else name
        yield inner, key, value
        yield from walk(value, inner)
    for number, value in enumerate(items(node)):
        inner = f"{path}[{number}]"
        yield inner, value, value
        yield from walk(value, inner)


def _value(node: Node, around: Tuple[int, ...]) -> Any:
    if id(node) in around:
        raise Unreadable("holds itself", line_of(node))
    around += (id(node),)
    if isinstance(node, MappingNode):
        return {name: _value(value, around) for name, (_, value) in members(node).items()}
    if isinstance(node, SequenceNode):
        return [_value(value, around) for value in node.value]
    if len(around) > 1 and is_expression(node.value):
        return _PLACEHOLDER
    return _scalar(node)


def _scalar(node: Node) -> Any:
    try:
        return yaml.constructor.SafeConstructor().construct_object(node)
    except (yaml.YAMLError, ValueError, LookupError):
        raise Unreadable(f"has a value that is no plain YAML ({node.tag})", line_of(node)) from None
