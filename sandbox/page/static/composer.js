// The box to write in. Enter sends, Shift+Enter makes a line. A draft stays with its conversation.

import { h, replace } from "./dom.js";

export class Composer {
  constructor(form, send) {
    this.drafts = new Map();
    this.place = "";
    this.box = h("textarea", { rows: 1, "aria-label": "Message" });
    this.button = h("button", { type: "submit", class: "press primary" }, "Send");
    const post = async () => {
      const text = this.box.value;
      if (!text.trim() || this.box.disabled) return;
      if (await send(text)) this.write("");
    };
    this.box.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      post();
    });
    this.box.addEventListener("input", () => this.fit());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      post();
    });
    replace(form, this.box, this.button);
  }

  // `closed`: why nothing can be written, "" where something can.
  at(place, placeholder, closed) {
    if (place !== this.place) {
      this.drafts.set(this.place, this.box.value);
      this.place = place;
      this.write(this.drafts.get(place) || "");
    }
    this.box.placeholder = closed || placeholder;
    this.box.disabled = this.button.disabled = Boolean(closed);
  }

  write(text) {
    this.box.value = text;
    this.fit();
  }

  fit() {
    this.box.style.height = "auto";
    this.box.style.height = `${Math.min(this.box.scrollHeight + 2, 240)}px`;
  }
}
