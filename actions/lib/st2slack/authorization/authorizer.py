"""May they? Asks Slack and LDAP for what the decision needs, and no more, then decides.

What was looked up is used for the decisions of one execution and forgotten: who could write a store
of it could grant rights with it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from st2slack.api.client import Client
from st2slack.authorization.decision import (
    ALIAS,
    ANY_PERSON,
    APPROVAL,
    Decision,
    Location,
    Person,
    Resource,
    covers,
    decide,
    is_certain_denial,
    is_ldap_group,
    is_usergroup,
    record,
    unresolved_groups,
)
from st2slack.authorization.ldap_groups import LdapGroups
from st2slack.authorization.slack_identity import WorkspaceIdentity
from st2slack.base.errors import SettingsError
from st2slack.settings.access import CHANNELS, DIRECT_MESSAGES, Access, Rule, read_access
from st2slack.settings.ldap import read_ldap


class Authorizer:
    """The rules of one workspace and those who can be asked about its people.

    `config`: the pack's; `client`: of that workspace; `own_end`: seconds the caller still has;
    `say`: takes a line for the log with each decision and the rule that took it.
    Raises SettingsError where `authorization` cannot be used: then nobody may anything.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
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
    def ldap_names(self) -> Mapping[str, str]:
        """ID of a person → their name in LDAP."""
        return self._access.ldap_names

    def decide(
        self, person_id: str, resource: Resource, conversation: Optional[str] = None
    ) -> Tuple[Decision, Dict[str, Any]]:
        """The decision, and the record of it that is to be kept.

        `person_id`, `conversation`: from Slack's envelope. Without a conversation: some channel
        that no rule names.
        """
        return self.session(person_id, conversation).decide(resource)

    def decide_among(
        self, person_id: str, resource: Resource, conversation: str, who: Sequence[str]
    ) -> Tuple[Decision, Dict[str, Any]]:
        """The same where a list of people and groups is to decide in place of the rules.

        `who`: as in a rule; it counts wherever it is asked.
        """
        return self.session_among(person_id, conversation, who).decide(resource)

    def session_among(
        self, person_id: str, conversation: str, who: Sequence[str]
    ) -> AuthorizationSession:
        """The same as `asker`, by a list of people and groups; by the rules where it is empty."""
        if not who:
            return self.session(person_id, conversation)
        rule = Rule("approvers of the question", tuple(who), ("*",), (CHANNELS, DIRECT_MESSAGES))
        return self.session(person_id, conversation, (rule,))

    def deny(
        self, person_id: str, resource: Resource, conversation: str, reason: str
    ) -> Tuple[Decision, Dict[str, Any]]:
        """No, for a reason that no rule knows; said and recorded like every decision."""
        decision = Decision(False, "", "Denied: %s for %s: %s." % (resource, person_id, reason))
        self._log(decision.reason)
        return decision, record(decision, Person(person_id), Location(conversation), resource)

    def session(
        self,
        person_id: str,
        conversation: Optional[str] = None,
        rules: Optional[Sequence[Rule]] = None,
    ) -> AuthorizationSession:
        """Who asks there: for several decisions with one look-up of them. `rules`: in place of the
        workspace's own.
        """
        location = Location("", "channel") if conversation is None else Location(conversation)
        ldap = LdapDirectory(self._config, self._access.ldap_names, self._time_left)
        chosen = self._access.rules if rules is None else rules
        return AuthorizationSession(
            chosen, WorkspaceIdentity(self._client), ldap, self._log, person_id, location
        )


class AuthorizationSession:
    """One person in one place. What is looked up for a decision serves the next ones."""

    def __init__(
        self,
        rules: Sequence[Rule],
        identity: WorkspaceIdentity,
        ldap: LdapDirectory,
        log: Callable[[str], None],
        person_id: str,
        location: Location,
    ) -> None:
        self._rules = rules
        self._identity = identity
        self._ldap = ldap
        self._log = log
        self._person = Person(person_id)
        self._location = location
        self._is_loaded = False

    @property
    def person(self) -> Person:
        """Who asks, as far as they were looked up."""
        return self._person

    @property
    def is_unresolved(self) -> bool:
        """Whether something could not be looked up, so that the answer may be yes another time."""
        person = self._person
        return bool(person.unresolved or person.reason or self._location.reason)

    def decide(self, resource: Resource) -> Tuple[Decision, Dict[str, Any]]:
        """The decision, and the record of it that is to be kept."""
        return self._decide(self._rules, resource)

    def is_allowed(self, resource: Resource) -> bool:
        """The same where nothing is done by it, a list say: not said, not recorded."""
        if not is_certain_denial(self._rules, self._person, self._location, resource):
            self._resolve(self._rules, resource)
        return decide(self._rules, self._person, self._location, resource).allowed

    def decide_any_command(self) -> Tuple[Decision, Dict[str, Any]]:
        """Whether any rule lets them run anything at all there.

        So that nobody else gets as far as StackStorm's reading of commands.
        """
        any_command = Resource({ALIAS: "any command"})
        any_resource = [
            replace(rule, what=("*",)) for rule in self._rules if _covers_commands(rule)
        ]
        if is_certain_denial(any_resource, self._person, self._location, any_command):
            return self._decide(any_resource or self._rules, any_command)
        for rule in any_resource:  # whoever is sure of one needs not be looked for in groups
            self._load_person()
            decision = decide([rule], self._person, self._location, any_command)
            if decision.allowed:
                return decision, record(decision, self._person, self._location, any_command)
        return self._decide(any_resource or self._rules, any_command)

    def _decide(self, rules: Sequence[Rule], resource: Resource) -> Tuple[Decision, Dict[str, Any]]:
        if is_certain_denial(rules, self._person, self._location, resource) and not self._is_loaded:
            decision = decide(
                rules, replace(self._person, membership=ANY_PERSON), self._location, resource
            )
        else:
            self._resolve(rules, resource)
            decision = decide(rules, self._person, self._location, resource)
        self._log(decision.reason)
        return decision, record(decision, self._person, self._location, resource)

    def _load_person(self) -> None:
        if not self._is_loaded:
            self._is_loaded = True
            self._person = self._identity.person(self._person.id)

    def _resolve(self, rules: Sequence[Rule], resource: Resource) -> None:
        """Look up what is open, what costs least first, and nothing that decides nothing."""
        self._load_person()
        if self._is_already_allowed(rules, resource):
            return
        _, needs_kind = unresolved_groups(rules, self._person, self._location, resource)
        if needs_kind and not self._location.reason:
            self._location = self._identity.location(self._location.id)
        if self._is_already_allowed(rules, resource):
            return
        groups, _ = unresolved_groups(rules, self._person, self._location, resource)
        self._person = self._identity.in_usergroups(self._person, filter(is_usergroup, groups))
        groups, _ = unresolved_groups(rules, self._person, self._location, resource)
        dns = [each for each in groups if is_ldap_group(each)]
        self._person = self._ldap.resolve_groups(self._person, dns) if dns else self._person

    def _is_already_allowed(self, rules: Sequence[Rule], resource: Resource) -> bool:
        """Whether a rule allows it by what is known already.

        One in front of it could change no more than its name, unless rules differ in what they let
        somebody add.
        """
        extras_differ = any(rule.extra_parameters for rule in rules if covers(rule, resource))
        return not extras_differ and decide(rules, self._person, self._location, resource).allowed


class LdapDirectory:
    """The people of one workspace in LDAP. `names`: ID in Slack → name in LDAP."""

    def __init__(
        self,
        config: Mapping[str, Any],
        names: Mapping[str, str],
        time_left: Callable[[], Optional[float]],
    ) -> None:
        self._config = config
        self._names = names
        self._time_left = time_left

    def resolve_groups(self, person: Person, dns: List[str]) -> Person:
        """The person, with what is known now about these groups."""
        try:
            ldap = LdapGroups(read_ldap(self._config), self._time_left)
        except SettingsError as error:
            return person.with_unresolved(dns, str(error))
        return ldap.resolve_groups(person, dns, self._names.get(person.id))


def _covers_commands(rule: Rule) -> bool:
    return any(not pattern.startswith(APPROVAL + ":") for pattern in rule.what)
