// All decisions, and where two people differ.
import { get } from "./api.js";
import { correct } from "./correct.js";
import { count, h } from "./dom.js";
import { complain } from "./notices.js";
import { send } from "./outbox.js";
import { person } from "./person.js";
import { refresh, store, watch } from "./store.js";

/** @param {HTMLElement} place @returns {() => void} */
export function showHistory(place) {
  let revision = -1;
  const load = async () => {
    if (store.state.revision === revision) return;
    revision = store.state.revision;
    try {
      const [decisions, disputes] = await Promise.all([get("/api/history?n=200"), get("/api/disputes")]);
      place.replaceChildren(disputed(disputes), table(decisions));
    } catch (error) {
      complain(error);
    }
  };
  void load();
  return watch(() => void load());
}

/** @param {any[]} items */
function disputed(items) {
  if (!items.length) return h("div", {});
  return h(
    "div",
    { class: "panel" },
    h("h2", {}, "Two people differ"),
    ...items.slice(0, 50).map((item) =>
      h("div", { class: "row" },
        h("button", { type: "button", onclick: () => void correct([item.row]) }, item.name),
        h("span", {}, Object.entries(item.said).map(([who, label]) => `${who || "somebody"}: ${label}`).join(" · ")),
      ),
    ),
  );
}

/** @param {any[]} decisions the latest first */
function table(decisions) {
  const step = (/** @type {string} */ what) => send(`/api/${what}`, { by: person() }, () => void refresh());
  const undo = h("button", { type: "button", onclick: () => step("undo") }, "Undo");
  const redo = h("button", { type: "button", onclick: () => step("redo") }, "Redo");
  const lines = decisions.map((each) => {
    const isStep = each.action === "undo" || each.action === "redo";
    const what = isStep ? `${each.action} of ${each.of}` : each.labels.join(", ") || "label taken away";
    const items = each.action === "name" ? `component ${each.component}` : isStep ? "" : count(each.n_items, "item");
    const when = new Date(each.time).toLocaleString();
    return h("tr", { class: !isStep && !each.holds ? "undone" : "" }, ...[each.id, what, items, each.by, each.how, when].map((text) => h("td", {}, String(text))));
  });
  const head = ["Number", "Decision", "Items", "By", "Chosen", "When"].map((text) => h("th", { scope: "col" }, text));
  return h(
    "div",
    { class: "tiles texts" },
    h("div", { class: "row" }, h("h2", {}, "Decisions"), undo, redo),
    h("div", { class: "table-wrap" }, h("table", {}, h("thead", {}, h("tr", {}, ...head)), h("tbody", {}, ...lines))),
  );
}
