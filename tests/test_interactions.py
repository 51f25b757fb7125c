"""Commands and interactions of every published type: the payload loses nothing but secrets."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from sensing import PATIENCE, RealTime, Sensing, until

from sandbox.slack.state import seed
from sandbox.slack.state.workspace import User
from st2slack.sensor import connection, interactions, payloads
from st2slack.sensor.socket_mode import SocketMode
from st2slack.settings.sensor import SensorSettings

ROOT = Path(__file__).parent.parent
PUBLISHED = json.loads((ROOT / "tests" / "fixtures" / "interactive_payloads.json").read_text())
SENSOR = yaml.safe_load((ROOT / "sensors" / "slack_sensor.yaml").read_text())
SCHEMAS = {each["name"]: each["payload_schema"] for each in SENSOR["trigger_types"]}
SECRET = ("token", "bot_access_token")  # of the published types


def bodies():
    """Each published payload; those that have elements once for each kind of element."""
    for name, body in PUBLISHED["interactions"].items():
        for kind, element in PUBLISHED["elements"].get(name, {"": None}).items():
            filled = {**body, "actions": [element]} if element else body
            yield " ".join(filter(None, (name, kind))), filled


BODIES = dict(bodies())


def leaves(value):
    """Every text, number and truth value in a JSON value."""
    if isinstance(value, dict):
        return [leaf for each in value.values() for leaf in leaves(each)]
    if isinstance(value, list):
        return [leaf for each in value for leaf in leaves(each)]
    return [repr(value)]


def interaction(sent, workspace=""):
    payload = payloads.interaction_trigger(sent, workspace).payload
    jsonschema.Draft4Validator(SCHEMAS["interaction"]).validate(payload)
    assert set(payload) == set(SCHEMAS["interaction"]["properties"])
    return payload


def test_the_published_types_are_those_that_slack_names():
    """https://docs.slack.dev/reference/interaction-payloads, and those of old messages, dialogs."""
    assert {body["type"] for body in BODIES.values()} == {
        "block_actions",
        "block_suggestion",
        "dialog_submission",
        "dialog_suggestion",
        "interactive_message",
        "message_action",
        "shortcut",
        "view_closed",
        "view_submission",
    }
    assert len(BODIES) == 30


@pytest.mark.parametrize("name", BODIES)
def test_nothing_but_secrets_is_lost(name):
    sent = BODIES[name]
    payload = interaction(sent)
    for leaf in leaves({key: value for key, value in sent.items() if key not in SECRET}):
        assert leaf in leaves(payload) or leaf in leaves(sent.get("response_urls", []))
    for key in set(SECRET) & set(sent):
        assert sent[key] not in json.dumps(payload)


def test_a_slash_command_loses_nothing_but_secrets():
    sent = PUBLISHED["commands"]["SlashCommand"]
    payload = payloads.command_trigger(sent, "").payload
    jsonschema.Draft4Validator(SCHEMAS["command"]).validate(payload)
    assert set(payload) == set(SCHEMAS["command"]["properties"])
    assert set(leaves(sent)) - set(leaves(payload)) == {repr(sent["token"])}
    assert sorted(payload["event"]) == [
        "api_app_id",
        "enterprise_id",
        "enterprise_name",
        "is_enterprise_install",
        "team_domain",
    ]


DIALOG = {
    "type": "dialog_submission",
    "submission": {"host": "web1", "token": "typed"},
    "callback_id": "restart",
    "state": "ticket-42",
    "action_ts": "1.2",
    "user": {"id": "U1", "name": "mara"},
    "channel": {"id": "C1", "name": "general"},
    "team": {"id": "T1", "domain": "harbour-works"},
    "response_url": "https://hooks.slack.com/app/T1/1/x",
    "token": "t",
}


def test_a_dialog():
    payload = interaction(DIALOG)
    assert (payload["submission"], payload["state"]) == (DIALOG["submission"], "ticket-42")
    assert payload["event"] == {"action_ts": "1.2", "team": {"domain": "harbour-works"}}


def test_a_closed_modal():
    closed = {"type": "view_closed", "view": {"id": "V1", "title": {"text": "T"}}}
    assert interaction({**closed, "is_cleared": True})["is_cleared"] is True
    payload = interaction({**closed, "is_cleared": False})
    assert payload["is_cleared"] is False
    assert payload["event"] == {"view": {"title": {"text": "T"}}}


FILE = {"id": "F1", "name": "log.txt", "url_private": "https://files.slack.com/F1"}


def test_the_files_of_an_input():
    element = {"type": "file_input", "files": [FILE, {"id": "F2"}]}
    view = {"state": {"values": {"b": {"a": element, "c": {"value": "x"}}}}}
    assert interaction({"type": "view_submission", "view": view})["files"] == element["files"]
    pressed = {"type": "block_actions", "actions": [element], "state": view["state"]}
    payload = interaction(pressed)
    assert payload["files"] == payload["value"] == element["files"]
    assert interaction({"type": "block_actions"})["files"] == []


def test_a_step_of_a_workflow():
    data = {"execution_id": "Fx1", "function": {"callback_id": "f"}, "inputs": {"a": 1}}
    sent = {
        "type": "block_actions",
        "function_data": data,
        "bot_access_token": "xwfp-secret",
        "interactivity": {"interactor": {"id": "U1", "secret": "hush"}, "pointer": "1.2"},
        "note": "made with xoxb-1234-abcd",
    }
    payload = interaction(sent)
    assert payload["function_data"] == data
    assert payload["event"] == {
        "interactivity": {"interactor": {"id": "U1"}, "pointer": "1.2"},
        "note": "made with ********",
    }
    body = {"type": "function_executed", "inputs": {"a": 1}, "bot_access_token": "xwfp-secret"}
    made = payloads.event_trigger(payloads.Event(body), {}, {})
    assert made.payload["event"] == {"type": "function_executed", "inputs": {"a": 1}}


def test_what_is_of_another_type_than_it_should_be_is_kept_too():
    sent = {"type": "new", "actions": ["x"], "state": 5, "user": "U1", "view": None, "new": [1]}
    assert interaction(sent)["event"] == {"actions": ["x"], "state": 5, "user": "U1", "new": [1]}


ORGANIZATION = {"id": "E1", "name": "acme"}
TEAMS = {
    "ours": ({"team": {"id": "T1"}, "user": {"team_id": "T1"}}, ("T1", None)),
    "another organization's": ({"team": {"id": "T1"}, "user": {"team_id": "T2"}}, ("T1", "T2")),
    "another organization's modal": (
        {"team": {"id": "T2"}, "user": {"team_id": "T2"}, "view": {"app_installed_team_id": "T1"}},
        ("T1", "T2"),
    ),
    "our organization": (
        {"team": {"id": "T1"}, "user": {"team_id": "E1"}, "enterprise": ORGANIZATION},
        ("T1", None),
    ),
    "an app of an organization": ({"team": None, "user": {"team_id": "T1"}}, ("T1", None)),
}


@pytest.mark.parametrize("name", TEAMS)
def test_whose_team(name):
    sent, expected = TEAMS[name]
    payload = interaction({"type": "block_actions", **sent})
    assert (payload["team"], payload["user_team"]) == expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["x", "T1", "mara"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "name", "team_id", "x", "values"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)
KEYS = sorted({key for body in BODIES.values() for key in body} | {"x", "interactivity"})


@given(st.dictionaries(st.sampled_from(KEYS), JSON, max_size=8))
def test_nothing_is_lost_of_anything(sent):
    payload = payloads.interaction_trigger(sent, "").payload
    kept = leaves(payload)
    known = {key: value for key, value in sent.items() if not interactions.is_secret(key)}
    assert [leaf for leaf in leaves(known) if leaf not in kept] == []


# --- over the socket ------------------------------------------------------------------------------


ASKING = {
    "block_suggestion": {"type": "block_suggestion", "action_id": "a", "value": "ty"},
    "dialog_suggestion": {"type": "dialog_suggestion", "name": "a", "value": "ty"},
    "an old menu": {"type": "interactive_message", "name": "a", "value": "ty"},
}
NOT_ASKING = {
    "an old button": {"type": "interactive_message", "actions": [{"name": "a"}]},
    "a button": {"type": "block_actions", "actions": [{"action_id": "a"}]},
    "a modal": {"type": "view_submission", "view": {"id": "V1"}},
    "a dialog": {"type": "dialog_submission", "submission": {}},
}


def answer_to(slack, payload):
    with Sensing(slack) as sensing:
        envelope_id = slack.socket.push_interaction(payload)

        def found():
            return [each for each in slack.socket.acknowledged if each.envelope_id == envelope_id]

        assert slack.socket.wait_for(found, PATIENCE)
        until(lambda: sensing.of("slack.interaction"))
        return found()[0].payload


@pytest.mark.parametrize("name", [*ASKING, *NOT_ASKING])
def test_a_menu_that_asks_for_its_options_gets_none(slack, name):
    answer = answer_to(slack, ASKING.get(name) or NOT_ASKING[name])
    assert answer == ({"options": []} if name in ASKING else None)


STRANGER, THEIRS = "U9STRANGER1", "T0CONNECTED"


@pytest.fixture
def shared(slack, monkeypatch):
    """A workspace with a channel that somebody of another organization is in."""
    monkeypatch.setattr(connection, "FIRST_PAUSE", 0.02)
    slack.workspace.next_ts = RealTime()
    slack.socket.window = 0.0  # what nobody was there to take is only in the history
    slack.workspace.users[STRANGER] = User(STRANGER, "eve", "Eve Doe", team=THEIRS)
    slack.workspace.channels[seed.GENERAL].members.append(STRANGER)
    return slack


def teams(sensing):
    return [(each["team"], each["user_team"]) for each in sensing.of("slack.message")]


def test_a_stranger_live_and_caught_up_alike(shared):
    store = {}
    with Sensing(shared, store=store) as sensing:
        shared.workspace.say(STRANGER, seed.GENERAL, "live")
        shared.workspace.say(seed.OWNER, seed.GENERAL, "ours, live")
        sensing.wait_texts(2)
        live = teams(sensing)
    shared.workspace.say(STRANGER, seed.GENERAL, "missed")
    shared.workspace.say(seed.OWNER, seed.GENERAL, "ours, missed")
    with Sensing(shared, store=store) as sensing:
        sensing.wait_texts(2)
        caught_up = teams(sensing)
    assert live == caught_up == [(seed.TEAM, THEIRS), (seed.TEAM, None)]


def test_a_stranger_by_rtm(shared):
    """`team` of a message is its author's there."""
    with Sensing(shared, "rtm") as sensing:
        shared.workspace.say(STRANGER, seed.GENERAL, "hi", team=THEIRS)
        sensing.wait_texts(1)
        assert teams(sensing) == [(seed.TEAM, THEIRS)]


OURS = {"enterprise_id": None, "team_id": "T1", "user_id": "U1", "is_bot": True}
MESSAGE = {"type": "message", "user": "U9", "channel": "C1", "ts": "1.0", "text": "hi"}
ENVELOPES = {
    "ours": ({"team_id": "T1", "authorizations": [OURS]}, {"team": "T1"}, {}, ("T1", None)),
    "the envelope's": ({"team_id": "T2", "authorizations": [OURS]}, {}, {}, ("T1", "T2")),
    "in the other's channel, ours": (
        {"team_id": "T2", "authorizations": [OURS]},
        {},
        {"id": "U9", "team_id": "T1"},
        ("T1", None),
    ),
    "by the event": (
        {"team_id": "T1", "authorizations": [OURS]},
        {"team": "T1", "user_team": "T2", "source_team": "T2"},
        {},
        ("T1", "T2"),
    ),
    "by the profile": (
        {"team_id": "T1", "authorizations": [OURS]},
        {"user_profile": {"team": "T2"}},
        {},
        ("T1", "T2"),
    ),
    "by the message's team": (
        {"team_id": "T1", "authorizations": [OURS]},
        {"team": "T2"},
        {},
        ("T1", "T2"),
    ),
    "no authorizations": ({"team_id": "T2", "context_team_id": "T1"}, {}, {}, ("T1", "T2")),
    "of a whole organization": (
        {"team_id": "T1", "authorizations": [{"enterprise_id": "E1", "team_id": None}]},
        {},
        {},
        ("T1", None),
    ),
    "broken": ({"team_id": "T1", "authorizations": [7, {}]}, {"user_team": 5}, {}, ("T1", None)),
}


@pytest.mark.parametrize("name", ENVELOPES)
def test_the_home_workspace_and_the_other_one(name):
    around, more, user, expected = ENVELOPES[name]
    payload = {"event": {**MESSAGE, **more}, **around}
    frame = {"type": "events_api", "envelope_id": "1", "payload": payload}
    event = SocketMode(SensorSettings(), "").read(json.dumps(frame)).event
    for made in (
        payloads.message_trigger(event, user, {}, {}, SensorSettings()),
        payloads.event_trigger(event, user, {}),
    ):
        assert (made.payload["team"], made.payload["user_team"]) == expected
