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
    ANYBODY,
    APPROVAL,
    Decision,
    Person,
    Place,
    Thing,
    covers,
    decide,
    is_hopeless,
    is_ldap_group,
    is_usergroup,
    record,
    unsettled,
)
from st2slack.authorization.ldap_groups import LdapGroups
from st2slack.authorization.slack_identity import Home
from st2slack.base.errors import SettingsError
from st2slack.settings.access import CHANNELS, DIRECT_MESSAGES, Access, Rule, read_access
from st2slack.settings.ldap import read_ldap


class WhoMay:
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
        own_end: Callable[[], Optional[float]] = lambda: None,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._config = config
        self._client = client
        self._own_end = own_end
        self._say = say
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
        self, person_id: str, what: Thing, conversation: Optional[str] = None
    ) -> Tuple[Decision, Dict[str, Any]]:
        """The decision, and the record of it that is to be kept.

        `person_id`, `conversation`: from Slack's envelope. Without a conversation: some channel
        that no rule names.
        """
        return self.asker(person_id, conversation).decide(what)

    def among(
        self, person_id: str, what: Thing, conversation: str, who: Sequence[str]
    ) -> Tuple[Decision, Dict[str, Any]]:
        """The same where a list of people and groups is to decide in place of the rules.

        `who`: as in a rule; it counts wherever it is asked.
        """
        return self.asker_among(person_id, conversation, who).decide(what)

    def asker_among(self, person_id: str, conversation: str, who: Sequence[str]) -> Asker:
        """The same as `asker`, by a list of people and groups; by the rules where it is empty."""
        if not who:
            return self.asker(person_id, conversation)
        rule = Rule("approvers of the question", tuple(who), ("*",), (CHANNELS, DIRECT_MESSAGES))
        return self.asker(person_id, conversation, (rule,))

    def refuse(
        self, person_id: str, what: Thing, conversation: str, why: str
    ) -> Tuple[Decision, Dict[str, Any]]:
        """No, for a reason that no rule knows; said and recorded like every decision."""
        decision = Decision(False, "", "Denied: %s for %s: %s." % (what, person_id, why))
        self._say(decision.why)
        return decision, record(decision, Person(person_id), Place(conversation), what)

    def asker(
        self,
        person_id: str,
        conversation: Optional[str] = None,
        rules: Optional[Sequence[Rule]] = None,
    ) -> Asker:
        """Who asks there: for several decisions with one look-up of them. `rules`: in place of the
        workspace's own.
        """
        place = Place("", "channel") if conversation is None else Place(conversation)
        in_ldap = LdapPeople(self._config, self._access.ldap_names, self._own_end)
        chosen = self._access.rules if rules is None else rules
        return Asker(chosen, Home(self._client), in_ldap, self._say, person_id, place)


class Asker:
    """One person in one place. What is looked up for a decision serves the next ones."""

    def __init__(
        self,
        rules: Sequence[Rule],
        home: Home,
        in_ldap: LdapPeople,
        say: Callable[[str], None],
        person_id: str,
        place: Place,
    ) -> None:
        self._rules = rules
        self._home = home
        self._in_ldap = in_ldap
        self._say = say
        self._person = Person(person_id)
        self._place = place
        self._is_looked_up = False

    @property
    def person(self) -> Person:
        """Who asks, as far as they were looked up."""
        return self._person

    @property
    def unclear(self) -> bool:
        """Whether something could not be looked up, so that the answer may be yes another time."""
        person = self._person
        return bool(person.unclear or person.why or self._place.why)

    def decide(self, what: Thing) -> Tuple[Decision, Dict[str, Any]]:
        """The decision, and the record of it that is to be kept."""
        return self._decide(self._rules, what)

    def allows(self, what: Thing) -> bool:
        """The same where nothing is done by it, a list say: not said, not recorded."""
        if not is_hopeless(self._rules, self._person, self._place, what):
            self._settle(self._rules, what)
        return decide(self._rules, self._person, self._place, what).allowed

    def may_run_something(self) -> Tuple[Decision, Dict[str, Any]]:
        """Whether any rule lets them run anything at all there.

        So that nobody else gets as far as StackStorm's reading of commands.
        """
        any_command = Thing({ALIAS: "any command"})
        wide = [replace(rule, what=("*",)) for rule in self._rules if _is_of_commands(rule)]
        if is_hopeless(wide, self._person, self._place, any_command):
            return self._decide(wide or self._rules, any_command)
        for rule in wide:  # whoever is sure of one needs not be looked for in groups
            self._look_up()
            decision = decide([rule], self._person, self._place, any_command)
            if decision.allowed:
                return decision, record(decision, self._person, self._place, any_command)
        return self._decide(wide or self._rules, any_command)

    def _decide(self, rules: Sequence[Rule], what: Thing) -> Tuple[Decision, Dict[str, Any]]:
        if is_hopeless(rules, self._person, self._place, what) and not self._is_looked_up:
            decision = decide(rules, replace(self._person, standing=ANYBODY), self._place, what)
        else:
            self._settle(rules, what)
            decision = decide(rules, self._person, self._place, what)
        self._say(decision.why)
        return decision, record(decision, self._person, self._place, what)

    def _look_up(self) -> None:
        if not self._is_looked_up:
            self._is_looked_up = True
            self._person = self._home.person(self._person.id)

    def _settle(self, rules: Sequence[Rule], what: Thing) -> None:
        """Look up what is open, what costs least first, and nothing that decides nothing."""
        self._look_up()
        if self._is_sure(rules, what):
            return
        _, wants_kind = unsettled(rules, self._person, self._place, what)
        if wants_kind and not self._place.why:
            self._place = self._home.place(self._place.id)
        if self._is_sure(rules, what):
            return
        groups, _ = unsettled(rules, self._person, self._place, what)
        self._person = self._home.in_usergroups(self._person, filter(is_usergroup, groups))
        groups, _ = unsettled(rules, self._person, self._place, what)
        dns = [each for each in groups if is_ldap_group(each)]
        self._person = self._in_ldap.settle(self._person, dns) if dns else self._person

    def _is_sure(self, rules: Sequence[Rule], what: Thing) -> bool:
        """Whether a rule allows it by what is known already.

        One in front of it could change no more than its name, unless rules differ in what they let
        somebody add.
        """
        differ = any(rule.extra_parameters for rule in rules if covers(rule, what))
        return not differ and decide(rules, self._person, self._place, what).allowed


class LdapPeople:
    """The people of one workspace in LDAP. `names`: ID in Slack → name in LDAP."""

    def __init__(
        self,
        config: Mapping[str, Any],
        names: Mapping[str, str],
        own_end: Callable[[], Optional[float]],
    ) -> None:
        self._config = config
        self._names = names
        self._own_end = own_end

    def settle(self, person: Person, dns: List[str]) -> Person:
        """The person, with what is known now about these groups."""
        try:
            ldap = LdapGroups(read_ldap(self._config), self._own_end)
        except SettingsError as error:
            return person.with_unclear(dns, str(error))
        return ldap.settle(person, dns, self._names.get(person.id))


def _is_of_commands(rule: Rule) -> bool:
    return any(not pattern.startswith(APPROVAL + ":") for pattern in rule.what)
