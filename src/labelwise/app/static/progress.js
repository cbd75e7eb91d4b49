// The panel beside each view: how far it is, and what more decisions would buy.
import { byId, count, h, percent, svg } from "./dom.js";
import { colourOf, store, watch } from "./store.js";

const WORDS = {
  sheets: "looking for groups", answers: "answering", graph: "asking the graph too", "better answers": "comparing ways to answer", accuracy: "estimating accuracy", map: "drawing the map",
};

export function showProgress() {
  watch(draw);
  draw();
}

function draw() {
  const state = store.state;
  if (!state) return;
  const busy = state.busy.map((/** @type {keyof typeof WORDS} */ name) => WORDS[name] ?? name);
  byId("progress").replaceChildren(
    section("Decisions", h("p", { class: "figure", id: "decisions" }, state.n_decisions.toLocaleString("en")),
      h("p", { class: "small faint" }, `${count(state.n_labeled, "item")} with a label`)),
    section("Named groups", h("p", { class: "figure" }, percent(state.named_share)),
      h("meter", { min: 0, max: 1, value: state.named_share, "aria-label": "Share of the data in groups with a name" }),
      h("p", { class: "small faint" }, `of ${count(state.n_items, "item")} are in groups with a name`)),
    accuracy(state),
    classes(state),
    h("p", { class: "small faint", "aria-live": "polite" }, busy.length ? `${busy.join(", ")}…` : ""),
    ...Object.values(state.faults).map((fault) => h("p", { class: "small" }, String(fault))),
  );
}

/** @param {string} title @param {...any} content */
function section(title, ...content) {
  return h("section", {}, h("h2", {}, title), ...content);
}

/** @param {any} state */
function accuracy(state) {
  const found = state.forecast;
  if (!found) {
    return section("Estimated accuracy", h("p", { class: "small faint" },
      state.n_labeled < 8 ? "From 8 labels on." : "It is made when you pause."));
  }
  const age = state.revision - found.revision;
  const gain = found.gain[1];
  return section(
    "Estimated accuracy",
    h("p", { class: "figure" }, percent(found.accuracy[0])),
    h("p", { class: "small faint" }, `95 % interval ${percent(found.low[0])} to ${percent(found.high[0])}`),
    curve(found),
    h("p", { class: "small" }, gain > 0.0005 ? `Ten more labels: about +${percent(gain, 1)}` : "Ten more labels would change little."),
    h("p", { class: "small faint" },
      age ? `As of ${count(age, "decision")} ago. ` : "", "Chosen items say less about the rest than random ones: the truth is often higher."),
  );
}

/** Accuracy with its interval, now and with more labels. @param {any} found */
function curve(found) {
  const width = 240;
  const height = 110;
  const [first] = found.n_labels;
  const last = found.n_labels.at(-1);
  const bottom = Math.max(0, Math.floor(10 * Math.min(...found.low)) / 10);
  const x = (/** @type {number} */ n) => 4 + ((width - 8) * (n - first)) / (last - first);
  const y = (/** @type {number} */ a) => 6 + ((height - 26) * (1 - a)) / (1 - bottom || 1);
  const points = (/** @type {number[]} */ values) => values.map((value, place) => `${x(found.n_labels[place])},${y(value)}`);
  const band = [...points(found.high), ...points(found.low).reverse()].join(" ");
  const label = `Estimated accuracy from ${percent(found.accuracy[0])} now to ${percent(found.accuracy.at(-1))} with ${last - first} more labels`;
  return svg(
    "svg",
    { class: "curve", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label },
    svg("polygon", { class: "band", points: band }),
    svg("polyline", { class: "line", points: points(found.accuracy).join(" ") }),
    svg("line", { class: "axis", x1: 0, x2: width, y1: height - 20, y2: height - 20 }),
    svg("text", { x: 0, y: height - 6 }, "now"),
    svg("text", { x: width, y: height - 6, "text-anchor": "end" }, `+${last - first} labels`),
    svg("text", { x: width, y: y(1) + 10, "text-anchor": "end" }, "100 %"),
    svg("text", { x: width, y: height - 24, "text-anchor": "end" }, percent(bottom)),
  );
}

/** @param {any} state */
function classes(state) {
  if (!state.classes.length) return section("Names", h("p", { class: "small faint" }, "None yet."));
  const lines = state.classes.map((/** @type {{name: string, n: number}} */ each) => {
    const swatch = h("span", { class: "swatch" });
    swatch.style.background = colourOf(each.name);
    return h("li", {}, h("span", { class: "name", title: each.name }, swatch, each.name), h("span", { class: "faint" }, String(each.n)));
  });
  return section(count(state.classes.length, "name"), h("ul", { class: "classes" }, ...lines));
}
