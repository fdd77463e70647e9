/**
 * The `text` type: the operations of ot-text-unicode, which does the work, and what an editor needs
 * beside them.
 *
 * An operation is a list of parts from the start of the text on: `5` passes over 5 code points,
 * `"abc"` inserts, `{d: "xyz"}` or `{d: 3}` deletes. Positions and lengths count Unicode code
 * points.
 *
 * @typedef {Array<number | string | {d: number | string}>} TextOp
 * @typedef {import("./codepoints.js").PairIndex} PairIndex
 * @typedef {"left" | "right"} Side which of two insertions at one place goes first
 */

import { type as library } from "ot-text-unicode";
import { countCodePoints } from "./codepoints.js";

/** What no document may have in it: halves of surrogate pairs, and U+0000. */
export const UNFIT = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]|\0/g;

export const text = {
  name: "text",

  /** Whether an operation can be inverted without the document, where it carries what it deletes. */
  invertibleAlone: true,

  /** @param {string} [content] */
  create: (content = "") => content,

  /** @type {(content: string, op: TextOp) => string} */
  apply: (content, op) => library.apply(content, op),

  /**
   * `op` as it must be once `other`, made on the same text, has been applied.
   * `apply(apply(t, a), transform(b, a, "right")) == apply(apply(t, b), transform(a, b, "left"))`
   *
   * @type {(op: TextOp, other: TextOp, side: Side) => TextOp}
   */
  transform: (op, other, side) => library.transform(op, other, side),

  /**
   * The side of an edit that is committed after a concurrent one by another client.
   *
   * @type {(clientId: string, otherClientId: string) => Side}
   */
  side: (clientId, otherClientId) => (clientId < otherClientId ? "left" : "right"),

  /**
   * One operation that does `first`, then `second`.
   *
   * @type {(first: TextOp, second: TextOp) => TextOp}
   */
  compose: (first, second) => library.compose(first, second),

  /** What undoes `op`; `op` must carry what it deletes. @type {(op: TextOp) => TextOp} */
  invert: (op) => library.invert(op),

  /** The canonical form of an operation that is otherwise sound. @type {(op: TextOp) => TextOp} */
  normalize: (op) => library.normalize(copy(op)),

  /** What an operation inserts, for a person to read or copy. @type {(op: TextOp) => string} */
  textOf: (op) => op.filter((part) => typeof part === "string").join(""),

  /**
   * An operation as it is sent: without what would make it long, and the server knows.
   *
   * @type {(op: TextOp) => TextOp}
   */
  toSend: (op) => op,

  /** The operation that inserts a text. @type {(position: number, inserted: string) => TextOp} */
  insertion: (position, inserted) => (position ? [position, inserted] : [inserted]),

  /** The operation that deletes. @type {(position: number, length: number) => TextOp} */
  deletion: (position, length) => (position ? [position, { d: length }] : [{ d: length }]),

  isNoop: (op) => op.length === 0,

  /** Whether `op` carries what it deletes. @type {(op: TextOp) => boolean} */
  isInvertible: (op) => library.isInvertible(op),

  /** `op` with what it deletes in it. @type {(op: TextOp, content: string) => TextOp} */
  invertible: (op, content) => library.makeInvertible(copy(op), content),

  /**
   * Where a position is after `op`.
   *
   * @param {number} position
   * @param {TextOp} op
   * @param {boolean} [after] whether it goes behind what is inserted at itself
   */
  transformPosition(position, op, after = false) {
    if (!after) return library.transformPosition(position, op);
    let at = 0;
    for (const part of op) {
      if (at > position) break;
      if (typeof part === "number") {
        at += part;
      } else if (typeof part === "string") {
        const length = countCodePoints(part);
        at += length;
        position += length;
      } else {
        position -= Math.min(deleted(part), position - at);
      }
    }
    return position;
  },

  /**
   * Refuse an operation that is not of canonical form or does not fit.
   *
   * @param {TextOp} op
   * @param {{length: number}} document length in code points
   * @throws {TypeError} which says why
   */
  check(op, { length }) {
    if (!Array.isArray(op)) throw new TypeError("An operation is a list of parts.");
    let before = 0;
    let last = null;
    for (const part of op) {
      const kind = typeof part;
      const size = part?.d ?? part;
      const sound =
        typeof size === "string"
          ? size !== "" && size.search(UNFIT) < 0
          : Number.isSafeInteger(size) && size > 0;
      if (!sound || !["number", "string", "object"].includes(kind) || kind === last) {
        throw new TypeError(`Not a part of a canonical operation: ${JSON.stringify(part)}.`);
      }
      if (kind === "number") before += part;
      if (kind === "object") before += deleted(part);
      last = kind;
    }
    if (last === "number") throw new TypeError("An operation does not end by passing over text.");
    if (before > length) {
      throw new TypeError(`The operation needs ${before} characters; the text has ${length}.`);
    }
  },

  /** Length of a content, code points. @type {(content: string) => number} */
  length: (content) => countCodePoints(content),

  /** By how much an operation makes the text longer, code points. @param {TextOp} op */
  growth(op) {
    let growth = 0;
    for (const part of op) {
      if (typeof part === "string") growth += countCodePoints(part);
      else if (typeof part === "object") growth -= deleted(part);
    }
    return growth;
  },

  /**
   * The operation from one text to another: one replacement between what begins and what ends
   * alike.
   *
   * @type {(before: string, after: string) => TextOp}
   */
  difference(before, after) {
    const shorter = Math.min(before.length, after.length);
    let start = 0;
    while (start < shorter && before[start] === after[start]) start++;
    let end = 0;
    while (end < shorter - start && before.at(-1 - end) === after.at(-1 - end)) end++;
    if (cutsPair(before, start) || cutsPair(after, start)) start--;
    if (cutsPair(before, before.length - end) || cutsPair(after, after.length - end)) end--;
    const removed = before.slice(start, before.length - end);
    const inserted = after.slice(start, after.length - end);
    const op = [];
    if (start && (removed || inserted)) op.push(countCodePoints(before.slice(0, start)));
    if (inserted) op.push(inserted);
    if (removed) op.push({ d: removed });
    return op;
  },

  /**
   * An operation in two, of which the first keeps to limits: `compose(first, rest)` is `op`.
   *
   * @param {TextOp} op
   * @param {{parts: number, size: number}} limits number of parts; UTF-8 bytes of all texts in it
   * @returns {[TextOp, TextOp]} rest is `[]` where all of it keeps to the limits
   */
  split(op, { parts, size }) {
    const first = [];
    let room = size;
    for (const [index, part] of op.entries()) {
      const piece = prefix(part, room);
      if (first.length < parts && piece === part) {
        first.push(part);
        room -= bytes(part);
        continue;
      }
      const rest = op.slice(index);
      if (first.length < parts && piece !== null) {
        first.push(piece);
        rest[0] = remainder(part, piece);
      }
      const passed = afterwards(first);
      if (typeof first.at(-1) === "number") first.pop();
      if (passed) {
        if (typeof rest[0] === "number") rest[0] += passed;
        else rest.unshift(passed);
      }
      return [first, rest];
    }
    return [op, []];
  },

  /**
   * An operation as replacements in the UTF-16 offsets of the text before it, in order.
   *
   * @param {TextOp} op
   * @param {PairIndex} index of the text before
   * @returns {{from: number, to: number, insert: string}[]}
   */
  toChanges(op, index) {
    const changes = [];
    let at = 0;
    let change = null;
    for (const part of op) {
      if (typeof part === "number") {
        at += part;
        change = null;
        continue;
      }
      if (!change) {
        const from = index.toUtf16(at);
        change = { from, to: from, insert: "" };
        changes.push(change);
      }
      if (typeof part === "string") {
        change.insert += part;
      } else {
        at += deleted(part);
        change.to = index.toUtf16(at);
      }
    }
    return changes;
  },

  /**
   * The invertible operation of some replacements.
   *
   * @param {{from: number, to: number, removed: string, insert: string}[]} changes in order, in
   *   UTF-16 offsets of the text before
   * @param {PairIndex} index of the text before
   * @returns {TextOp}
   */
  fromChanges(changes, index) {
    const op = [];
    let at = 0;
    for (const { from, to, removed, insert } of changes) {
      if (!removed && !insert) continue;
      const start = index.toCodePoint(from);
      if (start > at) op.push(start - at);
      if (insert) op.push(insert);
      if (removed) op.push({ d: removed });
      at = index.toCodePoint(to);
    }
    return op;
  },
};

const copy = (op) => op.map((part) => (typeof part === "object" ? { ...part } : part));

const deleted = ({ d }) => (typeof d === "number" ? d : countCodePoints(d));

const bytes = (part) => {
  const written = part.d ?? part;
  return typeof written === "string" ? new TextEncoder().encode(written).length : 0;
};

/** As much of a part as its text has room; null where that is nothing. */
function prefix(part, room) {
  if (bytes(part) <= room) return part;
  const written = part.d ?? part;
  const { read } = new TextEncoder().encodeInto(written, new Uint8Array(room));
  if (!read) return null;
  return part.d === undefined ? written.slice(0, read) : { d: written.slice(0, read) };
}

function remainder(part, piece) {
  return part.d === undefined ? part.slice(piece.length) : { d: part.d.slice(piece.d.length) };
}

/** How many code points of the text after `op` lie before where `op` stopped. */
function afterwards(op) {
  let length = 0;
  for (const part of op) {
    if (typeof part === "number") length += part;
    else if (typeof part === "string") length += countCodePoints(part);
  }
  return length;
}

function cutsPair(content, offset) {
  const before = content.charCodeAt(offset - 1);
  const behind = content.charCodeAt(offset);
  return before >= 0xd800 && before < 0xdc00 && behind >= 0xdc00 && behind < 0xe000;
}
