"""Slack's own clients for Node (tests/node), run against the loopback Slack.

`missing()` says "" or what is not here. Under `.ci/run`, NODE_CLIENTS=required makes that a
failure.
"""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = Path(__file__).parent / "node"
MODULES = ROOT / ".node-tests/node_modules"  # `make node-clients` installs them there
NODE = shutil.which("node")


def missing():
    """What is needed and not here, in words."""
    if NODE is None:
        return "node (Node.js 20 or newer)"
    wanted = json.loads((SCRIPTS / "package.json").read_text(encoding="utf-8"))["dependencies"]
    there = {name: version_of(name) for name in wanted}
    lacks = ["{} {}".format(name, wanted[name]) for name in wanted if there[name] != wanted[name]]
    return " and ".join(lacks) + " (make node-clients)" if lacks else ""


def version_of(name):
    """The version of a package that is installed, "" where it is not."""
    path = MODULES / name / "package.json"
    if not path.is_file():
        return ""
    return json.loads(path.read_text(encoding="utf-8"))["version"]


def needed():
    """Skip the test where the clients are not to be had; fail it where they have to be."""
    lacks = missing()
    if lacks and os.environ.get("NODE_CLIENTS") == "required":
        pytest.fail("NODE_CLIENTS=required, but there is no " + lacks)
    if lacks:
        pytest.skip("needs Slack's clients for Node: " + lacks)


def start(script, slack, **more):
    """A script that runs, with what leads it to this Slack."""
    told = {
        "api_url": slack.api_url,
        "bot": slack.bot_token,
        "user": slack.user_token,
        "app": slack.app_token,
        **more,
    }
    # Nothing of this machine's settings: no proxy, no options of Node's.
    env = {"PATH": os.environ.get("PATH", ""), "NODE_PATH": str(MODULES), "HOME": "/nonexistent"}
    return subprocess.Popen(
        [str(NODE), str(SCRIPTS / script), json.dumps(told)],
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


RESPONSES = MODULES / "@slack/web-api/dist/types/response"
MEMBER = re.compile(r"^    (\w+)\??: (.+);$", re.MULTILINE)
PLAIN = ("string", "boolean", "number")


def published_kinds(method):
    """Key → kind (string, boolean, number, list, object) of a method's answer, as the types of
    @slack/web-api tell; what they leave open is not there. Empty for a method without types."""
    words = "".join(word[:1].upper() + word[1:] for word in re.split(r"[._]", method))
    path = RESPONSES / (words + "Response.d.ts")
    if not path.is_file():
        return {}
    text = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    body = re.search(r"Response = WebAPICallResult & \{\n(.*?)\n\};", text, re.DOTALL)
    found = {} if body is None else dict(MEMBER.findall(body.group(1)))
    kinds = {key: _kind(told, text) for key, told in found.items()}
    return {key: kind for key, kind in kinds.items() if kind}


def _kind(told, text):
    """The kind that a type of TypeScript is, "" where it can be several."""
    if told in PLAIN:
        return told
    if told.endswith("[]"):
        return "list"
    if told.startswith("{"):
        return "object"
    if not told.isidentifier() or told in ("any", "unknown"):
        return ""
    return "string" if "enum {} ".format(told) in text else "object"
