// The page: its views, and what they share.
import { byId, h } from "./dom.js";
import { showFiles } from "./files.js";
import { showHistory } from "./history.js";
import { isTyping, showKeys } from "./keys.js";
import { showMap } from "./map.js";
import { complain } from "./notices.js";
import { showPerson } from "./person.js";
import { showProgress } from "./progress.js";
import { showSheets } from "./sheets.js";
import { showSingle } from "./single.js";
import { listen, refresh, store } from "./store.js";
import { showTeach } from "./teach.js";
import { showWall } from "./wall.js";

/** @type {Record<string, [string, (place: HTMLElement, word: string) => () => void]>} */
const VIEWS = {
  name: ["Name groups", showSheets],
  single: ["Single items", showSingle],
  wall: ["Wall", showWall],
  map: ["Map", showMap],
  refine: ["Refine", showTeach],
  files: ["In and out", showFiles],
  history: ["History", showHistory],
};

/** @type {() => void} */
let leave = () => {};

function show() {
  const [path, word = ""] = location.hash.slice(1).split("/");
  const name = path in VIEWS ? path : "name";
  leave();
  for (const link of byId("tabs").querySelectorAll("a")) {
    if (link.dataset.view === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  // A place of its own: what an earlier view still waits for cannot appear in this one.
  const place = h("div", { class: "view" });
  byId("view").replaceChildren(place);
  leave = VIEWS[name][1](place, decodeURIComponent(word));
}

async function start() {
  // The token did its work: it need not stay in the address, from where it could be copied by accident.
  history.replaceState(null, "", `/${location.hash}`);
  await refresh();
  byId("project").textContent = store.state.project;
  document.title = `${store.state.project} – labelwise`;
  byId("tabs").append(...Object.entries(VIEWS).map(([name, [title]]) => h("a", { href: `#${name}`, "data-view": name }, title)));
  byId("help").onclick = showKeys;
  document.addEventListener("keydown", (event) => {
    if (event.key === "?" && !isTyping(event.target)) showKeys();
  });
  addEventListener("hashchange", show);
  showProgress();
  show();
  showPerson();
  listen();
}

start().catch(complain);
