"""What a frame holds is seen at a glance, and whatever it holds, StackStorm can store it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_triggers import storable as is_storable

from st2slack.sensor import payloads
from st2slack.sensor.json_safe import DEEPEST, decode, is_plain, storable
from st2slack.sensor.name_cache import NameCache
from st2slack.sensor.rtm import RealTimeMessaging
from st2slack.sensor.socket_mode import SocketMode
from st2slack.settings.sensor import SensorSettings

SETTINGS = SensorSettings()
DEEP = DEEPEST * "[" + DEEPEST * "]"
# JSON text → whether it needs no second look.
AT_A_GLANCE = {
    '{"text": "hello"}': True,
    '{"text": "ünï 🎉"}': True,
    '{"ts": "1503435956.000247", "n": 12345678901234567890123}': True,  # decode bounds it
    '{"text": "\\ud83d\\ude00"}': False,  # an emoji, as Slack writes it
    '{"text": "\\uD83D"}': False,
    '{"blocks": %s}' % DEEP: False,
    '{"text": "%s"}' % DEEP: False,  # rather once too often
}


@pytest.mark.parametrize("text", AT_A_GLANCE, ids=range(len(AT_A_GLANCE)))
def test_at_a_glance(text):
    assert is_plain(text) is AT_A_GLANCE[text]
    if is_plain(text):
        assert is_storable(decode(text))


@pytest.mark.parametrize(
    ("digits", "value"),
    [
        ("7", 7),
        ("-7", -7),
        ("999999999999999999", 999999999999999999),
        ("9007199254740993123", 9007199254740993123),
        ("-9223372036854775809", -9223372036854775809.0),
        ("18446744073709551616", 18446744073709551616.0),
        ("1" + "0" * 299, 1e299),
        ("1" + "0" * 400, None),
        ("1" + "0" * 5000, None),  # more digits than int() takes
    ],
)
def test_integers_are_bounded(digits, value):
    found = decode('{"n": %s}' % digits)["n"]
    assert found == value and type(found) is type(value)
    assert is_storable(found)


@pytest.mark.parametrize("text", ["", "{", '{"a": 1} x', "nonsense", '{"a": 01}', "[" * 100_000])
def test_what_is_no_json(text):
    with pytest.raises((ValueError, RecursionError)):
        decode(text)


def test_white_space_around():
    assert decode(' \n{"a": 1}\t ') == {"a": 1}


def test_what_can_be_stored_is_not_copied():
    value = {"text": "🎉", "n": [1, 2.5, None, True]}
    assert storable(value) is value


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
BODIES = st.fixed_dictionaries(
    {"type": st.sampled_from(["message", "reaction_added"]), "text": st.text()},
    optional={"blocks": st.lists(st.dictionaries(st.text(), JSON, max_size=3)), "more": JSON},
)


def made(event):
    yield payloads.message_trigger(event, {}, {}, {}, SETTINGS)
    yield payloads.event_trigger(event, {}, {})


@given(BODIES, st.booleans())
def test_any_frame_becomes_triggers_that_can_be_stored(body, ascii_only):
    try:
        text = json.dumps(body, ensure_ascii=ascii_only)
        text.encode("utf-8")
    except UnicodeEncodeError:
        return  # no frame of text can hold half a surrogate as it is
    frame = RealTimeMessaging(SETTINGS, "").read(text)
    for trigger in made(frame.event):
        assert is_storable(trigger.payload)
    envelope = '{"type": "events_api", "envelope_id": "1", "payload": {"event": %s}}' % text
    frame = SocketMode(SETTINGS, "").read(envelope)
    for trigger in made(frame.event):
        assert is_storable(trigger.payload)


class Odd:
    """A Slack whose people have names that cannot be stored."""

    def call(self, method, parameters):
        return {"user": {"id": "U1", "name": "half \ud83d", "real_name": "x"}}


def test_names_that_cannot_be_stored():
    directory = NameCache(Odd())
    assert directory.user("U1")["name"] == "half ?"
    directory.on_event({"type": "user_change", "user": {"id": "U1", "real_name": "other \ude00"}})
    assert directory.user("U1")["real_name"] == "other ?"
