"""PURE: what rulings decide in a merge, what they leave open, and which of them nothing needs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import AbstractSet, Any, Iterator, List, NamedTuple, Optional, Set, Tuple

from tools.facts.rules import differ
from tools.facts.rulings import WHOLE_METHOD, Ruling

# Rulings that decide what no source states: a source cannot make them superfluous.
_DECIDE_ALONE = frozenset({"writes", "type", "pagination"})


class Subject(NamedTuple):
    """What a ruling is about. `name`: an argument, a key of the answer or WHOLE_METHOD."""

    method: str
    name: str
    about: str


@dataclass(frozen=True)
class Undecided:
    """`suggestion`: the ruling that decides it, ready for etc/slack/rulings.yaml."""

    text: str
    suggestion: str


class Decisions:
    """The rulings, and notes of what came of them."""

    def __init__(self, rulings: List[Ruling]) -> None:
        self._rulings = {Subject(each.method, each.name, each.about): each for each in rulings}
        self._used: Set[Tuple[Subject, str]] = set()
        self.disagreements: List[str] = []
        self.undecided: List[Undecided] = []

    def find(self, subject: Subject) -> Optional[Ruling]:
        """The ruling about a subject."""
        return self._rulings.get(subject)

    def overrule(self, subject: Subject, value: Any) -> Any:
        """The ruling against the page, else what the page says."""
        ruling = self.find(subject)
        if ruling is None or "page" not in ruling.against:
            return value
        if differ(ruling.ruling, value):
            self._used.add((subject, "page"))
            of = "" if subject.name == WHOLE_METHOD else " of " + subject.name
            text = "%s: the page differs in %s%s; the ruling: %s"
            self.disagree(text % (subject.method, subject.about, of, ruling.reason))
        return ruling.ruling

    def explain(self, subject: Subject, source: str, text: str, value: object) -> None:
        """Note why the facts differ from a package; without a ruling it is undecided."""
        ruling = self.find(subject)
        if ruling is not None and source in ruling.against and ruling.ruling == value:
            self._used.add((subject, source))
            self.disagree("%s; the ruling: %s" % (text, ruling.reason))
        else:
            self.leave_open(subject, source, text, value)

    def disagree(self, text: str) -> None:
        """Note a difference that the order of trust decided."""
        self.disagreements.append(" ".join(text.split()))

    def leave_open(self, subject: Subject, source: str, text: str, likely: object) -> None:
        """Note what a reviewer has to decide."""
        self.undecided.append(Undecided(text, suggested_ruling(subject, source, likely)))

    def unneeded(self, checked: AbstractSet[str], with_page: AbstractSet[str]) -> Iterator[str]:
        """Rulings against a source that agrees by now. `checked`: the packages that were read;
        `with_page`: methods whose page was read."""
        for subject, ruling in sorted(self._rulings.items()):
            if subject.about in _DECIDE_ALONE:
                continue
            sources = checked | ({"page"} if subject.method in with_page else set())
            for source in sorted(ruling.against & sources):
                if (subject, source) not in self._used:
                    text = "%s: nothing needs the ruling about %s of %s against %s"
                    yield text % (subject.method, subject.about, subject.name, source)


def suggested_ruling(subject: Subject, source: str, value: object) -> str:
    """A line for etc/slack/rulings.yaml; the reason is the reviewer's."""
    name = '"*"' if subject.name == WHOLE_METHOD else subject.name
    return (
        "  - {method: %s, name: %s, about: %s, ruling: %s, against: [%s],\n"
        '     reason: "…", source: "…", date: …}'
        % (subject.method, name, subject.about, json.dumps(value), source)
    )
