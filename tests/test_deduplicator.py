"""What was dispatched already: two that differ are two, copies of one are one."""

import json
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from st2slack.sensor import deduplicator
from st2slack.sensor.deduplicator import Deduplicator
from st2slack.sensor.model import EVENT, MESSAGE, Event

LIBRARY = Path(__file__).resolve().parents[1] / "actions/lib"
NOW = 1_764_000_000.0
KEEP_FOR = 3960.0

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
KEYS = ("type", "subtype", "channel", "user", "ts", "event_ts", "item", "message", "reaction")
BODIES = st.dictionaries(st.sampled_from(KEYS) | st.text(), JSON, max_size=8)


def message(ts="1763999999.000100", channel="C1", event_id=None, **more):
    return Event(dict({"type": "message", "channel": channel, "ts": ts}, **more), event_id)


def event(kind, event_id=None, **more):
    return Event(dict({"type": kind}, **more), event_id)


def reaction(name="eyes", user="U1", ts="1.000001", event_ts="9.000001"):
    item = {"type": "message", "channel": "C1", "ts": ts}
    return event("reaction_added", user=user, reaction=name, item=item, event_ts=event_ts)


def edit(event_ts, inner="1.000001"):
    more = {"subtype": "message_changed", "hidden": True, "message": {"ts": inner, "text": "x"}}
    return message(ts=event_ts, event_ts=event_ts, **more)


ONE = {
    "delivered again": (message(event_id="Ev1"), message(event_id="Ev1"), MESSAGE),
    "live and from the history": (message(event_id="Ev1", event_ts="1"), message(), MESSAGE),
    "the history knows no file_share": (message(subtype="file_share"), message(), MESSAGE),
    "same event_id alone": (
        event("emoji_changed", "Ev1"),
        event("emoji_changed", "Ev1"),
        EVENT,
    ),
    "a reaction over two connections": (reaction(), reaction(), EVENT),
    "an edit over two connections": (edit("5.000001"), edit("5.000001"), EVENT),
}
TWO = {
    "one second": (message("5.000001"), message("5.000002"), MESSAGE, MESSAGE),
    "two channels": (message(channel="C1"), message(channel="C2"), MESSAGE, MESSAGE),
    "two edits": (edit("5.000001"), edit("6.000001"), EVENT, EVENT),
    "edits of two messages": (edit("5.0", "1.0"), edit("5.0", "2.0"), EVENT, EVENT),
    "a message and its edit": (message("5.0"), edit("5.0", "5.0"), MESSAGE, EVENT),
    "a mention and its message": (
        message("5.0", event_id="Ev1"),
        event("app_mention", "Ev2", channel="C1", ts="5.0", event_ts="5.0"),
        MESSAGE,
        EVENT,
    ),
    "two emoji": (reaction("eyes"), reaction("tada"), EVENT, EVENT),
    "two people": (reaction(user="U1"), reaction(user="U2"), EVENT, EVENT),
    "reactions to two messages": (reaction(ts="1.0"), reaction(ts="2.0"), EVENT, EVENT),
    "added, removed, added": (reaction(event_ts="9.1"), reaction(event_ts="9.2"), EVENT, EVENT),
    "nothing names them": (event("presence_change"), event("presence_change"), EVENT, EVENT),
    "two profiles": (
        event("user_change", user={"id": "U1"}, event_ts="5.0"),
        event("user_change", user={"id": "U2"}, event_ts="5.0"),
        EVENT,
        EVENT,
    ),
    "separator inside a text": (
        message("b", channel="a\x1fa"),
        message("a\x1fb", channel="a"),
        EVENT,
        MESSAGE,
    ),
}


@pytest.mark.parametrize("name", ONE)
def test_copies_are_one(name):
    first, second, ref = ONE[name]
    for one, other in ((first, second), (second, first)):
        seen = Deduplicator(KEEP_FOR)
        assert not seen.known(one, ref)
        seen.add(one, ref, NOW)
        assert seen.known(other, ref)


@pytest.mark.parametrize("name", TWO)
def test_two_are_two(name):
    first, second, first_ref, second_ref = TWO[name]
    seen = Deduplicator(KEEP_FOR)
    seen.add(first, first_ref, NOW)
    assert not seen.known(second, second_ref)


def test_the_keys_of_a_message_can_be_read():
    keys = Deduplicator.keys(message("5.000001", event_id="Ev1", user="U1"), MESSAGE)
    assert keys == (("at", "slack.message", "message", "C1", "5.000001"), ("id", "Ev1"))


def test_what_is_young_is_kept_and_what_is_old_is_forgotten():
    seen = Deduplicator(100, at_least=0)
    seen.add(message("1.0"), MESSAGE, NOW)
    seen.add(message("2.0"), MESSAGE, NOW + 60)
    seen.forget(NOW + 100)
    assert seen.known(message("1.0"), MESSAGE) and seen.known(message("2.0"), MESSAGE)
    seen.forget(NOW + 160)
    assert not seen.known(message("1.0"), MESSAGE) and seen.known(message("2.0"), MESSAGE)
    seen.forget(NOW + 160.1)
    assert not seen.known(message("2.0"), MESSAGE) and len(seen) == 0
    assert seen.forgotten_early == 0


def test_the_newest_are_kept_however_old_they_are():
    seen = Deduplicator(100, at_least=1)
    seen.add(message("1.0"), MESSAGE, NOW)
    seen.forget(NOW + 10_000_000)
    assert seen.known(message("1.0"), MESSAGE)


def test_never_less_than_it_is_to_keep():
    """Ten messages a second for three hours: at every moment the last hour is known."""
    seen = Deduplicator(3600, at_least=0)
    for number in range(108_000):
        now = NOW + number / 10
        seen.add(message("%d.0" % number), MESSAGE, now)
        if number % 5000 == 4999:
            first = max(0, number - 36_000)
            for each in range(first, number + 1, 250):
                assert seen.known(message("%d.0" % each), MESSAGE)
    assert not seen.known(message("1.0"), MESSAGE)
    assert len(seen) < 36_000 * 1.3 and seen.forgotten_early == 0


def test_memory_has_a_hard_bound_and_what_it_cost_is_counted():
    seen = Deduplicator(KEEP_FOR, at_most=1000)
    for number in range(5000):
        seen.add(message("%d.0" % number), MESSAGE, NOW)
        assert len(seen) <= 1000
    assert seen.forgotten_early == 5000 - len(seen) >= 4000
    assert seen.known(message("4999.0"), MESSAGE)
    assert not seen.known(message("0.0"), MESSAGE)


def test_nothing_is_forgotten_that_came_after_the_oldest_gap_began():
    """However old it is, and however much it is: it may be fetched again."""
    seen = Deduplicator(KEEP_FOR, at_most=1000)
    seen.protect(NOW)
    events = [message(ts="%.6f" % (NOW + number)) for number in range(5000)]
    for number, event in enumerate(events):
        seen.add(event, MESSAGE, NOW + number)
    seen.forget(NOW + 10 * KEEP_FOR)
    assert all(seen.known(event, MESSAGE) for event in events)
    assert seen.forgotten_early == 0
    seen.protect(None)
    seen.forget(NOW + 10 * KEEP_FOR)
    assert len(seen) < 3000


def test_memory_does_not_grow_with_what_is_added():
    """Hashing aside, which takes its time: keys as they come from there."""
    seen = Deduplicator(KEEP_FOR, at_most=50_000)
    tracemalloc.start()
    try:
        for number in range(200_000):
            key = (number * 0x9E3779B97F4A7C15) % 2**64
            seen._remember((key, key ^ 1), NOW + number / 1000)
            if number == 50_000:
                before = tracemalloc.get_traced_memory()[0]
        after, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 1_500_000, "grew by %d bytes" % (after - before)
    assert most < 3_000_000
    assert len(seen) <= 50_000 and seen.forgotten_early > 300_000


def test_a_clock_that_is_set_back_or_far_ahead():
    seen = Deduplicator(100, at_least=10)
    for number, now in enumerate((NOW, NOW - 5000, NOW + 10**9, NOW, NOW + 1)):
        seen.add(message("%d.0" % number), MESSAGE, now)
        seen.forget(now)
        assert seen.known(message("%d.0" % number), MESSAGE)


def test_a_dump_brings_back_what_was_seen():
    seen = Deduplicator(KEEP_FOR)
    events = [message("%d.5" % number, event_id="Ev%d" % number) for number in range(100)]
    events.append(event("emoji_changed", "EvX"))
    for number, each in enumerate(events):
        seen.add(each, MESSAGE, NOW + number / 10)
    dumped = json.loads(json.dumps(seen.dump(60_000)))
    again = Deduplicator(KEEP_FOR)
    again.load(dumped, NOW + 20)
    for each in events:
        assert again.known(each, MESSAGE)
        assert again.known(Event(each.body, each.event_id), MESSAGE)
    assert again.known(message("7.5"), MESSAGE), "as the history tells it"
    assert not again.known(message("7.6"), MESSAGE)
    assert again.dump(60_000) == dumped


def test_a_dump_of_other_times_is_as_old_as_it_says():
    seen = Deduplicator(100, at_least=0)
    seen.add(message("1.0"), MESSAGE, NOW)
    seen.add(message("2.0"), MESSAGE, NOW + 90)
    again = Deduplicator(100, at_least=0)
    again.load(seen.dump(1000), NOW + 150)
    assert not again.known(message("1.0"), MESSAGE)
    assert again.known(message("2.0"), MESSAGE)
    ahead = Deduplicator(100, at_least=0)
    ahead.load(seen.dump(1000), NOW - 1000)  # the clock was set back
    ahead.forget(NOW - 1000 + 101)
    assert not ahead.known(message("2.0"), MESSAGE)


@pytest.mark.parametrize("limit", [0, 1, 30, 50, 100, 1000, 10_000, 60_000])
@pytest.mark.parametrize("rate", [0.1, 10, 1000])
def test_a_dump_keeps_its_limit_and_the_newest(limit, rate):
    seen = Deduplicator(KEEP_FOR)
    for number in range(3000):
        seen.add(message("%d.5" % number, event_id="E%d" % number), MESSAGE, NOW + number / rate)
    dumped = seen.dump(limit)
    assert len(json.dumps(dumped)) <= max(limit, 2)
    again = Deduplicator(10**9)
    again.load(dumped, NOW + 10**6)
    kept = [again.known(message("%d.5" % number), MESSAGE) for number in range(3000)]
    assert kept == sorted(kept), "the newest, without a gap"
    if limit >= 50:
        assert kept[-1] and sum(kept) >= min(limit // 60, 3000)


@pytest.mark.parametrize(
    "dumped",
    [
        None,
        {},
        "x",
        7,
        [7],
        [[NOW, "00" * 8]],
        [[1, "x" * 16]],
        [[1, "0" * 15]],
        [[True, "0" * 16]],
        [[10**400, "0" * 16]],
        [[1, "0" * 16, 3]],
        [[1, "٣" * 16]],
        [[1, "0" * 16 + "\n"]],
        [[1, ""]],
    ],
)
def test_a_dump_that_cannot_be_read_is_left_out(dumped):
    seen = Deduplicator(KEEP_FOR)
    seen.load(dumped, NOW)
    assert len(seen) == 0
    good = Deduplicator(KEEP_FOR)
    good.add(message(), MESSAGE, NOW)
    if isinstance(dumped, list):
        seen.load([*dumped, *good.dump(1000)], NOW)
        assert seen.known(message(), MESSAGE), "the rest is taken"


@given(JSON)
def test_any_dump_is_survived(dumped):
    Deduplicator(KEEP_FOR).load(dumped, NOW)


@given(BODIES, st.none() | st.text(), st.sampled_from([MESSAGE, EVENT]))
def test_any_event_can_be_remembered(body, event_id, ref):
    seen = Deduplicator(KEEP_FOR)
    any_event = Event(body, event_id)
    assert not seen.known(any_event, ref)
    seen.add(any_event, ref, NOW)
    assert seen.known(Event(dict(body), event_id), ref) == bool(Deduplicator.keys(any_event, ref))


def test_hashes_are_the_same_in_every_process():
    script = (
        "import sys; sys.path.insert(0, %r)\n"
        "from st2slack.sensor.deduplicator import _hash; print(_hash(('at', 'C1', '5.0')))"
        % str(LIBRARY)
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, encoding="utf-8"
    )
    assert int(done.stdout) == deduplicator._hash(("at", "C1", "5.0"))
