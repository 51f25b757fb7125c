"""Descriptions: our words, then what the facts know about form, limits and conditions."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Sequence

from tools.generator.sources import Words

_KINDS = {
    "bot": "bot (xoxb-…)",
    "user": "user (xoxp-…)",
    "app": "app level (xapp-…)",
    "configuration": "app configuration (xoxe.xoxp-…)",
}


def method_text(
    name: str,
    facts: Mapping[str, Any],
    words: Words,
    per_minute: Mapping[str, int],
) -> str:
    """The description of an action: what it does, then conditions, credentials and limits."""
    parts = [
        words.of(name)["description"],
        *_conditions(facts),
        *_standing(facts),
        _token(facts),
        _scopes(facts),
        _rate(facts, per_minute),
    ]
    return " ".join(part for part in parts if part)


def parameter_text(text: str, argument: Mapping[str, Any], untold: Sequence[str] = ()) -> str:
    """The description of a parameter: our words, then what the facts add to them."""
    facts = {key: value for key, value in argument.items() if key not in untold}
    return " ".join([text, *_form(facts), *_choices(facts), *_limits(facts), *_when(facts)])


def _form(argument: Mapping[str, Any]) -> Iterator[str]:
    if argument.get("format") == "csv":
        yield "Comma-separated."
    if argument.get("format") == "binary":
        yield "Path of a file on the action runner."
    if argument.get("format") == "json":
        yield "As JSON."


def _choices(argument: Mapping[str, Any]) -> Iterator[str]:
    if argument.get("enum"):
        # Slack may know more choices than the facts, so they are told and never enforced.
        yield "Known values: %s." % ", ".join(_excerpt(each) for each in argument["enum"])
    if "default" in argument:
        yield "Slack's default: %s." % _excerpt(argument["default"])


def _limits(argument: Mapping[str, Any]) -> Iterator[str]:
    low, high = argument.get("min"), argument.get("max")
    if low is not None and high is not None:
        yield "From %s to %s." % (low, high)
    elif high is not None:
        yield "At most %s." % high
    elif low is not None:
        yield "At least %s." % low
    yield from _length(argument.get("min_length"), argument.get("max_length"), "characters")
    yield from _length(argument.get("min_items"), argument.get("max_items"), "items")


def _length(low: Any, high: Any, unit: str) -> Iterator[str]:
    # A maximum of 0 (usergroups.list has one in the facts) is a slip of its source, not a limit.
    if high and low and low > 1:
        yield "%s to %s %s." % (low, high, unit)
    elif high:
        yield "At most %s %s." % (high, unit if high > 1 else unit[:-1])
    elif low and low > 1:
        yield "At least %s %s." % (low, unit)


def _when(argument: Mapping[str, Any]) -> Iterator[str]:
    condition = argument.get("required_if")
    if condition == "org_token":
        yield "Needed with an organization-wide token."
    elif condition:
        other, values = condition.split("=")
        yield "Needed when `%s` is %s." % (other, " or ".join(values.split(",")))
    if argument.get("legacy"):
        yield "Legacy."
    if argument.get("undocumented"):
        yield "Not documented by Slack."


def _conditions(facts: Mapping[str, Any]) -> Iterator[str]:
    for group in facts.get("at_least_one_of") or ():
        # An alternative may be several arguments that go together: a, or b with c.
        choices = " or ".join(
            " with ".join("`%s`" % name for name in each) for each in group["alternatives"]
        )
        yield "Give %s%s." % (choices, " (only one of them)" if group.get("exclusive") else "")
    for group in facts.get("not_together") or ():
        yield "Not together: %s." % _names(group)
    for group in facts.get("only_together") or ():
        yield "Only together: %s." % _names(group)


def _standing(facts: Mapping[str, Any]) -> Iterator[str]:
    names = ", ".join("slack.%s" % each for each in facts.get("replaced_by") or ())
    replacement = "; use %s" % names if names else ""
    if facts["deprecated"]:
        yield "Deprecated by Slack%s." % replacement
    if facts.get("sunset"):
        yield "Ended for most apps on %s." % facts["sunset"]
    if facts.get("nonfunctional"):
        yield "It has no effect any more."
    if facts.get("legacy") and not facts["deprecated"]:
        yield "Slack calls it legacy%s." % replacement


def _token(facts: Mapping[str, Any]) -> str:
    if facts.get("takes_token") is False:
        return "Token: none."
    kinds = facts.get("token_types")
    return "Token: %s." % " or ".join(_KINDS[kind] for kind in kinds) if kinds else ""


# No app can be given these: they belong to Slack's own clients.
_INTERNAL_SCOPES = {"seamless.user", "client"}


def shown_scopes(facts: Mapping[str, Any]) -> Dict[str, List[str]]:
    """Kind of token -> the scopes of the method that an app can have."""
    scopes: Mapping[str, List[str]] = facts.get("scopes") or {}
    return {
        kind: [each for each in scopes[kind] if each not in _INTERNAL_SCOPES] for kind in scopes
    }


def _scopes(facts: Mapping[str, Any]) -> str:
    kinds = shown_scopes(facts)
    by_kind = {kind: ", ".join(kinds[kind]) for kind in sorted(kinds) if kinds[kind]}
    if not by_kind:
        return "Scope: none." if facts.get("no_scope_required") else ""
    if len(set(by_kind.values())) == 1:
        names = next(iter(by_kind.values()))
        return "Scope: %s." % ("one of " + names if "," in names else names)
    return "Scope: %s." % "; ".join("%s: %s" % (kind, names) for kind, names in by_kind.items())


def _rate(facts: Mapping[str, Any], per_minute: Mapping[str, int]) -> str:
    tier: str = facts.get("rate_tier") or ""
    if facts.get("rate_per_minute"):
        return "Rate limit: about %s calls a minute." % facts["rate_per_minute"]
    if tier in per_minute:
        return "Rate limit: tier %s, about %s a minute." % (tier[-1], per_minute[tier])
    return "Rate limit: special, set by Slack for this method." if tier else ""


def _names(group: Sequence[str]) -> str:
    return " and ".join("`%s`" % name for name in group)


def _excerpt(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(map(_excerpt, value))
    return "empty" if value == "" else str(value)
