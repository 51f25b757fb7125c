"""What several test files share."""

import subprocess
import sys
import time
from pathlib import Path

import run

from st2slack.api.client import Client, Timing
from st2slack.settings.slack import read_settings

ROOT = Path(__file__).resolve().parents[1]
# Why a test is skipped says what would switch it on: the reasons are listed at the end of the run.
NEEDS_STACKSTORM = "needs StackStorm: make test-st2 ST2_REPO_PATH=…"


class Clock:
    """Time as an argument: sleeping moves it, and every sleep is kept."""

    def __init__(self):
        self.now = 1000.0
        self.slept = []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


def make_client(config, clock=None, http=None, workspace=None, **options):
    """A client whose waits cost no time. Its notices are collected in `client.notices`."""
    clock = clock or Clock()
    notices = []
    options.update({"http": http} if http else {})
    client = Client(
        read_settings(config, workspace),
        timing=Timing(clock, getattr(clock, "sleep", time.sleep), lambda: 0.5),
        on_retry=notices.append,
        **options,
    )
    client.notices, client.clock = notices, clock
    return client


def run_action(config, end_point, **parameters):
    """`run()` of the generic action, as StackStorm calls it."""
    parameters.setdefault("http_method", "POST")
    return run.SlackAction(config).run(end_point=end_point, **parameters)


def calls(slack, method):
    """The requests for one method that the loopback Slack read."""
    return [each for each in slack.requests if each.method == method]


def passing(name):
    """What pytest says of this file of tests, run in a process of its own, where all passed."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", str(ROOT / "tests" / name)],
        cwd=str(ROOT),
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
