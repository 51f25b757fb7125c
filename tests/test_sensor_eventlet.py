"""The sensor's process as in StackStorm, which patches Python by eventlet: the same tests."""

import pytest
from test_sensor_process import *  # noqa: F403 (its tests and fixtures)

pytest.importorskip("eventlet")


@pytest.fixture
def kind():
    """Options of the host: patched as StackStorm's sensor wrapper does it."""
    return ("--eventlet",)


def test_the_host_is_patched(slack, make, kind):  # noqa: F811
    process = make(config_of(slack), *kind).start()  # noqa: F405
    process.terminate()
    assert "patched: os, select, socket, thread, time" in process.log
