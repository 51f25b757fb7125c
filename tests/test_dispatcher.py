"""Until StackStorm takes a trigger, one try at a time, in growing pauses; what is known of it."""

import threading

import pytest
from sensing import Kept, until

from st2slack.base.errors import PayloadRejected, TriggerTypeMissing
from st2slack.sensor import dispatcher
from st2slack.sensor.dispatcher import Circuit, Dispatcher, Outcome, describe, wait_after
from st2slack.sensor.model import Trigger

NOW = 1_800_000_000.0


class StackStorm:
    """`down`: whether it takes no triggers. `gate`: tries wait for it."""

    def __init__(self):
        self.down = False
        self.errors = {}  # ref → what its dispatch raises
        self.tries = []
        self.taken = []
        self.at_once = self.most_at_once = 0
        self.gate = threading.Event()
        self.gate.set()
        self._lock = threading.Lock()

    def dispatch(self, ref, payload, tag):
        with self._lock:
            self.tries.append(payload["n"])
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            assert self.gate.wait(60)
            if ref in self.errors:
                raise self.errors[ref]
            if self.down:
                raise ConnectionError("ECONNREFUSED")
            self.taken.append(payload["n"])
        finally:
            with self._lock:
                self.at_once -= 1


@pytest.fixture
def stackstorm():
    return StackStorm()


@pytest.fixture
def log():
    import logging

    logger = logging.Logger("dispatcher")
    logger.kept = Kept()
    logger.addHandler(logger.kept)
    return logger


@pytest.fixture
def stop():
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setattr(dispatcher, "FIRST_WAIT", 0.005)
    monkeypatch.setattr(dispatcher, "LONGEST_WAIT", 0.02)


def trigger(number, ref="slack.message"):
    return Trigger(ref, {"n": number}, "tag")


class Work:
    """Each number is dispatched in a thread of its own."""

    def __init__(self, made, stop, numbers, ref="slack.message"):
        self.outcomes, self.failures = {}, []
        self._threads = []
        for number in numbers:
            arguments = (made, stop, trigger(number, ref), number)
            thread = threading.Thread(target=self._run, args=arguments, daemon=True)
            thread.start()
            self._threads.append(thread)

    def _run(self, made, stop, each, number):
        self.outcomes[number] = made.dispatch(each, stop, lambda: self.failures.append(number))

    def join(self):
        for each in self._threads:
            each.join(60)
            assert not each.is_alive()
        return self.outcomes


def test_while_it_is_away_one_tries_at_a_time(short, stackstorm, log, stop):
    made = Dispatcher(stackstorm.dispatch, log)
    stackstorm.down = True
    first = Work(made, stop, [0])
    until(lambda: len(first.failures) >= 1)
    stackstorm.most_at_once = 0
    others = Work(made, stop, range(1, 9))
    until(lambda: len(stackstorm.tries) >= 20)
    assert stackstorm.most_at_once == 1
    stackstorm.down = False
    outcomes = {**first.join(), **others.join()}
    assert outcomes == dict.fromkeys(range(9), Outcome.DISPATCHED)
    assert sorted(stackstorm.taken) == list(range(9)), "each once"


def test_one_success_lets_all_go_on(stackstorm, log, stop, monkeypatch):
    """Nobody waits for a pause of its own: eight that waited, after one that succeeded."""
    monkeypatch.setattr(dispatcher, "FIRST_WAIT", 0.2)
    made = Dispatcher(stackstorm.dispatch, log)
    stackstorm.down = True
    work = Work(made, stop, range(8))
    until(lambda: made.problem() is not None and stackstorm.at_once == 0)
    stackstorm.down = False
    work.join()
    # Those that had failed together, one that tried alone, and then each once.
    assert len(stackstorm.tries) <= 16 and sorted(stackstorm.taken) == list(range(8))


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_the_pauses_grow_and_have_an_end():
    pauses = [wait_after(failures) for failures in range(1, 8)]
    assert pauses == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0, 5.0]


def test_a_turn_comes_when_the_pause_is_over(stop):
    clock = Clock()
    circuit = Circuit(clock)
    assert circuit.wait_for_turn(stop) is False, "closed"
    circuit.open(False)
    circuit.open(False)  # began before: it does not make the pause longer
    clock.now = 0.5
    assert circuit.wait_for_turn(stop) is True
    turns = []
    waiting = threading.Thread(target=lambda: turns.append(circuit.wait_for_turn(stop)))
    waiting.start()
    circuit.open(True)
    clock.now = 1.4
    waiting.join(0.6)
    assert turns == [], "the second pause is twice as long"
    clock.now = 1.5
    waiting.join(60)
    assert turns == [True]


def test_stop_ends_the_waiting(stop, stackstorm, log):
    made = Dispatcher(stackstorm.dispatch, log)
    stackstorm.down = True
    work = Work(made, stop, range(4))
    until(lambda: made.problem() is not None)
    stop.set()
    assert set(work.join().values()) == {Outcome.STOPPED}


def test_what_was_acknowledged_is_tried_once_more_at_the_end(stop, stackstorm, log):
    stop.set()
    made = Dispatcher(stackstorm.dispatch, log)
    assert made.dispatch(trigger(1), stop, lambda: None) is Outcome.DISPATCHED
    stackstorm.down = True
    assert made.dispatch(trigger(2), stop, lambda: None) is Outcome.STOPPED
    assert stackstorm.tries == [1, 2]


# what is rejected for good


def test_a_rejected_payload_is_logged_once_and_done_with(stackstorm, log, stop):
    made = Dispatcher(stackstorm.dispatch, log)
    stackstorm.errors["slack.message"] = PayloadRejected("n does not satisfy `type: integer`")
    outcomes = [made.dispatch(trigger(n), stop, lambda: None) for n in range(5)]
    assert outcomes == [Outcome.REJECTED] * 5 and stackstorm.tries == list(range(5))
    assert len(log.kept.of("ERROR")) == len(log.kept.lines) == 1
    assert "rejects a payload of slack.message: n does not satisfy" in log.kept.lines[0]
    stackstorm.errors["slack.message"] = PayloadRejected("text does not satisfy `type: string`")
    made.dispatch(trigger(5), stop, lambda: None)
    assert len(log.kept.of("ERROR")) == 2, "another fault"
    assert made.problem() is None


def test_a_rejection_does_not_prove_that_the_bus_is_there(short, stackstorm, log, stop):
    made = Dispatcher(stackstorm.dispatch, log)
    stackstorm.down = True
    work = Work(made, stop, [0])
    until(lambda: made.problem() is not None)
    stackstorm.errors["slack.event"] = PayloadRejected("x")
    assert made.dispatch(trigger(1, "slack.event"), stop, lambda: None) is Outcome.REJECTED
    assert made.problem() is not None
    stackstorm.down = False
    assert work.join() == {0: Outcome.DISPATCHED}


def test_a_missing_trigger_type_concerns_only_its_own(short, stackstorm, log, stop):
    made = Dispatcher(stackstorm.dispatch, log)
    stackstorm.errors["slack.event"] = TriggerTypeMissing("it doesn't exist in the database")
    work = Work(made, stop, [0], "slack.event")
    until(lambda: len(work.failures) >= 3)
    assert "does not take slack.event" in made.problem().reason
    for number in range(1, 50):
        assert made.dispatch(trigger(number), stop, lambda: None) is Outcome.DISPATCHED
    assert stackstorm.taken == list(range(1, 50))
    assert "doesn't exist" in made.problem().reason
    del stackstorm.errors["slack.event"]
    assert work.join() == {0: Outcome.DISPATCHED}
    assert made.problem() is None


def test_a_type_that_is_registered_and_rejects_is_missing_no_more(short, stackstorm, log, stop):
    made = Dispatcher(stackstorm.dispatch, log)
    stackstorm.errors["slack.event"] = TriggerTypeMissing("it doesn't exist in the database")
    work = Work(made, stop, [0], "slack.event")
    until(lambda: made.problem() is not None)
    stackstorm.errors["slack.event"] = PayloadRejected("x")
    assert work.join() == {0: Outcome.REJECTED}
    assert made.problem() is None


# what is known


def test_since_when_and_why(stackstorm, log, stop):
    clock = Clock()
    clock.now = NOW
    made = Dispatcher(stackstorm.dispatch, log, clock)
    stackstorm.gate.clear()
    stackstorm.down = True
    work = Work(made, stop, [0])
    until(lambda: stackstorm.at_once)
    clock.now = NOW + 22  # so long a dispatch takes to fail
    stackstorm.gate.set()
    until(lambda: made.problem() is not None)
    problem = made.problem()
    assert problem.since == NOW
    assert problem.reason == "StackStorm does not take triggers (ConnectionError: ECONNREFUSED)"
    stackstorm.down = False
    assert work.join() == {0: Outcome.DISPATCHED} and work.failures
    assert made.problem() is None


def test_a_dispatch_that_hangs_is_a_problem(stackstorm, log, stop):
    clock, wall = Clock(), Clock()
    wall.now = NOW
    made = Dispatcher(stackstorm.dispatch, log, wall, clock)
    stackstorm.gate.clear()
    work = Work(made, stop, [0])
    until(lambda: stackstorm.at_once)
    clock.now, wall.now = 9.9, NOW + 9.9
    assert made.problem() is None
    clock.now, wall.now = 12.0, NOW + 12.0
    assert made.problem() == ("StackStorm does not answer when a trigger is dispatched", NOW)
    stackstorm.gate.set()
    work.join()
    assert made.problem() is None


def test_an_error_is_described_on_one_short_line_without_credentials():
    text = describe(OSError("no\n  amqp://guest:s3cret@127.0.0.1:5672/ xoxb-123-abc " + "x" * 500))
    assert text.startswith("OSError: no amqp://") and len(text) == 200 and text.endswith("...")
    assert "s3cret" not in text and "xoxb-123" not in text
    assert describe(KeyError()) == "KeyError"
