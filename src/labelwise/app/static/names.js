// The field for a name, with completion and the latest names at the digits.
import { h } from "./dom.js";
import { allNames, latest, spelled } from "./latest.js";

const MOST_OPTIONS = 7;

/**
 * @typedef {object} NameField
 * @property {HTMLElement} element
 * @property {HTMLInputElement} input
 * @property {() => void} update show the latest names again
 * @property {(title: string, placeholder: string) => void} say what Enter will do
 */

/**
 * @param {(name: string) => void} choose gets "" for an empty field
 * @param {(event: KeyboardEvent) => boolean} otherKey gets keys that mean nothing in the empty field
 * @returns {NameField}
 */
export function makeNameField(choose, otherKey) {
  const completion = new Completion(choose);
  const { input, options } = completion;
  const label = h("label", { for: "name" }, "Name");
  const digits = h("div", { class: "row latest", role: "group", "aria-label": "Latest names" });
  input.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (!completion.key(event) && (input.value || !otherKey(event))) return;
    event.preventDefault();
    event.stopPropagation();
    completion.show();
  });
  const update = () => {
    digits.replaceChildren(
      ...latest().map(([digit, name]) =>
        h("button", { type: "button", onclick: () => completion.take(name) }, h("kbd", {}, digit), ` ${name}`),
      ),
    );
  };
  const say = (/** @type {string} */ title, /** @type {string} */ placeholder) => {
    label.textContent = title;
    input.placeholder = placeholder;
  };
  const field = h("div", { class: "field" }, input, options);
  const element = h("div", { class: "naming" }, label, h("div", { class: "row" }, field), digits);
  update();
  return { element, input, update, say };
}

/** A field with a list of the names that what was typed may mean. */
class Completion {
  /** @param {(name: string) => void} choose */
  constructor(choose) {
    this.choose = choose;
    this.chosen = -1;
    this.input = h("input", {
      id: "name", type: "text", maxlength: 200, autocomplete: "off", spellcheck: "false", role: "combobox",
      "aria-expanded": "false", "aria-controls": "name-options", "aria-autocomplete": "list",
    });
    this.options = h("ul", { id: "name-options", class: "options", role: "listbox", hidden: true, "aria-label": "Names" });
    this.input.addEventListener("input", () => {
      this.chosen = -1;
      this.show();
    });
    this.input.addEventListener("blur", () => (this.options.hidden = true));
  }

  /** Names that begin with the text, then those that hold it. @returns {string[]} */
  matching() {
    const text = this.input.value.trim().toLocaleLowerCase();
    if (!text) return [];
    const names = allNames().filter((name) => name.toLocaleLowerCase() !== text);
    const starts = names.filter((name) => name.toLocaleLowerCase().startsWith(text));
    const holds = names.filter((name) => !starts.includes(name) && name.toLocaleLowerCase().includes(text));
    return [...starts, ...holds].slice(0, MOST_OPTIONS);
  }

  show() {
    const names = this.matching();
    if (this.chosen >= names.length) this.chosen = -1;
    const lines = names.map((name, place) => {
      const pick = (/** @type {Event} */ event) => (event.preventDefault(), this.take(name));
      const attributes = { role: "option", id: `option-${place}`, "aria-selected": String(place === this.chosen), onmousedown: pick };
      return h("li", attributes, h("span", {}, name), place === 0 ? h("kbd", {}, "Tab") : null);
    });
    this.options.replaceChildren(...lines);
    this.options.hidden = names.length === 0;
    this.input.setAttribute("aria-expanded", String(names.length > 0));
    if (this.chosen >= 0) this.input.setAttribute("aria-activedescendant", `option-${this.chosen}`);
    else this.input.removeAttribute("aria-activedescendant");
  }

  /** @param {string} name */
  take(name) {
    this.clear();
    this.choose(name);
  }

  clear() {
    this.input.value = "";
    this.chosen = -1;
    this.show();
  }

  /** Whether a key meant something here. @param {KeyboardEvent} event */
  key(event) {
    const names = this.matching();
    const n = names.length;
    if (event.key === "Enter") this.take(this.chosen >= 0 ? names[this.chosen] : spelled(this.input.value));
    else if (event.key === "Tab" && n && !event.shiftKey) this.input.value = names[Math.max(this.chosen, 0)];
    else if (event.key === "ArrowDown" && n) this.chosen = (this.chosen + 1) % n;
    else if (event.key === "ArrowUp" && n) this.chosen = this.chosen > 0 ? this.chosen - 1 : n - 1;
    else if (event.key === "Escape" && this.input.value) this.clear();
    else if (event.key === "Escape") this.input.blur();
    else return false;
    return true;
  }
}
