// Keys, and the list of all of them.
import { h } from "./dom.js";

export const KEYS = [
  ["Enter", "name all items of the sheet, or confirm what is predicted"],
  ["1 … 9", "give one of the latest names (outside the field)"],
  ["← →", "select an item; with Shift several. What you type or choose then names only these"],
  ["Tab", "complete the name"],
  ["Esc", "leave the field, so that single keys act; clear the selection"],
  ["n", "back to the field"],
  ["m", "mixed: split the sheet into tighter ones"],
  ["g", "the same as another group: choose it by its picture"],
  ["Space", "skip the sheet"],
  ["u, Ctrl-Z", "take back the latest decision"],
  ["Ctrl-Shift-Z", "restore it"],
  ["?", "this list"],
];

/** Whether keys are text now. @param {EventTarget|null} target */
export function isTyping(target) {
  return target instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}

/** Undo and redo mean text while there is text in the field. @param {KeyboardEvent} event */
export function isUndo(event) {
  return (event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === "z";
}

/** @param {KeyboardEvent} event */
export function isRedo(event) {
  const key = event.key.toLowerCase();
  return (event.ctrlKey || event.metaKey) && ((event.shiftKey && key === "z") || key === "y");
}

/** Show all keys. */
export function showKeys() {
  if (document.querySelector("dialog[open]")) return;
  const lines = KEYS.flatMap(([key, what]) => [h("span", {}, h("kbd", {}, key)), h("span", {}, what)]);
  const dialog = h(
    "dialog",
    { "aria-labelledby": "keys-title" },
    h(
      "form",
      { method: "dialog" },
      h("h2", { id: "keys-title" }, "Keys"),
      h("div", { class: "keys" }, ...lines),
      h("div", { class: "row" }, h("button", { class: "main", type: "submit" }, "Close")),
    ),
  );
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
