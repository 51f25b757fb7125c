"""The loopback Slack's timestamps: its own week, or those of the clock."""

from sandbox.slack.state.seed import harbour_works


def test_timestamps_are_those_of_the_clock_and_differ():
    workspace = harbour_works()
    before = workspace.next_ts()
    workspace.clock = lambda: 1796000000.5
    workspace.use_clock()
    found = [workspace.next_ts() for _ in range(3)]
    assert found == ["1796000000.500000", "1796000000.500001", "1796000000.500002"]
    assert workspace.now() == 1796000000 and before < found[0]
    workspace.clock = lambda: 1795999999.0  # a clock that is set back
    assert workspace.next_ts() == "1796000000.500003"
