"""The list of docs/actions.md: all actions by family, one line each."""

from __future__ import annotations

import re
from itertools import groupby
from typing import Any, Dict, Iterator, List, Mapping, Tuple

import yaml

from tools.generator.sources import HAND_WRITTEN_ACTIONS, LOADER, Catalogue
from tools.generator.texts import shown_scopes

HEAD = "%d actions: %d for Slack's Web API methods, by family, and %d of the pack's own.\n"


def index_of(catalogue: Catalogue) -> str:
    """The list as Markdown."""
    current = list(catalogue.current())
    hand_written = list(_hand_written(catalogue))
    families = [(family, list(members)) for family, members in groupby(current, key=_family)]
    parts = [
        HEAD % (len(current) + len(hand_written), len(current), len(hand_written)),
        _contents(families),
    ]
    parts.append(_table("The pack's own", ["action", "what it does"], hand_written))
    for family, members in families:
        rows = [_row(catalogue, name, facts) for name, facts in members]
        parts.append(_table(family, ["action", "what it does", "token", "scope"], rows))
    return "\n".join(parts)


def _family(item: Tuple[str, Mapping[str, Any]]) -> str:
    """admin.* is a third of all: it is split by its second word."""
    words = item[0].split(".")
    return ".".join(words[:2]) if words[0] == "admin" else words[0]


def _contents(families: List[Tuple[str, Any]]) -> str:
    links = ["[%s](#%s)" % (family, family.replace(".", "").lower()) for family, _ in families]
    return " · ".join(links) + "\n"


def _hand_written(catalogue: Catalogue) -> Iterator[List[str]]:
    for name in sorted(HAND_WRITTEN_ACTIONS):
        path = catalogue.root / "actions" / name
        if path.exists():
            action: Dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader=LOADER)
            sentence = re.split(r"(?<!e\.g)\. ", action["description"])[0].rstrip(".") + "."
            yield ["`slack.%s`" % action["name"], sentence]


def _row(catalogue: Catalogue, name: str, facts: Mapping[str, Any]) -> List[str]:
    scopes = sorted({scope for each in shown_scopes(facts).values() for scope in each})
    kinds = facts.get("token_types") or ()
    token = "none" if facts.get("takes_token") is False else ", ".join(kinds)
    return ["`slack.%s`" % name, catalogue.words.of(name)["description"], token, ", ".join(scopes)]


def _table(title: str, columns: List[str], rows: List[List[str]]) -> str:
    lines = ["### %s" % title, "", _line(columns), _line(["---"] * len(columns))]
    lines += [_line(row) for row in rows]
    return "\n".join(lines) + "\n"


def _line(cells: List[str]) -> str:
    return "| %s |" % " | ".join(cell.replace("|", "\\|") for cell in cells)
