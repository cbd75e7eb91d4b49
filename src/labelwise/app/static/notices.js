// Short messages at the edge of the page.
import { byId, h } from "./dom.js";

/**
 * Tell the person something.
 * @param {string} text
 * @param {{label: string, act: () => void}[]} [choices]
 * @param {number} [seconds] after which it goes
 */
export function notify(text, choices = [], seconds = choices.length ? 30 : 6) {
  const buttons = choices.map(({ label, act }) =>
    h("button", { type: "button", onclick: () => (notice.remove(), act()) }, label),
  );
  const notice = h("div", { class: "notice" }, h("span", {}, text), ...buttons);
  byId("notices").replaceChildren(notice);
  setTimeout(() => notice.remove(), 1000 * seconds);
}

/** @param {unknown} error */
export function complain(error) {
  notify(error instanceof Error ? error.message : String(error));
}
