"""Which LDAP groups a person is in, asked through StackStorm's own LDAP backend (st2-auth-ldap).

The person is found by the name that the config has for their ID, else by their e-mail address.
Their groups are those that hold them by DN (member, uniqueMember) or by the name LDAP has for them
(memberUid), and the groups that hold these groups, level by level.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, FrozenSet, Iterable, List, Mapping, Optional, Sequence, Set, Tuple

from st2slack.authorization.decision import SlackUser
from st2slack.authorization.ldap_server import LdapServer, LookupFailed, import_ldap
from st2slack.base.errors import SettingsError, SlackError
from st2slack.settings.ldap import LdapSettings

MAX_DEPTH = 8  # levels of groups in groups that are followed
MAX_GROUPS = 1000  # groups that are followed
GROUPS_PER_QUERY = 50  # groups in one question: servers limit how long a filter may be

# A DN that can be compared: for each part its attributes with their values.
DN = Tuple[FrozenSet[Tuple[str, str]], ...]


@dataclass(frozen=True)
class GroupMembership:
    """Groups that a person is in, and whether these are all."""

    known: Set[DN]
    is_complete: bool


class LdapGroups:
    """Asks one LDAP server. `time_left`: seconds that the caller itself still has."""

    def __init__(
        self, settings: LdapSettings, time_left: Callable[[], Optional[float]] = lambda: None
    ) -> None:
        self._settings = settings
        self._server = LdapServer(settings, time_left)

    def load_groups(
        self, user: SlackUser, entries: Iterable[str], name: Optional[str]
    ) -> SlackUser:
        """The user, with what LDAP answers about these groups (DNs). It raises nothing.

        `name`: their name in LDAP; None: they are found by their e-mail.
        """
        names = list(entries)
        try:
            wanted = {entry: _normalize_dn(entry) for entry in names}
            groups = self._server.run_with_timeout(lambda: self._groups(user, name))
        except SlackError as error:
            return user.with_unresolved(
                names, "LDAP groups are not known (%s)" % _without_full_stop(error)
            )
        member_of = {entry for entry, dn in wanted.items() if dn in groups.known}
        not_member_of = set(wanted) - member_of
        if groups.is_complete:
            return user.with_known(member_of, not_member_of)
        reason = (
            "they are in too many LDAP groups, or in groups that are nested too deeply, to "
            "check all"
        )
        return user.with_known(member_of, ()).with_unresolved(not_member_of, reason)

    def probe(self, entries: Iterable[str]) -> None:
        """Bind and search, and look at the DNs. Raises what is wrong."""
        self._server.run_with_timeout(lambda: self._probe(entries))

    def _probe(self, entries: Iterable[str]) -> None:
        for entry in entries:
            _normalize_dn(entry)
        self._server.probe(self._account())

    # --- the questions --------------------------------------------------------------------------

    def _groups(self, user: SlackUser, name: Optional[str]) -> GroupMembership:
        """All groups that the person is in."""
        account, name = self._find_account(user, name)
        dns = self._groups_of(account, name, self._settings.group_pattern)
        known: Set[DN] = set()
        for depth in range(MAX_DEPTH + 1):
            new = {_normalize_dn(dn): dn for dn in dns}
            new_groups = [new[each] for each in new if each not in known]
            known.update(new)
            if not new_groups:
                return GroupMembership(known, True)
            if depth == MAX_DEPTH or len(known) > MAX_GROUPS:
                break
            dns = []
            for begin in range(0, len(new_groups), GROUPS_PER_QUERY):
                holding = _holder_filter(new_groups[begin : begin + GROUPS_PER_QUERY])
                dns += self._groups_of(account, name, holding)
        return GroupMembership(known, False)

    def _find_account(self, user: SlackUser, name: Optional[str]) -> Tuple[str, str]:
        """(filter, name) that find the person; the name is LDAP's own where it has just one.

        memberUid of a posixGroup is compared with the name that is asked for, so it has to be that.
        """
        account = self._account() if name else self._settings.email_pattern
        request = name or user.email
        if not request:
            raise LookupFailed(user.no_email_reason or "Slack has no e-mail address for them")
        entry = self._find_entry(account, request)
        names = _values(entry, self._settings.id_attr)
        by_name = self._by_name
        if len(names) != 1 or (account, request) == (by_name, _text(names[0])):
            return account, request
        own = _text(names[0])
        if self._find_entry(by_name, own) != entry:
            raise LookupFailed("in LDAP, somebody else has their %s" % self._settings.id_attr)
        return by_name, own

    def _find_entry(self, account: str, name: str) -> Mapping[str, Sequence[object]]:
        if not name.isprintable():  # a server may stop at a NUL, and find somebody else
            raise LookupFailed(
                "LDAP has nobody of that name: it contains a character that is not printable"
            )
        return self._server.get_user(account, name)

    def _groups_of(self, account: str, name: str, group_pattern: Optional[str]) -> List[str]:
        return self._server.get_user_groups(account, name, group_pattern)

    def _account(self) -> str:
        """The filter that finds a person by name, the backend's own where none is set."""
        return self._settings.account_pattern or self._by_name

    @property
    def _by_name(self) -> str:
        return "(%s={username})" % self._settings.id_attr


def _normalize_dn(dn: str) -> DN:
    """The DN without what makes no difference: case, blanks, the way of escaping."""
    ldap = import_ldap().ldap
    try:
        parts = ldap.dn.str2dn(dn, flags=ldap.DN_FORMAT_LDAPV3)
    except ldap.DECODING_ERROR:
        raise SettingsError("%r in `authorization` is not the DN of a group" % dn) from None
    return tuple(
        frozenset((kind.lower(), " ".join(value.lower().split())) for kind, value, _ in part)
        for part in parts
    )


def _holder_filter(dns: Iterable[str]) -> str:
    """The filter for the groups that hold any of these groups, as a pattern of the backend's."""
    holders = ("(member={0})(uniqueMember={0})".format(_escaped(dn)) for dn in dns)
    return "(|%s)" % "".join(holders)


def _escaped(dn: str) -> str:
    """For a filter (RFC 4515); braces too, for the backend fills them in."""
    plain = frozenset(range(0x20, 0x7F)) - frozenset(b"\\*(){}")
    return "".join(chr(byte) if byte in plain else "\\%02x" % byte for byte in dn.encode())


def _values(entry: Mapping[str, Sequence[object]], attribute: str) -> List[object]:
    """Values of an attribute, whose name a server may write in other letters."""
    matching = (values for name, values in entry.items() if name.lower() == attribute.lower())
    return list(next(matching, []))


def _without_full_stop(error: SlackError) -> str:
    """Its text, to stand within a sentence."""
    return str(error).rstrip(".")


def _text(value: object) -> str:
    try:
        return value.decode() if isinstance(value, bytes) else str(value)
    except UnicodeDecodeError:
        raise LookupFailed("their name in LDAP is not text") from None
