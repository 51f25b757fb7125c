"""What a workspace's sensor has seen and done, for the operator: counted, told, kept."""

from __future__ import annotations

import json
import threading
from collections import Counter
from typing import Any, Callable, Dict, Mapping, Optional

from st2slack.base.errors import SettingsError, SlackError
from st2slack.sensor.dispatcher import Problem
from st2slack.sensor.model import key_of
from st2slack.settings.sensor import read_sensor

STALE = 60.0  # seconds after which a heartbeat means that the sensor is gone
CONNECTED, DEGRADED = "connected", "degraded"  # as in connection.py


class Status:
    """Counters of one workspace; thread-safe. Times are Unix seconds."""

    def __init__(self, workspace: str, transport: str) -> None:
        self._lock = threading.Lock()
        self._ignored: Counter[str] = Counter()
        self._lost: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()
        self._facts: Dict[str, Any] = {
            "workspace": workspace,
            "transport": transport,
            "state": "starting",
            "reason": "",
            "since": None,
        }
        self._last_event: Optional[float] = None
        self._problem: Optional[Problem] = None

    def count(self, what: str, number: int = 1) -> None:
        """One more of `what`: frames, dispatched, known, commands, failed dispatches …"""
        with self._lock:
            self._counts[what] += number

    def ignore(self, why: str) -> None:
        """One event that was none of ours, and why."""
        with self._lock:
            self._ignored[why] += 1

    def lose(self, kind: str) -> None:
        """One event is gone: there was no room for it, and Slack does not deliver it again."""
        with self._lock:
            self._lost[kind] += 1

    def event_at(self, now: float) -> None:
        """The last event came now."""
        self._last_event = now

    def set(self, **facts: Any) -> None:
        """State, reason, since, team, bot …"""
        with self._lock:
            self._facts.update(facts)

    def set_problem(self, problem: Optional[Problem]) -> bool:
        """Why StackStorm takes no triggers, None where it does; whether that has changed."""
        with self._lock:
            known, self._problem = self._problem, problem
        return (known is None) != (problem is None)

    def _connection(self) -> Dict[str, Any]:
        """State, reason, since: of the connection, and of StackStorm where it takes no triggers."""
        found = {"connection": self._facts["state"]}
        if self._problem is None:
            return found
        if self._facts["state"] == CONNECTED:
            return {**found, "state": DEGRADED, **self._problem._asdict()}
        reasons = [self._facts["reason"], self._problem.reason]
        return {**found, "reason": "; ".join(filter(None, reasons))}

    @property
    def state(self) -> str:
        """Of the connection alone: connected, lost, degraded, starting or stopped."""
        return str(self._facts["state"])

    def document(self, now: float, **more: Any) -> Dict[str, Any]:
        """All of it, JSON-able, nothing secret."""
        with self._lock:
            age = None if self._last_event is None else round(now - self._last_event, 1)
            return {
                **self._facts,
                **self._connection(),
                **self._counts,
                **({"lost": dict(self._lost)} if self._lost else {}),
                "ignored": dict(self._ignored),
                "last_event_age": age,
                "heartbeat": round(now, 1),
                **more,
            }

    def line(self, now: float, **more: Any) -> str:
        """The same on one line for the log."""
        document = self.document(now, **more)
        ignored = ", ".join("%s %d" % each for each in sorted(document.pop("ignored").items()))
        parts = [
            "%s=%s" % (key, value)
            for key, value in sorted(document.items())
            if value not in ("", None) and key != "heartbeat"
        ]
        return "; ".join([" ".join(parts), "ignored: %s" % (ignored or "nothing")])


def is_stale(status: Any, now: float, max_age: float = STALE) -> bool:
    """Whether the heartbeat of a kept status is older than `max_age` seconds, or none at all."""
    heartbeat = status.get("heartbeat") if isinstance(status, dict) else None
    return not isinstance(heartbeat, (int, float)) or now - heartbeat > max_age


def read(
    config: Mapping[str, Any],
    workspace: Optional[str],
    get_value: Callable[[str], Any],
    now: float,
    max_age: Optional[float] = None,
) -> Dict[str, Any]:
    """The status that the sensor of a workspace kept, if it lives and is connected.

    `config`: the pack's. `get_value` reads the datastore. `now`: Unix seconds; `max_age`: seconds.
    Raises a SlackError that says what to do.
    """
    sensor = read_sensor(config, workspace or "")
    if not (sensor.app_token or sensor.token):
        raise SettingsError(
            "No sensor listens there: the pack's config has no %s (or `token` of a classic app)."
            % ("`app_token` in that entry of `workspaces`" if workspace else "`sensor.app_token`")
        )
    status = _parsed(get_value(key_of("status", workspace or "")))
    fault = _fault(status, now, STALE if max_age is None else max_age)
    if fault:
        whose = "of the workspace %r" % workspace if workspace else "of the config's top level"
        raise SlackError("The sensor %s %s" % (whose, fault))
    return status


def _fault(status: Mapping[str, Any], now: float, max_age: float) -> str:
    """What is wrong, and what to do: the end of a sentence about the sensor. "" for nothing."""
    state = status.get("state")
    if not status:
        return (
            "has kept no status: it has not run yet. See that slack.SlackSensor is enabled "
            "(st2 sensor list) and that st2sensorcontainer was restarted after the config was "
            "changed; its log tells the rest."
        )
    if state == "stopped":
        return (
            "was stopped%s and did not come back. Start st2sensorcontainer, or enable "
            "slack.SlackSensor." % _seconds(now, status.get("since"), " %.0f s ago")
        )
    if is_stale(status, now, max_age):
        return (
            "gave its last heartbeat%s; %g s are allowed (max_age). Its process is gone or hangs, "
            "or cannot write to the datastore: look at st2sensorcontainer's log and restart it."
            % (_seconds(now, status.get("heartbeat"), " %.0f s ago"), max_age)
        )
    reason = ": %s" % status["reason"] if status.get("reason") else ""
    if state == DEGRADED and status.get("connection") == CONNECTED:
        return "is connected but cannot dispatch%s%s. %s" % (
            _seconds(now, status.get("since"), ", for %.0f s"),
            reason,
            "It goes on trying by itself. See that StackStorm's database (MongoDB) and message bus "
            "(RabbitMQ) run.",
        )
    if state != CONNECTED:
        return "lives but is not connected: state %s%s%s. %s" % (
            state,
            _seconds(now, status.get("since"), " for %.0f s"),
            reason,
            "It goes on trying by itself; where the reason is a token or a setting, mend that.",
        )
    return ""


def _parsed(text: Any) -> Dict[str, Any]:
    """The status in its JSON text; empty where there is none."""
    try:
        value = json.loads(text)
    except (TypeError, ValueError):
        return {}
    status = value if isinstance(value, dict) else {}
    if "why" in status:  # an earlier version saved it under this key
        status.setdefault("reason", status.pop("why"))
    return status


def _seconds(now: float, then: Any, words: str) -> str:
    """`words` with the seconds that have passed; nothing where it is not known since when."""
    if isinstance(then, bool) or not isinstance(then, (int, float)):
        return ""
    return words % max(0.0, now - then)
