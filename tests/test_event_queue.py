"""The queue: bounded, nobody waits, in order within each line, held no longer than promised."""

import threading

from helpers import Clock
from hypothesis import given
from hypothesis import strategies as st

from st2slack.sensor import event_queue
from st2slack.sensor.event_queue import EventQueue, Outcome, line_of
from st2slack.sensor.model import EVENT, MESSAGE, Event
from st2slack.sensor.spans import Span

MAIN = ("C1", "")


def ts(number):
    return "1795420800.%06d" % number


def message(number, channel="C1", thread=None, **more):
    body = {"type": "message", "channel": channel, "ts": ts(number), "text": str(number), **more}
    return Event({**body, **({"thread_ts": ts(thread)} if thread is not None else {})})


def key(event):
    return (hash((event.channel, event.order, event.body.get("reaction"))) & 0xFFFF_FFFF,)


def put(queue, event, acknowledge=None, in_history=True):
    ref = MESSAGE if event.body["type"] == "message" else EVENT
    return queue.put(event, ref, key(event), in_history, acknowledge)


def fetched(queue, *events):
    for event in events:
        queue.put_fetched(event, MESSAGE, key(event))


def drained(queue):
    """The numbers of those that may go out, in order."""
    found = []
    while True:
        item = queue.get(0)
        if item is None:
            return found
        found.append(int(item.event.order[-6:]))
        queue.done(item)


def reaction(number):
    return Event(
        {"type": "reaction_added", "item": {"channel": "C1"}, "event_ts": ts(number), "reaction": 1}
    )


# lines


def test_a_reply_has_its_own_line_unless_it_was_sent_to_the_channel_too():
    assert line_of(message(2), MESSAGE) == MAIN
    assert line_of(message(2, thread=1), MESSAGE) == ("C1", ts(1))
    assert line_of(message(2, thread=2), MESSAGE) == MAIN
    assert line_of(message(2, thread=1, subtype="thread_broadcast"), MESSAGE) == MAIN
    assert line_of(message(2, thread=1), EVENT) == MAIN


def test_the_oldest_of_a_line_goes_first():
    """As when two connections hand over what they hold."""
    queue = EventQueue()
    for event in (message(5), message(9, "C2"), message(4)):
        put(queue, event)
    assert drained(queue) == [4, 9, 5]
    assert len(queue) == 0


def test_a_held_line_waits_and_others_do_not():
    queue = EventQueue()
    put(queue, message(1))
    queue.hold(MAIN, ts(1))
    for event in (message(5), message(2, "C2"), message(6, thread=1)):
        put(queue, event)
    assert drained(queue) == [1, 2, 6], "what is not newer than the gap goes out"
    fetched(queue, message(3), message(4))
    assert drained(queue) == []
    queue.advance(MAIN, ts(3))
    assert drained(queue) == [3]
    queue.advance(MAIN, None)
    assert drained(queue) == [4, 5]


def test_all_threads_of_a_channel_wait_until_its_parents_are_read():
    queue = EventQueue()
    queue.hold_threads("C1", Span(ts(10), ts(20)))
    for number, parent in ((21, 1), (22, 2), (23, 20), (24, 21)):
        put(queue, message(number, thread=parent))
    put(queue, message(25))
    assert drained(queue) == [24, 25], "its parent is newer than the gap"
    queue.release_threads("C1", {ts(2): ts(10)})
    assert sorted(drained(queue)) == [21, 23]
    put(queue, message(26, thread=2))
    queue.advance(("C1", ts(2)), None)
    assert drained(queue) == [22, 26]


def test_nothing_is_held_longer_than_promised_from_its_oldest_live_message_on():
    clock = Clock()
    queue = EventQueue(clock=clock)
    queue.hold(MAIN, ts(0))
    clock.now += 100
    put(queue, message(5))
    clock.now += 29
    queue.hold(MAIN, ts(0))  # another gap does not begin it anew
    put(queue, message(6))
    assert queue.let_late_go(clock.now) == [] and drained(queue) == []
    clock.now += 1
    assert queue.let_late_go(clock.now) == [MAIN]
    assert drained(queue) == [5, 6]
    queue.hold(MAIN, ts(6))
    put(queue, message(7))
    assert drained(queue) == [7], "late until it lacks nothing any more"
    queue.put_fetched(message(3), MESSAGE, key(message(3)))
    item = queue.get(0)
    assert item.late and item.fetched
    queue.done(item)
    queue.advance(MAIN, None)
    queue.hold(MAIN, ts(7))
    put(queue, message(8))
    assert drained(queue) == []


def test_late_threads_stay_late_though_they_are_empty_meanwhile():
    clock = Clock()
    queue = EventQueue(clock=clock)
    queue.hold_threads("C1", Span(ts(0)))
    put(queue, message(5, thread=1))
    clock.now += 30
    assert queue.let_late_go(clock.now) == [("C1", ts(1))]
    assert drained(queue) == [5]
    put(queue, message(6, thread=1))
    assert drained(queue) == [6]


def test_a_line_that_is_held_again_and_again_comes_to_its_turn():
    queue = EventQueue()
    for number in range(10):
        put(queue, message(number))
    taken = []
    for turn in range(5):
        queue.hold(MAIN, ts(0)[:-7])
        for number in range(10):
            put(queue, message(100 * turn + number, "C2"))
        queue.advance(MAIN, None)
        for _ in range(2):
            item = queue.get(0)
            taken.append(item.event.channel)
            queue.done(item)
    assert "C1" in taken


# room


def test_what_has_no_room_overflows_and_so_does_what_is_newer():
    queue = EventQueue(capacity=2, reserved=1)
    assert [put(queue, message(number)) for number in (1, 2)] == [Outcome.QUEUED] * 2
    assert put(queue, message(3)) is Outcome.DROPPED
    assert drained(queue) == [1, 2]
    assert put(queue, message(4)) is Outcome.DROPPED, "there is room, but it would overtake"
    assert put(queue, message(5, "C2")) is Outcome.QUEUED
    assert put(queue, message(6, thread=1)) is Outcome.QUEUED
    assert queue.dropped(MAIN)[:2] == (ts(3), ts(4))
    queue.accept_again(MAIN)
    assert put(queue, message(7, thread=2)) is Outcome.DROPPED
    assert drained(queue) == [5, 6]
    assert put(queue, message(8)) is Outcome.QUEUED
    assert drained(queue) == [], "until what was dropped is there"
    fetched(queue, message(3), message(4))
    queue.advance(MAIN, None)
    assert drained(queue) == [3, 4, 8]


def test_what_no_history_has_finds_reserved_room():
    queue = EventQueue(capacity=2, reserved=2)
    for number in range(4):
        put(queue, message(number))
    assert put(queue, reaction(5), in_history=False) is Outcome.QUEUED
    assert put(queue, message(6, "C2"), in_history=False) is Outcome.QUEUED
    assert put(queue, reaction(7), in_history=False) is Outcome.REFUSED
    assert len(queue) == 4


def test_what_was_dropped_while_it_was_read_holds_the_line_again():
    queue = EventQueue(capacity=1, reserved=0)
    put(queue, message(1))
    put(queue, message(2))
    queue.accept_again(MAIN)
    put(queue, message(3))
    assert queue.dropped(MAIN)[0] == ts(3)
    queue.advance(MAIN, None)
    assert drained(queue) == [1]
    fetched(queue, message(2), message(3))
    assert drained(queue) == [2]


def test_there_is_no_end_of_room_for_what_is_fetched_but_it_is_asked_for_first():
    queue = EventQueue(fetched=4)
    assert queue.wait_for_room(0)
    fetched(queue, message(1), message(2))
    assert not queue.wait_for_room(0)
    assert drained(queue) == [1, 2]
    assert queue.wait_for_room(0)


# once


def test_a_copy_of_what_waits_is_acknowledged_with_it():
    queue = EventQueue(capacity=1)
    acknowledged = []
    put(queue, message(1), lambda: acknowledged.append("first"))
    assert put(queue, message(1), lambda: acknowledged.append("again")) is Outcome.PENDING
    fetched(queue, message(1))
    item = queue.get(0)
    assert put(queue, message(1)) is Outcome.PENDING, "it is being dispatched"
    for acknowledge in item.acknowledge:
        acknowledge()
    queue.done(item)
    assert acknowledged == ["first", "again"] and len(queue) == 0
    assert put(queue, message(1)) is Outcome.QUEUED


def test_what_waits_would_be_missing_after_a_restart():
    queue = EventQueue()
    for event in (message(5), message(3), message(9), message(7, thread=1), reaction(2)):
        put(queue, event)
    spans = queue.spans_pending()
    assert spans == {MAIN: Span(ts(2), ts(9)), ("C1", ts(1)): Span(ts(6), ts(7))}
    item = queue.get(0)
    assert item.event.order == ts(2)


# threads of Python


def test_nobody_who_puts_something_in_waits_for_long():
    queue = EventQueue(capacity=300, reserved=0)
    done = threading.Event()

    def fill():
        for number in range(5000):
            put(queue, message(number))
        done.set()

    thread = threading.Thread(target=fill, daemon=True)
    thread.start()
    assert done.wait(event_queue.PATIENCE + 10)
    assert len(queue) == 300


def test_closing_wakes_everybody():
    queue = EventQueue()
    results = []
    thread = threading.Thread(target=lambda: results.append(queue.get(600)))
    thread.start()
    queue.close()
    thread.join(60)
    assert not thread.is_alive() and results == [None]


def test_what_comes_after_closing_would_be_missing_after_a_restart():
    queue = EventQueue()
    queue.close()
    assert put(queue, message(1)) is Outcome.QUEUED
    assert fetched(queue, message(3)) is None
    assert queue.get(0) is None
    assert queue.spans_pending() == {MAIN: Span(ts(0), ts(3))}


def test_it_pauses_as_long_as_there_is_a_reason():
    queue = EventQueue()
    put(queue, message(1))
    for why in ("one", "other"):
        queue.pause(why)
    queue.resume("one")
    assert queue.get(0) is None
    queue.resume("other")
    assert drained(queue) == [1]


@given(
    st.lists(st.tuples(st.sampled_from("ABC"), st.integers(0, 50), st.booleans()), max_size=60),
    st.integers(1, 20),
)
def test_nothing_is_lost_and_each_line_is_in_order(events, capacity):
    """What was dropped is fetched; so all come, each once, those of a line in order."""
    queue = EventQueue(capacity=capacity, reserved=0)
    queue.hold(("A", ""), ts(0))
    posted, out = {}, []
    for _, (channel, number, take) in enumerate(events):
        posted.setdefault((channel, number), message(number, channel))
        put(queue, message(number, channel))
        item = queue.get(0) if take else None
        if item is not None:
            out.append((item.event.channel, int(item.event.order[-6:])))
            queue.done(item)
            posted.pop(out[-1], None)  # should it come again, it is known
    for channel in "ABC":
        queue.accept_again((channel, ""))
        missing = [event for (where, _), event in posted.items() if where == channel]
        fetched(queue, *missing)
        queue.advance((channel, ""), None)
    rest = []
    while True:
        item = queue.get(0)
        if item is None:
            break
        rest.append((item.event.channel, int(item.event.order[-6:])))
        queue.done(item)
    assert len(queue) == 0
    assert set(posted) <= set(rest)
    for channel in "ABC":
        orders = [number for each, number in rest if each == channel]
        assert orders == sorted(orders)
