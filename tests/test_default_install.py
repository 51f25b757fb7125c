"""An action in a process of its own, with the import path that StackStorm gives by default.

Under pytest everything is on the path, so a green suite proves nothing about that.
"""

import json
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from sandbox.stackstorm import package_path as stackstorm_path
from sandbox.stackstorm.runner.action_process import run_action

ROOT = Path(__file__).resolve().parents[1]

# pack virtualenv → actions/lib → StackStorm's packages → stdlib → actions/ last.
SCRIPT = """
import importlib.util, json, sys
name, class_ = sys.argv[2:]
spec = importlib.util.spec_from_file_location(name, "%s/actions/%s.py" % (sys.argv[1], name))
sys.path.append(sys.argv[1] + "/actions")
module = importlib.util.module_from_spec(spec)  # not put into sys.modules, as StackStorm does not
spec.loader.exec_module(module)
assert "sandbox" not in sys.modules and "yaml" not in set(sys.modules) - KNOWN
order = json.load(sys.stdin)
print("=" + json.dumps(getattr(module, class_)(order["config"]).run(**order["parameters"])))
"""


def import_path():
    """What StackStorm puts on PYTHONPATH for a python action of this pack."""
    ours = [sysconfig.get_path("purelib"), str(ROOT / "actions/lib")]
    return ours + stackstorm_path.folders()


MARA = "U0HARBOUR01"
MESSAGE = {"users": "mara", "text": "x"}
# entry file, class, parameters → what is in the result
ENTRIES = [
    ("run", "SlackAction", {"end_point": "api.test", "foo": "é"}, {"args": {"foo": "é"}}),
    ("find_channel", "FindChannelAction", {"channel": "#deploys"}, {"id": "C0DEPLOYS01"}),
    ("find_user", "FindUserAction", {"user": "@mara"}, {"id": MARA}),
    ("send_direct_message", "SendDirectMessageAction", MESSAGE, {"users": [MARA]}),
    ("send_invite", "SendInviteAction", {"email": "ana@example.com"}, {"ok": True}),
    (
        "set_usergroup",
        "SetUsergroupAction",
        {"usergroup": "on-call", "users": MARA},
        {"came": [MARA]},
    ),
    (
        "list_usergroup_members",
        "ListUsergroupMembersAction",
        {"usergroup": "on-call"},
        {"handle": "on-call"},
    ),
    (
        "users_filter_by",
        "FilterBy",
        {"attributes": {"name": "m*"}, "fields": ["id"]},
        [{"id": MARA}],
    ),
]


@pytest.mark.parametrize(
    ("name", "class_", "parameters", "expected"), ENTRIES, ids=[each[0] for each in ENTRIES]
)
def test_an_action_needs_nothing_else_on_its_path(
    slack, config, tmp_path, name, class_, parameters, expected
):
    config["admin"] = {"organization": "harbour-works", "admin_token": slack.user_token}
    order = {"config": config, "parameters": parameters}
    before = "import sys\nKNOWN = set(sys.modules)\n"
    done = subprocess.run(
        [sys.executable, "-c", before + SCRIPT, str(ROOT), name, class_],
        input=json.dumps(order),
        env={"PYTHONPATH": ":".join(import_path()), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        cwd=str(tmp_path),
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1][1:])
    if isinstance(expected, dict):
        result = {key: result[key] for key in expected}
    assert result == expected


def test_an_execution_from_metadata_to_answer(slack, config):
    """Metadata → cast and checked parameters → run.py → HTTP, in a process of its own."""
    done = run_action(
        "slack.chat.postMessage",
        {"channel": "general", "blocks": '[{"type": "divider"}]', "unfurl_links": "false"},
        config,
    )
    assert (done.status, done.result["ok"]) == ("succeeded", True)
    (request,) = slack.requests
    assert dict(request.form) == {
        "channel": "general",
        "blocks": '[{"type":"divider"}]',
        "unfurl_links": "false",
    }
    assert done.stderr == "" and done.stdout == ""


def test_a_refusal_fails_the_execution_and_its_last_line_explains(config):
    done = run_action("slack.chat.postMessage", {"channel": "C0NOWHERE", "text": "x"}, config)
    assert (done.status, done.result) == ("failed", None)
    last = done.stderr.strip().splitlines()[-1]
    assert "chat.postMessage was refused by Slack: channel_not_found" in last
    assert "invite the app first" in last
    assert config["action_token"] not in done.stderr


@pytest.mark.parametrize("names", [{"text": "x"}, {"channel": "C1", "txet": "x"}])
def test_wrong_parameters_send_nothing(slack, config, names):
    with pytest.raises(Exception, match="channel|txet"):
        run_action("slack.chat.postMessage", names, config)
    assert slack.connections == 0
