// The wall: what is answered for all items; click a wrong one to correct it.
import { get } from "./api.js";
import { correct } from "./correct.js";
import { count, h, percent } from "./dom.js";
import { complain } from "./notices.js";
import { answers, chosen, DOUBTFUL, LABELED, NO_CODE, ordered, ORDERS } from "./pool.js";
import { Sprites } from "./sprites.js";
import { colourOf, inkOn, store, watch } from "./store.js";
import { graphOf, unusualOf } from "./tiles.js";

const GAP = 6;
const BAR = 18; // below each image, with its name
const LINE = 56; // height of a text or a row

/** @param {HTMLElement} place @param {string} word the class to begin with, or "chosen" @returns {() => void} */
export function showWall(place, word) {
  const wall = new Wall(place, word);
  return () => wall.close();
}

class Wall {
  /** @param {HTMLElement} place @param {string} word */
  constructor(place, word) {
    this.isImages = store.state.kind === "images";
    this.among = word === "chosen" ? chosen.rows : null;
    this.order = h("select", { "aria-label": "Order", onchange: () => this.arrange() }, ...Object.entries(ORDERS).map(([key, text]) => h("option", { value: key }, text)));
    this.name = h("select", { "aria-label": "Class", onchange: () => this.arrange() });
    this.told = h("span", { class: "faint small", role: "status" });
    this.canvas = h("canvas", { "aria-hidden": "true" });
    this.list = h("div", {});
    this.space = h("div", {});
    this.stage = h("div", { class: "stage scroll", tabindex: 0, role: "region", "aria-label": "Wall of items" }, this.isImages ? this.canvas : this.list, this.space);
    place.replaceChildren(
      h("div", { class: "row" }, h("h2", {}, "Wall"), this.name, this.order,
        this.among ? h("button", { type: "button", onclick: () => (location.hash = "#wall") }, "All items") : null,
        h("span", { class: "grow" }), this.told),
      h("p", { class: "small faint" }, "Click what is wrong to correct it. A bar of full colour is a label; a pale one an answer."),
      this.stage,
    );
    /** @type {Uint32Array} */
    this.rows = new Uint32Array();
    this.shown = ""; // which lines exist
    this.pool = /** @type {any} */ (null);
    this.sprites = new Sprites(store.state.side, () => this.draw());
    this.cell = Math.max(64, store.state.side) + GAP;
    this.stage.addEventListener("scroll", () => this.draw());
    this.stage.addEventListener("click", (/** @type {MouseEvent} */ event) => this.click(event));
    this.stage.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      if (event.key === "Enter" && this.rows.length) void correct([this.rows[this.firstShown()]]);
    });
    this.resized = new ResizeObserver(() => this.draw());
    this.resized.observe(this.stage);
    this.unwatch = watch(() => void this.load());
    void this.load(word === "chosen" ? "" : word);
  }

  close() {
    this.unwatch();
    this.resized.disconnect();
  }

  /** @param {string} [name] of the class to show */
  async load(name = this.name.value) {
    try {
      this.pool = await answers();
    } catch (error) {
      return complain(error);
    }
    const option = (/** @type {string} */ value, /** @type {string} */ text) => h("option", { value }, text);
    this.name.replaceChildren(option("", "All classes"), ...[...this.pool.names].sort().map((each) => option(each, each)));
    this.name.value = this.pool.names.includes(name) ? name : "";
    const different = /** @type {HTMLOptionElement} */ (this.order.querySelector("[value=different]"));
    different.disabled = store.state.answers?.graph_revision == null; // as long as no student answers
    this.arrange();
  }

  arrange() {
    if (!this.pool) return; // an order chosen before answers came is kept for them
    this.rows = ordered(this.pool, this.order.value, this.name.value, this.among);
    this.sprites.order(this.rows);
    this.told.textContent = count(this.rows.length, "item");
    this.draw();
  }

  get columns() {
    return this.isImages ? Math.max(1, Math.floor((this.stage.clientWidth - GAP) / this.cell)) : 1;
  }

  get lineHeight() {
    return this.isImages ? this.cell + BAR : LINE;
  }

  firstShown() {
    return Math.floor(this.stage.scrollTop / this.lineHeight) * this.columns;
  }

  draw() {
    if (!this.pool) return;
    const lines = Math.ceil(this.rows.length / this.columns);
    const height = this.stage.clientHeight;
    this.space.style.height = `${Math.max(0, lines * this.lineHeight + GAP - (this.isImages ? height : 0))}px`;
    if (this.isImages) this.drawImages(height);
    else void this.drawLines(height);
  }

  /** @param {number} height */
  drawImages(height) {
    const scale = devicePixelRatio;
    const width = this.stage.clientWidth;
    this.canvas.width = width * scale;
    this.canvas.height = height * scale;
    this.canvas.style.height = `${height}px`;
    const context = this.canvas.getContext("2d");
    context.scale(scale, scale);
    context.font = "12px system-ui, sans-serif";
    const ink = getComputedStyle(document.body).color;
    const size = this.cell - GAP;
    const offset = this.stage.scrollTop % this.lineHeight;
    const first = this.firstShown();
    const last = Math.min(this.rows.length, first + (Math.ceil(height / this.lineHeight) + 1) * this.columns);
    for (let place = first; place < last; place++) {
      const x = GAP + ((place - first) % this.columns) * this.cell;
      const y = GAP + Math.floor((place - first) / this.columns) * this.lineHeight - offset;
      this.sprites.draw(context, place, x, y, size);
      this.drawName(context, this.rows[place], x, y + size, size, ink);
    }
  }

  /**
   * @param {CanvasRenderingContext2D} context @param {number} row
   * @param {number} x @param {number} y @param {number} size @param {string} ink
   */
  drawName(context, row, x, y, size, ink) {
    const { codes, flags, names, confidence } = this.pool;
    if (codes[row] === NO_CODE) return;
    const name = names[codes[row]];
    const isLabel = flags[row] & LABELED;
    context.globalAlpha = isLabel ? 1 : 0.25 + 0.35 * (confidence[row] / 255);
    context.fillStyle = colourOf(name);
    context.fillRect(x, y, size, BAR - 2);
    context.globalAlpha = 1;
    context.fillStyle = isLabel ? inkOn(colourOf(name)) : ink;
    context.fillText(name, x + 4, y + 12, size - 8);
    if (flags[row] & DOUBTFUL) {
      context.strokeStyle = "#d55e00";
      context.lineWidth = 3;
      context.strokeRect(x + 1, y - size + 1, size - 2, size - 2);
    }
  }

  /** Texts and rows of tables: only the lines in sight exist. @param {number} height */
  async drawLines(height) {
    const first = this.firstShown();
    const rows = [...this.rows.subarray(first, first + Math.ceil(height / LINE) + 1)];
    const key = `${rows.join(",")}/${store.state.revision}/${store.state.answers?.revision}`;
    if (key === this.shown || !rows.length) return;
    this.shown = key;
    const items = await get(`/api/items?rows=${rows.join(",")}`).catch(complain);
    if (!items || this.shown !== key) return;
    this.list.replaceChildren(...items.map((/** @type {any} */ item, /** @type {number} */ number) => {
      const line = h("div", { class: "line", "data-row": item.row },
        h("span", { class: "swatch" }), h("strong", {}, item.label ?? item.answer ?? "–"),
        h("span", { class: "faint small" }, item.label ? "label" : item.answer ? percent(item.probability) + graphOf(item) : ""),
        h("span", { class: "content" }, item.text ?? unusualOf(item)));
      line.firstChild.style.background = colourOf(item.label ?? item.answer ?? "");
      line.style.top = `${(first + number) * LINE}px`;
      return line;
    }));
  }

  /** @param {MouseEvent} event */
  click(event) {
    const line = /** @type {HTMLElement} */ (event.target).closest("[data-row]");
    if (line) return void correct([Number(/** @type {HTMLElement} */ (line).dataset.row)]);
    const box = this.stage.getBoundingClientRect();
    const column = Math.floor((event.clientX - box.left - GAP) / this.cell);
    const lineNumber = Math.floor((event.clientY - box.top + this.stage.scrollTop - GAP) / this.lineHeight);
    const place = lineNumber * this.columns + column;
    if (this.isImages && column >= 0 && column < this.columns && place < this.rows.length) void correct([this.rows[place]]);
  }
}
