// What the page knows of the project: asked once, and again when the server has news.
import { get } from "./api.js";

/** `sheet` has the rows of the sheet on the page, which the map shows too. @type {{state: any, news: any, sheet: number[]}} */
export const store = { state: null, sheet: [], news: { busy: [], refining: { running: false }, n_sheets: 0, answers: 0 } };

/** @type {Set<() => void>} */
const watchers = new Set();

/** Call `watcher` after each change. @param {() => void} watcher @returns {() => void} what ends that */
export function watch(watcher) {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}

export function changed() {
  for (const watcher of watchers) watcher();
}

let asking = false;
let again = false;

/** Ask for the state; requests that come while one is on its way become one. */
export async function refresh() {
  again = true;
  if (asking) return;
  asking = true;
  try {
    while (again) {
      again = false;
      store.state = await get("/api/state");
    }
  } finally {
    asking = false;
  }
  changed();
}

/** Listen to the server for as long as the page is open; a broken line is taken up again by the browser. */
export function listen() {
  const source = new EventSource("/api/news");
  source.onmessage = (event) => {
    store.news = JSON.parse(event.data);
    refresh().catch(() => {});
  };
  return source;
}

const PALETTE = [
  // Paul Tol's bright and muted schemes, which people with any colour blindness can tell apart.
  "#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#ee8866", "#332288", "#44bb99", "#882255",
  "#999933", "#cc6677", "#117733", "#88ccee", "#ddcc77", "#aa4499",
];

/** Colour of a name: the same everywhere, and whatever names come later. @param {string} name */
export function colourOf(name) {
  const found = store.state?.classes.find((/** @type {any} */ each) => each.name === name);
  return colourAt(found?.place ?? -1);
}

/** @param {number} place */
export function colourAt(place) {
  return place < 0 ? "#9aa3ad" : PALETTE[place % PALETTE.length];
}

/** Black or white, whichever is easier to read on a colour. @param {string} colour "#rrggbb" */
export function inkOn(colour) {
  const light = [1, 3, 5].map((place) => (parseInt(colour.slice(place, place + 2), 16) / 255) ** 2.2);
  const luminance = 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2];
  return luminance > 0.18 ? "#000000" : "#ffffff"; // where the contrasts to both are equal, by WCAG
}
