"""PURE: merges the keys of events into the facts of etc/slack/events.json.

@slack/types adds keys. It removes none: pages and other SDKs show keys that it does not have.
"""

from __future__ import annotations

import copy
from typing import AbstractSet, Any, Dict, List, Mapping, Tuple

Json = Dict[str, Any]
# Its keys depend on the subtype; the facts have those of each subtype apart.
_BY_SUBTYPE = frozenset({"message"})


def merge_events(facts: Json, types: Mapping[str, AbstractSet[str]]) -> Tuple[Json, List[str]]:
    """(events after a refresh, events that the facts do not have)."""
    merged = copy.deepcopy(facts)
    for name, keys in types.items():
        if name in merged and name not in _BY_SUBTYPE:
            _add(merged[name], keys)
    return merged, sorted(set(types) - set(facts))


def _add(event: Json, keys: AbstractSet[str]) -> None:
    known = set(event.get("keys", ()))
    if not keys <= known:
        event["keys"] = sorted(known | keys)
    if "node" not in event["sources"]:
        event["sources"] = sorted([*event["sources"], "node"])


def changes_of_events(old: Json, new: Json) -> List[str]:
    """A line for each event that has other keys."""
    lines = []
    for name in sorted(new):
        added = set(new[name].get("keys", ())) - set(old[name].get("keys", ()))
        if added:
            lines.append("- %s: keys %s" % (name, " ".join("+" + key for key in sorted(added))))
    return lines
