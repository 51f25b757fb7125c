"""What a behaviour is given beside the arguments: who asks, and the workspace as they see it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, Iterable, List, Mapping, Sequence, Tuple

from sandbox.slack.behaviours import paging
from sandbox.slack.checks.request_checks import Call
from sandbox.slack.checks.slack_error import SlackError
from sandbox.slack.http import http_request
from sandbox.slack.sockets.tickets import Tickets
from sandbox.slack.state.rotation import Rotation
from sandbox.slack.state.tokens import Token
from sandbox.slack.state.workspace import Channel, Json, User, Workspace


@dataclass(frozen=True)
class Context:
    """One call on its way. `tokens` are all that the server knows; `url` is the server's root;
    `tickets` are what opens sockets, `rotation` is what renews tokens."""

    workspace: Workspace
    call: Call
    request: http_request.Request
    tokens: Mapping[str, Token]
    url: str
    tickets: Tickets = field(default_factory=Tickets)
    rotation: Rotation = field(default_factory=lambda: Rotation({}))

    @property
    def token(self) -> Token:
        """The token of the call; one of no user for the methods that take none."""
        return self.call.token or Token("none")

    @property
    def me(self) -> str:
        """ID of the user who acts, "" for kinds of token that have none."""
        return self.token.user

    @property
    def acts_as_bot(self) -> bool:
        """True for a bot token."""
        return self.token.kind == "bot"

    def code(self, *candidates: str) -> str:
        """The first of these codes that Slack documents for this method."""
        return self.call.method.code(*candidates)

    def code_or(self, default: str, *candidates: str) -> str:
        """The first of these codes that Slack documents for this method, else `default`."""
        documented = (code for code in candidates if code in self.call.method.errors)
        return next(documented, default)

    def user(self, user_id: str, code: str = "user_not_found") -> User:
        """The user of this ID."""
        user = self.workspace.users.get(user_id)
        if user is None:
            raise SlackError(code)
        return user

    def users(self, user_ids: Iterable[str], code: str = "user_not_found") -> List[User]:
        """The users of these IDs; one that is not known refuses the call."""
        return [self.user(user_id, code) for user_id in user_ids]

    def sees(self, channel: Channel) -> bool:
        """A private conversation is there only for its members."""
        return channel.kind == "public_channel" or self.me in channel.members

    def channel(self, channel_id: str) -> Channel:
        """The conversation of this ID, as far as the caller sees it."""
        channel = self.workspace.channels.get(channel_id)
        if channel is None or not self.sees(channel):
            raise SlackError("channel_not_found")
        return channel

    def joined_channel(self, channel_id: str) -> Channel:
        """The same, and the caller is a member."""
        channel = self.channel(channel_id)
        if self.me not in channel.members:
            raise SlackError("not_in_channel")
        return channel

    def readable(self, channel_id: str) -> Channel:
        """The same for reading: a user reads every public channel, a bot only where it is in."""
        return self.joined_channel(channel_id) if self.acts_as_bot else self.channel(channel_id)

    def active_channel(self, channel_id: str) -> Channel:
        """A conversation the caller sees and that is not archived."""
        channel = self.channel(channel_id)
        if channel.is_archived:
            raise SlackError("is_archived")
        return channel

    def message(self, channel: Channel, ts: str) -> Json:
        """The message of this timestamp."""
        message = channel.message(ts)
        if message is None or message.get("subtype") == "tombstone":
            raise SlackError("message_not_found")
        return message

    def limit(self, args: Mapping[str, Any], size: int = 100, greatest: int = 1000) -> int:
        """How many items a page is to have; `size` where nothing, or 0, was asked for."""
        limit = int(args.get("limit") or size)
        if not 1 <= limit <= greatest:
            raise SlackError(self.code("invalid_limit"))
        return limit

    def page(
        self, items: Sequence[Any], args: Mapping[str, Any], size: int = 100, greatest: int = 1000
    ) -> Tuple[List[Any], Json]:
        """One page of these by cursor and limit, and its response_metadata."""
        limit = self.limit(args, size, greatest)
        found, following = paging.by_offset(items, args.get("cursor", ""), limit)
        return found, {"next_cursor": following}


Answered = Dict[str, Any]
