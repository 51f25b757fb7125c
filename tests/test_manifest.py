"""The app manifest: what Slack takes, exactly what the features need, and README's link to it."""

import json
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import jsonschema
import pytest
import yaml

from st2slack.diagnostics.features import FEATURES, events, scopes
from tools.generator import manifest, sources

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
TRIGGERS = (ROOT / "docs/triggers.md").read_text(encoding="utf-8")
MANIFEST = manifest.load(ROOT)
METHODS = sources.load().methods
EVENTS = json.loads((ROOT / "etc/slack/events.json").read_text(encoding="utf-8"))["events"]


def closed(**properties):
    """An object with these properties and no others; the name of a required one ends in `_`."""
    required = [name.rstrip("_") for name in properties if name.endswith("_")]
    return {
        "type": "object",
        "properties": {name.rstrip("_"): schema for name, schema in properties.items()},
        "additionalProperties": False,
        **({"required": required} if required else {}),
    }


def text(longest, pattern=".", shortest=1):
    return {"type": "string", "minLength": shortest, "maxLength": longest, "pattern": pattern}


def texts(most, longest=50, **rules):
    return {"type": "array", "items": text(longest), "maxItems": most, **rules}


TRUTH = {"type": "boolean"}
URL = text(3500, r"\Ahttps?://")
UNIQUE = {"uniqueItems": True}
# What Slack's published schema of manifests (slackapi/manifest-schema, version 2.0.0, 2026-07-21)
# says about each object that this manifest has: all its properties, required ones, lengths and
# numbers. An object that the manifest does not have is `{}`.
LIMITS = closed(
    display_information_=closed(
        name_=text(35),
        description=text(140),
        background_color=text(7, "^#[0-9a-fA-F]{3}([0-9a-fA-F]{3})?$"),
        long_description=text(4000, shortest=175),
    ),
    features=closed(
        app_home=closed(
            home_tab_enabled=TRUTH,
            messages_tab_enabled=TRUTH,
            messages_tab_read_only_enabled=TRUTH,
        ),
        # The pattern is the documentation's (docs.slack.dev/reference/app-manifest).
        bot_user=closed(display_name_=text(80, r"\A[a-z0-9._-]+\Z"), always_online=TRUTH),
        slash_commands={
            "type": "array",
            "minItems": 1,
            "maxItems": 50,
            "items": closed(
                command_=text(32, r"\A/[^\s]+\Z", shortest=2),
                url=text(3000, r"\Ahttps?://"),
                description_=text(2000),
                usage_hint=text(1000),
                should_escape=TRUTH,
            ),
        },
        agent_view={},
        assistant_view={},
        functions={},
        shortcuts={},
        unfurl_domains={},
        workflow_steps={},
    ),
    oauth_config=closed(
        redirect_urls=texts(1000, 2500, **UNIQUE),
        scopes=closed(
            bot=texts(255), user=texts(255), bot_optional=texts(255), user_optional=texts(255)
        ),
        pkce_enabled=TRUTH,
        token_management_enabled=TRUTH,
    ),
    settings=closed(
        event_subscriptions=closed(
            request_url=URL,
            bot_events=texts(100, **UNIQUE),
            user_events=texts(100, **UNIQUE),
            metadata_subscriptions={},
        ),
        interactivity=closed(is_enabled_=TRUTH, request_url=URL, message_menu_options_url=URL),
        socket_mode_enabled=TRUTH,
        org_deploy_enabled=TRUTH,
        token_rotation_enabled=TRUTH,
        is_hosted=TRUTH,
        is_mcp_enabled=TRUTH,
        allowed_ip_address_ranges={},
        function_runtime={},
        hermes_app_type={},
        incoming_webhooks={},
        siws_links={},
    ),
    **dict.fromkeys(
        [
            *("$schema", "_metadata", "app_directory", "datastores", "external_auth_providers"),
            *("functions", "mcp_servers", "outgoing_domains", "types", "workflows"),
        ],
        {},
    ),
)
VALIDATOR = jsonschema.Draft7Validator(LIMITS)


def test_people_can_write_to_the_app():
    """It subscribes to message.im; an app of a manifest has its Messages tab off."""
    assert "message.im" in MANIFEST["settings"]["event_subscriptions"]["bot_events"]
    home = MANIFEST["features"]["app_home"]
    assert home["messages_tab_enabled"] is True
    assert home["messages_tab_read_only_enabled"] is False


def test_slack_takes_it():
    assert [error.message for error in VALIDATOR.iter_errors(MANIFEST)] == []


@pytest.mark.parametrize(
    "path, value",
    [
        (("display_information", "name"), "x" * 36),
        (("display_information", "description"), "x" * 141),
        (("features", "bot_user", "display_name"), "Stack Storm"),
        (("features", "slash_commands", 0, "command"), "st2"),
        (("settings", "event_subscriptions", "bot_events"), ["message.im"] * 2),
        (("settings", "unknown"), True),
        (("features", "app_home", "about_tab_enabled"), True),
        (("features", "slash_commands"), []),
        (("oauth_config", "scopes", "bot", 0), "x" * 51),
        (("settings", "interactivity"), {}),
        (("display_information",), {"description": "x"}),
    ],
)
def test_the_test_sees_what_slack_would_not_take(path, value):
    broken = json.loads(json.dumps(MANIFEST))
    place = broken
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert list(VALIDATOR.iter_errors(broken))


def test_events_and_buttons_need_no_url_as_they_come_by_socket_mode():
    settings = MANIFEST["settings"]
    assert settings["socket_mode_enabled"] is True and settings["interactivity"]["is_enabled"]
    assert "url" not in json.dumps(MANIFEST)


def test_the_scopes_are_the_union_of_what_the_features_need():
    asked = MANIFEST["oauth_config"]["scopes"]["bot"]
    assert len(asked) == len(set(asked))
    assert set(asked) == scopes()


def test_the_events_are_what_the_features_hear():
    assert set(MANIFEST["settings"]["event_subscriptions"]["bot_events"]) == events()


def test_the_triggers_page_names_the_events_and_the_command():
    for event in events() - {"reaction_removed"}:
        assert "`%s`" % event in TRIGGERS, event
    command = MANIFEST["features"]["slash_commands"][0]["command"]
    assert '"command": "%s"' % command in TRIGGERS


# --- features against facts ---------------------------------------------------------------------


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.title)
def test_each_method_of_a_feature_has_one_of_its_scopes(feature):
    for name in feature.methods:
        wanted = METHODS[name].get("scopes", {}).get("bot", [])
        assert wanted, "%s needs no scope" % name
        assert set(wanted) & set(feature.scopes), name


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.title)
def test_each_event_of_a_feature_has_its_scope(feature):
    for name in feature.events:
        assert set(EVENTS[name]["scopes"]) & set(feature.scopes), name


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.title)
def test_no_scope_is_there_without_a_reason(feature):
    needed = {scope for name in feature.methods for scope in METHODS[name]["scopes"]["bot"]}
    needed |= {scope for name in feature.events for scope in EVENTS[name]["scopes"]}
    told = {scope for scope, why in feature.further if len(why.split()) > 2}
    assert set(feature.scopes) <= needed | told
    assert not told & needed, "a fact tells it by now"


def test_a_feature_tells_what_it_lacks():
    feature = FEATURES[0]
    assert feature.lacks(feature.scopes) == []
    assert feature.lacks(["chat:write"]) == ["chat:write.public", "chat:write.customize"]


def test_every_scope_of_a_message_event_is_asked_for():
    """Slack sends an event only where its scope was granted."""
    asked = set(MANIFEST["oauth_config"]["scopes"]["bot"])
    for event in MANIFEST["settings"]["event_subscriptions"]["bot_events"]:
        assert set(EVENTS[event]["scopes"]) & asked, event


# --- the link -----------------------------------------------------------------------------------


def test_the_link_in_the_readme_is_made_from_it():
    (url,) = re.findall(r"https://api\.slack\.com/apps\?new_app=1[^)\s]+", README)
    assert url == manifest.url_of(MANIFEST)
    query = parse_qs(urlsplit(url).query, strict_parsing=True)
    assert query["new_app"] == ["1"] and set(query) == {"new_app", "manifest_yaml"}
    assert yaml.safe_load(query["manifest_yaml"][0]) == MANIFEST
    assert len(url) < 6000, "browsers and proxies cut longer ones"
    assert not re.search(r"[^!-~]|[()<>]", url), "it would end the link early"


def test_a_manifest_that_was_changed_changes_the_link():
    other = json.loads(json.dumps(MANIFEST))
    other["display_information"]["name"] = "Ops & more (test)"
    assert manifest.url_of(other) != manifest.url_of(MANIFEST)
    query = parse_qs(urlsplit(manifest.url_of(other)).query)
    assert yaml.safe_load(query["manifest_yaml"][0]) == other
