// Files: labels, predictions and the answerer out; labels in.
import { ask } from "./api.js";
import { count, h } from "./dom.js";
import { complain, notify } from "./notices.js";
import { person } from "./person.js";
import { refresh } from "./store.js";

const OUT = [
  ["labels.csv", "Labels", "All labels with who gave them, when, and how the items were chosen."],
  ["predictions.csv", "Predictions, CSV", "A label and a probability for every item."],
  ["predictions.parquet", "Predictions, Parquet", "The same, for data frames."],
  ["label-studio.json", "Label Studio", "Tasks with labels and predictions."],
  ["answerer.zip", "Answerer", "What answers new items: unpack it, then labelwise.load in Python, or labelwise decode."],
];

/** @param {HTMLElement} place @returns {() => void} */
export function showFiles(place) {
  const lines = OUT.map(([file, title, what]) =>
    h("div", { class: "row" }, h("button", { type: "button", "data-file": file, onclick: () => save(file) }, title), h("span", { class: "faint small" }, what)),
  );
  const chooser = h("input", { type: "file", id: "labels-in", accept: ".csv,.json" });
  chooser.addEventListener("change", () => void bring(chooser));
  place.replaceChildren(
    h("div", { class: "panel" }, h("h2", {}, "Out"), ...lines),
    h(
      "div",
      { class: "panel" },
      h("h2", {}, "In"),
      h("label", { for: "labels-in" }, "Labels from a .csv (index,label or path,label) or from Label Studio (.json)"),
      chooser,
    ),
  );
  return () => {};
}

/** @param {string} file */
async function save(file) {
  notify("Writing…");
  try {
    const response = await ask(`/api/files/${file}`);
    const name = /filename="([^"]*)"/.exec(response.headers.get("content-disposition") ?? "")?.[1] ?? file;
    const address = URL.createObjectURL(await response.blob());
    const link = h("a", { href: address, download: name });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
    notify(`Wrote ${name}`);
  } catch (error) {
    complain(error);
  }
}

/** @param {HTMLInputElement} chooser */
async function bring(chooser) {
  const file = chooser.files?.[0];
  if (!file) return;
  const kind = file.name.toLowerCase().endsWith(".json") ? "json" : "csv";
  try {
    const path = `/api/labels/file?kind=${kind}&by=${encodeURIComponent(person())}`;
    const answer = await (await ask(path, { method: "POST", body: file })).json();
    notify(`${count(answer.n_new, "new or changed label")} from ${file.name}`);
    await refresh();
  } catch (error) {
    complain(error);
  }
  chooser.value = "";
}
