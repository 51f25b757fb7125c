// One message → elements.

import { attachment, blocks } from "./blocks.js";
import { h, icon } from "./dom.js";
import { emoji } from "./emoji.js";
import { mrkdwn } from "./mrkdwn.js";

const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const WHOLE = new Intl.DateTimeFormat("en-GB", { dateStyle: "full", timeStyle: "medium" });
const DAY = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long" });

const moment = (ts) => new Date(Number(ts) * 1000);
export const day = (ts) => DAY.format(moment(ts));

// Who is said to have written it: { name, isApp, key }.
export function author(item, names) {
  const person = names.person(item.user);
  const name = item.username || item.bot_profile?.name || person?.real_name || person?.name;
  return { name: name || item.user || item.bot_id || "Somebody", isApp: Boolean(item.bot_id || person?.is_bot), key: item.username || item.user || item.bot_id };
}

export function avatar(name, key) {
  const initials = name.split(/\s+/).map((each) => [...each][0] || "").join("").slice(0, 2).toUpperCase();
  const node = h("span", { class: "avatar", "aria-hidden": "true" }, initials);
  const sum = [...String(key)].reduce((before, each) => Math.imul(before ^ each.codePointAt(0), 16777619), 2166136261);
  node.style.setProperty("--hue", String((Math.imul(sum ^ (sum >>> 13), 2246822507) >>> 8) % 360));
  return node;
}

// `options`: compact (the author is the one above), inThread, openThread(ts).
export function message(item, context, options) {
  const who = author(item, context.names);
  const gone = item.subtype === "tombstone";
  return h("article", { class: classes(item, options), data: { ts: item.ts } },
    options.compact ? h("time", { class: "when", title: WHOLE.format(moment(item.ts)) }, CLOCK.format(moment(item.ts))) : avatar(who.name, who.key),
    h("div", { class: "body" },
      item.is_ephemeral && h("div", { class: "private" }, icon("eye"), " Only visible to you"),
      item.subtype === "thread_broadcast" && !options.inThread && h("div", { class: "private" }, "replied to a thread"),
      !options.compact && h("div", { class: "head" },
        h("strong", { class: "author" }, who.name), who.isApp && h("span", { class: "badge" }, "APP"),
        h("time", { title: WHOLE.format(moment(item.ts)) }, CLOCK.format(moment(item.ts)))),
      gone ? h("div", { class: "gone" }, "This message was deleted.") : content(item, context),
      h("div", { class: "press-note", hidden: true }),
      reactions(item, context.names),
      !options.inThread && replies(item, context.names, options.openThread)),
    !options.inThread && !item.is_ephemeral && h("button",
      { type: "button", class: "reply", title: "Reply in a thread", onclick: () => options.openThread(item.thread_ts || item.ts) }, "Reply"));
}

function classes(item, options) {
  return ["message", options.compact && "compact", item.is_ephemeral && "ephemeral", item.subtype === "me_message" && "third-person"]
    .filter(Boolean).join(" ");
}

function content(item, context) {
  const edited = item.edited && h("small", { class: "edited" }, " (edited)");
  const parts = [];
  if (item.blocks?.length) parts.push(...blocks(item.blocks, context), edited);
  else if (item.text) parts.push(h("div", { class: "text" }, mrkdwn(String(item.text), context.names), edited));
  parts.push(...(item.attachments || []).map((each) => attachment(each, context)), ...(item.files || []).map(file));
  return parts;
}

function file(item) {
  const size = Number(item.size) || 0;
  const shown = size < 1024 ? `${size} bytes` : size < 1048576 ? `${Math.round(size / 1024)} kB` : `${(size / 1048576).toFixed(1)} MB`;
  const cut = item.preview && item.preview.length < size;
  return h("div", { class: "file" },
    h("div", {}, icon("file"), " ", h("strong", {}, String(item.title || item.name)), h("small", {}, ` ${item.name} · ${item.mimetype} · ${shown}`)),
    item.preview && h("pre", {}, item.preview + (cut ? "\n…" : "")));
}

function reactions(item, names) {
  if (!item.reactions?.length) return null;
  return h("div", { class: "reactions" }, item.reactions.map((each) =>
    h("span", { class: each.users?.includes(names.me) ? "mine" : "", title: `:${each.name}: ${(each.users || []).map(names.user).join(", ")}` },
      emoji(String(each.name)), " ", String(each.count ?? each.users?.length ?? 1))));
}

function replies(item, names, openThread) {
  if (!item.reply_count) return null;
  const count = item.reply_count === 1 ? "1 reply" : `${item.reply_count} replies`;
  return h("button", { type: "button", class: "replies", onclick: () => openThread(item.ts) },
    (item.reply_users || []).slice(0, 4).map((id) => avatar(names.user(id), id)), count);
}
