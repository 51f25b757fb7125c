"""What survives a restart, in a datastore that is a dictionary, fails, or holds anything."""

import json
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from st2slack.base.timestamps import seconds
from st2slack.sensor.checkpoint import AT_LEAST_EVERY, CHANNELS, Checkpoint
from st2slack.sensor.checkpoint_document import LIMIT
from st2slack.sensor.deduplicator import Deduplicator
from st2slack.sensor.model import EVENT, MESSAGE, Event
from st2slack.sensor.spans import Missing, Span, Spans

NOW = 1795420800.0
KEY = "slack_sensor.memory"


class Datastore(dict):
    """A datastore that can be told to fail. `writes` counts those that it took, by key."""

    def __init__(self):
        super().__init__()
        self.writes = []
        self.fails = False

    def read(self, key):
        if self.fails:
            raise ConnectionError("no API at http://127.0.0.1:9101")
        return self.get(key)

    def write(self, key, text):
        if self.fails:
            raise ConnectionError("no API at http://127.0.0.1:9101")
        assert isinstance(text, str)
        self.writes.append(key)
        self[key] = text


@pytest.fixture
def store():
    return Datastore()


def memory(store, clock=lambda: 0.0):
    warnings = []
    made = Checkpoint(store.read, store.write, "", Deduplicator(4000.0), warnings.append, clock)
    made.warnings = warnings
    return made


def dispatched(checkpoint, event, ref, now):
    """It came, and its trigger was dispatched."""
    if ref == MESSAGE:
        checkpoint.received(event)
    checkpoint.dispatched(event, ref, checkpoint.hashes(event, ref), now)


def known(checkpoint, event, ref):
    return checkpoint.is_known(checkpoint.hashes(event, ref))


def message(channel="C1", ts="%.6f" % NOW, **more):
    return Event({"type": "message", "channel": channel, "ts": ts, **more})


def at(offset):
    return "%.6f" % (NOW + offset)


def restarted(store):
    again = memory(store)
    assert again.load(NOW + 1)
    return again


def test_a_restart_knows_how_far_it_came(store):
    first = memory(store)
    first.load(NOW)
    assert (first.watermarks, first.alive) == ({}, None)
    for channel, offset in (("C1", 1), ("C2", 2), ("C1", 3)):
        dispatched(first, message(channel, at(offset)), MESSAGE, NOW + offset)
    first.heard(NOW)
    first.save(NOW + 4)
    again = restarted(store)
    assert again.watermarks == {"C1": at(3), "C2": at(2)}
    assert again.alive == NOW
    assert again.warnings == []


def test_a_restart_knows_what_was_dispatched(store):
    first = memory(store)
    event = Event(message().body, event_id="Ev1")
    dispatched(first, event, MESSAGE, NOW)
    first.save(NOW)
    again = restarted(store)
    assert known(again, event, MESSAGE)
    assert known(again, message(), MESSAGE)  # the same, fetched from the history
    assert not known(again, message(ts=at(1)), MESSAGE)


def test_a_watermark_never_goes_back(store):
    one = memory(store)
    for offset in (5, 3):
        dispatched(one, message(ts=at(offset)), MESSAGE, NOW)
    assert one.watermarks == {"C1": at(5)}


def test_only_messages_are_watermarks(store):
    one = memory(store)
    dispatched(one, message(), EVENT, NOW)
    dispatched(one, Event({"type": "message", "channel": "C1"}), MESSAGE, NOW)
    dispatched(one, Event({"type": "message", "ts": at(0)}), MESSAGE, NOW)
    dispatched(one, message(ts="yesterday"), MESSAGE, NOW)
    assert one.watermarks == {}


def test_microseconds_count(store):
    one = memory(store)
    for ts in ("1795420800.000219", "1795420800.000220", "1795420800.000119"):
        dispatched(one, message(ts=ts), MESSAGE, NOW)
    one.save(NOW)
    assert restarted(store).watermarks == {"C1": "1795420800.000220"}


def test_threads_are_remembered_by_their_latest_message(store):
    first = memory(store)
    dispatched(first, message(ts=at(1), thread_ts=at(-900)), MESSAGE, NOW)
    dispatched(first, message(ts=at(2), thread_ts=at(-500)), MESSAGE, NOW)
    dispatched(first, message(ts=at(3), thread_ts=at(-900)), MESSAGE, NOW)
    dispatched(first, message("C2", at(9), thread_ts=at(-1)), MESSAGE, NOW)
    first.save(NOW)
    for each in (first, restarted(store)):
        assert each.threads("C1", NOW) == [at(-900), at(-500)]
        assert each.threads("C1", NOW + 2) == [at(-900)]
        assert each.threads("C3", NOW) == []


def test_alive_is_what_was_told_not_when_it_was_saved(store):
    first = memory(store)
    first.heard(NOW - 100)
    first.save(NOW)
    assert restarted(store).alive == NOW - 100


def test_a_time_in_the_future_is_now(store):
    first = memory(store)
    first.heard(NOW + 500)
    first.save(NOW)
    assert restarted(store).alive == NOW + 1


# --- how often, how much ------------------------------------------------------------------------


def test_written_at_most_once_a_second(store):
    one = memory(store)
    for number in range(1000):
        now = NOW + number / 100
        dispatched(one, message(ts="%.6f" % now), MESSAGE, now)
        one.save_if_due(now)
    assert len(store.writes) == 10


def test_written_now_and_then_where_nothing_happens(store):
    one = memory(store)
    for second in range(120):
        one.save_if_due(NOW + second)
    assert len(store.writes) == 120 // AT_LEAST_EVERY


def test_the_pause_counts_from_the_write_however_long_the_text_takes(store):
    times = iter([0.0, 0.7])  # called, and 0.7 s later the write begins
    one = memory(store, clock=lambda: next(times, 0.7))
    one.save_if_due(NOW)
    one.changed()
    assert not one.due(NOW + 1.0), "0.3 s after the write before"
    assert one.due(NOW + 1.7)


def test_a_clock_that_is_set_back_does_not_stop_it(store):
    one = memory(store)
    one.save_if_due(NOW)
    one.save_if_due(NOW - 3600)
    assert len(store.writes) == 2


def test_the_value_stays_under_64_kib_and_keeps_the_latest(store):
    one = memory(store)
    for number in range(20_000):
        channel = "C%010d" % (number % 5000)
        ts = "%.6f" % (NOW + number)
        dispatched(one, message(channel, ts, thread_ts=ts), MESSAGE, NOW + number)
    one.save(NOW + 20_000)
    assert 30_000 < len(store[KEY].encode()) < 64 * 1024
    again = memory(store)
    again.load(NOW + 20_001)
    assert len(again.watermarks) == CHANNELS
    assert set(again.watermarks) == {
        "C%010d" % (n % 5000) for n in range(20_000 - CHANNELS, 20_000)
    }
    newest = message("C%010d" % 4999, "%.6f" % (NOW + 19_999))
    assert known(again, newest, MESSAGE)


def test_memory_is_bounded(store):
    one = memory(store)
    for number in range(5000):
        dispatched(one, message("C%d" % number, "%.6f" % (NOW + number)), MESSAGE, NOW)
    assert len(one.watermarks) <= 2 * CHANNELS


# --- a datastore that fails ---------------------------------------------------------------------


def test_a_datastore_that_fails_is_told_of_once_and_stops_nothing(store):
    one = memory(store)
    store.fails = True
    for second in range(100):
        dispatched(one, message(ts=at(second)), MESSAGE, NOW + second)
        one.save_if_due(NOW + second)
    assert len(one.warnings) == 1
    assert "ConnectionError" in one.warnings[0]
    assert 5 <= one.failures <= 10  # tried less and less often
    store.fails = False
    one.save_if_due(NOW + 200)
    assert len(one.warnings) == 2
    assert restarted(store).watermarks == {"C1": at(99)}


def test_nothing_is_lost_by_a_write_that_failed(store):
    one = memory(store)
    dispatched(one, message(), MESSAGE, NOW)
    store.fails = True
    assert one.save(NOW) is False
    store.fails = False
    one.save_if_due(NOW + 2)
    assert store.writes == [KEY]


def test_a_read_that_fails_may_be_tried_again(store):
    first = memory(store)
    dispatched(first, message(), MESSAGE, NOW)
    first.save(NOW)
    again = memory(store)
    store.fails = True
    assert again.load(NOW) is False
    store.fails = False
    dispatched(again, message("C2"), MESSAGE, NOW)
    assert again.load(NOW) is True
    assert again.watermarks == {"C1": at(0), "C2": at(0)}


def test_a_token_in_an_error_is_not_told(store):
    def write(key, text):
        raise ValueError("401 for Bearer abcdefgh12345")

    warnings = []
    one = Checkpoint(store.read, write, "", Deduplicator(60.0), warn=warnings.append)
    one.save(NOW)
    assert "abcdefgh" not in warnings[0]


@pytest.mark.parametrize(
    "text",
    [
        "None",
        "{",
        "[]",
        "7",
        '"x"',
        "{}",
        '{"version": 99}',
        '{"version": 1e999}',
        "[" * 100_000,
        '{"watermarks": {"C1": "1.0"}}',
    ],
    ids=lambda text: text[:20],
)
def test_foreign_text_is_told_of_once_and_written_over(store, text):
    store[KEY] = text
    one = memory(store)
    assert one.load(NOW) is True
    assert len(one.warnings) == 1
    assert (one.watermarks, one.alive) == ({}, None)
    one.save(NOW)
    assert restarted(store).warnings == []


@pytest.mark.parametrize("nothing", [None, ""])
def test_nothing_remembered_is_no_fault(store, nothing):
    store[KEY] = nothing
    one = memory(store)
    assert one.load(NOW) is True
    assert one.warnings == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(
    st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("alive", "watermarks", "threads", "seen"), JSON)
    )
)
def test_any_document_is_survived(document):
    store = Datastore()
    store[KEY] = json.dumps({"version": 1, **document})
    one = memory(store)
    assert one.load(NOW) is True
    dispatched(one, message(), MESSAGE, NOW)
    assert one.save(NOW) is True
    assert one.watermarks["C1"] >= at(0)


# --- the status ---------------------------------------------------------------------------------


def test_the_status_has_a_key_of_its_own(store):
    one = memory(store)
    assert one.save_status({"state": "connected", "heartbeat": NOW, "odd": object()}) is True
    assert json.loads(store["slack_sensor.status"])["state"] == "connected"
    assert KEY not in store
    store.fails = True
    assert one.save_status({}) is False
    assert len(one.warnings) == 1


@pytest.mark.parametrize("name", ["default", "status", "memory", "memory.status", "a.b"])
def test_no_workspace_takes_the_keys_of_another(store, name):
    for each in ("", name, "emea"):
        one = Checkpoint(store.read, store.write, each, Deduplicator(60.0))
        one.save_status({})
        one.save(NOW)
    assert len(store) == 6


def test_dispatching_does_not_wait_for_a_slow_datastore(store):
    begun, let_go = threading.Event(), threading.Event()

    def write(key, text):
        begun.set()
        assert let_go.wait(60)
        store.write(key, text)

    one = Checkpoint(store.read, write, "", Deduplicator(60.0))
    saving = threading.Thread(target=one.save, args=(NOW,))
    saving.start()
    assert begun.wait(60)
    dispatched(one, message(), MESSAGE, NOW)  # would never return if it waited
    assert one.due(NOW + 2)
    let_go.set()
    saving.join(60)
    assert one.due(NOW + 2), "what came while it was written is still to be written"


@pytest.mark.parametrize(
    "ts, expected",
    [
        ("1795420800.000219", 1795420800.000219),
        ("1795420800", 1795420800.0),
        (1795420800.0, None),
        (None, None),
        ("", None),
        ("nan", None),
        ("1_0.0", None),
        ("1e5", None),
        ("-1.0", None),
        ("1795420800.000219\n", None),
    ],
)
def test_timestamps(ts, expected):
    assert seconds(ts) == expected


# --- what is missing ------------------------------------------------------------------------------


def spans(*pairs):
    return Spans(Span(*pair) for pair in pairs)


def test_what_is_missing_survives(store):
    first = memory(store)
    missing = {
        "C1": Missing(spans((at(0), at(5)), (at(9), None)), Spans(), {}),
        "C2": Missing(Spans(), spans((at(1), at(2))), {at(-7): spans((at(0), at(3)))}),
    }
    first.missing = lambda: missing
    first.save(NOW)
    assert restarted(store).gaps == missing


def test_what_is_missing_is_told_more_coarsely_where_it_is_too_much(store):
    first = memory(store)
    first.received(message("C3", at(100)))
    threads = {at(-number): spans((at(number), at(number + 1))) for number in range(400)}
    missing = {
        "C%d" % channel: Missing(spans((at(7), at(8))), Spans(), threads) for channel in range(10)
    }
    first.missing = lambda: missing
    first.save(NOW)
    assert len(store[KEY]) <= LIMIT
    gaps = restarted(store).gaps
    for channel, whole in missing.items():
        assert gaps[channel].main == whole.main
        for thread, each in whole.threads.items():
            found = gaps[channel].threads.get(thread, gaps[channel].parents)
            assert all(ts in found for ts in (each.until,)), "rather twice than lost"


def test_more_channels_than_can_be_told_lower_their_marks(store):
    first = memory(store)
    missing = {}
    for number in range(450):
        channel = "C%010d" % number
        first.received(message(channel, at(number)))
        both = [spans(*((at(-9 * each), at(-9 * each + 1)) for each in range(8))) for _ in "ab"]
        missing[channel] = Missing(*both, {})
    first.missing = lambda: missing
    first.save(NOW)
    assert len(store[KEY]) <= LIMIT
    again = restarted(store)
    for channel, whole in missing.items():
        found = again.gaps.get(channel)
        covered = found.main.since if found else again.remembered[channel]
        assert covered <= whole.main.since


def test_the_form_of_before_is_read(store):
    """Version 1: watermarks were those of what was dispatched, there were no gaps."""
    document = {
        "version": 1,
        "alive": NOW - 10,
        "watermarks": {"C1": at(-20)},
        "threads": {"C1": {at(-900): at(-30)}},
        "seen": [],
    }
    store[KEY] = json.dumps(document)
    one = memory(store)
    assert one.load(NOW) and one.warnings == []
    assert (one.remembered, one.alive, one.gaps) == ({"C1": at(-20)}, NOW - 10, {})
    assert one.threads("C1", NOW - 100) == [at(-900)]
    one.save(NOW)
    assert json.loads(store[KEY])["version"] == 2


@pytest.mark.parametrize(
    "gaps",
    [
        7,
        {"C1": 7},
        {"C1": {"main": 7, "parents": [[1, 2]], "threads": [3]}},
        {"C1": {"main": [["x", None], [None, None], ["1.0"]], "threads": {"x": [["1.0", "2.0"]]}}},
    ],
)
def test_gaps_that_cannot_be_read_are_left_out(store, gaps):
    store[KEY] = json.dumps({"version": 2, "gaps": gaps})
    one = memory(store)
    assert one.load(NOW)
    assert all(not (each.main or each.parents or each.threads) for each in one.gaps.values())
