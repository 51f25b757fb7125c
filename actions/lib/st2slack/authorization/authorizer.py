"""Decides whether a user is allowed to do something. Asks Slack and LDAP only for what the decision
needs.

What was looked up serves the decisions of one execution and is forgotten then: who could write a
store of it could grant rights with it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Callable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from st2slack.api.client import Client
from st2slack.authorization.decision import (
    ALIAS,
    APPROVAL,
    Decision,
    Location,
    LocationKind,
    Membership,
    Resource,
    SlackUser,
    covers,
    decide,
    find_unresolved,
    is_certain_denial,
    make_record,
)
from st2slack.authorization.ldap_groups import LdapGroups
from st2slack.authorization.slack_identity import WorkspaceIdentity
from st2slack.base.errors import SettingsError
from st2slack.base.json_access import JsonObject
from st2slack.settings.access import CHANNELS, DIRECT_MESSAGES, Access, Rule, read_access
from st2slack.settings.entries import Entry
from st2slack.settings.ldap import read_ldap

# The decision, and the record of it for the execution's result.
RecordedDecision = Tuple[Decision, JsonObject]
ANY_COMMAND = Resource({ALIAS: "any command"})


class Authorizer:
    """The rules of one workspace, and what is needed to look up its users.

    `config`: the pack's; `client`: of that workspace; `time_left`: seconds that the caller still
    has; `log`: takes a line with each decision and its reason.
    Raises SettingsError if `authorization` cannot be used: then nobody is authorized.
    """

    def __init__(
        self,
        config: Mapping[str, object],
        client: Client,
        workspace: Optional[str] = None,
        time_left: Callable[[], Optional[float]] = lambda: None,
        log: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._config = config
        self._client = client
        self._time_left = time_left
        self._log = log
        self._access: Access = read_access(config, workspace)

    @property
    def rules(self) -> Tuple[Rule, ...]:
        """The workspace's rules, in their order."""
        return self._access.rules

    @property
    def ldap_usernames(self) -> Mapping[str, str]:
        """ID of a person → their name in LDAP."""
        return self._access.ldap_usernames

    def decide(
        self, person_id: str, resource: Resource, conversation: Optional[str] = None
    ) -> RecordedDecision:
        """The decision, and its record.

        `person_id`, `conversation`: from Slack's envelope. Without a conversation: some channel
        that no rule names.
        """
        return self.session(person_id, conversation).decide(resource)

    def session(
        self,
        person_id: str,
        conversation: Optional[str] = None,
        approvers: Sequence[Entry] = (),
    ) -> AuthorizationSession:
        """One user in one conversation, for several decisions with one look-up of them.

        `approvers`: they decide in place of the workspace's rules, in every conversation.
        """
        is_named = conversation is not None
        location = Location(conversation or "") if is_named else Location("", LocationKind.CHANNEL)
        rules = [_rule_of_approvers(approvers)] if approvers else self._access.rules
        ldap = LdapDirectory(self._config, self._access.ldap_usernames, self._time_left)
        lookup = Lookup(WorkspaceIdentity(self._client), ldap)
        return AuthorizationSession(rules, lookup, self._log, person_id, location)

    def deny(
        self, person_id: str, resource: Resource, conversation: str, reason: str
    ) -> RecordedDecision:
        """A denial for a reason that no rule knows; logged and recorded like every decision."""
        text = "Denied: %s for %s: %s." % (resource, person_id, reason)
        decision = Decision(False, "", text)
        self._log(text)
        user = SlackUser(person_id)
        return decision, make_record(decision, user, Location(conversation), resource)


class LdapDirectory:
    """The people of one workspace in LDAP. `names`: ID in Slack → name in LDAP."""

    def __init__(
        self,
        config: Mapping[str, object],
        names: Mapping[str, str],
        time_left: Callable[[], Optional[float]],
    ) -> None:
        self._config = config
        self._names = names
        self._time_left = time_left

    def load_groups(self, user: SlackUser, dns: List[str]) -> SlackUser:
        """The user, with what LDAP answers about these groups."""
        try:
            ldap = LdapGroups(read_ldap(self._config), self._time_left)
        except SettingsError as error:
            return user.with_unresolved(dns, str(error))
        return ldap.load_groups(user, dns, self._names.get(user.id))


class Lookup(NamedTuple):
    """Where an AuthorizationSession looks things up: Slack and LDAP."""

    identity: WorkspaceIdentity
    ldap: LdapDirectory


class AuthorizationSession:
    """One user in one conversation. What is looked up for a decision serves the next ones."""

    def __init__(
        self,
        rules: Sequence[Rule],
        lookup: Lookup,
        log: Callable[[str], None],
        person_id: str,
        location: Location,
    ) -> None:
        self._rules = rules
        self._lookup = lookup
        self._log = log
        self._user = SlackUser(person_id)
        self._location = location
        self._is_loaded = False

    @property
    def user(self) -> SlackUser:
        """The user, as far as they were looked up."""
        return self._user

    @property
    def is_unresolved(self) -> bool:
        """Whether something could not be looked up, so that the answer may be yes another time."""
        user = self._user
        return bool(user.unresolved or user.reason or self._location.reason)

    def decide(self, resource: Resource, rules: Sequence[Rule] = ()) -> RecordedDecision:
        """The decision, and its record. `rules`: in place of the session's."""
        rules = rules or self._rules
        if not self._is_loaded and is_certain_denial(rules, self._user, self._location, resource):
            user = replace(self._user, membership=Membership.ANY)
            decision = decide(rules, user, self._location, resource)
        else:
            decision = self._look_up_and_decide(rules, resource)
        self._log(decision.reason)
        return decision, self._record(decision, resource)

    def is_allowed(self, resource: Resource) -> bool:
        """The decision if nothing follows from it, for a list: not logged, not recorded."""
        if is_certain_denial(self._rules, self._user, self._location, resource):
            return False
        return self._look_up_and_decide(self._rules, resource).allowed

    def decide_any_command(self) -> RecordedDecision:
        """Whether any rule lets the user run anything at all in this conversation.

        So that nobody else gets as far as StackStorm's parsing of commands.
        """
        rules = [replace(rule, what=("*",)) for rule in self._rules if _covers_commands(rule)]
        if rules and not is_certain_denial(rules, self._user, self._location, ANY_COMMAND):
            self._load_user()
            for rule in rules:  # a rule that is sure to match makes look-ups of groups unnecessary
                decision = decide([rule], self._user, self._location, ANY_COMMAND)
                if decision.allowed:
                    return decision, self._record(decision, ANY_COMMAND)
        return self.decide(ANY_COMMAND, rules)

    def _record(self, decision: Decision, resource: Resource) -> JsonObject:
        return make_record(decision, self._user, self._location, resource)

    def _look_up_and_decide(self, rules: Sequence[Rule], resource: Resource) -> Decision:
        """Look up what costs least first, until the decision is certain.

        A rule allows it by what is known already: one before it could only change the rule that the
        decision names, unless the rules differ in the extra parameters that they allow.
        """
        self._load_user()
        extras = any(rule.extra_parameters for rule in rules if covers(rule, resource))
        for look_up in (self._load_location, self._load_usergroups):
            decision = decide(rules, self._user, self._location, resource)
            if decision.allowed and not extras:
                return decision
            look_up(rules, resource)
        self._load_ldap_groups(rules, resource)
        return decide(rules, self._user, self._location, resource)

    def _load_user(self) -> None:
        if not self._is_loaded:
            self._is_loaded = True
            self._user = self._lookup.identity.load_user(self._user.id)

    def _load_location(self, rules: Sequence[Rule], resource: Resource) -> None:
        needed = find_unresolved(rules, self._user, self._location, resource)
        if needed.needs_location_kind and not self._location.reason:
            self._location = self._lookup.identity.load_location(self._location.id)

    def _load_usergroups(self, rules: Sequence[Rule], resource: Resource) -> None:
        needed = find_unresolved(rules, self._user, self._location, resource).usergroups
        if needed:
            self._user = self._lookup.identity.load_usergroups(self._user, needed)

    def _load_ldap_groups(self, rules: Sequence[Rule], resource: Resource) -> None:
        needed = find_unresolved(rules, self._user, self._location, resource).ldap_groups
        if needed:
            self._user = self._lookup.ldap.load_groups(self._user, needed)


def _rule_of_approvers(approvers: Sequence[Entry]) -> Rule:
    return Rule("approvers of the question", tuple(approvers), ("*",), (CHANNELS, DIRECT_MESSAGES))


def _covers_commands(rule: Rule) -> bool:
    return any(not pattern.startswith(APPROVAL + ":") for pattern in rule.what)
