"""What StackStorm does not take is recognised: a drop, a bus that is away, a broken payload.

Under `make test-st2` the same is asked of StackStorm's own dispatcher.
"""

import logging
import threading

import pytest
from dispatching import KINDS, make_host, strange
from sensing import Kept

from st2slack.base.errors import PayloadRejected, TriggerTypeMissing
from st2slack.sensor import stackstorm_dispatch
from st2slack.sensor.stackstorm_dispatch import LookupFailed, Unconfirmed, make_dispatch

REF = "slack.message"


@pytest.fixture
def log():
    kept = Kept()
    logger = logging.Logger("dispatching")
    logger.addHandler(kept)
    logger.kept = kept
    return logger


@pytest.fixture(params=KINDS)
def host(request, monkeypatch, log):
    host = make_host(request.param, log, monkeypatch)
    yield host
    host.close()


@pytest.fixture
def dispatch(host, log):
    return make_dispatch(host.sensor_service, log)


def numbers(host):
    return [payload["n"] for _, payload in host.published]


def test_the_face_is_as_expected(host):
    assert stackstorm_dispatch.find_difference(host.sensor_service) == ""


def test_taken(host, dispatch, log):
    dispatch(REF, {"n": 1, "text": "x"}, "tag")
    assert host.published == [(REF, {"n": 1, "text": "x"})]
    assert log.kept.of("WARNING") == log.kept.of("ERROR") == []


def test_without_this_module_it_would_be_dropped(host):
    host.database_is_away = True
    assert host.sensor_service.dispatch(trigger=REF, payload={"n": 1}, trace_tag="tag") is None
    assert host.published == []


def test_a_database_that_is_away_raises(host, dispatch):
    before = host.sensor_service._trigger_dispatcher_service
    host.database_is_away = True
    with pytest.raises(LookupFailed, match="could not be looked up") as caught:
        dispatch(REF, {"n": 1, "text": "what people wrote"}, "tag")
    assert "people wrote" not in str(caught.value)
    host.database_is_away = False
    dispatch(REF, {"n": 1}, "tag")
    assert numbers(host) == [1]
    assert host.sensor_service._trigger_dispatcher_service is before, "the bus was not at fault"


def test_a_trigger_that_stackstorm_does_not_know(host, dispatch):
    before = host.sensor_service._trigger_dispatcher_service
    with pytest.raises(TriggerTypeMissing, match="slack.other"):
        dispatch("slack.other", {"n": 1}, "tag")
    assert host.sensor_service._trigger_dispatcher_service is before


@pytest.mark.parametrize(
    "payload, detail",
    [
        ({"n": "private words"}, "n does not satisfy `type: "),
        ({"n": 1, "text": 5}, "text does not satisfy `type: "),
    ],
)
def test_a_payload_that_breaks_its_schema_is_rejected(host, dispatch, payload, detail):
    with pytest.raises(PayloadRejected) as caught:
        dispatch(REF, payload, "tag")
    assert detail in str(caught.value) and "private" not in str(caught.value)
    assert host.published == []


def test_a_bus_that_was_away_is_reached_again(host, dispatch):
    dispatch(REF, {"n": 0}, "tag")
    host.stop_bus()
    for _ in range(3):
        with pytest.raises(Exception, match="."):
            dispatch(REF, {"n": 1}, "tag")
    host.start_bus()
    dispatch(REF, {"n": 1}, "tag")
    dispatch(REF, {"n": 2}, "tag")
    assert numbers(host) == [0, 1, 2]
    assert host.open_pools() == 1


def test_without_this_module_the_bus_is_never_reached_again(host):
    """With the kombu of StackStorm 3.9 and later; that of 3.8 connects again by itself."""
    send = host.sensor_service.dispatch
    send(trigger=REF, payload={"n": 0})
    host.stop_bus()
    with pytest.raises(Exception, match="."):
        send(trigger=REF, payload={"n": 1})
    host.start_bus()
    if host.connects_again:
        send(trigger=REF, payload={"n": 1})
        assert numbers(host) == [0, 1]
        return
    for _ in range(3):
        with pytest.raises(AttributeError, match="no attribute 'channel'"):
            send(trigger=REF, payload={"n": 1})
    assert numbers(host) == [0]


def test_a_trigger_that_the_bus_has_not_confirmed_is_tried_again(host, dispatch):
    dispatch(REF, {"n": 0}, "tag")
    host.swallow()
    with pytest.raises(Unconfirmed):
        dispatch(REF, {"n": 1}, "tag")
    dispatch(REF, {"n": 1}, "tag")
    assert numbers(host) == [0, 1]
    assert host.open_pools() == 1


def test_threads_share_one_fresh_service(host, log):
    """Eight fail at once: the service is replaced once, and closed when the last has left."""
    made = stackstorm_dispatch.StackStormDispatch(host.sensor_service, log)
    made.dispatch(REF, {"n": 0}, "tag")
    old = host.sensor_service._trigger_dispatcher_service
    together, left = threading.Barrier(8), []
    really = old.dispatch

    def all_at_once(**given):
        together.wait(60)
        return really(**given)

    old.dispatch = all_at_once
    host.stop_bus()

    def work(number):
        try:
            made.dispatch(REF, {"n": number}, "tag")
        except Exception as error:  # noqa: BLE001
            left.append(type(error))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    assert len(left) == 8
    assert host.open_pools() == 1
    assert made._generation == 1 and not made._users and not made._replaced
    host.start_bus()
    made.dispatch(REF, {"n": 9}, "tag")
    assert numbers(host) == [0, 9]


# a StackStorm that looks different


class Old:
    """One that cannot be asked to raise."""

    def __init__(self, logger):
        self._logger = logger

    def dispatch(self, trigger, payload=None, trace_tag=None):
        raise AssertionError("not asked")


class Other(Old):
    def __init__(self, logger, bus):
        super().__init__(logger)

    def dispatch(self, trigger, payload=None, trace_tag=None, throw_on_validation_error=False):
        raise AssertionError("not asked")


@pytest.mark.parametrize(
    "service, said",
    [
        (strange(), "has no _trigger_dispatcher_service"),
        (strange(_trigger_dispatcher_service=object()), "has no method `dispatch`"),
        (strange(_trigger_dispatcher_service=Old(None)), "no `throw_on_validation_error`"),
        (strange(_trigger_dispatcher_service=Other(None, 1)), "not made of a logger alone"),
    ],
)
def test_where_stackstorm_looks_different_it_is_as_before_with_one_warning(service, said, log):
    dispatch = make_dispatch(service, log)
    for number in range(3):
        dispatch(REF, {"n": number}, "tag")
    assert service.calls == [
        {"trigger": REF, "payload": {"n": number}, "trace_tag": "tag"} for number in range(3)
    ]
    assert len(log.kept.lines) == 1
    assert log.kept.lines[0].startswith("WARNING") and said in log.kept.lines[0]


def test_only_jsonschemas_error_counts_as_a_broken_schema():
    jsonschema = pytest.importorskip("jsonschema")
    named_alike = type("ValidationError", (Exception,), {"__module__": "mongoengine.errors"})
    assert stackstorm_dispatch.is_schema_violation(jsonschema.ValidationError("x"))
    assert not stackstorm_dispatch.is_schema_violation(named_alike("x"))
    assert not stackstorm_dispatch.is_schema_violation(ValueError("x"))
