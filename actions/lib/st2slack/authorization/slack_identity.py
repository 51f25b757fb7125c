"""What Slack tells about who asks, and where: standing, user groups, the kind of a conversation.

Only IDs and what the workspace's owners decide count: standing, membership of user groups. Names,
display names, titles and statuses are what people write about themselves, and are not even read.
Nothing that Slack leaves out is taken for the better.

Shapes: docs.slack.dev/reference/objects/user-object, conversation-object, usergroup-object.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, Iterable, Mapping, Optional, Set

from st2slack.api.client import Client, LimitWait
from st2slack.authorization.decision import (
    BOT,
    CHANNEL,
    DEACTIVATED,
    DIRECT,
    EXTERNAL,
    GUEST,
    MEMBER,
    UNKNOWN,
    Location,
    Person,
)
from st2slack.base.errors import SlackError
from st2slack.base.ids import CONVERSATION_ID, PERSON_ID, SLACKBOT, USERGROUP_ID, is_direct_message

_NOT_MEMBER = "the e-mail address of a %s counts for nothing; `ldap_names` may name them"
_NOT_CONFIRMED = "Slack has no confirmed e-mail address for them"
_INVALID_EMAIL = "their e-mail address in Slack has a character that no address has"
_NO_EMAIL = "Slack tells no e-mail address for them (scope users:read.email)"


class WorkspaceIdentity:
    """The workspace that the token belongs to: its own IDs, and the people and groups in it.

    Where there are too many calls it waits as long as the caller itself has time: somebody's answer
    must not be refused for what others did. Whoever is no full member does not wait: their answers
    would hold up those of others, who come behind them.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._ids: Optional[Set[str]] = None
        self._groups: Optional[Dict[str, Mapping[str, Any]]] = None
        self._failed: Optional[SlackError] = None

    @property
    def _waiting_client(self) -> Client:
        return self._client.with_limit_wait(LimitWait.OWN_TIME)

    def person(self, person_id: str) -> Person:
        """Who has this ID. What cannot be asked is said in `why`; it raises nothing."""
        person = Person(person_id)
        if not PERSON_ID.fullmatch(person_id):
            return person
        try:
            user = self._waiting_client.call("users.info", {"user": person_id}).get("user")
            return parse_user(person_id, user, self._workspace_ids())
        except SlackError as error:
            return replace(person, reason="Slack does not tell who that is (%s)" % error)

    def location(self, conversation: str) -> Location:
        """The conversation of this ID. Only D… tells its kind by itself: C… may be of a group."""
        if not CONVERSATION_ID.fullmatch(conversation):
            return Location(conversation, reason="that is not the ID of a conversation")
        if is_direct_message(conversation):
            return Location(conversation, DIRECT)
        try:
            answer = self._waiting_client.call("conversations.info", {"channel": conversation})
        except SlackError as error:
            reason = "Slack does not tell whether that is a channel (%s)" % error
            return Location(conversation, reason=reason)
        return parse_location(conversation, answer.get("channel"))

    def in_usergroups(self, person: Person, entries: Iterable[str]) -> Person:
        """The person, with what is known now about these user groups (IDs and @handles)."""
        if person.membership == EXTERNAL:  # the workspace's own groups have its own people only
            return person.with_known((), entries)
        limit_wait = LimitWait.OWN_TIME if person.membership == MEMBER else LimitWait.NOT
        client = self._client.with_limit_wait(limit_wait)
        for entry in entries:
            try:
                member_of = self._holds(client, entry, person.id)
            except SlackError as error:
                reason = "the user group %s could not be asked for (%s)" % (entry, error)
                person = person.with_unresolved([entry], reason)
                continue
            person = person.with_known(*([entry], []) if member_of else ([], [entry]))
        return person

    def _holds(self, client: Client, entry: str, person_id: str) -> bool:
        group = self._usergroup(client, entry)
        if group is None:
            return False
        answer = client.call("usergroups.users.list", {"usergroup": group["id"]})
        users = answer.get("users")
        return isinstance(users, list) and person_id in users

    def _usergroup(self, client: Client, entry: str) -> Optional[Mapping[str, Any]]:
        """A living group of the home workspace; one that another brought into a channel is none."""
        if self._failed:
            raise self._failed  # asked once is enough: a silent Slack costs `max_wait` each time
        if self._groups is None:
            try:
                answer = client.call("usergroups.list")
                self._groups = find_usergroups(answer.get("usergroups"), self._workspace_ids())
            except SlackError as error:
                self._failed = error
                raise
        return self._groups.get(entry)

    def _workspace_ids(self) -> Set[str]:
        """IDs of the workspace and of its organization."""
        if self._ids is None:
            answer = self._waiting_client.call("auth.test")
            found = [answer.get("team_id"), answer.get("enterprise_id")]
            found.append(self._client.settings.team_id)  # where the token is of an organization
            self._ids = {each for each in found if each and isinstance(each, str)}
        return self._ids


def parse_user(person_id: str, user: Any, workspace_ids: Set[str]) -> Person:
    """A user as users.info tells it. `home`: IDs of the workspace and its organization."""
    person = Person(person_id)
    if not isinstance(user, Mapping) or user.get("id") != person_id:
        return person
    membership = _parse_membership(user, workspace_ids)
    if membership != MEMBER:
        return replace(person, membership=membership, no_email_reason=_NOT_MEMBER % membership)
    if user.get("is_email_confirmed") is False:
        return replace(person, membership=membership, no_email_reason=_NOT_CONFIRMED)
    profile = user.get("profile")
    email = profile.get("email") if isinstance(profile, Mapping) else None
    if not isinstance(email, str) or not email.strip():
        return replace(person, membership=membership, no_email_reason=_NO_EMAIL)
    if not email.strip().isprintable():
        # A directory may stop at a NUL, and find the person whose address ends there.
        return replace(person, membership=membership, no_email_reason=_INVALID_EMAIL)
    return replace(person, membership=membership, email=email.strip())


def _parse_membership(user: Mapping[str, Any], workspace_ids: Set[str]) -> str:
    if user.get("deleted") is not False:
        return DEACTIVATED if user.get("deleted") else UNKNOWN
    if user.get("is_bot") or user.get("is_workflow_bot") or user["id"] == SLACKBOT:
        return BOT
    if user.get("is_bot") is not False:
        return UNKNOWN
    if user.get("is_stranger") or not _is_of_workspace(user, workspace_ids):
        return EXTERNAL
    if user.get("is_restricted") is not False or user.get("is_ultra_restricted") is not False:
        return GUEST
    return GUEST if user.get("is_invited_user") else MEMBER


def _is_of_workspace(user: Mapping[str, Any], workspace_ids: Set[str]) -> bool:
    """Whether they are of the workspace, or of it too, as people of an organization may be."""
    enterprise = user.get("enterprise_user")
    teams = enterprise.get("teams") if isinstance(enterprise, Mapping) else None
    ids = [user.get("team_id"), *(teams if isinstance(teams, list) else [])]
    return any(isinstance(each, str) and each in workspace_ids for each in ids)


def parse_location(conversation: str, channel: Any) -> Location:
    """A conversation as conversations.info tells it."""
    if not isinstance(channel, Mapping) or channel.get("id") != conversation:
        return Location(conversation, reason="Slack does not tell whether that is a channel")
    if channel.get("is_im") or channel.get("is_mpim"):
        return Location(conversation, DIRECT)
    if channel.get("is_channel") or channel.get("is_group") or channel.get("is_private"):
        return Location(conversation, CHANNEL)
    return Location(conversation, reason="Slack does not tell whether that is a channel")


def find_usergroups(usergroups: Any, workspace_ids: Set[str]) -> Dict[str, Mapping[str, Any]]:
    """Living user groups of the home workspace, each by its ID and its @handle."""
    found: Dict[str, Mapping[str, Any]] = {}
    ambiguous: Set[str] = set()
    for group in usergroups if isinstance(usergroups, list) else []:
        if not isinstance(group, Mapping) or not USERGROUP_ID.fullmatch(str(group.get("id"))):
            continue
        if group.get("is_external") or group.get("date_delete"):
            continue
        if str(group.get("team_id")) not in workspace_ids:
            continue
        for key in (str(group["id"]), "@%s" % group.get("handle")):
            ambiguous.update({key} & set(found))
            found[key] = group
    return {key: group for key, group in found.items() if key not in ambiguous}
