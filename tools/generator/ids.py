"""Which arguments are IDs of channels, people or user groups, which may be given as mentions.

By the facts: what Slack calls the value (`value_kind`), else the argument's name, in texts and
lists of texts only. What neither tells stands in the rulings of etc/words/parameters.yaml.
"""

from __future__ import annotations

import re
from typing import Any, Dict, Iterator, List, Mapping, Optional, Set, Tuple

from tools.generator.sources import Catalogue

# Slack's word for a value → a key of `st2slack.base.ids.ARGUMENTS`.
VALUE_KINDS = {
    "channel": "channel",
    "channels": "channel",
    "channel_group": "channel",
    "user": "user",
    "users": "user",
    "enterprise_user_id": "user",
    "subteam_id": "usergroup",
    "user_group": "usergroup",
}
_NAMES = (
    (re.compile(r"(?:\w+_)?channel(?:s|_id|_ids)?"), "channel"),
    (re.compile(r"(?:\w+_)?user(?:s|_id|_ids)?"), "user"),
    (re.compile(r"(?:\w+_)?usergroup(?:s|_id|_ids)?"), "usergroup"),
)


def ids_of(catalogue: Catalogue) -> Dict[str, str]:
    """Name of an argument → what its IDs are of. A name means the same in every method."""
    return {name: min(forms) for name, forms in sorted(_served(catalogue).items())}


def faults_of(catalogue: Catalogue) -> Iterator[str]:
    """Names that mean different things, and rulings that nothing needs."""
    served = _served(catalogue)
    for name, forms in sorted(served.items()):
        if len(forms) > 1:
            yield "etc/slack: argument %r is an ID of %s" % (name, " and of ".join(sorted(forms)))
    for name in catalogue.words.rulings["ids"]:
        if name not in served:
            yield "parameters.yaml: ids: %r is no argument that is an ID" % name


def arguments(catalogue: Catalogue) -> List[Tuple[str, str, str]]:
    """(method, argument, what its IDs are of) of every method that is not retired."""
    ruled = catalogue.words.rulings["ids"]
    return [
        (method, name, form)
        for method, facts in sorted(catalogue.methods.items())
        if not facts["retired"]
        for name, fact in facts["args"].items()
        for form in [_form(name, fact, ruled)]
        if form
    ]


def _served(catalogue: Catalogue) -> Dict[str, Set[str]]:
    served: Dict[str, Set[str]] = {}
    for _, name, form in arguments(catalogue):
        served.setdefault(name, set()).add(form)
    return served


def _form(name: str, fact: Mapping[str, Any], ruled: Mapping[str, str]) -> Optional[str]:
    if not _is_text(fact):
        return None
    if name in ruled:
        return ruled[name]
    by_name = (form for pattern, form in _NAMES if pattern.fullmatch(name))
    return VALUE_KINDS.get(fact.get("value_kind", "")) or next(by_name, None)


def _is_text(fact: Mapping[str, Any]) -> bool:
    """Whether the value is a text or a list of texts."""
    if fact["type"] == "array":
        return bool((fact.get("items") or {}).get("type") == "string")
    return bool(fact["type"] == "string") and fact.get("format") != "binary"
