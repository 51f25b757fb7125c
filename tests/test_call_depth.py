"""How many functions of the pack a call goes through to HTTP: counted over all threads."""

import sys
import threading
from pathlib import Path

import pytest
from approving import RULES, TOMASZ, Approvals
from helpers import run_action

from sandbox.slack.state import seed
from sandbox.stackstorm.server import FakeStackStorm

PACK = str(Path(__file__).resolve().parents[1] / "actions")
MOST_FOR_A_CALL = 11  # 16 before there was a limit
MOST_FOR_A_PRESS = 18  # 25 before there was a limit


class CallDepth:
    """Records the functions of the pack between `run` of an action and each HTTP request.

    A thread continues the path of the one that started it.
    """

    def __init__(self, entry_file):
        self.entry_file = entry_file
        self.paths = []
        self._starters = {}

    def __enter__(self):
        threading.setprofile(self._profile)
        sys.setprofile(self._profile)
        return self

    def __exit__(self, *exc_info):
        sys.setprofile(None)
        threading.setprofile(None)

    @property
    def longest(self):
        """The longest path of the action to HTTP."""
        return max(self.paths, key=len)

    def _profile(self, frame, event, argument):
        if event != "call":
            return
        code = frame.f_code
        if code is threading.Thread.start.__code__:
            self._starters[frame.f_locals["self"]] = self._path_to(frame)
        elif code.co_name == "request" and code.co_filename.endswith("requests/sessions.py"):
            path = self._path_to(frame)
            if any(name.endswith(self.entry_file) for name, _ in path):
                self.paths.append(path)

    def _path_to(self, frame):
        path = []
        while frame:
            code = frame.f_code
            if code.co_filename.startswith(PACK) and not code.co_name.startswith("<module"):
                path.append((code.co_filename, code.co_name))
            frame = frame.f_back
        return self._starters.get(threading.current_thread(), []) + path[::-1]


@pytest.fixture
def approvals(slack, config, monkeypatch):
    monkeypatch.setenv("ST2_AUTH_TOKEN", "")  # st2client leaves one there
    config["authorization"] = RULES
    with FakeStackStorm(configs={"slack": config}, in_thread=True) as st2:
        yield Approvals(slack, config, st2)


def test_a_press_goes_through_few_functions_to_http(approvals):
    asking = approvals.ask()
    with CallDepth("answer_question.py") as depth:
        approvals.press_and_wait(TOMASZ)
    assert approvals.output(asking)["by"] == [TOMASZ]
    names = [name for _, name in depth.longest]
    assert len(names) <= MOST_FOR_A_PRESS, names


def test_a_call_goes_through_few_functions_to_http(slack, config):
    with CallDepth("run.py") as depth:
        answer = run_action(config, "chat.postMessage", channel=seed.DEPLOYS, text="x")
    assert answer["ok"]
    names = [name for _, name in depth.longest]
    assert names[:2] == ["run_and_check", "run"] and len(names) <= MOST_FOR_A_CALL, names
