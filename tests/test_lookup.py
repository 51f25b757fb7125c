"""What people call a channel, a person or a user group → what Slack knows of it."""

import json

import find_channel
import find_user
import pytest
from helpers import calls, make_client

from sandbox.slack import Fault
from sandbox.slack.state.tokens import Token
from sandbox.slack.state.workspace import Channel, User
from sandbox.stackstorm.runner.action_process import run_action
from st2slack.base.errors import (
    InputError,
    NotFound,
    RateLimited,
    ResponseLost,
    SeveralMatch,
    SlackApiError,
)
from st2slack.people import channel_lookup, lookup, user_lookup

MARA, TOMASZ, JONAS = "U0HARBOUR01", "U0HARBOUR02", "U0HARBOUR04"
DEPLOYS, INCIDENTS, ARCHIVED = "C0DEPLOYS01", "C0INCIDENT1", "C0OLDSITE01"


def channel_of(config, name, **more):
    return find_channel.FindChannelAction(config).run(name, **more)


def user_of(config, name, **more):
    return find_user.FindUserAction(config).run(name, **more)


def methods(slack):
    return [each.method for each in slack.requests]


def add_person(slack, number, name, real_name, **more):
    return slack.workspace.add_user(User("U0EXTRA%04d" % number, name, real_name, **more))


def crowd(slack, count):
    for number in range(count):
        add_person(slack, number, "extra%d" % number, "Extra %d" % number)


def add_channel(slack, number, name, **more):
    channel = Channel("C0EXTRA%04d" % number, name, MARA, **more)
    return slack.workspace.add_channel(channel)


def token_with(slack, config, *scopes):
    slack.tokens["xoxb-some-scopes"] = Token("bot", "U0HARBOUR06", scopes)
    config["action_token"] = "xoxb-some-scopes"


# --- channels -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["deploys", "#deploys", " #deploys ", "Deploys", "\u00a0#deploys\u2003", "\ufeffdeploys"],
)
def test_a_channel_by_its_name(slack, config, name):
    found = channel_of(config, name)
    assert (found["id"], found["name"], found["is_archived"]) == (DEPLOYS, "deploys", False)
    assert methods(slack) == ["conversations.list"]


@pytest.mark.parametrize(
    "name",
    [DEPLOYS, "#" + DEPLOYS, "\u00a0%s\u00a0" % DEPLOYS, "<#%s>" % DEPLOYS, "<#%s|x>" % DEPLOYS],
)
def test_a_channel_by_its_id_or_mention(slack, config, name):
    assert channel_of(config, name)["name"] == "deploys"
    assert methods(slack) == ["conversations.info"]


@pytest.mark.parametrize("name", ["DEPLOYS", "#DEPLOYS", "GENERAL"])
def test_a_channels_name_in_capitals_is_found_where_no_id_is(slack, config, name):
    assert channel_of(config, name)["name"] == name.lstrip("#").lower()
    assert methods(slack) == ["conversations.info", "conversations.list"]


LETTERS_ONLY = ("CHWKVRQTZ", "GHJKLMNPQ", "DPLMNQRST")


@pytest.mark.parametrize("channel_id", LETTERS_ONLY)
@pytest.mark.parametrize("form", ["%s", "#%s", "<#%s>", "<#%s|x>"])
def test_an_id_without_a_digit_is_no_name(slack, config, channel_id, form):
    slack.workspace.add_channel(Channel(channel_id, "harbour-%s" % channel_id[0].lower(), MARA))
    add_channel(slack, 1, channel_id.lower())
    assert channel_of(config, form % channel_id)["id"] == channel_id


@pytest.mark.parametrize(
    "form", ["<#CHWKVRQTZ>", "<#CHWKVRQTZ|general>", "C0HWKVRQTZ", "#C0HWKVRQTZ"]
)
def test_what_can_only_be_an_id_is_never_looked_for_by_name(slack, config, form):
    for number, name in enumerate(["chwkvrqtz", "c0hwkvrqtz"]):
        add_channel(slack, number, name)
    with pytest.raises(NotFound, match="channel_not_found"):
        channel_of(config, form)
    assert methods(slack) == ["conversations.info"]


def test_an_id_that_the_scope_does_not_reach_is_taken_for_one(slack, config):
    token_with(slack, config, "chat:write")
    given = ["CHWKVRQ", "<#CPLMNQRST|x>", DEPLOYS]
    found = channel_lookup.conversation_ids(make_client(config), given, "channels")
    assert found == ["CHWKVRQ", "CPLMNQRST", DEPLOYS]
    assert methods(slack) == ["conversations.info"]


def test_what_is_meant_for_a_private_channel_goes_to_no_channel_of_that_name(slack, config):
    """Slack does not tell that there is a channel CHWKVRQTZ, for the app is not in it."""
    add_channel(slack, 1, "chwkvrqtz", members=["U0HARBOUR06"])
    slack.workspace.add_channel(Channel("CHWKVRQTZ", "board", MARA, "private_channel"))
    found = channel_lookup.conversation_ids(make_client(config), ["CHWKVRQTZ"], "channels")
    assert found == ["CHWKVRQTZ"] and slack.requests == []


def test_ids_and_names_in_one_list(slack, config):
    given = ["#general", DEPLOYS, "DEPLOYS", "<#C1|x>", "general"]
    found = channel_lookup.conversation_ids(make_client(config), given, "channels")
    assert found == ["C0GENERAL01", DEPLOYS, DEPLOYS, "C1", "C0GENERAL01"]


def test_a_name_that_is_not_latin_in_either_form(slack, config):
    add_channel(slack, 1, "stra\u00dfe-g\u00fcter-\u6e2f")
    for typed in ("STRASSE-g\u00fcter-\u6e2f", "stra\u00dfe-gu\u0308ter-\u6e2f"):
        assert channel_of(config, typed)["id"] == "C0EXTRA0001"


def test_a_private_channel_is_found_by_a_member_only(slack, config):
    assert channel_of(config, "ops-incidents")["id"] == INCIDENTS
    slack.workspace.channels[INCIDENTS].members.remove("U0HARBOUR06")
    with pytest.raises(NotFound, match="'ops-incidents'.*invite the app first"):
        channel_of(config, "ops-incidents")


def test_archived_channels_on_request(slack, config):
    with pytest.raises(NotFound, match="Archived ones were left out"):
        channel_of(config, "old-website")
    assert channel_of(config, "old-website", archived=True)["id"] == ARCHIVED
    with pytest.raises(NotFound, match="old-website \\(%s\\) is archived" % ARCHIVED):
        channel_of(config, ARCHIVED)
    assert channel_of(config, ARCHIVED, archived=True)["is_archived"] is True


def test_the_walk_ends_where_the_channel_is(slack, config):
    for number in range(450):
        add_channel(slack, number, "extra-%d" % number)
    assert channel_of(config, "extra-10")["id"] == "C0EXTRA0010"
    assert len(slack.requests) == 1
    assert channel_of(config, "extra-300")["id"] == "C0EXTRA0300"
    assert len(slack.requests) == 1 + 2
    assert channel_of(config, "extra-449")["id"] == "C0EXTRA0449"
    assert len(slack.requests) == 1 + 2 + 3


def test_without_the_scope_for_private_channels_public_ones_are_found(slack, config):
    token_with(slack, config, "channels:read")
    assert channel_of(config, "deploys")["id"] == DEPLOYS
    with pytest.raises(NotFound, match="a part of the channels.*groups:read"):
        channel_of(config, "ops-incidents")


def test_without_the_scope_for_public_channels_private_ones_are_found(slack, config):
    token_with(slack, config, "groups:read")
    assert channel_of(config, "ops-incidents")["id"] == INCIDENTS
    with pytest.raises(NotFound, match="a part of the channels.*channels:read"):
        channel_of(config, "deploys")


def test_without_any_scope_the_refusal_names_them(slack, config):
    token_with(slack, config, "users:read")
    with pytest.raises(SlackApiError, match="missing_scope.*needed scope: channels:read"):
        channel_of(config, "deploys")
    assert len(slack.requests) == 3


def test_an_id_that_slack_does_not_know_is_not_found(config):
    with pytest.raises(NotFound, match="conversations.info was refused.*channel_not_found"):
        channel_of(config, "C0NOWHERE01")


@pytest.mark.parametrize("name", ["", " ", "#", None, 7, "@"])
def test_a_channel_needs_a_name(slack, config, name):
    with pytest.raises(InputError, match="Parameter `channel` is empty"):
        channel_of(config, name)
    assert slack.requests == []


# --- people -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["tomasz", "@tomasz", "TOMASZ", "Tomasz Nowak", "@Tomasz Nowak", "tomasz nowak", "Tom at sea"],
)
def test_a_person_by_any_name(slack, config, name):
    slack.workspace.users[TOMASZ].profile["display_name"] = "Tom at Sea"
    assert user_of(config, name)["id"] == TOMASZ
    assert methods(slack) == ["users.list"]


@pytest.mark.parametrize(
    "name",
    [TOMASZ, "@" + TOMASZ, "\u00a0%s\u3000" % TOMASZ, "<@%s>" % TOMASZ, "<@%s|tom>" % TOMASZ],
)
def test_a_person_by_id_or_mention(slack, config, name):
    assert user_of(config, name)["name"] == "tomasz"
    assert methods(slack) == ["users.info"]


@pytest.mark.parametrize(
    "name",
    [
        "tomasz@harbour-works.example",
        "Tomasz@Harbour-Works.example",
        "<mailto:tomasz@harbour-works.example|tomasz@harbour-works.example>",
    ],
)
def test_a_person_by_e_mail(slack, config, name):
    assert user_of(config, name)["id"] == TOMASZ
    assert methods(slack) == ["users.lookupByEmail"]


def test_a_persons_details_are_whole(slack, config):
    found = user_of(config, "mara")
    assert found["profile"]["email"] == "mara@harbour-works.example" and found["is_admin"] is True


def test_a_name_that_is_not_latin(slack, config):
    add_person(slack, 1, "zoe", "Zo\u00eb \u00c5str\u00f6m")
    add_person(slack, 2, "wang", "\u738b\u5c0f\u660e")
    assert user_of(config, "zoe\u0308 \u00e5stro\u0308m")["id"] == "U0EXTRA0001"
    assert user_of(config, "\u738b\u5c0f\u660e")["id"] == "U0EXTRA0002"


FORMS = ["%s", "@%s", "#%s", "\u00a0%s", "<@%s>", "<@%s|lettie>"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("user_id", ["UHEKCRWKV", "WBQXTRWFZ"])
def test_an_id_without_a_digit_is_that_persons(slack, config, form, user_id):
    slack.workspace.add_user(User(user_id, "lettie", "Lettie Holm"))
    add_person(slack, 1, "lea2", user_id, profile={"display_name": user_id})
    assert user_of(config, form % user_id)["id"] == user_id


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("user_id", ["UHEKCRWKV", "U0HEKCRWKV", "WILLIAMSON"])
def test_nobody_is_found_by_an_id_that_they_took_for_their_name(slack, config, form, user_id):
    add_person(slack, 1, user_id.lower(), "Lea", profile={"display_name": user_id})
    add_person(slack, 2, "lea2", user_id)
    add_person(slack, 3, "lea3", "<@%s>" % user_id, profile={"display_name": "#" + user_id})
    with pytest.raises(NotFound, match="user_not_found"):
        user_of(config, form % user_id)
    assert methods(slack) == ["users.info"]


def test_a_name_in_the_form_of_an_id_is_told_what_to_do(config):
    with pytest.raises(
        NotFound, match="WILLIAMSON has the form of an ID.*not write it in capitals"
    ):
        user_of(config, "WILLIAMSON")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("<#C0GENERAL01|general>", "is a channel, not a person"),
        ("<!subteam^S0ONCALL001>", "is a user group, not a person"),
        ("<@lea>", "angle brackets"),
    ],
)
def test_a_mention_of_something_else_is_no_person(slack, config, name, why):
    add_person(slack, 1, "x", name, profile={"display_name": name})
    with pytest.raises(InputError, match="Parameter `user`.*" + why):
        user_of(config, name)
    assert slack.requests == []


@pytest.mark.parametrize(
    "name", ["Mara\u00a0Lindqvist", " Mara  Lindqvist\u00a0", "\u200bmara\u2009lindqvist"]
)
def test_a_name_with_other_white_space(slack, config, name):
    assert user_of(config, name)["id"] == MARA


def test_a_name_that_holds_other_white_space(slack, config):
    add_person(slack, 1, "zoe", "Zoe\u00a0Holm ")
    assert user_of(config, "zoe holm")["id"] == "U0EXTRA0001"


def test_several_of_a_name_are_all_told(slack, config):
    add_person(slack, 900, "mara2", "Mara Lindqvist")
    crowd(slack, 250)  # the walk does not end at the first
    add_person(slack, 999, "other", "Other", profile={"display_name": "MARA LINDQVIST"})
    with pytest.raises(SeveralMatch) as caught:
        user_of(config, "Mara Lindqvist")
    assert caught.value.candidates == [MARA, "U0EXTRA0900", "U0EXTRA0999"]
    text = str(caught.value)
    assert all(each in text for each in caught.value.candidates) and "\n" not in text
    assert "Give the ID" in text


def test_a_handle_that_is_the_display_name_of_another_is_not_guessed(slack, config):
    add_person(slack, 1, "mj", "Mara Jones", profile={"display_name": "Mara"})
    with pytest.raises(SeveralMatch, match="%s.*U0EXTRA0001" % MARA):
        user_of(config, "mara")


def test_a_message_names_ten_at_most(slack, config):
    for number in range(30):
        add_person(slack, number, "sam%d" % number, "Sam\nSmith")
    with pytest.raises(SeveralMatch) as caught:
        user_of(config, "sam\nsmith")
    assert "30 people" in str(caught.value) and "and 20 more" in str(caught.value)
    assert "\n" not in str(caught.value) and len(caught.value.candidates) == 30


def test_deactivated_people_on_request(slack, config):
    for name in ("jonas", "jonas@harbour-works.example", JONAS):
        with pytest.raises(NotFound, match="`deleted`"):
            user_of(config, name)
        assert user_of(config, name, deleted=True)["id"] == JONAS


def test_an_active_person_is_found_beside_a_deactivated_one(slack, config):
    add_person(slack, 1, "jonas2", "Jonas Weber")
    assert user_of(config, "Jonas Weber")["id"] == "U0EXTRA0001"
    with pytest.raises(SeveralMatch):
        user_of(config, "Jonas Weber", deleted=True)


@pytest.mark.parametrize("name", ["nobody", "no@body.example", "U0NOBODY001"])
def test_nobody_is_not_found(config, name):
    with pytest.raises(NotFound):
        user_of(config, name)


@pytest.mark.parametrize(
    ("name", "scope"), [("mara", "users:read"), ("mara@harbour-works.example", "users:read.email")]
)
def test_a_missing_scope_is_named(slack, config, name, scope):
    token_with(slack, config, "chat:write")
    with pytest.raises(SlackApiError, match="needed scope: %s.*Add the scope to the app" % scope):
        user_of(config, name)


@pytest.mark.parametrize("name", ["", "@", None])
def test_a_person_needs_a_name(slack, config, name):
    with pytest.raises(InputError, match="Parameter `user` is empty"):
        user_of(config, name)
    assert slack.requests == []


def test_a_credential_given_by_mistake_is_not_shown(config):
    for ask in (user_of, channel_of):
        with pytest.raises(NotFound) as caught:
            ask(config, "xoxb-canary-token")
        assert "canary" not in str(caught.value)


def test_several_people_cost_one_walk(slack, config):
    crowd(slack, 250)
    client = make_client(config)
    names = ["priya", TOMASZ, "extra3", "mara@harbour-works.example", "@priya", "Extra 240"]
    found = [each["id"] for each in user_lookup.find_users(client, names)]
    assert found == ["U0HARBOUR03", TOMASZ, "U0EXTRA0003", MARA, "U0EXTRA0240"]
    assert len(calls(slack, "users.list")) == 2


# --- groups -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["on-call", "@on-call", "@On-Call", "S0ONCALL001", "<!subteam^S0ONCALL001|@on-call>"]
)
def test_a_group_by_handle_or_id(config, name):
    assert lookup.find_group(make_client(config), name)["id"] == "S0ONCALL001"


@pytest.mark.parametrize(
    "form", ["%s", "@%s", "\u00a0@%s", "<!subteam^%s>", "<!subteam^%s|@on-call>"]
)
def test_a_group_by_an_id_without_a_digit(slack, config, form):
    groups = slack.workspace.usergroups
    on_call = groups.pop("S0ONCALL001")
    groups["S1"] = {**on_call, "id": "S1", "handle": "shjklmnpq"}
    groups["SHJKLMNPQ"] = {**on_call, "id": "SHJKLMNPQ"}
    assert lookup.find_group(make_client(config), form % "SHJKLMNPQ")["id"] == "SHJKLMNPQ"
    groups.pop("SHJKLMNPQ")
    if "<" in form:
        with pytest.raises(NotFound, match="no user group"):
            lookup.find_group(make_client(config), form % "SHJKLMNPQ")


def test_a_groups_handle_in_capitals(slack, config):
    slack.workspace.usergroups["S0ONCALL001"]["handle"] = "support"
    for name in ("SUPPORT", "@SUPPORT", "@Support"):
        assert lookup.find_group(make_client(config), name)["id"] == "S0ONCALL001"


@pytest.mark.parametrize("name", ["nobody", "S0NOBODY001", "On call"])
def test_a_group_that_is_none(config, name):
    with pytest.raises(NotFound, match="slack.usergroups.list"):
        lookup.find_group(make_client(config), name)


# --- lists that change, break and loop ----------------------------------------------------------


def page(names, cursor):
    members = [{"id": "U%s" % name, "name": name} for name in names]
    answer = {"ok": True, "members": members, "response_metadata": {"next_cursor": cursor}}
    return Fault.status(200, json.dumps(answer), "application/json", method="users.list")


def test_somebody_who_comes_on_two_pages_is_one(slack, config):
    for each in (page(["a", "b"], "1"), page(["b", "c"], "")):
        slack.faults.append(each)
    assert user_of(config, "b")["id"] == "Ub"


def test_pages_that_are_empty_do_not_end_the_walk(slack, config):
    for each in (page([], "1"), page([], "2"), page(["b"], "")):
        slack.faults.append(each)
    assert user_of(config, "b")["id"] == "Ub"


@pytest.mark.parametrize("cursors", [["1", "1"], ["1", "2", "1"]])
def test_pages_in_a_circle_are_told(slack, config, cursors):
    for each in cursors:
        slack.faults.append(page(["b"], each))
    with pytest.raises(ResponseLost, match="lead back to one that was read"):
        user_of(config, "b")
    assert len(slack.requests) == len(cursors)


def test_a_rate_limit_in_the_middle_is_waited_for(slack, config):
    crowd(slack, 450)
    slack.faults.append(Fault.rate_limited(7, method="users.list", after=1))
    client = make_client(config)
    assert user_lookup.find_user(client, "extra449")["id"] == "U0EXTRA0449"
    assert client.clock.slept == [7.0]


def test_a_rate_limit_that_does_not_fit_fails_with_the_page(slack, config):
    crowd(slack, 450)
    slack.faults.append(Fault.rate_limited(600, method="users.list", after=1))
    with pytest.raises(RateLimited, match="asked to wait 600 s.*page 2 of the list"):
        user_of(config, "extra449")


def test_strange_entries_are_passed_over(slack, config):
    answer = {"ok": True, "members": [None, 7, {}, {"id": "U1", "name": None, "profile": None}]}
    answer["members"].append({"id": "U2", "name": "b"})
    slack.faults.append(Fault.status(200, json.dumps(answer), "application/json"))
    assert user_of(config, "b")["id"] == "U2"


# --- as StackStorm runs them --------------------------------------------------------------------


def test_the_actions_run_from_their_metadata(config):
    done = run_action("slack.find_channel", {"channel": "#deploys"}, config)
    assert (done.status, done.result["id"]) == ("succeeded", DEPLOYS)
    done = run_action("slack.find_user", {"user": "@mara", "deleted": "true"}, config)
    assert (done.status, done.result["id"]) == ("succeeded", MARA)
    done = run_action("slack.find_user", {"user": "nobody"}, config)
    assert (done.status, done.result) == ("failed", None)
    assert "Nobody goes by 'nobody'" in done.stderr.strip().splitlines()[-1]


def test_a_token_and_a_workspace_of_their_own(slack, config):
    config["workspaces"] = [{"name": "emea", "action_token": "xoxb-unknown"}]
    with pytest.raises(SlackApiError, match="invalid_auth"):
        user_of(config, "mara", workspace="emea")
    assert user_of(config, "mara", workspace="emea", token=slack.bot_token)["id"] == MARA
