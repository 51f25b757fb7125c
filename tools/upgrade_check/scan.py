"""Folders of packs → a report: what was looked at, and what is to be said about it."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import FrozenSet, Iterable, Iterator, List, Optional, Set

from yaml.nodes import Node

from sandbox.stackstorm.validation_errors import ValidationError, ValidationErrors
from tools.upgrade_check import behaviours, call_findings, configs, documents
from tools.upgrade_check.documents import Unreadable
from tools.upgrade_check.finding import BREAK, NOTE, Finding
from tools.upgrade_check.interface import Interface
from tools.upgrade_check.references import is_mistral, references

_SUFFIXES = (".yaml", ".yml")
_NOT_THEIRS = ("node_modules", "virtualenvs", "__pycache__", "site-packages")


@dataclass
class Report:
    """`files`: YAML files read; `references`: calls of our actions in them; `configs`: configs."""

    files: int = 0
    references: int = 0
    configs: int = 0
    findings: List[Finding] = field(default_factory=list)

    @property
    def breaks(self) -> int:
        """How many places must change."""
        return sum(each.level == BREAK for each in self.findings)


def scan(interface: Interface, places: Iterable[Path]) -> Report:
    """Look at all files below these folders, or at these files; ValidationErrors: not there."""
    places = list(places)
    absent = [ValidationError(str(place), "is not there") for place in places if not place.exists()]
    if absent:
        raise ValidationErrors(absent)
    report = Report()
    walker = _Walker(interface, report)
    schema = configs.schema_of(interface)
    paths = [path for place in places for path in walker.files(place)]
    hosts = _plain_http_hosts(interface, schema, paths)
    for path in paths:
        report.files += 1
        try:
            report.findings += _in_file(interface, schema, path, report, hosts)
        except Unreadable as error:
            report.findings.append(Finding(str(path), error.line, NOTE, f"{error}", "passed over"))
        except RecursionError:
            report.findings.append(
                Finding(str(path), None, NOTE, "is nested too deeply", "passed over")
            )
    return report


def _plain_http_hosts(
    interface: Interface, schema: configs.Schemas, paths: Iterable[Path]
) -> FrozenSet[str]:
    """The hosts that the configs among these files allow plain http for."""
    found: FrozenSet[str] = frozenset()
    for path in paths:
        if path.stem != interface.ref:
            continue
        with contextlib.suppress(Unreadable, RecursionError):  # told when it is looked at
            document = documents.read(path)
            if document is not None and configs.is_config(path, document, interface.ref, schema):
                found |= behaviours.plain_http_hosts(document)
    return found


class _Walker:
    """Finds YAML files, each once, whatever links and overlapping folders lead to it."""

    def __init__(self, interface: Interface, report: Report) -> None:
        self._ref = interface.ref
        self._report = report
        self._visited: Set[str] = set()

    def files(self, place: Path) -> Iterator[Path]:
        if place.is_file():
            yield from self._once(place)
            return
        for folder, inner, names in os.walk(str(place), followlinks=True, onerror=self._failed):
            if not self._is_new(folder) or self._is_pack_itself(Path(folder), place):
                inner.clear()
                continue
            inner[:] = sorted(name for name in inner if name[0] != "." and name not in _NOT_THEIRS)
            for name in sorted(names):
                if name.lower().endswith(_SUFFIXES):
                    yield from self._once(Path(folder, name))

    def _once(self, path: Path) -> Iterator[Path]:
        if self._is_new(str(path)):
            yield path

    def _is_new(self, path: str) -> bool:
        real = os.path.realpath(path)
        new = real not in self._visited
        self._visited.add(real)
        return new

    def _is_pack_itself(self, folder: Path, place: Path) -> bool:
        """Whether it is the pack itself among others: its own files come with the upgrade."""
        if folder == place or folder.name != self._ref or not (folder / "pack.yaml").is_file():
            return False
        self._add_note(str(folder), "is the pack itself", "passed over")
        return True

    def _failed(self, error: OSError) -> None:
        self._add_note(str(error.filename), f"cannot be read: {error.strerror}", "passed over")

    def _add_note(self, path: str, what: str, instead: str) -> None:
        self._report.findings.append(Finding(path, None, NOTE, what, instead))


def _in_file(
    interface: Interface,
    schema: configs.Schemas,
    path: Path,
    report: Report,
    hosts: FrozenSet[str],
) -> List[Finding]:
    document = documents.read(path)
    if document is None:
        return []
    problems: List[call_findings.Problem] = []
    found = [
        each for each in references(document) if call_findings.is_call_of_pack(interface, each)
    ]
    for reference in found:
        problems += call_findings.find_problems(interface, reference)
        problems += behaviours.check_call(interface, reference, hosts)
    problems += behaviours.check_rule(interface, document)
    if not found and configs.is_config(path, document, interface.ref, schema):
        report.configs += 1
        problems += configs.check_config(document, schema)
        problems += behaviours.check_config(interface, document)
    report.references += sum(not each.is_open for each in found)
    note = _of_mistral(interface, path, document)
    return ([note] if note else []) + [
        Finding(str(path), *problem) for problem in sorted(problems, key=lambda each: each.line)
    ]


def _of_mistral(interface: Interface, path: Path, document: Node) -> Optional[Finding]:
    if not is_mistral(document) or f"{interface.ref}." not in path.read_text("utf-8-sig"):
        return None
    what = "is a workflow of Mistral, which StackStorm no longer runs"
    return Finding(str(path), None, NOTE, what, "passed over")
