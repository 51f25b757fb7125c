// What is looked at, and how the parts of the page work together.

import { Composer } from "./composer.js";
import { h, icon, replace } from "./dom.js";
import { author, day, message } from "./message.js";
import { confirmed, Modal } from "./modal.js";
import { ask, live, tell } from "./server.js";

const at = (id) => document.getElementById(id);
const USUAL = 60; // messages
const TOGETHER = 300; // seconds between messages that stand under one name
const NOTES = {
  failed: "Nobody is connected: the app did not get this.",
  late: "The app did not acknowledge this in time.",
};

const look = { as: "", channel: "", thread: "", count: USUAL, ...fromAddress() };
const values = {}; // what was typed and chosen in blocks, by message or view
const pressed = new Map(); // who pressed, and the key of an element → { envelope, ts, seen }
let submitted = { view: "none", envelope: "" }; // the modal that was sent off last
let state = null;
let under = { channel: null, thread: null }; // what the two lists show

function fromAddress() {
  const told = new URLSearchParams(location.hash.slice(1));
  return Object.fromEntries(["as", "channel", "thread"].map((key) => [key, told.get(key) || ""]));
}

function intoAddress() {
  const { as, channel, thread } = look;
  history.replaceState(null, "", "#" + new URLSearchParams({ as, channel, ...(thread && { thread }) }));
}

// --- names ---

const names = {
  get me() {
    return state.me;
  },
  person: (id) => state.people.find((each) => each.id === id) || (id === "USLACKBOT" ? { id, name: "slackbot", real_name: "Slackbot", is_bot: true } : undefined),
  user: (id) => names.person(id)?.name || id,
  channel: (id) => state.channels.find((each) => each.id === id)?.name || id,
  group: (id) => state.groups.find((each) => each.id === id)?.handle || "",
  people: () => state.people.filter((each) => !each.deleted).map((each) => [each.id, each.real_name]),
  channels: () => state.channels.filter((each) => each.name && !each.is_archived).map((each) => [each.id, "#" + each.name]),
};

// --- looking ---

let looking = false;
let again = false;

async function refresh() {
  again = true;
  if (looking) return;
  looking = true;
  try {
    while (again) {
      again = false;
      const { as, channel, thread, count } = look;
      const seen = await ask({ as, channel, thread, count });
      if (as !== look.as || channel !== look.channel || thread !== look.thread) again = true;
      else show(seen);
    }
  } catch {
    // The server is away; `live` says so, and looks again when it is back.
  } finally {
    looking = false;
  }
}

function show(seen) {
  state = seen;
  look.as = seen.me;
  if (!seen.channel) {
    const first = seen.channels.find((each) => each.is_member && !each.is_archived && each.name) || seen.channels[0];
    if (first && look.channel !== first.id) return go({ channel: first.id, thread: "" });
  }
  showSide();
  showConversation();
  showThread();
  modal.show(seen.views);
  showPressed();
  markRead();
  document.body.dataset.ready = `${look.as} ${look.channel} ${look.thread}`.trim();
}

function go(where) {
  if (where.channel && where.channel !== look.channel) look.count = USUAL;
  Object.assign(look, where);
  intoAddress();
  document.body.classList.remove("choosing");
  at("menu").setAttribute("aria-expanded", "false");
  return refresh();
}

// --- the side ---

function showSide() {
  at("team").textContent = state.team.name;
  const apps = state.connected === 1 ? "1 app connection" : `${state.connected} app connections`;
  at("connected").textContent = state.connected ? apps : "no app connected";
  at("connected").className = state.connected ? "on" : "off";
  showWhom();
  const key = JSON.stringify([look.channel, state.me, state.channels, state.people]);
  if (at("side").dataset.key === key) return;
  at("side").dataset.key = key;
  const { channel, person } = document.activeElement.dataset;
  replace(at("channels"), state.channels.filter((each) => each.name && each.kind !== "mpim").map(channelItem));
  const groups = state.channels.filter((each) => each.kind === "mpim").map(channelItem);
  replace(at("directs"), groups, state.people.filter((each) => !each.deleted && each.id !== state.me).map(directItem));
  const focused = channel ? `[data-channel="${channel}"]` : person && `[data-person="${person}"]`;
  if (focused) at("side").querySelector(focused)?.focus();
}

function showWhom() {
  const whom = state.people.filter((each) => !each.is_bot && !each.deleted);
  const key = JSON.stringify(whom.map((each) => [each.id, each.real_name]));
  const list = at("me");
  if (list.dataset.key !== key) replace(list, whom.map((each) => h("option", { value: each.id }, each.real_name)));
  list.dataset.key = key;
  list.value = state.me;
}

function item(properties, chosen, unread, ...inside) {
  const mark = unread && !chosen ? h("span", { class: "count", "aria-label": `${unread} unread` }, String(unread)) : null;
  const classes = ["item", chosen && "chosen", unread && !chosen && "unread", properties.faint && "faint"].filter(Boolean).join(" ");
  return h("li", {}, h("button", { type: "button", class: classes, onclick: properties.open, data: properties.data, "aria-current": chosen ? "page" : undefined }, inside, mark));
}

function channelItem(each) {
  const sign = each.kind === "private_channel" ? icon("lock") : each.kind === "mpim" ? icon("people") : "#";
  const name = each.kind === "mpim" ? each.members.filter((id) => id !== state.me).map(names.user).join(", ") : each.name;
  return item({ open: () => go({ channel: each.id, thread: "" }), data: { channel: each.id }, faint: !each.is_member || each.is_archived },
    each.id === look.channel, each.unread, h("span", { class: "sign" }, sign), h("span", { class: "name" }, name));
}

function directItem(person) {
  const open = state.channels.find((each) => each.kind === "im" && each.members.includes(person.id) && each.members.includes(state.me));
  const openIt = async () => {
    const said = open ? { channel: open.id } : await deed("open", { user: person.id });
    if (said) go({ channel: said.channel, thread: "" });
  };
  return item({ open: openIt, data: { person: person.id } }, Boolean(open) && open.id === look.channel, open?.unread,
    h("span", { class: person.away ? "presence away" : "presence" }), h("span", { class: "name" }, person.real_name),
    person.is_bot && h("span", { class: "badge" }, "APP"));
}

// --- a conversation ---

function showConversation() {
  const { channel } = state;
  if (!channel) return;
  at("title").textContent = titleOf(channel);
  at("topic").textContent = channel.topic || channel.purpose || "";
  document.title = `${titleOf(channel)} · ${state.team.name}`;
  const key = `${state.me} ${channel.id}`;
  list(at("messages"), "channel", key, channel.messages, false, channel.earlier);
  composer.at(key, `Message ${titleOf(channel)}`, closed(channel));
  showJoin(channel);
}

function showJoin(channel) {
  const open = !channel.is_member && channel.kind === "public_channel" && !channel.is_archived;
  let join = at("join");
  if (open && !join) at("composer").before(h("button", { type: "button", id: "join", class: "press primary", onclick: () => deed("join", { channel: look.channel }) }, "Join the channel"));
  if (!open && join) join.remove();
}

function titleOf(channel) {
  if (channel.kind === "im") return names.person(channel.members.find((id) => id !== state.me))?.real_name || "You";
  if (channel.kind === "mpim") return channel.members.filter((id) => id !== state.me).map(names.user).join(", ");
  return "#" + channel.name;
}

function closed(channel) {
  if (channel.is_archived) return "The channel is archived.";
  return channel.is_member ? "" : "You are not in this channel.";
}

function showThread() {
  const { thread, channel } = state;
  at("thread").hidden = !thread;
  document.body.classList.toggle("in-thread", Boolean(thread));
  if (!thread) return;
  at("thread-place").textContent = titleOf(channel);
  const key = `${state.me} ${channel.id} ${thread.ts}`;
  list(at("replies"), "thread", key, thread.messages, true, 0);
  threadComposer.at(key, "Reply…", closed(channel));
}

// Draws what is new or changed, and leaves the rest: somebody may be choosing something there.
function list(node, which, key, messages, inThread, earlier) {
  const fresh = under[which]?.key !== key;
  const before = fresh ? new Map() : under[which].nodes;
  const atEnd = fresh || node.scrollHeight - node.scrollTop - node.clientHeight < 80;
  const grown = !fresh && messages.length > 0 && !before.has(idOf(messages[0]));
  const fromEnd = node.scrollHeight - node.scrollTop;
  const nodes = new Map();
  const all = earlier > 0 ? [kept(before, nodes, "earlier", String(earlier), () => earlierButton(earlier))] : [];
  messages.forEach((each, number) => {
    const above = messages[number - 1];
    if (!above || day(above.ts) !== day(each.ts))
      all.push(kept(before, nodes, "day " + day(each.ts), "", () => h("div", { class: "day" }, h("span", {}, day(each.ts)))));
    const compact = together(above, each);
    const json = JSON.stringify([each, compact]);
    all.push(kept(before, nodes, idOf(each), json, () => message(each, contextOf(each), { compact, inThread, openThread: (ts) => go({ thread: ts }) })));
  });
  arrange(node, all);
  under[which] = { key, nodes };
  if (atEnd && !grown) node.scrollTop = node.scrollHeight;
  else if (grown) node.scrollTop = node.scrollHeight - fromEnd;
}

const idOf = (each) => `${each.ts} ${each.is_ephemeral ? "private" : ""}`;

function kept(before, nodes, id, json, draw) {
  const old = before.get(id);
  const entry = old?.json === json ? old : { json, node: drawn(draw) };
  nodes.set(id, entry);
  return entry.node;
}

// What an app sent may be of any shape: one message that cannot be drawn must not end the page.
function drawn(draw) {
  try {
    return draw();
  } catch (error) {
    return h("article", { class: "message" }, h("span"), h("div", { class: "unknown" }, `A message that cannot be shown: ${error.message}`));
  }
}

function arrange(node, all) {
  const wanted = new Set(all);
  for (const child of [...node.childNodes]) if (!wanted.has(child)) child.remove();
  all.forEach((each, number) => {
    if (node.childNodes[number] !== each) node.insertBefore(each, node.childNodes[number] || null);
  });
}

function together(above, each) {
  if (!above || above.is_ephemeral || each.is_ephemeral || above.subtype === "tombstone") return false;
  return author(above, names).key === author(each, names).key && each.ts - above.ts < TOGETHER && day(above.ts) === day(each.ts);
}

function earlierButton(earlier) {
  const more = () => {
    look.count += 100;
    refresh();
  };
  return h("button", { type: "button", class: "earlier", onclick: more }, `Show earlier messages (${earlier})`);
}

async function markRead() {
  const { channel } = state;
  const listed = state.channels.find((each) => each.id === channel?.id);
  if (listed?.unread && document.visibilityState === "visible") await deed("read", { channel: channel.id });
}

// --- doing ---

async function deed(name, document_) {
  try {
    return await tell(name, { as: look.as, ...document_ });
  } catch (error) {
    notice(error.message);
    return null;
  }
}

let noticeTimer = 0;
function notice(text) {
  at("notice").textContent = text;
  at("notice").hidden = false;
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => (at("notice").hidden = true), 6000);
}

// What blocks.js wants to know of a message or a view.
function contextOf(each) {
  const view = each.view_ ? each.id : "";
  const own = (values[`${state.me} ${view || each.ts}`] ??= {});
  return { names, values: own, errors: each.errors, act: (block, used, value) => act(each, view, own, block, used, value) };
}

async function act(each, view, own, block, used, value) {
  if (used.confirm && !(await confirmed(at("confirm"), used.confirm, names))) return false;
  const place = view ? { view } : { channel: look.channel, ts: each.ts };
  const said = await deed("press", { ...place, block_id: block.block_id, action_id: used.action_id, value, values: own });
  if (!said) return false;
  pressed.set([state.me, view || each.ts, block.block_id, used.action_id].join(" "),
    { envelope: said.envelope_id, place: view || each.ts, json: JSON.stringify(each), block, used });
  showPressed();
  return true;
}

// A button looks pressed until its message is another one.
function showPressed() {
  const all = [...(state.channel?.messages || []), ...(state.thread?.messages || []), ...state.views.map((each) => ({ ...each, view_: true }))];
  for (const note of document.querySelectorAll("article .press-note")) note.hidden = true;
  for (const [key, press] of pressed) {
    const now = all.find((each) => (each.view_ ? each.id : each.ts) === press.place);
    if (now && JSON.stringify(now) !== press.json) pressed.delete(key);
  }
  for (const node of document.querySelectorAll("[data-action-id]")) {
    const place = node.closest("[data-view-id]")?.dataset.viewId || node.closest("[data-ts]")?.dataset.ts;
    const press = pressed.get([state.me, place, node.dataset.blockId, node.dataset.actionId].join(" "));
    const status = press && (state.sent[press.envelope] || "waiting");
    node.classList.toggle("pressed", Boolean(press));
    node.dataset.pressed = status || "";
    const note = NOTES[status] && node.closest("article, .view")?.querySelector(".press-note");
    if (note) Object.assign(note, { hidden: false, textContent: NOTES[status] });
  }
  const ofModal = document.querySelector(`[data-view-id="${submitted.view}"] footer .press-note`);
  if (ofModal) ofModal.textContent = NOTES[state.sent[submitted.envelope]] || "";
}

const say = (thread) => async (text) => {
  const said = await deed("say", { channel: look.channel, text, ...(thread && { thread_ts: look.thread }) });
  return said !== null;
};

const composer = new Composer(at("composer"), say(false));
const threadComposer = new Composer(at("thread-composer"), say(true));
const viewContext = (view) => contextOf({ ...view, view_: true });
const modal = new Modal(at("modal"), viewContext, submit, (view, all) => deed("close", { view: view.id, all }));

async function submit(view) {
  const said = await deed("submit", { view: view.id, values: viewContext(view).values });
  if (said?.envelope_id) submitted = { view: view.id, envelope: said.envelope_id };
  refresh();
}

at("me").addEventListener("change", () => go({ as: at("me").value, thread: "" }));
at("thread-close").addEventListener("click", () => go({ thread: "" }));
at("menu").addEventListener("click", () => {
  at("menu").setAttribute("aria-expanded", String(document.body.classList.toggle("choosing")));
});
document.addEventListener("visibilitychange", () => state && markRead());
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.overflow[open]")) if (!menu.contains(event.target)) menu.open = false;
});

at("menu").append(icon("lines"));
at("thread-close").append(icon("cross"));
live(refresh, (there) => document.body.classList.toggle("away", !there));
