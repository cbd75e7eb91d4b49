// Items as tiles: images, texts, or rows of a table with unusual values marked.
import { h, percent } from "./dom.js";
import { store } from "./store.js";

/** @typedef {{row: number, name: string, label: string|null, prediction?: string|null, answer?: string|null,
 *   probability?: number, graph?: string, text?: string, cells?: string[], marks?: string[]}} Item */

const MARKS = { high: "▲ unusually high", low: "▼ unusually low", rare: "◆ rare", missing: "∅ missing" };

/** @param {Item} item */
export function picture(item) {
  return h("img", { src: `/api/picture/${item.row}`, alt: `item ${item.name}`, draggable: "false" });
}

/** Load pictures before they are needed. @param {Item[]} items */
export function preload(items) {
  if (store.state?.kind !== "images") return;
  for (const item of items) new Image().src = `/api/picture/${item.row}`;
}

/**
 * Items side by side.
 * @param {Item[]} items
 * @param {Set<number>} selected rows
 * @param {(row: number, event: MouseEvent) => void} click
 * @returns {HTMLElement}
 */
export function showTiles(items, selected, click) {
  if (store.state?.kind === "rows") return table(items, selected, click);
  const isText = store.state?.kind === "texts";
  const tile = (/** @type {Item} */ item) =>
    h(
      "button",
      {
        type: "button", class: `tile ${isText ? "text" : ""} ${item.label ? "named" : ""}`, "data-row": item.row,
        "aria-pressed": String(selected.has(item.row)), title: item.name,
        onclick: (/** @type {MouseEvent} */ event) => click(item.row, event),
      },
      isText ? h("span", { class: "content" }, item.text) : picture(item),
      h("span", { class: `tag ${item.label ? "label" : ""}` }, item.label ?? ""),
    );
  const groups = grouped(items);
  if (groups.length < 2 && !groups[0]?.name) {
    return h("div", { class: `tiles ${isText ? "texts" : ""}` }, ...items.map(tile));
  }
  return h(
    "div",
    { class: `tiles ${isText ? "texts" : ""}` },
    ...groups.map(({ name, members }) =>
      h(
        "section",
        { class: "group", "aria-label": name ?? "no prediction" },
        h("h3", {}, name ? `${name}?` : "No prediction"),
        h("div", { class: `tiles ${isText ? "texts" : ""}` }, ...members.map(tile)),
      ),
    ),
  );
}

/** Items by what is predicted for them, the largest group first. @param {Item[]} items */
export function grouped(items) {
  /** @type {Map<string|null, Item[]>} */
  const found = new Map();
  for (const item of items) {
    const name = item.prediction ?? null;
    found.set(name, [...(found.get(name) ?? []), item]);
  }
  return [...found].map(([name, members]) => ({ name, members })).sort((a, b) => b.members.length - a.members.length);
}

/**
 * Rows of a table: columns in which one of them is unusual come first, those in which all agree come last.
 * @param {Item[]} items
 * @param {Set<number>} selected
 * @param {(row: number, event: MouseEvent) => void} click
 */
function table(items, selected, click) {
  const columns = store.state?.columns ?? [];
  const places = columns.map((/** @type {string} */ _, /** @type {number} */ place) => place);
  const unusual = (/** @type {number} */ place) => items.filter((item) => item.marks?.[place]).length;
  const same = (/** @type {number} */ place) => items.every((item) => item.cells?.[place] === items[0].cells?.[place]);
  const rank = (/** @type {number} */ place) => (unusual(place) ? 0 : same(place) ? 2 : 1);
  places.sort((/** @type {number} */ a, /** @type {number} */ b) => rank(a) - rank(b) || unusual(b) - unusual(a) || a - b);
  const shown = places.filter((/** @type {number} */ place) => rank(place) < 2);
  const alike = places.filter((/** @type {number} */ place) => rank(place) === 2);
  const ordered = grouped(items).flatMap(({ members }) => members);
  const hasPredictions = items.some((item) => item.prediction);
  const body = ordered.map((item) =>
    h(
      "tr",
      {
        "data-row": item.row, tabindex: 0, "aria-selected": String(selected.has(item.row)),
        class: item.label ? "named" : "", onclick: (/** @type {MouseEvent} */ event) => click(item.row, event),
      },
      h("td", {}, item.label ?? (item.prediction ? `${item.prediction}?` : "")),
      ...shown.map((/** @type {number} */ place) => cell(item, place)),
    ),
  );
  const head = h(
    "tr",
    {},
    h("th", { scope: "col" }, hasPredictions ? "predicted" : "name"),
    ...shown.map((/** @type {number} */ place) => h("th", { scope: "col" }, columns[place])),
  );
  const rest = alike.map((/** @type {number} */ place) => `${columns[place]} ${items[0]?.cells?.[place] || "empty"}`);
  return h(
    "div",
    { class: "tiles texts" },
    h("div", { class: "table-wrap" }, h("table", {}, h("thead", {}, head), h("tbody", {}, ...body))),
    rest.length ? h("p", { class: "small faint" }, `The same in all: ${rest.join(" · ")}`) : null,
  );
}

/** @param {Item} item @param {number} place */
function cell(item, place) {
  const mark = /** @type {keyof typeof MARKS | ""} */ (item.marks?.[place] ?? "");
  const text = item.cells?.[place] ?? "";
  const isNumber = text !== "" && !Number.isNaN(Number(text));
  const sign = mark ? `${MARKS[mark].slice(0, 1)} ` : "";
  return h("td", { class: `${mark ? "unusual" : ""} ${isNumber ? "number" : ""}`, title: mark ? MARKS[mark] : text }, sign + text);
}

/** An item on a card, as the wall and the map show it. @param {Item} item */
export function card(item) {
  const kind = store.state?.kind;
  const content =
    kind === "images" ? picture(item)
    : kind === "texts" ? h("p", {}, item.text)
    : h("p", {}, unusualOf(item));
  const answer = item.label ?? (item.answer ? `${item.answer}, ${percent(item.probability ?? 0)}${graphOf(item)}` : "no answer yet");
  return [content, h("p", {}, h("strong", {}, answer)), h("p", { class: "faint small" }, item.name)];
}

/** What the graph says instead, where a student answers. @param {Item} item */
export function graphOf(item) {
  return item.graph && item.graph !== item.answer ? `; the graph says ${item.graph}` : "";
}

/** What is unusual in a row, in words; else its first values. @param {Item} item */
export function unusualOf(item) {
  const columns = store.state?.columns ?? [];
  const all = (item.cells ?? []).map((text, place) => ({ text, mark: item.marks?.[place], name: columns[place] }));
  const chosen = all.filter(({ mark }) => mark);
  return (chosen.length ? chosen : all).slice(0, 8).map(({ name, text }) => `${name} ${text || "empty"}`).join(" · ");
}
