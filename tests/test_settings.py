"""The pack's config: what is read, what is refused, which token goes where."""

import pytest

from st2slack.base.errors import SettingsError
from st2slack.settings.slack import check_api_url, read_settings
from st2slack.settings.values import workspace_names

TOKENS = {
    "action_token": "xoxb-1-bot",
    "user_token": "xoxp-1-user",
    "config_token": "xoxe.xoxp-1-c",
    "sensor": {"app_token": "xapp-1-app"},
}


def test_nothing_configured():
    settings = read_settings({})
    assert settings.api_url == "https://slack.com/api/"
    assert (settings.tokens, settings.max_wait, settings.team_id) == ({}, 60.0, None)


@pytest.mark.parametrize(
    "kinds, token",
    [
        (("bot", "user"), "xoxb-1-bot"),
        (("bot",), "xoxb-1-bot"),
        ((), "xoxb-1-bot"),
        (("user",), "xoxp-1-user"),
        (("configuration",), "xoxe.xoxp-1-c"),
        (("app",), "xapp-1-app"),
        (("a kind of tomorrow",), "xoxb-1-bot"),
    ],
)
def test_each_method_gets_the_token_of_its_kind(kinds, token):
    assert read_settings(TOKENS).token_for(kinds) == token


@pytest.mark.parametrize("kinds", [("user",), ("configuration",), ("app",), ("bot", "user"), ()])
def test_action_token_serves_where_the_better_one_is_missing(kinds):
    assert read_settings({"action_token": "xoxb-2"}).token_for(kinds) == "xoxb-2"


@pytest.mark.parametrize(
    "kinds, key",
    [
        (("user",), "`user_token`"),
        (("configuration",), "`config_token`"),
        (("app",), "`sensor.app_token`"),
        (("bot", "user"), "`action_token`"),
    ],
)
def test_the_place_for_a_token_is_named(kinds, key):
    assert read_settings({}).place_for(kinds) == key


@pytest.mark.parametrize("empty", ["", None, "   "])
def test_empty_tokens_are_no_tokens(empty):
    assert read_settings({"action_token": empty, "sensor": {"app_token": empty}}).tokens == {}


def test_the_line_end_of_a_pasted_token_is_dropped():
    assert read_settings({"action_token": "xoxb-1\n"}).tokens == {"action_token": "xoxb-1"}


@pytest.mark.parametrize(
    "bad, part",
    [
        ("{{ st2kv.system.slack_token }}", "datastore"),
        ("xoxb-1 2", "spaces"),
        ("xoxb-\u00e4", "characters"),
        ("xoxb-1\r\nX-Evil: 1", "not a token"),
    ],
)
def test_a_token_that_is_none_is_refused_and_not_shown(bad, part):
    with pytest.raises(SettingsError) as caught:
        read_settings({"action_token": bad})
    assert "`action_token`" in str(caught.value) and part in str(caught.value)
    assert bad not in str(caught.value)


# --- workspaces ---------------------------------------------------------------------------------

TWO = {
    "action_token": "xoxb-top",
    "team_id": "T0TOP",
    "max_wait": 20,
    "proxy": "http://proxy:3128",
    "ca_bundle": "/top.pem",
    "workspaces": [
        {
            "name": "emea",
            "action_token": "xoxb-emea",
            "team_id": "T0EMEA",
            "app_token": "xapp-emea",
        },
        {
            "name": "gov",
            "user_token": "xoxp-gov",
            "api_url": "https://slack-gov.com/api/",
            "ca_bundle": "/gov.pem",
        },
    ],
}


def test_a_workspace_has_its_own_tokens_and_team():
    settings = read_settings(TWO, "emea")
    assert settings.tokens == {"action_token": "xoxb-emea", "app_token": "xapp-emea"}
    assert (settings.team_id, settings.workspace) == ("T0EMEA", "emea")
    assert (settings.proxy, settings.max_wait) == ("http://proxy:3128", 20.0)
    assert settings.ca_bundle == "/top.pem"
    assert workspace_names(TWO) == ["emea", "gov"]


def test_a_token_of_the_top_level_is_never_lent_to_a_workspace():
    settings = read_settings(TWO, "gov")
    assert settings.token_for(("bot",)) is None
    assert settings.team_id is None
    assert settings.api_url == "https://slack-gov.com/api/"
    assert settings.ca_bundle == "/gov.pem"
    assert (
        settings.place_for(("bot",)) == "`action_token` of the workspace 'gov' under `workspaces`"
    )


def test_without_a_workspace_the_top_level_counts():
    for none in (None, ""):
        assert read_settings(TWO, none).tokens == {"action_token": "xoxb-top"}


def test_an_unknown_workspace_is_named_with_those_there_are():
    with pytest.raises(SettingsError, match="'apac' is not .* Configured there: emea, gov"):
        read_settings(TWO, "apac")
    with pytest.raises(SettingsError, match="none; add it under `workspaces`"):
        read_settings({}, "apac")


@pytest.mark.parametrize(
    "workspaces, part",
    [
        ({"emea": {}}, "must be a list"),
        (["emea"], "must be a list"),
        ([{"action_token": "x"}], "`name`"),
        ([{"name": "a"}, {"name": "a"}], "must be unique"),
    ],
)
def test_workspaces_of_a_wrong_form(workspaces, part):
    with pytest.raises(SettingsError) as caught:
        read_settings({"workspaces": workspaces}, "a")
    assert part in str(caught.value)


# --- address and time ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url, whole",
    [
        ("https://slack.com/api/", "https://slack.com/api/"),
        ("https://slack.com/api", "https://slack.com/api/"),
        ("http://127.0.0.1:8080/api", "http://127.0.0.1:8080/api/"),
        ("http://localhost:1/", "http://localhost:1/"),
        ("http://[::1]:1/api/", "http://[::1]:1/api/"),
        ("https://slack-gov.com/api/", "https://slack-gov.com/api/"),
    ],
)
def test_addresses_that_may_be_used(url, whole):
    assert check_api_url(url) == whole


@pytest.mark.parametrize(
    "url",
    [
        "http://slack.com/api/",
        "http://127.0.0.1.evil.example/api/",
        "ftp://slack.com/",
        "slack.com/api",
        "https://user:pw@slack.com/api/",
        "https://slack.com/api/?x=1",
        "https://slack.com/#f",
        "https:///api",
        "https://slack.com:port/api/",
        "https://[bad/api/",
        "",
    ],
)
def test_addresses_that_would_leak_the_token_are_refused(url):
    with pytest.raises(SettingsError, match="`api_url`") as caught:
        check_api_url(url)
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize("bad", [0, -1, "60", True, float("inf"), float("nan")])
def test_max_wait_is_a_number_of_seconds(bad):
    with pytest.raises(SettingsError, match="`max_wait`"):
        read_settings({"max_wait": bad})


def test_secrets_are_not_in_the_text_of_settings():
    settings = read_settings({"action_token": "xoxb-canary", "proxy": "http://u:canary@proxy:1"})
    assert "canary" not in repr(settings) and "canary" not in str(settings)
    assert sorted(settings.secrets()) == ["canary", "xoxb-canary"]
    coded = read_settings({"proxy": "http://u:p%2Fword@proxy:1"})
    assert sorted(coded.secrets()) == ["p%2Fword", "p/word"]
