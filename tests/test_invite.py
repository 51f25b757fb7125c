"""users.admin.invite: where it goes, what it says, and that its token stays secret."""

from unittest import mock

import pytest
import send_invite
import yaml
from helpers import make_client

from sandbox.slack import Fault
from sandbox.stackstorm.runner.action_process import run_action
from st2slack.base.errors import InputError, ResponseLost, SettingsError, SlackApiError, SlackError
from st2slack.people import invite as invitation
from st2slack.settings.invite import InviteSettings, read_invite

ANA = "ana@example.com"


@pytest.fixture
def admin(slack, config):
    """The config of somebody who invites; the bot's token must not be used for it."""
    slack.tokens["xoxp-legacy-admin"] = slack.tokens[slack.user_token]
    config["admin"] = {"organization": "harbour-works", "admin_token": "xoxp-legacy-admin"}
    return config


def invite(config, email=ANA, **given):
    return send_invite.SendInviteAction(config).run(email=email, **given)


def sent(slack):
    return dict(slack.requests[-1].form)


def test_somebody_is_invited(slack, admin):
    assert invite(admin)["ok"] is True
    assert slack.workspace.invited == [ANA]
    (request,) = slack.requests
    assert (request.method, request.verb, request.query) == ("users.admin.invite", "POST", [])
    assert sent(slack) == {"email": ANA, "set_active": "true", "_attempts": "1"}
    assert request.headers["Authorization"] == "Bearer xoxp-legacy-admin"


def test_what_is_configured_counts_where_nothing_is_given(slack, admin):
    admin["admin"].update(
        set_active=False, attempts=3, auto_join_channels=["C0GENERAL01", "C0RANDOM001"]
    )
    invite(admin)
    assert sent(slack) == {
        "email": ANA,
        "set_active": "false",
        "_attempts": "3",
        "channels": "C0GENERAL01,C0RANDOM001",
    }


def test_channels_may_be_mentioned(slack, admin):
    invite(admin, channels="<#C0GENERAL01|general>, C0DEPLOYS01")
    assert sent(slack)["channels"] == "C0GENERAL01,C0DEPLOYS01"


def test_false_and_zero_are_given(slack, admin):
    admin["admin"].update(set_active=True, attempts=3, auto_join_channels=["C0GENERAL01"])
    invite(admin, set_active=False, attempts=0, channels="C0RANDOM001", first_name="Ana")
    assert sent(slack) == {
        "email": ANA,
        "first_name": "Ana",
        "set_active": "false",
        "_attempts": "0",
        "channels": "C0RANDOM001",
    }


def test_a_given_token_is_used(slack, admin):
    invite(admin, token=slack.user_token)
    assert slack.requests[-1].headers["Authorization"] == "Bearer " + slack.user_token
    del admin["admin"]["admin_token"]
    invite(admin, "other@example.com", token=slack.user_token)


def test_a_workspace_has_settings_of_its_own(slack, admin):
    emea = {"organization": "emea", "admin_token": slack.user_token, "attempts": 2}
    admin["workspaces"] = [{"name": "emea", "admin": emea}, {"name": "apac"}]
    invite(admin, workspace="emea")
    assert slack.requests[-1].headers["Authorization"] == "Bearer " + slack.user_token
    assert sent(slack)["_attempts"] == "2"
    with pytest.raises(SettingsError, match="`admin.organization`|`admin.admin_token`"):
        invite(admin, workspace="apac")


@pytest.mark.parametrize(
    ("api_url", "url"),
    [
        ("https://slack.com/api/", "https://harbour-works.slack.com/api/users.admin.invite"),
        (
            "https://slack-gov.com/api/",
            "https://harbour-works.slack-gov.com/api/users.admin.invite",
        ),
        ("http://127.0.0.1:8/api/", "http://127.0.0.1:8/api/users.admin.invite"),
        ("https://gateway.example/slack/", "https://gateway.example/slack/users.admin.invite"),
    ],
)
def test_it_goes_to_the_workspaces_own_host(api_url, url):
    assert invitation.address(api_url, "harbour-works") == url


@pytest.mark.parametrize(
    "organization",
    [
        None,
        "",
        " ",
        "evil.example/",
        "evil.example",
        "evil.example#",
        "a@evil.example",
        "a:b@evil",
        "a/b",
        "a\\b",
        "a?b",
        "a b",
        "a\n",
        "-a",
        "a-",
        "ä",
        "127.0.0.1:80/",
        "x" * 64,
    ],
)
def test_an_organization_that_is_no_host_label_leads_nowhere(slack, admin, organization):
    for api_url in ("https://slack.com/api/", slack.api_url):
        with pytest.raises(SettingsError, match="`admin.organization`"):
            invitation.address(api_url, organization)
    if organization and organization.strip() == organization:
        admin["admin"]["organization"] = organization
        with pytest.raises(SettingsError, match="`admin.organization`"):
            invite(admin)
    assert slack.requests == []


@pytest.mark.parametrize(
    "email", ["", " ", None, "ana", "@example.com", "a@b,c@d", "a b@c", "<a@b>", "a@b@c"]
)
def test_an_address_that_is_none_is_not_sent(slack, admin, email):
    with pytest.raises(InputError, match="`email` must be one e-mail address"):
        invite(admin, email)
    assert slack.requests == []


def test_attempts_below_zero_are_not_sent(slack, admin):
    with pytest.raises(InputError, match="`attempts`"):
        invite(admin, attempts=-1)
    assert slack.requests == []


@pytest.mark.parametrize("attempts", ["3", 1.5, True])
def test_attempts_of_the_config_are_a_number(attempts):
    with pytest.raises(SettingsError, match="`admin.attempts`"):
        read_invite({"admin": {"attempts": attempts}})


def test_the_channels_of_the_config_are_texts():
    with pytest.raises(SettingsError, match="`admin.auto_join_channels` must be a list of texts"):
        read_invite({"admin": {"auto_join_channels": [7]}})


def test_no_other_token_is_lent(slack, admin):
    del admin["admin"]["admin_token"]
    with pytest.raises(SettingsError, match="legacy token.*`admin.admin_token`.*`token`"):
        invite(admin)
    assert slack.requests == []


def test_a_refused_token_names_the_key(admin):
    admin["admin"]["admin_token"] = "xoxp-unknown"
    with pytest.raises(SlackApiError, match="invalid_auth.*`admin.admin_token`"):
        invite(admin)
    admin["workspaces"] = [{"name": "emea", "admin": dict(admin["admin"])}]
    with pytest.raises(SlackApiError, match="`admin.admin_token` of the workspace 'emea'"):
        invite(admin, workspace="emea")


@pytest.mark.parametrize(
    ("email", "code"),
    [("mara@harbour-works.example", "already_in_team"), (ANA, "already_invited")],
)
def test_a_refusal_fails_and_is_explained(slack, admin, email, code):
    slack.workspace.invited.append(ANA)
    with pytest.raises(
        SlackApiError, match="users.admin.invite was refused by Slack: %s \\(" % code
    ):
        invite(admin, email)


@pytest.mark.parametrize("fault", [Fault.status(500), Fault.cut_after_read(), Fault.cut_midway()])
def test_an_invitation_that_may_have_arrived_is_not_sent_twice(slack, admin, fault):
    fault.times = None
    slack.faults.append(fault)
    with pytest.raises(ResponseLost, match="may have arrived"):
        invite(admin)
    assert len(slack.requests) == 1


def test_a_redirect_is_not_followed(slack, admin):
    slack.faults.append(Fault.redirect("https://evil.example/", times=None))
    with pytest.raises(SlackError, match="evil.example"):
        invite(admin)
    assert len(slack.requests) == 1


def test_a_rate_limit_is_waited_for(slack, admin):
    slack.faults.append(Fault.rate_limited(3))
    client = make_client(admin)
    invitation.invite(client, InviteSettings("harbour-works"), {"email": ANA})
    assert client.clock.slept == [3.0] and slack.workspace.invited == [ANA]


def test_the_action_runs_from_its_metadata(slack, admin):
    values = {"email": ANA, "set_active": "false", "attempts": "0"}
    done = run_action("slack.users.admin.invite", values, admin)
    assert (done.status, done.result["ok"]) == ("succeeded", True)
    assert (sent(slack)["set_active"], sent(slack)["_attempts"]) == ("false", "0")


def test_the_description_says_what_it_is_and_names_the_documented_ways():
    with open("actions/users.admin.invite.yaml", encoding="utf-8") as stream:
        action = yaml.safe_load(stream)
    for part in (
        "never documented",
        "legacy token",
        "may refuse it",
        "slack.admin.users.invite",
        "slack.conversations.inviteShared",
    ):
        assert part in " ".join(action["description"].split())
    assert action["parameters"]["token"]["secret"] is True


# --- 2.x ----------------------------------------------------------------------------------------

ADMIN = {"admin_token": "xoxp-1", "organization": "acme", "set_active": True, "attempts": 1}


@pytest.mark.parametrize("place", ["requests.post", "send_invite.requests.post"])
def test_tests_of_2x_users_can_patch_the_post(place):
    with mock.patch(place) as post:
        post.return_value.json.return_value = {"ok": True}
        assert invite({"admin": ADMIN}) == {"ok": True}
    assert post.call_args[0][0] == "https://acme.slack.com/api/users.admin.invite"
    assert ("email", ANA) in post.call_args[1]["data"]
    with mock.patch(place, return_value=mock.MagicMock()) as post:
        assert invite({"admin": ADMIN}) is post.return_value.json.return_value


def test_a_config_without_the_section_says_so():
    with pytest.raises(SettingsError, match="`admin.organization`|`admin.admin_token`"):
        invite({"action_token": "xoxb-1"})
