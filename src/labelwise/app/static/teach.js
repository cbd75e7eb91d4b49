// Refining: a student learns from the answers, in the background.
import { post } from "./api.js";
import { h, percent } from "./dom.js";
import { complain } from "./notices.js";
import { store, watch } from "./store.js";

/** @param {HTMLElement} place @returns {() => void} */
export function showTeach(place) {
  const start = h("button", { type: "button", class: "main", onclick: () => post("/api/refine").catch(complain) }, "Refine");
  const cancel = h("button", { type: "button", onclick: () => post("/api/refine/cancel").catch(complain) }, "Cancel");
  const bar = h("progress", { max: 1, "aria-label": "Progress of refining" });
  const told = h("p", { role: "status" });
  const answering = h("p", { class: "faint" });
  place.replaceChildren(
    h(
      "div",
      { class: "panel" },
      h("h2", {}, "Refine the answers"),
      h("p", {}, "A student learns from the answers, and often answers better. It is kept only if it helps. That takes seconds for texts and tables, and minutes for tens of thousands of images; you can go on naming meanwhile."),
      answering,
      h("div", { class: "row" }, start, cancel),
      bar,
      told,
    ),
  );
  const draw = () => {
    const state = store.news.refining;
    const by = store.state.answers?.by;
    answering.textContent = by ? `What answers now: ${by}; it is sure of its answers to ${percent(store.state.answers.confidence, 1)} on average.` : "Nothing answers yet: name a sheet first.";
    start.disabled = state.running || !by;
    cancel.disabled = !state.running;
    bar.hidden = !state.running;
    if (state.running) bar.value = state.fraction;
    told.textContent = state.running ? state.message : [state.verdict, state.changes].filter(Boolean).join(". ");
  };
  draw();
  return watch(draw);
}
