"""May they? Asks Slack and LDAP for what the decision needs, and no more, then decides.

What was looked up is used for one decision and forgotten: who could write a store of it could grant
rights with it.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from st2slack.errors import SettingsError
from st2slack.settings.access import CHANNELS, DIRECT_MESSAGES, Access, Rule, read_access
from st2slack.settings.ldap import read_ldap
from st2slack.web.call import Client
from st2slack.work.authorization import (
    Decision,
    Person,
    Place,
    Thing,
    covers,
    decide,
    is_ldap_group,
    is_usergroup,
    record,
    unsettled,
)
from st2slack.work.ldap_groups import LdapGroups
from st2slack.work.people import Home


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
        return self._decide(self._access.rules, person_id, what, conversation)

    def among(
        self, person_id: str, what: Thing, conversation: Optional[str], who: Sequence[str]
    ) -> Tuple[Decision, Dict[str, Any]]:
        """The same where a list of people and groups is to decide in place of the rules.

        `who`: as in a rule; it counts wherever it is asked.
        """
        rule = Rule("approvers of the question", tuple(who), ("*",), (CHANNELS, DIRECT_MESSAGES))
        return self._decide((rule,), person_id, what, conversation)

    def refuse(
        self, person_id: str, what: Thing, conversation: Optional[str], why: str
    ) -> Tuple[Decision, Dict[str, Any]]:
        """A decision that was taken elsewhere: no, and why."""
        person, place = Person(person_id), Place(conversation or "")
        decision = Decision(False, "", "Denied: %s for %s: %s." % (what, person_id, why))
        self._say(decision.why)
        return decision, record(decision, person, place, what)

    def _decide(
        self, rules: Sequence[Rule], person_id: str, what: Thing, conversation: Optional[str]
    ) -> Tuple[Decision, Dict[str, Any]]:
        place = Place("", "channel") if conversation is None else Place(conversation)
        person = Person(person_id)
        if any(covers(rule, what) for rule in rules):
            home = Home(self._client)
            person = home.person(person_id)
            person, place = self._settle(home, rules, person, place, what)
        decision = decide(rules, person, place, what)
        self._say(decision.why)
        return decision, record(decision, person, place, what)

    def _settle(
        self, home: Home, rules: Sequence[Rule], person: Person, place: Place, what: Thing
    ) -> Tuple[Person, Place]:
        """Look up what is open, what costs least first."""
        _, wants_kind = unsettled(rules, person, place, what)
        if wants_kind:
            place = home.place(place.id)
        groups, _ = unsettled(rules, person, place, what)
        person = home.in_usergroups(person, filter(is_usergroup, groups))
        groups, _ = unsettled(rules, person, place, what)
        dns = [each for each in groups if is_ldap_group(each)]
        return (self._in_ldap(person, dns) if dns else person), place

    def _in_ldap(self, person: Person, dns: List[str]) -> Person:
        try:
            ldap = LdapGroups(read_ldap(self._config), self._own_end)
        except SettingsError as error:
            return person.with_unclear(dns, str(error))
        return ldap.settle(person, dns, self._access.ldap_names.get(person.id))
