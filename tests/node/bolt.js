// @slack/bolt, unchanged, on Socket Mode against the loopback Slack: the app of tests/bolt_story.py.
// Prints `heard NAME` as each listener is called, and ends when its input ends. What it logs goes to
// stderr.
"use strict";

const { App, LogLevel } = require("@slack/bolt");

const given = JSON.parse(process.argv[2]);
const app = new App({
  token: given.bot,
  appToken: given.app,
  socketMode: true,
  logLevel: LogLevel.WARN,
  clientOptions: { slackApiUrl: given.api_url, retryConfig: { retries: 0 } },
});
const heard = (name) => console.log(`heard ${name}`);
const plain = (text) => ({ type: "plain_text", text });
const why = {
  type: "modal",
  callback_id: "why",
  title: plain("Why?"),
  submit: plain("Send"),
  blocks: [
    {
      type: "input",
      block_id: "why",
      label: plain("Why"),
      element: { type: "plain_text_input", action_id: "text" },
    },
  ],
};
const closable = {
  type: "modal",
  callback_id: "plain",
  notify_on_close: true,
  title: plain("Plain"),
  blocks: [{ type: "section", text: { type: "mrkdwn", text: "x" } }],
};

app.message("hello app", async ({ message, say }) => {
  heard("message");
  await say(`hello <@${message.user}>`);
});

app.event("app_mention", async ({ event, say }) => {
  heard("app_mention");
  await say({ text: "I am", thread_ts: event.ts });
});

app.event("reaction_added", async () => heard("reaction_added"));

app.command("/st2", async ({ ack, command, respond }) => {
  heard("command");
  await ack(`you said ${command.text}`);
  await respond(`late: ${command.text}`);
});

app.action("go", async ({ ack, action, body, respond, client }) => {
  heard("action");
  await ack();
  await respond({ text: `pressed ${action.value}`, replace_original: true });
  const view = { ...why, private_metadata: body.channel.id };
  await client.views.open({ trigger_id: body.trigger_id, view });
});

app.view("why", async ({ ack, view, client }) => {
  heard("view");
  const { value } = view.state.values.why.text;
  if (value === "no") {
    await ack({ response_action: "errors", errors: { why: "Not this" } });
    return;
  }
  await ack();
  await client.chat.postMessage({ channel: view.private_metadata, text: `because ${value}` });
});

app.view({ type: "view_closed", callback_id: "plain" }, async ({ ack }) => {
  heard("view_closed");
  await ack();
});

app.shortcut("anywhere", async ({ ack, shortcut, client }) => {
  heard("shortcut");
  await ack();
  await client.views.open({ trigger_id: shortcut.trigger_id, view: closable });
});

app.shortcut("here", async ({ ack }) => {
  heard("message_shortcut");
  await ack();
});

app.options("menu", async ({ ack }) => {
  heard("options");
  await ack({ options: [{ text: plain("Crane"), value: "crane" }] });
});

app.error(async (error) => console.error(`stumble: ${error.stack}`));
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
app.start().catch((error) => {
  console.error(`stumble: ${error.stack}`);
  process.exit(1);
});
