"""Groups of LDAP, asked of a real slapd and of servers that are dead, silent, slow or false.

The backend is StackStorm's own where it is installed (`make test-st2`), elsewhere a stand-in that
speaks to the same server by python-ldap: st2-auth-ldap is on no package index.
"""

import json
import logging
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import slapd as directory
from slapd import GROUPS, PASSWORD, Broken, Slapd, Slow, free_port, needed
from test_secrets import Everything

from sandbox.stackstorm import package_path as stackstorm_path
from sandbox.stackstorm.runner.action_process import run_action
from st2slack.authorization import ldap_groups, ldap_server
from st2slack.authorization.decision import Membership, SlackUser
from st2slack.authorization.ldap_groups import LdapGroups
from st2slack.base.errors import SettingsError, SlackError
from st2slack.settings.ldap import read_ldap

ROOT = Path(__file__).resolve().parents[1]
ME = "U0HARBOUR02"


@pytest.fixture(scope="module")
def slapd(tmp_path_factory):
    needed()
    server = Slapd(tmp_path_factory.mktemp("slapd"))
    yield server
    server.stop()


@pytest.fixture
def broken():
    """Makes servers that are broken, and ends them."""
    needed()
    made = []

    def make(habit, context=None):
        made.append(Broken(habit, context))
        return made[-1]

    yield make
    for each in made:
        each.close()


def member(user="", **more):
    return SlackUser(ME, Membership.MEMBER, email=user and user + "@harbour-works.example", **more)


def load_groups(settings, person, entries, name=None):
    """Asks, and fails where that never ends."""
    results = []
    groups = LdapGroups(read_ldap({"ldap": settings}))
    thread = threading.Thread(
        target=lambda: results.append(groups.load_groups(person, entries, name)), daemon=True
    )
    thread.start()
    thread.join(120)
    assert results, "LDAP was waited for without end"
    return results[0]


def inside(slapd, person, name=None, **more):
    """The groups that the person is in, by the first word of their DN."""
    entries = {dn: cn for cn, dn in slapd.dns.items() if dn.endswith(GROUPS)}
    found = load_groups(dict(slapd.settings(), **more), person, entries, name)
    assert not found.unresolved, found.unresolved
    assert (
        found.member_of | found.not_member_of == set(entries)
        and not found.member_of & found.not_member_of
    )
    return {entries[dn] for dn in found.member_of}


def why(settings, person=None, name=None):
    """Why nothing is known."""
    entry = "cn=operators," + GROUPS
    found = load_groups(settings, person or member("tomasz"), [entry], name)
    assert not found.member_of and not found.not_member_of and set(found.unresolved) == {entry}
    (text,) = found.unresolved.values()
    assert "\n" not in text
    return text


# --- whom LDAP has in which group ---------------------------------------------------------------

OF_TOMASZ = {"operators", "staff", "all", "ring1", "ring2"}
OF_PRIYA = {"deployers", "release", "staff", "all"}


def test_members_of_groups_and_of_groups_that_hold_these(slapd):
    assert inside(slapd, member("tomasz")) == OF_TOMASZ, "ring1 and ring2 hold each other"
    assert inside(slapd, member("mara")) == {"masters"}, "uniqueMember"
    assert inside(slapd, member("jonas")) == set()


def test_posix_groups_go_by_the_name_that_ldap_has(slapd):
    """Asked for by e-mail: memberUid is neither that, nor the part before the @."""
    assert inside(slapd, member("priya")) == OF_PRIYA
    assert inside(slapd, member(), name="priya.r") == OF_PRIYA


@pytest.mark.parametrize("how", ["ldaps", "StartTLS", "clear"])
def test_every_kind_of_connection(slapd, how):
    entry = slapd.dns["operators"]
    found = load_groups(slapd.settings(how), member("tomasz"), [entry])
    assert found.member_of == {entry} and not found.unresolved


def test_the_map_goes_before_the_email(slapd):
    assert inside(slapd, member("tomasz"), name="mara") == {"masters"}


def test_the_map_holds_for_those_without_an_email(slapd):
    assert (
        inside(slapd, SlackUser(ME, Membership.GUEST, no_email_reason="x"), name="tomasz")
        == OF_TOMASZ
    )


@pytest.mark.parametrize("spelling", ["TOMASZ", "Tomasz"])
def test_the_name_may_be_written_in_other_letters(slapd, spelling):
    assert inside(slapd, member(), name=spelling) == OF_TOMASZ
    assert inside(slapd, member(spelling)) == OF_TOMASZ


def test_odd_characters(slapd):
    odd = {directory.ODD_GROUP, "above-odd"}
    assert inside(slapd, member(), name=directory.ODD_PERSON) == odd
    assert inside(slapd, member("o'brien+(ops)*\\x")) == odd
    assert inside(slapd, member(), name="žofie") == odd
    assert inside(slapd, member("zofie")) == odd


@pytest.mark.parametrize(
    "name",
    [
        "*",
        "tomasz*",
        "t?masz",
        "tomasz)(uid=*",
        "*)(objectClass=*",
        "tomasz\0",
        "\\2a",
        "{0}",
        "{x}",
    ],
)
def test_a_name_is_a_name_and_no_filter(slapd, name):
    assert "nobody of that name" in why(slapd.settings(), member(), name)
    assert "nobody of that name" in why(slapd.settings(), member(name))


@pytest.mark.parametrize("rest", ["\0", "\0x", "\0.evil.example", "\n", "\u200b"])
def test_an_address_that_goes_on_behind_a_nul_finds_nobody(slapd, rest):
    """A server that stops at the NUL would find the person whose address ends there."""
    mallory = SlackUser(ME, Membership.MEMBER, email="tomasz@harbour-works.example" + rest)
    assert "nobody of that name" in why(slapd.settings(), mallory)
    assert "nobody of that name" in why(slapd.settings(), member(), "tomasz" + rest)


@pytest.mark.parametrize(
    "written",
    [
        "CN=Operators,OU=Groups,DC=Harbour,DC=Example",
        "cn = operators , ou = groups , dc = harbour , dc = example",
        "cn=\\6fperators,ou=groups,dc=harbour,dc=example",
    ],
)
def test_a_dn_may_be_written_in_other_ways(slapd, written):
    assert load_groups(slapd.settings(), member("tomasz"), [written]).member_of == {written}


@pytest.mark.parametrize(
    "other", ["cn=operators", "cn=operators,ou=groups", "cn=operators,ou=x," + GROUPS, "uid=tomasz"]
)
def test_a_part_of_a_dn_is_another_dn(slapd, other):
    assert load_groups(slapd.settings(), member("tomasz"), [other]).not_member_of == {other}


def test_what_is_no_dn_is_said(slapd):
    found = load_groups(slapd.settings(), member("tomasz"), ["cn=operators,nonsense"])
    assert "is not the DN of a group" in found.unresolved["cn=operators,nonsense"]


def test_nesting_is_followed_so_far_and_no_further(slapd):
    dns = [slapd.dns["level%d" % number] for number in range(12)]
    found = load_groups(slapd.settings(), member("lea"), dns)
    assert found.member_of == set(dns[: ldap_groups.MAX_DEPTH + 1])
    assert (
        set(found.unresolved) == set(dns[ldap_groups.MAX_DEPTH + 1 :]) and not found.not_member_of
    )
    assert "nested too deeply" in found.unresolved[dns[-1]]


def test_as_many_groups_are_followed_and_no_more(slapd, monkeypatch):
    monkeypatch.setattr(ldap_groups, "MAX_GROUPS", 2)
    dns = [slapd.dns["level%d" % number] for number in range(12)]
    found = load_groups(slapd.settings(), member("lea"), dns)
    assert found.member_of == set(dns[:3]) and set(found.unresolved) == set(dns[3:])


def test_many_groups_are_asked_for_in_parts(slapd, monkeypatch):
    monkeypatch.setattr(ldap_groups, "GROUPS_PER_QUERY", 1)
    assert inside(slapd, member("tomasz")) == OF_TOMASZ


def test_patterns_of_the_servers_own(slapd):
    more = {"group_pattern": "(member={user_dn})", "account_pattern": "(&(cn={username})(sn=*))"}
    assert inside(slapd, member(), name="priya.r", **more) == set()
    assert inside(slapd, member(), name="tomasz", **more) == OF_TOMASZ
    by_mail = {"account_pattern": "mail={username}"}
    assert inside(slapd, member(), name="priya@harbour-works.example", **by_mail) == OF_PRIYA
    assert inside(slapd, member("priya"), email_pattern="(mail={username})") == OF_PRIYA


def test_an_entry_without_that_name_has_the_groups_that_hold_its_dn(slapd):
    assert inside(slapd, member("tomasz"), id_attr="employeeNumber") == OF_TOMASZ


# --- who is not found ---------------------------------------------------------------------------


def test_nobody(slapd):
    assert "LDAP has nobody of that name" in why(slapd.settings(), member("nobody"))
    assert "LDAP has nobody of that name" in why(slapd.settings(), member(), "nobody")


def test_two_of_one_address(slapd):
    assert "more than one entry of that name" in why(slapd.settings(), member("twins"))


def test_a_name_that_leads_to_two(slapd):
    """That attribute is the same for all: whose posix groups these are cannot be told."""
    settings = dict(slapd.settings(), id_attr="homeDirectory")
    assert "more than one entry" in why(settings, member("tomasz"))


def test_no_email(slapd):
    assert "no e-mail address for them" in why(slapd.settings(), member())
    guest = SlackUser(
        ME, Membership.GUEST, no_email_reason="the e-mail address of this guest is not used"
    )
    assert "of this guest is not used" in why(slapd.settings(), guest)


# --- servers ------------------------------------------------------------------------------------


def test_nothing_is_kept_between_two_questions(slapd, broken):
    """The same settings, and the server has gone: what was known a moment ago is not."""
    settings = slapd.settings("clear")
    groups = LdapGroups(read_ldap({"ldap": settings}))
    entry = slapd.dns["operators"]
    assert groups.load_groups(member("tomasz"), [entry], None).member_of == {entry}
    object.__setattr__(groups._settings, "port", broken("hangs up").port)
    assert groups.load_groups(member("tomasz"), [entry], None).unresolved


def test_a_dead_server(slapd):
    for how in ("ldaps", "StartTLS", "clear"):
        assert "contact LDAP server" in why(dict(slapd.settings(how), port=free_port()))


def test_a_wrong_password(slapd):
    text = why(dict(slapd.settings(), bind_password="canary7f3a-wrong"))
    assert "Invalid credentials" in text and "canary7f3a" not in text


def test_a_base_that_is_not_there(slapd):
    assert "No such object" in why(dict(slapd.settings(), base_ou="ou=x,dc=harbour,dc=example"))


def test_a_server_that_does_not_answer_a_filter(slapd):
    assert "Bad search filter" in why(dict(slapd.settings(), email_pattern="(((mail={username}"))


@pytest.mark.parametrize("habit", ["silent", "hangs up", "babbles"])
@pytest.mark.parametrize("how", ["ldaps", "StartTLS", "clear"])
def test_a_broken_server(slapd, broken, habit, how):
    server = broken(habit)
    settings = dict(slapd.settings(how), port=server.port, max_wait=1, network_timeout=0.5)
    assert why(settings)
    assert server.taken


def test_a_server_that_is_silent_after_the_handshake(slapd, broken):
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(str(slapd.folder / "cert.pem"), str(slapd.folder / "key.pem"))
    server = broken("handshake", context)
    assert why(dict(slapd.settings(), port=server.port, max_wait=1, network_timeout=0.5))


@pytest.mark.parametrize("how", ["ldaps", "clear"])
def test_our_own_limit_holds_where_the_servers_does_not(slapd, broken, how):
    settings = dict(slapd.settings(how), port=broken("silent").port, max_wait=0.3)
    assert "did not answer within 0.3 s, `ldap.max_wait`" in why(settings)


@pytest.mark.parametrize("how", ["ldaps", "StartTLS", "clear"])
def test_a_slow_server(slapd, how):
    """Each answer comes within `network_timeout`, all together take too long."""
    own = slapd.settings(how)
    server = Slow(own["port"], 0.05)
    entry = slapd.dns["operators"]
    assert "`ldap.max_wait`" in why(dict(own, port=server.port, max_wait=0.2, network_timeout=5))
    found = load_groups(dict(own, port=server.port), member("tomasz"), [entry])
    assert found.member_of == {entry} and server.pieces
    server.close()


def test_the_callers_own_end_counts_too(slapd, broken):
    settings = dict(slapd.settings(), port=broken("silent").port)
    groups = LdapGroups(read_ldap({"ldap": settings}), time_left=lambda: 0.5)
    assert groups.load_groups(member("tomasz"), ["cn=x"], None).unresolved


def test_an_action_ends_though_ldap_never_answers(slapd, broken, config):
    """The thread that waits in libldap must not keep the process."""
    config["ldap"] = dict(slapd.settings(), port=broken("silent").port, max_wait=0.3)
    rule = {"name": "ops", "who": [slapd.dns["operators"]], "what": ["*"]}
    config["authorization"] = [rule]
    done = run_action("slack.check", {"person": ME, "what": "deploys.restart"}, config)
    assert done.result["decision"]["allowed"] is False
    assert "did not answer within" in done.result["decision"]["why"]


# --- certificates -------------------------------------------------------------------------------


@pytest.fixture
def other_ca(tmp_path):
    import trustme

    trustme.CA().cert_pem.write_to_path(str(tmp_path / "other.pem"))
    return str(tmp_path / "other.pem")


@pytest.mark.parametrize("how", ["ldaps", "StartTLS"])
def test_another_ca(slapd, other_ca, how):
    assert why(dict(slapd.settings(how), cacert=other_ca))


@pytest.mark.parametrize("how", ["ldaps", "StartTLS"])
def test_the_right_ca_and_another_name(slapd, how):
    """127.0.0.2 is the same server under a name that its certificate does not have."""
    assert why(dict(slapd.settings(how), host="127.0.0.2"))


@pytest.mark.parametrize("how", ["ldaps", "StartTLS"])
def test_no_setting_of_the_machine_switches_the_check_off(slapd, other_ca, how, tmp_path):
    """ldap.conf and LDAPTLS_REQCERT are libldap's own; both are read when it is loaded."""
    script = (
        "import json, sys; from st2slack.settings.ldap import read_ldap; "
        "from st2slack.authorization.ldap_groups import LdapGroups; "
        "from st2slack.authorization.decision import SlackUser, Membership; "
        "p = SlackUser('U0HARBOUR02', Membership.MEMBER, email='tomasz@harbour-works.example'); "
        "s = read_ldap({'ldap': json.loads(sys.argv[1])}); "
        "print(json.dumps(dict(LdapGroups(s).load_groups(p, [sys.argv[2]], None).unresolved)))"
    )
    folders = [str(ROOT / "actions/lib"), *stackstorm_path.folders(), *sys.path[1:]]
    for cacert, unresolved in ((other_ca, True), (slapd.cacert, False)):
        settings = json.dumps(dict(slapd.settings(how), cacert=cacert))
        done = subprocess.run(
            [sys.executable, "-c", script, settings, slapd.dns["operators"]],
            env={"PYTHONPATH": ":".join(folders), "LDAPTLS_REQCERT": "never"},
            cwd=str(tmp_path),
            capture_output=True,
            encoding="utf-8",
            check=True,
        )
        assert bool(json.loads(done.stdout)) is unresolved, done.stdout


def test_insecure_in_so_many_words_goes_without(slapd):
    settings = slapd.settings("ldaps")
    del settings["cacert"]
    entry = slapd.dns["operators"]
    found = load_groups(dict(settings, insecure=True), member("tomasz"), [entry])
    assert found.member_of == {entry}
    checked = load_groups(dict(slapd.settings(), host="127.0.0.2"), member("tomasz"), [entry])
    assert checked.unresolved, "the next connection checks again"


def test_a_ca_that_is_not_there(slapd):
    assert "/nowhere/ca.pem" in why(dict(slapd.settings(), cacert="/nowhere/ca.pem"))


# --- trying it out ------------------------------------------------------------------------------


def test_try_out(slapd):
    LdapGroups(read_ldap({"ldap": slapd.settings()})).probe([slapd.dns["operators"]])


@pytest.mark.parametrize(
    "wrong, said",
    [
        ({"bind_password": "canary7f3a-wrong"}, "Invalid credentials"),
        ({"base_ou": "ou=x,dc=harbour,dc=example"}, "No such object"),
        ({"cacert": "/nowhere/ca.pem"}, "/nowhere/ca.pem"),
        ({"host": "127.0.0.2"}, "contact LDAP server"),
    ],
)
def test_try_out_says_what_is_wrong(slapd, wrong, said):
    with pytest.raises(SlackError, match=said) as caught:
        LdapGroups(read_ldap({"ldap": dict(slapd.settings(), **wrong)})).probe([])
    assert "canary7f3a" not in str(caught.value)


def test_try_out_looks_at_the_dns(slapd):
    with pytest.raises(SettingsError, match="not the DN of a group"):
        LdapGroups(read_ldap({"ldap": slapd.settings()})).probe(["cn=a,b"])


# --- the package --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["st2auth_ldap", "st2auth_ldap.ldap_backend", "ldap"])
def test_a_missing_package_is_said(monkeypatch, name):
    monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "st2auth_ldap.ldap_backend", raising=False)
    if name != "ldap":
        monkeypatch.setitem(sys.modules, "st2auth_ldap.ldap_backend", None)
    found = LdapGroups(read_ldap({"ldap": settings_for_nobody()})).load_groups(
        member("tomasz"), ["cn=operators"], None
    )
    assert "come with StackStorm" in found.unresolved["cn=operators"]


def settings_for_nobody():
    own = {"host": "127.0.0.1", "port": 9, "bind_dn": "cn=x", "bind_password": PASSWORD}
    return dict(own, base_ou="dc=x", insecure=True)


class Odd:
    """A backend that answers what no backend should."""

    def __init__(self, answer):
        self._answer = answer

    def __call__(self, **given):
        return self

    def get_user(self, name):
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer

    get_user_groups = get_user


@pytest.mark.parametrize(
    "answer",
    [None, [], "x", 1, True, {"uid": [b"\xff"]}, KeyError(PASSWORD), MemoryError(PASSWORD)],
    ids=repr,
)
def test_odd_answers_of_the_backend_allow_nothing(monkeypatch, capfd, answer):
    needed()
    from st2auth_ldap import ldap_backend

    monkeypatch.setattr(ldap_backend, "LDAPAuthenticationBackend", Odd(answer))
    with Everything(capfd) as everything:
        text = why(settings_for_nobody())
    assert PASSWORD not in text + everything.text()


class TwoFaced:
    """One entry by e-mail, and another by the name that the first one has."""

    def __init__(self, account_pattern, **given):
        self._own = account_pattern.startswith("(uid=")

    def get_user(self, name):
        return {"uid": [b"tomasz"], "sn": [b"b" if self._own else b"a"]}

    def get_user_groups(self, name):
        return ["cn=operators," + GROUPS]


def test_a_name_that_leads_to_somebody_else(monkeypatch):
    needed()
    from st2auth_ldap import ldap_backend

    monkeypatch.setattr(ldap_backend, "LDAPAuthenticationBackend", TwoFaced)
    assert "somebody else has their uid" in why(settings_for_nobody())


def test_the_reason_is_heard_and_not_logged(slapd, capfd):
    """The backend logs tracebacks, to the execution's stderr."""
    with Everything(capfd) as everything:
        assert "Invalid credentials" in why(
            dict(slapd.settings(), bind_password="wrong-" + PASSWORD)
        )
        said = everything.text()
    assert "Traceback" not in said and PASSWORD not in said
    log = logging.getLogger(ldap_server.BACKEND)
    assert log.propagate and log.isEnabledFor(logging.ERROR)
    with Everything(capfd) as everything:
        log.error("of somebody else's")
        assert "of somebody else's" in everything.text()


def test_the_password_is_not_shown_as_text():
    assert PASSWORD not in repr(read_ldap({"ldap": settings_for_nobody()}))


def test_the_gate_does_not_skip_this(monkeypatch):
    """Where `.ci/run` says SLAPD=required, what is missing is a failure, not a skipped test."""
    text = (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert "SLAPD=required" in text and "slapd" in text
    monkeypatch.setattr(directory, "SLAPD", None)
    monkeypatch.setenv("SLAPD", "required")
    with pytest.raises(pytest.fail.Exception, match="apt-get install slapd"):
        needed()
    monkeypatch.delenv("SLAPD")
    with pytest.raises(pytest.skip.Exception, match="apt-get install slapd"):
        needed()
    assert shutil.which("bash")
