// Requests to the server.

/** An answer that is an error; `status` 0 means that there was no answer. */
export class ServerError extends Error {
  /** @param {string} message @param {number} status @param {any} [content] */
  constructor(message, status, content = {}) {
    super(message);
    this.status = status;
    this.content = content;
  }
}

/**
 * Ask the server.
 * @param {string} path
 * @param {RequestInit} [options]
 * @returns {Promise<Response>}
 */
export async function ask(path, options = {}) {
  let response;
  try {
    response = await fetch(path, { cache: "no-store", ...options });
  } catch {
    throw new ServerError("the server does not answer: is labelwise still running?", 0);
  }
  if (response.ok) return response;
  const text = await response.text();
  let content = {};
  try {
    content = JSON.parse(text);
  } catch {
    // A refusal of the guard is plain text.
  }
  throw new ServerError(/** @type {any} */ (content).error ?? text.trim(), response.status, content);
}

/** @param {string} path @returns {Promise<any>} */
export async function get(path) {
  return (await ask(path)).json();
}

/** @param {string} path @param {object} [body] @returns {Promise<any>} */
export async function post(path, body = {}) {
  const headers = { "content-type": "application/json" };
  return (await ask(path, { method: "POST", headers, body: JSON.stringify(body) })).json();
}
