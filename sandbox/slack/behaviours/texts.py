"""What the methods that post have in common: which content may be posted, and who posts it."""

from __future__ import annotations

from typing import Any, Dict, List

from sandbox.slack.behaviours.context import Context
from sandbox.slack.checks import block_kit
from sandbox.slack.checks.slack_error import SlackError
from sandbox.slack.state.workspace import Channel, Json

# https://docs.slack.dev/reference/methods/chat.postMessage, "Truncating content" and its errors
LONGEST_TEXT = 40000  # of methods whose facts tell no other number
LONGEST_MARKDOWN = 12000
MOST_ATTACHMENTS = 100


def content(ctx: Context, args: Dict[str, Any]) -> Json:
    """The parts of a message that say something, checked; `text` is always there."""
    text = args.get("markdown_text") or args.get("text") or ""
    longest = ctx.call.method.limits.get("msg_too_long", LONGEST_TEXT)
    if len(text) > longest or len(args.get("markdown_text") or "") > LONGEST_MARKDOWN:
        raise SlackError("msg_too_long")
    parts: Json = {"text": text}
    if args.get("blocks"):
        parts["blocks"] = blocks(args["blocks"])
    if args.get("attachments"):
        parts["attachments"] = attachments(args["attachments"])
    if args.get("metadata"):
        parts["metadata"] = metadata(ctx, args["metadata"])
    return parts


def blocks(items: List[Any]) -> List[Json]:
    """Blocks as Slack keeps them, checked."""
    wrong = block_kit.of_message(items)
    if wrong:
        raise SlackError.explained("invalid_blocks", wrong)
    return numbered(items)


def numbered(items: List[Json], prefix: str = "b") -> List[Json]:
    """Blocks with a block_id each, and elements with an action_id, as Slack gives them one."""
    return [_named({"block_id": prefix + str(number), **each}) for number, each in enumerate(items)]


def _named(block: Json) -> Json:
    """The block, with an action_id for each element that can be used."""
    named = dict(block)
    for key in ("accessory", "element"):
        if isinstance(block.get(key), dict):
            named[key] = _identified(block[key], block["block_id"], 0)
    if block["type"] == "actions" and isinstance(block.get("elements"), list):
        named["elements"] = [
            _identified(each, block["block_id"], number)
            for number, each in enumerate(block["elements"])
        ]
    return named


def _identified(element: Any, block_id: str, number: int) -> Any:
    if not isinstance(element, dict) or element.get("type") == "image":
        return element
    return {"action_id": "{}e{}".format(block_id, number), **element}


def attachments(items: List[Any]) -> List[Json]:
    """Attachments as Slack keeps them, numbered from 1."""
    if len(items) > MOST_ATTACHMENTS:
        raise SlackError("too_many_attachments")
    if not all(isinstance(item, dict) for item in items):
        raise SlackError.explained(
            "invalid_arguments", ["must be a list of objects [json-pointer:/attachments]"]
        )
    wrong = [
        each
        for number, item in enumerate(items)
        for each in block_kit.of_message(
            item.get("blocks") or [], "/attachments/{}/blocks".format(number)
        )
    ]
    if wrong:
        raise SlackError.explained("invalid_attachments", wrong)
    return [_attachment(number, item) for number, item in enumerate(items, 1)]


def _attachment(number: int, item: Json) -> Json:
    """With IDs of its blocks that no other block of the message has."""
    if not item.get("blocks"):
        return {"id": number, **item}
    return {"id": number, **item, "blocks": numbered(item["blocks"], "a{}b".format(number))}


def metadata(ctx: Context, value: Json) -> Json:
    """Metadata: an event (event_type and event_payload), entities (Work Objects), or both."""
    has_event = isinstance(value.get("event_type"), str) and "event_payload" in value
    has_half = not has_event and ("event_type" in value or "event_payload" in value)
    entities = value.get("entities", [])
    right = isinstance(entities, list) and all(_is_entity(each) for each in entities)
    if has_half or not right or not (has_event or entities):
        raise SlackError(ctx.code("invalid_metadata_format"))
    return value


def _is_entity(item: Any) -> bool:
    """True for what has the required members of @slack/types' EntityMetadata."""
    if not isinstance(item, dict):
        return False
    objects = (item.get("entity_payload"), item.get("external_ref"))
    words = (item.get("entity_type"), item.get("url"))
    return all(isinstance(each, dict) for each in objects) and all(
        isinstance(each, str) and each for each in words
    )


def author(ctx: Context, args: Dict[str, Any]) -> Json:
    """The parts of a message that tell who posts it."""
    parts: Json = {"user": ctx.me}
    if ctx.acts_as_bot:
        bot = ctx.workspace.users[ctx.me]
        parts.update(
            bot_id=ctx.token.bot_id,
            app_id=ctx.token.app_id,
            bot_profile={
                "id": ctx.token.bot_id,
                "app_id": ctx.token.app_id,
                "name": bot.real_name,
                "team_id": ctx.workspace.team["id"],
                "deleted": False,
            },
        )
    if args.get("username"):
        parts.update(subtype="bot_message", username=args["username"])
    icons = {name[5:]: args[name] for name in ("icon_emoji", "icon_url") if args.get(name)}
    if icons:
        parts["icons"] = icons
    return parts


def thread(channel: Channel, args: Dict[str, Any]) -> Json:
    """The parts of a message that tie it to a thread; a reply's ts leads to its parent."""
    if not args.get("thread_ts"):
        return {}
    parent = channel.message(args["thread_ts"])
    if parent is None:
        raise SlackError("cannot_reply_to_message")
    parts: Json = {"thread_ts": parent.get("thread_ts", parent["ts"])}
    if args.get("reply_broadcast"):
        parts["subtype"] = "thread_broadcast"
    return parts


def target(ctx: Context, reference: str) -> Channel:
    """Where to post: a conversation's ID, a channel's name, or a user whose DM it opens."""
    workspace = ctx.workspace
    if reference in workspace.users:
        if workspace.users[reference].deleted:
            raise SlackError("channel_not_found")
        return _open_direct(ctx, reference)
    named = workspace.channel_named(reference)
    channel = ctx.channel(named.id if named is not None else reference)
    if channel.is_archived:
        raise SlackError("is_archived")
    if ctx.me not in channel.members:
        raise SlackError("not_in_channel")
    return channel


def _open_direct(ctx: Context, user_id: str) -> Channel:
    channel = ctx.workspace.direct([ctx.me, user_id])
    assert channel is not None
    return channel
