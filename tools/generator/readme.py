"""The generated parts of README.md and docs/: each stands between two comments and is replaced.

<!-- made: NAME -->
…
<!-- /made -->
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping

from tools.generator import config_keys, docs, manifest, upgrade
from tools.generator.metadata import action_of
from tools.generator.sources import Catalogue

_BLOCK = re.compile(r"(<!-- made: (?P<name>[\w-]+) -->\n)(?P<text>.*?)(<!-- /made -->)", re.DOTALL)
_SHOWN = "chat.postMessage"


def pages(root: Path) -> List[Path]:
    """README.md and the pages of docs/, below the root; those that exist."""
    found = [root / "README.md", *sorted((root / "docs").glob("*.md"))]
    return [path.relative_to(root) for path in found if path.exists()]


def fill(text: str, catalogue: Catalogue) -> str:
    """The page's text with every generated part up to date. KeyError for an unknown name."""

    def part(found: re.Match[str]) -> str:
        return found[1] + PARTS[found["name"]](catalogue) + found[4]

    return _BLOCK.sub(part, text)


def action_get(catalogue: Catalogue) -> str:
    """What `st2 action get` says of one action, each parameter on a line."""
    action = action_of(catalogue, _SHOWN)
    lines = [
        "ref: slack.%s" % _SHOWN,
        "runner_type: %s" % action["runner_type"],
        "entry_point: %s" % action["entry_point"],
        "description: %s" % action["description"],
        "parameters:",
    ]
    lines += [_parameter(name, schema) for name, schema in action["parameters"].items()]
    return "```\n%s\n```\n" % "\n".join(lines)


def _parameter(name: str, schema: Mapping[str, Any]) -> str:
    marks = [schema["type"]]
    marks += [mark for mark in ("required", "secret", "immutable") if schema.get(mark)]
    if "default" in schema:
        marks.append("default %s" % schema["default"])
    return "  %s (%s): %s" % (name, ", ".join(marks), schema["description"])


PARTS: Dict[str, Callable[[Catalogue], str]] = {
    "action-get": action_get,
    "action-list": docs.index_of,
    "app-link": lambda catalogue: manifest.link(catalogue.root),
    "config-keys": lambda catalogue: config_keys.table(catalogue.root),
    "upgrade": lambda catalogue: upgrade.table(catalogue.root),
}
