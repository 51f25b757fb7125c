"""PURE: how a fact is made from what a page says.

The rules that `meta.rules` of etc/slack/web_api.json describes, as code.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from tools.facts.pages import Page, PageArgument
from tools.facts.rulings import Ruling
from tools.facts.typings import Argument

Json = Dict[str, Any]
Form = Tuple[str, Optional[str]]
FORM_ENCODED = "application/x-www-form-urlencoded"
# Every page lists these error codes. One that a page lists a second time is the method's own.
ON_EVERY_PAGE = frozenset(
    [
        *("access_denied", "accesslimited", "account_inactive"),
        *("deprecated_endpoint", "ekm_access_denied", "enterprise_is_restricted"),
        *("fatal_error", "internal_error", "invalid_arg_name"),
        *("invalid_arguments", "invalid_array_arg", "invalid_auth"),
        *("invalid_charset", "invalid_form_data", "invalid_post_type"),
        *("method_deprecated", "missing_post_type", "missing_scope"),
        *("no_permission", "not_allowed_token_type", "not_authed"),
        *("org_login_required", "ratelimited", "request_timeout"),
        *("service_unavailable", "team_access_not_granted", "team_added_to_org"),
        *("token_expired", "token_revoked", "two_factor_setup_required"),
    ]
)
# Slack's own clients use these scopes; an app cannot have them.
NOT_FOR_APPS = frozenset({"client", "seamless.user"})
# What makes the form of an argument.
FORM = ("type", "items", "format")
# A ruling about `values`: those that the page lists are not all. About `pagination`: not paged.
NONE = "none"
_KINDS_OF_TOKEN = ("bot", "user", "app", "configuration")
_READING = re.compile(
    r"^(get|list|info|lookup|history|replies|members|fetch|search|download|test|counts?|preview)"
)
_INTEGERS = frozenset({"limit", "count", "page"})
_COUNTS = frozenset({"limit", "count"})
_TIMESTAMP = re.compile(r"^(ts|timestamp|latest|oldest)$|_ts$")
# Type that a page names -> types that the facts may have for it.
_COMPATIBLE = {
    "": frozenset({"string", "integer", "boolean", "array", "object"}),
    "string": frozenset({"string", "integer", "array", "object", "boolean"}),
    "integer": frozenset({"integer", "string"}),
    "number": frozenset({"integer", "string"}),
    "boolean": frozenset({"boolean"}),
    "array": frozenset({"array"}),
    "object": frozenset({"object", "array", "string"}),
}
_SIMPLE = {"number": "integer", "integer": "integer", "boolean": "boolean", "string": "string"}


def is_documented(facts: Mapping[str, Any]) -> bool:
    """Whether the method lives and has a page."""
    return not facts["retired"] and not facts["undocumented"]


def probably_writes(name: str) -> bool:
    """A guess from the last part of the name, for a suggestion."""
    return _READING.search(name.rpartition(".")[2]) is None


def new_method(page: Page) -> Json:
    """Facts of a method that were not there, without its arguments."""
    return {
        "family": page.method.partition(".")[0],
        "http_method": page.http_method,
        "takes_token": "token" in page.arguments,
        "content_types": [FORM_ENCODED],
        "deprecated": False,
        "retired": False,
        "undocumented": False,
        "args": {},
        "seen_in": ["docs"],
    }


def facts_of_page(facts: Mapping[str, Any], page: Page) -> Iterator[Tuple[str, Any]]:
    """(key, value) of the method's facts that the page states. A page that is silent about
    retirement proves nothing: only what it says counts."""
    yield "http_method", page.http_method
    yield "content_types", content_types(facts, page)
    if page.rate_tier:
        yield "rate_tier", page.rate_tier
    scopes = shown_scopes(page)
    if scopes:
        yield "scopes", scopes
    yield "errors", own_errors(page)
    if page.is_deprecated:
        yield "deprecated", True
    if page.is_legacy:
        yield "legacy", True
    if page.is_retired:
        yield "retired", True
    if page.replaced_by and not facts.get("replaced_by"):
        yield "replaced_by", list(page.replaced_by)


def own_errors(page: Page) -> List[str]:
    """Codes of the method, without those that every page lists."""
    count = Counter(page.errors)
    return sorted(code for code in count if code not in ON_EVERY_PAGE or count[code] > 1)


def shown_scopes(page: Page) -> Dict[str, List[str]]:
    """Kind of token -> scopes that an app can have."""
    found = {
        kind: [name for name in names if name not in NOT_FOR_APPS]
        for kind, names in page.scopes.items()
    }
    return {kind: names for kind, names in found.items() if names}


def content_types(facts: Mapping[str, Any], page: Page) -> List[str]:
    """Pages of GET methods list JSON as well; a GET request has no body."""
    there = list(facts.get("content_types") or [FORM_ENCODED])
    if page.http_method == "GET" or not page.content_types:
        return there
    return list(page.content_types)


def assign(facts: Json, key: str, value: Any) -> None:
    """Set a fact of a method, in the order that it has; what follows from it as well."""
    if not differ(facts.get(key), value):
        return
    if value in ([], None):
        facts.pop(key, None)
        return
    facts[key] = value
    if key == "scopes":
        _assign_what_scopes_mean(facts)
    if key == "replaced_by":
        facts["replaced_by_basis"] = "slack docs page"
    if key == "retired":
        facts["deprecated"] = True


def _assign_what_scopes_mean(facts: Json) -> None:
    facts["token_types"] = [kind for kind in _KINDS_OF_TOKEN if kind in facts["scopes"]]
    facts.pop("no_scope_required", None)
    facts.pop("admin_scope", None)
    if any(scope.startswith("admin") for names in facts["scopes"].values() for scope in names):
        facts["admin_scope"] = True


def differ(one: Any, other: Any) -> bool:
    """Lists that stand for sets differ by what is in them, not by its order."""
    return bool(_normal(one) != _normal(other))


def _normal(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _normal(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return sorted(map(str, value))
    return value or None if isinstance(value, (str, type(None))) else value


def add_seen_in(facts: Json, source: str) -> None:
    """Name a source of the method. `ref` is the same documentation in another form."""
    same = {"docs", "ref"} if source == "docs" else {source}
    if not same & set(facts["seen_in"]):
        facts["seen_in"] = [*facts["seen_in"], source]


def mark_unverified(facts: Json, is_unverified: bool) -> None:
    """Only written pages show it."""
    if is_unverified:
        facts["unverified"] = True
    else:
        facts.pop("unverified", None)


# answers


_OF_EVERY_ANSWER = frozenset(
    [
        *("ok", "error", "errors", "needed", "provided", "warning", "arg", "detail", "callstack"),
        *("deprecated_argument", "response_metadata"),
    ]
)
_NEXT_CURSOR = ("response_metadata.next_cursor", "next_cursor")


def answer_keys(answer: Mapping[str, str]) -> List[str]:
    """Own keys of a method's answer, of the containers that a type has."""
    return sorted({key for key in answer if "." not in key} - _OF_EVERY_ANSWER)


def add_answer_keys(facts: Json, answer: Mapping[str, str]) -> None:
    """Keys that the facts lack. None goes: other sources show keys that the types do not have."""
    known = set(facts.get("response_keys", ()))
    new = set(answer_keys(answer)) - known
    if "cursor" in facts["args"] and not known and _NEXT_CURSOR[0] in answer:
        new.add("response_metadata")
    if new:
        facts["response_keys"] = sorted(known | new)


def pagination(facts: Mapping[str, Any], answer: Mapping[str, str]) -> Optional[Json]:
    """How a method with a cursor is paged; None: its answer does not tell."""
    items = [key for key in answer_keys(answer) if answer.get(key) in ("list", "map")]
    sizes = [key for key in sorted(_COUNTS) if key in facts["args"]]
    cursors = [key for key in _NEXT_CURSOR if key in answer]
    if len(items) != 1 or len(sizes) != 1 or not cursors:
        return None
    return {
        "kind": "cursor",
        "result_key": items[0],
        "cursor_param": "cursor",
        "size_param": sizes[0],
        "next_cursor": cursors[0],
        "container": answer[items[0]],
    }


# arguments


def is_in_a_group(facts: Mapping[str, Any], name: str) -> bool:
    """An argument of at_least_one_of is not required by itself."""
    return any(
        name in alternative
        for group in facts.get("at_least_one_of", ())
        for alternative in group["alternatives"]
    )


def is_compatible(type_of_page: str, argument: Mapping[str, Any]) -> bool:
    """Whether the facts' type can be what the page means."""
    return argument["type"] in _COMPATIBLE.get(type_of_page, _COMPATIBLE[""])


def facts_of_argument(argument: Mapping[str, Any], page: PageArgument) -> Iterator[Tuple[str, Any]]:
    """(what, value) that the page states: default, values, largest. What it leaves out stays."""
    if page.default is not None:
        value = typed_default(argument["type"], page.default)
        if value is not None:
            yield "default", value
    if page.values and argument["type"] in ("string", "array"):
        yield "values", list(page.values)
    if page.largest is not None and argument["type"] in ("integer", "array"):
        yield "largest", page.largest


def typed_default(type_: str, text: str) -> Any:
    """None: the text is no value of the type."""
    if type_ == "boolean":
        return {"true": True, "false": False, "1": True, "0": False}.get(text.lower())
    if type_ == "integer":
        return int(text) if re.fullmatch(r"-?\d+", text) else None
    if type_ == "array":
        return [part.strip() for part in text.split(",") if part.strip()] or None
    return text if type_ == "string" else None


def assign_to_argument(argument: Json, about: str, value: Any) -> None:
    """Set a fact of an argument where it differs."""
    owner, key = _place(argument, about)
    if value not in (None, NONE) and differ(owner.get(key), value):
        owner[key] = value


def _place(argument: Json, about: str) -> Tuple[Json, str]:
    is_array = argument["type"] == "array"
    if about == "values":
        return (argument["items"], "enum") if is_array else (argument, "enum")
    if about == "largest":
        return argument, "max_items" if is_array else "max"
    return argument, about


# new arguments


def forms_by_name(facts: Mapping[str, Mapping[str, Any]]) -> Dict[str, Json]:
    """Argument -> its form, of those that have the same form in every method."""
    found: Dict[str, List[Json]] = {}
    for method in facts.values():
        for name, argument in method["args"].items():
            if "undecided" not in argument:
                found.setdefault(name, []).append(_form_of(argument))
    return {name: forms[0] for name, forms in found.items() if forms.count(forms[0]) == len(forms)}


def _form_of(argument: Mapping[str, Any]) -> Json:
    form = {key: argument[key] for key in FORM if key in argument}
    if "items" in form:
        form["items"] = {"type": form["items"]["type"]}
    return form


def form_of_new(
    name: str,
    page: PageArgument,
    packages: Sequence[Argument],
    known: Mapping[str, Json],
    ruling: Optional[Ruling],
) -> Optional[Json]:
    """Type, items and format of an argument that was not there; None: nothing tells."""
    if ruling is not None:
        return _form(str(ruling.ruling))
    if name in _INTEGERS:
        return {"type": "integer"}
    if _TIMESTAMP.search(name):
        return {"type": "string"}
    if name in known and is_compatible(page.type, known[name]):
        return dict(known[name])
    return _form(_type_of_text(page) or _type_of_packages(page, packages) or page.type)


def _type_of_packages(page: PageArgument, packages: Sequence[Argument]) -> str:
    """Of the first package that has one type. A text there and a list on the page: with commas."""
    kinds = [kind for each in packages for kind in each.kinds if len(each.kinds) == 1]
    if page.type == "array" and "string" in kinds:
        return "csv list"
    return kinds[0] if kinds else ""


def _type_of_text(page: PageArgument) -> str:
    """A text whose example is a list with commas is a list."""
    if page.type in ("", "string") and re.fullmatch(r"[\w.-]+(,\s?[\w.-]+)+", page.example):
        return "csv list"
    return ""


_LISTS = {
    "csv list": {"type": "array", "items": {"type": "string"}, "format": "csv"},
    "json list": {"type": "array", "items": {"type": "string"}, "format": "json"},
    "objects": {"type": "array", "items": {"type": "object"}, "format": "json"},
}


def _form(type_: str) -> Optional[Json]:
    """None for a list whose form nothing tells, and for an unknown type."""
    if type_ in _LISTS:
        return dict(_LISTS[type_])
    if type_ == "object":
        return {"type": "object", "format": "json"}
    if type_ == "file":
        return {"type": "string", "format": "binary"}
    return {"type": _SIMPLE[type_]} if type_ in _SIMPLE else None


def likely_type(page: PageArgument) -> str:
    """A guess where nothing tells, for a suggestion and until it is decided."""
    return "csv list" if page.type == "array" else "string"


def provisional_form(page: PageArgument) -> Json:
    """The form until it is decided."""
    return _form(likely_type(page)) or {}
