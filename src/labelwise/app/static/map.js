// The map: all items at once; hover shows one, a loop around some names them or shows them on the wall.
import { get } from "./api.js";
import { correct } from "./correct.js";
import { count, h, waiting } from "./dom.js";
import { complain } from "./notices.js";
import { answers, array, chosen, LABELED, NO_CODE } from "./pool.js";
import { asPixel, Scatter } from "./scatter.js";
import { colourAt, colourOf, store, watch } from "./store.js";
import { card } from "./tiles.js";

const COLOURS = { name: "name", component: "cluster", doubt: "doubt" };

/** @param {HTMLElement} place @returns {() => void} */
export function showMap(place) {
  const view = new MapView(place);
  return () => view.close();
}

class MapView {
  /** @param {HTMLElement} place */
  constructor(place) {
    this.place = place;
    this.isClosed = false;
    this.scatter = /** @type {any} */ (null);
    /** @type {[number, number][]|null} */
    this.loop = null;
    /** @type {Uint32Array} */
    this.selection = new Uint32Array();
    this.hovered = -1;
    this.waits = false; // for the next frame
    this.unwatch = watch(() => void this.changed());
    place.replaceChildren(waiting("Drawing the map; the first time this takes up to a minute…"));
    void this.load();
  }

  close() {
    this.isClosed = true;
    this.unwatch();
    this.resized?.disconnect();
  }

  async load() {
    try {
      const content = await array("/api/map");
      if (content && !this.isClosed && !this.scatter) this.build(new Float32Array(content));
    } catch (error) {
      complain(error);
    }
  }

  async changed() {
    if (!this.scatter) await this.load();
    if (this.scatter) await this.colour();
  }

  /** @param {Float32Array} positions */
  build(positions) {
    this.canvas = h("canvas", { role: "img", "aria-label": `Map of ${count(positions.length / 2, "item")}` });
    this.overlay = h("canvas", { "aria-hidden": "true", id: "overlay" });
    this.card = h("div", { class: "card", hidden: true });
    this.by = h("select", { "aria-label": "Colour by", onchange: () => void this.colour() }, ...Object.entries(COLOURS).map(([key, text]) => h("option", { value: key }, `by ${text}`)));
    this.lasso = h("button", { type: "button", "aria-pressed": "false", onclick: () => this.arm(this.lasso.getAttribute("aria-pressed") !== "true") }, "Lasso");
    this.told = h("span", { role: "status", class: "faint small" }, "Drag to move, wheel to zoom, Shift-drag for a lasso");
    this.nameThem = h("button", { type: "button", class: "main", hidden: true, onclick: () => void correct([...this.selection]) }, "Name them");
    this.onWall = h("button", { type: "button", hidden: true, onclick: () => this.toWall() }, "Show on the wall");
    this.stage = h("div", { class: "stage", tabindex: 0, role: "region", "aria-label": "Map" }, this.canvas, this.overlay, this.card);
    this.place.replaceChildren(h("div", { class: "row" }, h("h2", {}, "Map"), this.by, this.lasso, this.told, h("span", { class: "grow" }), this.nameThem, this.onWall), this.stage);
    this.scatter = new Scatter(this.canvas, positions);
    this.resized = new ResizeObserver(() => this.redraw());
    this.resized.observe(this.stage);
    this.followMouse();
    this.stage.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.key(event));
    void this.colour();
  }

  async colour() {
    try {
      const colours = this.scatter.colours;
      if (this.by.value === "component") {
        const tops = new Uint16Array(/** @type {ArrayBuffer} */ (await array("/api/components")));
        tops.forEach((top, row) => (colours[row] = asPixel(colourAt(top))));
      } else {
        const pool = await answers();
        const pixels = pool.names.map((name) => [asPixel(colourOf(name), 150), asPixel(colourOf(name))]);
        const none = asPixel("#9aa3ad", 140);
        for (let row = 0; row < pool.n; row++) {
          if (pool.codes[row] === NO_CODE) colours[row] = none;
          else if (this.by.value === "name") colours[row] = pixels[pool.codes[row]][pool.flags[row] & LABELED];
          else colours[row] = doubtPixel(pool.confidence[row]);
        }
      }
      this.redraw();
    } catch (error) {
      complain(error);
    }
  }

  redraw() {
    if (this.waits) return;
    this.waits = true;
    requestAnimationFrame(() => {
      this.waits = false;
      if (this.isClosed) return;
      this.scatter.resize();
      this.scatter.draw();
      this.drawOverlay();
    });
  }

  drawOverlay() {
    this.overlay.width = this.stage.clientWidth;
    this.overlay.height = this.stage.clientHeight;
    const context = this.overlay.getContext("2d");
    const ink = getComputedStyle(document.body).color;
    context.strokeStyle = ink;
    context.lineWidth = 2;
    const ring = (/** @type {number} */ row) => {
      const [x, y] = this.scatter.place(row);
      context.beginPath();
      context.arc(x, y, 7, 0, 7);
      context.stroke();
    };
    for (const row of store.sheet) ring(row);
    if (this.hovered >= 0) ring(this.hovered);
    if (!this.loop) return;
    context.beginPath();
    for (const [x, y] of this.loop) context.lineTo(...this.onScreen(x, y));
    context.closePath();
    context.fillStyle = "rgb(11 99 176 / 15%)";
    context.fill();
    context.stroke();
  }

  /** @param {number} x @param {number} y */
  onScreen(x, y) {
    const { camera, frame } = this.scatter;
    return [((x - camera.x) * camera.scale + frame.width / 2) / devicePixelRatio, ((y - camera.y) * camera.scale + frame.height / 2) / devicePixelRatio];
  }

  /** @param {boolean} isArmed */
  arm(isArmed) {
    this.lasso.setAttribute("aria-pressed", String(isArmed));
    this.stage.style.cursor = isArmed ? "crosshair" : "";
  }

  followMouse() {
    let drag = "";
    this.overlay.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
      drag = event.shiftKey || this.lasso.getAttribute("aria-pressed") === "true" ? "lasso" : "pan";
      if (drag === "lasso") this.loop = [this.scatter.under(event.offsetX, event.offsetY)];
      this.overlay.setPointerCapture(event.pointerId);
    });
    this.overlay.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
      if (drag === "pan") this.scatter.pan(event.movementX, event.movementY);
      else if (drag === "lasso") this.loop?.push(this.scatter.under(event.offsetX, event.offsetY));
      else return void this.hover(event.offsetX, event.offsetY);
      this.redraw();
    });
    this.overlay.addEventListener("pointerup", () => {
      if (drag === "lasso") this.enclose();
      drag = "";
    });
    this.overlay.addEventListener("pointerleave", () => void this.hover(-99, -99));
    this.overlay.addEventListener("wheel", (/** @type {WheelEvent} */ event) => {
      event.preventDefault();
      this.scatter.zoom(Math.exp(-event.deltaY / 400), event.offsetX, event.offsetY);
      this.redraw();
    });
  }

  enclose() {
    this.selection = this.loop && this.loop.length > 2 ? this.scatter.within(this.loop) : new Uint32Array();
    if (!this.selection.length) this.loop = null;
    this.arm(false);
    this.told.textContent = this.selection.length ? `${count(this.selection.length, "item")} in the loop` : "No item is in the loop";
    this.nameThem.hidden = this.onWall.hidden = !this.selection.length;
    this.redraw();
  }

  toWall() {
    chosen.rows = this.selection;
    location.hash = "#wall/chosen";
  }

  /** @param {number} x @param {number} y */
  async hover(x, y) {
    const row = this.scatter.nearest(x, y);
    if (row === this.hovered) return;
    this.hovered = row;
    this.redraw();
    this.card.hidden = true;
    if (row < 0) return;
    const items = await get(`/api/items?rows=${row}`).catch(() => null);
    if (!items || this.hovered !== row) return;
    this.card.replaceChildren(...card(items[0]));
    this.card.hidden = false;
    const right = x > this.stage.clientWidth / 2;
    this.card.style.left = right ? "" : `${x + 16}px`;
    this.card.style.right = right ? `${this.stage.clientWidth - x + 16}px` : "";
    this.card.style.top = `${Math.max(0, Math.min(y, this.stage.clientHeight - 200))}px`;
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const steps = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };
    const step = steps[/** @type {keyof typeof steps} */ (event.key)];
    const middle = /** @type {const} */ ([this.stage.clientWidth / 2, this.stage.clientHeight / 2]);
    if (step) this.scatter.pan(step[0], step[1]);
    else if (event.key === "+") this.scatter.zoom(1.4, ...middle);
    else if (event.key === "-") this.scatter.zoom(1 / 1.4, ...middle);
    else return;
    event.preventDefault();
    this.redraw();
  }
}

/** Certain answers are blue, doubtful ones orange. @param {number} confidence 0..255 */
function doubtPixel(confidence) {
  const doubt = 1 - Math.max(0, confidence - 64) / 191;
  const mix = (/** @type {number} */ a, /** @type {number} */ b) => Math.round(a + (b - a) * Math.min(1, doubt * 1.5));
  return ((220 << 24) | (mix(0xbb, 0x33) << 16) | (mix(0x77, 0x77) << 8) | mix(0x33, 0xee)) >>> 0;
}
