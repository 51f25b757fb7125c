"""PURE: the part of YAQL that workflows use most. Anything else is refused, never guessed.

There are: text, numbers, true, false, null, lists, `dict(key => value)`; `and or not`,
`= != < > <= >= in`, `+ -`; `.name`, `[…]`, `.get(key, default)`, `.len()`, `.keys()`,
`.values()`; the functions that the caller gives.
"""

from __future__ import annotations

import operator
import re
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

Functions = Mapping[str, Callable[..., Any]]
Node = Callable[[Functions], Any]

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|(?P<number>\d+(?:\.\d+)?)"""
    r"""|(?P<name>\w+)|(?P<sign>=>|!=|<=|>=|[=<>+\-().,\[\]]))"""
)
_COMPARE: Dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
    "in": lambda left, right: left in right,
}
_ADD: Dict[str, Callable[[Any, Any], Any]] = {"+": operator.add, "-": operator.sub}
_CONSTANTS: Dict[str, Any] = {"true": True, "false": False, "null": None}
_WORDS = ("and", "or", "not", "in")


class NotKnown(ValueError):
    """The expression is more than is known here, or no YAQL."""


class Undefined(KeyError):
    """A name that leads nowhere."""

    def __str__(self) -> str:
        return f"nothing is named {self.args[0]!r}"


def _get(value: Any, key: Any, default: Any = None) -> Any:
    return value.get(key, default)


_METHODS: Dict[str, Callable[..., Any]] = {
    "get": _get,
    "len": len,
    "keys": list,
    "values": lambda value: list(value.values()),
}
_FUNCTIONS: Dict[str, Callable[..., Any]] = {
    "dict": lambda **pairs: pairs,
    "list": lambda *items: list(items),
    "len": len,
    "str": str,
    "int": int,
    "bool": bool,
    "coalesce": lambda *items: next((item for item in items if item is not None), None),
}


def evaluate(expression: str, functions: Functions) -> Any:
    """What it comes to. `functions`: by name, beside those that YAQL has itself."""
    return _Parser(expression).whole()({**_FUNCTIONS, **functions})


class _Parser:
    """Recursive descent; each method gives what computes its part."""

    def __init__(self, expression: str) -> None:
        self._expression = expression
        self._tokens = _tokens(expression)
        self._at = 0

    def whole(self) -> Node:
        node = self._or()
        if self._at < len(self._tokens):
            raise self._unknown()
        return node

    def _or(self) -> Node:
        return _first(self._chain("or", self._and), stop=True)

    def _and(self) -> Node:
        return _first(self._chain("and", self._not), stop=False)

    def _chain(self, word: str, inner: Callable[[], Node]) -> List[Node]:
        parts = [inner()]
        while self._take(word):
            parts.append(inner())
        return parts

    def _not(self) -> Node:
        if self._take("not"):
            inner = self._not()
            return lambda f: not inner(f)
        return self._comparison()

    def _comparison(self) -> Node:
        left = self._sum()
        compare = _COMPARE.get(self._next() or "")
        if compare is None:
            return left
        self._at += 1
        return _binary(compare, left, self._sum())

    def _sum(self) -> Node:
        node = self._value()
        while self._next() in _ADD:
            add = _ADD[self._tokens[self._at][1]]
            self._at += 1
            node = _binary(add, node, self._value())
        return node

    def _value(self) -> Node:
        node = self._primary()
        while True:
            if self._take("."):
                node = self._member(node)
            elif self._take("["):
                node = _binary(lambda value, key: value[key], node, self._or())
                self._expect("]")
            else:
                return node

    def _member(self, of: Node) -> Node:
        kind, name = self._token()
        if kind != "name":
            raise self._unknown()
        if not self._take("("):
            return lambda f: _attribute(of(f), name)
        if name not in _METHODS:
            raise NotKnown(f"{self._expression}: the method {name}() is not known here")
        plain, named = self._arguments()
        if named:
            raise self._unknown()
        return lambda f: _METHODS[name](of(f), *[each(f) for each in plain])

    def _primary(self) -> Node:
        kind, token = self._token()
        if kind == "text":
            text = re.sub(r"\\(.)", r"\1", token[1:-1])
            return lambda f: text
        if kind == "number":
            number = float(token) if "." in token else int(token)
            return lambda f: number
        if kind == "name" and token in _CONSTANTS:
            return lambda f: _CONSTANTS[token]
        if kind == "name" and token not in _WORDS:
            # A bare word is text: `ctx(name)`, `ctx().get(name)`.
            return self._call(token) if self._take("(") else lambda f: token
        return self._bracket(token)

    def _bracket(self, token: str) -> Node:
        if token == "(":
            node = self._or()
            self._expect(")")
            return node
        if token == "[":
            items, named = self._arguments("]")
            if not named:
                return lambda f: [item(f) for item in items]
        raise self._unknown()

    def _call(self, name: str) -> Node:
        plain, named = self._arguments()

        def call(functions: Functions) -> Any:
            if name not in functions:
                raise NotKnown(f"{self._expression}: the function {name}() is not known here")
            values = {key: node(functions) for key, node in named.items()}
            return functions[name](*[node(functions) for node in plain], **values)

        return call

    def _arguments(self, end: str = ")") -> Tuple[List[Node], Dict[str, Node]]:
        plain: List[Node] = []
        named: Dict[str, Node] = {}
        while not self._take(end):
            if plain or named:
                self._expect(",")
            if self._after() == "=>":
                key = self._token()[1].strip("'\"")
                self._at += 1
                named[key] = self._or()
            else:
                plain.append(self._or())
        return plain, named

    def _next(self) -> Optional[str]:
        """The sign or word that comes next; never a piece of text."""
        if self._at < len(self._tokens) and self._tokens[self._at][0] != "text":
            return self._tokens[self._at][1]
        return None

    def _after(self) -> Optional[str]:
        return self._tokens[self._at + 1][1] if self._at + 1 < len(self._tokens) else None

    def _take(self, token: str) -> bool:
        if self._next() == token:
            self._at += 1
            return True
        return False

    def _expect(self, token: str) -> None:
        if not self._take(token):
            raise self._unknown()

    def _token(self) -> Tuple[str, str]:
        if self._at >= len(self._tokens):
            raise self._unknown()
        self._at += 1
        return self._tokens[self._at - 1]

    def _unknown(self) -> NotKnown:
        return NotKnown(f"{self._expression}: is more YAQL than is known here, or none")


def _tokens(expression: str) -> List[Tuple[str, str]]:
    found, at, text = [], 0, expression.strip()
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            raise NotKnown(f"{expression}: {text[at:]!r} is not known here")
        found.append((str(token.lastgroup), token[str(token.lastgroup)]))
        at = token.end()
    return found


def _first(parts: List[Node], stop: bool) -> Node:
    """The value of the first part that decides, else of the last: `or`, `and`."""

    def decide(functions: Functions) -> Any:
        value = None
        for part in parts:
            value = part(functions)
            if bool(value) is stop:
                break
        return value

    return decide if len(parts) > 1 else parts[0]


def _binary(apply: Callable[[Any, Any], Any], left: Node, right: Node) -> Node:
    return lambda f: apply(left(f), right(f))


def _attribute(value: Any, name: str) -> Any:
    """Of a list: the attribute of each of its items, as YAQL has it."""
    if isinstance(value, list):
        return [_attribute(item, name) for item in value]
    if not isinstance(value, dict) or name not in value:
        raise Undefined(name)
    return value[name]
