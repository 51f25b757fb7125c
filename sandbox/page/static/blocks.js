// Blocks → elements.

import { h, icon, link } from "./dom.js";
import { emoji, withEmoji } from "./emoji.js";
import { element } from "./inputs.js";
import { mention, mrkdwn } from "./mrkdwn.js";

// `context`: names (see mrkdwn.js), values and act (see inputs.js), errors by block_id.
export function blocks(items, context) {
  return (items || []).map((block) => {
    const node = (KINDS[block.type] || unknown)(block, context);
    node.dataset.blockType = block.type;
    return node;
  });
}

export function text(object, names) {
  if (!object) return [];
  if (object.type === "mrkdwn") return mrkdwn(String(object.text ?? ""), names);
  const plain = String(object.text ?? "");
  return [object.emoji === false ? plain : withEmoji(plain)];
}

function unknown(block) {
  return h("div", { class: "unknown" }, `A block of the type “${block.type}”: not shown here.`);
}

function picture(item, names) {
  const address = item.image_url || item.slack_file?.url || item.slack_file?.id || "";
  return h("span", { class: "picture" }, icon("picture"), " ", String(item.alt_text || "A picture"),
    address && h("small", {}, link(String(address), String(address))));
}

function section(block, context) {
  const beside = block.accessory && (block.accessory.type === "image"
    ? picture(block.accessory, context.names) : element(block.accessory, block, context));
  return h("div", { class: "section" },
    h("div", { class: "grow" },
      block.text && h("div", { class: "text" }, text(block.text, context.names)),
      block.fields && h("div", { class: "fields" },
        block.fields.map((each) => h("div", { class: "text" }, text(each, context.names))))),
    beside && h("div", { class: "accessory" }, beside));
}

function context_(block, { names }) {
  return h("div", { class: "context" }, (block.elements || []).map((each) =>
    each.type === "image" ? picture(each, names) : h("span", { class: "text" }, text(each, names))));
}

function input(block, context) {
  const wrong = context.errors?.[block.block_id];
  const inner = element(block.element || {}, block, context, Boolean(block.dispatch_action));
  return h("div", { class: wrong ? "input wrong" : "input" },
    h("label", {},
      h("span", { class: "label" }, text(block.label, context.names), block.optional && h("small", {}, " (optional)")),
      inner),
    block.hint && h("small", { class: "hint" }, text(block.hint, context.names)),
    wrong && h("div", { class: "error", role: "alert" }, String(wrong)));
}

// --- rich text ---

function rich(block, { names }) {
  return h("div", { class: "rich text" }, (block.elements || []).map((each) => richPart(each, names)));
}

function richPart(part, names) {
  const inside = (part.elements || []).map((each) => richLeaf(each, names));
  if (part.type === "rich_text_section") return h("div", {}, inside);
  if (part.type === "rich_text_quote") return h("blockquote", {}, inside);
  if (part.type === "rich_text_preformatted") return h("pre", {}, inside);
  if (part.type === "rich_text_list") return list(part, names);
  return unknown(part);
}

function list(part, names) {
  const node = h(part.style === "ordered" ? "ol" : "ul", {},
    (part.elements || []).map((each) => h("li", {}, richPart(each, names))));
  node.style.marginLeft = `${(Number(part.indent) || 0) * 1.4}em`;
  if (part.style === "ordered") node.start = (Number(part.offset) || 0) + 1;
  return node;
}

function richLeaf(leaf, names) {
  let node = LEAVES[leaf.type]?.(leaf, names) ?? unknown(leaf);
  const tags = { bold: "strong", italic: "em", strike: "s", code: "code", underline: "u" };
  for (const [style, tag] of Object.entries(tags)) if (leaf.style?.[style]) node = h(tag, {}, node);
  return node;
}

const LEAVES = {
  text: (leaf) => h("span", {}, String(leaf.text ?? "")),
  link: (leaf) => link(String(leaf.url ?? ""), String(leaf.text || leaf.url || "")),
  user: (leaf, names) => mention("@" + names.user(leaf.user_id), leaf.user_id === names.me),
  channel: (leaf, names) => mention("#" + names.channel(leaf.channel_id)),
  usergroup: (leaf, names) => mention("@" + (names.group(leaf.usergroup_id) || leaf.usergroup_id)),
  broadcast: (leaf) => mention("@" + leaf.range, true),
  emoji: (leaf) => h("span", { class: "emoji", title: `:${leaf.name}:` }, emoji(String(leaf.name))),
  date: (leaf) => h("time", {}, String(leaf.fallback || leaf.timestamp)),
  color: (leaf) => h("code", {}, String(leaf.value)),
};

function table(block, context) {
  const settings = block.column_settings || [];
  return h("div", { class: "table" }, h("table", {}, h("tbody", {}, (block.rows || []).map((row, number) =>
    h("tr", {}, row.map((cell, column) => {
      const node = h(number ? "td" : "th", {}, cell.type === "rich_text" ? rich(cell, context) : String(cell.text ?? ""));
      if (["center", "right"].includes(settings[column]?.align)) node.className = settings[column].align;
      return node;
    }))))));
}

const KINDS = {
  section,
  context: context_,
  input,
  table,
  rich_text: rich,
  header: (block, { names }) => h("h3", {}, text(block.text, names)),
  divider: () => h("hr"),
  image: (block, { names }) => h("div", {}, block.title && h("div", {}, text(block.title, names)), picture(block, names)),
  actions: (block, context) => h("div", { class: "actions" },
    (block.elements || []).map((each) => element(each, block, context))),
  markdown: (block) => h("div", { class: "text markdown" }, String(block.text ?? "")),
};

// --- attachments, the older kind ---

const COLOURS = { good: "#2e8b57", warning: "#d99a1c", danger: "#c0392b" };

export function attachment(item, context) {
  const { names } = context;
  const said = (value) => mrkdwn(String(value), names);
  const node = h("div", { class: "attachment" },
    item.author_name && h("div", { class: "author" }, String(item.author_name)),
    item.title && h("div", { class: "title" }, item.title_link ? link(String(item.title_link), said(item.title)) : said(item.title)),
    item.text && h("div", { class: "text" }, said(item.text)),
    item.fields && h("div", { class: "fields" }, item.fields.map((each) =>
      h("div", { class: each.short ? "text" : "text wide" }, h("strong", {}, said(each.title ?? "")), h("br"), said(each.value ?? "")))),
    blocks(item.blocks, context),
    item.image_url && picture({ image_url: item.image_url, alt_text: item.fallback }, names),
    item.actions && h("div", { class: "unknown" }, "Buttons of the older kind: not shown here."),
    item.footer && h("small", { class: "footer" }, said(item.footer)));
  if (!node.childNodes.length) node.append(...said(item.fallback ?? ""));
  node.style.borderLeftColor = colour(String(item.color ?? ""));
  return [item.pretext && h("div", { class: "text" }, said(item.pretext)), node];
}

function colour(value) {
  if (Object.hasOwn(COLOURS, value)) return COLOURS[value];
  const hex = value.replace(/^#/, "");
  return /^([0-9a-f]{3}|[0-9a-f]{6})$/i.test(hex) ? "#" + hex : "";
}
