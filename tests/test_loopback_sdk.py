"""slack_sdk's own WebClient, unchanged, against the loopback Slack: an independent judge of it."""

import ssl
import time

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.models.blocks import DividerBlock, SectionBlock
from slack_sdk.models.metadata import Metadata

from sandbox.slack import Fault, LoopbackSlack
from sandbox.slack.state import seed

G, D = seed.GENERAL, seed.DEPLOYS
MODAL = {"type": "modal", "title": {"type": "plain_text", "text": "Berths"}, "blocks": []}
HOME = {"type": "home", "blocks": [{"type": "divider"}]}
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


@pytest.fixture
def bot(slack):
    """A client with the bot's token."""
    return WebClient(token=slack.bot_token, base_url=slack.api_url, timeout=60)


@pytest.fixture
def owner(slack):
    """A client with the token of the workspace's owner."""
    return WebClient(token=slack.user_token, base_url=slack.api_url, timeout=60)


def code_of(call, **arguments):
    """The code with which a call is refused."""
    with pytest.raises(SlackApiError) as caught:
        call(**arguments)
    return caught.value.response["error"]


def newest(client, channel=G):
    """The newest message of a channel."""
    return client.conversations_history(channel=channel, limit=1)["messages"][0]


# files


def test_the_sdk_uploads_and_the_file_is_there(slack, bot):
    """files_upload_v2 as it is: it asks for a URL, posts the bytes there and completes."""
    answer = bot.files_upload_v2(
        channel=G, content="tide ☃", filename="tide.txt", title="Tide", initial_comment="Look"
    )
    file = answer["file"]
    assert (file["name"], file["title"], file["channels"]) == ("tide.txt", "Tide", [G])
    assert newest(bot)["text"] == "Look" and newest(bot)["files"][0]["id"] == file["id"]
    assert slack.workspace.contents[file["id"]] == "tide ☃".encode()
    told = bot.files_info(file=file["id"])["file"]
    assert told["size"] == len("tide ☃".encode()) and told["url_private_download"]
    assert file["id"] in {each["id"] for each in bot.files_list()["files"]}


def test_the_sdk_uploads_several_files_at_once(slack, bot, tmp_path):
    picture = tmp_path / "picture.png"
    picture.write_bytes(PNG)
    uploads = [
        {"file": str(picture), "alt_txt": "A crane"},
        {"content": "print(1)", "filename": "a.py", "snippet_type": "python"},
    ]
    answer = bot.files_upload_v2(file_uploads=uploads, channels=[G, D])
    first, second = answer["files"]
    assert slack.workspace.contents[first["id"]] == PNG and first["alt_txt"] == "A crane"
    assert (second["mode"], second["filetype"]) == ("snippet", "python")
    for channel in (G, D):
        assert len(newest(bot, channel)["files"]) == 2


def test_the_sdk_sees_an_upload_refused(bot):
    assert code_of(bot.files_upload_v2, channel="C0NOWHERE00", content="x") == "channel_not_found"
    assert code_of(bot.files_upload_v2, channel=seed.RANDOM, content="x") == "not_in_channel"
    many = ["C%010d" % number for number in range(101)]
    assert code_of(bot.files_upload_v2, channels=many, content="x") == "channels_limit_exceeded"


# chat


def test_a_message_lives_from_post_to_delete(bot):
    ts = bot.chat_postMessage(channel=G, text="Tide is *high* ☃ & <rising>")["ts"]
    message = newest(bot)
    assert (message["ts"], message["text"]) == (ts, "Tide is *high* ☃ & <rising>")
    assert message["bot_id"] == seed.BOT_ID and "subtype" not in message
    bot.reactions_add(channel=G, timestamp=ts, name="ocean")
    changed = bot.chat_update(channel=G, ts=ts, text="Tide is low")
    assert changed["text"] == "Tide is low" and newest(bot)["edited"]["user"] == seed.BOT
    assert newest(bot)["reactions"] == [{"name": "ocean", "users": [seed.BOT], "count": 1}]
    bot.chat_delete(channel=G, ts=ts)
    assert newest(bot)["ts"] != ts
    assert code_of(bot.chat_delete, channel=G, ts=ts) == "message_not_found"


def test_blocks_attachments_and_metadata_are_kept(bot):
    metadata = Metadata("tide", {"level": 3})
    posted = bot.chat_postMessage(
        channel="#deploys",
        text="fallback",
        metadata=metadata,
        blocks=[SectionBlock(text="*bold*"), DividerBlock()],
        attachments=[{"text": "old", "color": "#ff0000"}],
    )
    assert posted["channel"] == D
    plain = newest(bot, D)
    assert [each["type"] for each in plain["blocks"]] == ["section", "divider"]
    assert plain["attachments"] == [{"id": 1, "text": "old", "color": "#ff0000"}]
    assert "metadata" not in plain
    full = bot.conversations_history(channel=D, limit=1, include_all_metadata=True)
    assert full["messages"][0]["metadata"] == {"event_type": "tide", "event_payload": {"level": 3}}
    bot.chat_update(channel=D, ts=plain["ts"], text="only text")
    assert "blocks" not in newest(bot, D)


def test_a_thread_is_counted_and_listed(bot):
    ts = bot.chat_postMessage(channel=G, text="parent")["ts"]
    first = bot.chat_postMessage(channel=G, text="one", thread_ts=ts)["ts"]
    second = bot.chat_postMessage(channel=G, text="two", thread_ts=first, reply_broadcast=True)
    replies = bot.conversations_replies(channel=G, ts=ts)["messages"]
    assert [each["text"] for each in replies] == ["parent", "one", "two"]
    assert (replies[0]["reply_count"], replies[0]["latest_reply"]) == (2, second["ts"])
    assert [each["text"] for each in bot.conversations_history(channel=G, limit=2)["messages"]] == [
        "two",
        "parent",
    ]
    link = bot.chat_getPermalink(channel=G, message_ts=first)["permalink"]
    assert link.endswith("?thread_ts={}&cid={}".format(ts, G))
    bot.chat_delete(channel=G, ts=first)
    bot.chat_delete(channel=G, ts=ts)
    left = bot.conversations_replies(channel=G, ts=ts)["messages"]
    assert [each.get("subtype") for each in left] == ["tombstone", "thread_broadcast"]


def test_others_messages_may_not_be_changed(bot, owner):
    ts = owner.chat_postMessage(channel=G, text="mine")["ts"]
    assert code_of(bot.chat_update, channel=G, ts=ts, text="x") == "cant_update_message"
    assert code_of(bot.chat_delete, channel=G, ts=ts) == "cant_delete_message"
    ours = bot.chat_postMessage(channel=G, text="ours")["ts"]
    assert owner.chat_delete(channel=G, ts=ours)["ok"]


def test_messages_for_later(bot):
    soon = int(time.time()) + 3600
    ids = [
        bot.chat_scheduleMessage(channel=G, text="n", post_at=soon + number)["scheduled_message_id"]
        for number in range(3)
    ]
    pages = [page["scheduled_messages"] for page in bot.chat_scheduledMessages_list(limit=2)]
    assert [each["id"] for page in pages for each in page] == ids and len(pages) == 2
    bot.chat_deleteScheduledMessage(channel=G, scheduled_message_id=ids[0])
    left = bot.chat_scheduledMessages_list(channel=G)["scheduled_messages"]
    assert [each["id"] for each in left] == ids[1:]


def test_other_ways_to_post(bot, slack):
    assert bot.chat_meMessage(channel=G, text="waves")["channel"] == G
    assert newest(bot)["subtype"] == "me_message"
    before = newest(bot)["ts"]
    assert bot.chat_postEphemeral(channel=G, user=seed.LEA, text="psst")["message_ts"] > before
    assert newest(bot)["ts"] == before
    direct = bot.chat_postMessage(channel=seed.PRIYA, text="hi")["channel"]
    assert direct.startswith("D") and newest(bot, direct)["text"] == "hi"
    assert bot.conversations_open(users=[seed.PRIYA])["channel"]["id"] == direct


def test_a_stream_grows_until_it_is_stopped(bot):
    ts = bot.chat_startStream(channel=G, thread_ts=newest(bot)["ts"], markdown_text="a")["ts"]
    bot.chat_appendStream(channel=G, ts=ts, markdown_text="b")
    assert bot.chat_stopStream(channel=G, ts=ts, markdown_text="c")["message"]["text"] == "abc"
    assert code_of(bot.chat_appendStream, channel=G, ts=ts, markdown_text="d") == (
        "message_not_in_streaming_state"
    )


# conversations


def test_a_channel_lives_from_create_to_archive(bot):
    channel = bot.conversations_create(name="tides")["channel"]
    assert code_of(bot.conversations_create, name="tides") == "name_taken"
    bot.conversations_rename(channel=channel["id"], name="tides-2")
    bot.conversations_setTopic(channel=channel["id"], topic="high")
    bot.conversations_setPurpose(channel=channel["id"], purpose="to know")
    bot.conversations_invite(channel=channel["id"], users=[seed.PRIYA, seed.LEA])
    bot.conversations_kick(channel=channel["id"], user=seed.LEA)
    assert bot.conversations_members(channel=channel["id"])["members"] == [seed.BOT, seed.PRIYA]
    info = bot.conversations_info(channel=channel["id"], include_num_members=True)["channel"]
    assert (info["name"], info["topic"]["value"], info["num_members"]) == ("tides-2", "high", 2)
    assert info["previous_names"] == ["tides"] and info["is_member"]
    bot.conversations_archive(channel=channel["id"])
    assert code_of(bot.chat_postMessage, channel=channel["id"], text="x") == "is_archived"
    names = {each["name"] for each in bot.conversations_list(exclude_archived=True)["channels"]}
    assert names == {"general", "random", "deploys"}
    bot.conversations_unarchive(channel=channel["id"])
    bot.conversations_leave(channel=channel["id"])
    assert bot.conversations_leave(channel=channel["id"])["not_in_channel"]
    assert code_of(bot.chat_postMessage, channel=channel["id"], text="x") == "not_in_channel"
    assert bot.conversations_join(channel=channel["id"])["channel"]["is_member"]
    assert bot.conversations_join(channel=channel["id"])["warning"] == "already_in_channel"


def test_lists_are_read_by_cursor_to_their_end(bot):
    stamps, more = [], []
    for page in bot.conversations_history(channel=G, limit=7):  # one object, changed for each page
        stamps += [each["ts"] for each in page["messages"]]
        more.append(page["has_more"])
    assert len(stamps) == 40 and stamps == sorted(set(stamps), reverse=True)
    assert more == [True] * 5 + [False]
    types = "public_channel,private_channel"
    names = [
        each["name"]
        for page in bot.conversations_list(types=types, limit=2)
        for each in page["channels"]
    ]
    assert names == ["general", "random", "deploys", "ops-incidents", "old-website"]
    users = [each["name"] for page in bot.users_list(limit=4) for each in page["members"]]
    assert len(users) == len(set(users)) == 6


def test_what_is_posted_between_pages_moves_none(bot):
    first = bot.conversations_history(channel=G, limit=5)
    bot.chat_postMessage(channel=G, text="in between")
    second = bot.conversations_history(
        channel=G, limit=5, cursor=first["response_metadata"]["next_cursor"]
    )
    stamps = [each["ts"] for page in (first, second) for each in page["messages"]]
    assert len(set(stamps)) == 10 and stamps == sorted(stamps, reverse=True)


def test_a_history_is_bounded_exactly(bot):
    stamps = [each["ts"] for each in bot.conversations_history(channel=G)["messages"]]
    oldest, latest = stamps[9], stamps[3]
    inner = bot.conversations_history(channel=G, oldest=oldest, latest=latest)["messages"]
    assert [each["ts"] for each in inner] == stamps[4:9]
    outer = bot.conversations_history(channel=G, oldest=oldest, latest=latest, inclusive=True)
    assert [each["ts"] for each in outer["messages"]] == stamps[3:10]


def test_direct_messages_open_and_close(bot, owner):
    opened = owner.conversations_open(users=[seed.PRIYA, seed.TOMASZ], return_im=True)
    assert opened["channel"]["is_mpim"] and "already_open" not in opened
    channel = opened["channel"]["id"]
    assert owner.conversations_open(channel=channel)["already_open"]
    owner.conversations_close(channel=channel)
    assert owner.conversations_close(channel=channel)["already_closed"]
    assert code_of(bot.conversations_info, channel=channel) == "channel_not_found"
    owner.conversations_mark(channel=G, ts=newest(owner)["ts"])
    assert owner.conversations_info(channel=G)["channel"]["last_read"] == newest(owner)["ts"]


# users


def test_users_are_found_and_change_their_profile(bot, owner):
    found = bot.users_lookupByEmail(email="Priya@harbour-works.example")["user"]
    assert found["id"] == seed.PRIYA and bot.users_info(user=seed.PRIYA)["user"] == found
    kinds = {
        each["name"]: (each["deleted"], each["is_bot"], each.get("is_restricted"))
        for each in bot.users_list()["members"]
    }
    assert kinds["jonas"] == (True, False, None) and kinds["harbourbot"] == (False, True, False)
    assert kinds["lea"] == (False, False, True)
    owner.users_profile_set(profile={"status_text": "Sailing", "status_emoji": ":sailboat:"})
    owner.users_profile_set(name="title", value="Captain")
    profile = bot.users_profile_get(user=seed.OWNER)["profile"]
    assert (profile["status_text"], profile["title"]) == ("Sailing", "Captain")
    assert "image_72" in owner.users_setPhoto(image=PNG)["profile"]
    assert code_of(owner.users_setPhoto, image=b"no picture") == "bad_image"
    assert bot.users_getPresence(user=seed.OWNER)["presence"] == "active"
    owner.users_setPresence(presence="away")
    assert bot.users_getPresence(user=seed.OWNER)["presence"] == "away"
    names = [each["name"] for each in bot.users_conversations(user=seed.LEA)["channels"]]
    assert names == ["general"]


# reactions, pins, bookmarks


def test_reactions_are_one_per_user_and_name(bot, owner):
    at = {"channel": G, "timestamp": newest(bot)["ts"]}
    bot.reactions_add(name="thumbsup", **at)
    owner.reactions_add(name="thumbsup", **at)
    assert code_of(bot.reactions_add, name="thumbsup", **at) == "already_reacted"
    assert code_of(bot.reactions_add, name=":a b:", **at) == "invalid_name"
    assert bot.reactions_get(**at)["message"]["reactions"][0]["count"] == 2
    assert bot.reactions_list()["items"][0]["message"]["ts"] == at["timestamp"]
    bot.reactions_remove(name="thumbsup", **at)
    assert code_of(bot.reactions_remove, name="thumbsup", **at) == "no_reaction"
    assert bot.reactions_get(**at)["message"]["reactions"][0]["users"] == [seed.OWNER]


@pytest.mark.parametrize(
    "name", ["tada", "wave::skin-tone-4", "skin-tone-2", "+1", "flag-no", "man-woman-boy", "8ball"]
)
def test_every_standard_emoji_is_a_reaction(bot, name):
    at = {"channel": G, "timestamp": newest(bot)["ts"]}
    assert bot.reactions_add(name=name, **at)["ok"] and bot.reactions_remove(name=name, **at)["ok"]


def test_the_workspaces_own_emoji_are_reactions(bot, slack):
    custom = bot.emoji_list()["emoji"]
    assert custom == slack.workspace.custom_emoji and len(custom) == 2
    for name in custom:
        assert bot.reactions_add(channel=G, timestamp=newest(bot)["ts"], name=name)["ok"]


@pytest.mark.parametrize(
    "name",
    ["no_such_emoji", "thumbs_up", ":tada:", "Tada", "tada ", "👍", "tada::skin-tone-7", "U+1F44D"],
)
def test_what_is_no_emoji_is_no_reaction(bot, name):
    at = {"channel": G, "timestamp": newest(bot)["ts"]}
    assert code_of(bot.reactions_add, name=name, **at) == "invalid_name"
    assert code_of(bot.reactions_remove, name=name, **at) == "invalid_name"
    assert "reactions" not in newest(bot)


def test_pins_are_added_listed_and_removed(bot):
    ts = newest(bot)["ts"]
    bot.pins_add(channel=G, timestamp=ts)
    assert code_of(bot.pins_add, channel=G, timestamp=ts) == "already_pinned"
    assert [each["message"]["ts"] for each in bot.pins_list(channel=G)["items"]] == [ts]
    bot.pins_remove(channel=G, timestamp=ts)
    assert code_of(bot.pins_remove, channel=G, timestamp=ts) == "no_pin"
    assert bot.pins_list(channel=G)["items"] == []


def test_bookmarks_are_added_edited_and_removed(bot):
    bookmark = bot.bookmarks_add(
        channel_id=G, title="Tides", type="link", link="https://tides.example"
    )["bookmark"]
    bot.bookmarks_edit(channel_id=G, bookmark_id=bookmark["id"], title="Ebb")
    listed = bot.bookmarks_list(channel_id=G)["bookmarks"]
    assert [(each["title"], each["link"]) for each in listed] == [("Ebb", "https://tides.example")]
    bot.bookmarks_remove(channel_id=G, bookmark_id=bookmark["id"])
    assert bot.bookmarks_list(channel_id=G)["bookmarks"] == []


# files, usergroups, views


def test_files_are_listed_shared_and_deleted(bot, owner):
    listed = bot.files_list(count=2, page=2)
    assert len(listed["files"]) == 1 and listed["paging"]["pages"] == 2
    picture = bot.files_list(types="images")["files"][0]
    assert bot.files_info(file=picture["id"])["file"]["name"] == "quay-4.jpg"
    assert owner.files_sharedPublicURL(file=picture["id"])["file"]["permalink_public"]
    owner.files_delete(file=picture["id"])
    assert code_of(bot.files_info, file=picture["id"]) == "file_deleted"
    assert bot.files_list(types="images")["files"] == []


def test_usergroups_live_from_create_to_disable(bot, owner):
    group = owner.usergroups_create(name="Divers", handle="divers")["usergroup"]
    assert "users" not in group
    owner.usergroups_users_update(usergroup=group["id"], users=[seed.LEA, seed.PRIYA])
    assert bot.usergroups_users_list(usergroup=group["id"])["users"] == [seed.LEA, seed.PRIYA]
    owner.usergroups_update(usergroup=group["id"], description="Under water")
    listed = bot.usergroups_list(include_users=True, include_count=True)["usergroups"]
    assert (listed[-1]["description"], listed[-1]["user_count"]) == ("Under water", 2)
    owner.usergroups_disable(usergroup=group["id"])
    assert len(bot.usergroups_list()["usergroups"]) == 1
    owner.usergroups_enable(usergroup=group["id"])
    assert len(bot.usergroups_list()["usergroups"]) == 2


def test_views_open_push_update_and_publish(bot, slack):
    trigger = slack.workspace.trigger_id
    spent = trigger()
    view = bot.views_open(trigger_id=spent, view=dict(MODAL, external_id="berths"))["view"]
    assert code_of(bot.views_open, trigger_id=spent, view=MODAL) == "exchanged_trigger_id"
    late = trigger("expired")
    assert code_of(bot.views_open, trigger_id=late, view=MODAL) == "expired_trigger_id"
    again = dict(MODAL, external_id="berths")
    assert code_of(bot.views_open, trigger_id=trigger(), view=again) == "duplicate_external_id"
    pushed = [bot.views_push(trigger_id=trigger(), view=MODAL)["view"] for _ in range(2)]
    assert pushed[0]["previous_view_id"] == pushed[1]["root_view_id"] == view["id"]
    assert code_of(bot.views_push, trigger_id=trigger(), view=MODAL) == "push_limit_reached"
    changed = bot.views_update(external_id="berths", view=dict(MODAL, callback_id="c"))["view"]
    assert changed["callback_id"] == "c" and changed["hash"] != view["hash"]
    assert code_of(bot.views_update, view_id=view["id"], hash=view["hash"], view=MODAL) == (
        "hash_conflict"
    )
    home = bot.views_publish(user_id=seed.LEA, view=HOME)["view"]
    assert (
        bot.views_publish(user_id=seed.LEA, view=HOME, hash=home["hash"])["view"]["id"]
        == (home["id"])
    )
    assert code_of(bot.views_publish, user_id=seed.LEA, view=HOME, hash=home["hash"]) == (
        "hash_conflict"
    )
    assert code_of(bot.views_publish, user_id=seed.LEA, view=MODAL) == "invalid_arguments"


# the client itself


def test_refusals_and_faults_are_its_own_errors(bot, slack):
    assert code_of(bot.api_call, api_method="chat.nothing") == "unknown_method"
    assert code_of(bot.admin_users_list, team_id=seed.TEAM) == "not_allowed_token_type"
    slack.faults.append(Fault.rate_limited(7))
    with pytest.raises(SlackApiError) as caught:
        bot.auth_test()
    assert caught.value.response.status_code == 429
    assert caught.value.response.headers["Retry-After"] == "7"
    slack.faults.append(Fault.html(502))
    with pytest.raises(SlackApiError, match="non-JSON|status: 502"):
        bot.auth_test()


def test_whose_token_it_is(bot, owner, slack):
    assert bot.auth_test()["bot_id"] == seed.BOT_ID
    assert owner.auth_test()["user_id"] == seed.OWNER
    client = WebClient(token=slack.app_token, base_url=slack.api_url)
    assert client.apps_connections_open(app_token=slack.app_token)["url"]
    assert bot.api_test(foo="bar")["args"] == {"foo": "bar"}


def test_over_tls_with_its_ca():
    with LoopbackSlack(tls="good") as slack:
        context = ssl.create_default_context(cafile=slack.ca_pem)
        client = WebClient(token=slack.bot_token, base_url=slack.api_url, ssl=context)
        assert client.auth_test()["ok"]
