"""What the sensor of 2.3.0 dispatched for the same events, and what it dispatches now.

tests/fixtures/sensor_2x.json is a record of 2.3.0. Each event comes by a real connection from the
loopback Slack, whose users and channels are those of the record. Every difference must stand in
etc/upgrade_2x.yaml (`behaviours`), and what stands there must be a difference.
"""

import json
from pathlib import Path

import pytest
from sensing import TRANSPORTS, Sensing, until

from sandbox.slack import LoopbackSlack
from sandbox.stackstorm import rules
from tools.upgrade_check import interface

RECORD = json.loads(Path(__file__).with_name("fixtures").joinpath("sensor_2x.json").read_text())
EVENTS = {each["label"]: each for each in RECORD["events"]}
CONFIGS = RECORD["configs"]
BEHAVIOURS = interface.load().behaviours


def dispatched_now(transport, config):
    """Label → the payload of `slack.message`, for the events that become one."""
    with LoopbackSlack() as slack, Sensing(slack, transport, **config) as sensing:
        for each in EVENTS.values():
            slack.socket.push_event(each["event"])
        until(
            lambda: (
                len(sensing.texts) + sum(sensing.workspace.document()["ignored"].values())
                == len(EVENTS)
            )
        )
        by_time = {each["timestamp_raw"]: each for each in sensing.of("slack.message")}
    return {
        label: by_time[each["event"]["ts"]]
        for label, each in EVENTS.items()
        if each["event"]["ts"] in by_time
    }


@pytest.fixture(scope="module", params=TRANSPORTS)
def now(request):
    """Config → label → payload."""
    return {name: dispatched_now(request.param, config) for name, config in CONFIGS.items()}


def flat(payload):
    """ "user.name" → value, of the keys that 2.x had."""
    found = {key: value for key, value in payload.items() if key not in ("user", "channel")}
    for part in ("user", "channel"):
        found.update({"%s.%s" % (part, key): value for key, value in payload[part].items()})
    return found


def difference(old, new):
    """How the two differ, in the words of etc/upgrade_2x.yaml; None where they do not."""
    if old is None or new is None:
        return None if old is new else ("dispatched", None) if old is None else ("dropped", None)
    old, new = flat(old), flat(new)
    # Criteria `exists` and `nexists` look at these.
    for key in ("attachments", "blocks"):
        assert (key in old) == (key in new), key
    changed = {key: new[key] for key in old if old[key] != new[key]}
    if set(changed) == {"text"}:
        return "text", changed["text"]
    assert all(old[key] == "Unknown" and new[key] is None for key in changed), changed
    return ("empty", sorted(changed)) if changed else None


def listed():
    """(label, config) → the difference that is listed."""
    found = {}
    for name, behaviour in BEHAVIOURS.items():
        recorded = dict(behaviour.get("recorded") or {})
        only = recorded.pop("only", {})
        for how, labels in recorded.items():
            for label in labels:
                what = labels[label] if isinstance(labels, dict) else None
                for config in only.get(label, CONFIGS):
                    assert (label, config) not in found, "listed twice: %s, %s" % (name, label)
                    found[label, config] = how, sorted(what) if how == "empty" else what
    return found


def test_every_difference_is_listed_and_every_listed_one_is_there(now):
    found = {}
    for label, each in EVENTS.items():
        for config, old in each["dispatched"].items():
            how = difference(old, now[config].get(label))
            if how is not None:
                found[label, config] = how
    assert found == listed()


def test_the_record_is_of_the_loopback_slack():
    """Else the look-ups of the two would differ, and the payloads with them."""
    with LoopbackSlack() as slack:
        for user_id, told in RECORD["users"].items():
            user = slack.workspace.users[user_id]
            assert (user.name, user.real_name) == (told["name"], told["real_name"])
        names = {each.id: each.name for each in slack.workspace.channels.values()}
    assert {each["id"]: each["name"] for each in RECORD["channels"].values()} == names


def test_the_record_is_whole():
    assert len(EVENTS) == 28
    for each in EVENTS.values():
        assert set(each["dispatched"]) == set(CONFIGS)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"text": "a"}, {"text": "a", "blocks": []}),
        ({"text": "a", "attachments": [{}]}, {"text": "a"}),
        ({"text": "a"}, {"text": "b", "timestamp": 1}),
    ],
)
def test_the_comparison_sees_other_differences(old, new):
    whole = {"text": "a", "timestamp": 0, "user": {"name": "x"}, "channel": {"name": "y"}}
    with pytest.raises(AssertionError):
        difference({**whole, **old}, {**whole, **new})


ADVICE = {
    "subtypes": ("trigger.subtype", "nexists", "", "plain", "file_share"),
    "without text": ("trigger.text", "regex", ".", "plain", "no text, attachments"),
    "unknown people and channels": ("trigger.user.name", "exists", "", "plain", "unknown user"),
    "unknown keys": ("trigger.user.id", "nexists", "", "bot_message by name", "plain"),
}


@pytest.mark.parametrize("name", ADVICE)
def test_the_advice_does_what_it_says(now, name):
    path, kind, pattern, passes, is_refused = ADVICE[name]
    text = "{type: %s, pattern: %s}" % (kind, pattern or '""')
    assert text in BEHAVIOURS[name]["instead"]
    rule = rules.Rule("p", "r", "slack.message", "core.noop", enabled=True)
    rule.criteria[path] = {"type": kind, "pattern": pattern}
    payloads = now["allow_bot_messages"]
    assert rule.matches("slack.message", payloads[passes])
    assert not rule.matches("slack.message", payloads[is_refused])


def test_attachments_and_blocks_can_be_asked_for_as_in_2x(now):
    """Criteria `exists` and `nexists`, for every event that both dispatch."""
    for key in ("attachments", "blocks"):
        for kind in ("exists", "nexists"):
            rule = rules.Rule("p", "r", "slack.message", "core.noop", enabled=True)
            rule.criteria["trigger." + key] = {"type": kind, "pattern": ""}
            for label, each in EVENTS.items():
                old, new = each["dispatched"]["default"], now["default"].get(label)
                if old and new:
                    was = rule.matches("slack.message", old)
                    assert (
                        rule.matches("slack.message", new)
                        is was
                        is ((key in old) == (kind == "exists"))
                    )
