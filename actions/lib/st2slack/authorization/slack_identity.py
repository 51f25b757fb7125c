"""What Slack says about the user who asks, and the conversation: membership of the workspace, user
groups, kind of the conversation.

Only IDs and what the workspace's owners decide count: membership of the workspace and of its user
groups. Names, display names, titles and statuses are what people write about themselves; they are
not even read. A member that Slack leaves out never counts in the user's favour.

Shapes: docs.slack.dev/reference/objects/user-object, conversation-object, usergroup-object.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, Iterable, Optional, Set

from st2slack.api.client import Client, LimitWait
from st2slack.authorization.decision import Location, LocationKind, Membership, SlackUser
from st2slack.base.errors import SlackError
from st2slack.base.ids import CONVERSATION_ID, PERSON_ID, SLACKBOT, USERGROUP_ID, is_direct_message
from st2slack.base.json_access import (
    JsonObject,
    as_object,
    as_objects,
    get_object,
    get_text,
    get_texts,
)

_NOT_MEMBER = "the e-mail address of this %s is not used; `ldap_usernames` can name them"
_NOT_CONFIRMED = "Slack has no confirmed e-mail address for them"
_INVALID_EMAIL = "their e-mail address in Slack contains a character that is not printable"
_NO_EMAIL = "Slack shows no e-mail address for them (scope users:read.email)"
_UNKNOWN_KIND = "Slack does not say whether this is a channel"


class WorkspaceIdentity:
    """The workspace that the token belongs to: its own IDs, and its users and user groups.

    If Slack limits the rate, a look-up waits as long as the caller itself has time: nobody must be
    denied because others asked too often. For users who are no full members it does not wait: they
    would hold up the answers of those behind them.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._ids: Optional[Set[str]] = None
        self._groups: Optional[Dict[str, JsonObject]] = None
        self._failed: Optional[SlackError] = None

    def load_user(self, person_id: str) -> SlackUser:
        """The user of this ID. `reason` says what could not be read; raises nothing."""
        user = SlackUser(person_id)
        if not PERSON_ID.fullmatch(person_id):
            return user
        try:
            answer = as_object(self._waiting_client.call("users.info", {"user": person_id}))
            return parse_user(person_id, answer.get("user"), self._workspace_ids())
        except SlackError as error:
            return replace(user, reason="Slack does not describe this user (%s)" % error)

    def load_location(self, conversation: str) -> Location:
        """The conversation of this ID. Only D… tells its kind by itself: C… may be of a group."""
        if not CONVERSATION_ID.fullmatch(conversation):
            return Location(conversation, reason="this is not the ID of a conversation")
        if is_direct_message(conversation):
            return Location(conversation, LocationKind.DIRECT)
        try:
            arguments = {"channel": conversation}
            answer = as_object(self._waiting_client.call("conversations.info", arguments))
        except SlackError as error:
            return Location(conversation, reason="%s (%s)" % (_UNKNOWN_KIND, error))
        return parse_location(conversation, answer.get("channel"))

    def load_usergroups(self, user: SlackUser, entries: Iterable[str]) -> SlackUser:
        """The user, with what Slack answers about these user groups (IDs and @handles)."""
        if user.membership is Membership.EXTERNAL:  # they are in no group of the workspace
            return user.with_known((), entries)
        is_member = user.membership is Membership.MEMBER
        client = self._client.with_limit_wait(LimitWait.OWN_TIME if is_member else LimitWait.NOT)
        for entry in entries:
            try:
                has_user = self._has_user(client, entry, user.id)
            except SlackError as error:
                reason = "the user group %s could not be read (%s)" % (entry, error)
                user = user.with_unresolved([entry], reason)
                continue
            user = user.with_known([entry], []) if has_user else user.with_known([], [entry])
        return user

    @property
    def _waiting_client(self) -> Client:
        return self._client.with_limit_wait(LimitWait.OWN_TIME)

    def _has_user(self, client: Client, entry: str, person_id: str) -> bool:
        group = self._find_usergroup(client, entry)
        if group is None:
            return False
        answer = as_object(client.call("usergroups.users.list", {"usergroup": group["id"]}))
        return person_id in get_texts(answer, "users")

    def _find_usergroup(self, client: Client, entry: str) -> Optional[JsonObject]:
        """An enabled group of the home workspace; None for one that another workspace shares."""
        if self._failed:
            raise self._failed  # asked once is enough: a silent Slack costs `max_wait` each time
        if self._groups is None:
            try:
                answer = as_object(client.call("usergroups.list"))
                self._groups = find_usergroups(answer.get("usergroups"), self._workspace_ids())
            except SlackError as error:
                self._failed = error
                raise
        return self._groups.get(entry)

    def _workspace_ids(self) -> Set[str]:
        """IDs of the workspace and of its organization."""
        if self._ids is None:
            answer = as_object(self._waiting_client.call("auth.test"))
            ids = [get_text(answer, "team_id"), get_text(answer, "enterprise_id")]
            # Set if the token is of an organization.
            ids.append(self._client.settings.team_id or "")
            self._ids = {each for each in ids if each}
        return self._ids


def parse_user(person_id: str, answer: object, workspace_ids: Set[str]) -> SlackUser:
    """A user as users.info describes it."""
    user, details = SlackUser(person_id), as_object(answer)
    if details.get("id") != person_id:
        return user
    membership = _parse_membership(details, workspace_ids)
    user = replace(user, membership=membership)
    if membership is not Membership.MEMBER:
        return replace(user, no_email_reason=_NOT_MEMBER % membership.value)
    if details.get("is_email_confirmed") is False:
        return replace(user, no_email_reason=_NOT_CONFIRMED)
    email = get_text(get_object(details, "profile"), "email").strip()
    if not email:
        return replace(user, no_email_reason=_NO_EMAIL)
    if not email.isprintable():
        # A directory may stop at a NUL, and find the person whose address ends there.
        return replace(user, no_email_reason=_INVALID_EMAIL)
    return replace(user, email=email)


def _parse_membership(user: JsonObject, workspace_ids: Set[str]) -> Membership:
    if user.get("deleted") is not False:
        return Membership.DEACTIVATED if user.get("deleted") else Membership.UNKNOWN
    if user.get("is_bot") or user.get("is_workflow_bot") or user.get("id") == SLACKBOT:
        return Membership.BOT
    if user.get("is_bot") is not False:
        return Membership.UNKNOWN
    if user.get("is_stranger") or not _is_of_workspace(user, workspace_ids):
        return Membership.EXTERNAL
    if user.get("is_restricted") is not False or user.get("is_ultra_restricted") is not False:
        return Membership.GUEST
    return Membership.GUEST if user.get("is_invited_user") else Membership.MEMBER


def _is_of_workspace(user: JsonObject, workspace_ids: Set[str]) -> bool:
    """Whether they are of the workspace; a user of an organization may be of several."""
    teams = get_texts(get_object(user, "enterprise_user"), "teams")
    return any(each in workspace_ids for each in [get_text(user, "team_id"), *teams])


def parse_location(conversation: str, answer: object) -> Location:
    """A conversation as conversations.info describes it."""
    channel = as_object(answer)
    if channel.get("id") != conversation:
        return Location(conversation, reason=_UNKNOWN_KIND)
    if channel.get("is_im") or channel.get("is_mpim"):
        return Location(conversation, LocationKind.DIRECT)
    if channel.get("is_channel") or channel.get("is_group") or channel.get("is_private"):
        return Location(conversation, LocationKind.CHANNEL)
    return Location(conversation, reason=_UNKNOWN_KIND)


def find_usergroups(usergroups: object, workspace_ids: Set[str]) -> Dict[str, JsonObject]:
    """Enabled user groups of the home workspace, each by its ID and its @handle."""
    groups: Dict[str, JsonObject] = {}
    ambiguous: Set[str] = set()
    for group in as_objects(usergroups):
        if not USERGROUP_ID.fullmatch(str(group.get("id"))):
            continue
        if group.get("is_external") or group.get("date_delete"):
            continue
        if str(group.get("team_id")) not in workspace_ids:
            continue
        for key in (str(group["id"]), "@%s" % group.get("handle")):
            ambiguous.update({key} & set(groups))
            groups[key] = group
    return {key: group for key, group in groups.items() if key not in ambiguous}
