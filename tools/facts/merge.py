"""PURE: merges what the sources say into the facts of etc/slack/web_api.json.

Order of trust, first one first:

1. a ruling of etc/slack/rulings.yaml
2. the method's page
3. what two packages say: @slack/web-api (types for Node), then slack_sdk
4. the facts as they are: what no source states (pages of an answer, groups of arguments,
   `writes`, kinds of values, the form of a list) stays

Types of known arguments stay, because several sources made them; a page that contradicts one is a
disagreement. What the order cannot decide is undecided: it comes with the ruling to write.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from tools.facts import compare, rules
from tools.facts.decisions import Decisions, Subject, Undecided
from tools.facts.pages import Page, PageArgument
from tools.facts.rulings import WHOLE_METHOD, Ruling
from tools.facts.typings import Argument

Facts = Dict[str, Dict[str, Any]]
Arguments = Mapping[str, Mapping[str, Argument]]
# More pages than this do not vanish within a week: then the folder is incomplete.
MOST_PAGES_GONE = 10


class Incomplete(Exception):
    """Too many pages are missing for a refresh."""


@dataclass(frozen=True)
class Sources:
    """`is_complete`: every method that has no page is gone. `node`: None where it was not read.
    `answers`: method -> keys of its answer and their containers, of the types for Node."""

    pages: Mapping[str, Page]
    sdk: Arguments
    node: Optional[Arguments]
    is_complete: bool = True
    answers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def packages(self) -> Iterator[Tuple[str, Arguments]]:
        """(name as rulings have it, methods), the more trusted first."""
        if self.node is not None:
            yield "node", self.node
        yield "sdk", self.sdk


@dataclass
class Outcome:
    """Facts after the merge and what a reviewer has to know."""

    methods: Facts
    disagreements: List[str]
    undecided: List[Undecided]
    unneeded: List[str]


def merge(facts: Facts, sources: Sources, rulings: List[Ruling]) -> Outcome:
    """Facts -> facts after a refresh. Raises Incomplete."""
    methods, decisions = copy.deepcopy(facts), Decisions(rulings)
    if sources.is_complete:
        _retire_missing(methods, sources.pages)
    pages = _PageMerger(methods, sources, decisions)
    for page in sources.pages.values():
        pages.merge(page)
    _decide_new(methods, sources, decisions)
    _compare_packages(methods, sources, decisions)
    _compare_answers(methods, sources, decisions)
    if sources.node is not None:
        _mark_unverified(methods, [sources.node, sources.sdk])
    packages = {name for name, _ in sources.packages()}
    return Outcome(
        methods=dict(sorted(methods.items())),
        disagreements=decisions.disagreements,
        undecided=decisions.undecided,
        unneeded=list(decisions.unneeded(packages, set(sources.pages))),
    )


def _retire_missing(methods: Facts, pages: Mapping[str, Page]) -> None:
    missing = [
        name for name, facts in methods.items() if rules.is_documented(facts) and name not in pages
    ]
    if len(missing) > MOST_PAGES_GONE:
        raise Incomplete("%d methods have no page: %s" % (len(missing), ", ".join(missing)))
    for name in missing:
        methods[name].update(deprecated=True, retired=True)


class _PageMerger:
    """Merges what pages say into the facts."""

    def __init__(self, methods: Facts, sources: Sources, decisions: Decisions) -> None:
        self._methods = methods
        self._sources = sources
        self._decisions = decisions
        self._forms = rules.forms_by_name(methods)

    def merge(self, page: Page) -> None:
        """Merge one page."""
        name = page.method
        facts = self._methods.setdefault(name, rules.new_method(page))
        if not rules.is_documented(facts):
            return
        for about, value in rules.facts_of_page(facts, page):
            subject = Subject(name, WHOLE_METHOD, about)
            rules.assign(facts, about, self._decisions.overrule(subject, value))
        arguments = {key: each for key, each in page.arguments.items() if key != "token"}
        for key, argument in arguments.items():
            if key in facts["args"]:
                self._merge_argument(name, key, argument)
            elif self._decisions.overrule(Subject(name, key, "argument"), True):
                self._add_argument(name, key, argument)
        for key in sorted(set(facts["args"]) - set(arguments)):
            self._drop_argument(name, key)
        facts["args"] = dict(sorted(facts["args"].items()))
        rules.add_seen_in(facts, "docs")

    def _merge_argument(self, name: str, key: str, page: PageArgument) -> None:
        facts = self._methods[name]
        argument = facts["args"][key]
        if "undecided" in argument:
            self._decide_form(name, key, page)
        is_required = page.is_required and not rules.is_in_a_group(facts, key)
        subject = Subject(name, key, "required")
        argument["required"] = self._decisions.overrule(subject, is_required)
        if not rules.is_compatible(page.type, argument):
            self._decisions.disagree("%s: the page calls %s %s" % (name, key, page.type))
            return
        for about, value in rules.facts_of_argument(argument, page):
            ruled = self._decisions.overrule(Subject(name, key, about), value)
            rules.assign_to_argument(argument, about, ruled)

    def _add_argument(self, name: str, key: str, page: PageArgument) -> None:
        argument = {"type": "string", "required": False, "undecided": True}
        if page.is_for_org_token:
            argument["required_if"] = "org_token"
        self._methods[name]["args"][key] = argument
        self._merge_argument(name, key, page)

    def _decide_form(self, name: str, key: str, page: PageArgument) -> None:
        """The form of a new argument; until it is known, a likely one that is marked."""
        argument = self._methods[name]["args"][key]
        subject = Subject(name, key, "type")
        packages = [each[name][key] for _, each in self._packages_with(name, key)]
        found = rules.form_of_new(key, page, packages, self._forms, self._decisions.find(subject))
        if found is None:
            text = "%s: no source tells the form of the new argument %s" % (name, key)
            self._decisions.leave_open(subject, "page", text, rules.likely_type(page))
            found = rules.provisional_form(page)
        else:
            del argument["undecided"]
        rest = {fact: argument[fact] for fact in argument if fact not in rules.FORM}
        argument.clear()
        argument.update({**found, **rest})

    def _drop_argument(self, name: str, key: str) -> None:
        if self._decisions.overrule(Subject(name, key, "argument"), False):
            return
        known = [source for source, _ in self._packages_with(name, key)]
        if known:
            text = "%s: the page lacks %s, %s has it" % (name, key, " and ".join(known))
            self._decisions.disagree(text)
        else:
            del self._methods[name]["args"][key]

    def _packages_with(self, name: str, key: str) -> List[Tuple[str, Arguments]]:
        found = self._sources.packages()
        return [(source, each) for source, each in found if key in each.get(name, {})]


def _decide_new(methods: Facts, sources: Sources, decisions: Decisions) -> None:
    """What rulings and answers tell of methods that lack it."""
    for name, facts in methods.items():
        if rules.is_documented(facts):
            rules.add_answer_keys(facts, sources.answers.get(name, {}))
            if "writes" not in facts:
                _decide_writes(name, facts, decisions)
            if "cursor" in facts["args"] and "pagination" not in facts:
                _decide_pagination(name, facts, sources.answers.get(name, {}), decisions)


def _decide_writes(name: str, facts: Dict[str, Any], decisions: Decisions) -> None:
    subject = Subject(name, WHOLE_METHOD, "writes")
    ruling = decisions.find(subject)
    if ruling is not None:
        facts["writes"] = ruling.ruling
    else:
        text = "%s is new: does it write?" % name
        decisions.leave_open(subject, "page", text, rules.probably_writes(name))


def _decide_pagination(
    name: str, facts: Dict[str, Any], answer: Mapping[str, str], decisions: Decisions
) -> None:
    subject = Subject(name, WHOLE_METHOD, "pagination")
    ruling = decisions.find(subject)
    found = ruling.ruling if ruling else rules.pagination(facts, answer)
    if found is None:
        text = "%s has a cursor, and no type says what its answer holds" % name
        decisions.leave_open(subject, "page", text, rules.NONE)
    elif found != rules.NONE:
        facts["pagination"] = found


def _compare_packages(methods: Facts, sources: Sources, decisions: Decisions) -> None:
    for source, arguments in sources.packages():
        for name in sorted(compare.unknown_methods(methods, arguments)):
            text = "%s: %s has this method, and it has no page" % (name, source)
            decisions.explain(Subject(name, WHOLE_METHOD, "method"), source, text, False)
        for (name, key), value in compare.unknown_arguments(methods, arguments).items():
            text = "%s: %s has the argument %s" % (name, source, key)
            decisions.explain(Subject(name, key, "argument"), source, text, value)
        for (name, key), value in compare.required(methods, arguments).items():
            says = "optional" if value else "required"
            text = "%s: %s has %s %s" % (name, source, key, says)
            decisions.explain(Subject(name, key, "required"), source, text, value)
        for name in arguments:
            if name in methods and not methods[name]["retired"]:
                rules.add_seen_in(methods[name], source)


def _compare_answers(methods: Facts, sources: Sources, decisions: Decisions) -> None:
    for (name, key), value in compare.containers(methods, sources.answers).items():
        text = "%s: %s is a %s, and the types for Node say otherwise" % (name, key, value)
        decisions.explain(Subject(name, key, "container"), "node", text, value)


def _mark_unverified(methods: Facts, packages: List[Arguments]) -> None:
    """Methods and arguments that no package knows."""
    for name, facts in methods.items():
        if rules.is_documented(facts):
            known = [each[name] for each in packages if name in each]
            rules.mark_unverified(facts, not known)
            for key, argument in facts["args"].items():
                is_unverified = bool(known) and not any(key in each for each in known)
                rules.mark_unverified(argument, is_unverified)
