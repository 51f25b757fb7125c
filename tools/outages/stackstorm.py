"""A whole StackStorm on this machine, by the scripts that start and stop it."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any, Dict, List

import requests

API = "http://127.0.0.1:9101/v1"
PACK = Path(__file__).resolve().parents[2]
SENSOR = "slack_sensor.py"


class StackStorm:
    """`folder`: what ST2BED names. `tools`: where up.sh, down.sh and reload.sh are."""

    def __init__(self, folder: Path, tools: Path) -> None:
        self.folder = folder
        self._tools = tools

    def start(self, *services: str) -> None:
        """Returns when they listen."""
        self._run("up.sh", *services)

    def stop(self, *services: str) -> None:
        """Returns when they have ended."""
        self._run("down.sh", *services)

    def restart(self, *services: str) -> None:
        """One after the other."""
        for service in services:
            self.stop(service)
            self.start(service)

    def install(self, config: Dict[str, Any], copy: Path) -> None:
        """Register the files that git tracks here as the pack, with this config (JSON is YAML)."""
        (self.folder / "configs/slack.yaml").write_text(json.dumps(config), encoding="utf-8")
        names = subprocess.run(
            ["git", "ls-files", "-z"], cwd=PACK, check=True, stdout=subprocess.PIPE
        ).stdout
        packed = subprocess.run(
            ["tar", "--null", "-T", "-", "-cf", "-"],
            cwd=PACK,
            input=names,
            check=True,
            stdout=subprocess.PIPE,
        ).stdout
        copy.mkdir()
        subprocess.run(["tar", "-C", str(copy), "-xf", "-"], input=packed, check=True)
        self._run("reload.sh", str(copy))

    def sensor_processes(self) -> List[int]:
        """The IDs of the processes in which the pack's sensor runs."""
        found = []
        for each in Path("/proc").glob("[0-9]*"):
            try:
                command = (each / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if "sensor_wrapper" in command and SENSOR in command:
                found.append(int(each.name))
        return sorted(found)

    def trigger_instances(self, trigger: str) -> int:
        """How many StackStorm's rules engine has of a trigger."""
        answer = requests.get(
            API + "/triggerinstances", params={"trigger": trigger, "limit": "1"}, timeout=30
        )
        return int(answer.headers.get("X-Total-Count", -1)) if answer.ok else -1

    def run(self, action: str) -> Dict[str, Any]:
        """Run an action without parameters to its end; the execution."""
        made = requests.post(API + "/executions", json={"action": action}, timeout=30).json()
        while True:
            found = requests.get(API + "/executions/" + made["id"], timeout=30).json()
            if found["status"] in ("succeeded", "failed", "timeout"):
                return dict(found)
            time.sleep(0.2)

    def _run(self, script: str, *arguments: str) -> None:
        # Into a file: the services that it starts would hold a pipe open.
        log = self.folder / "logs" / "outages.out"
        environment = {**os.environ, "ST2BED": str(self.folder)}
        with open(log, "ab") as output:
            done = subprocess.run(
                [str(self._tools / script), *arguments],
                env=environment,
                stdout=output,
                stderr=output,
                check=False,
            )
        if done.returncode:
            raise RuntimeError("%s %s failed; see %s" % (script, " ".join(arguments), log))
