"""PURE: which rules of the pack the config seems to want, and which of these are off.

StackStorm resets `enabled` of a rule to what its file says whenever the pack is registered, so what
was switched on or off by hand does not last; an override in /opt/stackstorm/overrides does.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, Mapping

from st2slack.diagnostics.report_rows import WARNING, Row
from st2slack.settings.access import read_access
from st2slack.settings.chatops import read_chatops
from st2slack.settings.sensor import read_sensor
from st2slack.settings.values import workspace_names

_APPROVAL = "approval:"
_FOR_APPROVALS = (
    "open_question_forms",
    "post_questions",
    "record_answers",
    "record_form_answers",
    "record_form_answers_in_threads",
    "sweep_questions",
)
_SWITCH_ON = (
    "Put `rules: {exceptions: {%s: {enabled: true}}}` in /opt/stackstorm/overrides/slack.yaml and "
    "run `st2ctl reload --register-rules`; see docs/chatops.md, Rules that stay on."
)


def find_wanted_rules(config: Mapping[str, Any]) -> Dict[str, str]:
    """Name of a rule -> what in the config wants it. Raises SettingsError."""
    wanted: Dict[str, str] = {}
    for workspace in ["", *workspace_names(config)]:
        rules = read_access(config, workspace).rules
        patterns = [each for rule in rules for each in rule.what]
        if any(not each.startswith(_APPROVAL) for each in patterns):
            wanted.update(_for_commands(config, workspace))
        if any(each.startswith(_APPROVAL) for each in patterns):
            wanted.update(dict.fromkeys(_FOR_APPROVALS, "`authorization` has rules for approvals"))
        if read_chatops(config, workspace).questions_channel:
            wanted.update(dict.fromkeys(_FOR_APPROVALS, "`chatops.questions_channel` is set"))
    return wanted


def _for_commands(config: Mapping[str, Any], workspace: str) -> Iterator[Any]:
    sensor = read_sensor(config, workspace)
    why = "`authorization` has rules for commands"
    if sensor.app_token:
        yield "on_command", why
    if read_chatops(config, workspace).prefix:
        yield "on_prefix", "`chatops.prefix` is set and " + why
    if "app_mention" in sensor.events:
        yield "on_mention", "`sensor.events` has app_mention and " + why
    if sensor.app_token or sensor.token:
        yield "post_results", why


def find_rules_that_are_off(
    config: Mapping[str, Any], enabled: Mapping[str, bool]
) -> Iterator[Row]:
    """A warning for each rule that is wanted and off. `enabled`: name of a rule -> is it on?"""
    for name, why in sorted(find_wanted_rules(config).items()):
        if enabled.get(name) is False:
            means = "The rule is off, though %s." % why
            yield Row("", "rule slack.%s" % name, WARNING, means, _SWITCH_ON % name)
