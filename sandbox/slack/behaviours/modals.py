"""The modals of people: opened, put on top of one another, submitted, closed."""

from __future__ import annotations

from typing import Any, List, Optional

from sandbox.slack.behaviours import texts
from sandbox.slack.checks import block_kit
from sandbox.slack.state.workspace import Json, Workspace

# What a view has in Slack's answer, even where it was not sent.
ALWAYS: Json = {
    "private_metadata": "",
    "callback_id": "",
    "external_id": "",
    "close": None,
    "submit": None,
    "clear_on_close": False,
    "notify_on_close": False,
}


def keep(
    workspace: Workspace,
    view_json: Json,
    app_id: str,
    bot_id: str,
    below: Optional[Json] = None,
    user: str = "",
) -> Json:
    """Remember a new view of this user and return it; `below`: the one that it covers."""
    view_id = workspace.next_id("V")
    view: Json = {
        "id": view_id,
        "team_id": workspace.team["id"],
        "app_id": app_id,
        "bot_id": bot_id,
        "state": {"values": {}},
        "hash": new_hash(workspace),
        "root_view_id": below["root_view_id"] if below else view_id,
        "previous_view_id": below["id"] if below else None,
        **content(view_json),
    }
    if user:
        view["_user"] = user
    workspace.views[view_id] = view
    return view


def content(view_json: Json) -> Json:
    """What was sent of a view, whole."""
    return {**ALWAYS, **view_json, "blocks": texts.numbered(view_json["blocks"])}


def new_hash(workspace: Workspace) -> str:
    """The hash of a view that is new or changed."""
    return "{}.loopback".format(workspace.next_ts())


def to_json(view: Json) -> Json:
    """PURE: a view as others see it."""
    return {key: value for key, value in view.items() if not key.startswith("_")}


def of(workspace: Workspace, user: str) -> List[Json]:
    """The modals that this person has open, the topmost last."""
    return [
        view
        for view in workspace.views.values()
        if view["type"] == "modal" and view.get("_user") == user
    ]


def close(workspace: Workspace, view_id: str, whole: bool = False) -> None:
    """Take a modal away; `whole`: and all that lie above and below it."""
    view = workspace.views.pop(view_id, None)
    if view is None or not whole:
        return
    root = view["root_view_id"]
    for other in [each for each in workspace.views.values() if each["root_view_id"] == root]:
        del workspace.views[other["id"]]


def acknowledged(workspace: Workspace, view_id: str, answer: Any) -> None:
    """What the answer to a submission makes of the modal: it closes, unless it is told otherwise.

    https://docs.slack.dev/surfaces/modals, "Updating views via response_action".
    """
    with workspace.lock:
        view = workspace.views.get(view_id)
        if view is not None:
            _answer(workspace, view, answer if isinstance(answer, dict) else {})


def _answer(workspace: Workspace, view: Json, response: Json) -> None:
    action, view_json = response.get("response_action"), _modal(response.get("view"))
    if action == "errors":
        view["_errors"] = response.get("errors") or {}
    elif action == "update" and view_json is not None:
        view.pop("_errors", None)
        view.update(content(view_json), hash=new_hash(workspace))
    elif action == "push" and view_json is not None:
        keep(workspace, view_json, view["app_id"], view["bot_id"], view, view.get("_user", ""))
    else:
        close(workspace, view["id"], whole=action == "clear")


def _modal(view_json: Any) -> Optional[Json]:
    """The view that was sent along, None where it is no modal that Slack takes."""
    if (
        not isinstance(view_json, dict)
        or view_json.get("type") != "modal"
        or not view_json.get("blocks")
    ):
        return None
    return None if block_kit.of_view(view_json) else view_json
