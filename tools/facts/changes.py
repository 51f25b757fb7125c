"""PURE: what a refresh changed: by method for a reviewer, and as lines for CHANGES.md."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Mapping

from tools.facts.rules import differ

Facts = Mapping[str, Mapping[str, Any]]
_TIERS = {"rate_tier": "tier", "scopes": "scopes"}
# Kind of change -> how CHANGES.md says it.
_TITLES = {
    "added": "New methods",
    "gone": "Methods that Slack retired",
    "argument added": "New arguments",
    "argument gone": "Arguments that are gone",
    "required": "Required arguments changed",
    "argument": "Arguments changed",
    "scopes": "Scopes changed",
    "tier": "Rate tiers changed",
}


@dataclass(frozen=True)
class Change:
    """`kind`: a key of _TITLES, `errors` or `other`. `subject`: the method, or the method with the
    argument."""

    method: str
    kind: str
    subject: str
    text: str


def diff(old: Facts, new: Facts) -> List[Change]:
    """The changes of every method, in the order of names."""
    return [change for name in sorted({*old, *new}) for change in _of_method(name, old, new)]


def _of_method(name: str, old: Facts, new: Facts) -> Iterator[Change]:
    if name not in old:
        arguments = ", ".join(_listed(new[name]["args"])) or "no arguments"
        yield Change(name, "added", name, "added: %s" % arguments)
    elif name not in new or (new[name]["retired"] and not old[name]["retired"]):
        yield Change(name, "gone", name, "gone: Slack retired it")
    else:
        yield from _of_arguments(name, old[name]["args"], new[name]["args"])
        yield from _of_facts(name, old[name], new[name])


def _listed(arguments: Mapping[str, Mapping[str, Any]]) -> List[str]:
    return [name + " (required)" * each["required"] for name, each in arguments.items()]


def _of_arguments(name: str, old: Facts, new: Facts) -> Iterator[Change]:
    for key in sorted({*old, *new}):
        subject = "%s: %s" % (name, key)
        if key not in old:
            text = "argument %s added: %s" % (key, _shown(new[key]))
            yield Change(name, "argument added", subject, text)
        elif key not in new:
            yield Change(name, "argument gone", subject, "argument %s gone" % key)
        else:
            yield from _of_argument(name, key, old[key], new[key])


def _of_argument(
    name: str, key: str, old: Mapping[str, Any], new: Mapping[str, Any]
) -> Iterator[Change]:
    subject = "%s: %s" % (name, key)
    for fact in sorted({*old, *new}):
        if old.get(fact) == new.get(fact):
            continue
        if fact == "required":
            text = "%s is now %s" % (key, "required" if new["required"] else "optional")
            yield Change(name, "required", subject, text)
        else:
            text = "%s: %s %s -> %s" % (key, fact, _shown(old.get(fact)), _shown(new.get(fact)))
            yield Change(name, "argument", subject, text)


def _of_facts(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for fact in sorted({*old, *new} - {"args", "errors"}):
        if differ(old.get(fact), new.get(fact)):
            text = "%s %s -> %s" % (fact, _shown(old.get(fact)), _shown(new.get(fact)))
            yield Change(name, _TIERS.get(fact, "other"), name, text)
    before, after = set(old.get("errors", ())), set(new.get("errors", ()))
    signs = ["+" + code for code in sorted(after - before)]
    signs += ["-" + code for code in sorted(before - after)]
    if signs:
        yield Change(name, "errors", name, "errors " + " ".join(signs))


def _shown(value: Any) -> str:
    return "none" if value is None else json.dumps(value, sort_keys=True)


def by_method(changes: List[Change]) -> List[str]:
    """Markdown: a heading for each method, a line for each change."""
    lines: List[str] = []
    for change in changes:
        heading = "### %s" % change.method
        if heading not in lines:
            lines += ["", heading, ""]
        lines.append("- " + change.text)
    return lines[1:]


def lines_for_changes(changes: List[Change]) -> List[str]:
    """Lines for CHANGES.md: what a user of the actions sees."""
    subjects: Dict[str, List[str]] = {}
    for change in changes:
        if change.kind in _TITLES:
            named = subjects.setdefault(change.kind, [])
            if change.subject not in named:
                named.append(change.subject)
    return [
        "* %s: %s." % (title, ", ".join("`%s`" % subject for subject in subjects[kind]))
        for kind, title in _TITLES.items()
        if kind in subjects
    ]
