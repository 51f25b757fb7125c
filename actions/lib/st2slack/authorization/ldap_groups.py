"""Which LDAP groups a person is in, asked through StackStorm's own LDAP backend (st2-auth-ldap).

The person is found by the name that the config has for their ID, else by their e-mail address.
Their groups are those that hold them by DN (member, uniqueMember) or by the name LDAP has for them
(memberUid), and the groups that hold these groups, level by level.

What the backend does, as its code (3.9) says and tests show: `get_user(name)` answers attributes →
lists of bytes, `get_user_groups(name)` answers DNs; both answer None for "not found" as well as for
"the server failed", and log the reason; both may raise, too. They escape `name`. Their own timeouts
do not hold with ldaps, so all questions together have a time limit here. Without `cacert` the
backend switches checks of certificates off, and with it a line in ldap.conf can: so every
connection demands them here. Nothing is stored: a backend object answers one question, its cache is
off.
"""

from __future__ import annotations

import importlib
import logging
import os
import threading
from dataclasses import dataclass
from typing import (
    Any,
    Callable,
    Dict,
    FrozenSet,
    Iterable,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Protocol,
    Sequence,
    Set,
    Tuple,
    Type,
    TypeVar,
)

from st2slack.api.deadline import OutOfTime, in_time
from st2slack.authorization.decision import SlackUser
from st2slack.base.errors import SettingsError, SlackError
from st2slack.base.json_access import as_object, get_text
from st2slack.base.redact import redact
from st2slack.settings.ldap import LdapSettings

MAX_DEPTH = 8  # levels of groups in groups that are followed
MAX_GROUPS = 1000  # groups that are followed
GROUPS_PER_QUERY = 50  # groups in one question: servers limit how long a filter may be
MAX_REASON_LENGTH = 200  # characters of a reason
BACKEND = "st2auth_ldap.ldap_backend"
UNKNOWN_USER = "st2slack.check"  # a name that no entry has

# A DN that can be compared: for each part its attributes with their values.
DN = Tuple[FrozenSet[Tuple[str, str]], ...]
T = TypeVar("T")


class Backend(Protocol):
    """An LDAPAuthenticationBackend of st2-auth-ldap."""

    def get_user(self, username: str) -> Optional[Mapping[str, Sequence[object]]]:
        """Attributes of a person."""

    def get_user_groups(self, username: str) -> Optional[List[str]]:
        """DNs of a person's groups."""


class DnModule(Protocol):
    """The module ldap.dn of python-ldap."""

    def str2dn(self, dn: str, flags: int) -> List[List[Tuple[str, str, int]]]:
        """Parse a DN."""


class LdapModule(Protocol):
    """The module ldap of python-ldap."""

    OPT_TIMEOUT: int
    OPT_X_TLS_CACERTFILE: int
    OPT_X_TLS_REQUIRE_CERT: int
    OPT_X_TLS_DEMAND: int
    OPT_X_TLS_NEWCTX: int
    DN_FORMAT_LDAPV3: int
    DECODING_ERROR: Type[Exception]
    dn: DnModule


class LdapLibrary(NamedTuple):
    """What is imported when it is needed."""

    make_backend: Callable[..., Backend]
    ldap: LdapModule


class LookupFailed(SlackError):
    """LDAP has nobody of that name, or does not answer."""


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
        self._time_left = time_left

    def load_groups(
        self, user: SlackUser, entries: Iterable[str], name: Optional[str]
    ) -> SlackUser:
        """The user, with what LDAP answers about these groups (DNs). It raises nothing.

        `name`: their name in LDAP; None: they are found by their e-mail.
        """
        names = list(entries)
        try:
            wanted = {entry: _normalize_dn(entry) for entry in names}
            groups = self._run_with_timeout(lambda: self._groups(user, name))
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
        self._run_with_timeout(lambda: self._probe(entries))

    def _probe(self, entries: Iterable[str]) -> None:
        for entry in entries:
            _normalize_dn(entry)
        backend = self._backend(self._account())
        with _LogCapture() as capture:
            self._call(capture, lambda: backend.get_user(UNKNOWN_USER))
        if not _is_not_found(capture.error):  # which is what it answers where all is well
            raise self._error(capture.error)

    def _run_with_timeout(self, work: Callable[[], T]) -> T:
        def translate_errors() -> T:
            try:
                return work()
            except SlackError:
                raise
            except Exception as error:
                raise self._error(error) from None

        _import_ldap()  # a missing package is reported before anything else
        cacert = self._settings.cacert
        if cacert and not (os.path.isfile(cacert) and os.access(cacert, os.R_OK)):
            raise SettingsError("No file can be read at %s, `ldap.cacert`" % cacert)
        try:
            answer: T = in_time(translate_errors, self._settings.max_wait, self._time_left)
        except OutOfTime:
            raise LookupFailed(
                "%s did not answer within %g s, `ldap.max_wait`"
                % (self._server, self._settings.max_wait)
            ) from None
        return answer

    # --- the questions --------------------------------------------------------------------------

    def _groups(self, user: SlackUser, name: Optional[str]) -> GroupMembership:
        """All groups that the person is in."""
        account, name = self._find_account(user, name)
        found = self._groups_of(account, name, self._settings.group_pattern)
        known: Set[DN] = set()
        for depth in range(MAX_DEPTH + 1):
            new = {_normalize_dn(dn): dn for dn in found}
            new_groups = [new[each] for each in new if each not in known]
            known.update(new)
            if not new_groups:
                return GroupMembership(known, True)
            if depth == MAX_DEPTH or len(known) > MAX_GROUPS:
                break
            found = []
            for begin in range(0, len(new_groups), GROUPS_PER_QUERY):
                holding = _holder_filter(new_groups[begin : begin + GROUPS_PER_QUERY])
                found += self._groups_of(account, name, holding)
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
        backend = self._backend(account)
        found = self._query(lambda: backend.get_user(name))
        if not isinstance(found, dict):
            raise LookupFailed("%s sent an unexpected answer" % self._server)
        return found

    def _groups_of(self, account: str, name: str, group_pattern: Optional[str]) -> List[str]:
        backend = self._backend(account, group_pattern)
        found = self._query(lambda: backend.get_user_groups(name))
        if not isinstance(found, list):
            raise LookupFailed("%s sent an unexpected answer" % self._server)
        return [dn for dn in found if isinstance(dn, str) and dn]

    def _account(self) -> str:
        """The filter that finds a person by name, the backend's own where none is set."""
        return self._settings.account_pattern or self._by_name

    @property
    def _by_name(self) -> str:
        return "(%s={username})" % self._settings.id_attr

    # --- the backend ----------------------------------------------------------------------------

    def _query(self, question: Callable[[], Optional[T]]) -> T:
        """What it answers. None is an error, whose reason it logged."""
        with _LogCapture() as capture:
            answer = self._call(capture, question)
        if answer is None:
            raise self._error(capture.error)
        return answer

    @staticmethod
    def _call(capture: _LogCapture, question: Callable[[], Optional[T]]) -> Optional[T]:
        try:
            return question()
        except Exception as error:  # noqa: BLE001 (unbinding from a dead server raises, too)
            capture.error = capture.error or error
            return None

    def _backend(self, account_pattern: str, group_pattern: Optional[str] = None) -> Backend:
        own = self._settings
        library = _import_ldap()
        return library.make_backend(
            bind_dn=own.bind_dn,
            bind_password=own.bind_password,
            base_ou=own.base_ou,
            base_ou_group=own.base_ou_group,
            group_dns=[own.base_ou],  # it wants one; groups are not looked up by it
            host=own.host,
            port=own.port,
            scope=own.scope,
            id_attr=own.id_attr,
            account_pattern=account_pattern,
            group_pattern=group_pattern or "",
            use_ssl=own.use_ssl,
            use_tls=own.use_tls,
            cacert=own.cacert,
            network_timeout=own.network_timeout,
            chase_referrals=own.chase_referrals,
            client_options=self._options(library.ldap),
            cache_user_groups_response=False,
        )

    def _options(self, ldap: LdapModule) -> Dict[int, object]:
        options: Dict[int, object] = {ldap.OPT_TIMEOUT: float(self._settings.network_timeout)}
        if self._settings.cacert and (self._settings.use_ssl or self._settings.use_tls):
            options[ldap.OPT_X_TLS_CACERTFILE] = self._settings.cacert
            options[ldap.OPT_X_TLS_REQUIRE_CERT] = ldap.OPT_X_TLS_DEMAND
            options[ldap.OPT_X_TLS_NEWCTX] = 0  # last: what is set before counts from now on
        return options

    @property
    def _server(self) -> str:
        return "the LDAP server %s:%d" % (self._settings.host, self._settings.port)

    def _error(self, reason: Optional[BaseException]) -> LookupFailed:
        return LookupFailed(redact(self._reason(reason), (self._settings.bind_password,)))

    def _reason(self, reason: Optional[BaseException]) -> str:
        if reason is None:
            return "%s gave no reason" % self._server
        if _is_not_found(reason):
            return "LDAP has nobody of that name"
        if isinstance(reason, ValueError) and str(reason).startswith("More than one"):
            return "LDAP has more than one entry of that name"
        arguments: Tuple[object, ...] = reason.args
        details = as_object(arguments[0]) if arguments else {}
        text = str(arguments[0]) if arguments else ""
        if details:  # python-ldap: {"desc": …, "info": …}
            texts = (get_text(details, key) for key in ("desc", "info"))
            text = ": ".join(each for each in texts if each)
        line = " ".join(text.split())[:MAX_REASON_LENGTH]
        return "%s: %s" % (self._server, line or type(reason).__name__)


class _LogCapture(logging.Filter):
    """Captures why the backend answers None, and keeps its traceback out of the execution's log.

    It captures its own thread only: one that ran out of time may still wait with its own capture.
    """

    def __init__(self) -> None:
        super().__init__()
        self.error: Optional[BaseException] = None
        self._thread = threading.get_ident()

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep the first reason; whether the record goes on to the log."""
        if record.thread != self._thread:
            return True
        if record.exc_info and self.error is None:
            self.error = record.exc_info[1]
        return False

    def __enter__(self) -> _LogCapture:
        logging.getLogger(BACKEND).addFilter(self)
        return self

    def __exit__(self, *exc_info: object) -> None:
        logging.getLogger(BACKEND).removeFilter(self)


def _is_not_found(reason: Optional[BaseException]) -> bool:
    """Whether the backend searched and found nobody: it says so by an exception that it logs."""
    return isinstance(reason, ValueError) and str(reason).startswith("Unable to identify")


def _import(name: str) -> Any:  # modules without types
    return importlib.import_module(name)


def _import_ldap() -> LdapLibrary:
    """The backend and python-ldap, imported when they are needed: they cost 100 ms."""
    try:
        backend = _import(BACKEND)
        _import("ldap.dn")
        return LdapLibrary(backend.LDAPAuthenticationBackend, _import("ldap"))
    except ImportError as error:
        raise SettingsError(
            "LDAP groups need the Python packages st2-auth-ldap and python-ldap, which come with "
            "StackStorm and are not found here (%s)" % error
        ) from None


def _normalize_dn(dn: str) -> DN:
    """The DN without what makes no difference: case, blanks, the way of escaping."""
    ldap = _import_ldap().ldap
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
    found = (values for name, values in entry.items() if name.lower() == attribute.lower())
    return list(next(found, []))


def _without_full_stop(error: SlackError) -> str:
    """Its text, to stand within a sentence."""
    return str(error).rstrip(".")


def _text(value: object) -> str:
    try:
        return value.decode() if isinstance(value, bytes) else str(value)
    except UnicodeDecodeError:
        raise LookupFailed("their name in LDAP is not text") from None
