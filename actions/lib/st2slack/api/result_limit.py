"""PURE: the size that a result can have in StackStorm."""

from __future__ import annotations

import json

from st2slack.base.errors import ResultTooLarge

RESULT_LIMIT = 15 * 1024 * 1024  # bytes; MongoDB refuses 16 MB, and the execution holds more


def json_size(items: object) -> int:
    """Bytes that the items take as JSON, as StackStorm stores them."""
    text = json.dumps(items, ensure_ascii=False, separators=(",", ":"))
    return len(text.encode("utf-8", "replace"))


def too_large(what: str) -> ResultTooLarge:
    """The error for a result that StackStorm cannot store, with advice."""
    return ResultTooLarge(
        "The result has more than %d MB after %s; StackStorm cannot store an execution of 16 MB. "
        "Name the keys you need in `fields`, or ask for less with `max_items`."
        % (RESULT_LIMIT // 1024 // 1024, what)
    )
