// Single items: the next twenty that are worth a label, one after the other.
import { get } from "./api.js";
import { count, h, waiting } from "./dom.js";
import { isRedo, isTyping, isUndo } from "./keys.js";
import { nameAt, use } from "./latest.js";
import { makeNameField } from "./names.js";
import { complain } from "./notices.js";
import { send } from "./outbox.js";
import { person } from "./person.js";
import { refresh, watch } from "./store.js";
import { preload, showTiles } from "./tiles.js";

const BATCH = 20;

/** @param {HTMLElement} place @returns {() => void} */
export function showSingle(place) {
  const view = new SingleView(place);
  return () => view.close();
}

class SingleView {
  /** @param {HTMLElement} place */
  constructor(place) {
    this.place = place;
    /** @type {any[]} */
    this.items = [];
    this.at = 0;
    this.field = makeNameField((name) => name && this.name(name), (event) => this.step(event));
    this.head = h("div", { class: "sheet-head" });
    this.stage = h("div", { class: "single" });
    this.onKey = (/** @type {KeyboardEvent} */ event) => this.key(event);
    document.addEventListener("keydown", this.onKey);
    this.unwatch = watch(() => this.field.update());
    void this.load();
  }

  close() {
    document.removeEventListener("keydown", this.onKey);
    this.unwatch();
  }

  async load() {
    this.place.replaceChildren(waiting(`Looking for ${BATCH} items that are worth a label…`));
    try {
      this.items = await get(`/api/suggestions?n=${BATCH}`);
    } catch (error) {
      return complain(error);
    }
    this.at = 0;
    preload(this.items);
    this.show();
    this.field.input.focus();
  }

  show() {
    const item = this.items[this.at];
    if (!item) {
      const more = h("button", { class: "main", type: "button", onclick: () => void this.load() }, `${BATCH} more`);
      this.place.replaceChildren(h("div", { class: "empty" }, h("h2", {}, "That was the last of them."), more));
      return more.focus();
    }
    this.head.replaceChildren(h("h2", {}, "What is this?"), h("span", { class: "faint" }, `${this.at + 1} of ${count(this.items.length, "item")}`),
      h("span", { class: "grow" }), h("span", { class: "small faint" }, item.reason.replaceAll("component", "group")));
    this.stage.replaceChildren(showTiles([item], new Set(), () => {}));
    this.field.say("Name", item.answer ? `Type a name, then Enter; so far answered ${item.answer}` : "Type a name, then Enter");
    const skip = h("button", { type: "button", onclick: () => this.skip() }, "Skip ", h("kbd", {}, "Space"));
    const undo = h("button", { type: "button", onclick: () => this.undo() }, "Undo ", h("kbd", {}, "u"));
    if (!this.head.isConnected) this.place.replaceChildren(this.head, this.stage, this.field.element, h("div", { class: "row" }, skip, undo));
  }

  /** @param {string} name */
  name(name) {
    const item = this.items[this.at];
    if (!item) return;
    use(name);
    item.label = name;
    send("/api/label", { items: [item.row], label: name, by: person(), how: "suggested" }, () => {});
    this.at += 1;
    this.field.update();
    this.show();
  }

  skip() {
    this.at += 1;
    this.show();
  }

  undo() {
    send("/api/undo", { by: person() }, (answer) => {
      const place = this.items.findIndex((item) => answer.undone.rows.includes(item.row));
      if (place >= 0) {
        this.items[place].label = null;
        this.at = place;
      }
      this.show();
      refresh().catch(complain);
    });
  }

  /** @param {KeyboardEvent} event */
  step(event) {
    if (isUndo(event)) this.undo();
    else if (isRedo(event)) send("/api/redo", { by: person() }, () => void refresh());
    else return false;
    return true;
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (document.querySelector("dialog[open]") || isTyping(event.target)) return;
    const isButton = event.target instanceof HTMLButtonElement || event.target instanceof HTMLAnchorElement;
    if (this.step(event)) event.preventDefault();
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const name = /^[0-9]$/.test(event.key) ? nameAt(event.key) : "";
    if (name) this.name(name);
    else if (event.key === " " && !isButton) this.skip();
    else if (event.key === "u") this.undo();
    else if (event.key === "n" || (event.key === "Enter" && !isButton)) this.field.input.focus();
    else return;
    event.preventDefault();
  }
}
