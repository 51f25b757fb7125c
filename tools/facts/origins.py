"""Where the facts of a method came from, for `bin/show`."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping

from tools.facts.merge import Arguments
from tools.facts.rulings import WHOLE_METHOD, Ruling

PAGE = "page of docs.slack.dev"
_PAGE_SOURCES = {"docs", "ref"}
_OF_PAGE = ("http_method", "content_types", "scopes", "rate_tier", "errors", "deprecated", "legacy")
_BY_HAND = ("writes", "at_least_one_of", "not_together", "only_together", "limits")
_OLDER = {
    "java": "SDK for Java",
    "openapi": "OpenAPI document of 2021",
    "pack": "version 2 of this pack",
    "ref_history": "earlier pages",
    "ref_undocumented": "earlier pages",
    "sdk": "slack_sdk",
    "node": "types of @slack/web-api",
}


def origins(
    name: str,
    facts: Mapping[str, Any],
    packages: Mapping[str, Arguments],
    rulings: List[Ruling],
) -> Dict[str, Any]:
    """A document. `packages`: how a package is called -> its methods."""
    found: Dict[str, Any] = {"method": _of_method(facts)}
    by_page = PAGE if _PAGE_SOURCES & set(facts["seen_in"]) else "by hand"
    found.update({key: by_page for key in _OF_PAGE if facts.get(key)})
    found.update({key: "by hand" for key in _BY_HAND if key in facts})
    if "pagination" in facts:
        found["pagination"] = "types of @slack/web-api, by hand where they say nothing"
    if "replaced_by" in facts:
        found["replaced_by"] = facts["replaced_by_basis"]
    found["args"] = {
        key: _of_argument(name, key, argument, packages) for key, argument in facts["args"].items()
    }
    found["rulings"] = [_shown(each) for each in rulings if each.method == name]
    return {key: value for key, value in found.items() if value}


def _of_method(facts: Mapping[str, Any]) -> List[str]:
    names = [PAGE if each in _PAGE_SOURCES else _OLDER.get(each, each) for each in facts["seen_in"]]
    return list(dict.fromkeys(names))


def _of_argument(
    name: str, key: str, argument: Mapping[str, Any], packages: Mapping[str, Arguments]
) -> str:
    known = [
        "%s (%s)" % (package, "required" if methods[name][key].is_required else "optional")
        for package, methods in packages.items()
        if key in methods.get(name, {})
    ]
    text = ", ".join(known) or PAGE + " alone"
    for fact, basis in (("enum", "enum_from"), ("format", "format_basis")):
        if basis in argument:
            text += "; %s: %s" % (fact, argument[basis])
    return text


def _shown(ruling: Ruling) -> str:
    subject = ruling.about if ruling.name == WHOLE_METHOD else _named(ruling)
    against = " and ".join(sorted(ruling.against))
    return "%s: %s, against %s. %s (%s, %s)" % (
        *(subject, ruling.ruling, against),
        *(ruling.reason, ruling.source, ruling.date),
    )


def _named(ruling: Ruling) -> str:
    return "%s of %s" % (ruling.about, ruling.name)
