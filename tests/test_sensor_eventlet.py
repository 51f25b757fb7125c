"""The sensor's process as in StackStorm, which patches Python by eventlet: the same tests."""

import pytest
from test_sensor_process import (  # noqa: F401 (tests and fixtures)
    config_of,
    make,
    real_time,
    test_an_outage_of_stackstorms_own_services_loses_nothing,
    test_connected_after_few_calls,
    test_faults_do_not_end_it,
    test_killed_and_started_again_nothing_is_lost,
    test_sigterm_while_a_dispatch_blocks,
    test_sigterm_while_several_workspaces_hang,
    test_sigterm_while_the_catch_up_waits,
    test_sigterm_while_the_connection_is_half_open,
    test_stopped_and_started_again_nothing_is_lost_and_nothing_twice,
    test_stopped_in_the_middle_of_a_stream,
    transport,
)

pytest.importorskip("eventlet")


@pytest.fixture
def kind():
    """Options of the host: patched as StackStorm's sensor wrapper does it."""
    return ("--eventlet",)


def test_the_host_is_patched(slack, make, kind):  # noqa: F811
    process = make(config_of(slack), *kind).start()
    process.terminate()
    assert "patched: os, select, socket, thread, time" in process.log
