// The modal of an app, and the question before a dangerous button.

import { blocks, text } from "./blocks.js";
import { h, icon, replace } from "./dom.js";

// Shows the topmost of these views, or none. `context(view)` gives what blocks.js wants.
export class Modal {
  constructor(dialog, context, submit, close) {
    Object.assign(this, { dialog, context, submit, close, shown: "" });
    dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      if (this.view) this.close(this.view, true);
    });
  }

  show(views) {
    const view = views[views.length - 1];
    const key = view ? JSON.stringify([view.id, view.hash, view.errors]) : "";
    if (key === this.shown) return;
    this.shown = key;
    this.view = view;
    if (!view) return this.dialog.close();
    this.draw(view);
    if (!this.dialog.open) this.dialog.showModal();
    const inputs = ":is(input, textarea, select)";
    (this.dialog.querySelector(`.wrong ${inputs}`) || this.dialog.querySelector(`.inside ${inputs}`))?.focus();
  }

  draw(view) {
    const context = this.context(view);
    const send = (event) => {
      event.preventDefault();
      this.submit(view);
    };
    replace(this.dialog, h("form", { class: "view", data: { viewId: view.id }, novalidate: true, onsubmit: send },
      h("header", {}, h("h2", {}, text(view.title, context.names)),
        h("button", { type: "button", class: "plain", "aria-label": "Close", onclick: () => this.close(view, true) }, icon("cross"))),
      h("div", { class: "inside" }, blocks(view.blocks, context)),
      h("footer", {},
        h("span", { class: "press-note" }),
        h("button", { type: "button", class: "press cancel", onclick: () => this.close(view, false) }, view.close ? text(view.close, context.names) : "Close"),
        (view.submit || hasInput(view)) && h("button", { type: "submit", class: "press primary submit" }, view.submit ? text(view.submit, context.names) : "Submit"))));
  }
}

const hasInput = (view) => view.blocks.some((block) => block.type === "input");

// True where the person agrees.
export function confirmed(dialog, asked, names) {
  return new Promise((resolve) => {
    const done = (agreed) => {
      dialog.close();
      resolve(agreed);
    };
    const style = asked.style === "danger" ? "danger" : "primary";
    replace(dialog, h("form", { class: "view", onsubmit: (event) => (event.preventDefault(), done(true)) },
      h("header", {}, h("h2", {}, text(asked.title, names))),
      h("div", { class: "inside text" }, text(asked.text, names)),
      h("footer", {},
        h("button", { type: "button", class: "press deny", onclick: () => done(false) }, asked.deny ? text(asked.deny, names) : "Cancel"),
        h("button", { type: "submit", class: `press ${style} agree` }, asked.confirm ? text(asked.confirm, names) : "Yes"))));
    dialog.oncancel = () => resolve(false);
    dialog.showModal();
  });
}
