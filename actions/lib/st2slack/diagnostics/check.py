"""Try everything that the config names, and say what each thing means and what to do about it."""

from __future__ import annotations

import contextlib
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Tuple

from st2slack.api.client import Client
from st2slack.base.errors import SettingsError, SlackError
from st2slack.diagnostics import permission_check
from st2slack.diagnostics.connection import SKEW, hasty, proxy_of
from st2slack.diagnostics.probes import How, Seen, Trial
from st2slack.diagnostics.report_rows import (
    AGAIN,
    FAILED,
    OK,
    WARNING,
    Row,
    failures,
    lines_of,
    result_of,
)
from st2slack.diagnostics.wanted_rules import find_rules_that_are_off
from st2slack.settings.config_keys import (
    find_empty_keys,
    find_hidden_empty_keys,
    find_unknown_keys,
)
from st2slack.settings.sensor import read_sensor
from st2slack.settings.slack import (
    Credential,
    Settings,
    credentials,
    find_missing_bot_token,
    read_route,
)
from st2slack.settings.values import workspace_names

PACK = "slack"
_EMPTY = "It is set in the config but came out empty: does the datastore have it?"
_STORE = "Store the key that the config names (`st2 key list`), or leave this out."


def report(
    config: Mapping[str, Any],
    say: Callable[[str], None],
    complain: Callable[[str], None],
    workspace: Optional[str] = None,
    how: Optional[How] = None,
    question: Optional[permission_check.Question] = None,
) -> Tuple[bool, Dict[str, Any]]:
    """Check, `say` the table, `complain` about what failed; (whether all is well, the result).

    Settings that are wrong and what Slack refuses are rows of the table, not exceptions. Where it
    is asked whether somebody may something, this alone is looked at; `decision` of the result is
    the record of it.
    """
    how, more = how or How(), {}
    if question:
        row, decision = permission_check.answer(config, workspace, question, how.http)
        rows, more = [row], {"decision": decision}
    else:
        rows = look(config, workspace, how)
    for line in lines_of(rows):
        say(line)
    for line in failures(rows):
        complain(line)
    result = {**result_of(rows), **more}
    return bool(result["ok"]), result


def look(config: Mapping[str, Any], workspace: Optional[str], how: How) -> List[Row]:
    """The rows of one workspace, or of all: the config's top level and each entry."""
    if workspace:
        return list(_workspace(config, workspace, how)) or [_nothing(workspace)]
    try:
        names = workspace_names(config)
    except SettingsError as error:
        return [Row("", "config", FAILED, str(error), AGAIN)]
    found = [(name, list(_workspace(config, name, how))) for name in ["", *names]]
    rows = [row for name, own in found for row in own or ([_nothing(name)] if name else [])]
    rows = list(_keys(config)) + (rows or [_nothing("")])
    return rows + list(_registered(config, how)) if how.stackstorm else rows


def _keys(config: Mapping[str, Any]) -> Iterator[Row]:
    """What StackStorm registers without a word: keys that nothing reads, keys without a value."""
    for place, near in find_unknown_keys(config):
        means = "Nothing reads this key of the config."
        to_do = "Did you mean `%s`?" % near if near else "Remove it; see config.schema.yaml."
        yield Row("", place, FAILED, means, to_do)
    needed = [each.place for each in _empty_credentials(config)]
    for place in dict.fromkeys([*needed, *find_empty_keys(config)]):
        state = FAILED if place in needed else WARNING
        yield Row("", place, state, _EMPTY, _STORE)


def _registered(config: Mapping[str, Any], how: How) -> Iterator[Row]:
    """What only StackStorm can tell: rules that are off, and values that its defaults hide."""
    assert how.stackstorm is not None
    try:
        enabled = how.stackstorm.list_rules(PACK)
        registered = how.stackstorm.read_pack_config(PACK)
    except SlackError as error:
        means = "Which rules are on was not asked: %s" % error
        yield Row("", "rules", WARNING, means, AGAIN)
        return
    for place in find_hidden_empty_keys(config, registered):
        yield Row("", place, FAILED, _EMPTY, _STORE)
    with contextlib.suppress(SettingsError):  # the rows of `chatops` and so on tell
        yield from find_rules_that_are_off(config, enabled)


def _empty_credentials(config: Mapping[str, Any]) -> Iterator[Credential]:
    for name in ["", *workspace_names(config)]:
        with contextlib.suppress(SettingsError):  # the workspace's own row tells
            yield from credentials(config, name, empty=True)


def _nothing(name: str) -> Row:
    means = "No credential is set, so nothing can be done with Slack."
    return Row(name, "config", FAILED, means, "Set `action_token`; see README, Setting up.")


def _workspace(config: Mapping[str, Any], name: str, how: How) -> Iterator[Row]:
    try:
        found = credentials(config, name)
        settings = read_route(config, name)
        if not any(each.fault for each in found):  # else the faulty credential's own row tells
            read_sensor(config, name)
    except SettingsError as error:
        yield Row(name, "config", FAILED, str(error), AGAIN)
        return
    if not found:
        return
    settings = hasty(settings)
    reached = list(_reach(name, settings, how))
    yield from reached
    yield from _without_bot_token(config, name)
    listens = any(each.belongs in ("app", "classic") for each in found)
    for credential in found:
        trial = Trial(config, name, settings, credential, how, listens)
        if reached[0].state == OK:
            yield from trial.rows()
        else:
            yield from trial.form()  # what can be told without Slack
    yield from permission_check.rules(config, name)


def _without_bot_token(config: Mapping[str, Any], name: str) -> Iterator[Row]:
    place = find_missing_bot_token(config, name)
    if place:
        means = "It is not set, so most actions have no token and the sensor looks no name up."
        to_do = "Set it: the Bot User OAuth Token of the app's page, OAuth & Permissions."
        yield Row(name, place, FAILED, means, to_do)


def _reach(name: str, settings: Settings, how: How) -> Iterator[Row]:
    """Whether Slack answers at all, and what its clock says."""
    what, seen = "connection to %s" % settings.api_url, Seen()
    try:
        through = proxy_of(settings)
        Client(settings, how.http, on_response=seen).call("api.test")
    except SlackError as error:
        yield Row(name, what, FAILED, str(error), "Check `api_url`, `proxy` and the network.")
        return
    means = "Slack answers, through the proxy %s." % through if through else "Slack answers."
    yield Row(name, what, OK, means)
    skew = seen.skew(how.now())
    if skew is not None and abs(skew) > SKEW:
        yield Row(name, "clock", WARNING, _about(skew), "Let NTP set the clock of this machine.")


def _about(skew: float) -> str:
    side = "ahead of" if skew > 0 else "behind"
    return (
        "The local clock is %.0f s %s Slack's: how old messages and heartbeats are is told wrongly."
        % (abs(skew), side)
    )
