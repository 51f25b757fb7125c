"""A stub of StackStorm's LDAP backend: what it can be asked about people and their groups.

It speaks to a real server, by python-ldap, and has the real one's habits: None for whatever went
wrong, with the reason in the log; certificates unchecked without `cacert`; closing may raise.
Logging in is left out. `make test-st2` runs the same tests on the real one where it is installed.
"""

from __future__ import annotations

import logging
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

import ldap
import ldap.filter

__all__ = ["LDAPAuthenticationBackend"]

LOG = logging.getLogger(__name__)
SCOPES = {
    "base": ldap.SCOPE_BASE,
    "onelevel": ldap.SCOPE_ONELEVEL,
    "subtree": ldap.SCOPE_SUBTREE,
}
GROUPS = "(|(member={user_dn})(uniqueMember={user_dn})(memberUid={username}))"
Entry = Tuple[str, Dict[str, List[bytes]]]


class LDAPAuthenticationBackend:
    """One server and the account that asks it. Nothing is kept between questions."""

    def __init__(
        self,
        bind_dn: str,
        bind_password: str,
        base_ou: str,
        group_dns: Sequence[str],
        host: str,
        port: int = 389,
        scope: str = "subtree",
        id_attr: Optional[str] = None,
        account_pattern: str = "",
        group_pattern: str = "",
        use_ssl: bool = False,
        use_tls: bool = False,
        cacert: Optional[str] = None,
        network_timeout: float = 10.0,
        chase_referrals: bool = False,
        client_options: Optional[Mapping[int, Any]] = None,
        cache_user_groups_response: bool = True,
        base_ou_group: Optional[str] = None,
    ) -> None:
        if not (bind_dn and bind_password and base_ou and group_dns and host):
            raise ValueError("bind_dn, bind_password, base_ou, group_dns and host are needed")
        self._bind = bind_dn, bind_password
        self._people, self._groups = base_ou, base_ou_group or base_ou
        self._url = "%s://%s:%d" % ("ldaps" if use_ssl else "ldap", host, port)
        self._scope = SCOPES[scope]
        self._account_pattern = account_pattern or "%s={username}" % (id_attr or "uid")
        self._group_pattern = group_pattern or GROUPS
        self._start_tls, self._encrypted = use_tls, use_ssl or use_tls
        self._cacert = cacert
        self._options = {
            ldap.OPT_NETWORK_TIMEOUT: network_timeout,
            ldap.OPT_REFERRALS: int(chase_referrals),
            **{int(name): value for name, value in (client_options or {}).items()},
        }

    def get_user(self, username: str) -> Optional[Dict[str, List[bytes]]]:
        """Attributes of the one entry that `account_pattern` finds; None where there is not one."""

        def ask(connection: Any) -> Dict[str, List[bytes]]:
            return self._entry(connection, username)[1]

        found: Optional[Dict[str, List[bytes]]] = self._ask(ask)
        return found

    def get_user_groups(self, username: str) -> Optional[List[str]]:
        """DNs of what `group_pattern` finds for that entry; None where something went wrong."""

        def ask(connection: Any) -> List[str]:
            names = {"user_dn": self._entry(connection, username)[0], "username": username}
            escaped = {key: ldap.filter.escape_filter_chars(text) for key, text in names.items()}
            query = self._group_pattern.format(**escaped)
            return [dn for dn, _ in self._search(connection, self._groups, query)]

        found: Optional[List[str]] = self._ask(ask)
        return found

    def _ask(self, ask: Callable[[Any], Any]) -> Any:
        connection = None
        try:
            connection = self._connect()
            connection.simple_bind_s(*self._bind)
            return ask(connection)
        except Exception:
            LOG.exception("LDAP was asked in vain")
            return None
        finally:
            if connection is not None:
                connection.unbind_s()

    def _connect(self) -> Any:
        if self._encrypted and self._cacert:
            ldap.set_option(ldap.OPT_X_TLS_CACERTFILE, self._cacert)
        elif self._encrypted:
            ldap.set_option(ldap.OPT_X_TLS_REQUIRE_CERT, ldap.OPT_X_TLS_NEVER)
        connection = ldap.initialize(self._url)
        for name, value in self._options.items():
            connection.set_option(name, value)
        if self._start_tls:
            connection.start_tls_s()
        return connection

    def _entry(self, connection: Any, username: str) -> Entry:
        query = self._account_pattern.format(username=ldap.filter.escape_filter_chars(username))
        found = self._search(connection, self._people, query)
        if len(found) != 1:
            text = "More than one users identified" if found else "Unable to identify user"
            raise ValueError("%s for %r" % (text, query))
        return found[0]

    def _search(self, connection: Any, base: str, query: str) -> List[Entry]:
        found = connection.search_s(base, self._scope, query, [])
        return [entry for entry in found if entry[0] is not None]
