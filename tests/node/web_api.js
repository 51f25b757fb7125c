// @slack/web-api, unchanged, walks the loopback Slack. Arguments: one JSON object with api_url, bot,
// user and app (tokens). Prints one line for each step that stumbled, then a line `done: COUNT`.
"use strict";

const assert = require("node:assert/strict");
const { WebClient, ErrorCode, LogLevel } = require("@slack/web-api");

const given = JSON.parse(process.argv[2]);
const options = { slackApiUrl: given.api_url, retryConfig: { retries: 0 }, logLevel: LogLevel.WARN };
const bot = new WebClient(given.bot, options);
const owner = new WebClient(given.user, options);
const [G, D] = ["C0GENERAL01", "C0DEPLOYS01"];
const [OWNER, PRIYA, LEA] = ["U0HARBOUR01", "U0HARBOUR03", "U0HARBOUR05"];
const section = { type: "section", text: { type: "mrkdwn", text: "*Tide* is high" } };
const button = { type: "button", action_id: "go", text: { type: "plain_text", text: "Go" } };
const blocks = [section, { type: "actions", elements: [button] }];
const soon = Math.floor(Date.now() / 1000) + 3600;
const steps = [];
const step = (name, walk) => steps.push([name, walk]);

async function refused(call, code) {
  await assert.rejects(call, (error) => {
    assert.equal(error.code, ErrorCode.PlatformError);
    assert.equal(error.data.error, code);
    return true;
  });
}

async function bytes(url, token = given.bot) {
  const answer = await fetch(url, { headers: { Authorization: `Bearer ${token}` } });
  assert.equal(answer.status, 200);
  return Buffer.from(await answer.arrayBuffer()).toString();
}

step("auth and api", async () => {
  assert.equal((await bot.auth.test()).user_id, "U0HARBOUR06");
  assert.equal((await owner.auth.test()).user_id, OWNER);
  assert.deepEqual((await bot.api.test({ foo: "bar" })).args, { foo: "bar" });
  assert.ok((await new WebClient(given.app, options).apps.connections.open({})).url);
  assert.equal((await bot.team.info()).team.id, "T0123456789");
});

step("chat", async () => {
  const metadata = { event_type: "tide", event_payload: { level: 3 } };
  const posted = await bot.chat.postMessage({ channel: G, text: "one", blocks, metadata });
  assert.equal(posted.message.blocks[0].text.text, "*Tide* is high");
  const { ts } = posted;
  await bot.chat.postMessage({ channel: G, thread_ts: ts, text: "two", reply_broadcast: true });
  await bot.chat.postMessage({ channel: G, markdown_text: "**three**" });
  await bot.chat.postEphemeral({ channel: G, user: OWNER, text: "psst" });
  await bot.chat.meMessage({ channel: G, text: "waves" });
  const { permalink } = await bot.chat.getPermalink({ channel: G, message_ts: ts });
  assert.match(permalink, /archives/);
  await bot.chat.update({ channel: G, ts, text: "changed", blocks: [section] });
  const later = await bot.chat.scheduleMessage({ channel: G, text: "later", post_at: soon });
  const { scheduled_message_id } = later;
  const listed = await bot.chat.scheduledMessages.list();
  assert.equal(listed.scheduled_messages[0].id, scheduled_message_id);
  await bot.chat.deleteScheduledMessage({ channel: G, scheduled_message_id });
  await bot.chat.delete({ channel: G, ts });
  await refused(bot.chat.postMessage({ channel: "C0NOWHERE00", text: "x" }), "channel_not_found");
  const entity = {
    entity_type: "slack#/entities/task",
    entity_payload: { attributes: { title: { text: "Tide" } } },
    external_ref: { id: "1" },
    url: "https://tides.example/1",
  };
  await bot.chat.postMessage({ channel: G, text: "x", metadata: { entities: [entity] } });
});

step("a stream", async () => {
  const parent = await bot.chat.postMessage({ channel: G, text: "parent" });
  const stream = bot.chatStream({
    channel: G,
    thread_ts: parent.ts,
    recipient_team_id: "T0123456789",
    recipient_user_id: OWNER,
  });
  await stream.append({ markdown_text: "one " });
  await stream.append({ markdown_text: "two" });
  await stream.stop({ markdown_text: "." });
  const { messages } = await bot.conversations.replies({ channel: G, ts: parent.ts });
  assert.equal(messages[1].text, "one two.");
});

step("conversations", async () => {
  const { channel } = await bot.conversations.create({ name: "tides" });
  await bot.conversations.setTopic({ channel: channel.id, topic: "high" });
  await bot.conversations.setPurpose({ channel: channel.id, purpose: "to know" });
  await bot.conversations.invite({ channel: channel.id, users: `${PRIYA},${LEA}` });
  await bot.conversations.kick({ channel: channel.id, user: LEA });
  const { members } = await bot.conversations.members({ channel: channel.id });
  assert.equal(members.length, 2);
  await bot.conversations.rename({ channel: channel.id, name: "tides-2" });
  const info = await bot.conversations.info({ channel: channel.id, include_num_members: true });
  assert.equal(info.channel.num_members, 2);
  await bot.conversations.archive({ channel: channel.id });
  await bot.conversations.unarchive({ channel: channel.id });
  await bot.conversations.leave({ channel: channel.id });
  await bot.conversations.join({ channel: channel.id });
  const direct = await bot.conversations.open({ users: OWNER });
  await bot.conversations.close({ channel: direct.channel.id });
  await bot.conversations.mark({ channel: G, ts: (await newest(G)).ts });
});

step("pages", async () => {
  const names = [];
  for await (const page of bot.paginate("conversations.list", { limit: 2 })) {
    names.push(...page.channels.map((each) => each.name));
  }
  assert.ok(names.length >= 4 && new Set(names).size === names.length);
  let count = 0;
  for await (const page of bot.paginate("conversations.history", { channel: D, limit: 7 })) {
    count += page.messages.length;
  }
  assert.equal(count, 20);
  for await (const page of bot.paginate("users.list", { limit: 4 })) {
    assert.ok(page.members.length <= 4);
  }
});

step("users and bots", async () => {
  const { user } = await bot.users.lookupByEmail({ email: "priya@harbour-works.example" });
  assert.equal(user.id, PRIYA);
  assert.equal(user.is_email_confirmed, true);
  assert.equal((await bot.users.info({ user: PRIYA })).user.name, "priya");
  assert.equal((await bot.users.getPresence({ user: PRIYA })).presence, "away");
  await owner.users.setPresence({ presence: "away" });
  await owner.users.profile.set({ profile: { status_text: "Sailing" } });
  assert.equal((await bot.users.profile.get({ user: OWNER })).profile.status_text, "Sailing");
  await owner.users.setPhoto({ image: Buffer.from("\x89PNG\r\n\x1a\n0000", "latin1") });
  assert.ok((await bot.users.conversations({ user: LEA })).channels.length);
  const found = (await bot.bots.info({ bot: "B0HARBOUR01" })).bot;
  assert.equal(found.user_id, "U0HARBOUR06");
  assert.equal(typeof found.icons.image_72, "string");
  const group = await owner.usergroups.create({ name: "Divers", handle: "divers" });
  const usergroup = group.usergroup.id;
  await owner.usergroups.users.update({ usergroup, users: `${LEA},${PRIYA}` });
  assert.equal((await bot.usergroups.users.list({ usergroup })).users.length, 2);
});

step("reactions, pins, bookmarks", async () => {
  const at = { channel: G, timestamp: (await newest(G)).ts };
  for (const name of ["tada", "wave::skin-tone-4", ...Object.keys((await bot.emoji.list()).emoji)]) {
    await bot.reactions.add({ ...at, name });
  }
  await refused(bot.reactions.add({ ...at, name: "no_such_emoji" }), "invalid_name");
  assert.equal((await bot.reactions.get(at)).message.reactions[0].name, "tada");
  await bot.reactions.remove({ ...at, name: "tada" });
  assert.ok((await bot.reactions.list()).items.length);
  await bot.pins.add(at);
  assert.equal((await bot.pins.list({ channel: G })).items.length, 1);
  await bot.pins.remove(at);
  const link = { channel_id: G, title: "Tides", type: "link", link: "https://tides.example" };
  const { bookmark } = await bot.bookmarks.add(link);
  await bot.bookmarks.edit({ channel_id: G, bookmark_id: bookmark.id, title: "Ebb" });
  assert.equal((await bot.bookmarks.list({ channel_id: G })).bookmarks[0].title, "Ebb");
  await bot.bookmarks.remove({ channel_id: G, bookmark_id: bookmark.id });
});

step("a file", async () => {
  const file = Buffer.from("tide ☃\r\n--");
  const answer = await bot.filesUploadV2({ channel_id: G, file, filename: "tide.bin", title: "T" });
  const { id } = answer.files[0].files[0];
  const info = (await bot.files.info({ file: id })).file;
  assert.equal(info.size, file.length);
  for (const url of [info.url_private, info.url_private_download]) {
    assert.equal(await bytes(url), file.toString());
    assert.match(await bytes(url, "xoxb-none"), /Sign in/);
  }
  assert.equal((await newest(G)).files[0].id, id);
  await bot.files.delete({ file: id });
});

step("several files", async () => {
  const file_uploads = [
    { content: "one", filename: "a.txt" },
    { content: "print(2)", filename: "b.py", snippet_type: "python" },
  ];
  const text = { channel_id: G, initial_comment: "both", file_uploads };
  const { files } = (await bot.filesUploadV2(text)).files[0];
  assert.equal(files.length, 2);
  assert.equal(await bytes((await bot.files.info({ file: files[1].id })).file.url_private), "print(2)");
  assert.ok((await bot.files.list({ channel: G })).files.length >= 2);
});

step("canvases and lists", async () => {
  const access = { canvas_id: "F0CANVAS001", user_ids: [LEA] };
  await bot.canvases.access.set({ ...access, access_level: "read" });
  await bot.canvases.access.delete(access);
  await bot.conversations.canvases.create({ channel_id: G });
});

step("views", async () => {
  const view = { type: "modal", title: { type: "plain_text", text: "Berths" }, blocks };
  const [first, second, spent] = given.trigger_ids;
  const opened = (await bot.views.open({ trigger_id: first, view })).view;
  await bot.views.push({ trigger_id: second, view });
  await bot.views.update({ view_id: opened.id, hash: opened.hash, view });
  await bot.views.publish({ user_id: LEA, view: { type: "home", blocks } });
  await refused(bot.views.open({ trigger_id: first, view }), "exchanged_trigger_id");
  const long = { ...view, title: { type: "plain_text", text: "x".repeat(25) } };
  await refused(bot.views.open({ trigger_id: spent, view: long }), "invalid_arguments");
});

step("what is refused", async () => {
  const unknown = [{ type: "heading", text: { type: "plain_text", text: "x" } }];
  await refused(bot.chat.postMessage({ channel: G, text: "x", blocks: unknown }), "invalid_blocks");
  await refused(new WebClient("xoxb-none", options).auth.test(), "invalid_auth");
  await refused(bot.apiCall("chat.nothing"), "unknown_method");
});

async function newest(channel) {
  return (await bot.conversations.history({ channel, limit: 1 })).messages[0];
}

(async () => {
  for (const [name, walk] of steps) {
    try {
      await walk();
    } catch (error) {
      const data = error.data === undefined ? "" : JSON.stringify(error.data);
      console.log(`${name}: ${String(error.stack).split("\n").slice(0, 6).join(" | ")} ${data}`);
    }
  }
  console.log(`done: ${steps.length}`);
})();
