// Sheets: a few items of a group, named with one decision, by keyboard.
import { get, post } from "./api.js";
import { count, h, waiting } from "./dom.js";
import { isRedo, isTyping, isUndo } from "./keys.js";
import { nameAt, use } from "./latest.js";
import { makeNameField } from "./names.js";
import { complain, notify } from "./notices.js";
import { send } from "./outbox.js";
import { chooseGroup } from "./same.js";
import { person } from "./person.js";
import { refresh, store, watch } from "./store.js";
import { grouped, preload, showTiles } from "./tiles.js";

/** @typedef {import("./tiles.js").Item} Item */
/** @typedef {{id: number, items: Item[], n_items: number, reason: string}} Sheet */

const BETWEEN_LOOKS = 400; // milliseconds, while sheets are being made

/** @param {HTMLElement} place @returns {() => void} what takes the view away */
export function showSheets(place) {
  const view = new SheetView(place);
  return () => view.close();
}

class SheetView {
  /** @param {HTMLElement} place */
  constructor(place) {
    this.place = place;
    /** @type {Sheet|null} */
    this.sheet = null;
    /** @type {Sheet[]} */
    this.next = [];
    this.done = new Set(); // numbers of sheets that are on their way
    /** @type {Set<number>} */
    this.selected = new Set();
    this.cursor = -1;
    this.revision = store.state.revision;
    this.field = makeNameField((name) => this.name(name), (event) => this.fieldKey(event));
    this.stage = h("div", { class: "tiles-stage" });
    this.head = h("div", { class: "sheet-head" });
    this.buttons = this.makeButtons();
    this.onKey = (/** @type {KeyboardEvent} */ event) => this.key(event);
    document.addEventListener("keydown", this.onKey);
    this.unwatch = watch(() => this.field.update());
    this.isClosed = false;
    this.isLooking = false;
    this.wantsField = true;
    this.place.replaceChildren(waiting("Looking for groups…"));
    void this.ask();
  }

  close() {
    this.isClosed = true;
    document.removeEventListener("keydown", this.onKey);
    this.unwatch();
  }

  makeButtons() {
    const button = (/** @type {string} */ key, /** @type {string} */ text, /** @type {() => void} */ act, main = false) =>
      h("button", { type: "button", class: main ? "main" : "", onclick: act }, text, " ", h("kbd", {}, key));
    this.enter = button("Enter", "Name", () => this.name(this.field.input.value), true);
    return h(
      "div",
      { class: "row" },
      this.enter,
      button("m", "Mixed", () => this.split()),
      button("g", "Same as…", () => this.same()),
      button("Space", "Skip", () => this.skip()),
      button("u", "Undo", () => this.undo()),
    );
  }

  /** Look for sheets until one is here; there is one search at a time, whoever asks for it. */
  async ask() {
    if (this.isLooking) return;
    this.isLooking = true;
    try {
      await this.look();
    } finally {
      this.isLooking = false;
    }
  }

  async look() {
    while (!this.isClosed) {
      try {
        this.take(await get("/api/sheets"));
      } catch (error) {
        complain(error);
      }
      if (this.sheet || this.isClosed) return;
      const isMaking = store.news.busy.includes("sheets") || store.state.busy.includes("sheets");
      if (!isMaking && store.state.n_labeled === store.state.n_items) {
        this.place.replaceChildren(h("div", { class: "empty" }, h("h2", {}, "Every item has a label.")));
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, BETWEEN_LOOKS));
    }
  }

  /** Take what the server proposes: the sheet on the page stays. @param {any} answer */
  take(answer) {
    this.revision = Math.max(this.revision, answer.revision);
    const sheets = answer.sheets.filter((/** @type {Sheet} */ each) => !this.done.has(each.id));
    this.next = sheets.filter((/** @type {Sheet} */ each) => each.id !== this.sheet?.id);
    for (const sheet of this.next) preload(sheet.items);
    if (!this.sheet) this.forward();
  }

  /** Go on to the next sheet, which is here already. */
  forward() {
    this.selected.clear();
    this.cursor = -1;
    this.sheet = this.next.shift() ?? null;
    store.sheet = this.sheet?.items.map((item) => item.row) ?? [];
    if (this.sheet) this.show();
    else {
      // Whoever was typing types the next name, not keys: the field gets the focus back.
      this.wantsField ||= this.field.input === document.activeElement;
      this.place.replaceChildren(waiting("Looking for the next groups…"));
      void this.ask();
    }
  }

  show() {
    const sheet = /** @type {Sheet} */ (this.sheet);
    const hadFocus = this.field.input === document.activeElement || this.wantsField;
    const about = sheet.n_items > sheet.items.length ? `of a group of ${sheet.n_items.toLocaleString("en")}` : "";
    this.head.replaceChildren(
      h("h2", {}, this.question()),
      h("span", { class: "faint" }, `${count(sheet.items.length, "item")} ${about}`),
      h("span", { class: "grow" }),
      h("span", { class: "small faint", title: "Why this group" }, sheet.reason.replaceAll("component", "group")),
    );
    this.stage.replaceChildren(showTiles(sheet.items, this.selected, (row, event) => this.click(row, event)));
    if (!this.head.isConnected) this.place.replaceChildren(this.head, this.stage, this.field.element, this.buttons);
    this.say();
    if (hadFocus) this.field.input.focus();
    this.wantsField = false;
  }

  question() {
    if (this.selected.size) return "What are the selected items?";
    return this.hasPredictions() ? "Is this right?" : "What are these?";
  }

  say() {
    const open = this.open();
    const n = this.selected.size;
    const confirms = !n && this.hasPredictions();
    const title = n ? `Name of ${count(n, "selected item")}` : open.length < (this.sheet?.items.length ?? 0) ? "Name of the others" : "Name";
    this.field.say(title, confirms ? "Enter confirms what is predicted; or type one name for all" : "Type a name, then Enter");
    this.enter.firstChild.textContent = confirms ? "Confirm" : "Name";
  }

  /** Items that have no name yet. @returns {Item[]} */
  open() {
    return this.sheet?.items.filter((item) => !item.label) ?? [];
  }

  hasPredictions() {
    const open = this.open();
    return open.length > 0 && open.every((item) => item.prediction);
  }

  /** Name what is selected, or the whole sheet; an empty name confirms. @param {string} name */
  name(name) {
    if (!this.sheet) return;
    const chosen = this.sheet.items.filter((item) => this.selected.has(item.row));
    const items = chosen.length ? chosen : this.open();
    if (!name && (chosen.length || !this.hasPredictions())) return;
    const labels = items.map((item) => name || /** @type {string} */ (item.prediction));
    for (const label of labels) use(label);
    const isDone = !chosen.length || this.open().every((item) => this.selected.has(item.row));
    this.save(this.sheet, items, labels, isDone, this.revision);
    items.forEach((item, place) => (item.label = labels[place]));
    this.field.update();
    if (isDone) this.forward();
    else {
      this.selected.clear();
      this.cursor = -1;
      this.show();
    }
  }

  /**
   * @param {Sheet} sheet
   * @param {Item[]} items
   * @param {string[]} labels
   * @param {boolean} isDone
   * @param {number|null} seen
   */
  save(sheet, items, labels, isDone, seen) {
    if (isDone) this.done.add(sheet.id);
    const rows = items.map((item) => item.row);
    const body = { items: rows, labels, by: person(), sheet: isDone ? sheet.id : null, seen };
    send("/api/label", body, (answer) => this.take(answer), (error) => {
      if (error.status !== 409) return notify(`Not saved: ${error.message}`);
      notify(error.message, [
        { label: "Replace", act: () => this.save(sheet, items, labels, isDone, null) },
        { label: "Keep theirs", act: () => void this.ask() },
      ]);
    });
  }

  split() {
    if (!this.sheet) return;
    this.replaceBy(post("/api/split", { sheet: this.sheet.id, n_parts: 2 }));
  }

  skip() {
    if (!this.sheet) return;
    this.done.add(this.sheet.id);
    post("/api/skip", { sheet: this.sheet.id }).then((answer) => this.take(answer), complain);
    this.forward();
  }

  async same() {
    const name = await chooseGroup();
    if (name) this.name(name);
  }

  undo() {
    send("/api/undo", { by: person() }, (answer) => this.step("Took back", answer.undone, answer));
  }

  redo() {
    send("/api/redo", { by: person() }, (answer) => this.step("Restored", answer.redone, answer));
  }

  /** @param {string} what @param {any} decision @param {any} answer */
  step(what, decision, answer) {
    notify(`${what}: ${decision.labels.join(", ") || "a label"}, ${count(decision.n_items, "item")}`);
    this.restart(answer);
    refresh().catch(complain);
  }

  /** Show what the server says comes first. @param {any} answer */
  restart(answer) {
    this.sheet = null;
    this.next = [];
    this.take(answer);
  }

  /** @param {Promise<any>} asked */
  replaceBy(asked) {
    asked.then((answer) => this.restart(answer), complain);
  }

  /** @param {number} row @param {MouseEvent} event */
  click(row, event) {
    const isSelected = this.selected.has(row);
    if (!event.shiftKey && !event.ctrlKey && !event.metaKey && !this.selected.size) this.selected.clear();
    if (isSelected) this.selected.delete(row);
    else this.selected.add(row);
    this.cursor = this.ordered().findIndex((item) => item.row === row);
    this.wantsField = true;
    this.show();
  }

  /** Items as they are shown. @returns {Item[]} */
  ordered() {
    return this.sheet ? grouped(this.sheet.items).flatMap(({ members }) => members) : [];
  }

  /** @param {number} step @param {boolean} keep */
  move(step, keep) {
    const items = this.ordered();
    if (!items.length) return;
    this.cursor = this.cursor < 0 ? (step > 0 ? 0 : items.length - 1) : (this.cursor + step + items.length) % items.length;
    if (!keep) this.selected.clear();
    this.selected.add(items[this.cursor].row);
    this.show();
    this.stage.querySelector(`[data-row="${items[this.cursor].row}"]`)?.scrollIntoView({ block: "nearest" });
  }

  /** Keys that mean nothing in the empty field. @param {KeyboardEvent} event */
  fieldKey(event) {
    if (isUndo(event)) this.undo();
    else if (isRedo(event)) this.redo();
    else if (event.key === "ArrowRight" || event.key === "ArrowLeft") this.move(event.key === "ArrowRight" ? 1 : -1, event.shiftKey);
    else return false;
    return true;
  }

  /** Keys outside the field. @param {KeyboardEvent} event */
  key(event) {
    if (document.querySelector("dialog[open]") || isTyping(event.target) || !this.sheet) return;
    const isButton = event.target instanceof HTMLButtonElement || event.target instanceof HTMLAnchorElement;
    if (isUndo(event)) this.undo();
    else if (isRedo(event)) this.redo();
    else if (event.ctrlKey || event.metaKey || event.altKey) return;
    else if (/^[0-9]$/.test(event.key)) {
      const name = nameAt(event.key);
      if (name) this.name(name);
    } else if (event.key === "ArrowRight" || event.key === "ArrowDown") this.move(1, event.shiftKey);
    else if (event.key === "ArrowLeft" || event.key === "ArrowUp") this.move(-1, event.shiftKey);
    else if (event.key === "m") this.split();
    else if (event.key === "g") void this.same();
    else if (event.key === "u") this.undo();
    else if (event.key === "n") this.field.input.focus();
    else if (event.key === "Escape" && this.selected.size) {
      this.selected.clear();
      this.show();
    } else if (event.key === " " && !isButton) this.skip();
    else if (event.key === "Enter" && !isButton) {
      if (this.hasPredictions() && !this.selected.size) this.name("");
      else this.field.input.focus();
    } else return;
    event.preventDefault();
  }
}
