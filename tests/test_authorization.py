"""Who may: every rule as a table, and what no input can make otherwise."""

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from st2slack.authorization.decision import (
    ACTION,
    ALIAS,
    APPROVAL,
    Location,
    LocationKind,
    Membership,
    Resource,
    SlackUser,
    decide,
    find_unresolved,
    make_record,
    parse_resource,
)
from st2slack.base.errors import SettingsError
from st2slack.settings.access import Rule, read_access
from st2slack.settings.entries import Everyone, LdapGroup, Person, UserGroup, parse_entry, texts_of
from st2slack.settings.ldap import read_ldap

ME, OTHER = "U0HARBOUR02", "U0HARBOUR03"
HERE, ELSEWHERE, DM, GROUP_DM = "C0DEPLOYS01", "C0GENERAL01", "D0TOMASZ001", "C0MPIM00001"
CN = "cn=ops,ou=groups,dc=x"
RESTART = Resource({ALIAS: "deploys.restart", ACTION: "deploys.restart_service"})
PROD = Resource({APPROVAL: "production"})


def entries(texts):
    """What `who` of a rule holds."""
    return tuple(map(parse_entry, texts))


def rule(who=(ME,), what=("*",), where=("channels",), name="r", extra=False):
    return Rule(name, entries(who), tuple(what), tuple(where), extra)


def member(**more):
    return SlackUser(ME, Membership.MEMBER, **more)


def authorize(rules, person=None, location=None, what=RESTART):
    return decide(rules, person or member(), location or Location(HERE, LocationKind.CHANNEL), what)


# --- tables -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "who, person, allowed",
    [
        # IDs
        ([ME], member(), True),
        ([OTHER], member(), False),
        ([OTHER, ME], member(), True),
        ([ME], SlackUser(ME, Membership.GUEST), True),
        ([ME], SlackUser(ME, Membership.EXTERNAL), True),
        ([ME], SlackUser(ME, Membership.BOT), False),
        ([ME], SlackUser(ME, Membership.DEACTIVATED), False),
        ([ME], SlackUser(ME, Membership.UNKNOWN), False),
        ([ME], SlackUser(ME), False),
        ([ME], SlackUser(ME, "something new"), False),
        # everyone
        (["everyone"], member(), True),
        (["everyone"], SlackUser(ME, Membership.GUEST), False),
        (["everyone"], SlackUser(ME, Membership.EXTERNAL), False),
        (["everyone"], SlackUser(ME, Membership.BOT), False),
        (["everyone"], SlackUser(ME, Membership.DEACTIVATED), False),
        (["everyone"], SlackUser(ME, Membership.UNKNOWN), False),
        # groups
        (["@on-call"], member(member_of=frozenset(["@on-call"])), True),
        (["@on-call"], member(member_of=frozenset(["S0ONCALL001"])), False),
        (["S0ONCALL001"], member(member_of=frozenset(["S0ONCALL001"])), True),
        (["@on-call"], member(not_member_of=frozenset(["@on-call"])), False),
        (["@on-call"], member(unresolved={"@on-call": "x"}), False),
        (["@on-call"], member(), False),
        (["@on-call"], SlackUser(ME, Membership.GUEST, member_of=frozenset(["@on-call"])), True),
        (
            ["@on-call"],
            SlackUser(ME, Membership.DEACTIVATED, member_of=frozenset(["@on-call"])),
            False,
        ),
        (
            ["@on-call"],
            member(member_of=frozenset(["@on-call"]), unresolved={"@on-call": "x"}),
            False,
        ),
        ([CN], member(member_of=frozenset([CN])), True),
        ([CN], member(member_of=frozenset([CN.upper()])), False),
        ([CN], member(unresolved={CN: "server down"}), False),
        ([CN, ME], member(unresolved={CN: "server down"}), True),
        (["@a", "@b"], member(unresolved={"@a": "x"}, member_of=frozenset(["@b"])), True),
    ],
)
def test_who(who, person, allowed):
    assert authorize([rule(who)], person).allowed is allowed


@pytest.mark.parametrize("membership", [Membership.MEMBER, Membership.GUEST, Membership.EXTERNAL])
@pytest.mark.parametrize(
    "odd", ["everyone", "@on-call", CN, "*", "", "mara", "u0harbour02", "C0X0X0X"]
)
def test_what_is_no_id_is_nobody(membership, odd):
    rules = [rule([ME, "everyone", "@on-call", CN])]
    assert not authorize(rules, SlackUser(odd, membership, member_of=frozenset([odd]))).allowed


@pytest.mark.parametrize(
    "where, location, allowed",
    [
        (["channels"], Location(HERE, LocationKind.CHANNEL), True),
        (["channels"], Location("", LocationKind.CHANNEL), True),
        (["channels"], Location(DM, LocationKind.DIRECT), False),
        (["channels"], Location(GROUP_DM, LocationKind.DIRECT), False),
        (["channels"], Location(GROUP_DM, LocationKind.UNKNOWN), False),
        (["direct_messages"], Location(DM, LocationKind.DIRECT), True),
        (["direct_messages"], Location(GROUP_DM, LocationKind.DIRECT), True),
        (["direct_messages"], Location(HERE, LocationKind.CHANNEL), False),
        (["direct_messages"], Location(HERE, LocationKind.UNKNOWN), False),
        (["channels", "direct_messages"], Location(DM, LocationKind.DIRECT), True),
        (["channels", "direct_messages"], Location(HERE, LocationKind.UNKNOWN), True),
        (["channels", "direct_messages"], Location("", LocationKind.UNKNOWN), False),
        ([HERE], Location(HERE, LocationKind.CHANNEL), True),
        ([HERE], Location(HERE, LocationKind.UNKNOWN), True),
        ([HERE], Location(ELSEWHERE, LocationKind.CHANNEL), False),
        ([HERE], Location("", LocationKind.CHANNEL), False),
        ([HERE], Location("deploys", LocationKind.CHANNEL), False),
        ([HERE, "direct_messages"], Location(DM, LocationKind.DIRECT), True),
        ([DM], Location(DM, LocationKind.DIRECT), True),
        (["channels"], Location("channels", LocationKind.UNKNOWN), False),
    ],
)
def test_where(where, location, allowed):
    assert authorize([rule(where=where)], location=location).allowed is allowed


@pytest.mark.parametrize(
    "pattern, what, allowed",
    [
        ("*", RESTART, True),
        ("*", PROD, True),
        ("deploys.restart", RESTART, True),
        ("deploys.restart_service", RESTART, True),
        ("deploys.*", RESTART, True),
        ("deploys.restart?service", RESTART, True),
        ("deploys.[qr]estart", RESTART, True),
        ("Deploys.*", RESTART, False),
        ("restart", RESTART, False),
        ("deploys", RESTART, False),
        ("*.restart", RESTART, True),
        ("alias:deploys.restart", RESTART, True),
        ("alias:deploys.restart_service", RESTART, False),
        ("action:deploys.restart_service", RESTART, True),
        ("action:deploys.restart", RESTART, False),
        ("approval:*", RESTART, False),
        ("approval:*", PROD, True),
        ("approval:prod*", PROD, True),
        ("production", PROD, True),
        ("alias:*", PROD, False),
        ("alias:*", Resource({ALIAS: ""}), False),
        ("*", Resource({}), False),
        ("*", Resource({ALIAS: ""}), False),
        ("approval:x", Resource({APPROVAL: "approval:x"}), False),
        ("approval:", Resource({APPROVAL: "approval:"}), True),
        ("a\nb", Resource({ALIAS: "a"}), False),
        ("deploys.restart", Resource({ALIAS: "deploys.restart\n"}), False),
    ],
)
def test_what(pattern, what, allowed):
    assert authorize([rule(what=[pattern])], what=what).allowed is allowed


def test_nothing_configured_allows_nobody_anything():
    decision = authorize([])
    assert (decision.allowed, decision.rule) == (False, "")
    assert "has no rule" in decision.reason


def test_the_first_rule_that_fits_decides_and_is_named():
    rules = [
        rule([OTHER], name="others"),
        rule(what=["x"], name="things"),
        rule(where=[ELSEWHERE], name="places"),
        rule(name="mine"),
        rule(["everyone"], name="later", extra=True),
    ]
    decision = authorize(rules)
    assert (decision.allowed, decision.rule, decision.extra_parameters) == (True, "mine", False)
    assert "by the rule 'mine'" in decision.reason


@pytest.mark.parametrize("extra", [True, False])
def test_extra_parameters_are_the_rules_to_allow(extra):
    assert authorize([rule(extra=extra)]).extra_parameters is extra
    assert not authorize([rule([OTHER], extra=True)]).extra_parameters


def test_a_group_that_cannot_be_asked_widens_nothing():
    """Had it been asked, the narrower rule may have decided."""
    narrow, wide = rule([CN], name="narrow"), rule(name="wide", extra=True)
    down = authorize([narrow, wide], member(unresolved={CN: "server down"}))
    assert (down.allowed, down.rule, down.extra_parameters) == (True, "wide", False)
    outside = authorize([narrow, wide], member(not_member_of=frozenset([CN])))
    assert outside.extra_parameters
    both = authorize(
        [replace(narrow, extra_parameters=True), wide], member(unresolved={CN: "down"})
    )
    assert both.extra_parameters


@pytest.mark.parametrize(
    "rules, person, location, said",
    [
        (
            [rule(what=["x"])],
            member(),
            Location(HERE, LocationKind.CHANNEL),
            "no rule of `authorization` covers",
        ),
        (
            [rule([OTHER], name="ops")],
            member(),
            Location(HERE, LocationKind.CHANNEL),
            "'ops': its `who` does not include this full member",
        ),
        (
            [rule(where=[ELSEWHERE])],
            member(),
            Location(HERE, LocationKind.CHANNEL),
            "its `where` does not include this channel",
        ),
        (
            [rule()],
            member(),
            Location(DM, LocationKind.DIRECT),
            "its `where` does not include this direct message",
        ),
        ([rule([CN])], member(unresolved={CN: "the server is down"}), None, "the server is down"),
        (
            [rule()],
            SlackUser(ME, Membership.DEACTIVATED),
            None,
            "a deactivated user is not allowed to do anything",
        ),
        ([rule()], SlackUser(ME, Membership.BOT), None, "a bot is not allowed to do anything"),
        ([rule()], SlackUser(ME, reason="no answer"), None, "no answer"),
        ([rule()], member(), Location(HERE, reason="not told"), "not told"),
    ],
)
def test_a_denial_says_why(rules, person, location, said):
    decision = authorize(rules, person, location)
    assert not decision.allowed and said in decision.reason and "\n" not in decision.reason


def test_what_somebody_wrote_stays_on_one_line():
    decision = authorize([rule([OTHER])], what=parse_resource("a\nALLOWED\x1b[2J" + "x" * 5000))
    assert (
        "\n" not in decision.reason and "\x1b" not in decision.reason and len(decision.reason) < 500
    )


def test_the_record_tells_who_what_where_and_by_which_rule():
    location = Location(HERE, LocationKind.CHANNEL)
    kept = make_record(authorize([rule(name="mine")]), member(email="x@y"), location, RESTART)
    assert kept.pop("why").startswith("Allowed: ")
    assert kept == {
        "who": ME,
        "what": "deploys.restart / deploys.restart_service",
        "where": HERE,
        "allowed": True,
        "rule": "mine",
        "extra_parameters": False,
    }


@pytest.mark.parametrize(
    "rules, person, location, groups, kind",
    [
        ([rule()], member(), Location(HERE), [], True),
        ([rule(where=[HERE])], member(), Location(HERE), [], False),
        ([rule(["@a"])], member(), Location(HERE, LocationKind.CHANNEL), ["@a"], False),
        ([rule(["@a"], what=["x"])], member(), Location(HERE, LocationKind.CHANNEL), [], False),
        ([rule(["@a"])], member(), Location(DM, LocationKind.DIRECT), [], False),
        (
            [rule([CN]), rule(), rule(["@a"])],
            member(),
            Location(HERE, LocationKind.CHANNEL),
            [CN],
            False,
        ),
        ([rule(), rule([CN])], member(), Location(HERE, LocationKind.CHANNEL), [], False),
        ([rule([ME, CN])], member(), Location(HERE, LocationKind.CHANNEL), [], False),
        (
            [rule(["@a"])],
            member(unresolved={"@a": "x"}),
            Location(HERE, LocationKind.CHANNEL),
            [],
            False,
        ),
        ([rule(["@a"])], member(not_member_of=frozenset(["@a"])), Location(HERE), [], False),
        ([rule(["@a", CN])], member(not_member_of=frozenset(["@a"])), Location(HERE), [CN], True),
        ([rule(["@a", CN])], SlackUser(ME, Membership.DEACTIVATED), Location(HERE), [], False),
        ([rule([OTHER])], member(), Location(HERE), [], False),
    ],
)
def test_no_more_is_looked_up_than_the_decision_needs(rules, person, location, groups, kind):
    found = find_unresolved(rules, person, location, RESTART)
    assert (found.groups, found.needs_location_kind) == (list(entries(groups)), kind)


# --- no input makes it otherwise ----------------------------------------------------------------

PEOPLE = st.sampled_from([ME, OTHER, "U0NOBODY001"])
GROUPS = ["@on-call", "S0ONCALL001", CN, "ou=x"]
ENTRIES = st.sampled_from([ME, OTHER, "everyone", *GROUPS])
PLACES = st.sampled_from([HERE, ELSEWHERE, DM, GROUP_DM])
PATTERNS = st.sampled_from(
    ["*", "deploys.*", "alias:*", "action:deploys.restart", "approval:*", "status.*", "[!d]*"]
)
RULES = st.builds(
    Rule,
    name=st.text("abc", min_size=1, max_size=2),
    who=st.lists(ENTRIES, min_size=1, max_size=3).map(entries),
    what=st.lists(PATTERNS, min_size=1, max_size=3).map(tuple),
    where=st.lists(
        st.sampled_from(["channels", "direct_messages", HERE, DM]), min_size=1, max_size=2
    ).map(tuple),
    extra_parameters=st.booleans(),
)
LISTS = st.lists(RULES, max_size=5)
STANDINGS = st.sampled_from(
    [
        Membership.MEMBER,
        Membership.GUEST,
        Membership.EXTERNAL,
        Membership.BOT,
        Membership.DEACTIVATED,
        Membership.UNKNOWN,
    ]
)
SOME = st.frozensets(st.sampled_from(GROUPS))


@st.composite
def people(draw):
    member_of, not_member_of, unresolved = draw(SOME), draw(SOME), draw(SOME)
    not_member_of -= member_of
    unresolved = dict.fromkeys(unresolved - member_of - not_member_of, "down")
    return SlackUser(draw(PEOPLE), draw(STANDINGS), "", "", member_of, not_member_of, unresolved)


KINDS = st.sampled_from([LocationKind.CHANNEL, LocationKind.DIRECT, LocationKind.UNKNOWN])
SPOTS = st.builds(Location, id=PLACES, kind=KINDS)
NAMES = st.sampled_from(["deploys.restart", "status.show", "production", ""]) | st.text(max_size=9)
THINGS = st.builds(
    Resource, st.dictionaries(st.sampled_from([ALIAS, ACTION, APPROVAL]), NAMES, max_size=3)
)
WILD = st.text(max_size=20)


@given(LISTS, people(), SPOTS, THINGS)
def test_an_allowed_one_is_allowed_by_the_rule_that_is_named(rules, person, location, what):
    decision = decide(rules, person, location, what)
    alone = [decide([each], person, location, what).allowed for each in rules]
    assert decision.allowed is any(alone)
    if decision.allowed:
        assert decision.rule == rules[alone.index(True)].name
    else:
        assert decision.rule == "" and not decision.extra_parameters


@given(LISTS, LISTS, people(), SPOTS, THINGS)
def test_more_rules_never_deny_and_fewer_never_allow(rules, more, person, location, what):
    if decide(rules, person, location, what).allowed:
        assert decide([*rules, *more], person, location, what).allowed
        assert decide([*more, *rules], person, location, what).allowed


@given(
    LISTS.flatmap(lambda each: st.tuples(st.just(each), st.permutations(each))),
    people(),
    SPOTS,
    THINGS,
)
def test_the_order_tells_which_rule_decides_and_nothing_else(both, person, location, what):
    one, other = (decide(rules, person, location, what) for rules in both)
    assert one.allowed is other.allowed


@given(LISTS, people(), SPOTS, THINGS, SOME)
def test_what_is_not_known_never_gives_more_than_what_is(rules, person, location, what, lost):
    """Whatever a look-up would have answered: that it failed allows no more, extras included."""
    failed = replace(
        person,
        member_of=person.member_of - lost,
        not_member_of=person.not_member_of - lost,
        unresolved={**person.unresolved, **dict.fromkeys(lost, "down")},
    )
    with_failure = decide(rules, failed, location, what)
    for answered in (lost, frozenset()):
        known = replace(
            failed,
            member_of=failed.member_of | answered,
            not_member_of=failed.not_member_of | (lost - answered),
            unresolved={
                key: reason for key, reason in failed.unresolved.items() if key not in lost
            },
        )
        without_failure = decide(rules, known, location, what)
        assert with_failure.allowed <= without_failure.allowed
        assert with_failure.extra_parameters <= without_failure.extra_parameters


@given(LISTS, people(), PLACES, THINGS)
def test_a_place_of_unknown_kind_allows_no_more_than_either(rules, person, where, what):
    unknown, *known = (
        decide(rules, person, Location(where, kind), what)
        for kind in (LocationKind.UNKNOWN, LocationKind.CHANNEL, LocationKind.DIRECT)
    )
    for each in known:
        assert unknown.allowed <= each.allowed
        assert unknown.extra_parameters <= each.extra_parameters


@given(LISTS, people(), SPOTS, THINGS)
def test_lesser_standing_never_gives_more(rules, person, location, what):
    order = [
        Membership.MEMBER,
        Membership.GUEST,
        Membership.EXTERNAL,
        Membership.BOT,
        Membership.DEACTIVATED,
        Membership.UNKNOWN,
    ]
    may_at = [
        decide(rules, replace(person, membership=each), location, what).allowed for each in order
    ]
    assert may_at == sorted(may_at, reverse=True)
    assert not any(may_at[3:])


@given(LISTS, WILD, STANDINGS, SPOTS, THINGS)
def test_an_id_of_any_text_is_nobody(rules, text, membership, location, what):
    assume(text not in (ME, OTHER))
    member_of = frozenset([text])
    rules = [each for each in rules if not {"everyone", text} & set(texts_of(each.who))]
    assert not decide(
        rules, SlackUser(text, membership, member_of=member_of), location, what
    ).allowed


@given(LISTS, people(), WILD, KINDS, THINGS)
def test_a_place_of_any_text_is_none_that_a_rule_names(rules, person, text, kind, what):
    rules = [replace(each, where=(HERE, DM)) for each in rules]
    assert not decide(rules, person, Location(text, kind), what).allowed


@given(st.lists(RULES, min_size=1, max_size=4), people(), SPOTS, WILD)
def test_what_is_written_matches_no_pattern_by_being_one(rules, person, location, text):
    """Patterns stand in rules; what is asked for is text, stars and brackets too."""
    rules = [replace(each, what=("deploys.restart", "alias:status.show")) for each in rules]
    assume(text not in ("deploys.restart", "status.show"))
    assert not decide(rules, person, location, Resource({ALIAS: text, ACTION: text})).allowed


@given(LISTS, people(), SPOTS, THINGS)
def test_what_is_not_looked_up_would_not_have_changed_it(rules, person, location, what):
    """The groups that `find_unresolved` leaves out are needed by no decision."""
    found = find_unresolved(rules, person, location, what)
    for _ in range(3):
        outside = person.not_member_of | set(texts_of(found.groups))
        person = replace(person, not_member_of=outside)
        found = find_unresolved(rules, person, location, what)
    assume(not found.needs_location_kind)
    others = [
        g
        for g in GROUPS
        if not any(g in e for e in (person.member_of, person.not_member_of, person.unresolved))
    ]
    everywhere = replace(person, member_of=person.member_of | set(others))
    one, other = (decide(rules, each, location, what) for each in (person, everywhere))
    assert (one.allowed, one.rule) == (other.allowed, other.rule)


@pytest.mark.parametrize(
    "text, entry",
    [
        (ME, Person(ME)),
        ("<@%s|mara>" % ME, Person(ME)),
        ("everyone", Everyone()),
        ("@on-call", UserGroup("@on-call")),
        ("S0ONCALL001", UserGroup("S0ONCALL001")),
        (CN, LdapGroup(CN)),
        ("ou=x", LdapGroup("ou=x")),
        ("mara", None),
        ("mara@harbour-works.example", None),
        ("", None),
    ],
)
def test_an_entry_of_who_is_one_of_four(text, entry):
    assert parse_entry(text) == entry


# --- the config ---------------------------------------------------------------------------------


def entry(**changes):
    found = {"name": "r", "who": [ME], "what": ["*"], **changes}
    return {key: value for key, value in found.items() if value is not Ellipsis}


def test_a_rule_as_the_config_has_it():
    access = read_access(
        {
            "authorization": [entry(), entry(name="s", where=[HERE], extra_parameters=True)],
            "ldap_usernames": [{"person": ME, "name": "tomasz"}],
        }
    )
    assert access.rules == (rule(), rule(name="s", where=[HERE], extra=True))
    assert access.ldap_usernames == {ME: "tomasz"}
    assert read_access({}).rules == ()


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"name": ...}, "needs a `name`"),
        ({"who": ...}, "`who` must be a list"),
        ({"who": []}, "`who` must be a list"),
        ({"who": ME}, "`who` must be a list"),
        ({"who": [1]}, "`who` must be a list"),
        ({"who": ["tomasz"]}, "never names"),
        ({"who": ["Everyone"]}, "never names"),
        ({"who": ["tomasz@harbour-works.example"]}, "never names"),
        ({"who": ["*"]}, "never names"),
        ({"who": ["U*"]}, "never names"),
        ({"who": [ME + "\n"]}, None),
        ({"who": ["U0HARBOUR02 U0HARBOUR03"]}, "never names"),
        ({"what": ...}, "`what` must be a list"),
        ({"what": [""]}, "`what` must be a list"),
        ({"what": "*"}, "`what` must be a list"),
        ({"where": []}, "`where` must be a list"),
        ({"where": None}, "`where` must be a list"),
        ({"where": ["deploys"]}, "never names"),
        ({"where": ["#deploys"]}, "never names"),
        ({"where": ["*"]}, "never names"),
        ({"were": [HERE]}, "unknown key were"),
        ({"deny": True}, "unknown key deny"),
        ({"extra_parameters": "false"}, "true or false"),
        ({"extra_parameters": None}, "true or false"),
    ],
)
def test_a_rule_that_cannot_be_used_is_said(changes, said):
    """A misspelt `where` must not make the rule a wider one."""
    config = {"authorization": [entry(), entry(**{"name": "s", **changes})]}
    if said is None:
        assert read_access(config).rules[1].who == (Person(ME),)
        return
    with pytest.raises(SettingsError, match="`authorization`") as caught:
        read_access(config)
    assert said in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("value", ["x", {"name": "r"}, [1], [None], 5])
def test_authorization_must_be_a_list_of_rules(value):
    with pytest.raises(SettingsError, match="`authorization` must be a list"):
        read_access({"authorization": value})


def test_names_of_rules_are_unique():
    with pytest.raises(SettingsError, match="more than one rule named 'r'"):
        read_access({"authorization": [entry(), entry()]})


@pytest.mark.parametrize(
    "names",
    [
        [{"person": "tomasz", "name": "tomasz"}],
        [{"person": ME}],
        [{"name": "tomasz"}],
        [{"person": ME, "name": "a"}, {"person": ME, "name": "b"}],
        [{"person": ME, "name": "tomasz\x00x"}],
    ],
)
def test_names_of_ldap_are_for_ids(names):
    with pytest.raises(SettingsError, match="`ldap_usernames`"):
        read_access({"ldap_usernames": names})


def test_the_rules_of_another_workspace_do_not_count():
    """IDs, handles and everyone mean somebody else there."""
    config = {
        "authorization": [entry(who=["everyone"])],
        "ldap_usernames": [{"person": ME, "name": "tomasz"}],
        "workspaces": [
            {"name": "emea"},
            {"name": "apac", "authorization": [entry(name="theirs")]},
        ],
    }
    assert read_access(config, "emea") == read_access({})
    assert [each.name for each in read_access(config, "apac").rules] == ["theirs"]
    assert [each.name for each in read_access(config).rules] == ["r"]


LDAP = {
    "host": "ldap.example.com",
    "port": 636,
    "bind_dn": "cn=x",
    "bind_password": "canary7f3a",
    "base_ou": "dc=x",
    "use_ssl": True,
    "cacert": "/etc/ssl/ca.pem",
}


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"port": None}, "`ldap.port`"),
        ({"port": "636"}, "`ldap.port`"),
        ({"port": True}, "`ldap.port`"),
        ({"port": 0}, "`ldap.port`"),
        ({"host": None}, "`ldap.host`"),
        ({"bind_dn": ""}, "`ldap.bind_dn`"),
        ({"bind_password": None}, "`ldap.bind_password`"),
        ({"bind_password": "{{ st2kv.system.canary7f3a }}"}, "datastore"),
        ({"base_ou": None}, "`ldap.base_ou`"),
        ({"cacert": None}, "`ldap.cacert`"),
        ({"use_ssl": False}, "`ldap.use_ssl` or `ldap.use_tls`"),
        ({"use_tls": True}, "exclude each other"),
        ({"use_ssl": "true"}, "`ldap.use_ssl` must be true or false"),
        ({"insecure": "yes", "cacert": None}, "`ldap.insecure` must be true or false"),
        ({"scope": "all"}, "`ldap.scope`"),
        ({"network_timeout": 0}, "`ldap.network_timeout`"),
        ({"max_wait": "10"}, "`ldap.max_wait`"),
        ({"account_pattern": "uid=tomasz"}, "`ldap.account_pattern`"),
        ({"account_pattern": "uid={username}{0}"}, "`ldap.account_pattern`"),
        ({"account_pattern": "uid={username.__class__}"}, "`ldap.account_pattern`"),
        ({"email_pattern": "mail={user"}, "`ldap.email_pattern`"),
        ({"group_pattern": "(cn=ops)"}, "`ldap.group_pattern`"),
        ({"id_attr": "uid=*)(x"}, "`ldap.id_attr`"),
        ({"client_options": {"24582": 0}}, "client_options"),
        ({"group_dns": ["cn=x"]}, "group_dns"),
    ],
)
def test_ldap_that_cannot_be_used_safely_is_said(changes, said):
    with pytest.raises(SettingsError) as caught:
        read_ldap({"ldap": {**LDAP, **changes}})
    assert said in str(caught.value) and "canary7f3a" not in str(caught.value)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"use_ssl": False, "use_tls": True, "port": 389},
        {"cacert": None, "insecure": True},
        {"use_ssl": False, "cacert": None, "insecure": True},
    ],
)
def test_ldap_that_can(changes):
    found = read_ldap({"ldap": {**LDAP, **changes}})
    assert (found.id_attr, found.scope, found.max_wait) == ("uid", "subtree", 10.0)


def test_no_ldap_is_said():
    with pytest.raises(SettingsError, match="LDAP groups need `ldap.host`"):
        read_ldap({})
