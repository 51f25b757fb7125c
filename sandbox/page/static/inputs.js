// The elements of blocks that a person uses. What was chosen goes into `context.values`; `act` tells
// the server that an element was used.

import { h, icon, link } from "./dom.js";
import { withEmoji } from "./emoji.js";

const label = (object) => withEmoji(String(object?.text ?? ""));

// `whenUsed`: whether using it is told at once (in an input block it is not, unless it wants to be).
export function element(item, block, context, whenUsed = true) {
  const make = KINDS[item.type];
  if (!make) return h("span", { class: "unknown" }, `An element of the type “${item.type}”: not shown here.`);
  const node = make(item, new Use(item, block, context, whenUsed));
  node.dataset.actionId = item.action_id || "";
  node.dataset.blockId = block.block_id || "";
  return node;
}

class Use {
  constructor(item, block, context, whenUsed) {
    Object.assign(this, { item, block, context, whenUsed });
  }

  // What was chosen before the element was drawn again, else what it begins with.
  value(beginning) {
    return this.context.values[this.block.block_id]?.[this.item.action_id] ?? beginning;
  }

  keep(value) {
    const { block, item, context } = this;
    (context.values[block.block_id] ??= {})[item.action_id] = value;
  }

  async chosen(value, undo) {
    const before = this.context.values[this.block.block_id]?.[this.item.action_id];
    this.keep(value);
    if (!this.whenUsed || (await this.act(value))) return;
    this.keep(before);
    undo?.();
  }

  async act(value) {
    return this.context.act(this.block, this.item, value);
  }
}

function button(item, use) {
  const style = item.style === "primary" || item.style === "danger" ? item.style : "";
  const press = () => use.act(null);
  const node = h("button", { type: "button", class: `press ${style}`, onclick: press, "aria-label": item.accessibility_label }, label(item.text));
  if (!item.url) return node;
  const opened = link(item.url, label(item.text));
  opened.className = `press ${style}`;
  opened.addEventListener("click", press);
  return opened;
}

function groups(item, draw) {
  const all = [...(item.options || []).map(draw)];
  for (const group of item.option_groups || [])
    all.push(h("optgroup", { label: label(group.label) }, (group.options || []).map(draw)));
  return all;
}

function select(item, use, options, initial) {
  const now = use.value(initial ?? "");
  const node = h("select", { "aria-label": label(item.placeholder) || "Choose" },
    h("option", { value: "" }, label(item.placeholder) || "Choose…"), options);
  node.value = now ?? "";
  node.addEventListener("change", () => use.chosen(node.value, () => (node.value = now ?? "")));
  return node;
}

function several(item, use, options, initial) {
  const now = use.value(initial || []);
  const node = h("select", { multiple: true, "aria-label": label(item.placeholder) || "Choose", size: 4 }, options);
  for (const option of node.options) option.selected = now.includes(option.value);
  node.addEventListener("change", () => use.chosen([...node.selectedOptions].map((each) => each.value)));
  return node;
}

const option = (each) => h("option", { value: each.value }, label(each.text));
const named = (pairs) => pairs.map(([id, name]) => h("option", { value: id }, name));
const values = (options) => (options || []).map((each) => each.value);

function choices(kind) {
  return (item, use) => {
    const first = kind === "radio" ? [item.initial_option?.value] : values(item.initial_options);
    const kept = use.value(kind === "radio" ? first[0] : first);
    const now = kind === "radio" ? [kept] : kept || [];
    const name = `choice-${Math.random()}`;
    const node = h("div", { class: "choices", role: kind === "radio" ? "radiogroup" : "group" });
    const tell = () => {
      const checked = [...node.querySelectorAll("input:checked")].map((each) => each.value);
      use.chosen(kind === "radio" ? checked[0] : checked);
    };
    node.append(...(item.options || []).map((each) =>
      h("label", {}, h("input", { type: kind, name, value: each.value, checked: now.includes(each.value), onchange: tell }),
        h("span", {}, label(each.text), each.description && h("small", {}, label(each.description))))));
    return node;
  };
}

function overflow(item, use) {
  const node = h("details", { class: "overflow" }, h("summary", { "aria-label": "More", title: "More" }, icon("dots")));
  const pick = (each) => {
    node.open = false;
    use.act(each.value);
  };
  node.append(h("div", { role: "menu" }, (item.options || []).map((each) =>
    h("button", { type: "button", role: "menuitem", onclick: () => pick(each), data: { value: each.value } }, label(each.text)))));
  return node;
}

function typed(type, more = () => ({})) {
  return (item, use) => {
    const node = h(item.multiline ? "textarea" : "input",
      { ...(item.multiline ? { rows: 4 } : { type }), placeholder: label(item.placeholder), ...more(item) });
    node.value = use.value(item.initial_value ?? "");
    node.addEventListener("input", () => use.keep(node.value));
    node.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || item.multiline || event.isComposing || !use.whenUsed) return;
      event.preventDefault();
      use.chosen(node.value);
    });
    return node;
  };
}

function picked(type, initial) {
  return (item, use) => {
    const node = h("input", { type, "aria-label": label(item.placeholder) || type });
    node.value = use.value(item[initial] ?? "");
    node.addEventListener("change", () => use.chosen(node.value));
    return node;
  };
}

const people = (use) => named(use.context.names.people());
const channels = (use) => named(use.context.names.channels());
const lengths = (item) => ({ minlength: text(item.min_length), maxlength: text(item.max_length) });
const bounds = (item) => ({ inputmode: "decimal", "data-least": text(item.min_value), "data-most": text(item.max_value) });
const text = (value) => (value === undefined || value === null ? undefined : String(value));

const KINDS = {
  button,
  workflow_button: button,
  overflow,
  static_select: (item, use) => select(item, use, groups(item, option), item.initial_option?.value),
  multi_static_select: (item, use) => several(item, use, groups(item, option), values(item.initial_options)),
  users_select: (item, use) => select(item, use, people(use), item.initial_user),
  multi_users_select: (item, use) => several(item, use, people(use), item.initial_users),
  conversations_select: (item, use) => select(item, use, channels(use), item.initial_conversation),
  multi_conversations_select: (item, use) => several(item, use, channels(use), item.initial_conversations),
  channels_select: (item, use) => select(item, use, channels(use), item.initial_channel),
  multi_channels_select: (item, use) => several(item, use, channels(use), item.initial_channels),
  radio_buttons: choices("radio"),
  checkboxes: choices("checkbox"),
  datepicker: picked("date", "initial_date"),
  timepicker: picked("time", "initial_time"),
  plain_text_input: typed("text", lengths),
  number_input: typed("text", bounds),
  email_text_input: typed("email"),
  url_text_input: typed("url"),
};
