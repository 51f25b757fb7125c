"""PURE: reads TypeScript declaration files (`.d.ts`) as far as Slack's packages use the language.

Interfaces, type aliases, unions, intersections, arrays, tuples, literals, index signatures,
generics and imports. Comments are skipped. What it does not know raises `Unreadable` with the
place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Dict, List, Optional, Tuple, Union

_TOKEN = re.compile(
    r"""\s+|//[^\n]*|/\*.*?\*/|(?P<name>[A-Za-z_$][\w$]*)"""
    r"""|(?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
    r"""|(?P<number>-?\d+(?:\.\d+)?)|(?P<sign>\.\.\.|=>|[{}()\[\]<>|&;:,?=.*`+-])""",
    re.S,
)


class Unreadable(Exception):
    """Text that is not TypeScript as this module knows it."""


@dataclass(frozen=True)
class Reference:
    """A type by its name; `string`, `number`, `never` and the like as well."""

    name: str
    arguments: Tuple[Type, ...] = ()


@dataclass(frozen=True)
class Literal:
    """A text, number or boolean that is a type of its own."""

    value: Union[str, float, bool]


@dataclass(frozen=True)
class Several:
    """A union (`is_union`) or an intersection."""

    is_union: bool
    types: Tuple[Type, ...]


@dataclass(frozen=True)
class Sequence:
    """An array or a tuple. `element`: of a tuple, the type of its first element."""

    element: Type


@dataclass(frozen=True)
class Member:
    """A property."""

    type: Type
    is_optional: bool


@dataclass(frozen=True)
class Shape:
    """An object. `index`: type of the values where any key is allowed."""

    members: Dict[str, Member] = field(default_factory=dict, hash=False)
    index: Optional[Type] = None


Type = Union[Reference, Literal, Several, Sequence, Shape]


@dataclass(frozen=True)
class Declaration:
    """`interface NAME<parameters> extends bases { … }`, or `type NAME<parameters> = …`."""

    name: str
    parameters: Tuple[str, ...]
    type: Type


@dataclass(frozen=True)
class Module:
    """A file. `imports`: local name -> (module, name there). `exports_from`: modules that are
    handed on whole."""

    declarations: Dict[str, Declaration]
    imports: Dict[str, Tuple[str, str]]
    exports_from: Tuple[str, ...]


def parse(text: str) -> Module:
    """A declaration file."""
    return _Parser(text).module()


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = _tokens_of(text)
        self._at = 0
        self._declarations: Dict[str, Declaration] = {}
        self._imports: Dict[str, Tuple[str, str]] = {}
        self._exports_from: List[str] = []

    def module(self) -> Module:
        while self._peek():
            self._statement()
        return Module(self._declarations, self._imports, tuple(self._exports_from))

    def _statement(self) -> None:
        if self._take_if("import"):
            self._import()
        elif self._take_if("export"):
            self._export()
        else:
            self._declaration()

    def _import(self) -> None:
        self._take_if("type")
        names: List[Tuple[str, str]] = []
        if self._peek() == "{":
            names = self._names()
        elif not self._peek().startswith(("'", '"')):
            while self._peek() != "from":
                self._take()
        self._take_if("from")
        module = self._take()[1:-1]
        for name, local in names:
            self._imports[local] = (module, name)
        self._take_if(";")

    def _names(self) -> List[Tuple[str, str]]:
        found = []
        self._expect("{")
        while not self._take_if("}"):
            self._take_if("type")
            name = self._take()
            found.append((name, self._take() if self._take_if("as") else name))
            self._take_if(",")
        return found

    def _export(self) -> None:
        if self._take_if("*"):
            if self._take_if("as"):
                self._take()
            self._expect("from")
            self._exports_from.append(self._take()[1:-1])
            self._take_if(";")
        elif self._peek() == "{" or (self._peek() == "type" and self._peek(1) == "{"):
            self._take_if("type")
            names = self._names()
            if self._take_if("from"):
                module = self._take()[1:-1]
                self._imports.update({local: (module, name) for name, local in names})
            self._take_if(";")
        else:
            self._declaration()

    def _declaration(self) -> None:
        self._take_if("declare")
        if self._take_if("interface"):
            self._interface()
        elif self._take_if("type"):
            self._alias()
        else:
            self._skip_statement()

    def _interface(self) -> None:
        name, parameters = self._take(), self._parameters()
        types: List[Type] = []
        if self._take_if("extends"):
            types.append(self._postfix())
            while self._take_if(","):
                types.append(self._postfix())
        types.append(self._shape())
        whole = types[0] if len(types) == 1 else Several(False, tuple(types))
        self._declarations[name] = Declaration(name, parameters, whole)

    def _alias(self) -> None:
        name, parameters = self._take(), self._parameters()
        self._expect("=")
        self._declarations[name] = Declaration(name, parameters, self._type())
        self._take_if(";")

    def _parameters(self) -> Tuple[str, ...]:
        found = []
        if self._take_if("<"):
            while not self._take_if(">"):
                found.append(self._take())
                if self._take_if("extends"):
                    self._type()
                if self._take_if("="):
                    self._type()
                self._take_if(",")
        return tuple(found)

    def _skip_statement(self) -> None:
        """A class, constant or function: nothing that a fact comes from."""
        depth = 0
        while self._peek():
            token = self._take()
            depth += (token in "{([") - (token in "})]")
            if depth == 0 and token in (";", "}"):
                return

    def _type(self) -> Type:
        first = self._union()
        if self._take_if("extends"):  # a condition: the type where it holds
            self._union()
            self._expect("?")
            first = self._type()
            self._expect(":")
            self._type()
        return first

    def _union(self) -> Type:
        return self._several("|", self._intersection, True)

    def _intersection(self) -> Type:
        return self._several("&", self._postfix, False)

    def _several(self, sign: str, parse_one: object, is_union: bool) -> Type:
        assert callable(parse_one)
        self._take_if(sign)
        types = [parse_one()]
        while self._take_if(sign):
            types.append(parse_one())
        return types[0] if len(types) == 1 else Several(is_union, tuple(types))

    def _postfix(self) -> Type:
        found = self._primary()
        while self._peek() == "[":
            self._take()
            if self._take_if("]"):
                found = Sequence(found)
            else:  # a member's type, Name['key']
                self._type()
                self._expect("]")
                found = Reference("unknown")
        return found

    def _primary(self) -> Type:
        parts = {"{": self._shape, "[": self._tuple, "(": self._group}
        token = self._peek()
        if token in parts:
            return parts[token]()
        self._take()
        if token in ("readonly", "keyof", "typeof", "infer"):
            return self._postfix()
        return _literal(token) or self._reference(token)

    def _reference(self, name: str) -> Type:
        if not (name[0].isalpha() or name[0] in "_$"):
            raise Unreadable("%r at token %d" % (name, self._at))
        while self._take_if("."):
            name += "." + self._take()
        arguments = []
        if self._take_if("<"):
            while not self._take_if(">"):
                arguments.append(self._type())
                self._take_if(",")
        return Reference(name, tuple(arguments))

    def _group(self) -> Type:
        if self._is_function():
            self._skip_round()
            self._expect("=>")
            self._type()
            return Reference("Function")
        self._expect("(")
        found = self._type()
        self._expect(")")
        return found

    def _is_function(self) -> bool:
        depth, at = 0, self._at
        while at < len(self._tokens):
            depth += (self._tokens[at] == "(") - (self._tokens[at] == ")")
            at += 1
            if depth == 0:
                return self._tokens[at : at + 1] == ["=>"]
        return False

    def _skip_round(self) -> None:
        depth = 0
        while True:
            token = self._take()
            depth += (token == "(") - (token == ")")
            if depth == 0:
                return

    def _tuple(self) -> Type:
        self._expect("[")
        types: List[Type] = []
        while not self._take_if("]"):
            self._take_if("...")
            types.append(self._type())
            self._take_if(",")
        return Sequence(types[0] if types else Reference("unknown"))

    def _shape(self) -> Type:
        members: Dict[str, Member] = {}
        index: Optional[Type] = None
        self._expect("{")
        while not self._take_if("}"):
            while self._peek() in ("readonly", "+", "-") and self._peek(1) not in (":", "?"):
                self._take()
            if self._peek() == "[":
                index = self._index()
            else:
                name, member = self._member()
                members[name] = member
            if not self._take_if(";"):
                self._take_if(",")
        return Shape(members, index)

    def _index(self) -> Type:
        self._expect("[")
        self._take()
        if self._take_if("in"):
            self._type()
        else:
            self._expect(":")
            self._type()
        self._expect("]")
        self._take_if("?")
        self._expect(":")
        return self._type()

    def _member(self) -> Tuple[str, Member]:
        token = self._take()
        name = token[1:-1] if token[0] in "'\"" else token
        is_optional = self._take_if("?")
        if self._peek() == "(":
            self._skip_round()
        self._expect(":")
        return name, Member(self._type(), is_optional)

    def _peek(self, ahead: int = 0) -> str:
        at = self._at + ahead
        return self._tokens[at] if at < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._peek()
        if not token:
            raise Unreadable("the file ends in the middle")
        self._at += 1
        return token

    def _take_if(self, token: str) -> bool:
        is_there = self._peek() == token
        self._at += is_there
        return is_there

    def _expect(self, token: str) -> None:
        if not self._take_if(token):
            before = " ".join(self._tokens[max(0, self._at - 8) : self._at + 1])
            raise Unreadable("%r expected: %s" % (token, before))


def _literal(token: str) -> Optional[Literal]:
    if token[0] in "'\"":
        return Literal(token[1:-1])
    if token in ("true", "false"):
        return Literal(token == "true")
    if token[0].isdigit() or token[0] == "-":
        return Literal(float(token))
    return None


def _tokens_of(text: str) -> List[str]:
    tokens, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise Unreadable("%r" % text[at : at + 40])
        if match.lastgroup:
            tokens.append(match.group(match.lastgroup))
        at = match.end()
    return tokens
