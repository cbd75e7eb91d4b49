// What is answered for all items: one array a property, as the server packs them.
import { ask } from "./api.js";
import { store } from "./store.js";

export const LABELED = 1;
export const DOUBTFUL = 2;
export const DISPUTED = 4;
export const DIFFERENT = 8;
export const NO_CODE = 0xffff;

/** @typedef {{n: number, names: string[], codes: Uint16Array, confidence: Uint8Array, flags: Uint8Array}} Answers */

/** @type {Answers|null} */
let known = null;
let knownAs = "";

/** Answers for all items; asked again only when they have changed. @returns {Promise<Answers>} */
export async function answers() {
  const key = `${store.state.revision}/${store.state.answers?.revision}/${store.state.answers?.by}/${store.state.answers?.graph_revision}`;
  if (known && key === knownAs) return known;
  const response = await ask("/api/answers");
  const names = JSON.parse(response.headers.get("x-classes") ?? "[]");
  const content = await response.arrayBuffer();
  const n = content.byteLength / 4;
  known = {
    n,
    names,
    codes: new Uint16Array(content, 0, n),
    confidence: new Uint8Array(content, 2 * n, n),
    flags: new Uint8Array(content, 3 * n, n),
  };
  knownAs = key;
  return known;
}

/** @type {Map<string, Promise<ArrayBuffer|null>>} */
const arrays = new Map();

/** A binary array of the pool, which is asked for once; null while it is being made. @param {string} path */
export function array(path) {
  let found = arrays.get(path);
  if (!found) {
    found = ask(path).then((response) => (response.status === 202 ? null : response.arrayBuffer()));
    arrays.set(path, found);
    found.then((content) => content ?? arrays.delete(path), () => arrays.delete(path));
  }
  return found;
}

/** Rows that were chosen on the map, and shown on the wall. @type {{rows: Uint32Array|null}} */
export const chosen = { rows: null };
export const ORDERS = {
  random: "in random order",
  doubt: "least certain first",
  sure: "most certain first",
  doubtful: "labels that neighbours doubt",
  different: "student and graph differ",
  disputed: "two people differ",
  labeled: "with a label",
};

/**
 * Rows of the wall.
 * @param {Answers} pool
 * @param {keyof typeof ORDERS} order
 * @param {string} name of a class; "" for all
 * @param {Uint32Array|null} among
 * @returns {Uint32Array}
 */
export function ordered(pool, order, name, among) {
  const wanted = name === "" ? -1 : pool.names.indexOf(name);
  const flag = { doubtful: DOUBTFUL, different: DIFFERENT, disputed: DISPUTED, labeled: LABELED }[/** @type {string} */ (order)] ?? 0;
  const rows = among ?? Uint32Array.from({ length: pool.n }, (_, row) => row);
  const isClass = (/** @type {number} */ row) => (wanted < 0 ? name === "" : pool.codes[row] === wanted);
  const found = rows.filter((row) => isClass(row) && (!flag || pool.flags[row] & flag));
  // A row keeps its place in the random order whatever else is shown.
  const shuffled = (/** @type {number} */ row) => Math.imul(row ^ 0x5bd1e995, 0x9e3779b1) >>> 0;
  // Where the student is sure and the graph says something else, one of them learns most from a label.
  const sign = order === "doubt" ? 1 : order === "sure" || order === "different" ? -1 : 0;
  const keys = Float64Array.from(found, (row) => sign * pool.confidence[row] * 2 ** 32 + shuffled(row));
  const places = Uint32Array.from(found, (_, place) => place).sort((a, b) => keys[a] - keys[b]);
  return places.map((place) => found[place]);
}
