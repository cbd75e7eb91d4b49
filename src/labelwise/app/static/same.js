// "Same as another group": choose a name by what was named so.
import { get } from "./api.js";
import { h } from "./dom.js";
import { complain } from "./notices.js";
import { store } from "./store.js";
import { picture } from "./tiles.js";

/** @returns {Promise<string|null>} the name of the group, if one was chosen */
export async function chooseGroup() {
  let decisions;
  try {
    decisions = await get("/api/history?n=200");
  } catch (error) {
    complain(error);
    return null;
  }
  /** @type {Map<string, number>} */
  const examples = new Map();
  for (const each of decisions) {
    if (each.holds && each.labels.length === 1 && each.rows.length && !examples.has(each.labels[0])) {
      examples.set(each.labels[0], each.rows[0]);
    }
  }
  return new Promise((resolve) => {
    const buttons = [...examples].map(([name, row]) =>
      h(
        "button",
        { value: name, type: "submit" },
        store.state.kind === "images" ? picture({ row, name: String(row), label: null }) : null,
        h("span", {}, name),
      ),
    );
    const dialog = h(
      "dialog",
      { "aria-labelledby": "same-title" },
      h(
        "form",
        { method: "dialog" },
        h("h2", { id: "same-title" }, "Same as which group?"),
        examples.size ? h("div", { class: "groups-choice" }, ...buttons) : h("p", {}, "No group has a name yet."),
        h("div", { class: "row" }, h("button", { value: "" }, "None of them")),
      ),
    );
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue || null);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
