"""The pack on StackStorm's own code. Runs under `make test-st2`; elsewhere there is none."""

import json
import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import yaml
from helpers import NEEDS_STACKSTORM

from sandbox.stackstorm import package_path as stackstorm_path
from tools.generator import sources

CHECKOUT = os.environ.get("ST2_REPO_PATH", "")
pytestmark = pytest.mark.skipif(
    not (CHECKOUT and stackstorm_path.real_folder("st2common")),
    reason=NEEDS_STACKSTORM,
)
ROOT = Path(__file__).resolve().parents[1]
ACTIONS = sorted((ROOT / "actions").glob("*.yaml"))
DELIMITER = "%%%%%~=~=~=************=~=~=~%%%%"


def wrapper(config, **parameters):
    """One execution by StackStorm's own python_action_wrapper: (exit code, result, stderr)."""
    script = Path(CHECKOUT) / "contrib/runners/python_runner/python_runner/python_action_wrapper.py"
    parts = [sysconfig.get_path("purelib"), str(ROOT / "actions/lib")]
    done = subprocess.run(
        [
            sys.executable,
            "-u",
            str(script),
            "--pack=slack",
            "--file-path=%s" % (ROOT / "actions/run.py"),
            "--user=stanley",
            "--parent-args=[]",
            "--parameters=%s" % json.dumps(parameters),
            "--config=%s" % json.dumps(config),
        ],
        env=dict(os.environ, PYTHONPATH=":".join(parts)),
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=120,
    )
    parts = done.stdout.split(DELIMITER)
    return done.returncode, json.loads(parts[1]) if len(parts) == 3 else None, done.stderr


@pytest.mark.parametrize("path", ACTIONS, ids=lambda path: path.stem)
def test_stackstorm_accepts_the_metadata(path):
    from st2common.models.api.action import ActionAPI

    action = yaml.load(path.read_text(encoding="utf-8"), Loader=sources.LOADER)
    ActionAPI(**dict(action, pack="slack")).validate()


def test_the_wrapper_runs_an_action(slack, config):
    code, output, errors = wrapper(
        config, end_point="chat.postMessage", http_method="POST", channel="general", text="ü🎉"
    )
    assert code == 0, errors
    assert output["result"]["message"]["text"] == "ü🎉"
    assert len(slack.requests) == 1


def test_the_wrapper_shows_a_refusal(config):
    code, output, errors = wrapper(
        config, end_point="chat.postMessage", http_method="POST", channel="C0NOWHERE", text="x"
    )
    assert (code, output) == (1, None)
    assert "channel_not_found" in errors.strip().splitlines()[-1]
    assert config["action_token"] not in errors


def test_the_wrapper_shows_a_missing_token(slack):
    code, _, errors = wrapper({"api_url": slack.api_url}, end_point="auth.test", token=None)
    assert code == 1 and "`action_token`" in errors


def test_stackstorm_masks_the_credentials_of_an_answer():
    from st2common.util import output_schema

    action = yaml.safe_load((ROOT / "actions/oauth.v2.access.yaml").read_text(encoding="utf-8"))
    runner = {"output_key": "result", "output_schema": {"result": {"type": "object"}}}
    execution = {"action": action, "runner": runner}
    answer = {"ok": True, "access_token": "xoxb-1", "team": {"id": "T1"}, "refresh_token": "xoxe-1"}
    answer["authed_user"] = {"id": "U1", "access_token": "xoxp-1"}
    masked = output_schema.mask_secret_output(execution, {"result": json.loads(json.dumps(answer))})
    text = json.dumps(masked)
    assert not re.search(r"xox[bpe]-", text)
    assert masked["result"]["team"] == {"id": "T1"} and masked["result"]["ok"] is True
    assert masked["result"]["authed_user"]["id"] == "U1"


SCHEMAS = {
    path.stem: schema
    for path in sorted((ROOT / "actions").glob("*.yaml"))
    for schema in [yaml.safe_load(path.read_text(encoding="utf-8")).get("output_schema")]
    if schema
}


@pytest.mark.parametrize("action", sorted(SCHEMAS))
def test_stackstorm_does_not_ignore_the_output_schema(action, caplog):
    from st2common.util import output_schema

    runner = {"type": "object", "properties": {"output": {}}}
    validate = output_schema.validate_output
    found, status = validate(runner, SCHEMAS[action], {"output": "text"}, "succeeded", "output")
    assert status == "failed" and "is not of type 'object'" in found["error"]
    assert "Ignoring" not in caplog.text


def test_stackstorm_fails_a_question_without_an_answer():
    from st2common.util import output_schema

    runner = {"type": "object", "properties": {"output": {}}}
    answer = {
        "choice": "approve",
        "label": "Approve",
        "expired": False,
        "verified": True,
        "by": ["U1"],
        "votes": [{"user": "U1"}],
        "at": 1.5,
        "name": "a",
        "inquiry": "1",
        "message": {"channel": "C1", "ts": "1.5"},
        "note": "",
    }
    for broken in ({}, {"choice": None}, {"by": None}, {"message": "x"}):
        output = {**answer, **broken}
        _, status = output_schema.validate_output(
            runner, SCHEMAS["ask"], {"output": output}, "succeeded", "output"
        )
        assert status == ("failed" if broken else "succeeded"), broken
    for key in answer:
        output = {name: value for name, value in answer.items() if name != key}
        _, status = output_schema.validate_output(
            runner, SCHEMAS["ask"], {"output": output}, "succeeded", "output"
        )
        assert status == "failed", key


POLICIES = {"refresh_token": "concurrency.yaml", "run_command": "concurrency_by_attr.yaml"}


@pytest.mark.parametrize("action", sorted(POLICIES))
def test_stackstorm_accepts_the_policy(action):
    from st2common.models.api.base import BaseAPI
    from st2common.models.api.policy import PolicyAPI
    from st2common.util import schema

    policy = yaml.safe_load((ROOT / ("policies/%s.one_at_a_time.yaml" % action)).read_text())
    assert policy["resource_ref"] == "slack." + action
    BaseAPI.validate(PolicyAPI(**dict(policy, pack="slack")))
    kinds = Path(CHECKOUT) / "st2common/st2common/policies/meta"
    kind = yaml.safe_load((kinds / POLICIES[action]).read_text())
    assert policy["policy_type"] == "%s.%s" % (kind["resource_type"], kind["name"])
    wanted = schema.get_schema_for_resource_parameters(parameters_schema=kind["parameters"])
    schema.validate(policy["parameters"], wanted, schema.get_validator())


def test_st2_key_load_takes_the_file_for_rescue(tmp_path):
    import argparse

    from st2client.commands.keyvalue import KeyValuePairLoadCommand

    from st2slack.tokens.recovery_file import Rescue

    rescue = Rescue(str(tmp_path), "xoxe-1-old")
    assert rescue.write({"slack_bot_token": "xoxe.xoxb-1", "slack_refresh_token": "xoxe-1-new"})
    rescue.close()
    stored = []
    manager = argparse.Namespace(update=lambda instance, **_: stored.append(instance))
    loading = type("Loading", (KeyValuePairLoadCommand,), {"manager": manager})
    loading.__new__(loading).run(
        argparse.Namespace(file=rescue.path, convert=False, token=None, api_key=None)
    )
    assert [(each.name, each.value, each.secret) for each in stored] == [
        ("slack_bot_token", "xoxe.xoxb-1", True),
        ("slack_refresh_token", "xoxe-1-new", True),
    ]


def test_stackstorm_fills_in_no_empty_where():
    """A rule without `where` allows every channel; one with an empty list is refused."""
    from st2common.util.config_loader import ContentPackConfigLoader

    from st2slack.settings.access import read_access

    schema = yaml.safe_load((ROOT / "config.schema.yaml").read_text(encoding="utf-8"))
    rule = {"name": "r", "who": ["everyone"], "what": ["*"]}
    config = {"authorization": [rule], "workspaces": [{"name": "a", "authorization": [dict(rule)]}]}
    loader = ContentPackConfigLoader.__new__(ContentPackConfigLoader)
    loader._assign_default_values(schema=schema, config=config)
    assert config["ldap"] == {} and config["ldap_usernames"] == [], "as it fills in the rest"
    for workspace in (None, "a"):
        assert read_access(config, workspace).rules[0].where == ("channels",)
