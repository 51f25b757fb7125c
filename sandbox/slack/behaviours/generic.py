"""Answers a method that has no behaviour of its own, from the facts alone.

Every key that the facts list for the answer is there, with a value that its name lets expect;
an argument of the same name is said back. An ID must have the form of one. Lists that come in
pages have MADE items and really come in pages, by cursor, by number, or both.
"""

from __future__ import annotations

import copy
import gzip
import json
from typing import Any, Dict, List

from sandbox.slack.behaviours import paging, sample_values
from sandbox.slack.behaviours.context import Answered, Context
from sandbox.slack.checks import identifiers
from sandbox.slack.checks.slack_error import SlackError
from sandbox.slack.http.responses import Response

MADE = 25
# Items of a page where none were asked for: few, so that a client that forgets to go on shows.
PAGE = 10
TOTALS = ("total_count", "total_found", "entity_total_count")


def answer(ctx: Context, args: Dict[str, Any]) -> Any:
    """The answer; that of admin.analytics.getFile is a gzip file of lines of JSON."""
    identifiers.check(ctx.call.method, args)
    if ctx.call.method.name == "admin.analytics.getFile":
        return _analytics(args)
    document = {key: _value(ctx, key, args) for key in ctx.call.method.response_keys}
    if ctx.call.method.pagination.get("result_key"):
        _put_page(ctx, args, document)
    return document


def _analytics(args: Dict[str, Any]) -> Response:
    kind = args.get("type", "member")
    lines = [
        json.dumps({"date": args.get("date", ""), "type": kind, "number": number})
        for number in range(1, MADE + 1)
    ]
    # A fixed time, so that the same call has the same bytes.
    return Response(gzip.compress("\n".join(lines).encode("utf-8"), mtime=0), "application/gzip")


def _value(ctx: Context, key: str, args: Dict[str, Any]) -> Any:
    method_key = (ctx.call.method.name, key)
    if method_key in sample_values.OF_METHOD:
        return copy.deepcopy(sample_values.OF_METHOD[method_key])
    if key in args:
        return sample_values.echoed(key, args[key])
    return sample_values.value(key, ctx.workspace.next_id, ctx.workspace.next_ts, ctx.url)


def _put_page(ctx: Context, args: Dict[str, Any], document: Answered) -> None:
    """Put one page of the made items where the facts say that the method has its list."""
    facts = ctx.call.method.pagination
    path = sample_values.split(facts["result_key"])
    items = _items(facts)
    size = args.get(facts.get("size_param") or "", 0) or PAGE
    if size < 1:
        raise SlackError(ctx.code("invalid_limit"))
    if _by_page(facts, args):
        size = args.get(facts["page_size_param"]) or PAGE
        found, paging_json = paging.by_number(items, args.get(facts["page_param"], 1), size)
        following = ""
    else:
        found, following = _by_cursor(facts, args, items, size)
        paging_json = paging.by_number(items, 1, size)[1]
    _put(document, path, _contained(facts, found))
    _put_totals(document, path, len(items))
    if "paging_key" in facts:
        _put(document, sample_values.split(facts["paging_key"]), paging_json)
    for target in _cursor_keys(facts, args):
        _put(document, sample_values.split(target), following)


def _by_page(facts: Dict[str, Any], args: Dict[str, Any]) -> bool:
    """True where the pages are counted: always, or for lack of a cursor where both are known."""
    if "page_param" not in facts or args.get(facts.get("cursor_param", "")):
        return False
    if facts["kind"] == "page" or facts.get("first_cursor"):
        return True
    is_paged = facts["page_param"] in args or facts["page_size_param"] in args
    return is_paged and facts["size_param"] not in args


def _cursor_keys(facts: Dict[str, Any], args: Dict[str, Any]) -> List[str]:
    """Where the next cursor stands. Where the first one must be asked for, only then."""
    if "next_cursor" not in facts or (facts.get("first_cursor") and _by_page(facts, args)):
        return []
    return [facts["next_cursor"], *facts.get("next_cursor_alt", [])]


def _by_cursor(facts: Dict[str, Any], args: Dict[str, Any], items: List[Any], size: int) -> Any:
    cursor = args.get(facts["cursor_param"], "")
    if cursor == facts.get("first_cursor"):
        cursor = ""
    return paging.by_offset(items, cursor, size)


def _items(facts: Dict[str, Any]) -> List[Any]:
    """Made items: of a map (key, value), of several lists (name of the list, item)."""
    if facts.get("container") == "map":
        return sample_values.entries(facts["result_key"], MADE)
    names = facts.get("lists")
    if not names:
        return sample_values.items(facts["result_key"], MADE)
    lists = {name: sample_values.items(name, MADE) for name in names}
    turns = [names[number % len(names)] for number in range(MADE)]
    return [(name, lists[name][number // len(names)]) for number, name in enumerate(turns)]


def _contained(facts: Dict[str, Any], found: List[Any]) -> Any:
    """The items in the container in which the facts say that Slack gives them."""
    container = facts.get("container")
    if container == "map":
        return dict(found)
    if container == "lists":
        return {
            name: [it for method_key, it in found if method_key == name] for name in facts["lists"]
        }
    return found


def _put_totals(document: Answered, path: Any, total: int) -> None:
    """How many there are: in keys named so, and beside messages.matches."""
    for key in TOTALS:
        if key in document:
            document[key] = total
    if len(path) > 1:
        _put(document, path[:-1] + ("total",), total)


def _put(document: Answered, path: Any, value: Any) -> None:
    """Set a value at this path, making the objects on the way; what is there is not changed."""
    for key in path[:-1]:
        inner = document.get(key)
        document[key] = dict(inner) if isinstance(inner, dict) else {}
        document = document[key]
    document[path[-1]] = value
