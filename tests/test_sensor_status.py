"""slack.sensor_status: the status that the sensor saved, and the error where it is not healthy."""

import json
import logging
import threading
import time

import pytest
import sensor_status

from sandbox.stackstorm.datastore import ActionService
from sandbox.stackstorm.runner.action_process import run_action
from st2slack.base.errors import SettingsError, SlackError
from st2slack.sensor import status
from st2slack.sensor.model import key_of
from st2slack.sensor.workspace_sensor import HEARTBEAT, Services, WorkspaceSensor

NOW = 1_800_000_000.0
CONFIG = {
    "sensor": {"app_token": "xapp-1"},
    "workspaces": [{"name": "emea", "app_token": "xapp-2"}, {"name": "mute"}],
}
GOOD = {"state": "connected", "reason": "", "since": NOW - 60, "heartbeat": NOW - 10}


def read(kept, workspace=None, max_age=None, now=NOW):
    text = kept if kept is None or isinstance(kept, str) else json.dumps(kept)
    return status.read(CONFIG, workspace, lambda key: text, now, max_age)


def test_a_living_sensor_is_told_as_it_is():
    assert read(GOOD) == GOOD


def test_a_status_that_an_older_version_saved():
    older = {**GOOD, "why": ""}
    del older["reason"]
    assert read(older) == GOOD
    with pytest.raises(SlackError, match="state lost for 60 s: EOF"):
        read({**older, "state": "lost", "why": "EOF"})


@pytest.mark.parametrize(
    "kept, said",
    [
        (None, "has not run yet"),
        ("", "has not run yet"),
        ("no JSON", "has not run yet"),
        ("[1]", "has not run yet"),
        ({}, "has not run yet"),
        ({"state": "connected"}, "gave its last heartbeat; 60 s are allowed"),
        (dict(GOOD, heartbeat="soon"), "gave its last heartbeat; 60 s"),
        (dict(GOOD, heartbeat=NOW - 61), "gave its last heartbeat 61 s ago; 60 s are allowed"),
        (dict(GOOD, state="stopped", since=NOW - 5), "was stopped 5 s ago and did not come back"),
        (dict(GOOD, state="lost", reason="EOF"), "state lost for 60 s: EOF. It goes"),
        (dict(GOOD, state="degraded", since=None), "not connected: state degraded. It goes"),
        (
            dict(GOOD, state="degraded", connection="connected"),
            "cannot dispatch, for 60 s. It goes",
        ),
        (dict(GOOD, state="starting", since=None), "lives but is not connected"),
        ({"heartbeat": NOW}, "lives but is not connected"),
    ],
)
def test_an_unhealthy_one_fails_and_says_what_to_do(kept, said):
    with pytest.raises(SlackError) as caught:
        read(kept)
    text = str(caught.value)
    assert said in text and text.startswith("The sensor of the config's top level ")
    assert "\n" not in text and any(word in text for word in ("See ", "tart ", "mend "))


def test_how_old_a_heartbeat_may_be_can_be_said():
    assert read(GOOD, max_age=10) == GOOD
    with pytest.raises(SlackError, match="10 s ago; 9.5 s are allowed"):
        read(GOOD, max_age=9.5)
    with pytest.raises(SlackError, match="10 s ago; 0 s are allowed"):
        read(GOOD, max_age=0)


def test_each_workspace_has_its_own():
    asked = []
    kept = {"slack_sensor.status.emea": json.dumps(GOOD)}

    def get_value(key):
        asked.append(key)
        return kept.get(key)

    assert status.read(CONFIG, "emea", get_value, NOW) == GOOD
    with pytest.raises(SlackError, match="of the config's top level has kept no status"):
        status.read(CONFIG, "", get_value, NOW)
    assert asked == ["slack_sensor.status.emea", "slack_sensor.status"]


def test_where_no_sensor_can_listen_the_config_is_named():
    with pytest.raises(SettingsError, match="has no `app_token` in that entry"):
        read(GOOD, "mute")
    with pytest.raises(SettingsError, match="not in the pack's config. Configured there: emea"):
        read(GOOD, "apac")
    with pytest.raises(SettingsError, match="`sensor.app_token`"):
        status.read({}, None, lambda key: None, NOW)


@pytest.mark.parametrize("name", ["", "emea"])
def test_it_reads_the_key_that_the_sensor_writes(name):
    kept = {}
    services = Services(lambda *_: None, kept.get, kept.__setitem__, logging.getLogger())
    sensed = WorkspaceSensor(CONFIG, name, services, threading.Event())
    assert sensed.checkpoint.save_status(GOOD)
    assert status.read(CONFIG, name, kept.get, NOW) == GOOD


def test_a_heartbeat_is_given_often_enough():
    assert HEARTBEAT * 3 < status.STALE


@pytest.fixture
def kept(tmp_path):
    path = tmp_path / "datastore.json"

    def keep(**changed):
        document = {**GOOD, "since": time.time(), "heartbeat": time.time(), **changed}
        service = ActionService("slack", "Sensor", path=path)
        service.set_value(key_of("status", ""), json.dumps(document), local=False)
        return path

    return keep


def test_the_action_runs_from_its_metadata(kept):
    done = run_action("slack.sensor_status", {}, CONFIG, datastore=kept(dispatched=3))
    assert done.succeeded, done.stderr
    assert (done.result["state"], done.result["dispatched"]) == ("connected", 3)


def test_the_action_fails_where_the_heartbeat_is_stale(kept):
    path = kept(heartbeat=time.time() - 100)
    assert run_action("slack.sensor_status", {"max_age": 180}, CONFIG, datastore=path).succeeded
    done = run_action("slack.sensor_status", {}, CONFIG, datastore=path)
    assert done.status == "failed"
    assert "60 s are allowed" in done.stderr.strip().splitlines()[-1]


def test_the_action_as_users_test_theirs():
    service = ActionService("slack", "SensorStatusAction")
    made = sensor_status.SensorStatusAction(config=CONFIG, action_service=service)
    with pytest.raises(SlackError, match="has not run yet"):
        made.run()
    document = dict(GOOD, heartbeat=time.time())
    service.set_value(key_of("status", "emea"), json.dumps(document), local=False)
    assert made.run(workspace="emea") == document
