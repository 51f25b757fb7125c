"""Whether somebody may do something: the answer that a command or a button of theirs would get."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from st2slack.api.client import Client
from st2slack.authorization.authorizer import Authorizer
from st2slack.authorization.decision import parse_resource
from st2slack.authorization.ldap_groups import LdapGroups
from st2slack.base.errors import InputError, SlackError
from st2slack.base.ids import PERSON_ID, plain_id
from st2slack.diagnostics.connection import hasty
from st2slack.diagnostics.report_rows import AGAIN, FAILED, OK, WARNING, Row
from st2slack.settings.access import read_access
from st2slack.settings.chatops import read_chatops
from st2slack.settings.entries import LdapGroup
from st2slack.settings.ldap import read_ldap
from st2slack.settings.slack import read_settings


@dataclass(frozen=True)
class Question:
    """`person`, `where`: IDs; `what`: reference of an alias or action, or approval:NAME."""

    person: str
    what: str
    where: Optional[str] = None


def question(
    person: Optional[str], what: Optional[str], where: Optional[str]
) -> Optional[Question]:
    """What is asked; None where nothing is. Raises InputError where half of it is missing."""
    given = [plain_id(person or ""), (what or "").strip(), plain_id(where or "")]
    if not any(given):
        return None
    if not given[0] or not given[1]:
        raise InputError("`person` and `what` belong together: who may what?")
    if not PERSON_ID.fullmatch(given[0]):
        raise InputError(
            "Parameter `person` must be the ID of a person (U..., in their profile in Slack), "
            "not a name: slack.find_user finds it."
        )
    return Question(given[0], given[1], given[2] or None)


def answer(
    config: Mapping[str, Any], workspace: Optional[str], asked: Question, http: Any
) -> Tuple[Row, Optional[Dict[str, Any]]]:
    """(the row that tells, the record of the decision; None where it could not be taken)."""
    what = "may %s do %s%s" % (
        asked.person,
        asked.what,
        " in %s" % asked.where if asked.where else "",
    )
    try:
        settings = hasty(read_settings(config, workspace))
        authorizer = Authorizer(config, Client(settings, http), workspace)
        decision, record = authorizer.decide(asked.person, parse_resource(asked.what), asked.where)
    except SlackError as error:
        return Row(workspace or "", what, FAILED, str(error), AGAIN), None
    if decision.allowed:
        extra = " Parameters that the alias does not name are allowed, too."
        means = decision.reason + (extra if decision.extra_parameters else "")
        return Row(workspace or "", what, OK, means), record
    return Row(workspace or "", what, WARNING, decision.reason), record


def rules(config: Mapping[str, Any], workspace: str) -> Iterator[Row]:
    """Whether the rules can be used, and LDAP where they name a group of it; work from Slack."""
    try:
        read_chatops(config, workspace)
    except SlackError as error:
        yield Row(workspace, "chatops", FAILED, "%s No command works." % error, AGAIN)
    try:
        access = read_access(config, workspace)
    except SlackError as error:
        yield Row(workspace, "authorization", FAILED, "%s Nobody is authorized." % error, AGAIN)
        return
    if access.rules:
        yield Row(workspace, "authorization", OK, "Rules: %d." % len(access.rules))
    entries = [each for rule in access.rules for each in rule.who]
    groups = [each.text for each in entries if isinstance(each, LdapGroup)]
    if groups:
        yield _ldap(config, workspace, groups)


def _ldap(config: Mapping[str, Any], workspace: str, groups: List[str]) -> Row:
    try:
        LdapGroups(read_ldap(config)).probe(groups)
    except SlackError as error:
        means = "%s Who is allowed as member of an LDAP group is denied." % error
        return Row(workspace, "ldap", FAILED, means, AGAIN)
    return Row(workspace, "ldap", OK, "LDAP answers.")
