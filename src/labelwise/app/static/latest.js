// The latest nine names, each at a digit. A name stays at its digit while it is among the nine.
import { store } from "./store.js";

/** @type {Map<string, string>} */
const slots = new Map(); // digit to name
/** @type {string[]} */
const given = []; // in this page, the latest first: the server's list comes a moment later

/** @param {string} name */
export function use(name) {
  const before = given.indexOf(name);
  if (before >= 0) given.splice(before, 1);
  given.unshift(name);
}

/**
 * Names at their digits. A name that is a digit itself is at that one: 2 must not mean 0.
 * @returns {[string, string][]} digit and name
 */
export function latest() {
  const known = [...given, ...(store.state?.latest ?? [])];
  const wanted = [...new Set(known)].slice(0, 9);
  for (const [digit, name] of slots) if (!wanted.includes(name)) slots.delete(digit);
  const isDigit = (/** @type {string} */ name) => /^[0-9]$/.test(name);
  for (const name of wanted.filter(isDigit)) slots.set(name, name);
  const there = new Set(slots.values());
  for (const name of wanted.filter((each) => !there.has(each))) {
    const free = [..."123456789"].find((digit) => !slots.has(digit));
    if (free) slots.set(free, name);
  }
  return [...slots].sort();
}

/** @param {string} digit @returns {string|undefined} */
export function nameAt(digit) {
  return latest().find(([key]) => key === digit)?.[1];
}

/** All names, the latest first. @returns {string[]} */
export function allNames() {
  const names = store.state?.classes.map((/** @type {any} */ each) => each.name) ?? [];
  return [...new Set([...given, ...(store.state?.latest ?? []), ...names])];
}

/** The spelling that is in use, where only capitals differ. @param {string} text */
export function spelled(text) {
  const name = text.trim();
  const lower = name.toLocaleLowerCase();
  const names = allNames();
  return names.includes(name) ? name : names.find((each) => each.toLocaleLowerCase() === lower) ?? name;
}
