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
from typing import Any, Dict, Iterator, List, Mapping, Optional, Set, Tuple

from tools.facts import compare, rules
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


@dataclass(frozen=True)
class Undecided:
    """`suggestion`: the ruling that decides it, ready for etc/slack/rulings.yaml."""

    text: str
    suggestion: str


@dataclass
class Outcome:
    """Facts after the merge and what a reviewer has to know."""

    methods: Facts
    disagreements: List[str] = field(default_factory=list)
    undecided: List[Undecided] = field(default_factory=list)
    unneeded: List[str] = field(default_factory=list)


def merge(facts: Facts, sources: Sources, rulings: List[Ruling]) -> Outcome:
    """Facts -> facts after a refresh. Raises Incomplete."""
    return _Merger(facts, sources, rulings).merge()


class _Merger:
    def __init__(self, facts: Facts, sources: Sources, rulings: List[Ruling]) -> None:
        self._outcome = Outcome(copy.deepcopy(facts))
        self._sources = sources
        self._rulings = {(each.method, each.name, each.about): each for each in rulings}
        self._used: Set[Tuple[str, str, str, str]] = set()
        self._forms = rules.forms_by_name(facts)

    def merge(self) -> Outcome:
        methods = self._outcome.methods
        self._retire_missing()
        for name, page in sorted(self._sources.pages.items()):
            is_new = name not in methods
            if is_new:
                methods[name] = rules.new_method(page)
            if not methods[name]["retired"] and not methods[name]["undocumented"]:
                self._merge_page(name, methods[name], page)
            if is_new:
                self._decide_writes(name)
                self._add_answer(name, methods[name])
        self._compare_packages()
        self._compare_answers()
        if self._sources.node is not None:
            self._mark_unverified(self._sources.node)
        self._find_unneeded()
        self._outcome.methods = dict(sorted(methods.items()))
        return self._outcome

    # pages

    def _retire_missing(self) -> None:
        if not self._sources.is_complete:
            return
        missing = [
            name
            for name, facts in self._outcome.methods.items()
            if rules.is_documented(facts) and name not in self._sources.pages
        ]
        if len(missing) > MOST_PAGES_GONE:
            raise Incomplete("%d methods have no page: %s" % (len(missing), ", ".join(missing)))
        for name in missing:
            self._outcome.methods[name].update(deprecated=True, retired=True)

    def _decide_writes(self, name: str) -> None:
        ruling = self._rulings.get((name, WHOLE_METHOD, "writes"))
        if ruling is not None:
            self._outcome.methods[name]["writes"] = ruling.ruling
            return
        likely = rules.probably_writes(name)
        self._undecide("%s is new: does it write?" % name, name, WHOLE_METHOD, "writes", likely)

    def _add_answer(self, name: str, facts: Dict[str, Any]) -> None:
        answer = self._sources.answers.get(name, {})
        rules.add_answer_keys(facts, answer)
        if "cursor" not in facts["args"]:
            return
        ruling = self._rulings.get((name, WHOLE_METHOD, "pagination"))
        found = ruling.ruling if ruling else rules.pagination(facts, answer)
        if found is None:
            text = "%s has a cursor, and no type says what its answer holds" % name
            self._undecide(text, name, WHOLE_METHOD, "pagination", rules.NONE)
        elif found != rules.NONE:
            facts["pagination"] = found

    def _merge_page(self, name: str, facts: Dict[str, Any], page: Page) -> None:
        for about, value in rules.facts_of_page(facts, page):
            rules.assign(facts, about, self._ruled(name, WHOLE_METHOD, about, value))
        arguments = {key: each for key, each in page.arguments.items() if key != "token"}
        for key, argument in arguments.items():
            if key in facts["args"]:
                self._merge_argument(name, key, argument)
            elif self._ruled(name, key, "argument", True):
                self._add_argument(name, key, argument)
        for key in sorted(set(facts["args"]) - set(arguments)):
            self._drop_argument(name, key)
        facts["args"] = dict(sorted(facts["args"].items()))
        rules.add_seen_in(facts, "docs")

    def _merge_argument(self, name: str, key: str, page: PageArgument) -> None:
        facts = self._outcome.methods[name]
        argument = facts["args"][key]
        is_required = page.is_required and not rules.is_in_a_group(facts, key)
        argument["required"] = self._ruled(name, key, "required", is_required)
        if not rules.is_compatible(page.type, argument):
            self._disagree("%s: the page calls %s %s" % (name, key, page.type))
            return
        for about, value in rules.facts_of_argument(argument, page):
            rules.assign_to_argument(argument, about, self._ruled(name, key, about, value))

    def _add_argument(self, name: str, key: str, page: PageArgument) -> None:
        packages = [each[name][key] for _, each in self._packages_with(name, key)]
        ruling = self._rulings.get((name, key, "type"))
        form = rules.form_of_new(key, page, packages, self._forms, ruling)
        if form is None:
            text = "%s: no source tells the form of the new argument %s" % (name, key)
            self._undecide(text, name, key, "type", rules.likely_type(page))
            form = rules.provisional_form(page)
        argument = {**form, "required": False}
        if page.is_for_org_token:
            argument["required_if"] = "org_token"
        self._outcome.methods[name]["args"][key] = argument
        self._merge_argument(name, key, page)

    def _drop_argument(self, name: str, key: str) -> None:
        known = [source for source, _ in self._packages_with(name, key)]
        if self._ruled(name, key, "argument", False):
            return
        if known:
            text = "%s: the page lacks %s, %s has it" % (name, key, " and ".join(known))
            self._disagree(text)
        else:
            del self._outcome.methods[name]["args"][key]

    # packages

    def _compare_packages(self) -> None:
        methods = self._outcome.methods
        for source, arguments in self._sources.packages():
            for name in sorted(compare.unknown_methods(methods, arguments)):
                text = "%s: %s has this method, and it has no page" % (name, source)
                self._difference(source, text, name, WHOLE_METHOD, "method", False)
            for (name, key), value in compare.unknown_arguments(methods, arguments).items():
                text = "%s: %s has the argument %s" % (name, source, key)
                self._difference(source, text, name, key, "argument", value)
            for (name, key), value in compare.required(methods, arguments).items():
                says = "optional" if value else "required"
                text = "%s: %s has %s %s" % (name, source, key, says)
                self._difference(source, text, name, key, "required", value)
            for name in arguments:
                if name in methods and not methods[name]["retired"]:
                    rules.add_seen_in(methods[name], source)

    def _compare_answers(self) -> None:
        methods, answers = self._outcome.methods, self._sources.answers
        for name, answer in answers.items():
            if name in methods and rules.is_documented(methods[name]):
                rules.add_answer_keys(methods[name], answer)
        for (name, key), value in compare.containers(methods, answers).items():
            text = "%s: %s is a %s, and the types for Node say otherwise" % (name, key, value)
            self._difference("node", text, name, key, "container", value)

    def _mark_unverified(self, node: Arguments) -> None:
        """Methods and arguments that no package knows."""
        for name, facts in self._outcome.methods.items():
            if rules.is_documented(facts):
                known = [each[name] for each in (node, self._sources.sdk) if name in each]
                rules.mark_unverified(facts, not known)
                for key, argument in facts["args"].items():
                    is_unverified = bool(known) and not any(key in each for each in known)
                    rules.mark_unverified(argument, is_unverified)

    def _difference(
        self, source: str, text: str, name: str, key: str, about: str, value: object
    ) -> None:
        ruling = self._rulings.get((name, key, about))
        if ruling is not None and source in ruling.against and ruling.ruling == value:
            self._used.add((name, key, about, source))
            self._disagree("%s; the ruling: %s" % (text, ruling.reason))
        else:
            self._undecide(text, name, key, about, value, source)

    def _packages_with(self, name: str, key: str) -> List[Tuple[str, Arguments]]:
        found = self._sources.packages()
        return [(source, each) for source, each in found if key in each.get(name, {})]

    # rulings

    def _ruled(self, name: str, key: str, about: str, value: Any) -> Any:
        """What the page says, or the ruling against the page."""
        ruling = self._rulings.get((name, key, about))
        if ruling is None or "page" not in ruling.against:
            return value
        if rules.differ(ruling.ruling, value):
            self._used.add((name, key, about, "page"))
            of = "" if key == WHOLE_METHOD else " of " + key
            text = "%s: the page differs in %s%s; the ruling: %s"
            self._disagree(text % (name, about, of, ruling.reason))
        return ruling.ruling

    def _find_unneeded(self) -> None:
        for (name, key, about), ruling in sorted(self._rulings.items()):
            checked = {source for source, _ in self._sources.packages()}
            checked |= {"page"} if name in self._sources.pages else set()
            for source in sorted(ruling.against & checked):
                if about in rules.DECISIONS or (name, key, about, source) in self._used:
                    continue
                if about != "container" or self._sources.answers:
                    text = "%s: nothing needs the ruling about %s of %s against %s"
                    self._outcome.unneeded.append(text % (name, about, key, source))

    # notes

    def _disagree(self, text: str) -> None:
        self._outcome.disagreements.append(" ".join(text.split()))

    def _undecide(
        self, text: str, name: str, key: str, about: str, value: object, source: str = "page"
    ) -> None:
        suggestion = rules.suggested_ruling(name, key, about, value, source)
        self._outcome.undecided.append(Undecided(text, suggestion))
