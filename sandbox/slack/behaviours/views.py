"""views.*: modals and the App Home."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Optional

from sandbox.slack.behaviours import modals
from sandbox.slack.behaviours.context import Answered, Context
from sandbox.slack.behaviours.registry import behaviour
from sandbox.slack.checks import block_kit
from sandbox.slack.checks.slack_error import SlackError
from sandbox.slack.state.workspace import Json

MOST_PUSHED = 3
MOST_BYTES = 250000


@behaviour("views.open")
def open_view(ctx: Context, args: Dict[str, Any]) -> Answered:
    """A modal on top of nothing; the trigger ID is spent then."""
    _check_view(args["view"], "modal")
    user = _spend(ctx, args)
    return _view_response(_keep(ctx, args["view"], user=user))


@behaviour("views.push")
def push(ctx: Context, args: Dict[str, Any]) -> Answered:
    """A modal on top of the one opened last, three at the most."""
    _check_view(args["view"], "modal")
    below = _latest(ctx)
    if below is None:
        raise SlackError("not_found")
    stack = [
        view
        for view in ctx.workspace.views.values()
        if view["root_view_id"] == below["root_view_id"]
    ]
    if len(stack) >= MOST_PUSHED:
        raise SlackError("push_limit_reached")
    user = _spend(ctx, args)
    return _view_response(_keep(ctx, args["view"], below, user or below.get("_user", "")))


@behaviour("views.update")
def update(ctx: Context, args: Dict[str, Any]) -> Answered:
    """Something else in the place of a view that is there."""
    view = _find(ctx, args)
    _check_view(args["view"], view["type"])
    _check_hash(view, args)
    _check_external_id(ctx, args["view"], view)
    view.pop("_errors", None)
    view.update(modals.content(args["view"]), hash=modals.new_hash(ctx.workspace))
    return _view_response(view)


@behaviour("views.publish")
def publish(ctx: Context, args: Dict[str, Any]) -> Answered:
    """What a user sees in the App Home."""
    _check_view(args["view"], "home")
    user = ctx.user(args["user_id"])
    home = next(
        (
            view
            for view in ctx.workspace.views.values()
            if view["type"] == "home" and view["_user"] == user.id
        ),
        None,
    )
    if home is None:
        home = _keep(ctx, args["view"], user=user.id)
    else:
        _check_hash(home, args)
        home.update(modals.content(args["view"]), hash=modals.new_hash(ctx.workspace))
    return _view_response(home)


def _view_response(view: Json) -> Answered:
    return {"view": modals.to_json(view)}


def _check_view(view: Json, kind: str) -> None:
    """Its type, its blocks and its words are right, and it is not too large."""
    if len(json.dumps(view)) > MOST_BYTES:
        raise SlackError("view_too_large")
    required = ["type", "blocks"] + (["title"] if kind == "modal" else [])
    absent = [name for name in required if name not in view]
    if absent:
        raise SlackError.explained(
            "invalid_arguments",
            ["missing required field: {} [json-pointer:/view]".format(name) for name in absent],
        )
    if view["type"] != kind:
        raise SlackError.explained(
            "invalid_arguments", ["must be of type {} [json-pointer:/view/type]".format(kind)]
        )
    wrong = block_kit.of_view(view)
    if wrong:
        raise SlackError.explained("invalid_arguments", wrong)


def _spend(ctx: Context, args: Dict[str, Any]) -> str:
    """Whose trigger ID it is, "" where nobody's; it cannot be used again."""
    trigger_ids = ctx.workspace.trigger_ids
    trigger_id = str(args.get("trigger_id") or args.get("interactivity_pointer"))
    state = trigger_ids.get(trigger_id, "invalid")
    if state != "fresh":
        raise SlackError("{}_trigger_id".format(state))
    trigger_ids[trigger_id] = "exchanged"
    return ctx.workspace.trigger_users.get(trigger_id, "")


def _latest(ctx: Context) -> Optional[Json]:
    modals: List[Json] = [view for view in ctx.workspace.views.values() if view["type"] == "modal"]
    return modals[-1] if modals else None


def _keep(ctx: Context, view_json: Json, below: Optional[Json] = None, user: str = "") -> Json:
    """Remember a new view and return it as Slack tells it."""
    _check_external_id(ctx, view_json)
    return modals.keep(ctx.workspace, view_json, ctx.token.app_id, ctx.token.bot_id, below, user)


def _find(ctx: Context, args: Dict[str, Any]) -> Json:
    for view in ctx.workspace.views.values():
        if args.get("view_id") == view["id"]:
            return view
        if args.get("external_id") and args["external_id"] == view["external_id"]:
            return view
    raise SlackError("not_found")


def _check_hash(view: Json, args: Dict[str, Any]) -> None:
    if args.get("hash") not in (None, "", view["hash"]):
        raise SlackError("hash_conflict")


def _check_external_id(ctx: Context, view_json: Json, view: Optional[Json] = None) -> None:
    required = view_json.get("external_id")
    if required and any(
        other is not view and other["external_id"] == required
        for other in ctx.workspace.views.values()
    ):
        raise SlackError("duplicate_external_id")
