"""PURE: arguments as they were sent → typed values, or a refusal, by the facts of the method.

`enum` is never a reason to refuse: the facts may know fewer values than Slack.
"""

from __future__ import annotations

import json
import re
from typing import Any, Callable, Dict, List, Mapping, Sequence

from sandbox.slack.checks.facts import Method
from sandbox.slack.checks.slack_error import SlackError

INTEGER = re.compile(r"-?[0-9]{1,18}\Z")
BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
# Codes of Slack's own for an argument that is not there, tried before the general one.
MISSING = {
    "text": ("no_text",),
    "users": ("no_users_provided", "no_user"),
    "name": ("invalid_name_required", "missing_subteam_name"),
    "image": ("bad_image",),
    "presence": ("invalid_presence",),
}


def clean(
    method: Method, raw: Mapping[str, Any], files: Mapping[str, Any], org: bool = False
) -> Dict[str, Any]:
    """The known arguments, typed; unknown ones are left out, as Slack ignores them.

    Files come as (filename, bytes). `org`: the token is an org-wide one.
    """
    args = {
        name: _parse(method, name, raw[name])
        for name in method.args
        if name in raw and raw[name] is not None and name not in files
    }
    args.update({name: files[name] for name in method.args if name in files})
    check_presence(method, args, org)
    return args


def check_presence(method: Method, args: Mapping[str, Any], org: bool = False) -> None:
    """SlackError where something is missing, or stands beside what it may not stand beside."""
    for name, facts in method.args.items():
        if facts["required"] and name not in args:
            raise missing(method, [name])
        if name not in args and _condition_holds(facts.get("required_if", ""), args, org):
            raise missing(method, [name], "missing_argument")
    for group in method.groups:
        _check_group(method, group["alternatives"], group["exclusive"], args)
    for names in method.not_together:
        if all(_is_present(args, name) for name in names):
            code = method.code("{}_conflict".format(names[0]))
            raise SlackError.explained(code, ["not allowed together: " + ", ".join(names)])
    for names in method.only_together:
        absent = [name for name in names if not _is_present(args, name)]
        if absent and len(absent) < len(names):
            raise missing(method, absent)


def missing(method: Method, names: Sequence[str], *codes: str) -> SlackError:
    """The refusal for required arguments that are not there; `codes` are tried first."""
    code = method.code(*codes, *MISSING.get(names[0], ()))
    return SlackError.explained(code, ["missing required field: " + name for name in names])


def _check_group(
    method: Method, alternatives: List[List[str]], exclusive: bool, args: Mapping[str, Any]
) -> None:
    complete = [names for names in alternatives if all(_is_present(args, name) for name in names)]
    if not complete:
        names_text = " or ".join("+".join(names) for names in alternatives)
        code = method.code(
            "no_text", "no_item_specified", "users_list_not_supplied", "recipients_not_specified"
        )
        raise SlackError.explained(code, ["missing required field: " + names_text])
    if exclusive and len(complete) > 1:
        names_text = ", ".join("+".join(names) for names in complete)
        raise SlackError.explained(
            "invalid_arguments", ["only one of these is allowed: " + names_text]
        )


def _is_present(args: Mapping[str, Any], name: str) -> bool:
    """Given and not empty: Slack takes an empty text beside blocks as no text."""
    return name in args and args[name] not in ("", [], {})


def _condition_holds(condition: str, args: Mapping[str, Any], org: bool) -> bool:
    """`org_token`, or `ARGUMENT=VALUE,VALUE` (see meta.rules.required_if of the facts)."""
    if condition == "org_token":
        return org
    name, _, values = condition.partition("=")
    return bool(values) and args.get(name) in values.split(",")


def _parse(method: Method, name: str, value: Any) -> Any:
    facts = method.args[name]
    if facts.get("format") == "binary":
        raise wrong(method, name, "must be sent as a file")
    if facts.get("format") == "json":
        value = _structure(method, name, facts["type"], value)
    else:
        value = TYPES[facts["type"]](method, name, value)
    _check_limits(method, name, value)
    return value


def wrong(method: Method, name: str, message: str) -> SlackError:
    """The refusal for an argument that is there but not as it must be."""
    code = method.code("invalid_{}_format".format(name), "invalid_{}".format(name))
    return SlackError.explained(code, ["{} [json-pointer:/{}]".format(message, name)])


def _text(method: Method, name: str, value: Any) -> str:
    if isinstance(value, (dict, list, bool)):
        raise wrong(method, name, "must be a string")
    return str(value)


def _integer(method: Method, name: str, value: Any) -> int:
    if isinstance(value, bool) or not INTEGER.match(str(value)):
        raise wrong(method, name, "must be an integer")
    return int(value)


def _boolean(method: Method, name: str, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if str(value) not in BOOLEANS:
        raise wrong(method, name, "must be a boolean")
    return BOOLEANS[str(value)]


def _list(method: Method, name: str, value: Any) -> List[str]:
    """Comma-separated text; a list only from a JSON body. JSON text in its place is a mistake."""
    if isinstance(value, list):
        return [_text(method, name, item) for item in value]
    text = _text(method, name, value)
    if text.startswith("["):
        raise SlackError.explained(
            "invalid_array_arg", ["must be comma-separated text [json-pointer:/{}]".format(name)]
        )
    return [item.strip() for item in text.split(",") if item.strip()]


TYPES: Dict[str, Callable[[Method, str, Any], Any]] = {
    "string": _text,
    "integer": _integer,
    "boolean": _boolean,
    "array": _list,
}


def _structure(method: Method, name: str, kind: str, value: Any) -> Any:
    """An array or object; as JSON text in a form, as itself in a JSON body."""
    if isinstance(value, str):
        # IDs come as comma-separated text, too: so slack_sdk sends them.
        if name.endswith("_ids") and kind == "array" and not value.lstrip().startswith(("[", "{")):
            return _list(method, name, value)
        try:
            value = json.loads(value)
        except ValueError:
            raise wrong(method, name, "must be valid JSON") from None
    if not isinstance(value, list if kind == "array" else dict):
        raise wrong(method, name, "must be an {}".format(kind))
    return value


def _check_limits(method: Method, name: str, value: Any) -> None:
    facts = method.args[name]
    if isinstance(value, int):
        size, low, high, unit = value, facts.get("min"), facts.get("max"), ""
    elif isinstance(value, list) and "max_length" not in facts:
        size, low, high, unit = (
            len(value),
            facts.get("min_items"),
            facts.get("max_items"),
            " items",
        )
    else:
        text = value if isinstance(value, str) else json.dumps(value)
        # A greatest length of 0 cannot be meant: the argument could never be given.
        size, low, high, unit = (
            len(text),
            facts.get("min_length"),
            facts.get("max_length") or None,
            " characters",
        )
    if low is not None and size < low:
        raise wrong(method, name, "must be at least {}{}".format(low, unit))
    if high is not None and size > high:
        raise wrong(method, name, "must be no more than {}{}".format(high, unit))
