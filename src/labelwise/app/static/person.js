// Who decides: asked once, kept in the browser, written with each decision.
import { byId, h } from "./dom.js";

const KEY = "labelwise-by";

/** @returns {string} */
export function person() {
  return localStorage.getItem(KEY) ?? "";
}

/** Show who decides, and ask if it was never asked. */
export function showPerson() {
  const button = byId("person");
  const show = () => (button.textContent = person() || "Who are you?");
  button.onclick = () => askPerson().then(show);
  show();
  // The field of the sheet could not be reached while this was open.
  if (localStorage.getItem(KEY) === null) askPerson().then(() => (show(), document.getElementById("name")?.focus()));
}

/** @returns {Promise<void>} */
function askPerson() {
  return new Promise((resolve) => {
    const field = h("input", { id: "by", maxlength: 100, value: person(), autocomplete: "name" });
    const dialog = h(
      "dialog",
      { "aria-labelledby": "by-title" },
      h(
        "form",
        { method: "dialog" },
        h("h2", { id: "by-title" }, "Who are you?"),
        h("p", { class: "faint" }, "Your name is written beside each decision, so that others can ask you. It may be left empty."),
        h("label", { for: "by" }, "Name"),
        field,
        h("div", { class: "row" }, h("button", { class: "main", type: "submit" }, "Start")),
      ),
    );
    dialog.addEventListener("close", () => {
      localStorage.setItem(KEY, field.value.trim());
      dialog.remove();
      resolve();
    });
    document.body.append(dialog);
    dialog.showModal();
    field.focus();
  });
}
