"""The upgrade tables of docs/upgrading.md in Markdown, from etc/upgrade_2x.yaml and the facts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Sequence, Tuple

import yaml

ROOT = Path(__file__).resolve().parents[2]
# Notes on more parameters than these are counted: they ask nothing of anybody.
_SHOWN = 8
_OF_ITS_OWN = ("retired",)
_HEAD = ("Where", "What differs, and why", "What to do")


def table(root: Path = ROOT) -> str:
    """The tables of retired actions, of their parameters, of behaviours, and of everything else."""
    breaks = _breaks(root)
    kinds = breaks["kinds"]
    retired = kinds["retired"]
    facts = json.loads((root / "etc/slack/web_api.json").read_text(encoding="utf-8"))["methods"]
    others = [_row(kind) for name, kind in kinds.items() if name not in _OF_ITS_OWN]
    parts = [
        f"{retired['why']} {retired['instead']}",
        _markdown(("Gone", "Instead"), list(_retired(retired["actions"], facts))),
        "Where the action that took its place names a parameter differently:",
        _markdown(("Parameter", "Instead"), list(_moved(retired["parameters"]))),
        "What the sensor and the webhooks do differently:",
        _markdown(_HEAD, [_line(kind["where"], kind) for kind in breaks["behaviours"].values()]),
        "Everything else that differs:",
        _markdown(_HEAD, [row for row in others if row]),
    ]
    return "\n\n".join(parts) + "\n"


def _breaks(root: Path) -> Dict[str, Dict[str, Any]]:
    text = (root / "etc/upgrade_2x.yaml").read_text(encoding="utf-8")
    breaks: Dict[str, Dict[str, Any]] = yaml.safe_load(text)
    return breaks


def _retired(names: Sequence[str], facts: Mapping[str, Any]) -> Iterator[Tuple[str, ...]]:
    """One row for each replacement, in the order in which the names come."""
    rows: Dict[Tuple[str, ...], List[str]] = {}
    for name in names:
        rows.setdefault(tuple(facts[name].get("replaced_by") or ()), []).append(name)
    for instead, members in sorted(rows.items(), key=lambda row: not row[0]):
        yield _refs(members), _refs(instead, " or ") or "nothing"


def _moved(parameters: Mapping[str, Mapping[str, str]]) -> Iterator[Tuple[str, ...]]:
    for name, rule in sorted(parameters.items()):
        instead = f"`{rule['to']}`" if "to" in rule else ""
        yield f"`{name}`", ": ".join(part for part in (instead, rule.get("why")) if part)


def _row(kind: Mapping[str, Any]) -> Tuple[str, ...]:
    """The row of one kind of break; empty where it is found nowhere."""
    where = _where(kind)
    return _line(where, kind) if where else ()


def _line(where: str, kind: Mapping[str, Any]) -> Tuple[str, ...]:
    return where, f"{kind['change']} {kind['why']}", kind["instead"]


def _where(kind: Mapping[str, Any]) -> str:
    if kind.get("everywhere"):
        return "every action"
    actions, where = kind.get("actions") or [], kind.get("where") or {}
    count = len(actions) or sum(map(len, where.values()))
    if kind["level"] == "note" and count > _SHOWN:
        of = "" if actions else f" of {len(where)} actions"
        return f"{count} {'actions' if actions else 'parameters'}{of} (etc/upgrade_2x.yaml)"
    named = [f"`slack.{name}` ({_names(parameters)})" for name, parameters in where.items()]
    return _refs(actions) or ", ".join(named)


def _refs(names: Sequence[str], between: str = ", ") -> str:
    return between.join(f"`slack.{name}`" for name in names)


def _names(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| %s |" % " | ".join(map(_cell, line)) for line in lines)


def _cell(text: str) -> str:
    """One line, no bar that would end the cell."""
    return " ".join(text.split()).replace("|", "\\|")
