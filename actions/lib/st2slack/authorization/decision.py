"""PURE: who may do what, where. The rules, a person, a thing and a place make one decision.

Rules only allow. The first that fits decides and is named. A rule fits when the thing is one of its
`what`, the place one of its `where`, and the person one of its `who`:

    who    U…/W…      the person of this ID, whoever that is: guests and strangers too
           S…, @…     members of this user group, by its ID or handle
           DN         members of this LDAP group
           everyone   full members of the home workspace: no guests, no strangers
    where  C…, G…, D… this conversation
           channels   every channel, public or private (this where a rule says nothing)
           direct_messages   every direct message, of two or of a group
    what   a shell pattern (* ? [abc]) over references of aliases and of actions, and names of
           approvals; with `alias:`, `action:` or `approval:` before it, over these alone

Bots and deactivated people may nothing, nor may somebody whom Slack does not tell about. What could
not be looked up allows nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any, Dict, FrozenSet, Iterable, List, Mapping, Optional, Sequence, Tuple

from st2slack.base.ids import CONVERSATION_ID, PERSON_ID, USERGROUP_HANDLE, USERGROUP_ID
from st2slack.base.text_length import shorten
from st2slack.settings.access import CHANNELS, DIRECT_MESSAGES, EVERYONE, LDAP_GROUP, Rule

# What somebody is to the home workspace.
MEMBER, GUEST, STRANGER, BOT, DEACTIVATED, UNKNOWN = (
    "full member",
    "guest",
    "stranger",
    "bot",
    "deactivated",
    "unknown",
)
ANYBODY = "person"  # whoever it is: only for a decision that `is_hopeless` tells is a no
_NOTHING = {
    BOT: "a bot may nothing",
    DEACTIVATED: "a deactivated person may nothing",
    UNKNOWN: "Slack does not tell who that is",
}
LONGEST = 200  # units (text_length.py) of a name in a sentence
CHANNEL, DIRECT = "channel", "direct message"  # kinds of places; UNKNOWN is a third
ALIAS, ACTION, APPROVAL = "alias", "action", "approval"


@dataclass(frozen=True)
class Person:
    """Who asks. `id`: from Slack's envelope, never from a text; `standing`: MEMBER, GUEST, …

    `email`: only where it may stand for the person. `within`: the groups of rules that they are
    known to be in, as the rules write them; `without`: those they are known not to be in;
    `unclear`: those that could not be looked up, each with why. `why`: why `standing` is UNKNOWN.
    """

    id: str
    standing: str = UNKNOWN
    email: str = ""
    no_email: str = ""
    within: FrozenSet[str] = frozenset()
    without: FrozenSet[str] = frozenset()
    unclear: Mapping[str, str] = field(default_factory=dict)
    why: str = ""

    @property
    def may_nothing(self) -> str:
        """Why this person may nothing, whatever the rules say; "" for one who may be allowed."""
        if not PERSON_ID.fullmatch(self.id):
            return "that is not the ID of a person"
        if self.standing in (MEMBER, GUEST, STRANGER, ANYBODY):
            return ""
        return self.why or _NOTHING.get(self.standing, _NOTHING[UNKNOWN])

    def with_known(self, inside: Iterable[str], outside: Iterable[str]) -> Person:
        """The same, known to be in these groups and not in those."""
        within, without = self.within | set(inside), self.without | set(outside)
        return replace(self, within=within, without=without)

    def with_unclear(self, groups: Iterable[str], why: str) -> Person:
        """The same, where these groups could not be looked up."""
        return replace(self, unclear={**self.unclear, **dict.fromkeys(groups, why)})


@dataclass(frozen=True)
class Place:
    """Where it is asked: the ID of a conversation, and whether it is a channel. `why` not known."""

    id: str
    kind: str = UNKNOWN
    why: str = ""


@dataclass(frozen=True)
class Thing:
    """What is asked for. `names`: kind (alias, action, approval) → its reference or name."""

    names: Mapping[str, str]

    def __str__(self) -> str:
        return " / ".join(dict.fromkeys(self.names.values())) or "nothing"


@dataclass(frozen=True)
class Decision:
    """Whether, by which `rule` ("" where none allowed it), and `why` in words, one line.

    `is_unclear`: denied only because something could not be looked up.
    """

    allowed: bool
    rule: str
    why: str
    extra_parameters: bool = False
    is_unclear: bool = False


@dataclass(frozen=True)
class _Fit:
    """Whether a rule counts for the person: yes, no, or not known, and why."""

    holds: Optional[bool]
    why: str = ""


def thing(name: str) -> Thing:
    """What a person wrote: `deploys.restart`, an alias or action; `approval:production`."""
    kind, _, rest = name.partition(":")
    if rest and kind in (ALIAS, ACTION, APPROVAL):
        return Thing({kind: rest})
    return Thing({ALIAS: name, ACTION: name})


def decide(rules: Sequence[Rule], person: Person, place: Place, what: Thing) -> Decision:
    """The decision, with the reason in words."""
    asked = "%s for %s in %s" % (
        _short(str(what)),
        _short(person.id or "nobody"),
        _short(place.id or "any channel"),
    )
    if not rules:
        return _denied(asked, "`authorization` has no rule, so nobody may anything")
    if person.may_nothing:
        return _denied(asked, person.may_nothing, bool(person.why))
    covering = [rule for rule in rules if covers(rule, what)]
    reasons: List[str] = []
    is_unclear = False
    careful = False  # a rule that may have decided, had it been known, gave no extra parameters
    for rule in covering:
        fit = _both(_place_fits(rule, place), _person_fits(rule, person))
        if fit.holds:
            return _allowed(asked, rule, rule.extra_parameters and not careful)
        is_unclear = is_unclear or fit.holds is None
        careful = careful or (fit.holds is None and not rule.extra_parameters)
        reasons.append("rule %r: %s" % (rule.name, fit.why))
    return _denied(
        asked, "; ".join(reasons) or "no rule of `authorization` covers that", is_unclear
    )


def unsettled(
    rules: Sequence[Rule], person: Person, place: Place, what: Thing
) -> Tuple[List[str], bool]:
    """(groups to look up before it can be decided, whether the kind of place has to be).

    Nothing is to be looked up for rules that do not cover the thing, nor for those behind a rule
    that is sure to fit.
    """
    groups: Dict[str, None] = {}
    wants_kind = False
    for rule in rules if not person.may_nothing else ():
        if not covers(rule, what):
            continue
        where, who = _place_fits(rule, place), _person_fits(rule, person)
        if where.holds and who.holds:
            break
        open_ones = [each for each in rule.who if _is_open(each, person)]
        if where.holds is False or (who.holds is False and not open_ones):
            continue
        wants_kind = wants_kind or where.holds is None
        groups.update(dict.fromkeys([] if who.holds else open_ones))
    return list(groups), wants_kind


def is_hopeless(rules: Sequence[Rule], person: Person, place: Place, what: Thing) -> bool:
    """Whether it is a no, whatever could be looked up: no ID, group or `everyone` that counts."""
    return not any(
        covers(rule, what)
        and _place_fits(rule, place).holds is not False
        and any(entry in (EVERYONE, person.id) or is_group(entry) for entry in rule.who)
        for rule in rules
    )


def covers(rule: Rule, what: Thing) -> bool:
    """Whether the thing is one of the rule's `what`."""
    return any(_matches(pattern, what) for pattern in rule.what)


def is_group(entry: str) -> bool:
    """Whether an entry of `who` stands for several people who have to be looked up."""
    return is_usergroup(entry) or is_ldap_group(entry)


def is_usergroup(entry: str) -> bool:
    """Whether it is the ID or handle of a user group of Slack's."""
    return bool(USERGROUP_ID.fullmatch(entry) or USERGROUP_HANDLE.fullmatch(entry))


def is_ldap_group(entry: str) -> bool:
    """Whether it is the DN of an LDAP group."""
    return not is_usergroup(entry) and bool(LDAP_GROUP.fullmatch(entry))


def record(decision: Decision, person: Person, place: Place, what: Thing) -> Dict[str, Any]:
    """The decision as it is kept: who, what, where, allowed or not, by which rule, and why."""
    return {
        "who": person.id,
        "what": str(what),
        "where": place.id,
        "allowed": decision.allowed,
        "rule": decision.rule,
        "why": decision.why,
        "extra_parameters": decision.extra_parameters,
    }


def _matches(pattern: str, what: Thing) -> bool:
    kind, _, rest = pattern.partition(":")
    if rest and kind in (ALIAS, ACTION, APPROVAL):
        return bool(what.names.get(kind)) and fnmatchcase(what.names[kind], rest)
    return any(name and fnmatchcase(name, pattern) for name in what.names.values())


def _place_fits(rule: Rule, place: Place) -> _Fit:
    known = bool(CONVERSATION_ID.fullmatch(place.id))
    if known and place.id in rule.where:
        return _Fit(True)
    generic = {CHANNELS: CHANNEL, DIRECT_MESSAGES: DIRECT}
    kinds = {generic[each] for each in rule.where if each in generic}
    if place.kind in kinds or (known and len(kinds) == len(generic)):
        return _Fit(True)
    if place.kind == UNKNOWN and kinds:
        return _Fit(None, place.why or "not known whether that is a channel")
    return _Fit(False, "not in this %s" % (place.kind if place.kind != UNKNOWN else "place"))


def _person_fits(rule: Rule, person: Person) -> _Fit:
    if any(_is_one(entry, person) for entry in rule.who):
        return _Fit(True)
    open_ones = [entry for entry in rule.who if _is_open(entry, person)]
    unclear = [entry for entry in rule.who if is_group(entry) and entry in person.unclear]
    if unclear:
        return _Fit(None, person.unclear[unclear[0]])
    if open_ones:
        return _Fit(None, "%s was not looked up" % open_ones[0])
    return _Fit(False, "not for this %s" % person.standing)


def _is_one(entry: str, person: Person) -> bool:
    """Whether the person surely is one of those that the entry of `who` stands for."""
    if entry == EVERYONE:
        return person.standing == MEMBER
    if is_group(entry):
        return entry in person.within and entry not in person.unclear
    return entry == person.id


def _is_open(entry: str, person: Person) -> bool:
    looked_up = (person.within, person.without, person.unclear)
    return is_group(entry) and not any(entry in each for each in looked_up)


def _both(where: _Fit, who: _Fit) -> _Fit:
    """A rule fits where both fit; it surely does not where one surely does not."""
    for each in (where, who):
        if each.holds is False:
            return each
    return next((each for each in (where, who) if each.holds is None), _Fit(True))


def _short(text: str) -> str:
    """On one line: it may be anything that somebody wrote."""
    line = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return shorten(line, LONGEST + 3)


def _allowed(asked: str, rule: Rule, extra: bool) -> Decision:
    return Decision(True, rule.name, "Allowed: %s, by the rule %r." % (asked, rule.name), extra)


def _denied(asked: str, why: str, is_unclear: bool = False) -> Decision:
    text = "Denied: %s: %s." % (asked, why.rstrip("."))
    return Decision(False, "", text, is_unclear=is_unclear)
