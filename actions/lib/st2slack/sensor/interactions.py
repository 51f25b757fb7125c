"""PURE: a slash command or an interaction as Slack sends it → the payload of its trigger.

What the payload has a key for stands there. All else that Slack sent stands under `event`, under
Slack's own names, so that nothing is lost but secrets: verification tokens, tokens of a workflow
step, further response URLs. `response_url` and `trigger_id` have keys: a rule answers by them.

Sources: the types that @slack/bolt publishes (tests/fixtures/interactive_payloads.json names the
version) and https://docs.slack.dev/reference/interaction-payloads.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Optional

from st2slack.base.json_access import get_object, get_objects, get_text
from st2slack.base.redact import mask_tokens

Json = Dict[str, Any]
Object = Mapping[str, Any]

# Where an element has what was chosen or typed (Slack's reference of block elements).
_CHOICES = (
    "value",
    "selected_option",
    "selected_options",
    "selected_user",
    "selected_users",
    "selected_conversation",
    "selected_conversations",
    "selected_channel",
    "selected_channels",
    "selected_date",
    "selected_time",
    "selected_date_time",
    "rich_text_value",
    "files",
)


def command_payload(sent: Object, workspace: str) -> Json:
    """Of `slack.command`. `sent` must be storable (json_safe.py); so for the others below."""
    payload: Json = {
        "command": get_text(sent, "command"),
        "text": get_text(sent, "text"),
        "user": _pair(sent, "user_id", "user_name"),
        "channel": _pair(sent, "channel_id", "channel_name"),
        "response_url": get_text(sent, "response_url") or None,
        "trigger_id": get_text(sent, "trigger_id") or None,
        "team": get_text(sent, "team_id"),
        "workspace": workspace,
    }
    told = {
        **payload,
        "user_id": payload["user"]["id"],
        "user_name": payload["user"]["name"],
        "channel_id": payload["channel"]["id"],
        "channel_name": payload["channel"]["name"],
        "team_id": payload["team"],
    }
    return {**payload, "event": remainder(sent, told)}


def interaction_payload(sent: Object, workspace: str) -> Json:
    """Of `slack.interaction`.

    `action_id`, `block_id` and `value` are those of the first action; `value` is text, or a list of
    texts where several can be chosen, or the files of a `file_input`. `state`: what stands in the
    inputs of the message; of an old dialog its text.
    """
    actions = get_objects(sent, "actions")
    first: Object = actions[0] if actions else sent
    view = get_object(sent, "view")
    payload: Json = {
        "type": get_text(sent, "type"),
        "action_id": get_text(first, "action_id") or get_text(first, "name") or None,
        "block_id": get_text(first, "block_id") or None,
        "value": _value(first),
        "actions": actions,
        "user": _user(get_object(sent, "user")),
        "channel": _channel(sent),
        "message": get_object(sent, "message") or get_object(sent, "original_message"),
        "container": get_object(sent, "container"),
        "state": get_text(sent, "state") or get_object(sent, "state"),
        "submission": get_object(sent, "submission"),
        "files": list(_files(sent, actions)),
        "view": _view(view),
        "is_cleared": sent.get("is_cleared") is True,
        "callback_id": get_text(sent, "callback_id") or get_text(view, "callback_id") or None,
        "attachment_id": get_text(sent, "attachment_id") or None,
        "function_data": without_secrets(get_object(sent, "function_data")),
        "enterprise": get_object(sent, "enterprise"),
        "response_url": _response_url(sent),
        "trigger_id": get_text(sent, "trigger_id") or None,
        "team": _team(sent),
        "user_team": _user_team(sent),
        "workspace": workspace,
    }
    return {**payload, "event": remainder(sent, _told(sent, payload))}


def _told(sent: Object, payload: Json) -> Json:
    """The payload by the names that Slack has for what is in it."""
    name = payload["user"]["name"]
    told = {
        **payload,
        "user": {**payload["user"], "username": name, "team_id": payload["team"]},
        "team": {"id": payload["team"]},
        "function_data": get_object(sent, "function_data"),
    }
    told.update({"original_message": payload["message"]} if "message" not in sent else {})
    told.update({} if payload["actions"] else {"name": payload["action_id"]})
    return told


# --- what has no key of its own -------------------------------------------------------------------


def remainder(sent: Object, told: Object) -> Json:
    """What was sent, without secrets and without what stands in `told` under the same key.

    Of objects that are in both, what only the sent one has. Null says no more than an empty key.
    """
    left: Json = {}
    for key, value in sent.items():
        if is_secret(key) or (key in told and (value is None or value == told[key])):
            continue
        known = told.get(key)
        if isinstance(value, dict) and isinstance(known, dict):
            inner = remainder(value, known)
            left.update({key: inner} if inner else {})
        else:
            left[key] = without_secrets(value)
    return left


def is_secret(key: str) -> bool:
    """Whether Slack has credentials under this key."""
    return key in ("token", "secret", "response_url") or key.endswith(("_token", "_secret"))


def without_secrets(value: Any) -> Any:
    """A copy of a JSON value without members that are secret, and tokens in texts masked."""
    if isinstance(value, dict):
        return {key: without_secrets(each) for key, each in value.items() if not is_secret(key)}
    if isinstance(value, list):
        return [without_secrets(each) for each in value]
    return mask_tokens(value) if isinstance(value, str) else value


# --- parts of a payload ---------------------------------------------------------------------------


def _view(view: Object) -> Json:
    return {
        "id": get_text(view, "id") or None,
        "callback_id": get_text(view, "callback_id") or None,
        "state": get_object(view, "state"),
        "private_metadata": get_text(view, "private_metadata"),
        "hash": get_text(view, "hash") or None,
    }


def _user(user: Object) -> Json:
    name = get_text(user, "username") or get_text(user, "name")
    return {"id": get_text(user, "id") or None, "name": name or None}


def _channel(sent: Object) -> Json:
    """The conversation; none where `channel` and `container` disagree about it: a decision by the
    one must not count for a message in the other.
    """
    channel, container = get_object(sent, "channel"), get_object(sent, "container")
    own, other = get_text(channel, "id"), get_text(container, "channel_id")
    if own and other and own != other:
        return {"id": None, "name": None}
    return {"id": own or other or None, "name": get_text(channel, "name") or None}


def _pair(sent: Object, id_key: str, name_key: str) -> Json:
    return {"id": get_text(sent, id_key) or None, "name": get_text(sent, name_key) or None}


def _team(sent: Object) -> str:
    """The workspace that the app is installed in.

    A modal that somebody of another organization sends off names it in the view; an app of a whole
    organization gets no `team`: then the user's counts.
    """
    installed = get_text(get_object(sent, "view"), "app_installed_team_id")
    team = installed or get_text(get_object(sent, "team"), "id")
    return team or get_text(get_object(sent, "user"), "team_id") or get_text(sent, "team_id")


def _user_team(sent: Object) -> Optional[str]:
    """The user's workspace or organization, where it is another one than the app's."""
    team, user = get_object(sent, "team"), get_object(sent, "user")
    found = get_text(user, "team_id") or get_text(team, "id")
    organization = get_text(get_object(sent, "enterprise"), "id")
    ours = (_team(sent), organization, get_text(team, "enterprise_id"))
    return found if found and found not in ours else None


def _response_url(sent: Object) -> Optional[str]:
    urls = get_objects(sent, "response_urls")
    found = get_text(sent, "response_url")
    return found or (get_text(urls[0], "response_url") if urls else "") or None


def _files(sent: Object, actions: List[Json]) -> Iterator[Json]:
    """The files that were put into inputs, each once."""
    seen = set()
    for element in (*actions, *_inputs(sent), *_inputs(get_object(sent, "view"))):
        for file in get_objects(element, "files"):
            name = get_text(file, "id")
            if name not in seen:
                yield file
            seen.update([name] if name else [])


def _inputs(container: Object) -> Iterator[Json]:
    """The state of each input of a message or view."""
    values = get_object(get_object(container, "state"), "values")
    for block_id in values:
        block = get_object(values, block_id)
        yield from (get_object(block, action_id) for action_id in block)


def _value(action: Object) -> Any:
    """What was chosen: text, a list of texts, a number (date and time), an object (rich text)."""
    found = next((action[key] for key in _CHOICES if action.get(key) is not None), None)
    if isinstance(found, list):
        # A menu of an old attachment allows one choice only.
        chosen = [_option(each) for each in found]
        return chosen[0] if len(chosen) == 1 and action.get("type") == "select" else chosen
    return _option(found)


def _option(value: Any) -> Any:
    return value["value"] if isinstance(value, dict) and "value" in value else value
