"""Asks one LDAP server through StackStorm's own LDAP backend (st2-auth-ldap).

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
from typing import (
    Any,
    Callable,
    Dict,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Protocol,
    Sequence,
    Tuple,
    Type,
    TypeVar,
)

from st2slack.api.deadline import TimedOut, run_with_timeout
from st2slack.base.errors import SettingsError, SlackError
from st2slack.base.json_access import as_object, get_text
from st2slack.base.redact import redact
from st2slack.settings.ldap import LdapSettings

MAX_REASON_LENGTH = 200  # characters of a reason
BACKEND = "st2auth_ldap.ldap_backend"
UNKNOWN_USER = "st2slack.check"  # a name that no entry has
Attributes = Mapping[str, Sequence[object]]
T = TypeVar("T")


class Backend(Protocol):
    """An LDAPAuthenticationBackend of st2-auth-ldap."""

    def get_user(self, username: str) -> Optional[Attributes]:
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


class LdapServer:
    """`time_left`: seconds that the caller itself still has."""

    def __init__(
        self, settings: LdapSettings, time_left: Callable[[], Optional[float]] = lambda: None
    ) -> None:
        self._settings = settings
        self._time_left = time_left

    def __str__(self) -> str:
        return "the LDAP server %s:%d" % (self._settings.host, self._settings.port)

    def get_user(self, account: str, name: str) -> Attributes:
        """Attributes of the person whom the filter `account` finds by `name`."""
        backend = self._backend(account)
        answer = self._query(lambda: backend.get_user(name))
        if not isinstance(answer, dict):
            raise LookupFailed("%s sent an unexpected answer" % self)
        return answer

    def get_user_groups(self, account: str, name: str, group_pattern: Optional[str]) -> List[str]:
        """DNs of that person's groups, those that the filter `group_pattern` finds."""
        backend = self._backend(account, group_pattern)
        answer = self._query(lambda: backend.get_user_groups(name))
        if not isinstance(answer, list):
            raise LookupFailed("%s sent an unexpected answer" % self)
        return [dn for dn in answer if isinstance(dn, str) and dn]

    def probe(self, account: str) -> None:
        """Bind and search. Raises what is wrong."""
        backend = self._backend(account)
        with _LogCapture() as capture:
            self._call(capture, lambda: backend.get_user(UNKNOWN_USER))
        if not _is_not_found(capture.error):  # which is what it answers if all is well
            raise self._error(capture.error)

    def run_with_timeout(self, work: Callable[[], T]) -> T:
        """What `work` returns, within `ldap.max_wait`. All its errors are SlackErrors."""

        def translate_errors() -> T:
            try:
                return work()
            except SlackError:
                raise
            except Exception as error:
                raise self._error(error) from None

        import_ldap()  # a missing package is reported before anything else
        cacert = self._settings.cacert
        if cacert and not (os.path.isfile(cacert) and os.access(cacert, os.R_OK)):
            raise SettingsError("No file can be read at %s, `ldap.cacert`" % cacert)
        try:
            answer: T = run_with_timeout(translate_errors, self._settings.max_wait, self._time_left)
        except TimedOut:
            raise LookupFailed(
                "%s did not answer within %g s, `ldap.max_wait`" % (self, self._settings.max_wait)
            ) from None
        return answer

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
        library = import_ldap()
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

    def _error(self, reason: Optional[BaseException]) -> LookupFailed:
        return LookupFailed(redact(self._reason(reason), (self._settings.bind_password,)))

    def _reason(self, reason: Optional[BaseException]) -> str:
        if reason is None:
            return "%s gave no reason" % self
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
        return "%s: %s" % (self, line or type(reason).__name__)


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


def import_ldap() -> LdapLibrary:
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
