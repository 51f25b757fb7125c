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
MEMBER, GUEST, EXTERNAL, BOT, DEACTIVATED, UNKNOWN = (
    "full member",
    "guest",
    "stranger",
    "bot",
    "deactivated",
    "unknown",
)
ANY_PERSON = "person"  # whoever it is: only for a decision that `is_hopeless` tells is a no
_EXCLUDED = {
    BOT: "a bot may nothing",
    DEACTIVATED: "a deactivated person may nothing",
    UNKNOWN: "Slack does not tell who that is",
}
MAX_NAME_LENGTH = 200  # units (text_length.py) of a name in a sentence
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
    membership: str = UNKNOWN
    email: str = ""
    no_email_reason: str = ""
    member_of: FrozenSet[str] = frozenset()
    not_member_of: FrozenSet[str] = frozenset()
    unresolved: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""

    @property
    def exclusion_reason(self) -> str:
        """Why this person may nothing, whatever the rules say; "" for one who may be allowed."""
        if not PERSON_ID.fullmatch(self.id):
            return "that is not the ID of a person"
        if self.membership in (MEMBER, GUEST, EXTERNAL, ANY_PERSON):
            return ""
        return self.reason or _EXCLUDED.get(self.membership, _EXCLUDED[UNKNOWN])

    def with_known(self, member_of: Iterable[str], not_member_of: Iterable[str]) -> Person:
        """The same, known to be in these groups and not in those."""
        member_of, not_member_of = (
            self.member_of | set(member_of),
            self.not_member_of | set(not_member_of),
        )
        return replace(self, member_of=member_of, not_member_of=not_member_of)

    def with_unresolved(self, groups: Iterable[str], reason: str) -> Person:
        """The same, where these groups could not be looked up."""
        return replace(self, unresolved={**self.unresolved, **dict.fromkeys(groups, reason)})


@dataclass(frozen=True)
class Location:
    """Where it is asked: the ID of a conversation, and whether it is a channel. `why` not known."""

    id: str
    kind: str = UNKNOWN
    reason: str = ""


@dataclass(frozen=True)
class Resource:
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
    reason: str
    extra_parameters: bool = False
    is_unresolved: bool = False


@dataclass(frozen=True)
class Match:
    """Whether a rule counts for the person: yes, no, or not known, and why."""

    holds: Optional[bool]
    reason: str = ""


def parse_resource(name: str) -> Resource:
    """What a person wrote: `deploys.restart`, an alias or action; `approval:production`."""
    kind, _, rest = name.partition(":")
    if rest and kind in (ALIAS, ACTION, APPROVAL):
        return Resource({kind: rest})
    return Resource({ALIAS: name, ACTION: name})


def decide(
    rules: Sequence[Rule], person: Person, location: Location, resource: Resource
) -> Decision:
    """The decision, with the reason in words."""
    request = "%s for %s in %s" % (
        _one_line(str(resource)),
        _one_line(person.id or "nobody"),
        _one_line(location.id or "any channel"),
    )
    if not rules:
        return _deny(request, "`authorization` has no rule, so nobody may anything")
    if person.exclusion_reason:
        return _deny(request, person.exclusion_reason, bool(person.reason))
    covering_rules = [rule for rule in rules if covers(rule, resource)]
    reasons: List[str] = []
    is_unresolved = False
    withholds_extras = (
        False  # a rule that may have decided, had it been known, gave no extra parameters
    )
    for rule in covering_rules:
        match = _both(_match_location(rule, location), _match_person(rule, person))
        if match.holds:
            return _allow(request, rule, rule.extra_parameters and not withholds_extras)
        is_unresolved = is_unresolved or match.holds is None
        withholds_extras = withholds_extras or (match.holds is None and not rule.extra_parameters)
        reasons.append("rule %r: %s" % (rule.name, match.reason))
    return _deny(
        request, "; ".join(reasons) or "no rule of `authorization` covers that", is_unresolved
    )


def unresolved_groups(
    rules: Sequence[Rule], person: Person, location: Location, resource: Resource
) -> Tuple[List[str], bool]:
    """(groups to look up before it can be decided, whether the kind of place has to be).

    Nothing is to be looked up for rules that do not cover the thing, nor for those behind a rule
    that is sure to fit.
    """
    groups: Dict[str, None] = {}
    needs_kind = False
    for rule in rules if not person.exclusion_reason else ():
        if not covers(rule, resource):
            continue
        where, who = _match_location(rule, location), _match_person(rule, person)
        if where.holds and who.holds:
            break
        unknown_groups = [each for each in rule.who if _is_unknown(each, person)]
        if where.holds is False or (who.holds is False and not unknown_groups):
            continue
        needs_kind = needs_kind or where.holds is None
        groups.update(dict.fromkeys([] if who.holds else unknown_groups))
    return list(groups), needs_kind


def is_certain_denial(
    rules: Sequence[Rule], person: Person, location: Location, resource: Resource
) -> bool:
    """Whether it is a no, whatever could be looked up: no ID, group or `everyone` that counts."""
    return not any(
        covers(rule, resource)
        and _match_location(rule, location).holds is not False
        and any(entry in (EVERYONE, person.id) or is_group(entry) for entry in rule.who)
        for rule in rules
    )


def covers(rule: Rule, resource: Resource) -> bool:
    """Whether the thing is one of the rule's `what`."""
    return any(_matches(pattern, resource) for pattern in rule.what)


def is_group(entry: str) -> bool:
    """Whether an entry of `who` stands for several people who have to be looked up."""
    return is_usergroup(entry) or is_ldap_group(entry)


def is_usergroup(entry: str) -> bool:
    """Whether it is the ID or handle of a user group of Slack's."""
    return bool(USERGROUP_ID.fullmatch(entry) or USERGROUP_HANDLE.fullmatch(entry))


def is_ldap_group(entry: str) -> bool:
    """Whether it is the DN of an LDAP group."""
    return not is_usergroup(entry) and bool(LDAP_GROUP.fullmatch(entry))


def record(
    decision: Decision, person: Person, location: Location, resource: Resource
) -> Dict[str, Any]:
    """The decision as it is kept: who, what, where, allowed or not, by which rule, and why."""
    return {
        "who": person.id,
        "what": str(resource),
        "where": location.id,
        "allowed": decision.allowed,
        "rule": decision.rule,
        "why": decision.reason,
        "extra_parameters": decision.extra_parameters,
    }


def _matches(pattern: str, resource: Resource) -> bool:
    kind, _, rest = pattern.partition(":")
    if rest and kind in (ALIAS, ACTION, APPROVAL):
        return bool(resource.names.get(kind)) and fnmatchcase(resource.names[kind], rest)
    return any(name and fnmatchcase(name, pattern) for name in resource.names.values())


def _match_location(rule: Rule, location: Location) -> Match:
    known = bool(CONVERSATION_ID.fullmatch(location.id))
    if known and location.id in rule.where:
        return Match(True)
    generic = {CHANNELS: CHANNEL, DIRECT_MESSAGES: DIRECT}
    kinds = {generic[each] for each in rule.where if each in generic}
    if location.kind in kinds or (known and len(kinds) == len(generic)):
        return Match(True)
    if location.kind == UNKNOWN and kinds:
        return Match(None, location.reason or "not known whether that is a channel")
    return Match(False, "not in this %s" % (location.kind if location.kind != UNKNOWN else "place"))


def _match_person(rule: Rule, person: Person) -> Match:
    if any(_is_included(entry, person) for entry in rule.who):
        return Match(True)
    unknown_groups = [entry for entry in rule.who if _is_unknown(entry, person)]
    unresolved = [entry for entry in rule.who if is_group(entry) and entry in person.unresolved]
    if unresolved:
        return Match(None, person.unresolved[unresolved[0]])
    if unknown_groups:
        return Match(None, "%s was not looked up" % unknown_groups[0])
    return Match(False, "not for this %s" % person.membership)


def _is_included(entry: str, person: Person) -> bool:
    """Whether the person surely is one of those that the entry of `who` stands for."""
    if entry == EVERYONE:
        return person.membership == MEMBER
    if is_group(entry):
        return entry in person.member_of and entry not in person.unresolved
    return entry == person.id


def _is_unknown(entry: str, person: Person) -> bool:
    looked_up = (person.member_of, person.not_member_of, person.unresolved)
    return is_group(entry) and not any(entry in each for each in looked_up)


def _both(where: Match, who: Match) -> Match:
    """A rule fits where both fit; it surely does not where one surely does not."""
    for each in (where, who):
        if each.holds is False:
            return each
    return next((each for each in (where, who) if each.holds is None), Match(True))


def _one_line(text: str) -> str:
    """On one line: it may be anything that somebody wrote."""
    line = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return shorten(line, MAX_NAME_LENGTH + 3)


def _allow(request: str, rule: Rule, extra: bool) -> Decision:
    return Decision(True, rule.name, "Allowed: %s, by the rule %r." % (request, rule.name), extra)


def _deny(request: str, reason: str, is_unresolved: bool = False) -> Decision:
    text = "Denied: %s: %s." % (request, reason.rstrip("."))
    return Decision(False, "", text, is_unresolved=is_unresolved)
