// Naming items from the wall or the map.
import { get } from "./api.js";
import { count, h } from "./dom.js";
import { use } from "./latest.js";
import { makeNameField } from "./names.js";
import { complain, notify } from "./notices.js";
import { send } from "./outbox.js";
import { person } from "./person.js";
import { card } from "./tiles.js";

const SHOWN = 8;
const MOST = 5000; // items of one decision

/** Ask what some items are, and record it. @param {number[]} rows */
export async function correct(rows) {
  if (rows.length > MOST) return notify(`${count(rows.length, "item")} are too many for one decision: choose at most ${MOST}`);
  let items;
  try {
    items = await get(`/api/items?rows=${rows.slice(0, SHOWN).join(",")}`);
  } catch (error) {
    return complain(error);
  }
  const save = (/** @type {string|null} */ label) => {
    dialog.close();
    if (label) use(label);
    send("/api/label", { items: rows, label, by: person(), how: "correction" }, () => {});
  };
  const field = makeNameField((name) => name && save(name), () => false);
  field.say(rows.length > 1 ? `Name of ${count(rows.length, "item")}` : "What is it?", "Type a name, then Enter");
  const hasLabel = items.some((/** @type {any} */ item) => item.label);
  const dialog = h(
    "dialog",
    { "aria-label": "Correct" },
    h(
      "div",
      { class: "stack" },
      h("div", { class: "tiles" }, ...items.map((/** @type {any} */ item) => h("div", { class: "tile" }, ...card(item)))),
      field.element,
      h(
        "div",
        { class: "row" },
        h("button", { type: "button", class: "main", onclick: () => field.input.value && save(field.input.value) }, "Name"),
        hasLabel ? h("button", { type: "button", onclick: () => save(null) }, "Take the label away") : null,
        h("button", { type: "button", onclick: () => dialog.close() }, "Cancel"),
      ),
    ),
  );
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  field.input.focus();
}
