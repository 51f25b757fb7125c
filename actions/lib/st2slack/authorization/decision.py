"""PURE: who is allowed to do what, and where. Rules, a user, a location and a resource make one
decision.

Rules only allow. The first rule that matches decides, and the decision names it. A rule matches if
the resource is one of its `what`, the location one of its `where`, and the user one of its `who`:

    who    U…/W…      the user of this ID, guests and external people too
           S…, @…     members of this user group, by its ID or handle
           DN         members of this LDAP group
           everyone   full members of the home workspace: no guests, no external people
    where  C…, G…, D… this conversation
           channels   every channel, public or private (the default)
           direct_messages   every direct message, of two or of a group
    what   a shell pattern (* ? [abc]) over references of aliases and of actions, and names of
           approvals; with `alias:`, `action:` or `approval:` before it, over these alone

Bots, deactivated users and users whom Slack does not describe are never allowed. What could not be
looked up allows nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from fnmatch import fnmatchcase
from typing import Dict, FrozenSet, Iterable, List, Mapping, NamedTuple, Sequence

from st2slack.base.ids import CONVERSATION_ID, PERSON_ID
from st2slack.base.json_access import JsonObject
from st2slack.base.text_length import shorten
from st2slack.settings.access import CHANNELS, DIRECT_MESSAGES, Rule
from st2slack.settings.entries import Entry, Everyone, Group, LdapGroup, Person, UserGroup

MAX_NAME_LENGTH = 200  # units (text_length.py) of a name in a sentence
ALIAS, ACTION, APPROVAL = "alias", "action", "approval"


class Membership(Enum):
    """What a user is to the home workspace; the value is its name in a sentence.

    ANY: not looked up; only for a decision that `is_certain_denial` says is a denial.
    """

    MEMBER = "full member"
    GUEST = "guest"
    EXTERNAL = "external user"
    BOT = "bot"
    DEACTIVATED = "deactivated"
    UNKNOWN = "unknown"
    ANY = "person"


class LocationKind(Enum):
    """The kind of a conversation; the value is its name in a sentence."""

    CHANNEL = "channel"
    DIRECT = "direct message"
    UNKNOWN = "place"


class Match(Enum):
    """Whether a rule matches; UNKNOWN until more is looked up."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


_ADMITTED = (Membership.MEMBER, Membership.GUEST, Membership.EXTERNAL, Membership.ANY)
_NOT_DESCRIBED = "Slack does not describe this user"
_EXCLUDED = {
    Membership.BOT: "a bot is not allowed to do anything",
    Membership.DEACTIVATED: "a deactivated user is not allowed to do anything",
}
_KINDS = {CHANNELS: LocationKind.CHANNEL, DIRECT_MESSAGES: LocationKind.DIRECT}


@dataclass(frozen=True)
class SlackUser:
    """The user who asks. `id`: from Slack's envelope, never from a text.

    `email`: only if it identifies the user; `no_email_reason`: why there is none. `member_of`,
    `not_member_of`: groups, as the rules write them; `unresolved`: groups that could not be looked
    up, each with the reason. `reason`: why `membership` is UNKNOWN.
    """

    id: str
    membership: Membership = Membership.UNKNOWN
    email: str = ""
    no_email_reason: str = ""
    member_of: FrozenSet[str] = frozenset()
    not_member_of: FrozenSet[str] = frozenset()
    unresolved: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""

    @property
    def exclusion_reason(self) -> str:
        """Why no rule can allow this user anything; "" if a rule can."""
        if not PERSON_ID.fullmatch(self.id):
            return "this is not the ID of a person"
        if self.membership in _ADMITTED:
            return ""
        return self.reason or _EXCLUDED.get(self.membership, _NOT_DESCRIBED)

    def with_known(self, member_of: Iterable[str], not_member_of: Iterable[str]) -> SlackUser:
        """The same user, known to be in some groups and not in others."""
        return replace(
            self,
            member_of=self.member_of | set(member_of),
            not_member_of=self.not_member_of | set(not_member_of),
        )

    def with_unresolved(self, groups: Iterable[str], reason: str) -> SlackUser:
        """The same user, where these groups could not be looked up."""
        return replace(self, unresolved={**self.unresolved, **dict.fromkeys(groups, reason)})

    def is_in(self, group: Group) -> Match:
        """Whether the user is in a group."""
        if group.text in self.unresolved:
            return Match.UNKNOWN
        if group.text in self.member_of:
            return Match.YES
        return Match.NO if group.text in self.not_member_of else Match.UNKNOWN

    def has_looked_up(self, group: Group) -> bool:
        """Whether the group was looked up, even if in vain."""
        known = (self.member_of, self.not_member_of, self.unresolved)
        return any(group.text in each for each in known)


@dataclass(frozen=True)
class Location:
    """The conversation where the user asks. `reason`: why its kind is UNKNOWN."""

    id: str
    kind: LocationKind = LocationKind.UNKNOWN
    reason: str = ""


@dataclass(frozen=True)
class Resource:
    """What the user asks for. `names`: kind (alias, action, approval) → its reference or name."""

    names: Mapping[str, str]

    def __str__(self) -> str:
        return " / ".join(dict.fromkeys(self.names.values())) or "nothing"


@dataclass(frozen=True)
class Decision:
    """The decision. `rule`: the one that allowed it, "" for none; `reason`: a sentence.

    `is_unresolved`: denied only because something could not be looked up.
    """

    allowed: bool
    rule: str
    reason: str
    extra_parameters: bool = False
    is_unresolved: bool = False


class RuleMatch(NamedTuple):
    """Whether a rule matches, and why not."""

    match: Match
    reason: str = ""


class Unresolved(NamedTuple):
    """What a decision still needs: groups, and whether it needs the kind of the location."""

    groups: List[Group]
    needs_location_kind: bool

    @property
    def usergroups(self) -> List[str]:
        """IDs and handles of the user groups."""
        return [each.text for each in self.groups if isinstance(each, UserGroup)]

    @property
    def ldap_groups(self) -> List[str]:
        """DNs of the LDAP groups."""
        return [each.text for each in self.groups if isinstance(each, LdapGroup)]


YES = RuleMatch(Match.YES)


def parse_resource(name: str) -> Resource:
    """What a person wrote: `deploys.restart`, an alias or action; `approval:production`."""
    kind, _, rest = name.partition(":")
    if rest and kind in (ALIAS, ACTION, APPROVAL):
        return Resource({kind: rest})
    return Resource({ALIAS: name, ACTION: name})


def decide(
    rules: Sequence[Rule], user: SlackUser, location: Location, resource: Resource
) -> Decision:
    """The decision, with the reason as a sentence."""
    request = "%s for %s in %s" % (
        _one_line(str(resource)),
        _one_line(user.id or "nobody"),
        _one_line(location.id or "any channel"),
    )
    if not rules:
        return _deny(request, "`authorization` has no rule, so nobody is authorized")
    excluded = user.exclusion_reason
    if excluded:
        return _deny(request, excluded, bool(user.reason))
    return _decide_by_rules(
        request, [rule for rule in rules if covers(rule, resource)], user, location
    )


def _decide_by_rules(
    request: str, rules: Sequence[Rule], user: SlackUser, location: Location
) -> Decision:
    reasons: List[str] = []
    is_unresolved = False
    # A rule that could have decided, had more been known, does not allow extra parameters.
    withholds_extras = False
    for rule in rules:
        match, reason = _match(rule, user, location)
        if match is Match.YES:
            return _allow(request, rule, rule.extra_parameters and not withholds_extras)
        is_unresolved = is_unresolved or match is Match.UNKNOWN
        withholds_extras = withholds_extras or (
            match is Match.UNKNOWN and not rule.extra_parameters
        )
        reasons.append("rule %r: %s" % (rule.name, reason))
    return _deny(
        request, "; ".join(reasons) or "no rule of `authorization` covers that", is_unresolved
    )


def find_unresolved(
    rules: Sequence[Rule], user: SlackUser, location: Location, resource: Resource
) -> Unresolved:
    """What to look up before a decision.

    Rules that do not cover the resource need nothing, nor do rules behind one that matches.
    """
    groups: Dict[Group, None] = {}
    needs_kind = False
    for rule in rules if not user.exclusion_reason else ():
        if not covers(rule, resource):
            continue
        where, who = _match_location(rule, location).match, _match_user(rule, user).match
        if where is Match.YES and who is Match.YES:
            break
        unknown = [each for each in _groups_of(rule) if not user.has_looked_up(each)]
        if where is Match.NO or (who is Match.NO and not unknown):
            continue
        needs_kind = needs_kind or where is Match.UNKNOWN
        groups.update(dict.fromkeys(unknown if who is not Match.YES else []))
    return Unresolved(list(groups), needs_kind)


def is_certain_denial(
    rules: Sequence[Rule], user: SlackUser, location: Location, resource: Resource
) -> bool:
    """Whether no look-up could allow it: no rule names this ID, a group or `everyone`."""
    return not any(
        covers(rule, resource)
        and _match_location(rule, location).match is not Match.NO
        and any(not isinstance(entry, Person) or entry.text == user.id for entry in rule.who)
        for rule in rules
    )


def covers(rule: Rule, resource: Resource) -> bool:
    """Whether the resource is one of the rule's `what`."""
    return any(_matches_pattern(pattern, resource) for pattern in rule.what)


def make_record(
    decision: Decision, user: SlackUser, location: Location, resource: Resource
) -> JsonObject:
    """The decision for the execution's result: who, what, where, whether, by which rule, why."""
    return {
        "who": user.id,
        "what": str(resource),
        "where": location.id,
        "allowed": decision.allowed,
        "rule": decision.rule,
        "why": decision.reason,
        "extra_parameters": decision.extra_parameters,
    }


def _matches_pattern(pattern: str, resource: Resource) -> bool:
    kind, _, rest = pattern.partition(":")
    if rest and kind in (ALIAS, ACTION, APPROVAL):
        return bool(resource.names.get(kind)) and fnmatchcase(resource.names[kind], rest)
    return any(name and fnmatchcase(name, pattern) for name in resource.names.values())


def _match(rule: Rule, user: SlackUser, location: Location) -> RuleMatch:
    """A rule matches if location and user match; it does not if one of them does not."""
    both = (_match_location(rule, location), _match_user(rule, user))
    for wanted in (Match.NO, Match.UNKNOWN):
        found = next((each for each in both if each.match is wanted), None)
        if found:
            return found
    return YES


def _match_location(rule: Rule, location: Location) -> RuleMatch:
    is_id = bool(CONVERSATION_ID.fullmatch(location.id))
    if is_id and location.id in rule.where:
        return YES
    kinds = {_KINDS[each] for each in rule.where if each in _KINDS}
    if location.kind in kinds or (is_id and len(kinds) == len(_KINDS)):
        return YES
    if location.kind is LocationKind.UNKNOWN and kinds:
        reason = location.reason or "it is not known whether this is a channel"
        return RuleMatch(Match.UNKNOWN, reason)
    return RuleMatch(Match.NO, "its `where` does not include this %s" % location.kind.value)


def _match_user(rule: Rule, user: SlackUser) -> RuleMatch:
    matches = [(entry, _match_entry(entry, user)) for entry in rule.who]
    if any(match is Match.YES for _, match in matches):
        return YES
    unknown = [entry for entry, match in matches if match is Match.UNKNOWN]
    failed = next((each for each in unknown if each.text in user.unresolved), None)
    if failed:
        return RuleMatch(Match.UNKNOWN, user.unresolved[failed.text])
    if unknown:
        return RuleMatch(Match.UNKNOWN, "%s was not looked up" % unknown[0].text)
    return RuleMatch(Match.NO, "its `who` does not include this %s" % user.membership.value)


def _match_entry(entry: Entry, user: SlackUser) -> Match:
    """Whether an entry of `who` includes the user."""
    if isinstance(entry, (UserGroup, LdapGroup)):
        return user.is_in(entry)
    if isinstance(entry, Everyone):
        return Match.YES if user.membership is Membership.MEMBER else Match.NO
    return Match.YES if entry.text == user.id else Match.NO


def _groups_of(rule: Rule) -> List[Group]:
    return [each for each in rule.who if isinstance(each, (UserGroup, LdapGroup))]


def _one_line(text: str) -> str:
    """The text on one line: people can write anything in it."""
    line = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return shorten(line, MAX_NAME_LENGTH + 3)


def _allow(request: str, rule: Rule, extra: bool) -> Decision:
    reason = "Allowed: %s, by the rule %r." % (request, rule.name)
    return Decision(True, rule.name, reason, extra)


def _deny(request: str, reason: str, is_unresolved: bool = False) -> Decision:
    text = "Denied: %s: %s." % (request, reason.rstrip("."))
    return Decision(False, "", text, is_unresolved=is_unresolved)
