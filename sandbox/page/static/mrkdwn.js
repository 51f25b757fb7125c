// Slack's mrkdwn → elements. Entities are undone last, so that what was escaped stays text.

import { h, link } from "./dom.js";
import { emoji } from "./emoji.js";

const STYLES = { "*": "strong", _: "em", "~": "s" };
const WORD = /[\p{L}\p{N}_]/u;

export function unescaped(text) {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}

// `names` tells what is behind an ID: user(id), channel(id), group(id), each a text, and `me`.
export function mrkdwn(text, names) {
  const parts = text.split(/```(?:\n)?([\s\S]*?)```/);
  return parts.flatMap((part, number) =>
    number % 2 ? h("pre", {}, leaf(part.replace(/\n$/, ""), names)) : quoted(part, names, number > 0));
}

// Inside code only entities and links count.
function leaf(text, names) {
  return unescaped(text.replace(/<(?:([^<>|\n]+)\|)?([^<>\n]+)>/g, (_, target, label) => label || target));
}

function quoted(text, names, behindCode) {
  const lines = (behindCode ? text.replace(/^\n/, "") : text).split("\n");
  const found = [];
  let quote = null;
  lines.forEach((line, number) => {
    const match = line.match(/^(?:&gt;|>) ?(.*)$/);
    if (match) {
      if (quote) quote.append(h("br"));
      else found.push((quote = h("blockquote")));
      quote.append(...inline(match[1], names));
      return;
    }
    if (number > 0 && !quote) found.push(h("br"));
    quote = null;
    found.push(...inline(line, names));
  });
  return found;
}

export function inline(text, names) {
  const found = [];
  let plain = "";
  let at = 0;
  const flush = () => {
    if (plain) found.push(...linked(plain));
    plain = "";
  };
  while (at < text.length) {
    const token = tokenAt(text, at, names);
    if (token) {
      flush();
      found.push(token.node);
      at = token.end;
    } else {
      const letter = String.fromCodePoint(text.codePointAt(at));
      plain += letter;
      at += letter.length;
    }
  }
  flush();
  return found;
}

function tokenAt(text, at, names) {
  const rest = text.slice(at);
  let match;
  if ((match = rest.match(/^<([^<>\n]+)>/))) return { node: bracketed(match[1], names), end: at + match[0].length };
  if ((match = rest.match(/^`([^`\n]+)`/))) return { node: h("code", {}, leaf(match[1], names)), end: at + match[0].length };
  if ((match = rest.match(/^:([a-z0-9_+-]+):/)) && !emoji(match[1]).startsWith(":"))
    return { node: h("span", { class: "emoji", title: match[0] }, emoji(match[1])), end: at + match[0].length };
  const tag = STYLES[text[at]];
  const end = tag ? closing(text, at) : -1;
  return end < 0 ? null : { node: h(tag, {}, inline(text.slice(at + 1, end), names)), end: end + 1 };
}

// Where a style that begins here ends, -1 where it is only a star, a dash or a tilde.
function closing(text, at) {
  const sign = text[at];
  if ((at > 0 && WORD.test(text[at - 1])) || /\s|^$/.test(text[at + 1] || "") || text[at + 1] === sign) return -1;
  for (let end = text.indexOf(sign, at + 2); end > 0; end = text.indexOf(sign, end + 1)) {
    const after = text[end + 1] || " ";
    if (!/\s/.test(text[end - 1]) && (!WORD.test(after) || after === "_") && after !== sign) return end;
  }
  return -1;
}

function bracketed(inside, names) {
  const [target, label] = split(inside);
  const sign = target[0];
  if (sign === "@") return mention("@" + names.user(target.slice(1)), target.slice(1) === names.me);
  if (sign === "#") return mention("#" + (label || names.channel(target.slice(1))));
  if (sign === "!") return special(target.slice(1), label, names);
  if (!/^[a-z][a-z0-9+.-]*:\S/i.test(target)) return h("span", {}, unescaped(`<${inside}>`));
  return link(unescaped(target), label ? inline(label, names) : unescaped(target.replace(/^mailto:/, "")));
}

function split(inside) {
  const at = inside.indexOf("|");
  return at < 0 ? [inside, ""] : [inside.slice(0, at), inside.slice(at + 1)];
}

function special(target, label, names) {
  const [kind, ...more] = target.split("^");
  if (kind === "subteam") return mention("@" + (names.group(more[0]) || label.replace(/^@/, "") || more[0]));
  if (kind === "date") return h("time", {}, unescaped(label || target));
  return mention("@" + unescaped(kind), true);
}

export function mention(text, ofMe = false) {
  return h("span", { class: ofMe ? "mention of-me" : "mention" }, text);
}

// Addresses that stand in the text without brackets.
function linked(text) {
  return text.split(/(\bhttps?:\/\/[^\s<>]+[^\s<>.,;:!?)'"])/).filter(Boolean)
    .map((part, number) => (/^https?:\/\//.test(part) ? link(unescaped(part), unescaped(part)) : unescaped(part)));
}
