// Points on a canvas, drawn pixel by pixel: a hundred thousand of them in a few milliseconds on any machine.

/** @typedef {{x: number, y: number, scale: number}} Camera centre in the positions' units, pixels a unit */

export class Scatter {
  /** @param {HTMLCanvasElement} canvas @param {Float32Array} positions x and y of each item */
  constructor(canvas, positions) {
    this.canvas = canvas;
    this.positions = positions;
    this.n = positions.length / 2;
    /** @type {Uint32Array} colour of each item, as ABGR */
    this.colours = new Uint32Array(this.n).fill(0xff999999);
    /** @type {Camera} */
    this.camera = { x: 0, y: 0, scale: 100 };
    this.frame = { width: 0, height: 0, pixels: new Uint32Array() };
    /** @type {ImageData|null} */
    this.image = null;
  }

  /** Fit the canvas to its place; the first time all points are in sight. */
  resize() {
    const width = Math.max(1, Math.round(this.canvas.clientWidth * devicePixelRatio));
    const height = Math.max(1, Math.round(this.canvas.clientHeight * devicePixelRatio));
    if (width === this.frame.width && height === this.frame.height) return;
    if (!this.image) this.camera.scale = 0.47 * Math.min(width, height);
    this.canvas.width = width;
    this.canvas.height = height;
    this.image = new ImageData(width, height);
    this.frame = { width, height, pixels: new Uint32Array(this.image.data.buffer) };
  }

  /** Draw all points in sight. */
  draw() {
    if (!this.image) this.resize();
    const { width, height, pixels } = this.frame;
    const { x, y, scale } = this.camera;
    // Few points are larger, and all grow as one comes closer.
    const crowd = this.n < 5000 ? 4 : this.n < 20_000 ? 3 : 2;
    const size = Math.min(8, Math.round(crowd * devicePixelRatio + scale / 1500));
    pixels.fill(0);
    const left = width / 2 - x * scale - size / 2;
    const top = height / 2 - y * scale - size / 2;
    for (let item = 0; item < this.n; item++) {
      const px = (this.positions[2 * item] * scale + left) | 0;
      const py = (this.positions[2 * item + 1] * scale + top) | 0;
      if (px < 0 || py < 0 || px >= width - size || py >= height - size) continue;
      const colour = this.colours[item];
      for (let line = 0, start = py * width + px; line < size; line++, start += width) pixels.fill(colour, start, start + size);
    }
    this.canvas.getContext("2d")?.putImageData(/** @type {ImageData} */ (this.image), 0, 0);
  }

  /** Where an item is on the canvas, in CSS pixels. @param {number} item */
  place(item) {
    const { x, y, scale } = this.camera;
    return [
      ((this.positions[2 * item] - x) * scale + this.frame.width / 2) / devicePixelRatio,
      ((this.positions[2 * item + 1] - y) * scale + this.frame.height / 2) / devicePixelRatio,
    ];
  }

  /** The positions' units under a point of the canvas. @param {number} px @param {number} py in CSS pixels */
  under(px, py) {
    const { x, y, scale } = this.camera;
    return [(px * devicePixelRatio - this.frame.width / 2) / scale + x, (py * devicePixelRatio - this.frame.height / 2) / scale + y];
  }

  /** @param {number} dx @param {number} dy in CSS pixels */
  pan(dx, dy) {
    this.camera.x -= (dx * devicePixelRatio) / this.camera.scale;
    this.camera.y -= (dy * devicePixelRatio) / this.camera.scale;
  }

  /** Zoom so that the point under the mouse stays. @param {number} factor @param {number} px @param {number} py */
  zoom(factor, px, py) {
    const [x, y] = this.under(px, py);
    const scale = Math.max(50, Math.min(200_000, this.camera.scale * factor));
    const kept = this.camera.scale / scale;
    this.camera = { x: x + (this.camera.x - x) * kept, y: y + (this.camera.y - y) * kept, scale };
  }

  /** The item nearest to a point of the canvas, within a few pixels; -1 if there is none. @param {number} px @param {number} py */
  nearest(px, py) {
    const [x, y] = this.under(px, py);
    let best = (8 * devicePixelRatio / this.camera.scale) ** 2;
    let found = -1;
    for (let item = 0; item < this.n; item++) {
      const dx = this.positions[2 * item] - x;
      const dy = this.positions[2 * item + 1] - y;
      const distance = dx * dx + dy * dy;
      if (distance < best) {
        best = distance;
        found = item;
      }
    }
    return found;
  }

  /** Items within a loop. @param {[number, number][]} loop in the positions' units @returns {Uint32Array} */
  within(loop) {
    const found = [];
    for (let item = 0; item < this.n; item++) {
      if (isInside(this.positions[2 * item], this.positions[2 * item + 1], loop)) found.push(item);
    }
    return Uint32Array.from(found);
  }
}

/** @param {number} x @param {number} y @param {[number, number][]} loop */
export function isInside(x, y, loop) {
  let inside = false;
  for (let i = 0, j = loop.length - 1; i < loop.length; j = i++) {
    const [ax, ay] = loop[i];
    const [bx, by] = loop[j];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
  }
  return inside;
}

/** "#rrggbb" as the number that a pixel holds. @param {string} colour @param {number} [alpha] 0..255 */
export function asPixel(colour, alpha = 255) {
  const value = parseInt(colour.slice(1), 16);
  return ((alpha << 24) | ((value & 0xff) << 16) | (value & 0xff00) | (value >> 16)) >>> 0;
}
