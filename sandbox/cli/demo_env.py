"""A Slack on loopback that people work from: the pack's sensor, and what stands for StackStorm.

The sensor runs in a process of its own; what it dispatches goes to the rules of the pack and of
`harbour`, a small pack with a release that has to be approved.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any, Dict, Iterator, Tuple

from sandbox.cli import loopback
from sandbox.cli.sensor_process import SensorProcess
from sandbox.stackstorm.validation_errors import ValidationError, ValidationErrors

PACK = Path(__file__).resolve().parents[2]
HARBOUR = Path(__file__).resolve().parents[1] / "harbour"
MARA, TOMASZ, PRIYA, LEA = ("U0HARBOUR%02d" % number for number in (1, 2, 3, 5))
# Who may what, as the README explains it.
AUTHORIZATION = [
    {
        "name": "deployers",
        "who": [MARA, TOMASZ, PRIYA],
        "what": ["harbour.*", "approval:harbour.*"],
    },
    {
        "name": "everybody asks",
        "who": ["everyone"],
        "where": ["channels", "direct_messages"],
        "what": ["slack.find_*", "slack.list_usergroup_members"],
    },
]
CHATOPS = {"command": "/st2", "contact": "Ask in #general."}


def config_of(slack: Any, **sensor: Any) -> Dict[str, Any]:
    """The pack's config there."""
    found = loopback.config_of(slack, **sensor)
    return {**found, "authorization": AUTHORIZATION, "chatops": CHATOPS}


@contextlib.contextmanager
def open_env(slack: Any, **sensor: Any) -> Iterator[Tuple[Any, SensorProcess]]:
    """(what stands for StackStorm, the listener of the sensor's triggers); commands are on.

    `sensor`: more of the config's section. ValidationErrors where a library is not there.
    """
    try:
        from sandbox.stackstorm.server import FakeStackStorm
    except ImportError as error:
        raise ValidationErrors(
            [ValidationError("StackStorm's API on loopback", f"{error}: run make venv")]
        ) from error
    before = os.environ.get("ST2_AUTH_TOKEN")
    configs = {"slack": config_of(slack, **sensor)}
    try:
        with FakeStackStorm((PACK, HARBOUR), configs) as st2:
            for rule in ("slack.on_command", "slack.on_mention", "slack.post_results"):
                st2.enable_rule(rule)
            with loopback.config_file(slack, **sensor) as file, SensorProcess(
                file, on_trigger=st2.dispatch
            ) as listener:
                yield st2, listener
    finally:  # StackStorm's client puts its token there
        if before is None:
            os.environ.pop("ST2_AUTH_TOKEN", None)
        else:
            os.environ["ST2_AUTH_TOKEN"] = before
