"""Rulings: where the facts differ from a source on purpose. `etc/slack/rulings.yaml`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, FrozenSet, List, Tuple

import yaml

# The name of a ruling about the method itself.
WHOLE_METHOD = "*"
ABOUT = (
    *("required", "argument", "container", "type", "default", "values", "largest"),
    *("method", "writes", "http_method", "content_types", "scopes", "rate_tier", "errors"),
    *("deprecated", "legacy", "retired", "replaced_by", "pagination"),
)
SOURCES = ("node", "sdk", "page")


@dataclass(frozen=True)
class Ruling:
    """`name`: an argument or WHOLE_METHOD; `about`: one of ABOUT; `ruling`: what the facts say;
    `against`: the sources that say otherwise, or that say nothing where the ruling decides."""

    method: str
    name: str
    about: str
    ruling: object
    against: FrozenSet[str]
    reason: str
    source: str
    date: str


class BadRuling(Exception):
    """An entry that lacks something, or names something unknown."""


def load(path: Path) -> List[Ruling]:
    """The rulings of a file. Raises BadRuling."""
    entries = yaml.safe_load(path.read_text(encoding="utf-8"))["rulings"]
    rulings = [_ruling(entry) for entry in entries]
    keys = [(each.method, each.name, each.about) for each in rulings]
    for key in keys:
        if keys.count(key) > 1:
            raise BadRuling("%s: two rulings about %s of %s" % (key[0], key[2], key[1]))
    return rulings


def _ruling(entry: Dict[str, Any]) -> Ruling:
    lacking = [key for key in Ruling.__dataclass_fields__ if entry.get(key) in (None, "", [])]
    if lacking:
        raise BadRuling("%s: %s lacks %s" % (entry.get("method"), entry, ", ".join(lacking)))
    if entry["about"] not in ABOUT or not set(entry["against"]) <= set(SOURCES):
        raise BadRuling("%s: unknown `about` or `against`" % entry["method"])
    return Ruling(**{**entry, "against": frozenset(entry["against"]), "date": str(entry["date"])})


def against(rulings: List[Ruling], source: str, about: str) -> Dict[Tuple[str, str], object]:
    """(method, name) -> what the facts say, of the rulings against a source."""
    return {
        (each.method, each.name): each.ruling
        for each in rulings
        if source in each.against and each.about == about
    }
