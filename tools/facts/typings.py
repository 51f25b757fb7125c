"""What the types of Slack's packages for Node say: @slack/web-api and @slack/types.

They are read from the unpacked packages. Arguments come from `dist/types/request`, keys of answers
and the containers of their items from `dist/types/response`, keys of events from
`dist/events` of @slack/types.
"""

from __future__ import annotations

import tarfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Callable, Dict, FrozenSet, Iterator, List, Mapping, Optional, Tuple

from tools.facts import typescript
from tools.facts.typescript import (
    Declaration,
    Literal,
    Member,
    Module,
    Reference,
    Sequence,
    Several,
    Shape,
    Type,
)

METHODS = "dist/methods.d.ts"
EVENTS = "dist/events/index.d.ts"
REQUIRED, OPTIONAL = "MethodWithRequiredArgument", "MethodWithOptionalArgument"
_DEEPEST = 12


@dataclass(frozen=True)
class Argument:
    """`kinds`: what it is: string, number, boolean, array, object, file. `values`: those that are
    allowed, where the type lists them; booleans are not listed."""

    is_required: bool
    kinds: FrozenSet[str]
    values: Tuple[str, ...] = ()


@dataclass(frozen=True)
class MethodTypes:
    """`response`: keys of the answer -> list, map, lists (an object of lists), object or value."""

    arguments: Dict[str, Argument]
    response: Dict[str, str]


Files = Mapping[str, str]


def read_package(path: Path) -> Dict[str, str]:
    """Declaration files of a package by their path in it. `path`: a tarball or a folder."""
    if path.is_dir():
        found = sorted(path.rglob("*.d.ts"))
        return {each.relative_to(path).as_posix(): each.read_text("utf-8") for each in found}
    with tarfile.open(path) as archive:
        return dict(_declaration_files(archive))


def _declaration_files(archive: tarfile.TarFile) -> Iterator[Tuple[str, str]]:
    for member in archive.getmembers():
        stream = archive.extractfile(member) if member.name.endswith(".d.ts") else None
        if stream is not None:
            yield member.name.partition("/")[2], stream.read().decode("utf-8")


class Package:
    """The declaration files of a package, parsed when they are needed."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._modules: Dict[str, Module] = {}

    def methods(self) -> Dict[str, MethodTypes]:
        """Method -> what its types say."""
        resolver = Resolver(self, METHODS)
        return {
            name: MethodTypes(resolver.arguments(arguments), resolver.containers(response, name))
            for name, arguments, response in self._bound()
        }

    def events(self) -> Dict[str, FrozenSet[str]]:
        """Type of an event -> its keys, of @slack/types. Of `message`, keys of all subtypes."""
        found: Dict[str, FrozenSet[str]] = {}
        declared = self.find(EVENTS, "SlackEvent")
        if declared is not None:
            for name, keys in Resolver(self, EVENTS).events(declared[1].type):
                found[name] = found.get(name, frozenset()) | keys
        return found

    def _bound(self) -> Iterator[Tuple[str, Type, Type]]:
        """(method, type of its arguments, type of its answer), from the class `Methods`."""
        text = self._files[METHODS]
        start = text.index("abstract class Methods")
        body = typescript.parse("interface Methods " + _class_body(text[start:]))
        yield from _walk("", body.declarations["Methods"].type)

    def module(self, path: str) -> Optional[Module]:
        """A parsed file, None where the package has no such file."""
        if path not in self._files:
            return None
        if path not in self._modules:
            self._modules[path] = typescript.parse(self._files[path])
        return self._modules[path]

    def find(self, path: str, name: str) -> Optional[Tuple[str, Declaration]]:
        """(file, declaration) of a name as a file sees it."""
        module = self.module(path)
        if module is None:
            return None
        if name in module.declarations:
            return path, module.declarations[name]
        if name in module.imports:
            other, its_name = module.imports[name]
            return self.find(_resolved(path, other), its_name)
        for other in module.exports_from:
            found = self.find(_resolved(path, other), name)
            if found:
                return found
        return None


def _class_body(text: str) -> str:
    """The properties of a class, without its constructor and methods."""
    body = text[text.index("{") :]
    depth = 0
    for at, sign in enumerate(body):
        depth += (sign == "{") - (sign == "}")
        if depth == 0:
            body = body[: at + 1]
            break
    start = body.index("readonly")
    return "{" + body[start:]


def _walk(name: str, found: Type) -> Iterator[Tuple[str, Type, Type]]:
    if isinstance(found, Shape):
        for key, member in found.members.items():
            yield from _walk("%s.%s" % (name, key) if name else key, member.type)
    elif isinstance(found, Reference) and found.name in (REQUIRED, OPTIONAL):
        yield name, found.arguments[0], found.arguments[1]
    elif isinstance(found, Several):
        for each in found.types:
            yield from _walk(name, each)


def _resolved(path: str, other: str) -> str:
    """The file that an import names."""
    if not other.startswith("."):
        return other
    parts: List[str] = []
    for part in (PurePosixPath(path).parent / other).parts:
        if part == "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts) + ".d.ts"


class Resolver:
    """Types as a file sees them, with names followed to their declarations."""

    def __init__(self, package: Package, path: str) -> None:
        self._package = package
        self._path = path

    def arguments(self, found: Type) -> Dict[str, Argument]:
        """The properties of a type of arguments; `token` is left out."""
        members = self._members(found, self._path, 0)
        return {
            name: Argument(not member.is_optional, *self._kinds(member.type, path))
            for name, (member, path) in sorted(members.items())
            if name != "token" and not _is_never(member.type)
        }

    def events(self, found: Type) -> Iterator[Tuple[str, FrozenSet[str]]]:
        """(type, keys) of each part of a union of events."""
        for part, path in self._parts(found, self._path):
            members = self._members(part, path, 0)
            for name in _literals(members["type"][0].type):
                yield name, frozenset(members)

    def _parts(self, found: Type, path: str) -> Iterator[Tuple[Type, str]]:
        whole, its_path = self._followed(found, path)
        if isinstance(whole, Several) and whole.is_union:
            for part in whole.types:
                yield from self._parts(part, its_path)
        else:
            yield found, path

    def containers(self, found: Type, method: str) -> Dict[str, str]:
        """Keys of an answer -> what they hold; `a.b` for keys of an object at `a`."""
        members = self._members(found, self._path, 0)
        containers: Dict[str, str] = {}
        for name, (member, path) in members.items():
            self._add_containers(containers, name, member.type, path, 0)
        return containers

    def _add_containers(
        self, containers: Dict[str, str], name: str, found: Type, path: str, depth: int
    ) -> None:
        found, path = self._followed(found, path)
        if isinstance(found, Sequence):
            containers[name] = "list"
        elif isinstance(found, Shape) and found.index is not None:
            containers[name] = "map"
        elif isinstance(found, (Shape, Several)) and not self._is_value(found, path):
            members = self._members(found, path, 0)
            lists = [
                isinstance(self._followed(m.type, p)[0], Sequence) for m, p in members.values()
            ]
            containers[name] = "lists" if lists and all(lists) else "object"
            for key, (member, its_path) in members.items():
                if depth < 2:
                    self._add_containers(
                        containers, "%s.%s" % (name, key), member.type, its_path, depth + 1
                    )
        else:
            containers[name] = "value"

    def _is_value(self, found: Type, path: str) -> bool:
        return isinstance(found, Several) and not self._members(found, path, 0)

    def _followed(self, found: Type, path: str) -> Tuple[Type, str]:
        for _ in range(_DEEPEST):
            if not isinstance(found, Reference):
                break
            declared = self._package.find(path, found.name)
            if declared is None:
                break
            path, found = declared[0], declared[1].type
        return found, path

    def _members(self, found: Type, path: str, depth: int) -> Dict[str, Tuple[Member, str]]:
        """Property -> (member, file that its type is to be read in)."""
        if depth > _DEEPEST:
            return {}
        if isinstance(found, Shape):
            return {name: (member, path) for name, member in found.members.items()}
        if isinstance(found, Several):
            each = [self._members(one, path, depth + 1) for one in found.types]
            return _united(each) if found.is_union else _intersected(each)
        if isinstance(found, Reference):
            return self._members_of_reference(found, path, depth)
        return {}

    def _members_of_reference(
        self, found: Reference, path: str, depth: int
    ) -> Dict[str, Tuple[Member, str]]:
        if found.name in _UTILITIES and found.arguments:
            inner = self._members(found.arguments[0], path, depth + 1)
            keys = _literals(found.arguments[1]) if len(found.arguments) > 1 else frozenset()
            return _UTILITIES[found.name](inner, keys)
        declared = self._package.find(path, found.name)
        if declared is None:
            return {}
        return self._members(declared[1].type, declared[0], depth + 1)

    def _kinds(self, found: Type, path: str) -> Tuple[FrozenSet[str], Tuple[str, ...]]:
        kinds, values = set(), []
        for each in self._alternatives(found, path, 0):
            if isinstance(each, Literal):
                kinds.add(_kind_of_literal(each))
                if isinstance(each.value, str):
                    values.append(each.value)
            elif isinstance(each, Sequence):
                kinds.add("array")
            elif isinstance(each, Reference):
                kinds.add(_BUILT_IN.get(each.name, "object"))
            else:
                kinds.add("object")
        kinds.discard("")
        return frozenset(kinds), tuple(values) if "string" in kinds and values else ()

    def _alternatives(self, found: Type, path: str, depth: int) -> Iterator[Type]:
        found, path = self._followed(found, path)
        if isinstance(found, Several) and found.is_union and depth < _DEEPEST:
            for each in found.types:
                yield from self._alternatives(each, path, depth + 1)
        else:
            yield found


Members = Dict[str, Tuple[Member, str]]


def _united(each: List[Members]) -> Members:
    """Required only where every alternative requires it."""
    whole: Members = {}
    for name in {key for members in each for key in members}:
        there = [members[name] for members in each if name in members]
        real = [found for found in there if not _is_never(found[0].type)] or there
        is_optional = len(real) < len(each) or any(member.is_optional for member, _ in real)
        types = tuple(member.type for member, _ in real)
        kind = types[0] if len(types) == 1 else Several(True, types)
        whole[name] = (Member(kind, is_optional), real[0][1])
    return whole


def _intersected(each: List[Members]) -> Members:
    """Required where one part requires it."""
    whole: Members = {}
    for members in each:
        for name, (member, path) in members.items():
            before = whole.get(name, (member, path))
            is_optional = member.is_optional and before[0].is_optional
            known, its_path = (member, path) if _is_never(before[0].type) else before
            whole[name] = (Member(known.type, is_optional), its_path)
    return whole


def _partial(members: Members, keys: FrozenSet[str]) -> Members:
    return {name: (Member(member.type, True), path) for name, (member, path) in members.items()}


def _required(members: Members, keys: FrozenSet[str]) -> Members:
    return {name: (Member(member.type, False), path) for name, (member, path) in members.items()}


def _picked(members: Members, keys: FrozenSet[str]) -> Members:
    return {name: each for name, each in members.items() if name in keys}


def _omitted(members: Members, keys: FrozenSet[str]) -> Members:
    return {name: each for name, each in members.items() if name not in keys}


_UTILITIES: Dict[str, Callable[[Members, FrozenSet[str]], Members]] = {
    "Partial": _partial,
    "Required": _required,
    "Pick": _picked,
    "Omit": _omitted,
    "ExcludeFromUnion": _omitted,
    "OptionalArgument": lambda members, keys: members,
}
_BUILT_IN = {
    "string": "string",
    "number": "number",
    "boolean": "boolean",
    "Buffer": "file",
    "Stream": "file",
    "Array": "array",
    "ReadonlyArray": "array",
    "undefined": "",
    "null": "",
    "never": "",
}


def _literals(found: Type) -> FrozenSet[str]:
    types = found.types if isinstance(found, Several) else (found,)
    return frozenset(str(each.value) for each in types if isinstance(each, Literal))


def _kind_of_literal(found: Literal) -> str:
    if isinstance(found.value, bool):
        return "boolean"
    return "string" if isinstance(found.value, str) else "number"


def _is_never(found: Type) -> bool:
    return isinstance(found, Reference) and found.name in ("never", "undefined")
