"""Authorizer, with Slack asked over the wire: membership, groups, conversations; slack.check."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import check
import pytest
import yaml
from helpers import Clock, calls, make_client
from hypothesis import given
from hypothesis import strategies as st
from test_ldap_groups import settings_for_nobody
from test_secrets import CANARY, Everything

from sandbox.cli import commands
from sandbox.slack import Fault
from sandbox.slack.state.workspace import Channel
from sandbox.stackstorm import package_path as stackstorm_path
from sandbox.stackstorm.config import complete
from sandbox.stackstorm.runner.action_process import run_action
from st2slack.authorization import slack_identity
from st2slack.authorization.authorizer import Authorizer
from st2slack.authorization.decision import (
    Location,
    LocationKind,
    Membership,
    SlackUser,
    parse_resource,
)
from st2slack.base.errors import InputError, SettingsError
from st2slack.diagnostics import permission_check

ROOT = Path(__file__).resolve().parents[1]
TOMASZ, PRIYA, JONAS, LEA, ROBOT = ("U0HARBOUR0%d" % number for number in range(2, 7))
DEPLOYS, GENERAL, INCIDENTS = "C0DEPLOYS01", "C0GENERAL01", "C0INCIDENT1"
HOME = {"T0123456789"}
CN = "cn=ops,ou=groups,dc=x"


@pytest.fixture
def ask(config):
    """Decides by these rules over the wire: (rules, person, what, where) → (decision, record)."""

    def decide(rules, person=TOMASZ, what="deploys.restart", where=DEPLOYS, **more):
        own = dict(config, authorization=rules, **more)
        return Authorizer(own, make_client(own)).decide(person, parse_resource(what), where)

    return decide


def rule(who, what=("*",), **more):
    return {"name": "r", "who": list(who), "what": list(what), **more}


def allowed(answer):
    decision, record = answer
    assert record["allowed"] is decision.allowed and record["rule"] == decision.rule
    return decision.allowed


# --- who somebody is ----------------------------------------------------------------------------


def test_a_check_takes_mentions():
    found = permission_check.question(
        "<@U0HARBOUR02|tomasz>", "demo.x", "\u00a0<#C0DEPLOYS01|deploys>"
    )
    assert (found.person, found.where) == (TOMASZ, DEPLOYS)
    with pytest.raises(InputError, match="Parameter `person`"):
        permission_check.question("<#C0DEPLOYS01|tomasz>", "demo.x", None)


@pytest.mark.parametrize(
    "person, membership, email",
    [
        (TOMASZ, Membership.MEMBER, "tomasz@harbour-works.example"),
        (LEA, Membership.GUEST, ""),
        (JONAS, Membership.DEACTIVATED, ""),
        (ROBOT, Membership.BOT, ""),
        ("U0NOBODY001", Membership.UNKNOWN, ""),
    ],
)
def test_standing_and_email_over_the_wire(config, person, membership, email):
    found = slack_identity.WorkspaceIdentity(make_client(config)).load_user(person)
    assert (found.id, found.membership, found.email) == (person, membership, email)


def user(**changes):
    found = {
        "id": TOMASZ,
        "team_id": "T0123456789",
        "name": "tomasz",
        "deleted": False,
        "is_bot": False,
        "is_restricted": False,
        "is_ultra_restricted": False,
        "profile": {"email": "tomasz@harbour-works.example"},
        **changes,
    }
    return {key: value for key, value in found.items() if value is not Ellipsis}


@pytest.mark.parametrize(
    "changes, membership, email",
    [
        ({}, Membership.MEMBER, True),
        ({"is_email_confirmed": True}, Membership.MEMBER, True),
        ({"is_email_confirmed": False}, Membership.MEMBER, False),
        ({"profile": {}}, Membership.MEMBER, False),
        ({"profile": {"email": ""}}, Membership.MEMBER, False),
        ({"profile": {"email": ["x@y"]}}, Membership.MEMBER, False),
        ({"profile": "x"}, Membership.MEMBER, False),
        ({"profile": {"email": "tomasz@harbour-works.example\x00x"}}, Membership.MEMBER, False),
        ({"is_admin": True, "is_owner": True}, Membership.MEMBER, True),
        ({"is_restricted": True}, Membership.GUEST, False),
        ({"is_ultra_restricted": True}, Membership.GUEST, False),
        ({"is_restricted": ...}, Membership.GUEST, False),
        ({"is_ultra_restricted": ...}, Membership.GUEST, False),
        ({"is_invited_user": True}, Membership.GUEST, False),
        ({"is_stranger": True}, Membership.EXTERNAL, False),
        ({"team_id": "T0ELSEWHERE"}, Membership.EXTERNAL, False),
        ({"team_id": ...}, Membership.EXTERNAL, False),
        ({"team_id": None}, Membership.EXTERNAL, False),
        ({"team_id": ["T0123456789"]}, Membership.EXTERNAL, False),
        (
            {"team_id": "T0X", "enterprise_user": {"teams": ["T0123456789"]}},
            Membership.MEMBER,
            True,
        ),
        ({"team_id": "T0X", "enterprise_user": {"teams": ["T0Y"]}}, Membership.EXTERNAL, False),
        (
            {"team_id": "T0X", "enterprise_user": {"teams": "T0123456789"}},
            Membership.EXTERNAL,
            False,
        ),
        (
            {"is_stranger": True, "enterprise_user": {"teams": ["T0123456789"]}},
            Membership.EXTERNAL,
            False,
        ),
        ({"is_bot": True}, Membership.BOT, False),
        ({"is_bot": ...}, Membership.UNKNOWN, False),
        ({"is_workflow_bot": True}, Membership.BOT, False),
        ({"deleted": True}, Membership.DEACTIVATED, False),
        ({"deleted": True, "is_stranger": True}, Membership.DEACTIVATED, False),
        ({"deleted": ...}, Membership.UNKNOWN, False),
        ({"id": PRIYA}, Membership.UNKNOWN, False),
        ({"id": ...}, Membership.UNKNOWN, False),
    ],
)
def test_standing_as_slack_may_tell_it(changes, membership, email):
    found = slack_identity.parse_user(TOMASZ, user(**changes), HOME)
    assert (found.membership, bool(found.email)) == (membership, email)
    assert bool(found.no_email_reason) is not bool(found.email) or membership == Membership.UNKNOWN


def test_slackbot_is_a_bot():
    assert (
        slack_identity.parse_user("USLACKBOT", user(id="USLACKBOT"), HOME).membership
        == Membership.BOT
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just(TOMASZ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
KEYS = ["name", "real_name", "profile", "is_admin", "tz", "is_app_user", "color", "who_can_share"]


@given(JSON)
def test_an_answer_of_any_shape_makes_nobody_a_member(answer):
    assert slack_identity.parse_user(TOMASZ, answer, HOME) == SlackUser(TOMASZ)
    assert slack_identity.parse_location(DEPLOYS, answer).kind == LocationKind.UNKNOWN
    assert slack_identity.find_usergroups(answer, HOME) == {}


@given(st.dictionaries(st.sampled_from(KEYS), JSON))
def test_what_people_write_of_themselves_changes_nothing(written):
    found = slack_identity.parse_user(TOMASZ, {**user(), **written}, HOME)
    assert found.membership == Membership.MEMBER
    assert found.email in ("", "tomasz@harbour-works.example") or "profile" in written


@given(st.dictionaries(st.sampled_from(["name", "real_name", "display_name", "title"]), JSON))
def test_names_are_not_even_read(names):
    profile = {**user()["profile"], **names}
    assert slack_identity.parse_user(
        TOMASZ, user(profile=profile, **names), HOME
    ) == slack_identity.parse_user(TOMASZ, user(), HOME)


def test_who_cannot_be_asked_about_may_nothing(slack, ask):
    slack.faults.append(Fault.refuse("internal_error", method="users.info", times=None))
    answer = ask([rule([TOMASZ, "everyone"])])
    assert not allowed(answer) and "Slack does not describe this user" in answer[0].reason


def test_a_home_that_is_not_known_has_no_members(slack, ask):
    slack.faults.append(Fault.refuse("internal_error", method="auth.test", times=None))
    assert not allowed(ask([rule(["everyone"])]))


# --- by ID, everyone ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "who, person, expected",
    [
        ([TOMASZ], TOMASZ, True),
        ([TOMASZ], PRIYA, False),
        (["everyone"], PRIYA, True),
        (["everyone"], LEA, False),
        ([LEA], LEA, True),
        ([JONAS, "everyone"], JONAS, False),
        ([ROBOT, "everyone"], ROBOT, False),
        (["everyone"], "U0NOBODY001", False),
        (["everyone"], "tomasz", False),
        (["everyone"], "", False),
        (["everyone"], "everyone", False),
    ],
)
def test_people_over_the_wire(ask, who, person, expected):
    assert allowed(ask([rule(who)], person)) is expected


def test_a_stranger_in_a_shared_channel_may_nothing(slack, ask):
    """Whatever they call themselves there."""
    mallory = user(id="U0MALLORY01", team_id="T0ELSEWHERE", is_stranger=True, name="tomasz")
    mallory.update(is_admin=True, is_owner=True, real_name="Tomasz Nowak")
    answer = json.dumps({"ok": True, "user": mallory})
    slack.faults.append(
        Fault.status(200, answer, "application/json", method="users.info", times=None)
    )
    rules = [rule(["everyone", TOMASZ, "@on-call", CN])]
    more = {"ldap": settings_for_nobody()}
    decision, _ = ask(rules, "U0MALLORY01", **more)
    assert not decision.allowed and "the e-mail address of this external user is not used" in (
        decision.reason
    ), "LDAP is not asked with it"


def test_without_a_rule_that_covers_it_nobody_is_asked_about(slack, ask):
    for rules in ([], [rule([TOMASZ], ["status.*"])]):
        assert not allowed(ask(rules))
    assert slack.requests == []


# --- user groups --------------------------------------------------------------------------------


@pytest.mark.parametrize("entry", ["@on-call", "S0ONCALL001"])
def test_user_groups_by_handle_and_by_id(ask, entry):
    assert allowed(ask([rule([entry])]))
    assert not allowed(ask([rule([entry])], PRIYA))


@pytest.mark.parametrize("entry", ["@On-call", "@oncall", "S0NOSUCH001", "@tomasz"])
def test_a_user_group_that_is_not_there_has_no_members(ask, entry):
    assert not allowed(ask([rule([entry])]))


@pytest.mark.parametrize(
    "change",
    [{"date_delete": 5}, {"is_external": True}, {"team_id": "T0ELSEWHERE"}, {"users": []}],
)
def test_only_living_groups_of_the_home_workspace_count(slack, ask, change):
    slack.workspace.usergroups["S0ONCALL001"].update(change)
    assert not allowed(ask([rule(["@on-call", "S0ONCALL001"])]))


def test_two_groups_of_one_handle_are_none(slack, ask):
    group = slack.workspace.usergroups["S0ONCALL001"]
    slack.workspace.usergroups["S0ONCALL002"] = dict(group, id="S0ONCALL002")
    assert not allowed(ask([rule(["@on-call"])]))
    assert allowed(ask([rule(["S0ONCALL001"])]))


@pytest.mark.parametrize("method", ["usergroups.list", "usergroups.users.list"])
@pytest.mark.parametrize("fault", [Fault.refuse("missing_scope"), Fault.status(403, "<html>")])
def test_user_groups_that_cannot_be_asked_for_allow_nothing(slack, ask, method, fault):
    slack.faults.append(replace(fault, method=method, times=None))
    decision, _ = ask([rule(["@on-call", "S0ONCALL001"])])
    assert not decision.allowed and "could not be read" in decision.reason
    if method == "usergroups.list":
        assert len(calls(slack, method)) == 1, "once is enough to know"


@pytest.mark.parametrize("users", [None, "U0HARBOUR02", {"U0HARBOUR02": 1}, []])
def test_members_of_an_odd_shape_are_none(slack, ask, users):
    answer = json.dumps({"ok": True, "users": users})
    slack.faults.append(
        Fault.status(200, answer, "application/json", method="usergroups.users.list", times=None)
    )
    assert not allowed(ask([rule(["@on-call"])]))


def test_what_was_looked_up_is_forgotten(slack, ask):
    rules = [rule(["@on-call"])]
    assert allowed(ask(rules))
    slack.workspace.usergroups["S0ONCALL001"]["users"] = [PRIYA]
    assert not allowed(ask(rules)) and allowed(ask(rules, PRIYA))


def test_no_more_is_asked_than_is_needed(slack, ask):
    assert allowed(ask([rule([TOMASZ], where=[DEPLOYS]), rule([CN], name="s")]))
    assert {each.method for each in slack.requests} == {"users.info", "auth.test"}


@pytest.mark.parametrize("person", [LEA, PRIYA, ROBOT, "U0NOBODY001"])
def test_a_denial_by_ids_alone_asks_nobody(slack, ask, person):
    rules = [rule([TOMASZ]), rule(["@on-call", CN, "everyone"], where=["C0ELSEWHERE"], name="s")]
    decision, kept = ask(rules, person)
    assert not decision.allowed and not decision.is_unresolved
    assert "does not include this person" in decision.reason and kept["who"] == person
    assert slack.requests == []


def test_a_group_in_front_is_not_looked_up_where_an_id_behind_it_allows(slack, ask):
    assert allowed(ask([rule(["@on-call"]), rule([PRIYA], name="s")], PRIYA))
    assert not [each for each in slack.requests if each.method.startswith("usergroups")]


def test_rules_that_differ_in_what_they_let_add_are_decided_in_their_order(slack, ask):
    rules = [rule(["@on-call"], extra_parameters=True), rule([TOMASZ], name="s")]
    decision, _ = ask(rules)
    assert decision.rule == "r" and decision.extra_parameters


def test_a_stranger_is_in_no_user_group_and_none_is_asked_for(slack, ask):
    mallory = user(id="U0MALLORY01", team_id="T0ELSEWHERE", is_stranger=True)
    answer = json.dumps({"ok": True, "user": mallory})
    slack.faults.append(
        Fault.status(200, answer, "application/json", method="users.info", times=None)
    )
    decision, _ = ask([rule(["@on-call", "S0ONCALL001"])], "U0MALLORY01")
    assert not decision.allowed and not decision.is_unresolved
    assert not [each for each in slack.requests if each.method.startswith("usergroups")]


# --- rate limits of look-ups ----------------------------------------------------------------------


@pytest.mark.parametrize("method", ["usergroups.list", "usergroups.users.list", "users.info"])
def test_a_rate_limit_waits_within_the_actions_own_time(slack, config, method):
    """Not within `max_wait` only: others have used the limit up."""
    slack.faults.append(Fault.rate_limited(40, method=method, times=2))
    clock = Clock()
    ends = clock() + 120
    client = make_client(config, clock, time_left=lambda: ends - clock())
    answer = Authorizer({"authorization": [rule(["@on-call"])]}, client).decide(
        TOMASZ, parse_resource("deploys.restart"), DEPLOYS
    )
    assert allowed(answer) and clock.slept == [40, 40]


def test_a_rate_limit_that_does_not_fit_is_no_plain_denial(slack, config):
    slack.faults.append(Fault.rate_limited(40, method="usergroups.list", times=None))
    clock = Clock()
    ends = clock() + 120
    client = make_client(config, clock, time_left=lambda: ends - clock())
    decision, _ = Authorizer({"authorization": [rule(["@on-call"])]}, client).decide(
        TOMASZ, parse_resource("deploys.restart"), DEPLOYS
    )
    assert not decision.allowed and decision.is_unresolved
    assert sum(clock.slept) <= 105, "something is left for the answer"


def test_whoever_is_no_full_member_holds_nobody_up(slack, config):
    """Votes on one question run one after the other: a guest's must not wait in front of others."""
    slack.faults.append(Fault.rate_limited(5, method="usergroups.list", times=None))
    clock = Clock()
    client = make_client(config, clock)
    decision, _ = Authorizer({"authorization": [rule(["@on-call"])]}, client).decide(
        LEA, parse_resource("deploys.restart"), DEPLOYS
    )
    assert not decision.allowed and decision.is_unresolved and clock.slept == []


# --- places -------------------------------------------------------------------------------------


def add_conversation(slack, conversation, kind, members):
    slack.workspace.add_channel(
        Channel(conversation, conversation.lower(), TOMASZ, kind, members=members)
    )


@pytest.mark.parametrize(
    "where, conversation, expected",
    [
        (["channels"], DEPLOYS, True),
        (["channels"], INCIDENTS, True),
        (["channels"], "D0TOMASZ001", False),
        (["channels"], "C0GROUPDM01", False),
        (["channels"], "C0SECRET001", False),
        (["channels"], "nonsense", False),
        (["direct_messages"], "D0TOMASZ001", True),
        (["direct_messages"], "C0GROUPDM01", True),
        (["direct_messages"], DEPLOYS, False),
        (["direct_messages"], "C0SECRET001", False),
        (["channels", "direct_messages"], "C0SECRET001", True),
        (["C0SECRET001"], "C0SECRET001", True),
        ([DEPLOYS], DEPLOYS, True),
        ([DEPLOYS], GENERAL, False),
        ([DEPLOYS], None, False),
        (["channels"], None, True),
        (["direct_messages"], None, False),
    ],
)
def test_places_over_the_wire(slack, ask, where, conversation, expected):
    """A private channel that the app is not in is one that Slack tells nothing about."""
    add_conversation(slack, "C0GROUPDM01", "mpim", [TOMASZ, PRIYA, ROBOT])
    add_conversation(slack, "C0SECRET001", "private_channel", [TOMASZ])
    assert allowed(ask([rule([TOMASZ], where=where)], where=conversation)) is expected


def test_a_place_that_is_not_told_is_said(slack, ask):
    decision, _ = ask([rule([TOMASZ])], where="C0NOWHERE01")
    assert "Slack does not say whether this is a channel" in decision.reason
    assert "channel_not_found" in decision.reason


def test_a_renamed_channel_is_the_same_channel(slack, ask):
    """And a new one of its old name is another."""
    rules = [rule([TOMASZ], where=[DEPLOYS])]
    slack.workspace.channels[DEPLOYS].name = "old"
    add_conversation(slack, "C0DEPLOYS02", "public_channel", [TOMASZ])
    slack.workspace.channels["C0DEPLOYS02"].name = "deploys"
    assert allowed(ask(rules)) and not allowed(ask(rules, where="C0DEPLOYS02"))


@pytest.mark.parametrize(
    "told, kind",
    [
        ({"is_channel": True}, LocationKind.CHANNEL),
        ({"is_group": True}, LocationKind.CHANNEL),
        ({"is_channel": True, "is_private": True}, LocationKind.CHANNEL),
        ({"is_channel": True, "is_mpim": True}, LocationKind.DIRECT),
        ({"is_group": True, "is_mpim": True, "is_private": True}, LocationKind.DIRECT),
        ({"is_im": True}, LocationKind.DIRECT),
        ({}, LocationKind.UNKNOWN),
        ({"is_channel": False}, LocationKind.UNKNOWN),
    ],
)
def test_kinds_of_places(told, kind):
    assert slack_identity.parse_location(DEPLOYS, {"id": DEPLOYS, **told}).kind == kind
    assert (
        slack_identity.parse_location(DEPLOYS, {"id": GENERAL, **told}).kind == LocationKind.UNKNOWN
    )


# --- LDAP that is not there ---------------------------------------------------------------------


def test_ldap_that_is_not_configured_is_said(ask):
    decision, _ = ask([rule([CN])])
    assert not decision.allowed and "LDAP groups need `ldap.host`" in decision.reason


def test_ldap_that_is_not_configured_does_not_stop_other_rules(ask):
    rules = [rule([CN]), rule([TOMASZ], name="mine")]
    assert ask(rules)[0].rule == "mine"


def test_ldap_is_not_asked_about_those_who_are_deactivated(ask):
    decision, _ = ask([rule([CN])], JONAS)
    assert "deactivated" in decision.reason and "ldap" not in decision.reason.lower()


def test_every_decision_is_said(config):
    config["authorization"] = [rule([TOMASZ], name="mine")]
    said = []
    authorizer = Authorizer(config, make_client(config), log=said.append)
    for person in (TOMASZ, PRIYA):
        authorizer.decide(person, parse_resource("x.y"), DEPLOYS)
    assert [line.partition(":")[0] for line in said] == ["Allowed", "Denied"]
    assert (
        "by the rule 'mine'" in said[0]
        and "rule 'mine': its `who` does not include this" in said[1]
    )


# --- slack.check --------------------------------------------------------------------------------


def run_check(config, **given):
    return check.CheckAction(config).run(**given)


def test_check_tells_who_may_and_by_which_rule(slack, config):
    config["authorization"] = [rule(["@on-call"], ["deploys.*"], name="on call")]
    given = {"person": TOMASZ, "what": "deploys.restart", "where": DEPLOYS}
    done = run_action("slack.check", given, config)
    assert done.succeeded, done.stderr
    assert done.result["decision"] == {
        "who": TOMASZ,
        "what": "deploys.restart",
        "where": DEPLOYS,
        "allowed": True,
        "rule": "on call",
        "why": "Allowed: deploys.restart for U0HARBOUR02 in C0DEPLOYS01, by the rule 'on call'.",
        "extra_parameters": False,
    }
    assert "by the rule 'on call'" in done.stdout.replace("\n         ", " ")
    assert not calls(slack, "apps.connections.open"), "nothing else is tried"


def test_check_tells_who_may_not_and_why(config):
    config["authorization"] = [rule(["@on-call"], ["deploys.*"])]
    ok, result = run_check(config, person=PRIYA, what="deploys.restart")
    assert ok and result["warnings"] == 1
    assert (
        result["decision"]["allowed"] is False
        and "does not include this" in result["decision"]["why"]
    )


def test_check_tells_of_extra_parameters(config):
    config["authorization"] = [rule([TOMASZ], extra_parameters=True)]
    _, result = run_check(config, person=TOMASZ, what="x.y")
    assert "Parameters that the alias does not name" in result["checks"][0]["means"]


@pytest.mark.parametrize(
    "what, expected",
    [("production", False), ("approval:production", True), ("alias:production", False)],
)
def test_check_tells_of_approvals(config, what, expected):
    config["authorization"] = [rule([TOMASZ], ["approval:prod*"])]
    _, result = run_check(config, person=TOMASZ, what=what)
    assert result["decision"]["allowed"] is expected


def test_check_asks_in_the_workspace_that_is_named(slack, config):
    entry = {"name": "emea", "action_token": slack.bot_token}
    config["workspaces"] = [entry, dict(entry, name="apac", authorization=[rule([TOMASZ])])]
    config["authorization"] = [rule(["everyone"], name="top")]

    def rule_of(workspace):
        _, result = run_check(config, workspace=workspace, person=TOMASZ, what="x.y")
        return result["decision"]["rule"]

    assert (rule_of(None), rule_of("emea"), rule_of("apac")) == ("top", "", "r")


@pytest.mark.parametrize(
    "given",
    [
        {"person": TOMASZ},
        {"what": "x.y"},
        {"where": DEPLOYS},
        {"person": "tomasz", "what": "x.y"},
        {"person": "tomasz@harbour-works.example", "what": "x.y"},
    ],
)
def test_check_refuses_half_a_question(slack, config, given):
    with pytest.raises(InputError, match="person"):
        run_check(config, **given)
    assert slack.requests == []


def test_check_fails_where_the_rules_cannot_be_used(config):
    config["authorization"] = [dict(rule([TOMASZ]), were=[DEPLOYS])]
    ok, result = run_check(config, person=TOMASZ, what="x.y")
    assert not ok and result["decision"] is None
    ok, result = run_check(config, connect=False)
    (row,) = [row for row in result["checks"] if row["what"] == "authorization"]
    assert not ok and row["state"] == "failed" and "Nobody is authorized" in row["means"]
    with pytest.raises(SettingsError):
        Authorizer(config, make_client(config))


def test_check_counts_the_rules_and_tries_ldap(config):
    config["authorization"] = [rule([TOMASZ, CN]), rule(["everyone"], name="s")]
    _, result = run_check(config, connect=False)
    found = {row["what"]: row for row in result["checks"]}
    assert found["authorization"]["means"] == "Rules: 2."
    assert found["ldap"]["state"] == "failed" and "`ldap.host`" in found["ldap"]["means"]
    config["authorization"] = [rule([TOMASZ])]
    _, result = run_check(config, connect=False)
    assert "ldap" not in {row["what"] for row in result["checks"]}


def test_a_rule_survives_what_stackstorm_fills_in(config):
    """It makes a list that is left out an empty one, where the schema says what is in it."""
    config["authorization"] = [{"name": "r", "who": [TOMASZ], "what": ["*"]}]
    own = complete(dict(config, workspaces=[dict(config, name="emea")]))
    for workspace in (None, "emea"):
        authorizer = Authorizer(own, make_client(own), workspace)
        assert authorizer.decide(TOMASZ, parse_resource("x.y"), DEPLOYS)[0].allowed


def test_the_command_tells_it(config, tmp_path, capsys):
    path = tmp_path / "slack.yaml"
    path.write_text(yaml.safe_dump(dict(config, authorization=[rule([TOMASZ])])), encoding="utf-8")
    words = ["check", "--config", str(path), "--person", TOMASZ, "--what", "x.y", "--json"]
    assert commands.main([*words, "--where", DEPLOYS]) == 0
    assert json.loads(capsys.readouterr().out)["decision"]["rule"] == "r"


# --- secrets, imports ---------------------------------------------------------------------------

TOKEN, BIND = "xoxb-%s-token" % CANARY, "bind-%s" % CANARY
ECHOES = {
    "refusal": Fault.refuse("invalid_auth", detail=TOKEN, needed=TOKEN),
    "HTML": Fault.status(403, "<html>Bearer %s</html>" % TOKEN, "text/html"),
    "code": Fault.refuse(TOKEN),
}


@pytest.mark.parametrize("method", ["users.info", "auth.test", "usergroups.list", "conv.*info"])
@pytest.mark.parametrize("echo", sorted(ECHOES))
def test_no_secret_comes_out(slack, config, capfd, method, echo):
    slack.tokens[TOKEN] = slack.tokens[slack.bot_token]
    slack.faults.append(replace(ECHOES[echo], method=method, times=None))
    config.update(action_token=TOKEN, ldap=dict(settings_for_nobody(), bind_password=BIND))
    config.update(authorization=[rule(["@on-call", CN])], max_wait=0.3)
    with Everything(capfd) as everything:
        _, result = run_check(config, person=TOMASZ, what="x.y", where=DEPLOYS)
    assert result["decision"]["allowed"] is False or method == "conv.*info"
    assert CANARY not in everything.text() + json.dumps(result)


def test_the_decision_is_not_paid_for_by_other_actions(tmp_path):
    script = (
        "import sys; sys.path.append(sys.argv[1]); import run; "
        "bad = ('st2slack.authorization', 'ldap', 'st2auth'); "
        "bad = [m for m in sys.modules if m.startswith(bad)]; "
        "assert not bad, bad"
    )
    folders = [str(ROOT / "actions/lib"), *stackstorm_path.folders(), *sys.path[1:]]
    done = subprocess.run(
        [sys.executable, "-c", script, str(ROOT / "actions")],
        env={"PYTHONPATH": ":".join(folders)},
        cwd=str(tmp_path),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_ldap_is_imported_only_where_it_is_asked(tmp_path):
    script = (
        "import sys; import st2slack.authorization.authorizer; "
        "bad = [m for m in sys.modules if m.startswith(('ldap', 'st2auth'))]; assert not bad, bad"
    )
    folders = [str(ROOT / "actions/lib"), *stackstorm_path.folders(), *sys.path[1:]]
    subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": ":".join(folders)},
        cwd=str(tmp_path),
        check=True,
    )


def test_a_place_without_an_id_is_a_channel_that_no_rule_names():
    assert slack_identity.WorkspaceIdentity(None).load_location("x") == Location(
        "x", reason="this is not the ID of a conversation"
    )


def test_a_command_that_is_none_is_found_by_the_check(slack, config):
    config["authorization"] = [rule([TOMASZ])]
    config["chatops"] = {"command": "st2"}
    rows = list(permission_check.rules(config, ""))
    assert [(row.what, row.state) for row in rows][0] == ("chatops", "failed")
    assert "`chatops.command`" in rows[0].means
    config["chatops"] = {"command": "/st2"}
    assert "chatops" not in [row.what for row in permission_check.rules(config, "")]
