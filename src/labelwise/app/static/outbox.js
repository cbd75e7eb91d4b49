// Decisions on their way to the journal, one after the other. "Saved" is said when the server has said so.
import { post, ServerError } from "./api.js";
import { byId } from "./dom.js";
import { notify } from "./notices.js";

/** @typedef {{path: string, body: any, then: (answer: any) => void, refused: (error: ServerError) => void}} Letter */

/** @type {Letter[]} */
const letters = [];
let sending = false;
let saved = 0;

/**
 * Send a decision; if there is no answer, it is tried again until there is one.
 * @param {string} path
 * @param {object} body
 * @param {(answer: any) => void} then
 * @param {(error: ServerError) => void} [refused]
 */
export function send(path, body, then, refused = (error) => notify(`Not saved: ${error.message}`)) {
  letters.push({ path, body, then, refused });
  show();
  if (!sending) void work();
}

/** Whether everything has been answered. */
export function isSettled() {
  return letters.length === 0;
}

async function work() {
  sending = true;
  while (letters.length) {
    const letter = letters[0];
    try {
      const answer = await post(letter.path, letter.body);
      letters.shift();
      saved += 1;
      show();
      letter.then(answer);
    } catch (error) {
      const known = error instanceof ServerError ? error : new ServerError(String(error), 0);
      // No answer, or a full disk: the decision is kept here, and sent again.
      if (known.status === 0 || known.status >= 500) {
        show(known.message);
        await new Promise((resolve) => setTimeout(resolve, 1500));
        continue;
      }
      letters.shift();
      show();
      letter.refused(known);
    }
  }
  sending = false;
}

/** @param {string} [fault] */
function show(fault = "") {
  const place = byId("saved");
  place.className = `saved ${fault ? "failed" : letters.length ? "waiting" : ""}`;
  place.title = fault;
  if (fault) place.textContent = `${letters.length} not saved yet: ${fault}`;
  else if (letters.length) place.textContent = "Saving…";
  else place.textContent = saved ? "Saved" : "";
}

addEventListener("beforeunload", (event) => {
  if (letters.length) event.preventDefault();
});
