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
    GUEST,
    MEMBER,
    STRANGER,
    UNKNOWN,
    Person,
    Place,
)
from st2slack.base.errors import SlackError
from st2slack.base.ids import CONVERSATION_ID, PERSON_ID, SLACKBOT, USERGROUP_ID, is_direct_message

_NOT_A_MEMBERS = "the e-mail address of a %s counts for nothing; `ldap_names` may name them"
_NOT_CONFIRMED = "Slack has no confirmed e-mail address for them"
_ODD_EMAIL = "their e-mail address in Slack has a character that no address has"
_NO_EMAIL = "Slack tells no e-mail address for them (scope users:read.email)"


class Home:
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
    def _patient(self) -> Client:
        return self._client.with_limit_wait(LimitWait.OWN_TIME)

    def person(self, person_id: str) -> Person:
        """Who has this ID. What cannot be asked is said in `why`; it raises nothing."""
        person = Person(person_id)
        if not PERSON_ID.fullmatch(person_id):
            return person
        try:
            user = self._patient.call("users.info", {"user": person_id}).get("user")
            return person_of(person_id, user, self._home())
        except SlackError as error:
            return replace(person, why="Slack does not tell who that is (%s)" % error)

    def place(self, conversation: str) -> Place:
        """The conversation of this ID. Only D… tells its kind by itself: C… may be of a group."""
        if not CONVERSATION_ID.fullmatch(conversation):
            return Place(conversation, why="that is not the ID of a conversation")
        if is_direct_message(conversation):
            return Place(conversation, DIRECT)
        try:
            answer = self._patient.call("conversations.info", {"channel": conversation})
        except SlackError as error:
            why = "Slack does not tell whether that is a channel (%s)" % error
            return Place(conversation, why=why)
        return place_of(conversation, answer.get("channel"))

    def in_usergroups(self, person: Person, entries: Iterable[str]) -> Person:
        """The person, with what is known now about these user groups (IDs and @handles)."""
        if person.standing == STRANGER:  # the workspace's own groups have its own people only
            return person.with_known((), entries)
        waits = LimitWait.OWN_TIME if person.standing == MEMBER else LimitWait.NOT
        client = self._client.with_limit_wait(waits)
        for entry in entries:
            try:
                inside = self._holds(client, entry, person.id)
            except SlackError as error:
                why = "the user group %s could not be asked for (%s)" % (entry, error)
                person = person.with_unclear([entry], why)
                continue
            person = person.with_known(*([entry], []) if inside else ([], [entry]))
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
                self._groups = own_groups(answer.get("usergroups"), self._home())
            except SlackError as error:
                self._failed = error
                raise
        return self._groups.get(entry)

    def _home(self) -> Set[str]:
        """IDs of the workspace and of its organization."""
        if self._ids is None:
            answer = self._patient.call("auth.test")
            found = [answer.get("team_id"), answer.get("enterprise_id")]
            found.append(self._client.settings.team_id)  # where the token is of an organization
            self._ids = {each for each in found if each and isinstance(each, str)}
        return self._ids


def person_of(person_id: str, user: Any, home: Set[str]) -> Person:
    """A user as users.info tells it. `home`: IDs of the workspace and its organization."""
    person = Person(person_id)
    if not isinstance(user, Mapping) or user.get("id") != person_id:
        return person
    standing = _standing(user, home)
    if standing != MEMBER:
        return replace(person, standing=standing, no_email=_NOT_A_MEMBERS % standing)
    if user.get("is_email_confirmed") is False:
        return replace(person, standing=standing, no_email=_NOT_CONFIRMED)
    profile = user.get("profile")
    email = profile.get("email") if isinstance(profile, Mapping) else None
    if not isinstance(email, str) or not email.strip():
        return replace(person, standing=standing, no_email=_NO_EMAIL)
    if not email.strip().isprintable():
        # A directory may stop at a NUL, and find the person whose address ends there.
        return replace(person, standing=standing, no_email=_ODD_EMAIL)
    return replace(person, standing=standing, email=email.strip())


def _standing(user: Mapping[str, Any], home: Set[str]) -> str:
    if user.get("deleted") is not False:
        return DEACTIVATED if user.get("deleted") else UNKNOWN
    if user.get("is_bot") or user.get("is_workflow_bot") or user["id"] == SLACKBOT:
        return BOT
    if user.get("is_bot") is not False:
        return UNKNOWN
    if user.get("is_stranger") or not _belongs(user, home):
        return STRANGER
    if user.get("is_restricted") is not False or user.get("is_ultra_restricted") is not False:
        return GUEST
    return GUEST if user.get("is_invited_user") else MEMBER


def _belongs(user: Mapping[str, Any], home: Set[str]) -> bool:
    """Whether they are of the workspace, or of it too, as people of an organization may be."""
    enterprise = user.get("enterprise_user")
    teams = enterprise.get("teams") if isinstance(enterprise, Mapping) else None
    ids = [user.get("team_id"), *(teams if isinstance(teams, list) else [])]
    return any(isinstance(each, str) and each in home for each in ids)


def place_of(conversation: str, channel: Any) -> Place:
    """A conversation as conversations.info tells it."""
    if not isinstance(channel, Mapping) or channel.get("id") != conversation:
        return Place(conversation, why="Slack does not tell whether that is a channel")
    if channel.get("is_im") or channel.get("is_mpim"):
        return Place(conversation, DIRECT)
    if channel.get("is_channel") or channel.get("is_group") or channel.get("is_private"):
        return Place(conversation, CHANNEL)
    return Place(conversation, why="Slack does not tell whether that is a channel")


def own_groups(usergroups: Any, home: Set[str]) -> Dict[str, Mapping[str, Any]]:
    """Living user groups of the home workspace, each by its ID and its @handle."""
    found: Dict[str, Mapping[str, Any]] = {}
    twice: Set[str] = set()
    for group in usergroups if isinstance(usergroups, list) else []:
        if not isinstance(group, Mapping) or not USERGROUP_ID.fullmatch(str(group.get("id"))):
            continue
        if group.get("is_external") or group.get("date_delete"):
            continue
        if str(group.get("team_id")) not in home:
            continue
        for key in (str(group["id"]), "@%s" % group.get("handle")):
            twice.update({key} & set(found))
            found[key] = group
    return {key: group for key, group in found.items() if key not in twice}
