"""`python -m sandbox listen`: the real sensor in a process of its own, and what it shows."""

import io
import json
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from rich.console import Console

from sandbox.cli import commands, listen, loopback
from sandbox.cli.sensor_process import SensorProcess
from sandbox.stackstorm.datastore import ActionService
from sandbox.stackstorm.runner.action_process import run_action
from st2slack.sensor.model import key_of

ROOT = Path(__file__).resolve().parents[1]
TRIGGERS = {
    "slack.message",
    "slack.event",
    "slack.command",
    "slack.interaction",
    "slack.sensor_state",
}


@pytest.fixture
def config_file(slack):
    with loopback.config_file(slack, allow_own_messages=True) as path:
        yield path


def started(*words, **more):
    return subprocess.Popen(
        [sys.executable, "-m", "sandbox", "listen", *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        **more,
    )


def test_without_a_config_somebody_talks_and_every_trigger_comes():
    with started() as process:
        lines = []
        while {each["trigger"] for each in lines} != TRIGGERS or len(lines) < 7:
            line = process.stdout.readline()
            assert line, process.stderr.read()
            lines.append(json.loads(line))
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert not any(each["fault"] for each in lines)
    assert "connected to Harbour Works" in errors and "sandbox run slack.chat.postMessage" in errors
    shown = json.dumps(lines) + errors
    assert "xapp-" not in shown and "xoxb-" not in shown
    command = next(each for each in lines if each["trigger"] == "slack.command")
    assert command["payload"]["response_url"] == "********"


def test_it_ends_in_time():
    with started("--for", "0.5", "--json") as process:
        assert process.wait(60) == 0
        assert json.loads(process.stdout.readline())["trigger"] == "slack.sensor_state"


def test_what_an_action_posts_comes_back(slack, config_file):
    config = yaml.safe_load(config_file.read_text(encoding="utf-8"))
    with SensorProcess(config_file) as listener:
        assert listener.wait_for("slack.sensor_state")
        done = run_action("slack.chat.postMessage", {"channel": "general", "text": "ü🎉"}, config)
        payload = listener.wait_for("slack.message")
    assert payload["timestamp_raw"] == done.result["ts"] and payload["text"] == "ü🎉"
    assert listener.code == 0


def test_the_status_action_reads_what_the_sensor_keeps(slack, config_file, tmp_path):
    store = tmp_path / "store.json"
    config = yaml.safe_load(config_file.read_text(encoding="utf-8"))
    service = ActionService("slack", "x", path=store)
    with SensorProcess(config_file, store) as listener:
        assert listener.wait_for("slack.sensor_state")
    kept = json.loads(service.get_value(key_of("status", ""), local=False))
    assert (kept["state"], kept["team"], kept["transport"]) == (
        "stopped",
        "Harbour Works",
        "socket_mode",
    )
    done = run_action("slack.sensor_status", {}, config, datastore=store)
    assert done.status == "failed" and "was stopped" in done.stderr.strip().splitlines()[-1]


def test_nobody_who_can_be_listened_to(tmp_path):
    """As in StackStorm: the sensor says so and stays."""
    path = tmp_path / "slack.yaml"
    path.write_text("action_token: xoxb-1\n", encoding="utf-8")
    with started("--config", str(path), "--for", "0.2") as process:
        out, errors = process.communicate(timeout=60)
    assert process.returncode == 0 and out == "" and "nothing to listen to" in errors


def test_a_config_that_stackstorm_would_refuse_is_wrong_usage(tmp_path, capsys):
    path = tmp_path / "slack.yaml"
    path.write_text("sensor: {channel_types: [open]}\n", encoding="utf-8")
    assert commands.main(["listen", "--config", str(path)]) == commands.WRONG_USAGE
    assert "sensor.channel_types" in capsys.readouterr().err


def test_a_pack_without_a_sensor_is_wrong_usage(tmp_path, capsys):
    assert commands.main(["listen", "--pack-dir", str(tmp_path)]) == commands.WRONG_USAGE
    assert "sensors: the pack has none" in capsys.readouterr().err


# --- what is shown ------------------------------------------------------------------------------

SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer"}, "url": {"type": ["string", "null"], "secret": True}},
}


def shown(payload, trigger="p.t"):
    found = []
    types = listen.TriggerTypes([{"name": "t", "payload_schema": SCHEMA}], "p")
    service = listen.ListeningSensorService(types, found.append, logging.getLogger("x"))
    service.dispatch(trigger=trigger, payload=payload, trace_tag="tag")
    return found[0]


def test_what_stackstorm_would_drop_is_said():
    assert shown({"n": 1}).fault == ""
    assert "'1' is not of type 'integer'" in shown({"n": "1"}).fault
    assert shown({}, "p.other").fault == "no trigger type of that name"


def test_what_is_secret_is_masked():
    assert shown({"n": 1, "url": "https://x"}).payload == {"n": 1, "url": "********"}


def test_people_see_what_is_not_empty():
    console = Console(file=io.StringIO(), width=80, force_terminal=False)
    show = listen.on_terminal(console)
    show(
        listen.DispatchedTrigger(
            "slack.message", {"a": 1, "b": None, "c": {"d": []}}, "tag", "bad n"
        )
    )
    text = console.file.getvalue()
    assert "slack.message  tag" in text and "a: 1" in text and "drop it: bad n" in text
    assert "b:" not in text and "c:" not in text


def test_the_datastore_is_shared_with_the_actions(tmp_path):
    types = listen.TriggerTypes([], "p")
    path = tmp_path / "store.json"
    service = listen.ListeningSensorService(types, print, logging.getLogger("x"), path)
    service.set_value("key", "text", local=False)
    assert ActionService("p", "x", path=path).get_value("key", local=False) == "text"
    assert service.get_value("none", local=False, decrypt=True) is None
    assert os.stat(path).st_mode & 0o77 == 0
