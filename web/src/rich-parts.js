/**
 * Parts of operations of the `rich_text` type: their sizes, taking them in pieces, joining them.
 * Parts are never changed; new ones are made, which share attributes and embeds with those that
 * they came from.
 */

import Delta from "quill-delta";
import { countCodePoints } from "./codepoints.js";

const { AttributeMap } = Delta;

export { AttributeMap };

/** Whether two objects, or none, are the same as JSON. */
export const same = (one, other) => one === other || AttributeMap.diff(one, other) === undefined;

/** Code points that a part is about; an embed counts 1. */
export function lengthOf({ insert, retain, delete: deleted }) {
  if (insert !== undefined) return typeof insert === "string" ? countCodePoints(insert) : 1;
  return retain ?? deleted;
}

export const totalOf = (parts) => parts.reduce((sum, part) => sum + lengthOf(part), 0);

export const isKept = (part) => part.retain !== undefined && part.attributes === undefined;

const encoder = new TextEncoder();
const jsonBytes = (value) => encoder.encode(JSON.stringify(value)).length;

/** Bytes of what a part brings along beside text: its attributes, its embed. */
export function extraBytes({ insert, attributes }) {
  const embed = typeof insert === "object" ? jsonBytes(insert) : 0;
  return embed + (attributes === undefined ? 0 : jsonBytes(attributes));
}

/** What a part counts against the limit on the bytes that an operation inserts. */
export function insertedBytes(part) {
  const text = typeof part.insert === "string" ? encoder.encode(part.insert).length : 0;
  return extraBytes(part) + text;
}

/** How many code points of a text have at most `room` bytes. */
export function fittingText(text, room) {
  const { read } = encoder.encodeInto(text, new Uint8Array(Math.max(0, room)));
  return countCodePoints(text.slice(0, read));
}

/** The UTF-16 offset so many code points behind another. */
function advance(text, from, count) {
  if (!/[\ud800-\udbff]/.test(text.slice(from, from + count))) return from + count;
  for (let i = 0; i < count; i++) from += text.codePointAt(from) > 0xffff ? 2 : 1;
  return from;
}

/** Takes an operation's parts in pieces. After its end it passes over everything. */
export class Reader {
  #parts;
  #index = 0;
  /** How much of the part was taken: code points, and UTF-16 of a text. */
  #taken = 0;
  #offset = 0;
  #length = null;

  constructor(parts) {
    this.#parts = parts;
  }

  /** The part that the next piece is of; undefined after the end. */
  get part() {
    return this.#parts[this.#index];
  }

  /** How long what is left of the part is; there must be one. */
  get left() {
    this.#length ??= lengthOf(this.part);
    return this.#length - this.#taken;
  }

  /** The rest of the part; there must be one. */
  rest() {
    return this.take(this.left);
  }

  /** At most `most` of the part; after the end, what passes over so many. */
  take(most) {
    const { part } = this;
    if (!part) return { retain: most };
    const size = Math.min(most, this.left);
    const whole = size === this.#length;
    const last = size === this.left;
    const piece = whole ? part : this.#cut(part, size, last);
    if (last) {
      this.#index++;
      this.#taken = this.#offset = 0;
      this.#length = null;
    } else {
      this.#taken += size;
    }
    return piece;
  }

  /** The next pieces, `count` long together. */
  *pieces(count) {
    while (count) {
      const piece = this.take(count);
      count -= lengthOf(piece);
      yield piece;
    }
  }

  #cut({ insert, retain, attributes }, size, last) {
    if (insert !== undefined) {
      const end = last ? insert.length : advance(insert, this.#offset, size);
      const text = insert.slice(this.#offset, end);
      this.#offset = end;
      return withAttributes({ insert: text }, attributes);
    }
    if (retain !== undefined) return withAttributes({ retain: size }, attributes);
    return { delete: size };
  }
}

/** The runs of a document from `start` up to `end`. */
export function cutOut(content, start, end) {
  const reader = new Reader(content);
  for (const _ of reader.pieces(start));
  return [...reader.pieces(end - start)];
}

/**
 * Puts a canonical operation together, part after part. Neighbours that can be one become one, and
 * at one place insertions come before the deletion, in the order in which they were given: this is
 * what `push` of quill-delta does.
 */
export class Builder {
  #parts = [];
  /** The run of text, the deletion and what is passed over last, which may still grow. */
  #text = "";
  #attributes;
  #deleted = 0;
  #kept = 0;
  #keptAttributes;

  push({ insert, retain, delete: deleted, attributes }) {
    if (insert !== undefined) this.insert(insert, attributes);
    else if (retain !== undefined) this.retain(retain, attributes);
    else this.delete(deleted);
  }

  insert(inserted, attributes) {
    if (inserted === "") return;
    this.#endKept();
    attributes = orNone(attributes);
    if (typeof inserted !== "string") {
      this.#endText();
      this.#parts.push(withAttributes({ insert: inserted }, attributes));
      return;
    }
    if (this.#text && !same(this.#attributes, attributes)) this.#endText();
    this.#text += inserted;
    this.#attributes = attributes;
  }

  delete(count) {
    if (!count) return;
    this.#endKept();
    this.#deleted += count;
  }

  retain(count, attributes) {
    if (!count) return;
    this.#endPlace();
    attributes = orNone(attributes);
    if (this.#kept && !same(this.#keptAttributes, attributes)) this.#endKept();
    this.#kept += count;
    this.#keptAttributes = attributes;
  }

  /** The operation; nothing is passed over at its end. */
  finish() {
    this.#endPlace();
    if (this.#keptAttributes) this.#endKept();
    return this.#parts;
  }

  #endText() {
    if (this.#text) this.#parts.push(withAttributes({ insert: this.#text }, this.#attributes));
    this.#text = "";
  }

  #endPlace() {
    this.#endText();
    if (this.#deleted) this.#parts.push({ delete: this.#deleted });
    this.#deleted = 0;
  }

  #endKept() {
    if (this.#kept) this.#parts.push(withAttributes({ retain: this.#kept }, this.#keptAttributes));
    this.#kept = 0;
    this.#keptAttributes = undefined;
  }
}

const orNone = (attributes) =>
  attributes && Object.keys(attributes).length ? attributes : undefined;

const withAttributes = (part, attributes) => (attributes ? { ...part, attributes } : part);
