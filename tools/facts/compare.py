"""Compares the facts with a source: what differs, by method and name."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Tuple

from tools.facts.typings import Argument

Facts = Mapping[str, Mapping[str, Any]]
Arguments = Mapping[str, Mapping[str, Argument]]
Differences = Dict[Tuple[str, str], object]


def unknown_methods(facts: Facts, source: Arguments) -> set[str]:
    """Methods of the source that the facts do not have."""
    return set(source) - set(facts)


def unknown_arguments(facts: Facts, source: Arguments) -> Differences:
    """Arguments of the source that the facts do not have: (method, argument) -> False."""
    return {
        (method, name): False
        for method, arguments in _living(facts, source)
        for name in arguments
        if name not in facts[method]["args"]
    }


def required(facts: Facts, source: Arguments) -> Differences:
    """Arguments that one side requires: (method, argument) -> what the facts say."""
    return {
        (method, name): facts[method]["args"][name]["required"]
        for method, arguments in _living(facts, source)
        for name, argument in arguments.items()
        if name in facts[method]["args"]
        and facts[method]["args"][name]["required"] != argument.is_required
    }


def containers(facts: Facts, answers: Mapping[str, Mapping[str, str]]) -> Differences:
    """Containers of paged items that differ: (method, key) -> what the facts say."""
    found: Differences = {}
    for method, answer in answers.items():
        pages = facts.get(method, {}).get("pagination")
        if pages and answer.get(pages["result_key"]) != pages["container"]:
            found[method, pages["result_key"]] = pages["container"]
    return found


def _living(facts: Facts, source: Arguments) -> list[Tuple[str, Mapping[str, Argument]]]:
    return [
        (method, arguments)
        for method, arguments in source.items()
        if method in facts and not facts[method]["retired"]
    ]
