// Many small images at once: the server packs neighbours of an order into one picture.
import { ask } from "./api.js";

const CHUNK = 128; // images in a picture
const COLUMNS = 16;
const MOST_KEPT = 120; // pictures

export class Sprites {
  /** @param {number} side of an image, in pixels @param {() => void} arrived */
  constructor(side, arrived) {
    this.side = side;
    this.arrived = arrived;
    /** @type {Map<string, ImageBitmap|null>} null while it is on its way */
    this.pictures = new Map();
    /** @type {Uint32Array} */
    this.rows = new Uint32Array();
  }

  /** Show other rows, or the same in another order. @param {Uint32Array} rows */
  order(rows) {
    this.rows = rows;
  }

  /**
   * Draw the image at a place of the order, if it is here; else ask for it.
   * @param {CanvasRenderingContext2D} context
   * @param {number} place
   * @param {number} x @param {number} y @param {number} size
   */
  draw(context, place, x, y, size) {
    const chunk = Math.floor(place / CHUNK);
    const rows = this.rows.subarray(chunk * CHUNK, (chunk + 1) * CHUNK);
    const key = rows.join(",");
    const picture = this.pictures.get(key);
    if (picture === undefined) void this.load(key);
    if (!picture) return;
    const within = place - chunk * CHUNK;
    const left = (within % COLUMNS) * this.side;
    const top = Math.floor(within / COLUMNS) * this.side;
    context.drawImage(picture, left, top, this.side, this.side, x, y, size, size);
  }

  /** @param {string} key */
  async load(key) {
    this.pictures.set(key, null);
    try {
      const response = await ask(`/api/sprite?rows=${key}&columns=${COLUMNS}`, { cache: "default" });
      this.pictures.set(key, await createImageBitmap(await response.blob()));
      for (const old of this.pictures.keys()) {
        if (this.pictures.size <= MOST_KEPT) break;
        this.pictures.get(old)?.close();
        this.pictures.delete(old);
      }
      this.arrived();
    } catch {
      setTimeout(() => this.pictures.delete(key), 2000);
    }
  }
}
