"""Where the listed behaviours show: rules on `slack.message`, the pack's config, webhook URLs.

What is said comes from `behaviours` of etc/upgrade_2x.yaml. Nothing of a URL is ever shown: it is a
credential.
"""

from __future__ import annotations

from typing import Dict, FrozenSet, Iterator, Mapping, Optional, Tuple
from urllib.parse import urlsplit

from yaml.nodes import Node

from tools.upgrade_check.call_findings import Problem
from tools.upgrade_check.documents import (
    is_expression,
    items,
    line_of,
    member,
    members,
    text_of,
    walk,
)
from tools.upgrade_check.finding import BREAK, NOTE
from tools.upgrade_check.interface import Interface
from tools.upgrade_check.references import Reference

_WEBHOOK_ACTIONS = ("post_message", "post_attachment")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_SLACK = ("slack.com", "slack-gov.com")
_WORKFLOW_BUILDER = ("/triggers/", "/workflows/")

# Behaviour → begins of the paths of a rule's criteria: where a rule has one, it is not concerned.
_MESSAGES: Mapping[str, Tuple[str, ...]] = {
    "own messages": (),
    "subtypes": ("trigger.subtype",),
    "without text": ("trigger.text",),
    "unknown people and channels": ("trigger.user.", "trigger.channel."),
}


def check_rule(interface: Interface, document: Node) -> Iterator[Problem]:
    """What differs for a rule on `slack.message`; nothing for any other document."""
    trigger = member(document, "trigger")
    kind = member(trigger, "type")
    if kind is None or text_of(kind) != f"{interface.ref}.message":
        return
    criteria = members(member(document, "criteria"))
    for name, exempt in _MESSAGES.items():
        if not any(path.startswith(exempt) for path in criteria if exempt):
            yield _problem(interface, name, line_of(kind), f"rule on {interface.ref}.message")
    for path, (key, criterion) in criteria.items():
        yield from _criterion(interface, path, line_of(key), _patterns(criterion))


def _criterion(
    interface: Interface, path: str, line: int, patterns: Tuple[str, ...]
) -> Iterator[Problem]:
    what = f"criterion on `{path}`"
    if path.startswith("trigger.user.") and "Unknown" in patterns:
        yield _problem(interface, "unknown keys", line, what, BREAK)
    elif path == "trigger.user.is_bot":
        yield _problem(interface, "own messages", line, what)
    elif path.startswith(("trigger.attachments", "trigger.blocks")):
        yield _problem(interface, "without text", line, what)
    elif path == "trigger.text" and any("<@" in each.replace("\\", "") for each in patterns):
        yield Problem(
            line,
            NOTE,
            f"{what}: mentions stand in the text as `<@U…>`, as in 2.x",
            "leave `sensor.plain_text` off; with it they become names",
        )


def _patterns(criterion: Optional[Node]) -> Tuple[str, ...]:
    """Every text that the criterion compares with."""
    pattern = member(criterion, "pattern")
    inner = [text_of(value) for _, _, value in walk(pattern)]
    return tuple(filter(None, [text_of(pattern), *inner]))


def check_config(interface: Interface, document: Node) -> Iterator[Problem]:
    """What differs for the values of a config whose keys are all right."""
    found = member(member(document, "sensor"), "strip_formatting")
    if text_of(found).lower() == "true":
        yield _problem(
            interface, "links", line_of(found or document), "config key `sensor.strip_formatting`"
        )
    for place, section in _webhook_sections(document).items():
        url = member(section, "webhook_url")
        if url is not None:
            hosts = _hosts(section)
            where = f"config key `{place}.webhook_url`"
            yield from _webhook(interface, text_of(url), line_of(url), where, hosts)


def check_call(
    interface: Interface, reference: Reference, hosts: FrozenSet[str]
) -> Iterator[Problem]:
    """What differs for the webhook URL that a call gives. `hosts`: see plain_http_hosts."""
    name = reference.ref.partition(".")[2]
    webhook_url = (reference.parameters or {}).get("webhook_url")
    if name in _WEBHOOK_ACTIONS and webhook_url is not None and isinstance(webhook_url.value, str):
        where = f"`webhook_url` of {reference.ref}"
        yield from _webhook(interface, webhook_url.value, webhook_url.line, where, hosts)


def plain_http_hosts(document: Node) -> FrozenSet[str]:
    """The hosts that a config names in `plain_http_hosts`, those of all workspaces."""
    return frozenset().union(*map(_hosts, _webhook_sections(document).values()))


def _webhook_sections(document: Node) -> Dict[str, Optional[Node]]:
    """Place in the config → its post_message_action: of the top level and of each workspace."""
    key = "post_message_action"
    sections = {key: member(document, key)}
    for number, entry in enumerate(items(member(document, "workspaces"))):
        sections[f"workspaces[{number}].{key}"] = member(entry, key)
    return sections


def _hosts(section: Optional[Node]) -> FrozenSet[str]:
    return frozenset(_plain(text_of(each)) for each in items(member(section, "plain_http_hosts")))


def _webhook(
    interface: Interface, url: str, line: int, where: str, hosts: FrozenSet[str]
) -> Iterator[Problem]:
    """What differs for this URL; a template is not judged."""
    try:
        parts = urlsplit(url.strip())
        host = _plain(parts.hostname or "")
    except ValueError:
        return
    if not host or is_expression(parts.netloc):
        return
    is_slacks = any(host == each or host.endswith(f".{each}") for each in _SLACK)
    if parts.scheme == "http" and host not in _LOOPBACK and (is_slacks or host not in hosts):
        yield _problem(interface, "plain http", line, where, BREAK)
    if is_slacks and parts.path.startswith(_WORKFLOW_BUILDER):
        yield _problem(interface, "workflow webhooks", line, where)


def _plain(host: str) -> str:
    return host.strip().casefold().rstrip(".")


def _problem(interface: Interface, name: str, line: int, where: str, level: str = NOTE) -> Problem:
    behaviour = interface.behaviours[name]
    return Problem(line, level, f"{where}: {behaviour['change']}", behaviour["instead"])
