"""What was missed is fetched: which calls are made, in which order, and what is released when.

A Slack on loopback, whose time is its own: its timestamps are made by counting.
"""

import pytest
from helpers import Clock, calls

from sandbox.slack import Fault
from sandbox.slack.state.seed import DEPLOYS, GENERAL, INCIDENTS, OWNER, PRIYA, RANDOM
from st2slack.api.single_attempt import SingleAttemptClient
from st2slack.sensor import backfill, gap_reader
from st2slack.sensor.backfill import HISTORY, MINE, REPLIES, Backfill
from st2slack.sensor.catch_up import CatchUp
from st2slack.sensor.checkpoint import Checkpoint
from st2slack.sensor.deduplicator import Deduplicator
from st2slack.sensor.deferred_acknowledgements import DeferredAcknowledgements
from st2slack.sensor.event_queue import EventQueue
from st2slack.sensor.fetcher import Parts
from st2slack.sensor.gap_ledger import GapLedger
from st2slack.sensor.model import MESSAGE, Event
from st2slack.sensor.rate_limiter import RateLimiter
from st2slack.settings.sensor import SensorSettings
from st2slack.settings.slack import read_settings


class Missing:
    """The parts that fetch, without threads: time passes only where it is waited."""

    def __init__(self, slack, config, store=None, **settings):
        self.slack = slack
        for _ in range(0 if store else 200):  # what was posted before is long past
            slack.workspace.next_ts()
        self.clock = Clock()
        self.clock.now = float(slack.workspace.now())
        self.store = {} if store is None else store
        self.said, self.warnings = [], []
        made = SensorSettings(**{"backfill_max_channels": 100, **settings})
        self.queue = EventQueue(clock=lambda: self.clock.now)
        self.checkpoint = Checkpoint(
            self.store.get, self.store.__setitem__, "", Deduplicator(4000.0), self.warnings.append
        )
        self.ledger = GapLedger(self.queue, made, lambda: self.checkpoint.watermarks)
        self.checkpoint.missing = self.ledger.missing
        self.limiter = RateLimiter(lambda: self.clock.now)
        client = SingleAttemptClient(read_settings(config))
        self.parts = Parts(
            Backfill(client, "harbour", "T1"),
            self.ledger,
            self.queue,
            self.checkpoint,
            self._accept,
            lambda state, why: self.said.append((state, why)),
        )
        self.catch_up = CatchUp(
            self.parts, made, self.limiter, lambda: self.clock.now, self.warnings.append
        )
        self.dispatched = []

    def _accept(self, event):
        hashes = self.checkpoint.hashes(event, MESSAGE)
        return None if self.checkpoint.is_known(hashes) else (MESSAGE, hashes)

    # what happens

    def live(self, message, channel=GENERAL):
        """It comes over the connection."""
        event = Event({"type": "message", "channel": channel, **message})
        hashes = self.checkpoint.hashes(event, MESSAGE)
        if not self.checkpoint.is_known(hashes):
            self.queue.put(event, MESSAGE, hashes, True)
            self.checkpoint.received(event)

    def say(self, *texts, channel=GENERAL, missed=False, **more):
        """People post these; the last message."""
        for text in texts:
            message = self.slack.workspace.say(OWNER, channel, text, **more)
            if not missed:
                self.live(message, channel)
        return message

    def lose(self):
        self.checkpoint.heard(self.now)
        self.ledger.open(self.now, self.checkpoint.alive)

    def connect(self):
        self.ledger.clock_offset.observe("%.6f" % self.now, self.now)
        self.ledger.close(self.now)

    @property
    def now(self):
        self.clock.now = max(self.clock.now, float(self.slack.workspace.now()))
        return self.clock.now

    def dispatch(self):
        """Everything that may go out; their texts, in order."""
        found = []
        while True:
            item = self.queue.get(0)
            if item is None:
                self.dispatched += found
                return found
            self.checkpoint.dispatched(item.event, MESSAGE, item.keys, self.now)
            self.queue.done(item)
            found.append(item.event.body["text"])

    def step(self, count=1):
        for _ in range(count):
            self.clock.now += self.catch_up.step()

    def finish(self, most=1000):
        """Until nothing is missing; texts that were dispatched, in order."""
        found = []
        for _ in range(most):
            if ("caught_up") in [state for state, _ in self.said]:
                return found + self.dispatch()
            self.step()
            found += self.dispatch()
        raise AssertionError("it does not end")

    def asked(self, method, key="channel"):
        return [each.args.get(key) for each in calls(self.slack, method)]


@pytest.fixture
def missing(slack, config):
    made = Missing(slack, config)
    made.checkpoint.heard(made.now)
    return made


def post(slack, *texts, channel=GENERAL, **more):
    for text in texts:
        message = slack.workspace.say(OWNER, channel, text, **more)
    return message


# leaving while something is fetched


def after_leaving(missing, config):
    """The next process, with what the last one saved on its way out."""
    missing.checkpoint.save(missing.now)
    return restarted(missing, config)


def closes_after(call, queue):
    def closing(*arguments):
        page = call(*arguments)
        queue.close()
        return page

    return closing


def test_a_history_that_comes_while_the_sensor_leaves_is_read_by_the_next_one(
    missing, config, monkeypatch
):
    missing.say("seen")
    assert missing.dispatch() == ["seen"]
    missing.lose()
    missing.say("missed 1", "missed 2", missed=True)
    missing.connect()
    missing.say("live")
    backfill = missing.parts.backfill
    monkeypatch.setattr(backfill, "history", closes_after(backfill.history, missing.queue))
    while not missing.asked(HISTORY):
        missing.step()
    found = after_leaving(missing, config).finish()
    assert found == ["missed 1", "missed 2", "live"]


def test_replies_that_come_while_the_sensor_leaves_are_read_by_the_next_one(
    missing, config, monkeypatch
):
    parent = missing.say("parent")["ts"]
    missing.lose()
    missing.say("missed reply", missed=True, thread_ts=parent)
    missing.connect()
    missing.say("live", thread_ts=parent)
    assert missing.dispatch() == ["parent"]
    backfill = missing.parts.backfill
    monkeypatch.setattr(backfill, "replies", closes_after(backfill.replies, missing.queue))
    while not missing.asked(REPLIES):
        missing.step()
    assert after_leaving(missing, config).finish() == ["missed reply", "live"]


# main lines and threads


def test_missed_ones_come_before_what_is_live(missing):
    missing.say("seen")
    missing.lose()
    missing.say("missed 1", "missed 2", missed=True)
    missing.connect()
    missing.say("live")
    assert missing.dispatch() == ["seen"], "its line is held"
    assert missing.finish() == ["missed 1", "missed 2", "live"]
    assert missing.queue.waiting_since() == {}


def test_nothing_comes_twice(missing):
    missing.say("seen")
    missing.lose()
    missing.say("missed", missed=True)
    missing.connect()
    missing.live(missing.slack.workspace.channels[GENERAL].messages[-1])
    assert missing.finish() == ["seen", "missed"]


def test_the_main_line_goes_on_as_soon_as_its_history_is_read_and_threads_wait_for_theirs(missing):
    parent = missing.say("parent")["ts"]
    other = missing.say("other")["ts"]
    missing.lose()
    missing.say("missed", missed=True)
    missing.say("missed reply", missed=True, thread_ts=parent)
    missing.connect()
    missing.say("live")
    missing.say("live reply", thread_ts=parent)
    missing.say("live reply elsewhere", thread_ts=other)
    assert missing.dispatch() == ["parent", "other"]
    while not missing.asked(HISTORY):
        missing.step()
    found = missing.dispatch()
    assert sorted(found) == ["live", "live reply elsewhere", "missed"], "it lacks no reply"
    assert found.index("missed") < found.index("live")
    assert missing.asked(REPLIES) == []
    assert missing.finish() == ["missed reply", "live reply"]


def test_a_thread_is_passed_over_only_where_it_can_lack_nothing(missing):
    old = missing.say("old")["ts"]
    missing.say("old reply", thread_ts=old)
    news = missing.say("news")["ts"]
    missing.lose()
    missing.say("r 1", "r 2", missed=True, thread_ts=news)
    missing.connect()
    missing.clock.now += 10
    for _ in range(40):  # so that Slack's time goes on
        missing.slack.workspace.next_ts()
    late = missing.say("posted after the gap")["ts"]
    missing.say("a", "b", thread_ts=late)
    missing.finish()
    assert missing.asked(REPLIES, "ts") == [news]
    assert missing.dispatched[-2:] == ["r 1", "r 2"] or "r 2" in missing.dispatched


def test_a_thread_of_which_one_of_several_replies_is_there_is_asked_for(missing):
    parent = missing.say("parent")["ts"]
    missing.lose()
    missing.say("missed", missed=True, thread_ts=parent)
    missing.connect()
    missing.say("live", thread_ts=parent)
    missing.finish()
    assert [each for each in missing.dispatched if each != "parent"] == ["missed", "live"]


def test_a_remembered_thread_whose_parent_is_older_than_what_is_read(slack, config):
    missing = Missing(slack, config, backfill_max_age=2.0)
    missing.checkpoint.heard(missing.now)
    parent = missing.say("parent")["ts"]
    missing.say(*map(str, range(20)))
    missing.say("seen reply", thread_ts=parent)
    missing.dispatch()
    missing.lose()
    missing.say("missed reply", missed=True, thread_ts=parent)
    missing.connect()
    assert missing.finish() == ["missed reply"]


def test_a_reply_that_was_sent_to_the_channel_too_comes_once(missing):
    parent = missing.say("parent")["ts"]
    missing.lose()
    missing.say("reply", missed=True, thread_ts=parent)
    missing.say("both", missed=True, thread_ts=parent, subtype="thread_broadcast")
    missing.connect()
    assert sorted(missing.finish()) == ["both", "parent", "reply"]


def test_no_line_waits_for_longer_than_promised_and_what_comes_then_is_late(missing):
    missing.say("seen")
    missing.lose()
    missing.say("missed", missed=True)
    missing.connect()
    missing.limiter.hold(HISTORY, 100.0)
    missing.say("live")
    missing.dispatch()
    for _ in range(35):
        missing.clock.now += 1
        missing.queue.let_late_go(missing.clock.now)
    assert missing.dispatch() == ["live"]
    assert missing.ledger.missing()[GENERAL].main, "it is still known to be missing"
    while not missing.asked(HISTORY):
        missing.step()
    item = missing.queue.get(0)
    assert item.event.body["text"] == "missed" and item.late


# the payload


def test_a_parent_is_the_event_that_it_was_live(missing, slack):
    live = []
    slack.workspace.on_event, hear = live.append, slack.workspace.on_event
    parent = slack.workspace.say(OWNER, GENERAL, "parent <@%s>" % PRIYA)
    slack.workspace.on_event = hear
    post(slack, "reply", thread_ts=parent["ts"])
    backfill_ = missing.catch_up._parts.backfill
    page = backfill_.history(GENERAL, "1.0", "%.6f" % (float(parent["ts"]) + 9), "")
    (item,) = [each for each in page.items if each["ts"] == parent["ts"]]
    found = backfill_.event(GENERAL, "channel", item)
    told = {key: found.body[key] for key in live[0]}
    assert told == live[0]
    assert "thread_ts" not in found.body and found.body["reply_count"] == 1
    reply = backfill_.event(GENERAL, "", {"ts": "2.0", "thread_ts": "1.0"})
    assert reply.body["thread_ts"] == "1.0"


# large gaps


def test_a_gap_of_many_pages_is_fetched_in_slices(missing, monkeypatch):
    monkeypatch.setattr(backfill, "PAGE", 10)
    monkeypatch.setattr(gap_reader, "PAGE", 10)
    missing.queue.fetched_capacity = 60
    missing.say("seen")
    missing.lose()
    missing.say(*map(str, range(200)), missed=True)
    missing.connect()
    missing.say("live")
    most = 0
    found = []
    while ("caught_up") not in [state for state, _ in missing.said]:
        missing.step()
        most = max(most, len(missing.queue))
        found += missing.dispatch()
    assert found == ["seen", *map(str, range(200)), "live"]
    assert most <= 61
    assert len(missing.asked(HISTORY)) <= 70, "its pages are read twice, and once for their parents"


def test_what_overflows_is_fetched_and_newer_ones_do_not_overtake(missing):
    missing.queue.capacity = 3
    for number in range(10):
        message = missing.slack.workspace.say(OWNER, GENERAL, "m %d" % number)
        event = Event({"type": "message", "channel": GENERAL, **message})
        hashes = missing.checkpoint.hashes(event, MESSAGE)
        if missing.queue.put(event, MESSAGE, hashes, True).name == "DROPPED":
            missing.ledger.overflowed((GENERAL, ""), event.order)
        missing.checkpoint.received(event)
    assert missing.dispatch() == ["m 0", "m 1", "m 2"]
    assert missing.finish() == ["m %d" % number for number in range(3, 10)]
    missing.say("m 10")
    assert missing.dispatch() == ["m 10"]


def test_more_is_dropped_than_one_pass_can_read_while_more_comes(missing, monkeypatch):
    """The line goes on dropping until little is left to be read; nothing overtakes."""
    monkeypatch.setattr(backfill, "PAGE", 10)
    monkeypatch.setattr(gap_reader, "PAGE", 10)
    monkeypatch.setattr(gap_reader, "SHORT", 5)
    missing.queue.capacity, missing.queue.fetched_capacity = 3, 60
    posted = iter(range(1000))

    def come(count):
        for _ in range(count):
            message = missing.slack.workspace.say(OWNER, GENERAL, "m %d" % next(posted))
            event = Event({"type": "message", "channel": GENERAL, **message})
            hashes = missing.checkpoint.hashes(event, MESSAGE)
            if missing.queue.put(event, MESSAGE, hashes, True).name == "DROPPED":
                missing.ledger.overflowed((GENERAL, ""), event.order)
            missing.checkpoint.received(event)

    come(100)
    found = missing.dispatch()
    for _ in range(5):
        missing.step()
        come(3)
        found += missing.dispatch()
    found += missing.finish()
    missing.said.clear()
    come(2)
    found += missing.dispatch()
    assert found == ["m %d" % number for number in range(next(posted))]
    assert missing.queue.waiting_since() == {}


def test_whether_a_channel_can_be_read_is_learned_before_there_is_room(missing):
    """Only then may what was dropped be acknowledged, and Slack does not wait for long."""
    missing.queue.capacity, missing.queue.fetched_capacity = 1, 2
    fetched = Event({"type": "message", "channel": DEPLOYS, "ts": "1.000000", "text": "x"})
    missing.queue.put_fetched(fetched, MESSAGE, (1,))
    message = missing.say("one")
    assert missing.queue.put(
        Event({**message, "channel": GENERAL, "ts": "9.0"}), MESSAGE, (2,), True
    )
    missing.ledger.overflowed((GENERAL, ""), "9.0")
    assert missing.ledger.is_readable(GENERAL) is None
    missing.step()
    assert missing.ledger.is_readable(GENERAL) is True
    assert missing.asked(HISTORY, "limit") == ["1"]
    missing.step(3)
    assert len(missing.asked(HISTORY)) == 1, "and then there is no room for more"


# which call


def test_lines_that_hold_live_messages_come_first_then_the_latest_activity(missing):
    for channel in (INCIDENTS, DEPLOYS, GENERAL):
        missing.say("seen", channel=channel)
    missing.lose()
    missing.connect()
    missing.say("live", channel=INCIDENTS)
    missing.limiter.hold(MINE, 1.0)
    missing.finish()
    assert missing.asked(HISTORY) == [INCIDENTS, GENERAL, DEPLOYS]


def test_every_fourth_call_is_for_the_oldest_gap(missing):
    tasks = []
    schedule = missing.catch_up._schedule
    take = schedule.take
    schedule.take = lambda found: tasks.append(take(found)) or tasks[-1]
    oldest = missing.say("oldest", channel=INCIDENTS)["ts"]
    for number in range(8):
        missing.say("x %d" % number)
    missing.lose()
    parents = [post(missing.slack, "p %d" % number)["ts"] for number in range(6)]
    for parent in parents:
        post(missing.slack, "a", "b", thread_ts=parent)
    post(missing.slack, "a", "b", channel=INCIDENTS, thread_ts=oldest)
    missing.connect()
    missing.limiter.hold(REPLIES, 5.0)
    missing.finish()
    replies = [each.thread for each in tasks if each.method == REPLIES]
    assert replies.index(oldest) == 3 and len(replies) == 7


def test_forty_calls_a_minute_half_of_them_at_once():
    clock = Clock()
    limiter = RateLimiter(lambda: clock.now)
    made = []
    while len(made) < 120:
        wait = limiter.take("m")
        if wait:
            clock.now += wait
        else:
            made.append(clock.now)
    assert made[19] == made[0] and made[20] > made[0]
    for at, moment in enumerate(made):
        assert sum(moment <= each < moment + 60.0 for each in made[at:]) <= 40
    assert made[-1] - made[0] < 200, "and they are used"
    assert all(later - each <= 3 for each, later in zip(made, made[1:])), "nobody waits long"


def test_it_is_told_how_much_is_left(missing):
    missing.say("seen")
    missing.lose()
    for number in range(60):
        parent = post(missing.slack, "p %d" % number)["ts"]
        post(missing.slack, "a", "b", thread_ts=parent)
    missing.connect()
    missing.finish()
    (state, why), *_ = missing.said
    assert state == "catching_up" and "60 threads are left" in why and "40 calls a minute" in why
    assert missing.said[-1][0] == "caught_up"
    assert missing.catch_up.figures() == {"lines_to_catch_up": 0, "catch_up_seconds": 0}


# limits and faults


@pytest.mark.parametrize("retry_after, waited", [(7, 7), (0, 1), (None, 30), (9999, 120)])
def test_retry_after_is_obeyed(missing, retry_after, waited):
    missing.say("seen")
    missing.lose()
    missing.say("missed", missed=True)
    missing.connect()
    missing.slack.faults.append(Fault.rate_limited(retry_after, method=HISTORY))
    began = missing.clock.now
    assert missing.finish() == ["seen", "missed"]
    assert waited <= missing.clock.now - began < waited + 5


def test_what_fails_is_asked_again_and_nothing_is_given_up(missing):
    missing.say("seen")
    missing.lose()
    parent = missing.say("missed", missed=True)["ts"]
    missing.say("reply", missed=True, thread_ts=parent)
    missing.connect()
    for method in (HISTORY, REPLIES, MINE):
        missing.slack.faults.append(Fault.status(500, method=method, times=12))
    assert missing.finish(5000) == ["seen", "missed", "reply"]


def test_a_token_that_is_refused_gives_nothing_up(missing):
    missing.say("seen")
    missing.lose()
    missing.say("missed", missed=True)
    missing.connect()
    missing.slack.faults.append(Fault.refuse("token_revoked", method=HISTORY, times=5))
    assert missing.finish() == ["seen", "missed"]
    assert sum("token_revoked" in line for line in missing.warnings) == 1


def test_a_channel_that_cannot_be_read_is_told_of_once_and_goes_on(missing):
    missing.say("seen", channel=RANDOM)  # the bot is not in it
    missing.lose()
    missing.connect()
    missing.say("live", channel=RANDOM)
    missing.live({"ts": "%.6f" % (missing.now + 9), "thread_ts": "1.000000", "text": "r"}, RANDOM)
    assert sorted(missing.finish()) == ["live", "r", "seen"]
    assert sum("not_in_channel" in line for line in missing.warnings) == 1
    assert missing.ledger.is_readable(RANDOM) is False


@pytest.mark.parametrize("answer", [{}, {"messages": None}, {"messages": [None, 7, {}, {"ts": 7}]}])
def test_odd_answers_are_no_crash(missing, answer, monkeypatch):
    missing.say("seen")
    missing.lose()
    missing.connect()
    monkeypatch.setattr(SingleAttemptClient, "call", lambda self, method, arguments=None: answer)
    assert missing.finish() == ["seen"]


@pytest.mark.parametrize("cursor", ["again", 7, ["a"]])
def test_a_cursor_that_leads_nowhere_ends_and_is_told(missing, monkeypatch, cursor):
    missing.say("seen")
    missing.lose()
    missing.connect()
    answer = {"messages": [], "channels": [], "response_metadata": {"next_cursor": cursor}}
    monkeypatch.setattr(SingleAttemptClient, "call", lambda self, method, arguments=None: answer)
    assert missing.finish() == ["seen"]
    told = [line for line in missing.warnings if "lead nowhere" in line]
    assert len(told) == 2 and GENERAL in told[1] + told[0]


def test_a_thread_of_many_pages(missing, monkeypatch):
    monkeypatch.setattr(backfill, "PAGE", 10)
    parent = missing.say("parent")["ts"]
    missing.lose()
    missing.say(*map(str, range(45)), missed=True, thread_ts=parent)
    missing.connect()
    missing.say("live", thread_ts=parent)
    assert missing.finish() == ["parent", *map(str, range(45)), "live"]


# channels that nothing came from yet


def test_channels_without_a_mark_are_found_in_the_list(missing):
    missing.lose()
    missing.say("missed", missed=True, channel=DEPLOYS)
    missing.connect()
    assert missing.finish() == ["missed"]


def test_a_channel_without_a_mark_is_held_before_the_list_is_there(missing):
    missing.lose()
    missing.say("missed", missed=True)
    missing.connect()
    missing.limiter.hold(MINE, 50.0)
    missing.ledger.meet(GENERAL, missing.now)
    missing.say("live")
    assert missing.dispatch() == []
    assert missing.finish() == ["missed", "live"]


def test_no_more_channels_than_allowed_and_the_rest_is_told(slack, config):
    missing = Missing(slack, config, backfill_max_channels=1)
    missing.checkpoint.heard(missing.now)
    for channel in (DEPLOYS, GENERAL):
        missing.say("seen", channel=channel)
    missing.lose()
    missing.say("missed", missed=True, channel=DEPLOYS)
    missing.connect()
    assert missing.finish() == ["seen", "seen"]
    assert missing.asked(HISTORY) == [GENERAL]
    assert "1 channels beyond the 1" in missing.ledger.left_out_line(missing.now, missing.now)


# restarts


def restarted(missing, config):
    missing.checkpoint.save(missing.now)
    again = Missing(missing.slack, config, missing.store)
    assert again.checkpoint.load(again.now)
    again.ledger.restore(again.checkpoint.gaps)
    again.ledger.open(again.now, again.checkpoint.alive, again.checkpoint.remembered)
    again.connect()
    return again


def test_killed_while_threads_are_pending(missing, config):
    parents = [missing.say("p %d" % number)["ts"] for number in range(5)]
    missing.lose()
    for parent in parents:
        missing.say("a of %s" % parent, "b of %s" % parent, missed=True, thread_ts=parent)
    missing.connect()
    while len(missing.asked(REPLIES)) < 2:
        missing.step()
    missing.dispatch()
    missing.say("live")
    again = restarted(missing, config)
    found = missing.dispatched + again.finish()
    expected = {"%s of %s" % (each, parent) for each in "ab" for parent in parents}
    assert expected <= set(found) and "live" in found
    assert len(found) == len(set(found)), "none twice"


def test_what_waited_in_the_queue_is_fetched_by_the_next(missing, config):
    missing.say("one", "two")
    missing.say("reply", thread_ts=missing.say("three")["ts"])
    again = restarted(missing, config)
    assert sorted(again.finish()) == ["one", "reply", "three", "two"]


def test_how_far_back_a_gap_goes_is_fixed_when_it_opens(missing, config):
    missing.say("seen")
    missing.dispatch()
    missing.lose()
    missing.say("missed", missed=True)
    missing.connect()
    missing.limiter.hold(HISTORY, 9999.0)
    missing.clock.now += 5000  # more than the greatest age
    missing.ledger.open(missing.now, missing.now)
    missing.connect()
    missing.limiter._not_before.clear()
    assert "missed" in missing.finish()


# what is acknowledged though it had no room


def test_an_acknowledgement_waits_for_a_checkpoint_and_for_the_history():
    clock = Clock()
    readable, acknowledged = {}, []
    deferred = DeferredAcknowledgements(readable.get, clock)

    def add(channel, version):
        deferred.add(channel, version, lambda: acknowledged.append((channel, version)))

    def due():
        for acknowledge in deferred._due():
            acknowledge()
        return list(acknowledged)

    add("C1", 5)
    readable["C1"] = True
    assert due() == [], "nothing is saved"
    deferred.saving(4)
    deferred.saved()
    assert due() == [], "what is saved does not cover it"
    deferred.saving(5)
    assert due() == [], "it is not saved yet"
    deferred.saved()
    assert due() == [("C1", 5)]
    add("C1", 5)
    assert len(acknowledged) == 2, "from now on at once"
    add("C2", 5)
    add("C3", 5)
    readable["C3"] = False
    assert due() == acknowledged[:2] and len(deferred) == 1
    clock.now += 60
    assert due() == acknowledged[:2] and len(deferred) == 0, "Slack delivers it again"


@pytest.mark.parametrize("in_thread", [False, True])
def test_what_is_read_while_the_sensor_stops_is_fetched_by_the_next(slack, config, in_thread):
    """The queue takes nothing out any more, and the page was under way."""
    one = Missing(slack, config)
    parent = one.say("parent")
    one.dispatch()
    one.lose()
    more = {"thread_ts": parent["ts"]} if in_thread else {}
    one.say("missed 1", "missed 2", missed=True, **more)
    one.connect()
    for _ in range(20):
        if calls(slack, REPLIES if in_thread else HISTORY):
            break
        tasks = {each.method for each in one.catch_up._tasks()}
        if (REPLIES if in_thread else HISTORY) in tasks:
            one.queue.close()
        one.step()
    one.checkpoint.save(one.now)
    other = Missing(slack, config, one.store)
    other.checkpoint.load(other.now)
    other.ledger.restore(other.checkpoint.gaps)
    other.connect()
    assert other.finish() == ["missed 1", "missed 2"]


def test_what_the_older_of_two_connections_still_has_is_fetched_after_a_kill(slack, config):
    """The newer connection raised the mark of the channel."""
    one = Missing(slack, config)
    one.say("m 0")
    one.dispatch()
    one.checkpoint.heard(one.now)
    one.ledger.remember_marks()
    one.say("on the older one", missed=True)
    one.say("on the newer one")
    one.checkpoint.missing = lambda: one.ledger.missing((), one.now)
    one.checkpoint.save(one.now)
    other = Missing(slack, config, one.store)
    other.checkpoint.load(other.now)
    other.ledger.restore(other.checkpoint.gaps)
    other.connect()
    assert other.finish() == ["on the older one", "on the newer one"]
