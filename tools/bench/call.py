"""One call in a process of its own, against a two-line action that imports requests and posts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Callable, Dict, List, Optional

from sandbox.slack import LoopbackSlack
from sandbox.stackstorm import package_path as stackstorm_path
from tools.bench.entry import LOADED
from tools.bench.result import Result, interleaved

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 25
PLAIN = """
import requests
from st2common.runners.base_action import Action


class PlainAction(Action):
    def run(self, **parameters):
        return requests.post(self.config["url"], data=parameters, timeout=30).json()
"""
LOADER = LOADED + "print(json.dumps(answer))"


def measure() -> Result:
    """Wall time of the whole process; StackStorm's own wrapper where a checkout is named."""
    checkout = os.environ.get("ST2_REPO_PATH")
    with LoopbackSlack() as slack, tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "plain.py"
        plain.write_text(PLAIN, encoding="utf-8")
        config = {"api_url": slack.api_url, "action_token": slack.bot_token}
        parameters = {"end_point": "api.test", "http_method": "POST", "foo": "bar"}
        ours = _process(checkout, ROOT / "actions/run.py", parameters, config)
        theirs = _process(checkout, plain, {"foo": "bar"}, {"url": slack.api_url + "api.test"})
        measured, base = interleaved(ROUNDS, ours, theirs)
    where = "StackStorm's wrapper" if checkout else "default import path"
    return Result("call", "slack.api.test, " + where, measured, "two-line action", base, 1.25)


def _process(
    checkout: Optional[str], entry: Path, parameters: Dict[str, str], config: Dict[str, str]
) -> Callable[[], object]:
    values = [json.dumps(parameters), json.dumps(config)]
    command: List[str] = [sys.executable, "-c", LOADER, str(entry), *values]
    parts = [sysconfig.get_path("purelib"), str(ROOT / "actions/lib"), *stackstorm_path.folders()]
    if checkout:
        script = "contrib/runners/python_runner/python_runner/python_action_wrapper.py"
        # As the Makefile has it: the interpreter that has StackStorm's requirements.
        python = os.environ.get("ST2_PYTHON") or checkout + "/virtualenv/bin/python"
        options = ["--pack=slack", "--user=bench", "--parent-args=[]"]
        command = [python, "-u", str(Path(checkout) / script), "--file-path=%s" % entry, *options]
        command += ["--parameters=" + values[0], "--config=" + values[1]]
        parts = [str(ROOT / "actions/lib")]
    env = dict(os.environ, PYTHONPATH=os.pathsep.join(parts))
    return lambda: subprocess.run(command, env=env, check=True, capture_output=True)
