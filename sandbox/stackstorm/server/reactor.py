"""Triggers and the rules that wait for them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, ContextManager, Dict, List, NamedTuple, Tuple

from sandbox.stackstorm.rules import Rule, load_rules, read_rule
from sandbox.stackstorm.server.api_error import ApiError
from sandbox.stackstorm.server.clock import Clock
from sandbox.stackstorm.server.times import iso

Json = Dict[str, Any]
Request = Callable[[str, Json, Json], Any]

TIMERS = ("core.st2.IntervalTimer", "core.st2.CronTimer", "core.st2.DateTimer")


class DispatchedTrigger(NamedTuple):
    """A trigger that was fired, and the rules that it set off."""

    trigger: str
    payload: Json
    rules: List[str]


class Reactor:
    """Fires triggers. An enabled rule whose criteria are met requests its action.

    Timers fire only when `tick` is called. `failures`: (rule, why) for requests that were refused;
    StackStorm says so in its log only.
    """

    def __init__(self, request: Request, lock: ContextManager[Any], clock: Clock) -> None:
        self.dispatched: List[DispatchedTrigger] = []
        self.failures: List[Tuple[str, str]] = []
        self._request = request
        self._clock = clock
        self._lock = lock
        self._rules: Dict[str, Rule] = {}

    def register(self, pack: Path) -> None:
        """The rules of a pack."""
        for rule in load_rules(pack):
            self._rules[rule.ref] = rule

    def add(self, document: Json) -> Rule:
        """One rule, as its file has it."""
        rule = read_rule(document)
        self._rules[rule.ref] = rule
        return rule

    def rules(self) -> List[Rule]:
        """All of them, as they are now."""
        return list(self._rules.values())

    def enable(self, ref: str, enabled: bool = True) -> None:
        """Switch a rule on, or off."""
        self._rules[ref] = replace(self._rules[ref], enabled=enabled)

    def dispatch(self, trigger: str, payload: Json) -> DispatchedTrigger:
        """Fire a trigger, as a sensor does."""
        with self._lock:
            rules = [each for each in self._rules.values() if each.enabled]
            found = [each for each in rules if each.matches(trigger, payload)]
            triggered = DispatchedTrigger(trigger, payload, [each.ref for each in found])
            self.dispatched.append(triggered)
            for rule in found:
                self._set_off(rule, payload)
            return triggered

    def tick(self, ref: str) -> None:
        """The timer of one enabled rule fires."""
        rule = self._rules[ref]
        assert rule.trigger in TIMERS, f"{ref} waits for {rule.trigger}, which is no timer"
        assert rule.enabled, f"{ref} is disabled"
        payload = {"executed_at": iso(self._clock()), "schedule": None}
        with self._lock:
            self.dispatched.append(DispatchedTrigger(rule.trigger, payload, [ref]))
            self._set_off(rule, payload)

    def _set_off(self, rule: Rule, payload: Json) -> None:
        context = {"rule": {"ref": rule.ref, "name": rule.name, "pack": rule.pack}}
        try:
            self._request(rule.action, rule.action_parameters(payload), context)
        except ApiError as refusal:
            self.failures.append((rule.ref, refusal.text))
