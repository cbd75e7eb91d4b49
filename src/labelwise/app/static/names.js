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
 * @property {() => void} clear
 */

/**
 * @param {(name: string) => void} choose gets "" for an empty field
 * @param {(event: KeyboardEvent) => boolean} otherKey gets keys that mean nothing in the empty field
 * @returns {NameField}
 */
export function makeNameField(choose, otherKey) {
  let chosen = -1;
  const label = h("label", { for: "name" }, "Name");
  const input = h("input", {
    id: "name", type: "text", maxlength: 200, autocomplete: "off", spellcheck: "false", role: "combobox",
    "aria-expanded": "false", "aria-controls": "name-options", "aria-autocomplete": "list",
  });
  const options = h("ul", { id: "name-options", class: "options", role: "listbox", hidden: true });
  const digits = h("div", { class: "row latest", "aria-label": "Latest names" });

  const matching = () => {
    const text = input.value.trim().toLocaleLowerCase();
    if (!text) return [];
    const names = allNames().filter((name) => name.toLocaleLowerCase() !== text);
    const starts = names.filter((name) => name.toLocaleLowerCase().startsWith(text));
    const holds = names.filter((name) => !starts.includes(name) && name.toLocaleLowerCase().includes(text));
    return [...starts, ...holds].slice(0, MOST_OPTIONS);
  };

  const showOptions = () => {
    const names = matching();
    if (chosen >= names.length) chosen = -1;
    options.replaceChildren(
      ...names.map((name, place) =>
        h(
          "li",
          {
            role: "option", id: `option-${place}`, "aria-selected": String(place === chosen),
            onmousedown: (/** @type {Event} */ event) => (event.preventDefault(), take(name)),
          },
          h("span", {}, name),
          place === 0 ? h("kbd", {}, "Tab") : null,
        ),
      ),
    );
    options.hidden = names.length === 0;
    input.setAttribute("aria-expanded", String(names.length > 0));
    if (chosen >= 0) input.setAttribute("aria-activedescendant", `option-${chosen}`);
    else input.removeAttribute("aria-activedescendant");
  };

  const clear = () => {
    input.value = "";
    chosen = -1;
    showOptions();
  };

  /** @param {string} name */
  const take = (name) => {
    clear();
    choose(name);
  };

  input.addEventListener("input", () => {
    chosen = -1;
    showOptions();
  });
  input.addEventListener("blur", () => (options.hidden = true));
  input.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const names = matching();
    if (event.key === "Enter") take(chosen >= 0 ? names[chosen] : spelled(input.value));
    else if (event.key === "Tab" && names.length && !event.shiftKey) input.value = names[Math.max(chosen, 0)];
    else if (event.key === "ArrowDown" && names.length) chosen = (chosen + 1) % names.length;
    else if (event.key === "ArrowUp" && names.length) chosen = chosen > 0 ? chosen - 1 : names.length - 1;
    else if (event.key === "Escape") {
      if (input.value) clear();
      else input.blur();
    } else if (input.value || !otherKey(event)) return;
    event.preventDefault();
    event.stopPropagation();
    showOptions();
  });

  const update = () => {
    digits.replaceChildren(
      ...latest().map(([digit, name]) =>
        h("button", { type: "button", onclick: () => take(name) }, h("kbd", {}, digit), ` ${name}`),
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
  return { element, input, update, say, clear };
}
