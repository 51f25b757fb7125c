"""Answers a method that has no behaviour of its own, from the facts."""
from __future__ import annotations

from typing import Any, Dict

from .context import Answered, Context


def answer(ctx: Context, args: Dict[str, Any]) -> Answered:
    """Every key that the facts list for the answer."""
    return {key: args.get(key, "") for key in ctx.call.method.response_keys}
