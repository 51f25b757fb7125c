"""The pump: bounded, in order within a channel, whichever way things came in."""

import threading

from hypothesis import given
from hypothesis import strategies as st

from st2slack.events.pump import Pump


def drained(pump):
    items = []
    while True:
        item = pump.get(0)
        if item is None:
            return items
        items.append((item.channel, item.order, item.content))


def test_first_in_first_out_where_nothing_is_older():
    pump = Pump()
    for number in range(5):
        pump.put(number, "C1", "%d.0" % number)
    assert [content for _, _, content in drained(pump)] == [0, 1, 2, 3, 4]
    assert len(pump) == 0


def test_the_oldest_of_a_channel_goes_first():
    """As when two connections hand over what they hold."""
    pump = Pump()
    pump.put("new", "C1", "1503435957.000100")
    pump.put("other", "C2", "1503435999.000000")
    pump.put("old", "C1", "1503435956.000100")
    assert [content for _, _, content in drained(pump)] == ["old", "other", "new"]


def test_a_held_channel_waits_and_others_do_not():
    pump = Pump()
    pump.hold(["C1"])
    pump.put("live", "C1", "5.0")
    pump.put("other", "C2", "1.0")
    assert [content for _, _, content in drained(pump)] == ["other"]
    pump.put("missed 1", "C1", "3.0", wait=False)
    pump.put("missed 2", "C1", "4.0", wait=False)
    assert drained(pump) == []
    pump.release("C1")
    assert [content for _, _, content in drained(pump)] == ["missed 1", "missed 2", "live"]


def test_releasing_all_frees_whatever_is_held():
    pump = Pump()
    pump.hold(["C1", "C2"])
    pump.put("a", "C1", "1")
    pump.put("b", "C2", "1")
    pump.release()
    assert sorted(content for _, _, content in drained(pump)) == ["a", "b"]
    pump.put("c", "C1", "2")
    assert len(drained(pump)) == 1


def test_a_channel_that_is_held_again_and_again_comes_to_its_turn():
    pump = Pump()
    for number in range(10):
        pump.put("slow", "C1", "%d" % number)
    taken = []
    for _ in range(5):
        pump.hold(["C1", "C2"])
        for _ in range(10):
            pump.put("fast", "C2", "1")
        assert pump.get(0) is None
        pump.release("C2")
        pump.release("C1")
        taken += [pump.get(0).content for _ in range(2)]
    assert "slow" in taken
    assert len(drained(pump)) + len(taken) == 60


def test_it_pauses_as_long_as_there_is_a_reason():
    pump = Pump()
    pump.put(1, "C1", "1")
    pump.pause()
    pump.pause("another")
    pump.resume()
    assert pump.get(0) is None
    pump.resume("another")
    assert pump.get(0).content == 1


def test_a_reader_waits_where_there_is_no_room():
    pump = Pump(room=2)
    assert pump.put(1, "C1", "1") and pump.put(2, "C1", "2")
    done = threading.Event()
    thread = threading.Thread(target=lambda: (pump.put(3, "C1", "3"), done.set()))
    thread.start()
    assert not done.wait(0.05) and len(pump) == 2
    assert pump.get(0).content == 1
    assert done.wait(5)
    thread.join()
    assert len(pump) == 2


def test_what_was_missed_is_never_refused_for_want_of_room():
    pump = Pump(room=1)
    pump.put(1, "C1", "1")
    assert pump.put(0, "C1", "0", wait=False) and len(pump) == 2


def test_closing_wakes_everybody():
    pump = Pump(room=1)
    pump.put(1, "C1", "1")
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(pump.put(2, "C1", "2"))),
        threading.Thread(target=lambda: (pump.get(0), results.append(pump.get(30)))),
    ]
    pump.close()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
        assert not thread.is_alive()
    assert False in results and pump.get(0) is None


@given(st.lists(st.tuples(st.sampled_from("ABC"), st.integers(0, 50), st.booleans()), max_size=60))
def test_nothing_is_lost_and_each_channel_is_in_order(items):
    pump = Pump()
    pump.hold(["A"])
    out = []
    for number, (channel, order, take) in enumerate(items):
        pump.put(number, channel, "%05d" % order)
        if take:
            item = pump.get(0)
            out += [] if item is None else [(item.channel, item.order, item.content)]
    assert not any(channel == "A" for channel, _, _ in out)
    pump.release("A")
    rest = drained(pump)
    assert sorted(content for _, _, content in out + rest) == list(range(len(items)))
    for channel in "ABC":
        orders = [order for each, order, _ in rest if each == channel]
        assert orders == sorted(orders)


def test_it_is_far_ahead_only_where_some_are_held_back():
    pump = Pump(room=10, ahead=3)
    for number in range(3):
        pump.put(number, "C1", str(number), wait=False)
    waiting = threading.Thread(target=pump.put, args=(3, "C1", "3"))
    waiting.start()
    pump.hold(["C2"])  # the reader that waits has room now
    waiting.join(5)
    assert not waiting.is_alive() and len(pump) == 4
    pump.release()
    waiting = threading.Thread(target=pump.put, args=(4, "C1", "4"))
    waiting.start()
    waiting.join(0.05)
    assert waiting.is_alive() and len(pump) == 4
    while len(pump) > 1:
        assert pump.get(1.0) is not None
    waiting.join(5)
    assert not waiting.is_alive()
